"""Slow, obvious twins of the vectorised steps: what they say is what the kernels must say.

They lean on the standard library (csv, bytes.decode, int, datetime) and go line by line.
"""

import csv
import re
from datetime import UTC, datetime, timedelta

from accord.columns.fields import COUNT_LIMIT
from accord.columns.instants import EPOCH
from accord.columns.reading import Context
from accord.columns.values import read_value
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected

WHITE = b" \t\n\x0b\x0c\r"
"""ASCII white space, as bytes.strip has it."""

_NUMBER = re.compile(rb"0|[1-9][0-9]{0,11}")
_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d[T ](?:[01]\d|2[0-3]):\d\d:\d\d)(?:(\.\d{1,6})\d{0,3})?(Z|[+-]\d\d:[0-5]\d)", re.ASCII
)


def lines(data: bytes) -> list[tuple[int, int]]:
    """Where each physical line stands, without its LF or CRLF."""
    found, at = [], 0
    while at < len(data):
        feed = data.find(b"\n", at)
        stop = len(data) if feed < 0 else feed
        found.append((at, stop - 1 if data[at:stop].endswith(b"\r") else stop))
        at = stop + 1
    return found


def fields(line: bytes, delimiter: str) -> list[str] | Rejected:
    """What the csv module, kept strict, makes of one line: its fields, or why not."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return Rejected.ENCODING
    if not text:
        return [""]
    if "\n" in text or "\r" in text:
        # The csv module ends a record there, and a line has its end behind it. Inside it is a byte like others.
        return _with_stand_ins(text, delimiter)
    try:
        (found,) = csv.reader([text], delimiter=delimiter, strict=True)
    except csv.Error:
        return Rejected.QUOTING
    # The csv module lets a quote stand inside an unquoted field; RFC 4180, section 2, rule 5, does not.
    return Rejected.QUOTING if has_stray_quote(text, delimiter) else found


def _with_stand_ins(text: str, delimiter: str) -> list[str] | Rejected:
    absent = (character for character in map(chr, range(0xE000, 0xF8FF)) if character not in text)
    carriage_return, line_feed = next(absent), next(absent)
    found = fields(text.replace("\r", carriage_return).replace("\n", line_feed).encode(), delimiter)
    if isinstance(found, Rejected):
        return found
    return [one.replace(carriage_return, "\r").replace(line_feed, "\n") for one in found]


def has_stray_quote(text: str, delimiter: str) -> bool:
    """Does a quote open anywhere but at a field's start or behind a quote that it doubles?"""
    inside, previous = False, delimiter
    for character in text:
        if character == '"':
            if not inside and previous not in (delimiter, '"'):
                return True
            inside = not inside
        previous = character
    return False


def fields_unquoted(line: bytes, delimiter: str) -> list[str] | Rejected:
    """A line that is cut at every delimiter."""
    try:
        return line.decode("utf-8").split(delimiter)
    except UnicodeDecodeError:
        return Rejected.ENCODING


def number(text: bytes) -> int:
    """`fields.read_numbers` for one span."""
    text = text.strip(WHITE)
    if not text:
        return -2
    return int(text) if _NUMBER.fullmatch(text) else -1


def count(text: bytes) -> int:
    """`fields.read_counts` for one span."""
    found = number(text)
    return -1 if found > COUNT_LIMIT else found


def port(text: bytes) -> int:
    """`fields.read_ports` for one span."""
    found = number(text)
    if found == -2:
        return 0
    return found if 1 <= found <= 65_535 else -1


def value(raw: bytes, expected: set[IndicatorType], context: Context) -> Indicator | Ignored | Rejected:
    """`kernel.read_spans` for one span: the exact rules."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return Rejected.ENCODING
    return read_value(text, context.is_public_suffix, expected or None)


def instant(text: str) -> int | None:
    """Microseconds of a full RFC 3339 time by the standard library; None: it is none, and nothing is said here."""
    match = _RFC_3339.fullmatch(text)
    if match is None:
        return None
    try:
        read = datetime.fromisoformat(match[1] + (match[2] or "") + match[3].replace("Z", "+00:00"))
        return (read.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None
