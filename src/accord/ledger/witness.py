"""Witnesses: what a log sends one, what it answers, and how it decides (C2SP tlog-witness).

A witness remembers of each log the largest tree that it has cosigned. It cosigns a newer one only if the older is
proven to be its beginning, so that a log that shows different trees to different people is found out. The body of a
request:

    old 20852014
    PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
    (... the consistency proof, one hash a line)

    example.com/behind-the-sofa
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeO...
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from accord.ledger.checkpoints import Checkpoint, parse_checkpoint
from accord.ledger.notes import (
    MAX_NOTE_BYTES,
    Note,
    Signature,
    SigningKey,
    Verified,
    VerifierKey,
    add_signatures,
    decode_base64,
    encode_base64,
    parse_note,
    parse_signature,
    verify_note,
)
from accord.ledger.tree import EMPTY_ROOT, HASH_BYTES, MAX_SIZE, verify_consistency
from accord.vocabulary.errors import MalformedError, UnprovenError

MAX_PROOF_LINES = 63
MAX_REQUEST_BYTES = MAX_NOTE_BYTES + 4096
"""More is refused; the proof and its first line take less than 4,096 bytes."""
SIZE_TYPE = "text/x.tlog.size"
"""The media type of an answer that tells the size that a witness has cosigned."""
TEXT_TYPE = "text/plain; charset=utf-8"

_OLD = re.compile("old (0|[1-9][0-9]{0,18})")
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """The request that a witness cosign a checkpoint."""

    old_size: int
    """The size that the witness has cosigned, as far as the log knows; 0: none."""
    proof: tuple[bytes, ...]
    """The consistency proof from that size to the checkpoint's."""
    note: Note
    """The checkpoint, signed by the log and possibly by others."""

    def __post_init__(self) -> None:
        if not 0 <= self.old_size <= MAX_SIZE or len(self.proof) > MAX_PROOF_LINES:
            raise MalformedError(
                "This is no request to a witness.", expected=f"a size, at most {MAX_PROOF_LINES} hashes"
            )
        if any(len(one) != HASH_BYTES for one in self.proof):
            raise MalformedError("A hash of the request's proof is none.", expected="32 bytes")

    def encode(self) -> bytes:
        """The request's body."""
        lines = [f"old {self.old_size}", *map(encode_base64, self.proof), "", ""]
        return "\n".join(lines).encode() + self.note.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The largest tree of a log that a witness has cosigned."""

    size: int = 0
    root: bytes = EMPTY_ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer as it goes over the wire."""

    status: int
    body: bytes
    media_type: str = TEXT_TYPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The witness does not cosign."""

    answer: Answer
    reason: str
    misbehaviour: bool = False
    """The log has signed what cannot follow on what it signed before: keep the request, it is evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The witness may cosign `note`, once it has put down `new` in place of `old`.

    Both steps are one: only where `old` still stands may `new` be written, and only what was written is answered.
    Otherwise two requests at once could take a log back to a smaller tree.
    """

    origin: str
    old: Head
    new: Head
    note: Note

    def answer(self, keys: Sequence[SigningKey], posix_s: int) -> Answer:
        """The answer with the cosignatures of the witness's keys, at a time in seconds since 1970-01-01 UTC."""
        return Answer(status=200, body="".join(key.cosign(self.note.text, posix_s).line for key in keys).encode())


def parse_request(body: bytes) -> AddCheckpoint:
    """Read the body of an `add-checkpoint` request. Raises MalformedError."""
    if len(body) > MAX_REQUEST_BYTES:
        raise MalformedError("The request is too large.", expected=f"at most {MAX_REQUEST_BYTES:,} bytes")
    head, parting, note = body.partition(b"\n\n")
    try:
        first, *proof = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError("The request's proof is not ASCII.", got=f"byte {error.start}") from error
    old = _OLD.fullmatch(first)
    if old is None or not parting:
        raise MalformedError("This is no request to a witness.", expected="`old <size>`, a proof, and a checkpoint")
    hashes = tuple(decode_base64(line) for line in proof[: MAX_PROOF_LINES + 1])
    return AddCheckpoint(old_size=int(old[1]), proof=hashes, note=parse_note(note))


