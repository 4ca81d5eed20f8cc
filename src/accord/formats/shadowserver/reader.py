"""Reading Shadowserver's reports: the layout of a member, and its rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from accord.columns.fields import Mask, Positions, constant, distinct, read_counts, read_ports, split_line
from accord.columns.kernel import OUTCOME_CODES, Values, read_instants, read_spans
from accord.columns.reading import HEAD_LIMIT, Chunk, Context, Parsed, Shortcut
from accord.columns.records import (
    Account,
    Cells,
    Lines,
    Observed,
    Resolved,
    ignore_headers,
    join,
    lines_by_layout,
    read_cells,
)
from accord.formats.shadowserver.reports import ADDRESS, DOMAIN, Report, report_of_header, report_of_type, type_in_name
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.indicators import TYPE_CODES, IndicatorType
from accord.vocabulary.reasons import Rejected

NAME = "shadowserver"
TITLE = "Shadowserver reports (CSV by header)"
GRAIN = "lines"

_WITH_PORT = np.zeros(len(TYPE_CODES) + 1, np.bool_)
_WITH_PORT[
    [TYPE_CODES[kind] for kind in (IndicatorType.IPV4, IndicatorType.IPV6, IndicatorType.DOMAIN, IndicatorType.URL)]
] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowserverLayout:
    """Where a member's columns stand (0-based), and what its report type makes of them."""

    type: str
    """The report type, by its IPv4 name."""
    note: str | None
    """What a person should know about how this member was taken: that it is generic, or what its type means."""
    role: str
    header_line: int
    header: bytes
    names: tuple[str, ...]
    timestamp: int
    claims: tuple[tuple[int, int], ...]
    """Column and expectation; a row's first good one is its indicator."""
    also: tuple[tuple[int, int], ...]
    resolution: tuple[int, int] | None
    port: int | None
    count: int | None
    families: tuple[int, ...]
    rule_fields: tuple[tuple[str, int], ...]

    @property
    def wanted(self) -> tuple[int, ...]:
        """The columns that are read, each once."""
        columns = [
            self.timestamp,
            *(column for column, _ in (*self.claims, *self.also)),
            *(self.resolution or ()),
            *(column for column in (self.port, self.count) if column is not None),
            *self.families,
            *(column for _, column in self.rule_fields),
        ]
        return tuple(dict.fromkeys(columns))


def recognises(head: bytes, path: str) -> bool:
    """Has it a header with `timestamp` that its file name's type can have, or that only one type has?"""
    found = _read_header(head)
    if found is None:
        return False
    _, _, names = found
    report = _report(path, names)
    return report is not None and not _missing(report, names)


def layout(head: bytes, path: str, context: Context) -> ShadowserverLayout:
    """Make out the report's type and its columns. RefusedFileError: a header cut off, or an unknown report."""
    found = _read_header(head)
    if found is None:
        raise RefusedFileError(
            "no whole header line",
            where=path,
            expected=f"a line of column names that ends within the first {HEAD_LIMIT} bytes",
            got=head[:200].decode("utf-8", "replace") or "an empty file",
            remedy="fetch the report again: it is cut off or no Shadowserver report",
        )
    number, raw, names = found
    report = _report(path, names)
    if report is None:
        raise RefusedFileError(
            "no known type of Shadowserver report",
            where=path,
            expected="a file name YYYY-MM-DD-<type>-....csv with a known type, or a header that only one type has",
            got=f"type {type_in_name(path) or 'not in the name'}, columns {', '.join(names)[:300]}",
            remedy="keep the file name that Shadowserver gave, or declare a mapping for format 'csv'",
        )
    missing = _missing(report, names)
    if missing:
        raise RefusedFileError(
            f"the header lacks what a {report.type} report says: {', '.join(missing)}",
            where=f"{path}, line {number}",
            expected="columns timestamp and " + " or ".join(column for column, _ in report.claims),
            got=", ".join(names)[:300],
            remedy="fetch the report again (its header may be cut off), and keep the file name that it came with",
        )
    return _layout(report, number, raw, names, context)


def shortcut(layout: ShadowserverLayout, context: Context) -> Shortcut | None:
    """What rows of one address nearly always are; None where a row may say more than one thing."""
    del context  # the rule fields that the header has stand in the layout
    claims = {expected for _, expected in layout.claims}
    if len(layout.claims) != 1 or claims != {ADDRESS} or layout.also or layout.resolution is not None:
        return None
    return Shortcut(
        columns=len(layout.names),
        delimiter=",",
        timestamp=layout.timestamp,
        address=layout.claims[0][0],
        count=layout.count,
        port=layout.port,
        role=layout.role,
        labels=tuple(sorted({*layout.families, *(column for _, column in layout.rule_fields)})),
    )


