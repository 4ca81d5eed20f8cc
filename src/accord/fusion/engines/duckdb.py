"""DuckDB as the engine that merges a run's observations, spilling to disk when memory is short."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from accord.fusion.confidence import DAY_US
from accord.fusion.evidence import Evidence, Restriction, numbered
from accord.intake.spool import SPOOL, Spool
from accord.vocabulary.errors import OutputError
from accord.vocabulary.roles import ROLES, SERVER_ROLES

MEMORY_LIMIT = "400MB"
"""What DuckDB may hold before it spills into the run's folder."""


class EvidenceEngine:
    """DuckDB over a spool, spilling into `folder`. Close it when the run is done."""

    def __init__(self, spool: Spool, folder: Path, threads: int) -> None:
        self._connection = duckdb.connect(
            config={
                "threads": threads,
                "memory_limit": MEMORY_LIMIT,
                "temp_directory": str(folder / "spill"),
                "preserve_insertion_order": False,
                # a run reads its own files only and never the network
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        if spool.files:
            self._connection.read_parquet(spool.files).create_view("spooled")
        else:
            self._connection.register("spooled", SPOOL.empty_table())

    def close(self) -> None:
        """Let go of memory and spilled files."""
        self._connection.close()

    def merge(self, restriction: Restriction) -> Evidence:
        """Findings and evidence of what the restriction lets through. Raises OutputError when spilling fails."""
        with room_named():
            return self._merge(restriction)

    def _merge(self, restriction: Restriction) -> Evidence:
        servers = ", ".join(str(ROLES.index(role)) for role in sorted(SERVER_ROLES))
        found = self._connection.sql(
            f"""
            SELECT type, value, role, dataset, delivery, marking, family,
                   CAST(seen_at // {DAY_US} AS INTEGER) AS day,
                   min(seen_at) AS first_seen, max(seen_at) AS last_seen,
                   CAST(sum(count) AS BIGINT) AS count, bool_and(undated) AS undated,
                   CAST(count(*) AS BIGINT) AS observations,
                   list(port) FILTER (port > 0 AND role IN ({servers})) AS ports
            FROM spooled WHERE {_condition(restriction)}
            GROUP BY ALL ORDER BY type, value, role, dataset, delivery, marking, family, day
            """
        ).to_arrow_table()
        return numbered(found)

    def sightings(self, restriction: Restriction, wanted: pa.Table) -> pa.Table:
        """Single sightings of some findings, equal ones counted together.

        `wanted`: columns finding int64, type int8, value string, role int8. Returns columns finding int64, dataset
        int32, marking int8, family int32, seen_at int64, undated bool, port int32 (0: none), count int64; sorted by
        finding, seen_at, port, family, dataset, marking. Raises OutputError when spilling fails.
        """
        self._connection.register("wanted", wanted)
        with room_named():
            return self._connection.sql(
                f"""
                SELECT finding, dataset, marking, family, seen_at, undated, port, CAST(sum(count) AS BIGINT) AS count
                FROM spooled JOIN wanted USING (type, value, role)
                WHERE {_condition(restriction)}
                GROUP BY ALL ORDER BY finding, seen_at, port, family, dataset, marking, undated
                """
            ).to_arrow_table()


@contextmanager
def room_named() -> Iterator[None]:
    """DuckDB's errors of a full disk or full memory as ours."""
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise OutputError(
            "There is no room to merge the observations.",
            expected="free space beside the output, about as much as the deliveries take unpacked",
            got=str(error).splitlines()[0],
            remedy="free some space, or choose an --out on a larger disk",
        ) from error


def _condition(restriction: Restriction) -> str:
    """The restriction as SQL; it holds numbers only."""
    terms = ["true"]
    if restriction.start_us is not None:
        terms.append(f"seen_at >= {int(restriction.start_us)}")
    if restriction.end_us is not None:
        terms.append(f"seen_at <= {int(restriction.end_us)}")
    if restriction.roles:
        terms.append(f"role IN ({', '.join(str(ROLES.index(role)) for role in sorted(restriction.roles))})")
    if restriction.families is not None:
        codes = ", ".join(str(int(code)) for code in sorted(restriction.families)) or "NULL"
        terms.append(f"family IN ({codes})")
    return " AND ".join(terms)