def decide(
    body: bytes,
    *,
    keys_of: Callable[[str], Iterable[VerifierKey] | None],
    head_of: Callable[[str], Head | None],
) -> Acceptance | Refusal:
    """What a witness does about a request, in the order of the specification; and whatever is sent, it raises nothing.

    `keys_of` gives the keys that are trusted for a log's name, None where the log is unknown; `head_of` the largest
    tree of it that was cosigned, None where none was. What they raise passes through. 400: malformed. 404: an unknown
    log. 403: no trusted signature. 409: not the size that was cosigned, or another root at that size. 422: no proof.
    """
    try:
        request = parse_request(body)
        checkpoint = parse_checkpoint(request.note.text)
    except MalformedError as error:
        return _refuse(400, error.what)
    keys = keys_of(checkpoint.origin)
    if keys is None:
        return _refuse(404, "unknown log")
    try:
        verify_note(request.note, keys)
    except UnprovenError as error:
        return _refuse(403, f"invalid signature: {error.what}")
    if request.old_size > checkpoint.size:
        return _refuse(400, "the old size is larger than the checkpoint's")
    known = head_of(checkpoint.origin) or Head()
    if request.old_size != known.size:
        stale = Answer(status=409, body=b"%d\n" % known.size, media_type=SIZE_TYPE)
        return Refusal(answer=stale, reason=f"the size cosigned is {known.size}, not {request.old_size}")
    if known.size == checkpoint.size and known.root != checkpoint.root:
        return _refuse(409, "another root was cosigned at this size", misbehaviour=True)
    try:
        _verify_extension(known, checkpoint, request.proof)
    except UnprovenError as error:
        # no proof that the log is at fault: anybody can send a wrong proof with a checkpoint that was published
        return _refuse(422, f"consistency proof: {error.what}")
    new = Head(size=checkpoint.size, root=checkpoint.root)
    return Acceptance(origin=checkpoint.origin, old=known, new=new, note=request.note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """The witness has cosigned."""

    note: Note
    """The checkpoint with the verified cosignatures under it."""
    verified: tuple[Verified, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """The witness has cosigned another size: send the proof from there."""

    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The witness does not cosign, and says why."""

    status: int
    reason: str


def read_answer(answer: Answer, note: Note, keys: Iterable[VerifierKey]) -> Cosigned | Stale | Refused:
    """What a witness's answer to a checkpoint means to the log that asked.

    `keys` are the witness's; cosignatures of others are passed over. Raises MalformedError when it is no answer,
    UnprovenError when a cosignature does not hold.
    """
    if answer.status == 409 and answer.media_type.partition(";")[0].strip() == SIZE_TYPE:
        size = _SIZE.fullmatch(answer.body)
        if size is None or int(size[1]) > MAX_SIZE:
            raise MalformedError("A witness's answer tells no size.", expected="a decimal number and a newline")
        return Stale(size=int(size[1]))
    if answer.status != 200:
        reason = answer.body[:200].decode("utf-8", "backslashreplace").strip()
        return Refused(status=answer.status, reason=reason)
    cosigned = Note(text=note.text, signatures=parse_cosignatures(answer.body))
    opened = verify_note(cosigned, keys)
    trusted = {(one.key.name, one.key.key_id) for one in opened.verified}
    added = [one for one in cosigned.signatures if (one.name, one.key_id) in trusted]
    return Cosigned(note=add_signatures(note, added), verified=opened.verified)


def parse_cosignatures(body: bytes) -> tuple[Signature, ...]:
    """The signature lines of an answer, not verified. Raises MalformedError."""
    try:
        lines = body.decode().split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError("A witness's answer is not UTF-8.", got=f"byte {error.start}") from error
    if len(body) > MAX_NOTE_BYTES or len(lines) < 2 or lines.pop():
        raise MalformedError("A witness's answer is no list of signatures.", expected="lines, each with its newline")
    return tuple(parse_signature(line) for line in lines)


def _verify_extension(known: Head, checkpoint: Checkpoint, proof: Sequence[bytes]) -> None:
    """Verify that the checkpoint's tree begins with the one cosigned; an empty one has no proof."""
    if known.size == 0:
        if proof:
            raise UnprovenError("The proof is too long: the old size is 0.", expected="no hash", got=f"{len(proof)}")
        return
    verify_consistency(old=known.size, new=checkpoint.size, old_root=known.root, new_root=checkpoint.root, proof=proof)


def _refuse(status: int, reason: str, *, misbehaviour: bool = False) -> Refusal:
    return Refusal(answer=Answer(status=status, body=f"{reason}\n".encode()), reason=reason, misbehaviour=misbehaviour)
