"""What is asked about: a type, a canonical value and the day (UTC) on which it was seen, in one encoding.

"accord-psi-input/v1" 0x00 type 0x00 value 0x00 YYYY-MM-DD, in UTF-8
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
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

_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of an organisation's file."""

    line: int
    """Of the file, from 1: where it ends."""
    cells: tuple[str, ...]
    """As they stand there, all columns."""
    input: bytes


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
    """An organisation's file, read."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]
    rejects: tuple[Reject, ...]

    @property
    def inputs(self) -> list[bytes]:
        """What is asked about, each once, in the order of the bytes, which says nothing of the file's."""
        return sorted({one.input for one in self.rows})


def encode_input(kind: str, value: str, day: str) -> bytes:
    """The encoding; `value` is canonical, `day` as ISO 8601 has it."""
    return _BEGIN + b"\0".join((kind.encode(), value.encode(), day.encode()))


def read_sheet(data: bytes, where: str, is_public_suffix: SuffixTest) -> Sheet:
    """A CSV file (RFC 4180) whose header names the columns type, value and day, whatever else it has.

    A row that is wrong is rejected, and the others count. Raises RefusedFileError for a file that is none.
    """
    if len(data) > MOST_BYTES:
        raise _refused("The file is too large.", where, f"at most {MOST_BYTES:,} bytes", f"{len(data):,}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused("The file is no text.", where, "UTF-8", f"byte {error.start}") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return _read(reader, where, is_public_suffix)
    except csv.Error as error:
        raise _refused("The file is not CSV.", f"{where}, line {reader.line_num}", "RFC 4180", str(error)) from error


def _read(reader: "_csv.Reader", where: str, is_public_suffix: SuffixTest) -> Sheet:
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
    rows: list[Row] = []
    rejects: list[Reject] = []
    for cells in reader:
        if not any(one.strip() for one in cells):
            continue
        if len(rows) + len(rejects) >= MOST_ROWS:
            raise _refused("The file has too many rows.", where, f"at most {MOST_ROWS:,}", "more")
        if len(cells) != len(header):
            why = f"{len(cells)} cells, where the header has {len(header)}"
            rejects.append(Reject(line=reader.line_num, column="", reason=why, text=",".join(cells)[:_SHOWN]))
            continue
        read = _input([cells[at] for at in places], is_public_suffix)
        if isinstance(read, bytes):
            rows.append(Row(line=reader.line_num, cells=tuple(cells), input=read))
        else:
            column, why = read
            text = cells[places[COLUMNS.index(column)]][:_SHOWN]
            rejects.append(Reject(line=reader.line_num, column=column, reason=why, text=text))
    return Sheet(header=header, rows=tuple(rows), rejects=tuple(rejects))


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
