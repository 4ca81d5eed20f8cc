"""Comma-separated values by the column mapping that the data set declares.

    ip,family,first_seen,last_seen
    8.8.4.4,Brute Ratel C4,2022-11-23,2023-01-18

with `indicators = {ip = "ip"}`, `family = "family"`, `seen_at = ["first_seen", "last_seen"]`: two observations, one at
each end of the period.

Source: RFC 4180, with the declared delimiter; a quote never spans lines.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.fields import (
    Mask,
    Positions,
    distinct,
    is_delimiter,
    names,
    read_counts,
    read_ports,
    split_line,
)
from accord.columns.instants import EARLIEST_US, LATEST_US, microseconds
from accord.columns.kernel import OUTCOME_CODES, expectation, read_instants, read_spans
from accord.columns.mapping import Columns
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
from accord.columns.values import read_value
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.indicators import TYPE_CODES, Indicator, IndicatorType
from accord.vocabulary.markings import read_marking
from accord.vocabulary.reasons import Rejected
from accord.vocabulary.roles import Role

NAME = "csv"
TITLE = "Comma-separated values by a declared column mapping"
GRAIN = "lines"

_GROUPS = {
    "ip": expectation(IndicatorType.IPV4, IndicatorType.IPV6),
    "hash": expectation(IndicatorType.SHA256, IndicatorType.SHA1, IndicatorType.MD5),
}
_WITH_PORT = np.zeros(len(TYPE_CODES) + 1, np.bool_)
_WITH_PORT[
    [TYPE_CODES[kind] for kind in (IndicatorType.IPV4, IndicatorType.IPV6, IndicatorType.DOMAIN, IndicatorType.URL)]
] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvLayout:
    """Where a member's columns stand. Columns are 0-based indexes; None: not mapped."""

    header_line: int
    header: bytes
    """The header as it stands, so that it is known where files were joined."""
    delimiter: str
    names: tuple[str, ...]
    least_columns: int
    """Columns that a line must have; the rest, up to all of `names`, are nameless ones at the end."""
    indicators: tuple[tuple[int, int], ...]
    """Column, and the `kernel.expectation` of what it must hold."""
    role: int | None
    family: int | None
    seen_at: tuple[int, ...]
    time_format: str | None
    port: int | None
    count: int | None
    marking: int | None
    rule_fields: tuple[tuple[str, int], ...]

    @property
    def wanted(self) -> tuple[int, ...]:
        """The columns that are read, each once."""
        single = (self.role, self.family, self.port, self.count, self.marking)
        columns = [
            *(column for column, _ in self.indicators),
            *self.seen_at,
            *(column for column in single if column is not None),
            *(column for _, column in self.rule_fields),
        ]
        return tuple(dict.fromkeys(columns))


def recognises(head: bytes, path: str) -> bool:
    """Is its first line a header (two names or more) whose columns most lines after it have?

    In a file named `.csv` or `.tsv` the header suffices, and one name is enough. If the first plain line is no
    header, the comment before it may be.
    """
    if head.startswith((b"#fields", b"#separator")) or b"\0" in head:
        return False
    named_csv = re.search(r"\.[ct]sv(\.\w+)?$", path, re.IGNORECASE) is not None
    lines = [line for _, line in _head_lines(head)]
    plain = [line for line in lines if not line.startswith(b"#")][:21]
    comments = list(takewhile(lambda line: line.startswith(b"#"), lines))
    tables = [plain, [comments[-1].lstrip(b"# "), *plain]] if comments else [plain]
    return any(_is_table(table, delimiter, named_csv) for table in tables if table for delimiter in ",;\t|")


def _is_table(lines: Sequence[bytes], delimiter: str, named_csv: bool) -> bool:
    header = split_line(lines[0], delimiter)
    if isinstance(header, Rejected):
        return False
    columns = _without_last_empty([name.strip() for name in header])
    named = [name for name in columns if name]
    if len(named) < (1 if named_csv else 2) or not all(_is_column_name(name) for name in named):
        return False
    rows = [split_line(line, delimiter) for line in lines[1:]]
    alike = sum(not isinstance(row, Rejected) and len(columns) <= len(row) <= len(header) for row in rows)
    return alike * 2 > len(rows) or (named_csv and (len(columns) > 1 or not rows))


