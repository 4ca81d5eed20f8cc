"""What DuckDB merges of a workspace's evidence: values of every type, with roles and ports.

What is said of addresses that are no servers is merged by sorting (`fusion.standing`).

Results come sorted and in pieces of ROWS rows, so that equal evidence gives equal bytes on any number of threads.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from accord.columns.engine import connect
from accord.columns.schema import EVIDENCE, INSTANT, PORTS_KEPT, STANDING
from accord.fusion.confidence import DAY_US
from accord.fusion.engines.duckdb import room_named
from accord.vocabulary.indicators import INDICATOR_TYPES
from accord.vocabulary.markings import MARKINGS
from accord.vocabulary.roles import ROLES, SERVER_ROLES

MEMORY_LIMIT = "400MB"
"""What DuckDB may hold before it spills."""

ROWS = 1 << 17
"""Rows of a piece."""

_SERVERS = ", ".join(str(ROLES.index(role)) for role in sorted(SERVER_ROLES))
_TYPES = pa.array([kind.value for kind in INDICATOR_TYPES])
_ROLES = pa.array([role.value for role in ROLES])
_MARKINGS = pa.array([marking.value for marking in MARKINGS])


@contextmanager
def engine(spill: Path, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of its own that spills into `spill` and never asks the network. Raises OutputError without room."""
    with room_named():
        connection = connect(
            threads=threads, memory_limit=MEMORY_LIMIT, temp_directory=str(spill), preserve_insertion_order=False
        )
        try:
            yield connection
        finally:
            connection.close()


def merge_parts(
    connection: duckdb.DuckDBPyConnection, files: Sequence[str], families: Sequence[str]
) -> Iterator[pa.Table]:
    """A delivery's observations (`intake.parts.PART`) merged: pieces of EVIDENCE.

    `families`: the reported names by the parts' codes.
    """
    if not files:
        return
    listed = ", ".join(sql_path(Path(file)) for file in files)
    connection.sql(f"SELECT * FROM read_parquet([{listed}])").create_view("parts", replace=True)
    names = sorted(families)
    rank = {name: at for at, name in enumerate(names)}
    # codes come in the order in which threads met the names; their ranks are the same every time
    ranks = pa.table({"code": list(range(-1, len(families))), "rank": [-1, *(rank[name] for name in families)]})
    connection.register("ranks", ranks)
    merged = connection.sql(
        f"""
        SELECT type, high, low, value, role, CAST(rank AS INTEGER) AS family, marking,
               CAST(seen_at // {DAY_US} AS INTEGER) AS day,
               min(seen_at) AS first_seen, max(seen_at) AS last_seen, CAST(sum(count) AS BIGINT) AS count,
               bool_and(undated) AS undated, CAST(count(*) AS BIGINT) AS observations,
               list_slice(list_sort(list(DISTINCT port) FILTER (port > 0 AND role IN ({_SERVERS}))), 1, {PORTS_KEPT})
               AS ports
        FROM parts JOIN ranks ON family = code
        GROUP BY ALL ORDER BY type, high, low, value, role, family, marking, day
        """
    )
    for piece in pieces(merged.to_arrow_reader(ROWS)):
        yield _named(piece, names)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """A file of EVIDENCE rows of one data set."""

    dataset: str
    path: Path


