"""Checkpoints: what a log says of itself and signs, its name, size and root (C2SP tlog-checkpoint).

    example.com/behind-the-sofa
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

More lines may follow, of which the format knows nothing. Under the text of a note stand the signatures.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from accord.ledger.notes import Note, OpenedNote, VerifierKey, decode_base64, demand_utf8, encode_base64, verify_note
from accord.ledger.tree import EMPTY_ROOT, HASH_BYTES, MAX_SIZE
from accord.vocabulary.errors import MalformedError, UnprovenError

MAX_ORIGIN_BYTES = 255
"""The longest name of a log that a cosigned message has room for (C2SP tlog-cosignature)."""

_SIZE = re.compile("0|[1-9][0-9]{0,18}")
_CONTROL = re.compile("[\x00-\x1f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A log's head at one size."""

    origin: str
    """The log's name, which no other log has."""
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()
    """More lines, without newlines; nobody but the log's own users knows what they mean."""

    def __post_init__(self) -> None:
        for line in (self.origin, *self.extensions):
            demand_utf8(line)
        if not 0 < len(self.origin.encode()) <= MAX_ORIGIN_BYTES:
            raise MalformedError("A log's name is of the wrong length.", expected=f"1 to {MAX_ORIGIN_BYTES} bytes")
        if any(not line or _CONTROL.search(line) for line in (self.origin, *self.extensions)):
            raise MalformedError("A checkpoint's line is empty or has a control character.", where=self.origin)
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_BYTES:
            raise MalformedError(
                "A checkpoint is of no tree.",
                where=self.origin,
                expected=f"a size of 0 to {MAX_SIZE}, a root of 32 bytes",
            )
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise MalformedError("A checkpoint gives an empty tree a root that it cannot have.", where=self.origin)

    @property
    def text(self) -> str:
        """The text that is signed."""
        return "".join(f"{line}\n" for line in (self.origin, self.size, encode_base64(self.root), *self.extensions))


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint. Raises MalformedError."""
    demand_utf8(text)
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop():
        raise MalformedError("This is no checkpoint.", expected="at least three lines, each with its newline")
    origin, size, root, *extensions = lines
    if _SIZE.fullmatch(size) is None:
        raise MalformedError("A checkpoint's size is no decimal number.", where=origin, got=repr(size[:200]))
    return Checkpoint(origin=origin, size=int(size), root=decode_base64(root), extensions=tuple(extensions))


def open_checkpoint(note: Note, *, origin: str, keys: Iterable[VerifierKey]) -> tuple[Checkpoint, OpenedNote]:
    """The checkpoint of the log with this name, which one of its keys must have signed.

    Raises MalformedError; UnprovenError when none has, or when the checkpoint is of another log, whoever signed it.
    """
    opened = verify_note(note, keys)
    checkpoint = parse_checkpoint(opened.text)
    if checkpoint.origin != origin:
        raise UnprovenError("The checkpoint is another log's.", expected=repr(origin), got=repr(checkpoint.origin))
    return checkpoint, opened