def _is_column_name(name: str) -> bool:
    if len(name) > 64 or not any(character.isalpha() for character in name) or re.search(r"[,;\t|]", name):
        return False
    read = read_value(name, lambda _: False)
    return not isinstance(read, Indicator) or read.kind is IndicatorType.DOMAIN


def layout(head: bytes, path: str, context: Context) -> CsvLayout:
    """Find the header, and the first declared mapping whose columns are all in it.

    The header is the first line that is neither blank nor a comment; if no mapping fits that one, a comment line that
    a mapping fits. RefusedFileError when there is none, or when a mapped name stands twice in it.
    """
    candidates = list(_header_candidates(head))
    if not candidates:
        raise RefusedFileError(
            "no header line",
            where=path,
            expected=f"a line of column names within the first {HEAD_LIMIT} bytes",
            got="nothing but comments and blank lines" if head.strip() else "an empty file",
            remedy="deliver the file with its header line",
        )
    closest: tuple[int, list[str], tuple[str, ...]] | None = None
    for number, raw, text in candidates:
        for columns in context.columns:
            if not is_delimiter(columns.delimiter):
                continue
            header = split_line(text, columns.delimiter)
            if isinstance(header, Rejected):
                continue
            found = tuple(name.strip().removeprefix("\ufeff").strip() for name in header)
            missing = [name for name in _mapped(columns) if name not in found]
            if not missing:
                return _layout(number, raw, found, columns, path, context)
            if closest is None or len(missing) < closest[0]:
                closest = (len(missing), missing, found)
    if closest is None:
        raise RefusedFileError(
            "the header line cannot be read",
            where=f"{path}, line {candidates[0][0]}",
            expected="column names in UTF-8, quoted by RFC 4180",
            got=candidates[0][1][:200].decode("utf-8", "replace"),
            remedy="deliver it as UTF-8 with sound quotes, or declare a column mapping in [[dataset.csv]]",
        )
    raise RefusedFileError(
        "the header lacks mapped columns: " + ", ".join(closest[1]),
        where=path,
        expected="a header with all columns of one declared mapping",
        got=", ".join(closest[2])[:300],
        remedy="correct the names in [[dataset.csv]] (they are compared exactly), its delimiter, or the file",
    )


def parse(chunk: Chunk, context: Context) -> Parsed:
    """Read a chunk of rows."""
    return join([_parse(lines, context) for lines in lines_by_layout(chunk)], context.rule_fields)


def _head_lines(head: bytes) -> Iterator[tuple[int, bytes]]:
    """The complete lines of `head` that are not blank, each with its number."""
    lines = head.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if len(head) >= HEAD_LIMIT:
        lines.pop()
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, line.removesuffix(b"\r")


