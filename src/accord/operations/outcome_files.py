"""outcomes.csv as it comes back: filled in by people, in spreadsheets, and saved in whatever way those save.

    finding_id;type;value;role;asn;network_owner;marking;review;simulated;outcome;date;note
    3f0c…;ipv4;203.0.113.7;c2-server;64500;Example Net;amber;false;false;done;2026-11-23;"Switched off;
    disk kept"

Taken are commas, semicolons and tabs, UTF-8 with or without a byte-order mark and UTF-16 with one, any line ends, a
first line `sep=;`, columns in any order and others beside them. Of each row the columns of COLUMNS count and nothing
else. One leading apostrophe is taken off a cell, which is how a report is written (docs/outputs.md).
"""

import codecs
import csv
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from accord.columns.builder import shorten
from accord.operations.outcomes import ID_BYTES, Answer, Reject, Said, Unfit
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.outcomes import Outcome

COLUMNS = ("finding_id", "outcome", "date", "note")
"""The columns that count."""

MAX_BYTES = 64 << 20
"""Of a file. A larger one is sent in parts: what stands in the end is the same."""

MAX_NOTE = 2000
"""Characters of a note."""

EXPLANATIONS: Mapping[Unfit, str] = {
    Unfit.COLUMNS: "it has more or fewer cells than there are headings",
    Unfit.QUOTES: "quotation marks are not closed, or stand where none may",
    Unfit.NOT_UTF_8: "it is not in UTF-8: save the file as CSV UTF-8",
    Unfit.FINDING_ID: "expected: the 64 characters of the report, unchanged",
    Unfit.NO_OUTCOME: f"no outcome; expected one of {', '.join(Outcome)}",
    Unfit.OUTCOME: f"no such outcome; expected one of {', '.join(Outcome)}",
    Unfit.NO_DATE: "no date; expected one such as 2026-11-23",
    Unfit.DATE: "no date; expected one such as 2026-11-23: year, month, day",
    Unfit.FUTURE: "the date has not come yet",
    Unfit.NOTE: f"the note is longer than {MAX_NOTE:,} characters",
    Unfit.NOT_DISCLOSED: "this finding was never handed over to this partner",
}
"""Why a row is not taken, in words."""

_LINE_ENDS = re.compile(r"\r\n|\n|\r")
_SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_ID = re.compile(rf"[0-9a-f]{{{2 * ID_BYTES}}}")
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NO_TEXT = re.compile("[\ud800-\udfff]")

_LONGEST_ROW = 200
"""Lines that a row may have: a note of several lines is one row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where the columns stand."""

    header_line: int
    delimiter: str
    width: int
    places: Mapping[str, int]
    begins: re.Pattern[str]
    """What a line looks like with which another row begins."""


def read_outcomes(data: bytes, name: str) -> Answer:
    """Read what a partner sent back; `name` is the file's, for errors. Raises RefusedFileError when it is no such file.

    A row in which nothing was filled in is ignored, whatever else is wrong with it.
    """
    if len(data) > MAX_BYTES:
        raise RefusedFileError(
            "The file is too large.",
            where=name,
            expected=f"at most {MAX_BYTES:,} bytes",
            got=f"{len(data):,} bytes",
            remedy="delete the rows that are not filled in, or send it in parts",
        )
    lines = _LINE_ENDS.split(_text(data))
    layout = _layout(lines, name)
    records = ignored = 0
    said: list[Said] = []
    rejected: list[Reject] = []
    for number, row in _rows(lines, layout):
        records += 1
        match _read(number, row, layout):
            case None:
                ignored += 1
            case Said() as one:
                said.append(one)
            case Reject() as one:
                rejected.append(one)
    return Answer(
        digest=hashlib.sha256(data).hexdigest(),
        records=records,
        ignored=ignored,
        said=tuple(said),
        rejected=tuple(rejected),
    )


