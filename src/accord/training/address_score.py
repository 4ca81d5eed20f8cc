"""Scoring addresses that are too many to list: a run's hub table and reports against the Parquet file of the truth."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from accord.columns.engine import connect
from accord.training.tallies import EXAMPLES, Mismatch, Tally
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.roles import Role

MEMORY_LIMIT = "400MB"
"""What DuckDB may hold before it spills into a temporary folder."""

_MET = """
CREATE TABLE met AS
SELECT t.value AS true_value, f.value AS found_value, coalesce(t.value, f.value) AS value,
       coalesce(t.country, f.country) AS place, coalesce(len(f.review) > 0, false) AS held,
       t.country, t.conflict, t.asn, t.sightings, t.first_seen, t.last_seen,
       f.countries, f.country_conflict, f.asn AS found_asn, f.sightings AS found_sightings,
       f.first_seen AS found_first, f.last_seen AS found_last, f.families, f.review
FROM read_parquet($truth) t
FULL JOIN (FROM read_parquet($hub) WHERE role = $role) f ON t.value = f.value
"""

_CHECKS = (
    ("a missed finding", "found_value IS NULL", "'a finding'", "'none'"),
    ("a finding from nowhere", "true_value IS NULL", "'no such finding'", "'one'"),
    ("a finding held back", "both_known AND held", "'one to act on'", "'review for ' || array_to_string(review, ', ')"),
    (
        "a hosting country",
        "both_known AND NOT list_contains(countries, country)",
        "country",
        "coalesce(nullif(array_to_string(countries, ' '), ''), 'none')",
    ),
    (
        "the mark 'country sources disagree'",
        "both_known AND conflict <> country_conflict",
        "conflict::VARCHAR",
        "country_conflict::VARCHAR",
    ),
    ("the network", "both_known AND asn IS DISTINCT FROM found_asn", "asn::VARCHAR", "found_asn::VARCHAR"),
    (
        "the number of sightings",
        "both_known AND sightings <> found_sightings",
        "sightings::VARCHAR",
        "found_sightings::VARCHAR",
    ),
    (
        "the period",
        "both_known AND (first_seen <> found_first OR last_seen <> found_last)",
        "first_seen || ' to ' || last_seen",
        "found_first || ' to ' || found_last",
    ),
    (
        "the family",
        "both_known AND $family <> '' AND NOT list_contains(families, $family)",
        "$family",
        "coalesce(nullif(array_to_string(families, ', '), ''), 'none')",
    ),
)
"""What differs, when, what the truth says, and what the run says."""

_REPORTED = """
CREATE TABLE reported AS
SELECT coalesce(r.value, t.value) AS value, r.place, t.country
FROM (
    SELECT value, regexp_extract(filename, '([^/]+)/findings[.]csv$', 1) AS place
    FROM read_csv($reports, header = true, all_varchar = true, filename = true, union_by_name = true)
    WHERE role = $role
) r
FULL JOIN (SELECT value, country FROM read_parquet($truth) WHERE list_contains($countries, country)) t
    ON r.value = t.value AND r.place = t.country
WHERE r.value IS NULL OR t.value IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressScore:
    """Infected systems against the truth."""

    infected: Tally
    by_country: Mapping[str, Tally]
    mismatches: tuple[Mismatch, ...]


def score_addresses(truth: Path, run_dir: Path, countries: Sequence[str], family: str | None) -> AddressScore:
    """Compare a run with the addresses' truth (`census.ADDRESSES`), in memory that is bounded.

    `family`: the name that the run must give each address; None: not looked at. Raises SettingsError when a file is
    absent or has another layout.
    """
    role = Role.INFECTED_SYSTEM.value
    try:
        with TemporaryDirectory(prefix="accord-score-") as spill, _connection(spill) as connection:
            connection.execute(
                _MET, {"truth": str(truth), "hub": str(run_dir / "hub" / "findings.parquet"), "role": role}
            )
            tallies = _tallies(connection)
            found = [*_differences(connection, family or "")]
            reports = [str(run_dir / "reports" / code / "findings.csv") for code in countries]
            connection.execute(
                _REPORTED, {"truth": str(truth), "reports": reports, "countries": list(countries), "role": role}
            )
            found += _misplaced(connection)
    except duckdb.Error as error:
        raise SettingsError(
            "The addresses of the truth and the run cannot be compared.",
            where=f"{truth} and {run_dir}",
            expected="what `accord simulate` and `accord operation run` of this version wrote",
            got=str(error).partition("\n")[0],
            remedy="simulate and run the operation again",
        ) from error
    nothing = Tally(true=0, found=0, held=0, missed=0, wrong=0)
    return AddressScore(
        infected=Tally(
            **{
                name: sum(getattr(one, name) for one in tallies.values())
                for name in ("true", "found", "held", "missed", "wrong")
            }
        ),
        by_country={code: tallies.get(code, nothing) for code in countries},
        mismatches=tuple(found),
    )


def _connection(spill: str) -> duckdb.DuckDBPyConnection:
    return connect(memory_limit=MEMORY_LIMIT, temp_directory=spill, preserve_insertion_order=False)


def _tallies(connection: duckdb.DuckDBPyConnection) -> dict[str, Tally]:
    rows = connection.execute(
        """
        SELECT coalesce(place, ''), count(true_value), count_if(both_known AND NOT held), count_if(both_known AND held),
               count_if(found_value IS NULL), count_if(true_value IS NULL AND NOT held)
        FROM (SELECT *, true_value IS NOT NULL AND found_value IS NOT NULL AS both_known FROM met)
        GROUP BY ALL
        """
    ).fetchall()
    return {
        place: Tally(true=true, found=found, held=held, missed=missed, wrong=wrong)
        for place, true, found, held, missed, wrong in rows
    }


def _differences(connection: duckdb.DuckDBPyConnection, family: str) -> Iterator[Mismatch]:
    for what, differs, expected, got in _CHECKS:
        text = " ".join((differs, expected, got))
        bound = {"family": family} if "$family" in text else {}
        rows = connection.execute(
            f"""
            SELECT value, {expected}, {got}, count(*) OVER ()
            FROM (SELECT *, true_value IS NOT NULL AND found_value IS NOT NULL AS both_known FROM met)
            WHERE {differs} ORDER BY value LIMIT {EXAMPLES}
            """,
            bound,
        ).fetchall()
        for value, wanted, had, _ in rows:
            yield Mismatch(what=what, where=f"{value} ({Role.INFECTED_SYSTEM.value})", expected=wanted, got=str(had))
        if rows and rows[0][3] > EXAMPLES:
            yield Mismatch(what=what, where="elsewhere", expected="none", got=f"{rows[0][3] - EXAMPLES} more")


def _misplaced(connection: duckdb.DuckDBPyConnection) -> Iterator[Mismatch]:
    rows = connection.execute(
        """
        SELECT coalesce(place, country) AS report, place IS NULL AS missing, count(*), min(value)
        FROM reported GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()
    for report, missing, count, value in rows:
        yield Mismatch(
            what="missing from a report" if missing else "in the wrong report",
            where=f"reports/{report}",
            expected=value if missing else "nothing of it",
            got=("nothing" if missing else value) + (f", and {count - 1} more" if count > 1 else ""),
        )
