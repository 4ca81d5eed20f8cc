"""What is asked about: a type, a canonical value and the day (UTC) on which it was seen, in one encoding.

"accord-psi-input/v1" 0x00 type 0x00 value 0x00 YYYY-MM-DD, in UTF-8
"""

import codecs
import csv
import io
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from accord.columns.values import SuffixTest, read_value
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.reasons import EXPLANATIONS, Ignored, Rejected

if TYPE_CHECKING:
    import _csv

_BEGIN = b"accord-psi-input/v1\0"

COLUMNS = ("type", "value", "day")
MOST_BYTES = 256 << 20
"""Of a file of an organisation's values."""
MOST_ROWS = 4_000_000

NOTHING = -1
"""What a row asks about that was rejected."""

_SHOWN = 100
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of an organisation's file."""

    line: int
    """Of the file, from 1: where it ends."""
    cells: tuple[str, ...]
    """As they stand there, all columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A row that cannot be asked about."""

    line: int
    column: str
    """Empty: the row as a whole."""
    reason: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """An organisation's file, read. Of its rows only their inputs are kept: there may be millions."""

    header: tuple[str, ...]
    inputs: list[bytes]
    """What is asked about, each once, in the order of the bytes, which says nothing of the file's."""
    rejects: tuple[Reject, ...]
    count: int
    """Of the rows that are asked about."""
    _data: bytes = field(repr=False)
    _met: Mapping[bytes, int] = field(repr=False)
    """Each input, and the how manieth it was that was met."""
    _asks: Sequence[int] = field(repr=False)
    """Of each row that is not blank: which one it asks about, or NOTHING."""

    def rows(self, inputs: Collection[bytes]) -> Iterator[Row]:
        """The rows that ask about some of the inputs, in the order of the file."""
        wanted = {self._met[one] for one in inputs}
        reader = _reader(self._data)
        next(reader)
        for asks, cells in zip(self._asks, filter(_has_text, reader), strict=True):
            if asks in wanted:
                yield Row(line=reader.line_num, cells=tuple(cells))


def encode_input(kind: str, value: str, day: str) -> bytes:
    """The encoding; `value` is canonical, `day` as ISO 8601 has it."""
    return _BEGIN + b"\0".join((kind.encode(), value.encode(), day.encode()))


def read_sheet(data: bytes, where: str, is_public_suffix: SuffixTest) -> Sheet:
    """A CSV file (RFC 4180) whose header names the columns type, value and day, whatever else it has.

    A row that is wrong is rejected, and the others count. Raises RefusedFileError for a file that is none.
    """
    if len(data) > MOST_BYTES:
        raise _refused("The file is too large.", where, f"at most {MOST_BYTES:,} bytes", f"{len(data):,}")
    _demand_text(data, where)
    reader = _reader(data)
    try:
        return _read(data, reader, where, is_public_suffix)
    except csv.Error as error:
        raise _refused("The file is not CSV.", f"{where}, line {reader.line_num}", "RFC 4180", str(error)) from error


def _demand_text(data: bytes, where: str) -> None:
    """A piece at a time, because a text takes four times the room of its bytes where a single letter needs it."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for begin in range(0, max(len(data), 1), _PIECE):
        piece = data[begin : begin + _PIECE]
        try:
            decoder.decode(piece, final=begin + _PIECE >= len(data))
        except UnicodeDecodeError as error:
            # what it looked at begins with what was left of the piece before
            at = begin + len(piece) - len(error.object) + error.start
            raise _refused("The file is no text.", where, "UTF-8", f"byte {at}") from error


def _reader(data: bytes) -> "_csv.Reader":
    return csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", newline=""), strict=True)


def _has_text(cells: Sequence[str]) -> bool:
    return any(one.strip() for one in cells)


def _read(data: bytes, reader: "_csv.Reader", where: str, is_public_suffix: SuffixTest) -> Sheet:
    header = tuple(next(reader, ()))
    names = [one.strip().lower() for one in header]
    if any(names.count(one) != 1 for one in COLUMNS):
        raise _refused(
            "The file's header does not name each of its columns once.",
            f"{where}, line 1",
            ", ".join(COLUMNS),
            ", ".join(header)[:_SHOWN] or "nothing",
        )
    places = [names.index(one) for one in COLUMNS]
    met: dict[bytes, int] = {}
    asks = array("i")
    rejects: list[Reject] = []
    for cells in filter(_has_text, reader):
        if len(asks) >= MOST_ROWS:
            raise _refused("The file has too many rows.", where, f"at most {MOST_ROWS:,}", "more")
        read: bytes | tuple[str, str] = "", f"{len(cells)} cells, where the header has {len(header)}"
        if len(cells) == len(header):
            read = _input([cells[at] for at in places], is_public_suffix)
        if isinstance(read, bytes):
            asks.append(met.setdefault(read, len(met)))
            continue
        asks.append(NOTHING)
        column, why = read
        text = cells[places[COLUMNS.index(column)]] if column else ",".join(cells)
        rejects.append(Reject(line=reader.line_num, column=column, reason=why, text=text[:_SHOWN]))
    return Sheet(
        header=header,
        inputs=sorted(met),
        rejects=tuple(rejects),
        count=len(asks) - len(rejects),
        _data=data,
        _met=met,
        _asks=asks,
    )


def _input(said: Sequence[str], is_public_suffix: SuffixTest) -> bytes | tuple[str, str]:
    """The input of a row, or the column that is wrong, and why."""
    kind, value, day = (one.strip() for one in said)
    try:
        wanted = IndicatorType(kind.lower())
    except ValueError:
        return "type", f"none of {', '.join(IndicatorType)}"
    found = read_value(value, is_public_suffix, frozenset({wanted}))
    if not isinstance(found, Indicator):
        return "value", _explained(found)
    try:
        read = date.fromisoformat(day)
    except ValueError:
        read = None
    if read is None or read.isoformat() != day:
        return "day", "no day such as 2026-11-27 (UTC)"
    return encode_input(found.kind, found.value, day)


def _explained(reason: Rejected | Ignored) -> str:
    return EXPLANATIONS.get(reason, str(reason))


def _refused(what: str, where: str, expected: str, got: str) -> RefusedFileError:
    return RefusedFileError(
        what, where=where, expected=expected, got=got, remedy="docs/psi.md shows what a file looks like"
    )