def _header_candidates(head: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Line number, the line, and the text that may be the header: the first plain line, then comments, last first."""
    comments = []
    for number, line in _head_lines(head):
        if not line.startswith(b"#"):
            yield number, line, line
            break
        comments.append((number, line))
    for number, line in reversed(comments):
        yield number, line, line
        yield number, line, line.lstrip(b"# ")


def _mapped(columns: Columns) -> list[str]:
    single = (columns.role, columns.family, columns.port, columns.count, columns.marking)
    return [*columns.indicators, *columns.seen_at, *(name for name in single if name is not None)]


def _without_last_empty(found: Sequence[str]) -> list[str]:
    kept = list(found)
    while kept and not kept[-1]:
        kept.pop()
    return kept


def _layout(
    number: int, raw: bytes, found: tuple[str, ...], columns: Columns, path: str, context: Context
) -> CsvLayout:
    rule_fields = [name for name in context.rule_fields if name in found]
    twice = sorted({name for name in [*_mapped(columns), *rule_fields] if found.count(name) > 1})
    if twice:
        raise RefusedFileError(
            "a mapped column stands more than once in the header: " + ", ".join(twice),
            where=f"{path}, line {number}",
            expected="one column of each mapped name",
            got=", ".join(found)[:300],
            remedy="deliver the file with distinct column names",
        )

    def place(name: str | None) -> int | None:
        return None if name is None else found.index(name)

    return CsvLayout(
        header_line=number,
        header=raw,
        delimiter=columns.delimiter,
        names=found,
        least_columns=len(_without_last_empty(found)),
        indicators=tuple((found.index(name), _expected(kind)) for name, kind in columns.indicators.items()),
        role=place(columns.role),
        family=place(columns.family),
        seen_at=tuple(found.index(name) for name in columns.seen_at),
        time_format=columns.time_format,
        port=place(columns.port),
        count=place(columns.count),
        marking=place(columns.marking),
        rule_fields=tuple((name, found.index(name)) for name in rule_fields),
    )


def _expected(kind: str | None) -> int:
    if kind is None:
        return 0
    return _GROUPS[kind] if kind in _GROUPS else expectation(IndicatorType(kind))


def _parse(lines: Lines, context: Context) -> Parsed:
    layout = lines.layout
    if not isinstance(layout, CsvLayout):
        raise TypeError(f"a chunk of {NAME} needs the layout of its members, not {layout!r}")
    account = Account(lines)
    ignore_headers(account, layout.header_line, layout.header)
    ignore_comments(account, b"#")
    rows = read_cells(account, layout.wanted, layout.delimiter)
    unlike = (rows.columns < layout.least_columns) | (rows.columns > len(layout.names))
    account.refuse(unlike, Rejected.COLUMN_COUNT)
    marking = _read_markings(account, rows, layout)
    first, last = _read_times(account, rows, layout)
    count = _read_counts(account, rows, layout)
    port = _read_ports(account, rows, layout)
    observed = _observe(account, rows, layout, context, marking, first, last, count, port)
    return account.close(observed, rule_fields=context.rule_fields)


def _read_markings(account: Account, rows: Cells, layout: CsvLayout) -> npt.NDArray[np.int8]:
    """Code of each line's marking, -1 where none is said. What is no marking refuses its line: never guessed."""
    if layout.marking is None:
        return np.full(len(account.lines), -1, np.int8)
    codes, words = distinct(rows.names(layout.marking))
    read = [read_marking(word) for word in words]
    # -1, the code of a null, finds the last element
    table = np.array([-2 if marking is None else marking.code for marking in read] + [-1], np.int8)
    marking = table[codes]
    account.refuse(marking == -2, Rejected.MARKING, layout.names[layout.marking], spans=rows.spans(layout.marking))
    return marking


def _read_times(
    account: Account, rows: Cells, layout: CsvLayout
) -> tuple[tuple[Positions, Mask], tuple[Positions, Mask]]:
    """Both ends of what each line says, and which were said; a line whose only times are unreadable is refused."""
    count = len(account.lines)
    ends = [(np.zeros(count, np.int64), np.zeros(count, np.bool_)) for _ in range(2)]
    bad = [np.zeros(count, np.bool_) for _ in range(2)]
    for at, column in enumerate(layout.seen_at):
        spans = rows.spans(column)
        instant, good = _read_instants(spans, layout.time_format)
        ends[at] = (instant, good & spans.filled)
        bad[at] = spans.filled & ~good
    readable = ends[0][1] | ends[1][1]
    for at, column in enumerate(layout.seen_at):
        account.refuse(bad[at] & ~readable, Rejected.TIME, layout.names[column], spans=rows.spans(column))
        account.remark(bad[at], Rejected.TIME, layout.names[column], rows.spans(column))
    return ends[0], ends[1]


def _read_instants(spans: Spans, time_format: str | None) -> tuple[Positions, Mask]:
    if time_format is None:
        return read_instants(spans.data, spans.start, spans.end)
    codes, words = distinct(names(spans.data, spans.start, spans.end))
    read = [_read_instant(word, time_format) for word in words]
    instant = np.array([0 if one is None else one for one in read] + [0], np.int64)
    return instant[codes], np.array([one is not None for one in read] + [False])[codes]


def _read_instant(text: str, time_format: str) -> int | None:
    try:
        instant = datetime.strptime(text, time_format)  # noqa: DTZ007 -- the zone follows
    except ValueError:
        return None
    value = microseconds(instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC))
    return value if EARLIEST_US <= value < LATEST_US else None


