"""What stands on a warning list leaves the hub when an analyst has let it go, and for as long as that counts."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from accord.ledger.notes import parse_signing_key
from accord.release.decisions import record_decision
from accord.release.reviews import Answer
from accord.workspace.database import open_database, place_of
from tests.cli.released import SIGHTINGS, furnish
from tests.cli.test_cli_release import Hub, witness_down
from tests.simulators.witness import Witness, served

LISTED = "17.81.70.1"
"""In Thailand by the bundled ranges, and in the range of a firm that a bundled warning list names."""
PLAIN = {"110.164.10.1", "110.164.10.9"}
DECIDE = ("review", "decide", LISTED, "--person", "J. Tan", "--why")


@pytest.fixture
def hub(accord_here, tmp_path: Path, database_url: str) -> Hub:
    """Three infected machines in Thailand, one of them on a warning list, and a CSIRT that may have them."""
    one = Hub(folder=tmp_path / "hub", keys=tmp_path / "keys", accord=accord_here)
    database = () if database_url.startswith("sqlite") else ("--database", database_url)
    one("init", one.folder, "--ledger", "hub.example/ledger", *database)
    furnish(one.folder, one("package", "keys", "--name", "csirt-th.example", "--out", one.keys))
    one("agreement", "apply", "--in", one.folder)
    delivery = tmp_path / "2026-10-01-event4_sinkhole-th.csv"
    delivery.write_text(f"{SIGHTINGS}2026-10-01 11:17:02,tcp,{LISTED},4021,714,192.0.2.1,80,gamut,,\n", "utf-8")
    one("delivery", "add", "sinkhole", delivery, "--in", one.folder)
    one("snapshot", "make", "--in", one.folder)
    return one


def asked(hub: Hub, *words: str, code: int = 0) -> str:
    return hub("release", "explain", LISTED, "--to", "csirt-th", "--purpose", "victim-notification", *words,
               "--in", hub.folder, code=code)  # fmt: skip


def found(hub: Hub, out: Path) -> dict[str, dict[str, str]]:
    """What a run inside the workspace shows the CSIRT."""
    hub("operation", "run", hub.operation(), "--out", out, "--in", hub.folder)
    with (out / "reports/TH/findings.csv").open(encoding="utf-8", newline="") as file:
        return {row["value"]: row for row in csv.DictReader(file)}


def sealed(hub: Hub) -> list[int]:
    """How many findings each release has, the oldest first."""
    return [one["findings"] for one in hub.releases()]


def test_a_finding_on_a_warning_list_is_released_from_when_it_is_let_go_until_it_is_withheld(hub: Hub) -> None:
    (waiting,) = json.loads(hub("review", "list", "--json", "--in", hub.folder))
    assert (waiting["value"], waiting["role"], waiting["waits"]) == (LISTED, "infected-system", True)
    assert waiting["decision"] is None
    assert [one.rpartition(" (")[0] for one in waiting["lists"]] == ["List of known Apple IP ranges"]
    told = json.loads(asked(hub, "--json", code=1))["classes"][0]
    assert {one["rule"] for one in told["rules"] if not one["permitted"]} == {12}
    assert {*found(hub, hub.folder.parent / "before")} == PLAIN
    hub("release", "make", hub.operation(), "--in", hub.folder)
    assert sealed(hub) == [2]

    said = hub(*DECIDE, "The customer's own machine", "--release", "--in", hub.folder)
    assert said.startswith(f"{LISTED} (ipv4), infected-system: released by J. Tan, ")
    assert "Nothing waits" in hub("review", "list", "--in", hub.folder)
    words = asked(hub)
    assert "released by J. Tan, " in words
    assert "The customer's own machine" in words
    assert words.endswith("CSIRT of Thailand gets it.\n")
    rows = found(hub, hub.folder.parent / "decided")
    assert {*rows} == {*PLAIN, LISTED}
    # a run inside the workspace combines what it keeps, and that is logged
    combined = json.loads(hub("consultation", "list", "--processing", "combination", "--json", "--in", hub.folder))
    about = [one["object"] for one in combined if not one["object"].startswith("snapshot ")]
    assert about == ["operation october-2026"] * 3
    assert (rows[LISTED]["review"], rows[LISTED]["reviewed"]) == ("", waiting["lists"][0])
    # it is acted on: who runs the network is asked, and the recipient's programs get it
    reports = hub.folder.parent / "decided/reports/TH"
    for name in ("xarf.jsonl", "intelmq.jsonl", "bundle.json", "by-network/AS714.csv"):
        assert LISTED in (reports / name).read_text("utf-8"), name
    summary = json.loads((hub.folder.parent / "decided/summary.json").read_text("utf-8"))
    assert summary["findings"]["in_review"] == 0
    hub("release", "make", hub.operation(), "--in", hub.folder)
    assert sealed(hub) == [2, 3]

    hub(*DECIDE, "The firm says that it is theirs", "--withhold", "--in", hub.folder)
    assert "withheld by J. Tan" in asked(hub, code=1)
    # the very files of the first release again, so that there is nothing to release
    said = hub("release", "make", hub.operation(), "--in", hub.folder)
    assert "released before, and passed over: TH" in said
    assert sealed(hub) == [2, 3]
    (one,) = json.loads(hub("review", "list", "--all", "--json", "--in", hub.folder))
    assert (one["waits"], one["decision"]["answer"], one["decision"]["person"]) == (False, "withhold", "J. Tan")
    assert "Nothing waits" in hub("review", "list", "--in", hub.folder)


def test_a_decision_runs_out_and_is_about_the_lists_on_which_the_finding_stood(hub: Hub) -> None:
    hub(*DECIDE, "for now", "--release", "--until", "2099-01-01", "--in", hub.folder)
    assert "permitted" in asked(hub, "--at", "2098-12-31T23:59:59Z")
    assert "waits: this has run out: released by J. Tan" in asked(hub, "--at", "2099-01-01", code=1)
    (held,) = json.loads(hub("review", "list", "--all", "--json", "--in", hub.folder))
    assert (held["waits"], held["decision"]["until"]) == (False, "2099-01-01T00:00:00Z")
    now = datetime.now(UTC)
    for lists, code, said in (
        (["Sinkholes (3)"], 1, "waits: it is on List of known Apple IP ranges since it was released by A. Lee"),
        ([*held["lists"], "Sinkholes (3)"], 0, ": released by A. Lee"),
        # another version of the same list
        (["List of known Apple IP ranges (1)"], 0, ": released by A. Lee"),
    ):
        with open_database(place_of(hub.folder / "workspace.toml")) as database, database.writing() as connection:
            said_by = {"person": "A. Lee", "justification": "then", "until": None, "at": now}
            record_decision(connection, held["finding_id"], Answer.RELEASE, lists, **said_by)
        assert said in asked(hub, code=code)
        (one,) = json.loads(hub("review", "list", "--all", "--json", "--in", hub.folder))
        assert one["waits"] is (code == 1)


def test_what_stands_sealed_is_not_handed_over_once_a_finding_of_it_is_withheld(hub: Hub) -> None:
    hub(*DECIDE, "ours", "--release", "--in", hub.folder)
    key = parse_signing_key((hub.folder / "ledger.key").read_text("utf-8").strip())
    with served(Witness("north.example", key.verifier)) as witness:
        line = f"witness north {witness.key.verifier} {witness.url}"
        (hub.folder / "ledger.policy").write_text(f"log {key.verifier}\n{line}\nquorum north\n", "utf-8")
        witness.fault = witness_down()
        hub("release", "make", hub.operation(), "--in", hub.folder, code=7)
        hub(*DECIDE, "theirs", "--withhold", "--in", hub.folder)
        witness.fault = None
        said = hub("release", "hand-over", "--in", hub.folder)
        assert "1 finding on a warning list must not go out (J. Tan decided on " in said
        hub(*DECIDE, "ours after all", "--release", "--in", hub.folder)
        # what was refused stays refused; it is made anew
        assert "Nothing was handed over" in hub("release", "hand-over", "--in", hub.folder)
        assert "csirt-th" in hub("release", "make", hub.operation(), "--in", hub.folder)
    assert [one["handed_over_at"] is None for one in hub.releases()] == [True, False]


def test_a_decision_is_logged_without_the_value_found_and_erased(hub: Hub) -> None:
    hub(*DECIDE, "case 12", "--release", "--in", hub.folder)
    (row,) = json.loads(hub("consultation", "list", "--by", "J. Tan", "--json", "--in", hub.folder))
    assert (row["processing"], row["justification"]) == ("alteration", "review, infected-system, release: case 12")
    assert LISTED not in json.dumps(row)
    about = json.loads(hub("consultation", "list", "--value", LISTED, "--json", "--in", hub.folder))
    assert [one["number"] for one in about] == [row["number"]]
    (told,) = json.loads(hub("subject", "find", LISTED, "--json", "--in", hub.folder))["decisions"]
    assert (told["answer"], told["person"], told["why"]) == ("release", "J. Tan", "case 12")
    hub("subject", "erase", LISTED, "--why", "request", "--in", hub.folder)
    after = json.loads(hub("subject", "find", LISTED, "--json", "--in", hub.folder))
    assert (after["decisions"], after["deliveries"]) == ([], [])


def test_what_cannot_be_decided_is_refused_and_nothing_is_decided(hub: Hub) -> None:
    for words, said in (
        (("110.164.10.1", "--release", "--why", "x"), "stands on no warning list"),
        ((LISTED, "--release", "--role", "c2-server", "--why", "x"), "stands on no warning list"),
        (("198.41.0.4", "--withhold", "--why", "x"), "Nothing is known of it here"),
        (("no such", "--withhold", "--why", "x"), "no indicator"),
        ((LISTED, "--release", "--role", "king", "--why", "x"), "no such role"),
        ((LISTED, "--release", "--until", "2020-01-01", "--why", "x"), "run out already"),
        ((LISTED, "--release", "--why", "17.81.70[.]1 is fine"), "must not hold the value"),
        ((LISTED, "110.164.10.1", "--release", "--why", "x"), "stands on no warning list"),
    ):
        assert said in hub("review", "decide", *words, "--in", hub.folder, code=2)
    (one,) = json.loads(hub("review", "list", "--json", "--in", hub.folder))
    assert one["decision"] is None


def test_without_a_workspace_a_run_shows_it_flagged_as_before(accord_here, operation_of, tmp_path: Path) -> None:
    file = operation_of(tmp_path, {"list.txt": f"{LISTED}\n110.164.10.1\n"}, countries=("TH",))
    accord_here("operation", "run", file, "--out", tmp_path / "out", "--workers", "1")
    with (tmp_path / "out/reports/TH/findings.csv").open(encoding="utf-8", newline="") as rows:
        told = {row["value"]: (bool(row["review"]), row["reviewed"]) for row in csv.DictReader(rows)}
    assert told == {LISTED: (True, ""), "110.164.10.1": (False, "")}
