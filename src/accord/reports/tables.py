"""The tables of a report: findings.csv, outcomes.csv and by-network/AS<n>.csv.

All three are RFC 4180 (CRLF, doubled quotes, one header line) in UTF-8 without a byte-order mark. A line looks like

    "3f…","ipv4","203.0.113.7","c2-server","Emotet","emotet|Heodo","2026-10-14T12:00:00Z",…

Text is quoted, numbers and booleans are not; nothing known is an empty cell. Values stand as they are, never
defanged. A cell that a spreadsheet would run as a formula, or that itself starts with an apostrophe, gets an
apostrophe in front, so that who reads a cell by program strips one leading apostrophe and has the exact text
(OWASP, CSV Injection). docs/outputs.md describes every column.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from accord.columns.formulas import disarmed
from accord.columns.schema import FINDINGS, VIEW_SIGHTINGS
from accord.release.view import View
from accord.vocabulary.roles import SERVER_ROLES

Positions = npt.NDArray[np.int64]

FINDINGS_HEADER: tuple[str, ...] = tuple(name for name in FINDINGS.names if name != "datasets")
"""The columns of findings.csv: all of FINDINGS but the ids of data sets, which are the hub's own."""

OUTCOMES_HEADER: tuple[str, ...] = (
    "finding_id",
    "type",
    "value",
    "role",
    "asn",
    "network_owner",
    "marking",
    "review",
    "simulated",
    "outcome",
    "date",
    "note",
)
"""The contract of outcomes.csv: a recipient fills in the last three; `finding_id` alone identifies the row."""

SIGHTINGS_HEADER: tuple[str, ...] = (
    "finding_id",
    "type",
    "value",
    "role",
    "family",
    "seen_at",
    "undated",
    "source_port",
    "service_port",
    "count",
    "marking",
)
"""The columns of every by-network file."""

SIMULATED = "simulated"
"""The column that says in every line of every file whether the operation is an exercise: a line is soon cut out."""

UNKNOWN_NETWORK = "unknown-network.csv"
"""The by-network file of findings whose network is not known."""

_OF_FINDING = ("finding_id", "type", "value", "role", "marking")
"""What a sighting's row says of its finding."""

_ROWS = 50_000
"""Rows that are text at one time: bounds the memory, whatever the size of the view."""

# Separators inside a cell. What is a closed set of tokens takes a blank; free text takes a bar.
_TOKEN_LISTS = frozenset({"ports", "resolved", "countries", "basis"})


def write_findings(view: View, path: Path) -> int:
    """Write findings.csv, one row a finding, worst first, reviews included; the number of rows.

    Raises OSError when the file cannot be written.
    """
    header = (*FINDINGS_HEADER, SIMULATED)
    return _write(path, header, (_columns(part, FINDINGS_HEADER, view) for part in _parts(view.findings)))


def write_outcomes(view: View, path: Path) -> int:
    """Write outcomes.csv, a row a finding in the order of findings.csv, for the recipient to fill in; the rows.

    Raises OSError when the file cannot be written.
    """
    return _write(path, OUTCOMES_HEADER, (_outcome_columns(part, view) for part in _parts(view.findings)))


def findings_text(findings: pa.Table) -> pa.Table:
    """FINDINGS as a program reads the cells of findings.csv: FINDINGS_HEADER, strings without nulls."""
    return pa.table({name: cells(findings, name) for name in FINDINGS_HEADER})


def cells(findings: pa.Table, name: str) -> pa.Array:
    """One column of FINDINGS (in FINDINGS_HEADER) as a program reads its cells: strings without nulls."""
    return pc.fill_null(pc.cast(_column(name, _one(findings[name])), pa.string()), "")


