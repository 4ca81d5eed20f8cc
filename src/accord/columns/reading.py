"""The contract between intake and a format: what a format gets, and what it must give back.

A format is one module under `accord.formats` that holds these names (its catalogue line points at it):

    NAME: str                    the word used in `format = "..."`
    TITLE: str                   one line for people
    GRAIN: "lines" | "document" | "either"
        lines: whole lines in chunks; document: one member at once; either: each member's start tells which
    recognises(head: bytes, path: str) -> bool
        does a member that starts like this look like this format? `head` is at most HEAD_LIMIT bytes,
        without a byte-order mark; never raises
    lines:
        layout(head: bytes, path: str, context: Context) -> object
            once a member, before its first chunk: what later chunks need (column positions); raises
            RefusedFileError for a member that cannot be this format
        parse(chunk: Chunk, context: Context) -> Parsed
        shortcut(layout: object, context: Context) -> Shortcut | None
            may be missing; None: lines of this layout are for `parse` alone
    document:
        parse(document: Document, context: Context) -> Parsed
            raises RefusedFileError for a member that cannot be read as a whole
    either:
        grain(head: bytes) -> "lines" | "document"
        layout as for lines, and a `parse` that takes a Chunk or a Document

`parse` is a pure function of its arguments; it runs in several threads at once. Where members of one delivery say
something of each other, `parse` gives it as `Parsed.aside`, and the module has

    hold_together(asides: Sequence[object]) -> Sequence[str]
        what does not agree between them, in words: notes in the account
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, ModuleType
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.mapping import Columns
from accord.columns.schema import OBSERVATIONS, REJECTS, RESOLUTIONS

HEAD_LIMIT = 65_536
"""Bytes of a member's start that `recognises` and `layout` see."""

DOCUMENT_LIMIT = 256 * 1024 * 1024
"""Bytes of one document (a JSON member must be held whole); a larger one is refused."""

DOCUMENT_VALUES = 1 << 24
"""JSON values of one document, about: `[{},{},...]` takes thirty times its bytes when it is held. Events and objects
have a value each 18 bytes or more, so that a document of DOCUMENT_LIMIT has no more than these."""

DOCUMENT_ROWS = 1 << 22
"""Observations, resolutions and rejects that one document may give: of real ones each has sixty bytes and more."""

LINE_VALUES = 1 << 20
"""JSON values of one line, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a format may know besides the bytes."""

    is_public_suffix: Callable[[str], bool]
    """Is this A-label domain itself a public suffix of the ICANN section? (`com`, `co.uk`; not `github.io`)"""
    has_known_suffix: Callable[[str], bool]
    """Does this A-label domain end in a top-level domain that exists? Free text needs it: `setup.exe` does not."""
    columns: tuple[Columns, ...] = ()
    """Mappings for the `csv` format; the first whose columns are all in the header is taken."""
    rule_fields: tuple[str, ...] = ()
    """Fields that the data set's rules look at; `Parsed.observations` carries a column `field:<name>` for each."""
    are_public_suffixes: Callable[[pa.StringArray], npt.NDArray[np.bool_]] | None = None
    """`is_public_suffix` for many names at once; None: it is asked name by name."""

    def public_suffixes(self, names: pa.StringArray) -> npt.NDArray[np.bool_]:
        """Which of these canonical domains are public suffixes."""
        if self.are_public_suffixes is not None:
            return self.are_public_suffixes(names)
        return np.array([self.is_public_suffix(name) for name in names.to_pylist()], np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """What the lines of one layout nearly always are: one address at one time, and columns that say what it is.

    With it `columns.premerge` takes such lines without the format, which still reads all others. A format that offers
    one (`shortcut(layout, context) -> Shortcut | None` beside `parse`) promises: a line of `columns` sound columns
    (RFC 4180) with a good time, a routable address, and no bad count or port gives exactly one observation, of that
    address at that time; and its role, family, marking and rule fields follow from the bytes of the label columns.
    """

    columns: int
    """How many columns a line must have."""
    delimiter: str
    timestamp: int
    address: int
    count: int | None
    """Column of the number of sightings; empty cells stand for one."""
    port: int | None
    role: str | None
    """The role of every line; None: the label columns or the data set's rules decide."""
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One member's lines within a chunk: bytes `start` to `end` of the chunk's data."""

    member: int
    path: str
    """Path of the file relative to the operation's root, and `!/` and the member's name inside an archive."""
    start: int
    end: int
    first_line: int
    """1-based number, in the member, of the first line of this part."""
    layout: object = None
    """What the format's `layout` gave for this member."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Whole lines of one or several members of one delivery (small members travel together)."""

    data: npt.NDArray[np.uint8]
    """The bytes; every part ends at a line end or at its member's end. No byte-order mark."""
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One member, whole."""

    member: int
    path: str
    data: bytes
    """Without a byte-order mark; at most DOCUMENT_LIMIT bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a format made of a chunk or document.

    Every record is accounted for: records = distinct (member, record) of observations and resolutions
    + sum of ignored + rejects that are not partial. Intake checks it.
    """

    records: int
    observations: pa.RecordBatch = field(default_factory=lambda: pa.RecordBatch.from_pylist([], schema=OBSERVATIONS))
    resolutions: pa.RecordBatch = field(default_factory=lambda: pa.RecordBatch.from_pylist([], schema=RESOLUTIONS))
    rejects: pa.RecordBatch = field(default_factory=lambda: pa.RecordBatch.from_pylist([], schema=REJECTS))
    ignored: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    aside: object = None
    """What other members of the delivery are held against (`hold_together`); None: nothing."""


class LineFormat(Protocol):
    """A format module whose records are lines."""

    NAME: str
    TITLE: str
    GRAIN: str

    def recognises(self, head: bytes, path: str) -> bool:
        """Does a member that starts like this look like this format?"""

    def layout(self, head: bytes, path: str, context: Context) -> object:
        """Make out, once a member, what its chunks need."""

    def parse(self, chunk: Chunk, context: Context) -> Parsed:
        """Read a chunk of whole lines."""


class DocumentFormat(Protocol):
    """A format module whose members are read whole."""

    NAME: str
    TITLE: str
    GRAIN: str

    def recognises(self, head: bytes, path: str) -> bool:
        """Does a member that starts like this look like this format?"""

    def parse(self, document: Document, context: Context) -> Parsed:
        """Read one document."""


class EitherFormat(Protocol):
    """A format module whose members are lines or documents, as each one's start tells."""

    NAME: str
    TITLE: str
    GRAIN: str

    def recognises(self, head: bytes, path: str) -> bool:
        """Does a member that starts like this look like this format?"""

    def grain(self, head: bytes) -> str:
        """Is a member that starts like this lines or a document?"""

    def layout(self, head: bytes, path: str, context: Context) -> object:
        """Make out, once a member of lines, what its chunks need."""

    def parse(self, read: Chunk | Document, context: Context) -> Parsed:
        """Read a chunk of whole lines, or one document."""


def values_in(data: bytes) -> int:
    """About how many values a JSON text has: no fewer than it has, but for the outermost."""
    return data.count(b",") + data.count(b"[") + data.count(b"{")


def grain_of(module: ModuleType, head: bytes) -> str:
    """How `module` reads a member that starts like this: as "lines" or as a "document"."""
    return str(module.grain(head) if module.GRAIN == "either" else module.GRAIN)