def _text(data: bytes) -> str:
    """The file's text; bytes that are none stand as surrogates, and only where they matter they are refused."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")


def _layout(lines: Sequence[str], name: str) -> _Layout:
    at = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    stated = _SEPARATOR.fullmatch(lines[at].strip(" ")) if at < len(lines) else None
    if stated is not None:
        at += 1
    header = lines[at] if at < len(lines) else ""
    for delimiter in ",;\t" if stated is None else stated[1]:
        cells = _cells(header, delimiter)
        names = [cell.strip().casefold() for cell in cells or ()]
        if all(names.count(column) == 1 for column in COLUMNS):
            return _Layout(
                header_line=at,
                delimiter=delimiter,
                width=len(names),
                places={column: names.index(column) for column in COLUMNS},
                begins=re.compile(rf"""["']*[0-9a-f]{{{2 * ID_BYTES}}}["']*{re.escape(delimiter)}"""),
            )
    raise RefusedFileError(
        "This is no file of outcomes.",
        where=f"{name}, line {at + 1}",
        expected=f"a line of headings with {', '.join(COLUMNS)}, each once, parted by commas, semicolons or tabs",
        got=shorten(header) or "nothing",
        remedy="fill in the outcomes.csv of the report, and save it as CSV UTF-8",
    )


def _cells(text: str, delimiter: str) -> list[str] | None:
    """The cells of one row; None: its quotation marks are wrong."""
    try:
        (cells,) = csv.reader([text], delimiter=delimiter, strict=True)
    except (csv.Error, ValueError, TypeError):
        return None
    return cells


def _rows(lines: Sequence[str], layout: _Layout) -> Iterator[tuple[int, str]]:
    """Each row with the number of its first line. One whose quotes are open ends at the latest where another begins."""
    at = layout.header_line + 1
    end = len(lines) - 1 if not lines[-1] else len(lines)
    while at < end:
        first, text = at, lines[at]
        at += 1
        open_quotes = text.count('"') % 2
        ahead = at
        while open_quotes and ahead < min(end, first + _LONGEST_ROW) and not layout.begins.match(lines[ahead]):
            open_quotes = (open_quotes + lines[ahead].count('"')) % 2
            ahead += 1
        if not open_quotes and ahead > at:
            text, at = "\n".join(lines[first:ahead]), ahead
        yield first + 1, text


def _read(number: int, text: str, layout: _Layout) -> Said | Reject | None:
    """What a row says; None: nothing was filled in."""

    def reject(reason: Unfit, column: str | None, shown: str) -> Reject:
        return Reject(line=number, column=column, reason=reason, text=shorten(shown))

    if not text.strip():
        return None
    cells = _cells(text, layout.delimiter)
    if cells is None:
        return reject(Unfit.QUOTES, None, text)
    if not any(cell.strip() for cell in cells):
        return None
    if len(cells) != layout.width:
        return reject(Unfit.COLUMNS, None, text)
    said = {column: _plain(cells[place]) for column, place in layout.places.items()}
    if not (said["outcome"] or said["date"] or said["note"]):
        return None
    for column, cell in said.items():
        if _NO_TEXT.search(cell):
            return reject(Unfit.NOT_UTF_8, column, cell)
    finding, word, day = said["finding_id"].lower(), _word(said["outcome"]), _day(said["date"])
    if _ID.fullmatch(finding) is None:
        return reject(Unfit.FINDING_ID, "finding_id", said["finding_id"])
    if word not in {one.value for one in Outcome}:
        return reject(Unfit.OUTCOME if word else Unfit.NO_OUTCOME, "outcome", said["outcome"])
    if day is None:
        return reject(Unfit.DATE if said["date"] else Unfit.NO_DATE, "date", said["date"])
    if len(said["note"]) > MAX_NOTE:
        return reject(Unfit.NOTE, "note", said["note"])
    return Said(finding=bytes.fromhex(finding), outcome=Outcome(word), day=day, note=said["note"] or None, line=number)


def _plain(cell: str) -> str:
    """A cell as it was meant: in one line, without what keeps a spreadsheet from running it."""
    return " ".join(_CONTROL.sub(" ", cell).split()).removeprefix("'").strip()


def _word(text: str) -> str:
    """An outcome as people write it: `Done`, `false positive`."""
    return re.sub("[ _]", "-", text.casefold())


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None
