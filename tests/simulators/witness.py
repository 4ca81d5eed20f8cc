"""A witness at its real interface: HTTP on loopback, C2SP tlog-witness, its heads in memory."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from accord.ledger.notes import SignatureType, SigningKey, VerifierKey
from accord.ledger.witness import Acceptance, Answer, Head, decide


class Witness:
    """One witness; `fault` is what it answers instead, None: it does as it should."""

    def __init__(self, name: str, log: VerifierKey) -> None:
        self.key = SigningKey(name=name, type=SignatureType.COSIGNATURE_V1, seed=secrets.token_bytes(32))
        self.heads: dict[str, Head] = {}
        self.asked = 0
        self.fault: Answer | None = None
        self.url = ""
        self._log = log
        self._lock = threading.Lock()

    def answer(self, body: bytes) -> Answer:
        with self._lock:
            self.asked += 1
            if self.fault is not None:
                return self.fault
            known = {self._log.name: [self._log]}
            decision = decide(body, keys_of=known.get, head_of=self.heads.get)
            if not isinstance(decision, Acceptance):
                return decision.answer
            self.heads[decision.origin] = decision.new
            return decision.answer([self.key], posix_s=1_795_000_000 + self.asked)


@contextmanager
def served(witness: Witness) -> Iterator[Witness]:
    """The witness behind a URL on loopback while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = witness.answer(body) if self.path == "/w/add-checkpoint" else Answer(status=404, body=b"?\n")
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.media_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    witness.url = f"http://127.0.0.1:{server.server_port}/w/"
    try:
        yield witness
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