def read_findings(path: Path) -> pa.Table:
    """Read a findings.csv back as strings, as they stand in it; columns and their order are the file's.

    Raises OSError when it cannot be read and pa.ArrowInvalid when it is no CSV in UTF-8.
    """
    with path.open("rb") as file:
        names = pa_csv.open_csv(file).schema.names if path.stat().st_size else []
    text = {name: pa.string() for name in names}
    return pa_csv.read_csv(
        path,
        convert_options=pa_csv.ConvertOptions(column_types=text, strings_can_be_null=False, null_values=[]),
        read_options=pa_csv.ReadOptions(use_threads=False),
    )


def write_networks(view: View, directory: Path) -> int:
    """Write one file of sightings for each network that has a finding on which somebody should act; how many.

    `AS<n>.csv`, or UNKNOWN_NETWORK; rows by finding, worst first, then time. Findings in review are left out:
    these files go to network owners. A finding without single sightings has one row that stands for all of them.
    Raises OSError when a file cannot be written.
    """
    directory.mkdir()
    header = (",".join([*SIGHTINGS_HEADER, SIMULATED]) + "\r\n").encode()
    networks = 0
    last = -1
    with ExitStack() as opened:
        file: BinaryIO | None = None
        for part in _by_network(view):
            asn = np.asarray(part["asn"])
            lines, ends = _lines(_sightings_columns(part, view))
            starts = np.flatnonzero(np.append(True, asn[1:] != asn[:-1]))
            for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(asn)], strict=True):
                if file is None or int(asn[start]) != last:
                    opened.close()
                    last = int(asn[start])
                    file = opened.enter_context((directory / network_file(last or None)).open("wb"))
                    file.write(header)
                    networks += 1
                file.write(lines[ends[start] : ends[stop]])
    return networks


def network_file(asn: int | None) -> str:
    """The name, within by-network/, of the file of one network; None: the network is not known."""
    return UNKNOWN_NETWORK if asn is None else f"AS{asn}.csv"


def _by_network(view: View) -> Iterator[pa.Table]:
    """Sightings with their findings' columns and `asn` (0: unknown), by network, then worst first, then time; some
    thousand rows at a time, never none."""
    asn = np.asarray(view.findings["asn"].fill_null(0))
    acted = np.flatnonzero(pc.equal(pc.list_value_length(view.findings["review"]), 0))
    # the order in which the sightings come; `turn` is a row's place in it
    rows = acted[np.argsort(asn[acted], kind="stable")]
    turn = np.full(view.findings.num_rows, -1, np.int64)
    turn[rows] = np.arange(len(rows))
    due = 0
    for piece in view.sightings.pieces():
        turns = turn[piece["row"].to_numpy()]
        if len(turns):
            last = int(turns[-1])
            yield from _told(view, rows, piece, turns, np.setdiff1d(np.arange(due, last), turns))
            due = last + 1
    nothing = pa.RecordBatch.from_pylist([], schema=VIEW_SIGHTINGS)
    yield from _told(view, rows, nothing, turn[:0], np.arange(due, len(rows)))


def _told(view: View, rows: Positions, piece: pa.RecordBatch, turns: Positions, alone: Positions) -> Iterator[pa.Table]:
    """Sightings, and between them one row for each finding that has none; `turns` and `alone` are places in `rows`."""
    places = np.append(turns, alone)
    order = np.argsort(places, kind="stable")
    for begin in range(0, len(order), _ROWS):
        part = order[begin : begin + _ROWS]
        at = pa.array(rows[places[part]])
        own = pa.array(part, mask=part >= len(turns))
        columns = {name: view.findings[name].take(at) for name in (*_OF_FINDING, "asn")}
        columns["asn"] = columns["asn"].fill_null(0)
        columns |= {name: piece[name].take(own) for name in ("family", "port")}
        for name, of_all in (("seen_at", "last_seen"), ("undated", "undated"), ("count", "sightings")):
            columns[name] = piece[name].take(own)
            if own.null_count:
                columns[name] = pc.coalesce(columns[name], view.findings[of_all].take(at))
        yield pa.table(columns)


