"""How one snapshot of a workspace differs from another: counts by country, or every finding that differs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.csv

from accord.cli.deliveries.kept import damage_named
from accord.cli.snapshots.snapshotting import ANEW, FINDINGS_FILE, LOCATED, whole_snapshot
from accord.columns.engine import connect
from accord.columns.formulas import disarmed
from accord.fusion.engines.files import sql_path
from accord.vocabulary.indicators import INDICATOR_TYPES
from accord.workspace.store import SnapshotFolder

_SAID = ("families", "datasets", "marking", "first_seen", "last_seen", "sightings", "country", "asn")
"""What a finding has changed by."""

_ROWS = 1 << 16
"""Rows of the list that are held at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How one snapshot differs from an earlier one."""

    new: int
    gone: int
    changed: int
    """Findings of both whose times, sightings, families, data sets, marking or place differ."""
    by_country: tuple[tuple[str, int, int, int], ...]
    """Country ('' for none), new, gone, changed; the most first. The country is where the finding is hosted, else
    that of its registry."""


def compare(old: SnapshotFolder, new: SnapshotFolder) -> Difference:
    """Count what is new, gone and changed from `old` to `new`. Raises UnreadableError when one is damaged."""
    with _both(old, new) as connection:
        rows = connection.sql(
            """
            SELECT coalesce(country, registry_country, '') AS place, count(*) FILTER (change = 'new'),
                   count(*) FILTER (change = 'gone'), count(*) FILTER (change = 'changed')
            FROM difference GROUP BY place
            """
        ).fetchall()
    counted = [(str(place), int(fresh), int(gone), int(changed)) for place, fresh, gone, changed in rows]
    counted.sort(key=lambda row: (-row[1] - row[2] - row[3], row[0]))
    return Difference(
        new=sum(row[1] for row in counted),
        gone=sum(row[2] for row in counted),
        changed=sum(row[3] for row in counted),
        by_country=tuple(counted),
    )


def write_differing(old: SnapshotFolder, new: SnapshotFolder, sink: BinaryIO) -> None:
    """Write a line of CSV for each finding that differs, as `new` has it, or `old` what is gone.

    Cells are as in recipients' files (docs/outputs.md). Raises UnreadableError when a snapshot is damaged.
    """
    listed = "replace(replace(name, '\\', '\\\\'), '|', '\\|')"
    times = ", ".join(f"strftime({name} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ') AS {name}" for name in _TIMES)
    with _both(old, new) as connection:
        connection.register("types", pa.table({"code": range(len(INDICATOR_TYPES)), "name": list(INDICATOR_TYPES)}))
        reader = connection.sql(
            f"""
            SELECT change, types.name AS type, value, role,
                   array_to_string([{listed} FOR name IN families], '|') AS families,
                   {times}, sightings, marking, array_to_string(datasets, ' ') AS datasets, country, registry_country,
                   asn, network_owner
            FROM difference JOIN types ON types.code = difference.type
            ORDER BY change DESC, difference.type, value, role
            """
        ).to_arrow_reader(_ROWS)
        writer = None
        for batch in reader:
            table = pa.table(
                {
                    name: disarmed(column) if pa.types.is_string(column.type) else column
                    for name, column in zip(batch.schema.names, batch.columns, strict=True)
                }
            )
            writer = writer or pa.csv.CSVWriter(sink, table.schema)
            writer.write_table(table)
        if writer is None:
            writer = pa.csv.CSVWriter(sink, reader.schema)
        writer.close()


_TIMES = ("first_seen", "last_seen")


@contextmanager
def _both(old: SnapshotFolder, new: SnapshotFolder) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the view `difference`: LOCATED rows that differ, and `change`: new, gone or changed."""
    with damage_named(new.path.parent, ANEW), connect() as connection:
        for name, folder in (("older", old), ("newer", new)):
            if FINDINGS_FILE in whole_snapshot(folder).files:
                connection.sql(f"SELECT * FROM read_parquet({sql_path(folder.path / FINDINGS_FILE)})").create_view(name)
            else:
                connection.register(name, LOCATED.empty_table())
        said = ", ".join(f"{name} := {name}" for name in _SAID)
        columns = ", ".join(f"CASE WHEN n.value IS NULL THEN o.{name} ELSE n.{name} END AS {name}" for name in _LISTED)
        connection.sql(
            f"""
            SELECT CASE WHEN o.value IS NULL THEN 'new' WHEN n.value IS NULL THEN 'gone' ELSE 'changed' END AS change,
                   {columns}
            FROM (SELECT *, struct_pack({said}) AS said FROM older) o
            FULL JOIN (SELECT *, struct_pack({said}) AS said FROM newer) n
                ON o.type = n.type AND o.value = n.value AND o.role = n.role
            WHERE o.value IS NULL OR n.value IS NULL OR o.said IS DISTINCT FROM n.said
            """
        ).create_view("difference")
        yield connection


_LISTED = ("type", "value", "role", *_SAID, "registry_country", "network_owner")
