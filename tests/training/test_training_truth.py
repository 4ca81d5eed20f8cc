"""Scoring a run against a truth, both written by hand."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from accord.training.scorecard import scorecard
from accord.training.sheets import (
    CountryTruth,
    DeliveryTruth,
    FindingTruth,
    StatementTruth,
    TruthSheet,
    read_truth,
    write_truth,
)
from accord.training.tallies import Tally
from accord.training.truth import score
from accord.vocabulary.errors import SettingsError, UnreadableError

FIRST, LAST = "2017-02-01T00:00:00Z", "2017-03-01T00:00:00Z"
Table = list[dict[str, object]]


def statement(dataset: str = "open", marking: str = "green") -> StatementTruth:
    return StatementTruth(dataset=dataset, marking=marking, first_seen=FIRST, last_seen=LAST)


def finding(value: str, **other: object) -> FindingTruth:
    said = {
        "type": "ipv4",
        "value": value,
        "role": "c2-server",
        "nature": "true",
        "family": "Mirai",
        "reported": ("mirai",),
        "activity": "ddos",
        "hosting": "ID",
        "registry": None,
        "conflict": False,
        "government": False,
        "partners": ("vendor-a",),
        "first_seen": FIRST,
        "last_seen": LAST,
        "statements": (statement(),),
    }
    return FindingTruth(**(said | other))


FINDINGS = (
    finding("8.0.0.1"),
    finding("8.0.0.2", hosting="SG", partners=("vendor-a", "vendor-b")),
    finding("8.0.0.3", statements=(statement("closed"),)),  # only SG may read the data set
    finding("8.0.0.4", statements=(statement(marking="red"),)),  # only SG has named persons
    finding("8.0.0.5", nature="wrong", statements=(statement(),)),
    finding("8.8.8.8", nature="listed", hosting=None),
    finding("8.0.0.6", nature="stale", first_seen=None, last_seen=None, statements=()),
    finding(
        "sim-office.go.id",
        type="domain",
        role="system-compromise",
        family=None,
        reported=(),
        hosting="SG",
        registry="ID",
        government=True,
    ),
)
NOTHING = CountryTruth(servers=0, websites=0, government=0, infected=0)
TRUTH = TruthSheet(
    scenario="by-hand",
    simulated=True,
    seed=1,
    scale=1.0,
    as_of="2017-04-24T00:00:00Z",
    window=("2017-01-01T00:00:00Z", "2017-04-24T00:00:00Z"),
    reference=(),
    named_persons=("SG",),
    shared_with={"closed": ("SG",)},
    totals=NOTHING,
    countries={"ID": NOTHING, "SG": NOTHING},
    seen_by={},
    deliveries=(
        DeliveryTruth(
            file="a/list.txt",
            dataset="open",
            partner="vendor-a",
            refused=False,
            records=10,
            accepted=8,
            ignored=1,
            rejected=1,
            ignored_by_reason={"comment": 1},
            rejected_by_reason={"address": 1},
            planted=(),
            partial_by_reason={"port": 2},
        ),
        DeliveryTruth(
            file="a/cut.json",
            dataset="open",
            partner="vendor-a",
            refused=True,
            records=0,
            accepted=0,
            ignored=0,
            rejected=0,
            ignored_by_reason={},
            rejected_by_reason={},
            planted=(),
        ),
    ),
    findings=FINDINGS,
)


def perfect_rows() -> Table:
    instants = [datetime(2017, month, 1, tzinfo=UTC) for month in (2, 3)]
    return [
        {
            "type": one.type,
            "value": one.value,
            "role": one.role,
            "families": ["Mirai"] if one.family else [],
            "families_reported": list(one.reported),
            "first_seen": instants[0],
            "last_seen": instants[1],
            "partners": len(one.partners),
            "confidence": 0.1 if one.nature == "wrong" else 0.7,
            "countries": [one.hosting] if one.hosting else [],
            "country_conflict": one.conflict,
            "registry_country": one.registry,
            "government": one.government,
            "review": ["List of resolvers (1)"] if one.nature == "listed" else [],
        }
        for one in FINDINGS
        if one.nature != "stale"
    ]


def perfect_summary() -> dict[str, Table]:
    return {
        "deliveries": [
            {
                "file": one.file,
                "records": one.records,
                "accepted": one.accepted,
                "ignored": one.ignored,
                "rejected": one.rejected,
                "ignored_by_reason": one.ignored_by_reason,
                "rejected_by_reason": one.rejected_by_reason,
                "refused": [{"member": None, "reason": "not JSON"}] if one.refused else [],
                "sha256": "not read by the score",
            }
            for one in TRUTH.deliveries
        ]
    }


REPORTS = {
    "ID": ["8.0.0.1", "8.0.0.5", "sim-office.go.id"],
    "SG": ["8.0.0.2", "sim-office.go.id"],
}

SCHEMA = pa.schema(
    [
        ("type", pa.string()),
        ("value", pa.string()),
        ("role", pa.string()),
        ("families", pa.list_(pa.string())),
        ("families_reported", pa.list_(pa.string())),
        ("first_seen", pa.timestamp("us", tz="UTC")),
        ("last_seen", pa.timestamp("us", tz="UTC")),
        ("partners", pa.int32()),
        ("confidence", pa.float64()),
        ("countries", pa.list_(pa.string())),
        ("country_conflict", pa.bool_()),
        ("registry_country", pa.string()),
        ("government", pa.bool_()),
        ("review", pa.list_(pa.string())),
    ]
)


class Run:
    """A run's folder that a test can spoil before it is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows = perfect_rows()
        self.summary = perfect_summary()
        self.reports = {country: list(values) for country, values in REPORTS.items()}
        self.rejects = [("a/list.txt", "address", "false"), *[("a/list.txt", "port", "true")] * 2]

    def row(self, value: str) -> dict[str, object]:
        return next(one for one in self.rows if one["value"] == value)

    def write(self) -> tuple[Path, Path]:
        truth = self.folder / "truth.json"
        write_truth(TRUTH, truth)
        run = self.folder / "run"
        (run / "hub").mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(self.rows, SCHEMA), run / "hub" / "findings.parquet")
        (run / "summary.json").write_text(json.dumps(self.summary))
        with (run / "rejects.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("file", "reason", "partial"), *self.rejects])
        roles = {one.value: (one.type, one.role) for one in FINDINGS}
        for country, values in self.reports.items():
            (run / "reports" / country).mkdir(parents=True)
            with (run / "reports" / country / "findings.csv").open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["finding_id", "type", "value", "role"])
                for value in values:
                    kind, role = roles[value]
                    writer.writerow(["x", kind, value, role])
        return truth, run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_a_truth_file_reads_back_as_it_was_written(tmp_path: Path) -> None:
    write_truth(TRUTH, tmp_path / "truth.json")
    assert read_truth(tmp_path / "truth.json") == TRUTH
    assert len((tmp_path / "truth.json").read_text().splitlines()) > len(FINDINGS)