def parse(chunk: Chunk, context: Context) -> Parsed:
    """Read a chunk of rows."""
    return join([_parse(lines, context) for lines in lines_by_layout(chunk)], context.rule_fields)


def _read_header(head: bytes) -> tuple[int, bytes, tuple[str, ...]] | None:
    """Line number, line and distinct column names of the first line that is not blank; None: not whole, not sound."""
    for number, line in enumerate(head.removeprefix(b"\xef\xbb\xbf").split(b"\n")[:-1], 1):
        if line.strip():
            raw = line.removesuffix(b"\r")
            names = split_line(raw, ",")
            if isinstance(names, Rejected):
                return None
            stripped = tuple(name.strip().lower() for name in names)
            return (number, raw, stripped) if len(set(stripped)) == len(stripped) else None
    return None


def _report(path: str, names: Sequence[str]) -> Report | None:
    named = type_in_name(path)
    known = None if named is None else report_of_type(named)
    return known or report_of_header(set(names))


def _missing(report: Report, names: Sequence[str]) -> list[str]:
    missing = [] if "timestamp" in names else ["timestamp"]
    claims = [column for column, _ in report.claims]
    return missing if any(column in names for column in claims) else [*missing, claims[0]]


def _layout(report: Report, number: int, raw: bytes, names: tuple[str, ...], context: Context) -> ShadowserverLayout:
    def places(columns: Sequence[tuple[str, int]]) -> tuple[tuple[int, int], ...]:
        return tuple((names.index(column), expected) for column, expected in columns if column in names)

    resolution = report.resolution
    return ShadowserverLayout(
        type=report.type,
        note=report.note,
        role=report.role.value,
        header_line=number,
        header=raw,
        names=names,
        timestamp=names.index("timestamp"),
        claims=places(report.claims),
        also=places(report.also),
        resolution=(names.index(resolution[0]), names.index(resolution[1]))
        if resolution and set(resolution) <= set(names)
        else None,
        port=next((names.index(column) for column in report.ports if column in names), None),
        count=names.index("count") if "count" in names else None,
        families=tuple(names.index(column) for column in report.families if column in names),
        rule_fields=tuple((name, names.index(name)) for name in context.rule_fields if name in names),
    )


def _parse(lines: Lines, context: Context) -> Parsed:
    layout = lines.layout
    if not isinstance(layout, ShadowserverLayout):
        raise TypeError(f"a chunk of {NAME} needs the layout of its members, not {layout!r}")
    account = Account(lines)
    ignore_headers(account, layout.header_line, layout.header)
    cells = read_cells(account, layout.wanted, ",")
    account.refuse(cells.columns != len(layout.names), Rejected.COLUMN_COUNT)
    stamps = cells.spans(layout.timestamp)
    seen_at_us, dated = read_instants(stamps.data, stamps.start, stamps.end)
    account.refuse(~dated, Rejected.TIME, "timestamp", spans=stamps)
    count = _read_counts(account, cells, layout)
    row, values = _read_indicators(account, cells, layout, context)
    resolved = _read_resolutions(account, cells, layout, context, seen_at_us)
    port = _read_ports(account, cells, layout, row, values)
    pick = pa.array(row)
    observed = Observed(
        row=row,
        kind=values.kind,
        value=values.value,
        role=constant(layout.role, len(row)),
        family=_families(cells, layout).take(pick),
        seen_at_us=seen_at_us[row],
        dated=dated[row],
        count=count[row],
        port=port,
        marking=np.full(len(row), -1, np.int8),
        fields={name: _rule_field(cells, name, column).take(pick) for name, column in layout.rule_fields},
    )
    return account.close(observed, resolved, context.rule_fields)


def _read_counts(account: Account, cells: Cells, layout: ShadowserverLayout) -> Positions:
    """How many events a row stands for, where its type says so; what is no count stands for one."""
    if layout.count is None:
        return np.ones(len(account.lines), np.int64)
    spans = cells.spans(layout.count)
    count = read_counts(spans.data, spans.start, spans.end)
    account.remark((count < 1) & spans.filled, Rejected.COUNT, "count", spans)
    return np.maximum(count, 1)


