"""Asking witnesses to cosign a checkpoint (C2SP tlog-witness), all at once, each within bounds of time and size."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from accord.ledger.notes import MAX_NOTE_BYTES, Note, add_signatures
from accord.ledger.policies import Witness
from accord.ledger.reading import TiledTree
from accord.ledger.witness import AddCheckpoint, Answer, Cosigned, Refused, Stale, read_answer
from accord.vocabulary.errors import LedgerError

TIMEOUT_S = 10.0
"""Seconds that a witness has for each step of an answer."""

_TRIES = 3
"""A witness that has cosigned another size meanwhile is asked again."""

Post = Callable[[str, bytes], Answer]
"""Send a body to a URL: the answer. Raises OSError when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Why a witness has not cosigned, in words."""

    witness: str
    reason: str


def ask(
    witnesses: Sequence[Witness], note: Note, tree: TiledTree, known: dict[str, int], post: Post
) -> tuple[Note, tuple[Silence, ...]]:
    """The note with the cosignatures that were given, and why the others were not.

    `known` are the sizes that each witness, by name, cosigned last as far as the log knows.
    """
    asked = [one for one in witnesses if one.url is not None]
    silences = [Silence(witness=one.name, reason="the policy names no URL") for one in witnesses if one.url is None]
    if asked:
        with ThreadPoolExecutor(min(len(asked), 16)) as pool:
            answers = list(pool.map(lambda one: _ask(one, note, tree, known.get(one.name, 0), post), asked))
        for answer in answers:
            if isinstance(answer, Note):
                note = add_signatures(note, answer.signatures)
            else:
                silences.append(answer)
    return note, tuple(silences)


def _ask(witness: Witness, note: Note, tree: TiledTree, old: int, post: Post) -> Note | Silence:
    reason = "it has cosigned other sizes in the meantime, again and again"
    for _ in range(_TRIES):
        # a tree answers one thread at a time
        proof = TiledTree(tree.size, tree.root, tree.read_tile).consistency_proof(old) if old else ()
        request = AddCheckpoint(old_size=old, proof=proof, note=note)
        try:
            answer = post(f"{(witness.url or '').rstrip('/')}/add-checkpoint", request.encode())
            said = read_answer(answer, note, [witness.key])
        except OSError as error:
            return Silence(witness=witness.name, reason=f"it does not answer ({error})")
        except LedgerError as error:
            return Silence(witness=witness.name, reason=f"its answer is none: {error.what}")
        match said:
            case Cosigned():
                return said.note
            case Refused():
                return Silence(witness=witness.name, reason=f"it refuses ({said.status}): {said.reason}")
            case Stale(size=size) if size > tree.size:
                reason = (
                    f"it has cosigned {size} entries of this log, which has {tree.size} here: was the database "
                    "restored from an older copy?"
                )
                return Silence(witness=witness.name, reason=reason)
            case Stale(size=size):
                old = size
    return Silence(witness=witness.name, reason=reason)


def no_answer(error: Exception) -> str:
    """Why there is no answer by HTTP, in words: what a library calls it is its own."""
    import httpx

    if isinstance(error, httpx.TimeoutException):
        return "nothing in time"
    if isinstance(error, httpx.ConnectError):
        return f"no connection: {error}" if str(error) else "no connection"
    return "not HTTP, or cut off"


def post(url: str, body: bytes) -> Answer:
    """Send a request by HTTP. Raises OSError when there is no answer, or none within bounds."""
    import httpx

    try:
        with httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client, client.stream(
            "POST", url, content=body, headers={"Content-Type": "text/plain; charset=utf-8"}
        ) as response:  # fmt: skip
            received = bytearray()
            for block in response.iter_bytes():
                received += block
                if len(received) > MAX_NOTE_BYTES:
                    raise OSError("the answer is too large")
            media_type = response.headers.get("content-type", "")
            return Answer(status=response.status_code, body=bytes(received), media_type=media_type)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ConnectionError(no_answer(error)) from error