def _read_counts(account: Account, rows: Cells, layout: CsvLayout) -> Positions:
    """How many sightings each line stands for. Zero says that it was not seen: refused. No number counts as one."""
    if layout.count is None:
        return np.ones(len(account.lines), np.int64)
    spans, name = rows.spans(layout.count), layout.names[layout.count]
    count = read_counts(spans.data, spans.start, spans.end)
    account.refuse(count == 0, Rejected.COUNT, name, spans=spans)
    account.remark((count < 0) & spans.filled, Rejected.COUNT, name, spans)
    return np.maximum(count, 1)


def _read_ports(account: Account, rows: Cells, layout: CsvLayout) -> npt.NDArray[np.int32]:
    """The port column; 0 where it says none, or none that can be."""
    if layout.port is None:
        return np.zeros(len(account.lines), np.int32)
    spans = rows.spans(layout.port)
    port = read_ports(spans.data, spans.start, spans.end)
    account.remark(port < 0, Rejected.PORT, layout.names[layout.port], spans)
    return np.maximum(port, 0)


def _observe(
    account: Account,
    rows: Cells,
    layout: CsvLayout,
    context: Context,
    marking: npt.NDArray[np.int8],
    first: tuple[Positions, Mask],
    last: tuple[Positions, Mask],
    count: Positions,
    port: npt.NDArray[np.int32],
) -> Observed:
    row, column, cells = _indicator_cells(account, rows, layout)
    expected = np.array([bits for _, bits in layout.indicators], np.int16)[column]
    values = read_spans(cells.data, cells.start, cells.end, context, expected)
    for at, (place, _) in enumerate(layout.indicators):
        of = np.flatnonzero((column == at) & (values.outcome != 0))
        account.blame(row[of], values.outcome[of], layout.names[place], cells.at(of))
    taken = np.flatnonzero(values.outcome == OUTCOME_CODES[None])
    # A period whose ends differ gives two observations, which together stand for its count.
    period = first[1] & last[1] & (first[0] != last[0])
    times = np.where(period[row[taken]], 2, 1)
    taken = np.repeat(taken, times)
    line = row[taken]
    second = np.zeros(len(taken), np.bool_)
    second[np.cumsum(times)[times == 2] - 1] = True
    own = (port[line] > 0) & _WITH_PORT[values.kind[taken]]
    shared = np.where(second, np.maximum(count[line] - 1, 1), np.where(period[line], 1, count[line]))
    pick = pa.array(line)
    return Observed(
        row=line,
        kind=values.kind[taken],
        value=values.value.take(pa.array(taken)),
        role=_roles(rows.names(layout.role)).take(pick),
        family=rows.names(layout.family).take(pick),
        seen_at_us=np.where(second | ~first[1][line], last[0][line], first[0][line]),
        dated=(first[1] | last[1])[line],
        count=shared,
        port=np.where(own, port[line], values.port[taken]).astype(np.int32),
        marking=marking[line],
        fields={name: rows.names(place).take(pick) for name, place in layout.rule_fields},
    )


def _indicator_cells(account: Account, rows: Cells, layout: CsvLayout) -> tuple[Positions, Positions, Spans]:
    """The filled indicator cells of the open lines, line by line: line, place in `layout.indicators`, span."""
    cells = [rows.spans(column) for column, _ in layout.indicators]
    filled: Mask = np.stack([spans.filled & account.open for spans in cells], axis=1)
    only = layout.names[layout.indicators[0][0]] if len(cells) == 1 else None
    account.refuse(filled.sum(axis=1) == 0, Rejected.EMPTY_VALUE, only)
    row, column = np.nonzero(filled)
    start = np.stack([spans.start for spans in cells], axis=1)[row, column]
    end = np.stack([spans.end for spans in cells], axis=1)[row, column]
    return row, column, Spans(data=rows.data, start=start, end=end)


def _roles(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """Known roles; other words are null, so that the data set's rules decide."""
    codes, words = distinct(column)
    roles = {role.value: at for at, role in enumerate(Role)}
    table = np.array([roles.get(word.lower(), -1) for word in words] + [-1], np.int32)
    index = table[codes]
    return pa.DictionaryArray.from_arrays(pa.array(index, mask=index < 0), pa.array(list(roles), pa.string()))
