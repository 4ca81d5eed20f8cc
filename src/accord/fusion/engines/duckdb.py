"""DuckDB as the engine that merges a run's observations, spilling to disk when memory is short."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from accord.columns.engine import connect
from accord.columns.schema import PORTS_KEPT
from accord.fusion.confidence import DAY_US
from accord.fusion.evidence import EVIDENCE_ROW, NO_PORT, SIGHTING_ROW, Restriction, StoredEvidence
from accord.fusion.rowfile import Positions, RowFile, Rows, write_rows
from accord.intake.spool import SPOOL, Spool
from accord.vocabulary.errors import OutputError
from accord.vocabulary.roles import ROLES, SERVER_ROLES

MEMORY_LIMIT = "400MB"
"""What DuckDB may hold before it spills into the run's folder."""

_NO_ROOM = ("IO Error:", "Out of Memory Error:")
"""How DuckDB begins the texts of its errors of a full disk and of full memory."""

_ROWS = 1 << 16
"""Rows that are taken out of DuckDB at a time."""


class EvidenceEngine:
    """DuckDB over a spool, spilling into `folder` and writing its results there. Close it when the run is done."""

    def __init__(self, spool: Spool, folder: Path, threads: int) -> None:
        self._folder = folder
        self._findings = 0
        self._connection = connect(
            threads=threads,
            memory_limit=MEMORY_LIMIT,
            temp_directory=str(folder / "spill"),
            preserve_insertion_order=False,
        )
        if spool.files:
            self._connection.read_parquet(spool.files).create_view("spooled")
        else:
            self._connection.register("spooled", SPOOL.empty_table())

    def close(self) -> None:
        """Let go of memory and spilled files; what was written stays."""
        self._connection.close()

    def merge(self, restriction: Restriction) -> StoredEvidence:
        """Findings and evidence of what the restriction lets through, in `evidence.rows` of the folder.

        Raises OutputError when spilling fails.
        """
        with room_named():
            findings = self._number(restriction)
            self._findings = len(findings)
            return StoredEvidence(findings=findings, rows=self._evidence(len(findings)), ports=self._ports())

    def _number(self, restriction: Restriction) -> pa.Table:
        """Number the findings in the order of type, value and role, and the observations by them: `numbered`."""
        self._connection.execute(
            f"""
            CREATE TEMP TABLE finding AS
            SELECT CAST(row_number() OVER (ORDER BY type, value, role) - 1 AS INTEGER) AS finding, type, value, role
            FROM (SELECT DISTINCT type, value, role FROM spooled WHERE {_condition(restriction)})
            """
        )
        self._connection.execute(
            f"""
            CREATE TEMP TABLE numbered AS
            SELECT finding, role, dataset, delivery, marking, family, seen_at, undated, count, port
            FROM spooled JOIN finding USING (type, value, role) WHERE {_condition(restriction)}
            """
        )
        found = self._connection.sql("SELECT type, value, role FROM finding ORDER BY finding").to_arrow_table()
        self._connection.execute("DROP TABLE finding")
        return found.combine_chunks()

    def _evidence(self, findings: int) -> RowFile:
        # the columns stand in the order in which they sort; the last ones follow from the first six
        merged = f"""
            SELECT finding, dataset, delivery, marking, family, CAST(seen_at // {DAY_US} AS INTEGER) AS day,
                   min(seen_at) AS first_seen, max(seen_at) AS last_seen,
                   CAST(sum(count) AS BIGINT) AS count, bool_and(undated) AS undated,
                   CAST(count(*) AS BIGINT) AS observations
            FROM numbered GROUP BY finding, dataset, delivery, marking, family, day ORDER BY ALL
            """
        return write_rows(self._folder / "evidence.rows", EVIDENCE_ROW, self._rows(merged, EVIDENCE_ROW), findings)

    def _ports(self) -> pa.Table:
        servers = ", ".join(str(ROLES.index(role)) for role in sorted(SERVER_ROLES))
        # by rank and not by `min(port, n)`, whose lists never spill: a million servers would fill the memory
        return self._connection.sql(
            f"""
            SELECT CAST(finding AS BIGINT) AS finding, dataset, marking, port
            FROM (SELECT DISTINCT finding, dataset, marking, port FROM numbered
                  WHERE port > 0 AND role IN ({servers}))
            QUALIFY row_number() OVER (PARTITION BY finding, dataset, marking ORDER BY port) <= {PORTS_KEPT}
            ORDER BY finding, dataset, marking, port
            """
        ).to_arrow_table()

    def sightings(self, wanted: Positions, family_ranks: Sequence[int]) -> RowFile:
        """Single sightings of the findings in `wanted` (others have none), in `sightings.rows` of the folder.

        Follows `merge`. `family_ranks`: `SIGHTING_ROW.family` of each reported family, and of none as the last entry.
        Raises OutputError when spilling fails.
        """
        ranks = pa.table({"code": np.append(np.arange(len(family_ranks) - 1), -1), "rank": list(family_ranks)})
        self._connection.register("wanted", pa.table({"finding": wanted}))
        self._connection.register("ranks", ranks)
        # in the order in which they sort; `ORDER BY ALL` takes a third of the time of naming all but `count`
        single = f"""
            SELECT finding, seen_at, CASE port WHEN 0 THEN {NO_PORT} ELSE port END AS port,
                   CAST(rank AS INTEGER) AS family, undated, dataset, marking, count
            FROM numbered SEMI JOIN wanted USING (finding) JOIN ranks ON family = code
            ORDER BY ALL
            """
        with room_named():
            return write_rows(
                self._folder / "sightings.rows", SIGHTING_ROW, self._rows(single, SIGHTING_ROW), self._findings
            )

    def _rows(self, query: str, kind: np.dtype[Any]) -> Iterator[tuple[Positions, Rows]]:
        """What a query gives, as rows on disk have it, and the finding of each row."""
        for batch in self._connection.sql(query).to_arrow_reader(_ROWS):
            rows = np.empty(batch.num_rows, kind)
            for name in kind.names or ():
                rows[name] = batch.column(name).to_numpy(zero_copy_only=False)
            yield batch.column("finding").to_numpy().astype(np.int64), rows


@contextmanager
def room_named() -> Iterator[None]:
    """DuckDB's errors of a full disk or full memory as ours, also those that come while its rows are read."""
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException, OSError) as error:
        text = str(error).splitlines()[0]
        # in the middle of a result Arrow passes them on as an OSError with DuckDB's text and without a number
        if isinstance(error, OSError) and (error.errno is not None or not text.startswith(_NO_ROOM)):
            raise
        raise OutputError(
            "There is no room to merge the observations.",
            expected="free space beside the output, about as much as the deliveries take unpacked",
            got=text,
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
