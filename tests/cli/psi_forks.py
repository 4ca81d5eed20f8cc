"""A process that forks for each request to a hub's sessions, and for each check by an organisation; each may be killed.

    python psi_forks.py HUB SECRET        reads a JSON object a line, answers with one, as release_forks.py

`{"name": "answer SESSION REQUEST", "how": ...}` answers a request of three elements by the application that
`accord psi serve` serves, and writes what a client has got at last to `HUB/../answer-REQUEST`.
`{"name": "check WORD WORD ...", "how": ...}` is `accord psi check WORD WORD ...`.
"""

import asyncio
import fcntl
import hashlib
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import forking
from release_forks import answer

from accord.check.psi.group import UNIFORM_BYTES, scalar_of
from accord.check.psi.oprf import blind
from accord.cli.psi.serving import Served, make_app
from accord.web.asgi import Message, Scope

COUNT = 3


def elements(request: str) -> bytes:
    """The same for a request each time."""
    own = [f"{request} {at}".encode() for at in range(COUNT)]
    scalars = [scalar_of(hashlib.sha512(one).digest()[:UNIFORM_BYTES]) for one in own]
    return b"".join(blind(own, scalars))


async def answered(folder: Path, secret: str, session: str, request: str) -> tuple[int, bytes]:
    """Status and body."""
    scope: Scope = {
        "type": "http", "method": "PUT", "path": f"/psi/sessions/{session}/requests/{request}", "query_string": b"",
        "headers": [
            (b"host", b"127.0.0.1"), (b"content-type", b"application/octet-stream"),
            (b"authorization", f"Bearer {secret}".encode()),
        ], "client": ("127.0.0.1", 1),
    }  # fmt: skip
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": elements(request), "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await make_app(Served(folder=folder, names=("127.0.0.1",)))(scope, receive, send)
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:])


def main() -> None:
    """Answer until there is no more to read."""
    folder, secret = Path(sys.argv[1]), sys.argv[2]
    os.environ["ACCORD_TOKEN"] = secret
    # what warms up talks
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    forking.warm()
    sys.stdout.flush()
    os.dup2(out, 1)

    def act(name: str) -> None:
        what, *words = name.split()
        # steps are counted from the first lock on
        with tempfile.TemporaryFile() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
        if what == "check":
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            code = forking.run(["psi", "check", *words])
            assert code == 0, code
            return
        session, request = words
        status, body = asyncio.run(answered(folder, secret, session, request))
        assert status == 200, (status, body)
        (folder.parent / f"answer-{request}").write_bytes(body)

    answer(act)


if __name__ == "__main__":
    main()
    os._exit(0)