def _sightings_columns(table: pa.Table, view: View) -> pa.Table:
    serves = pc.is_in(table["role"], pa.array([role.value for role in SERVER_ROLES]))
    nothing = pa.scalar(None, pa.int32())
    ports = {
        "source_port": pc.if_else(serves, nothing, table["port"]),
        "service_port": pc.if_else(serves, table["port"], nothing),
    }
    for name, column in ports.items():
        table = table.append_column(name, column)
    return _columns(table, SIGHTINGS_HEADER, view)


def _outcome_columns(findings: pa.Table, view: View) -> pa.Table:
    review = pc.greater(pc.list_value_length(findings["review"]), 0)
    table = findings.select(OUTCOMES_HEADER[:7]).append_column("review", review)
    for name in OUTCOMES_HEADER[-3:]:
        table = table.append_column(name, pa.nulls(findings.num_rows, pa.string()))
    written = _columns(table, [name for name in OUTCOMES_HEADER if name != SIMULATED], view)
    return written.select(OUTCOMES_HEADER)


def _columns(table: pa.Table, header: Sequence[str], view: View) -> pa.Table:
    """The columns as they go into a file: lists and times as text, formulas disarmed, the rest as it is; SIMULATED."""
    columns = {name: _column(name, _one(table[name])) for name in header}
    return pa.table(columns | {SIMULATED: pa.repeat(view.operation.simulated, table.num_rows)})


def _column(name: str, column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_list(kind):
        if name in _TOKEN_LISTS:
            return _joined(column, " ")
        return disarmed(_joined(column, "|"))
    if pa.types.is_timestamp(kind):
        return instants(column)
    if pa.types.is_string(kind):
        return disarmed(column)
    if pa.types.is_floating(kind):
        return pc.round(column, ndigits=4)
    return column


def instants(column: pa.Array) -> pa.Array:
    """Instants (INSTANT) as `2026-06-17T11:00:37Z`, with a fraction of a second only where there is one."""
    text = pc.cast(pc.cast(column, pa.timestamp("us")), pa.string())
    text = pc.replace_substring_regex(text, pattern=r"\.?0{6}$|(\.\d*[1-9])0+$", replacement=r"\1")
    return pc.binary_join_element_wise(pc.replace_substring(text, pattern=" ", replacement="T"), "Z", "")


def _joined(column: pa.Array, separator: str) -> pa.Array:
    items = column.flatten()
    if pa.types.is_string(items.type):
        if separator == "|" and pc.any(pc.match_substring_regex(items, r"[\\|]")).as_py():
            # a bar in a name must not read as two names
            items = pc.replace_substring_regex(items, pattern=r"([\\|])", replacement=r"\\\1")
    else:
        items = pc.cast(items, pa.string())
    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0))
    offsets = pa.array(np.append(0, np.cumsum(lengths)), pa.int32())
    return pc.binary_join(pa.ListArray.from_arrays(offsets, items), separator)


def _write(path: Path, header: tuple[str, ...], parts: Iterator[pa.Table]) -> int:
    rows = 0
    with path.open("wb") as file:
        file.write((",".join(header) + "\r\n").encode())
        for part in parts:
            rows += part.num_rows
            _append(part, file)
    return rows


def _append(table: pa.Table, sink: BinaryIO | pa.BufferOutputStream) -> None:
    pa_csv.write_csv(table, sink, pa_csv.WriteOptions(include_header=False, eol="\r\n", batch_size=8192))


def _lines(table: pa.Table) -> tuple[memoryview, npt.NDArray[np.int64]]:
    """A table as CSV lines, and where each begins: `ends[i]:ends[i + 1]` is line i."""
    sink = pa.BufferOutputStream()
    _append(table, sink)
    text = sink.getvalue()
    # no cell holds a line feed (`disarmed`), so every one of them ends a row
    breaks = np.flatnonzero(np.frombuffer(text, np.uint8) == 10) + 1
    return memoryview(text), np.append(0, breaks)


def _parts(table: pa.Table) -> Iterator[pa.Table]:
    for begin in range(0, table.num_rows, _ROWS):
        yield table.slice(begin, _ROWS)


def _one(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
