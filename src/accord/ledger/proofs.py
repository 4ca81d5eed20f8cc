"""Proofs to take away: an entry's index, its inclusion proof and the checkpoint, in one text (C2SP tlog-proof).

    c2sp.org/tlog-proof@v1
    index 73894
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
    B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
    (... one hash a line, from the leaf upwards)

    fusion.example/ledger
    109482
    sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

    — fusion.example/ledger hI2DJw...

With the entry itself and a policy it can be verified for ever, without asking anybody.
"""

import re
from dataclasses import dataclass

from accord.ledger.checkpoints import Checkpoint
from accord.ledger.notes import MAX_NOTE_BYTES, Note, decode_base64, encode_base64, parse_note
from accord.ledger.policies import Policy
from accord.ledger.tree import HASH_BYTES, MAX_SIZE, leaf_hash, verify_inclusion
from accord.vocabulary.errors import MalformedError

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF_LINES = 63
MAX_EXTRA_BYTES = 1 << 20

_INDEX = re.compile("index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProof:
    """The proof that something is entry `index` of the log whose checkpoint it holds."""

    index: int
    hashes: tuple[bytes, ...]
    """The inclusion proof, from the leaf upwards."""
    checkpoint: Note
    extra: bytes | None = None
    """What the application adds; nothing vouches for it. None: no such line."""

    def __post_init__(self) -> None:
        if not 0 <= self.index < MAX_SIZE or len(self.hashes) > MAX_PROOF_LINES:
            raise MalformedError(
                "This is no proof of an entry.", expected=f"an index, and at most {MAX_PROOF_LINES} hashes"
            )
        if any(len(one) != HASH_BYTES for one in self.hashes):
            raise MalformedError("A hash of the proof is none.", expected="32 bytes")
        if self.extra is not None and len(self.extra) > MAX_EXTRA_BYTES:
            raise MalformedError("A proof's extra data is too large.", expected=f"at most {MAX_EXTRA_BYTES:,} bytes")

    def encode(self) -> bytes:
        """The text, as a file `.tlog-proof` holds it."""
        extra = [] if self.extra is None else [f"extra {encode_base64(self.extra)}"]
        lines = [HEADER, *extra, f"index {self.index}", *map(encode_base64, self.hashes), "", ""]
        return "\n".join(lines).encode() + self.checkpoint.encode()

    def verify(self, entry: bytes, policy: Policy) -> Checkpoint:
        """Verify that `entry` is in a log as the policy demands: the checkpoint that proves it.

        Raises MalformedError and UnprovenError.
        """
        checkpoint, _ = policy.verify(self.checkpoint)
        verify_inclusion(
            leaf=leaf_hash(entry), index=self.index, size=checkpoint.size, proof=self.hashes, root=checkpoint.root
        )
        return checkpoint


def parse_proof(data: bytes) -> LogProof:
    """Read a proof without believing it. Raises MalformedError."""
    if len(data) > MAX_NOTE_BYTES + 2 * MAX_EXTRA_BYTES:
        raise MalformedError("The proof is too large.")
    head, parting, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError("The proof's head is not ASCII.", got=f"byte {error.start}") from error
    if lines.pop(0) != HEADER or not parting:
        raise MalformedError("This is no proof of a log.", expected=f"{HEADER}, then the proof and a checkpoint")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = decode_base64(lines.pop(0).removeprefix("extra "))
    index = _INDEX.fullmatch(lines[0]) if lines else None
    if index is None:
        raise MalformedError("The proof names no entry.", expected="a line `index <number>`")
    hashes = tuple(decode_base64(line) for line in lines[1 : MAX_PROOF_LINES + 2])
    return LogProof(index=int(index[1]), hashes=hashes, checkpoint=parse_note(note), extra=extra)