def test_a_faultless_run_scores_without_a_mismatch(run: Run) -> None:
    result = score(*run.write(), lambda name: name.capitalize())
    assert result.mismatches == ()
    assert result.faultless
    assert (result.servers.true, result.servers.found, result.servers.missed, result.servers.wrong) == (4, 4, 0, 1)
    assert result.servers.precision == pytest.approx(0.8)
    assert result.possible.precision == 1.0  # the false accusation is weak
    assert result.planted_wrong == 1
    assert (result.government.true, result.government.found) == (1, 1)
    assert (result.deliveries, result.deliveries_equal) == (2, 2)
    by_country = {one.country: one for one in result.countries}
    assert (by_country["ID"].servers.true, by_country["ID"].servers.wrong) == (3, 1)
    assert (by_country["SG"].servers.true, by_country["SG"].servers.wrong) == (1, 0)
    # a website is counted where it is registered, though it is reported to its hosting country too
    assert (by_country["ID"].websites.found, by_country["SG"].websites.true) == (1, 0)


Spoil = Callable[[Run], object]

SPOILT: dict[str, tuple[Spoil, str, str]] = {
    "missed": (lambda run: run.rows.remove(run.row("8.0.0.1")), "a missed finding", "8.0.0.1"),
    "from nowhere": (
        lambda run: run.rows.append(run.row("8.0.0.1") | {"value": "8.9.9.9"}),
        "a finding from nowhere",
        "8.9.9.9",
    ),
    "stale": (
        lambda run: run.rows.append(run.row("8.0.0.1") | {"value": "8.0.0.6"}),
        "a stale finding",
        "8.0.0.6",
    ),
    "listed to act on": (lambda run: run.row("8.8.8.8").update(review=[]), "a warning-listed finding", "8.8.8.8"),
    "true held back": (lambda run: run.row("8.0.0.2").update(review=["x"]), "a finding held back", "8.0.0.2"),
    "country": (lambda run: run.row("8.0.0.2").update(countries=["MY"]), "a hosting country", "SG"),
    "conflict": (
        lambda run: run.row("8.0.0.2").update(country_conflict=True),
        "the mark 'country sources disagree'",
        "got True",
    ),
    "registry": (
        lambda run: run.row("sim-office.go.id").update(registry_country=None),
        "a registry country",
        "none",
    ),
    "government": (
        lambda run: run.row("sim-office.go.id").update(government=False),
        "the mark 'government'",
        "False",
    ),
    "false government": (lambda run: run.row("8.0.0.1").update(government=True), "the mark 'government'", "True"),
    "period": (
        lambda run: run.row("8.0.0.1").update(first_seen=datetime(2016, 12, 31, tzinfo=UTC)),
        "the period",
        "2016-12-31",
    ),
    "partners": (lambda run: run.row("8.0.0.2").update(partners=1), "the number of partners", "got 1"),
    "reported family": (
        lambda run: run.row("8.0.0.1").update(families_reported=[]),
        "a reported family",
        "expected mirai",
    ),
    "family": (lambda run: run.row("8.0.0.1").update(families=["Zeus"]), "the family", "got Zeus"),
    "account": (
        lambda run: run.summary["deliveries"][0].update(accepted=9, rejected=0, rejected_by_reason={}),
        "the account of a delivery",
        "accepted 9",
    ),
    "partial": (lambda run: run.rejects.pop(), "the account of a delivery", "expected partial {'port': 2}"),
    "not refused": (
        lambda run: run.summary["deliveries"][1].update(refused=[]),
        "the account of a delivery",
        "refused False",
    ),
    "lost delivery": (lambda run: run.summary["deliveries"].pop(), "the account of a delivery", "a/cut.json"),
    "unknown delivery": (
        lambda run: run.summary["deliveries"].append(run.summary["deliveries"][0] | {"file": "b"}),
        "a delivery from nowhere",
        "b",
    ),
    "leak of a closed data set": (lambda run: run.reports["ID"].append("8.0.0.3"), "a leak", "8.0.0.3"),
    "leak of red": (lambda run: run.reports["ID"].append("8.0.0.4"), "a leak", "8.0.0.4"),
    "not reported": (lambda run: run.reports["ID"].remove("8.0.0.1"), "missing from a report", "8.0.0.1"),
    "reported elsewhere": (lambda run: run.reports["SG"].append("8.0.0.1"), "in the wrong report", "8.0.0.1"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_differs_from_the_truth_is_named(run: Run, name: str) -> None:
    spoil, what, shown = SPOILT[name]
    spoil(run)
    result = score(*run.write(), lambda reported: reported.capitalize())
    assert not result.faultless
    named = [str(one) for one in result.mismatches if one.what == what]
    assert any(shown in one for one in named), result.mismatches


def test_an_account_that_differs_costs_its_delivery_once(run: Run) -> None:
    run.summary["deliveries"][0].update(accepted=9, rejected=0, rejected_by_reason={})
    result = score(*run.write())
    assert (result.deliveries, result.deliveries_equal) == (2, 1)


def test_many_mismatches_of_one_kind_are_counted_after_three(run: Run) -> None:
    run.rows += [run.row("8.0.0.1") | {"value": f"8.9.9.{last}"} for last in range(1, 11)]
    result = score(*run.write())
    assert [one.got for one in result.mismatches] == ["one", "one", "one", "7 more"]
    assert result.servers.wrong == 11


def test_the_scorecard_shows_every_country_and_names_the_mismatches(run: Run) -> None:
    run.rows.remove(run.row("8.0.0.1"))
    text = scorecard(score(*run.write()))
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    assert lines["ID"][:4] == ["3", "2", "0", "1"]
    assert lines["all"][:4] == ["4", "3", "0", "1"]
    assert "recall 75.0%, precision 75.0%" in text
    assert "a missed finding: ipv4 8.0.0.1 (c2-server)" in text


def test_where_nothing_was_found_no_precision_is_claimed(run: Run) -> None:
    told = score(*run.write())
    nothing = replace(told, possible=Tally(true=4, found=0, held=0, missed=4, wrong=0))
    assert "more: recall 0.0%, none was found." in scorecard(nothing)


@pytest.mark.parametrize("missing", ["summary.json", "hub/findings.parquet", "reports/ID/findings.csv"])
def test_a_file_that_the_run_did_not_write_is_named(run: Run, missing: str) -> None:
    truth, folder = run.write()
    (folder / missing).unlink()
    with pytest.raises(UnreadableError, match=Path(missing).name):
        score(truth, folder)


@pytest.mark.parametrize("spoilt", ["summary.json", "hub/findings.parquet", "reports/ID/findings.csv"])
def test_a_file_of_another_layout_is_named(run: Run, spoilt: str) -> None:
    truth, folder = run.write()
    (folder / spoilt).write_bytes(b"[1]\n2\n")
    with pytest.raises(SettingsError, match=Path(spoilt).name):
        score(truth, folder)


def test_a_truth_that_is_missing_or_of_another_layout_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"truth\.json"):
        read_truth(tmp_path / "truth.json")
    (tmp_path / "truth.json").write_text("{}")
    with pytest.raises(SettingsError, match=r"truth\.json"):
        read_truth(tmp_path / "truth.json")
