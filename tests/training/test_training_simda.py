"""The scenario simda-2015: streamed logs, and a truth that counts what is in them."""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from accord.cli.operations.running import run_operation
from accord.formats.catalogue import FORMATS
from accord.operations.declaration import read_operation
from accord.reference.store import Reference, load
from accord.training.ground import Ground
from accord.training.population import populate
from accord.training.scorecard import scorecard
from accord.training.sheets import TruthSheet, read_truth
from accord.training.simda_2015 import COUNTRIES, SERVERS, SIMDA_2015
from accord.training.simulate import simulate, simulate_story
from accord.training.sinkhole import SinkholeLog
from accord.training.truth import Score, score
from accord.vocabulary.countries import COUNTRY_CODES
from accord.vocabulary.errors import SettingsError

SCALE, EVENTS = 0.0026, 24_000


def quiet(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load(None)


@pytest.fixture(scope="module")
def told(once: Callable[[str, Callable[[Path], object]], Path], reference: Reference) -> Path:
    def make(folder: Path) -> None:
        simulate("simda-2015", folder / "told", 1, SCALE, reference, quiet, events=EVENTS)

    return once("simda", make) / "told"


@pytest.fixture(scope="module")
def truth(told: Path) -> TruthSheet:
    return read_truth(told / "truth.json")


@pytest.fixture(scope="module")
def read(told: Path, slow_log):
    """Every report read slowly: the whole, and the outcomes of each."""
    log = slow_log()
    return log, {path.name: log.read(path) for path in sorted((told / "deliveries" / "shadow").iterdir())}


@pytest.fixture(scope="module")
def addresses(told: Path, truth: TruthSheet) -> pa.Table:
    return pq.read_table(told / truth.addresses.file)


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_770000_machines_stand_in_190_countries_most_in_the_five_that_were_named() -> None:
    assert sum(one.machines for one in COUNTRIES) == SIMDA_2015.machines == 770_000
    codes = [one.code for one in COUNTRIES]
    assert len(codes) == len(set(codes)) == 190
    assert set(codes) <= COUNTRY_CODES
    assert set(codes[:5]) == {"US", "CA", "GB", "RU", "TR"}
    assert all(one.machines > 0 for one in COUNTRIES)
    assert {one.country for one in SIMDA_2015.recipients} == set(codes)


def test_14_servers_were_seized_in_five_countries(truth: TruthSheet) -> None:
    assert sum(count for _, count in SERVERS) == truth.totals.servers == 14
    assert Counter(one.hosting for one in truth.findings) == dict(SERVERS)
    assert {one.role for one in truth.findings} == {"c2-server"}


def test_a_slow_reader_counts_in_every_report_what_the_truth_says(truth: TruthSheet, read) -> None:
    _, outcomes = read
    accounts = {Path(one.file).name: one for one in truth.deliveries if one.file.startswith("shadow/")}
    assert accounts.keys() == outcomes.keys()
    for name, found in outcomes.items():
        one = accounts[name]
        assert one.partial_by_reason.get("port", 0) == found["port"]
        assert one.accepted == found.pop("good") + found.pop("port", 0), name
        assert one.rejected_by_reason == found
        assert (one.ignored, one.rejected) == (1, found.total())
        assert one.records == one.accepted + one.ignored + one.rejected


def test_the_shares_of_ipv6_and_of_broken_lines_are_exact(truth: TruthSheet, read) -> None:
    log, _ = read
    reports = [one for one in truth.deliveries if one.file.startswith("shadow/")]
    rows = {six: sum(one.records - 1 for one in reports if f"event{six}_" in one.file) for six in (4, 6)}
    assert (rows[4] + rows[6], rows[6]) == (EVENTS, EVENTS // 20)
    broken = sum(one.rejected + sum(one.partial_by_reason.values()) for one in reports)
    assert broken == EVENTS // 100
    assert log.lines == truth.events == EVENTS
    kinds = Counter({"port": log.outcomes["port"]}) + sum(
        (Counter(one.rejected_by_reason) for one in reports), Counter()
    )
    assert len(kinds) == 8
    assert all(abs(one - broken / 8) <= 2 for one in kinds.values())


def test_every_address_is_counted_as_a_slow_reader_counts_it(addresses: pa.Table, truth: TruthSheet, read) -> None:
    log, _ = read
    rows = addresses.to_pylist()
    assert len(rows) == len(log.sightings) == truth.totals.infected
    for one in rows:
        times = log.sightings[one["value"]]
        assert (one["sightings"], one["first_seen"], one["last_seen"]) == (len(times), min(times), max(times))
    assert truth.addresses.ipv6 == sum(":" in one["value"] for one in rows)
    assert truth.addresses.ipv4 + truth.addresses.ipv6 == len(rows)
    days = {(address, seen.date()) for address, times in log.sightings.items() for seen in times}
    assert truth.addresses.address_days == len(days)


def test_every_address_is_its_countrys_by_the_primary_source_and_its_networks(
    addresses: pa.Table, truth: TruthSheet, reference: Reference
) -> None:
    values = addresses["value"].combine_chunks()
    country, network = reference.country, reference.network
    assert country.name(country.look_up(values)).equals(addresses["country"].combine_chunks())
    assert network.number(network.look_up(values)).equals(addresses["asn"].combine_chunks())
    counted = Counter(addresses["country"].to_pylist())
    assert counted == {code: one.infected for code, one in truth.countries.items()}
    assert len(counted) == 190
    assert len(set(addresses["asn"].to_pylist())) > 150


def test_some_addresses_hide_several_machines_and_some_machines_move(addresses: pa.Table, truth: TruthSheet) -> None:
    machines = addresses["machines"]
    assert truth.addresses.shared == pc.sum(pc.greater(machines, 1)).as_py() > 100
    assert 100 < truth.addresses.moving < truth.addresses.machines
    assert truth.addresses.machines == sum(one.machines for one in truth.countries.values()) == truth.totals.machines
    # every machine called from some address; one that moved, from several
    assert pc.sum(machines).as_py() >= truth.addresses.machines + truth.addresses.moving


def test_logs_come_in_the_plain_and_the_http_layout_of_ipv4_and_of_ipv6(told: Path) -> None:
    # the columns as Shadowserver's report schema 8e06fb91 has them
    http = {"http_url", "http_host", "http_agent", "forwarded_by", "http_referer", "machine_name"}
    columns: dict[str, set[str]] = {}
    for path in (told / "deliveries" / "shadow").iterdir():
        kind = path.name[11:].split("-")[0]
        with path.open(encoding="utf-8", errors="replace", newline="") as lines:
            columns.setdefault(kind, set()).add(next(lines))
    assert {kind: len(headers) for kind, headers in columns.items()} == dict.fromkeys(
        ("event4_sinkhole", "event4_sinkhole_http", "event6_sinkhole", "event6_sinkhole_http"), 1
    )
    for kind, (header,) in columns.items():
        names = next(csv.reader([header]))
        assert len(names) == (39 if kind.endswith("_http") else 33)
        assert http & set(names) == (http if kind.endswith("_http") else set())


def test_quoted_commas_and_quotes_stand_in_fields_before_the_infection(read) -> None:
    log, _ = read
    assert log.commas > EVENTS // 10
    assert log.doubled > EVENTS // 50


def test_the_sinkhole_sees_more_every_month_most_from_the_takedown_on_and_then_less_and_less(truth: TruthSheet) -> None:
    rows: Counter[datetime] = Counter()
    for one in truth.deliveries:
        if one.file.startswith("shadow/"):
            rows[datetime.fromisoformat(Path(one.file).name[:10]).replace(tzinfo=UTC)] += one.records
    assert (min(rows), max(rows)) == (SIMDA_2015.window_start, SIMDA_2015.as_of - timedelta(days=1))
    weeks = [
        sum(rows[datetime(2015, 4, 9, tzinfo=UTC) + timedelta(days=7 * week + day)] for day in range(7))
        for week in range(-14, 8)
    ]
    january, february, march = (sum(weeks[first : first + 4]) for first in (0, 5, 10))
    assert march > 1.2 * february > 1.2 * 1.2 * january
    takedown = weeks[14:]
    assert takedown[0] > 4 * weeks[13] > 0
    assert takedown[0] > takedown[2] > takedown[4] > takedown[7]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_ones(
    told: Path, tmp_path: Path, reference: Reference
) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        simulate("simda-2015", tmp_path / name, seed, SCALE, reference, quiet, events=EVENTS)
    assert digest(told) == digest(tmp_path / "a")
    assert not digest(told).items() & digest(tmp_path / "b").items()


def test_more_events_mean_more_calls_of_the_same_machines(told: Path, tmp_path: Path, reference: Reference) -> None:
    simulate("simda-2015", tmp_path / "more", 1, SCALE, reference, quiet, events=2 * EVENTS)
    fewer, more = (read_truth(path / "truth.json") for path in (told, tmp_path / "more"))
    assert more.addresses == fewer.addresses
    assert sum(one.records for one in more.deliveries) > 1.9 * sum(one.records for one in fewer.deliveries)


@pytest.mark.parametrize(
    ("scenario", "scale", "events", "says"),
    [
        ("simda-2015", SCALE, 1_000, "too few events"),
        ("simda-2015", SCALE, 10_000_000, "too many events"),
        ("simda-2015", 3.0, None, "out of range"),
        ("asean-2017", 0.01, 5_000, "no number of events"),
    ],
)
def test_an_impossible_number_of_events_is_refused(
    tmp_path: Path, reference: Reference, scenario: str, scale: float, events: int | None, says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        simulate(scenario, tmp_path / "out", 1, scale, reference, quiet, events=events)
    assert not (tmp_path / "out").exists()


def test_the_number_of_events_that_a_refusal_names_would_do(reference: Reference) -> None:
    population = populate(SIMDA_2015, 1, 0.001, Ground(reference))
    with pytest.raises(SettingsError) as refusal:
        SinkholeLog(SIMDA_2015, population, 1, 50)
    named = int(re.search("at least ([0-9,]+) events", str(refusal.value))[1].replace(",", ""))
    log = SinkholeLog(SIMDA_2015, population, 1, named)
    assert (log.plan.calls >= log.plan.pairs).all()
    # and hardly fewer
    with pytest.raises(SettingsError, match="too few events"):
        SinkholeLog(SIMDA_2015, population, 1, named * 9 // 10)


def test_the_smaller_scale_that_a_refusal_names_would_do(reference: Reference) -> None:
    def refused(scale: float, events: int) -> str:
        try:
            SinkholeLog(SIMDA_2015, populate(SIMDA_2015, 1, scale, Ground(reference)), 1, events)
        except SettingsError as refusal:
            return str(refusal)
        return ""

    # few enough that countries with one machine weigh most
    times = re.search(r"--scale: ([0-9.]+) times this one", refused(0.02, 8000))
    assert times is not None
    assert refused(0.02 * float(times[1]), 8000) == ""
    assert "times this one" not in refused(0.001, 1)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, reference: Reference) -> tuple[Path, Path, Score]:
    """A telling of the countries where servers stood and of fewer days, run and scored."""
    folder = tmp_path_factory.mktemp("scored")
    kept = tuple(one for one in COUNTRIES if one.code in dict(SERVERS))
    story = replace(
        SIMDA_2015,
        countries=kept,
        recipients=tuple(one for one in SIMDA_2015.recipients if one.country in dict(SERVERS)),
        days=40,
        takedown_day=25,
    )
    sheet = simulate_story(story, folder / "told", 1, 0.005, reference, quiet)
    operation = read_operation(sheet.operation, FORMATS)
    run_operation(operation, folder / "run", reference=reference, since=None, workers=1, progress=quiet)
    families = reference.families
    return (
        folder / "told",
        folder / "run",
        score(sheet.truth_path, folder / "run", lambda n: families.normalise([n])[0]),
    )


def test_a_run_finds_every_address_every_server_and_every_broken_line(scored: tuple[Path, Path, Score]) -> None:
    told, _, result = scored
    assert [str(one) for one in result.mismatches] == []
    truth = read_truth(told / "truth.json")
    assert result.infected.found == result.infected.true == truth.totals.infected > 1_000
    assert (result.servers.found, result.servers.wrong) == (14, 0)
    assert result.deliveries_equal == result.deliveries > 120
    assert f"{truth.totals.machines:,} machines" in scorecard(result)


def test_what_a_run_has_otherwise_than_the_truth_is_named(
    scored: tuple[Path, Path, Score], tmp_path: Path, reference: Reference
) -> None:
    told, run, _ = scored
    path = told / "truth-addresses.parquet"
    kept = path.read_bytes()
    table = pq.read_table(path)
    others = table.slice(1).set_column(
        table.column_names.index("sightings"), table.schema.field("sightings"), pc.add(table["sightings"][1:], 1)
    )
    pq.write_table(others, path)
    try:
        result = score(told / "truth.json", run)
    finally:
        path.write_bytes(kept)
    kinds = Counter(one.what for one in result.mismatches)
    assert kinds["a finding from nowhere"] == 1
    assert kinds["in the wrong report"] == 1
    assert kinds["the number of sightings"] == 4  # three examples, and how many there are besides
    assert any(str(one).endswith(f"{len(table) - 1 - 3} more") for one in result.mismatches)
    assert result.infected.wrong == 1


def test_a_run_without_a_table_is_an_error_that_names_it(scored: tuple[Path, Path, Score], tmp_path: Path) -> None:
    told, run, _ = scored
    path = told / "truth-addresses.parquet"
    moved = path.rename(tmp_path / "moved")
    try:
        with pytest.raises(SettingsError, match="truth-addresses"):
            score(told / "truth.json", run)
    finally:
        moved.rename(path)
