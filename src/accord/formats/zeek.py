r"""Zeek Intelligence Framework files: tab-separated, with a `#fields` header.

    #fields	indicator	indicator_type	meta.source	meta.desc
    198.51.100.7	Intel::ADDR	example-feed	C2 server
    evil.example.com/panel	Intel::URL	example-feed	-

`-` is an unset field, `(empty)` an empty one, `\x09` an escaped byte. Times are none: observations are undated.

Source: Zeek documentation, Intelligence Framework (`Intel::Type`) and Input Framework (ASCII reader); a URL stands
there without its scheme.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.fields import (
    Mask,
    Positions,
    are_equal,
    begin_with,
    constant,
    contain,
    distinct,
    names,
    split_line,
)
from accord.columns.kernel import OUTCOME_CODES, Values, expectation, read_spans
from accord.columns.reading import HEAD_LIMIT, Chunk, Context, Parsed
from accord.columns.records import (
    Account,
    Cells,
    Lines,
    Observed,
    Spans,
    ignore_comments,
    ignore_headers,
    join,
    lines_by_layout,
    read_cells,
)
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected

NAME = "zeek"
TITLE = "Zeek Intelligence Framework (tab-separated)"
GRAIN = "lines"

_HEADER = b"#fields\t"
_SUBNET = "Intel::SUBNET"

TYPES: dict[str, int] = {
    "Intel::ADDR": expectation(IndicatorType.IPV4, IndicatorType.IPV6),
    _SUBNET: expectation(IndicatorType.CIDR, IndicatorType.IPV4, IndicatorType.IPV6),
    "Intel::URL": expectation(IndicatorType.URL),
    "Intel::EMAIL": expectation(IndicatorType.EMAIL),
    "Intel::DOMAIN": expectation(IndicatorType.DOMAIN),
    "Intel::FILE_HASH": expectation(IndicatorType.SHA256, IndicatorType.SHA1, IndicatorType.MD5),
}
"""Zeek's types that are indicators here, and what their values must be."""

NOT_OBSERVABLE = frozenset(
    {"Intel::SOFTWARE", "Intel::USER_NAME", "Intel::CERT_HASH", "Intel::PUBKEY_HASH", "Intel::FILE_NAME"}
)
"""Zeek's types that are no indicator here: their lines are ignored."""