def _read_indicators(
    account: Account, cells: Cells, layout: ShadowserverLayout, context: Context
) -> tuple[Positions, Values]:
    """The first good claim of each open row, and what else it names, in the order of rows."""
    claimed = [cells.spans(column).filled for column, _ in layout.claims]
    nothing: Mask = ~np.logical_or.reduce(claimed)
    only = layout.names[layout.claims[0][0]] if len(claimed) == 1 else None
    account.refuse(nothing, Rejected.EMPTY_VALUE, only)
    found: list[tuple[Positions, Values]] = []
    missing = account.open.copy()
    for column, expected in layout.claims:
        rows, values = _read_column(account, cells, layout, context, column, expected, missing)
        missing[rows] = False
        found.append((rows, values))
    found.extend(
        _read_column(account, cells, layout, context, column, expected, account.open)
        for column, expected in layout.also
    )
    return found[0] if len(found) == 1 else _merged(found)


def _read_column(
    account: Account,
    cells: Cells,
    layout: ShadowserverLayout,
    context: Context,
    column: int,
    expected: int,
    which: Mask,
) -> tuple[Positions, Values]:
    """The rows of `which` whose cell holds an indicator, with it; a filled cell that holds none is a fault."""
    spans = cells.spans(column)
    rows = np.flatnonzero(which & spans.filled)
    spans = spans.at(rows)
    values = read_spans(spans.data, spans.start, spans.end, context, np.full(len(rows), expected, np.int16))
    account.blame(rows, values.outcome, layout.names[column], spans)
    taken = np.flatnonzero(values.outcome == OUTCOME_CODES[None])
    return (rows, values) if len(taken) == len(rows) else (rows[taken], _chosen(values, taken))


def _chosen(values: Values, at: Positions) -> Values:
    return Values(
        outcome=values.outcome[at],
        kind=values.kind[at],
        value=values.value.take(pa.array(at)),
        port=values.port[at],
    )


def _merged(found: Sequence[tuple[Positions, Values]]) -> tuple[Positions, Values]:
    row = np.concatenate([rows for rows, _ in found])
    order = np.argsort(row, kind="stable")
    together = Values(
        outcome=np.concatenate([values.outcome for _, values in found]),
        kind=np.concatenate([values.kind for _, values in found]),
        value=pa.concat_arrays([values.value for _, values in found]),
        port=np.concatenate([values.port for _, values in found]),
    )
    return row[order], _chosen(together, order)


def _read_resolutions(
    account: Account, cells: Cells, layout: ShadowserverLayout, context: Context, seen_at_us: Positions
) -> Resolved | None:
    """That a host name had an address, where both are good. They are no claim of their own: what is bad is left out."""
    if layout.resolution is None:
        return None
    name, address = (cells.spans(column) for column in layout.resolution)
    rows = np.flatnonzero(account.open & name.filled & address.filled)
    name, address = name.at(rows), address.at(rows)
    domains = read_spans(name.data, name.start, name.end, context, np.full(len(rows), DOMAIN, np.int16))
    addresses = read_spans(address.data, address.start, address.end, context, np.full(len(rows), ADDRESS, np.int16))
    good = np.flatnonzero((domains.outcome == 0) & (addresses.outcome == 0))
    pick = pa.array(good)
    return Resolved(
        row=rows[good],
        domain=domains.value.take(pick),
        address=addresses.value.take(pick),
        seen_at_us=seen_at_us[rows[good]],
    )


def _read_ports(
    account: Account, cells: Cells, layout: ShadowserverLayout, row: Positions, values: Values
) -> npt.NDArray[np.int32]:
    """The port column's, else the one that the value named; none for hashes and mail addresses."""
    if layout.port is None:
        return values.port
    spans = cells.spans(layout.port)
    port = read_ports(spans.data, spans.start, spans.end)
    account.remark(port < 0, Rejected.PORT, layout.names[layout.port], spans)
    own = port[row]
    return np.where((own > 0) & _WITH_PORT[values.kind], own, values.port).astype(np.int32)


def _families(cells: Cells, layout: ShadowserverLayout) -> pa.DictionaryArray:
    """The first filled of the family columns. A tag that lists several words is no name of one family."""
    family = constant(None, len(cells.columns))
    for at, column in enumerate(layout.families):
        if at and not family.null_count:
            break
        names = cells.names(column)
        if layout.names[column] == "tag":
            names = _without(names, lambda word: ";" in word or "," in word)
        family = pc.coalesce(family.cast(pa.string()), names.cast(pa.string())).dictionary_encode() if at else names
    return family


def _rule_field(cells: Cells, name: str, column: int) -> pa.DictionaryArray:
    """A column as rules see it; AS number 0 is Shadowserver's word for unknown."""
    names = cells.names(column)
    return _without(names, lambda word: word == "0") if name == "asn" or name.endswith("_asn") else names


def _without(column: pa.DictionaryArray, unwanted: Callable[[str], bool]) -> pa.DictionaryArray:
    codes, words = distinct(column)
    drop = np.array([unwanted(word) for word in words] + [True], np.bool_)[codes]
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=drop), column.dictionary)