def merge_evidence(
    connection: duckdb.DuckDBPyConnection, files: Sequence[EvidenceFile], standing: Path | None
) -> Iterator[pa.Table]:
    """The evidence of many deliveries merged over days and deliveries: pieces of STANDING, whole findings in each.

    `standing`: a file of STANDING rows that other deliveries have been merged into.
    """
    for name, words in (("kind", _TYPES), ("role_name", _ROLES), ("marking_name", _MARKINGS)):
        listed = ", ".join(f"'{word}'" for word in words.to_pylist())
        connection.execute(f"CREATE TYPE {name} AS ENUM ({listed})")
    said = "family, marking, first_seen, last_seen, count, undated, observations, ports"
    keys = "type, high, low, value, role"
    terms = []
    for dataset in sorted({file.dataset for file in files}):
        listed = ", ".join(sql_path(file.path) for file in files if file.dataset == dataset)
        source = f"read_parquet([{listed}], hive_partitioning=false)"
        terms.append(f"SELECT {keys}, '{dataset}' AS dataset, {said} FROM {source}")
    if standing is not None:
        terms.append(f"SELECT {keys}, dataset, {said} FROM read_parquet([{sql_path(standing)}])")
    if not terms:
        return
    merged = connection.sql(
        f"""
        SELECT CAST(type AS kind) AS type, high, low, value, CAST(role AS role_name) AS role, dataset, family,
               CAST(marking AS marking_name) AS marking,
               min(first_seen) AS first_seen, max(last_seen) AS last_seen, CAST(sum(count) AS BIGINT) AS count,
               bool_and(undated) AS undated, CAST(sum(observations) AS BIGINT) AS observations,
               list_slice(list_sort(list_distinct(flatten(list(ports) FILTER (len(ports) > 0)))), 1, {PORTS_KEPT})
               AS ports
        FROM ({" UNION ALL ".join(terms)})
        GROUP BY ALL ORDER BY {keys}, dataset, family NULLS FIRST, marking
        """
    )
    for piece in whole_findings(pieces(merged.to_arrow_reader(ROWS))):
        columns = {name: _plain(piece[name], STANDING.field(name).type) for name in STANDING.names}
        yield pa.table(list(columns.values()), schema=STANDING)


def sql_path(path: Path) -> str:
    """A path as an SQL text that stands for this one file, whatever characters its folders' names have."""
    return "'" + re.sub(r"([*?\[])", r"[\1]", str(path)).replace("'", "''") + "'"


def pieces(batches: Iterable[pa.RecordBatch], rows: int = ROWS) -> Iterator[pa.Table]:
    """The same rows in tables of exactly `rows`, the last one shorter."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        while count >= rows:
            table = pa.Table.from_batches(held)
            yield table.slice(0, rows).combine_chunks()
            held = table.slice(rows).to_batches()
            count -= rows
    if count:
        yield pa.Table.from_batches(held).combine_chunks()


def whole_findings(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same sorted rows, cut between findings."""
    carried: pa.Table | None = None
    for table in tables:
        together = table if carried is None else pa.concat_tables([carried, table]).combine_chunks()
        last = int(finding_begins(together)[-1])
        yield together.slice(0, last)
        carried = together.slice(last)
    if carried is not None:
        yield carried


def finding_begins(table: pa.Table) -> np.ndarray:
    """First rows of the runs of one finding, in a table with rows."""
    new = np.zeros(len(table), np.bool_)
    new[0] = True
    for name in ("type", "high", "low", "value", "role"):
        column = table[name].combine_chunks()
        if pa.types.is_dictionary(column.type):
            column = column.indices
        new[1:] |= pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
    return np.flatnonzero(new)


def _named(piece: pa.Table, families: Sequence[str]) -> pa.Table:
    """EVIDENCE rows of merged parts: codes get their words, numbers their meaning."""
    family = piece["family"].combine_chunks()
    columns: dict[str, object] = {
        "type": _words(piece["type"], _TYPES),
        "role": _words(piece["role"], _ROLES),
        "marking": _words(piece["marking"], _MARKINGS),
        "family": pa.DictionaryArray.from_arrays(
            pc.if_else(pc.less(family, 0), pa.scalar(None, pa.int32()), family), pa.array(families, pa.string())
        ),
        "day": piece["day"].combine_chunks().cast(pa.date32()),
        "first_seen": piece["first_seen"].combine_chunks().cast(INSTANT),
        "last_seen": piece["last_seen"].combine_chunks().cast(INSTANT),
        "ports": _lists(piece["ports"].combine_chunks()),
    }
    arrays = [columns[name] if name in columns else piece[name].combine_chunks() for name in EVIDENCE.names]
    return pa.table(arrays, schema=EVIDENCE)


def _plain(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """A column of DuckDB's as ours."""
    array = column.combine_chunks()
    if pa.types.is_list(kind):
        return _lists(array)
    if pa.types.is_dictionary(kind):
        return array.cast(pa.string()).dictionary_encode()
    return array.cast(kind)


def _words(codes: pa.ChunkedArray, words: pa.StringArray) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(codes.combine_chunks().cast(pa.int32()), words)


def _lists(lists: pa.ListArray) -> pa.ListArray:
    """The same lists of numbers, an empty one for null."""
    length = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    offsets = np.zeros(len(lists) + 1, np.int32)
    np.cumsum(length, out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), pc.list_flatten(lists).cast(pa.int32()))