_UNSET = (b"-", b"(empty)")
_ESCAPE = re.compile(rb"\\x([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeekLayout:
    """Where a member's columns stand (0-based)."""

    header_line: int
    header: bytes
    names: tuple[str, ...]
    indicator: int
    indicator_type: int
    rule_fields: tuple[tuple[str, int], ...]

    @property
    def wanted(self) -> tuple[int, ...]:
        """The columns that are read, each once."""
        fields = (column for _, column in self.rule_fields)
        return tuple(dict.fromkeys((self.indicator, self.indicator_type, *fields)))


def recognises(head: bytes, path: str) -> bool:
    """Has it a `#fields` line with `indicator` and `indicator_type`, before any line that is no comment?"""
    del path
    first = next(_headers(head), None)
    if first is None:
        return False
    columns = _columns(first[1])
    return columns is not None and {"indicator", "indicator_type"} <= set(columns)


def layout(head: bytes, path: str, context: Context) -> ZeekLayout:
    """Read the `#fields` line. RefusedFileError when there is none, or when a second one names other columns."""
    headers = list(_headers(head, everywhere=True))
    columns = _columns(headers[0][1]) if headers else None
    if columns is None or not {"indicator", "indicator_type"} <= set(columns):
        raise RefusedFileError(
            "no header of a Zeek intelligence file",
            where=path,
            expected="#fields, a tab, and column names with indicator and indicator_type, parted by tabs",
            got=(headers[0][1] if headers else head)[:200].decode("utf-8", "replace") or "an empty file",
            remedy="deliver the file with its #fields line; Zeek does not read it without one either",
        )
    for number, line in headers[1:]:
        if line != headers[0][1]:
            raise RefusedFileError(
                "two #fields lines name different columns",
                where=f"{path}, line {number}",
                expected=headers[0][1][:200].decode("utf-8", "replace"),
                got=line[:200].decode("utf-8", "replace"),
                remedy="deliver the joined files one by one",
            )
    return ZeekLayout(
        header_line=headers[0][0],
        header=headers[0][1],
        names=columns,
        indicator=columns.index("indicator"),
        indicator_type=columns.index("indicator_type"),
        rule_fields=tuple((name, columns.index(name)) for name in context.rule_fields if name in columns),
    )


def parse(chunk: Chunk, context: Context) -> Parsed:
    """Read a chunk of lines.

    Beyond the head that `layout` sees, a `#fields` line that names other columns is rejected (`column-count`), and
    the lines behind it are read as before: each must still hold one of Zeek's types in its place to be taken.
    A chunk may begin anywhere, so that no line's meaning can hang on one that another chunk holds.
    """
    return join([_parse(lines, context) for lines in lines_by_layout(chunk)], context.rule_fields)


def _headers(head: bytes, *, everywhere: bool = False) -> Iterator[tuple[int, bytes]]:
    """The whole `#fields` lines of `head`, up to the first line that is no comment (or everywhere), with numbers."""
    lines = head.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if len(head) >= HEAD_LIMIT:
        lines.pop()
    for number, line in enumerate(lines, 1):
        if line.startswith(_HEADER):
            yield number, line.removesuffix(b"\r")
        elif line.strip() and not line.startswith(b"#") and not everywhere:
            return


def _columns(line: bytes) -> tuple[str, ...] | None:
    """The column names of a `#fields` line; None where they are not UTF-8, or one stands twice."""
    found = split_line(line, "\t", quoting=False)
    if isinstance(found, Rejected):
        return None
    columns = tuple(name.strip() for name in found[1:])
    return columns if len(set(columns)) == len(columns) else None


def _parse(lines: Lines, context: Context) -> Parsed:
    layout = lines.layout
    if not isinstance(layout, ZeekLayout):
        raise TypeError(f"a chunk of {NAME} needs the layout of its members, not {layout!r}")
    account = Account(lines)
    ignore_headers(account, layout.header_line, layout.header)
    other_columns = begin_with(lines.data, lines.start, lines.end, _HEADER)
    account.refuse(other_columns, Rejected.COLUMN_COUNT)
    ignore_comments(account, b"#")
    cells = read_cells(account, layout.wanted, "\t", quoting=False)
    account.refuse(cells.columns != len(layout.names), Rejected.COLUMN_COUNT)
    expected = _read_types(account, cells, layout)
    row, values = _read_indicators(account, cells, layout, context, expected)
    pick = pa.array(row)
    observed = Observed(
        row=row,
        kind=values.kind,
        value=values.value,
        role=constant(None, len(row)),
        family=constant(None, len(row)),
        seen_at_us=np.zeros(len(row), np.int64),
        dated=np.zeros(len(row), np.bool_),
        count=np.ones(len(row), np.int64),
        port=values.port,
        marking=np.full(len(row), -1, np.int8),
        fields={name: _names(cells.spans(column)).take(pick) for name, column in layout.rule_fields},
    )
    return account.close(observed, rule_fields=context.rule_fields)


def _read_types(account: Account, cells: Cells, layout: ZeekLayout) -> npt.NDArray[np.int16]:
    """What each line's value must be. A type that is no indicator here is ignored, one that Zeek lacks refused."""
    spans = cells.spans(layout.indicator_type)
    codes, words = distinct(names(spans.data, spans.start, spans.end))
    unobservable = np.array([word in NOT_OBSERVABLE for word in words] + [False])[codes]
    expected = np.array([TYPES.get(word, 0) for word in words] + [0], np.int16)[codes]
    account.ignore(unobservable, Ignored.NOT_OBSERVABLE)
    account.refuse(expected == 0, Rejected.TYPE_MISMATCH, "indicator_type", spans=spans)
    value = cells.spans(layout.indicator)
    subnet = are_equal(spans.data, spans.start, spans.end, _SUBNET.encode())
    bare = subnet & value.filled & ~_is_unset(value) & ~contain(value.data, value.start, value.end, "/")
    account.refuse(bare, Rejected.TYPE_MISMATCH, "indicator", spans=value)
    return expected


def _read_indicators(
    account: Account, cells: Cells, layout: ZeekLayout, context: Context, expected: npt.NDArray[np.int16]
) -> tuple[Positions, Values]:
    spans = cells.spans(layout.indicator)
    account.refuse(~spans.filled | _is_unset(spans), Rejected.EMPTY_VALUE, "indicator")
    rows = np.flatnonzero(account.open)
    plain = _unescaped(spans.at(rows))
    values = read_spans(plain.data, plain.start, plain.end, context, expected[rows])
    account.blame(rows, values.outcome, "indicator", spans.at(rows))
    taken = np.flatnonzero(values.outcome == OUTCOME_CODES[None])
    if len(taken) == len(rows):
        return rows, values
    return rows[taken], Values(
        outcome=values.outcome[taken],
        kind=values.kind[taken],
        value=values.value.take(pa.array(taken)),
        port=values.port[taken],
    )


def _is_unset(spans: Spans) -> Mask:
    """Which spans hold one of Zeek's words for nothing."""
    unset = [are_equal(spans.data, spans.start, spans.end, word) for word in _UNSET]
    return unset[0] | unset[1]


def _unescaped(spans: Spans) -> Spans:
    r"""The spans with `\xHH` undone, which is rare: those stand behind the data then."""
    at = np.flatnonzero(contain(spans.data, spans.start, spans.end, "\\"))
    if not len(at):
        return spans
    start, end = spans.start.copy(), spans.end.copy()
    pieces, length = [spans.data], len(spans.data)
    for place in at.tolist():
        raw = spans.data[start[place] : end[place]].tobytes()
        plain = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), raw)
        pieces.append(np.frombuffer(plain, np.uint8))
        start[place], end[place] = length, length + len(plain)
        length += len(plain)
    return Spans(data=np.concatenate(pieces), start=start, end=end)


def _names(spans: Spans) -> pa.DictionaryArray:
    """Cells as rules see them: unescaped, null where nothing is set."""
    codes, words = distinct(names(spans.data, spans.start, spans.end))
    plain = [_ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), word.encode()) for word in words]
    texts = [
        None if word.encode() in _UNSET else raw.decode("utf-8", "replace")
        for word, raw in zip(words, plain, strict=True)
    ]
    known = {text: at for at, text in enumerate(dict.fromkeys(text for text in texts if text is not None))}
    index = np.array([-1 if text is None else known[text] for text in texts] + [-1], np.int32)[codes]
    return pa.DictionaryArray.from_arrays(pa.array(index, mask=index < 0), pa.array(list(known), pa.string()))
