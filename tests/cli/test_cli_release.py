"""From a partner's delivery to the recipient's receipt: sealed, entered, witnessed, opened, confirmed."""

import json
import re
import secrets
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from sqlalchemy import select, update

from accord.cli.releases import handing
from accord.ledger.notes import SignatureType, SigningKey, parse_note, parse_signing_key, sign_note
from accord.release.embargoes import embargoes
from accord.workspace.database import open_database, place_of
from accord.workspace.schema import JOBS, JOURNAL_ENTRIES
from tests.cli.released import OPERATION, POLICE, SIGHTINGS, furnish
from tests.cli.test_cli_channel import CHANNEL, MEMBER
from tests.simulators.witness import Witness, served

Accord = Callable[..., object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A furnished hub and what is needed to work with it."""

    folder: Path
    keys: Path
    accord: Accord

    def __call__(self, *words: str | Path, code: int = 0) -> str:
        done = self.accord(*words, expect=code)
        return done.stdout + done.stderr

    def operation(self, name: str = "october-2026", more: str = "", *, police: bool = False) -> Path:
        file = self.folder.parent / f"{name}.toml"
        file.write_text(OPERATION.format(name=name, more=more) + (POLICE if police else ""), "utf-8")
        return file

    def releases(self) -> list[dict]:
        return json.loads(self("release", "list", "--json", "--in", self.folder))


def furnished(accord_here: Accord, folder: Path, database: tuple[str, ...] = ()) -> Hub:
    """A hub with a delivery taken in."""
    one = Hub(folder=folder / "hub", keys=folder / "keys", accord=accord_here)
    one("init", one.folder, "--ledger", "hub.example/ledger", *database)
    lines = one("package", "keys", "--name", "csirt-th.example", "--out", one.keys)
    furnish(one.folder, lines)
    one("agreement", "apply", "--in", one.folder)
    delivery = folder / "2026-10-01-event4_sinkhole-th.csv"
    delivery.write_text(SIGHTINGS, "utf-8")
    one("delivery", "add", "sinkhole", delivery, "--in", one.folder)
    return one


@pytest.fixture
def hub(accord_here: Accord, tmp_path: Path) -> Hub:
    return furnished(accord_here, tmp_path)


@pytest.fixture
def hub_on_either(accord_here: Accord, database_url: str, tmp_path: Path) -> Hub:
    """On a database of either kind."""
    return furnished(accord_here, tmp_path, () if database_url.startswith("sqlite") else ("--database", database_url))


def test_what_is_released_is_opened_confirmed_and_stands_in_a_ledger_that_anybody_checks(hub_on_either: Hub) -> None:
    hub = hub_on_either
    operation = hub.operation()
    said = hub("release", "make", operation, "--in", hub.folder, "--why", "Case 2026/114", "--person", "A. Analyst")
    assert re.search(r" october-2026 +victim-notification +csirt-th \(TH\) +2 +TLP:AMBER", said)
    (release,) = hub.releases()
    place = hub.folder / "releases" / release["id"]
    policy = hub.folder / "ledger" / "policy"
    out = hub.folder.parent / "opened"
    # the beginning of its id will do, however short, and nothing is said of what there is none of
    shown = hub("release", "show", release["id"][:1].upper(), "--in", hub.folder)
    assert shown.startswith(f"release {release['id']}\n")
    assert not re.search(r":\s*$", shown, re.MULTILINE)
    for name in ("", "x"):
        assert "There is no such release." in hub("release", "show", name, "--in", hub.folder, code=2)
    hub("package", "open", place / "package", place / "handover", "--keys", hub.keys, "--policy", policy, "--out", out)
    findings = (out / "content" / "findings.csv").read_text("utf-8")
    assert findings.count("110.164.10.") == 4  # two addresses, each as value and as address
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))["statement"]
    (dataset,) = manifest["datasets"]
    # a partner that may not be named is named by nothing: not by its data set's title, not by its agreement's id
    assert re.fullmatch("data set [0-9a-f]{12}", dataset["name"])
    assert dataset["agreements"] == ["csirt-th-2026"]
    assert b"vendor" not in b"".join(path.read_bytes() for path in [place / "package", *out.rglob("*.json")])
    # the strictest of both sides' limits
    assert (manifest["handling"]["pap"], manifest["handling"]["retention"]) == ("green", "P1Y")
    assert "entered in the ledger" in hub("release", "receipt", out / "receipt", "--in", hub.folder)
    assert "taken in before" in hub("release", "receipt", out / "receipt", "--in", hub.folder)
    listed = hub("release", "list", "--in", hub.folder)
    assert re.search(r" october-2026 +victim-notification +csirt-th \(TH\) +2 +opened$", listed, re.MULTILINE)
    assert "opened by csirt-th" in hub("release", "show", release["id"], "--in", hub.folder)
    log = hub.folder / "ledger"
    checked = hub("ledger", "check", log, "--policy", policy)
    assert re.search(r"TH +victim-notification +amber +1 +0 to 9", checked)
    hub("ledger", "verify", "--in", hub.folder)
    # the books and the ledger name the same: agreements, delivery, disclosure, receipt
    hub("ledger", "audit", "--in", hub.folder)
    consulted = hub("consultation", "list", "--json", "--in", hub.folder)
    (logged,) = [one for one in json.loads(consulted) if one["processing"] == "disclosure"]
    assert (logged["person"], logged["justification"]) == ("A. Analyst", "Case 2026/114")
    assert logged["recipients"] == ["csirt-th"]
    # without --why, what lets the data in, and what for, stands for the reason
    (logged,) = [one for one in json.loads(consulted) if one["processing"] == "collection"]
    assert logged["justification"] == "agreement vendor-2026: victim-notification"
    # the same again is the same release
    assert "released before" in hub("release", "make", operation, "--in", hub.folder)
    assert len(hub.releases()) == 1


def test_the_key_of_what_was_handed_over_is_gone_from_the_database_while_others_have_it_open(hub: Hub) -> None:
    """Who closes SQLite's file last empties its log of writes; `accord serve` never closes it."""
    with closing(sqlite3.connect(hub.folder / "accord.db")) as other:
        other.execute("SELECT count(*) FROM disclosures").fetchone()
        hub("release", "make", hub.operation(), "--in", hub.folder)
        files = [*hub.folder.glob("accord.db*")]
        assert hub.folder / "accord.db-wal" in files
        assert not [one for one in files if b"AGE-SECRET-KEY-1" in one.read_bytes()]


def test_each_recipient_gets_a_package_of_its_own_and_a_rule_that_refuses_one_refuses_all(hub: Hub) -> None:
    hub("release", "make", hub.operation(police=True), "--in", hub.folder)
    assert {one["recipient"] for one in hub.releases()} == {"csirt-th", "police-th"}
    hub("agreement", "end", "police-th-2026", "--why", "over", "--in", hub.folder)
    said = hub("release", "make", hub.operation("again", police=True), "--in", hub.folder, code=1)
    assert "nothing for TH" in said
    assert "rule 3 (Agreements in force) keeps back 1 of 1 data set: it would go to Police of Thailand under" in said
    assert len(hub.releases()) == 2


def test_nobody_is_told_without_an_agreement_a_purpose_or_a_key(hub: Hub) -> None:
    operation = hub.operation()
    said = hub("release", "make", operation, "--purpose", "training", "--in", hub.folder, code=2)
    assert "another purpose" in said
    nowhere = hub.folder.parent / "nobody.toml"
    nowhere.write_text(operation.read_text("utf-8").partition("[[recipient]]")[0], "utf-8")
    assert "reaches nobody" in hub("release", "make", nowhere, "--in", hub.folder, code=2)
    assert "no such recipient" in hub("release", "make", operation, "--to", "vendor", "--in", hub.folder, code=2)
    hub("agreement", "end", "vendor-2026", "--why", "over", "--in", hub.folder)
    said = hub("release", "make", operation, "--in", hub.folder, code=1)
    assert (
        "nothing for TH: no finding may go to all of its recipients\n  rule 3 (Agreements in force) keeps back" in said
    )
    assert "it came in under vendor-2026, which was ended early on " in said
    assert f"`accord release explain OBJECT --to PARTNER --operation {operation} --in {hub.folder}`" in said
    told = json.loads(hub.accord("release", "make", operation, "--json", "--in", hub.folder, expect=1).stdout)
    assert (told["nothing_to_release"], len(told["kept_back"]["TH"])) == (["TH"], 1)
    assert hub.releases() == []
    assert not list((hub.folder / "releases").glob("*")) if (hub.folder / "releases").exists() else True


def test_what_was_taken_in_for_another_purpose_is_used_for_that_alone_whatever_is_agreed_later(hub: Hub) -> None:
    second = hub.folder.parent / "2026-10-02-event4_sinkhole-th.csv"
    second.write_text(SIGHTINGS.replace("110.164.10.", "110.164.20."), "utf-8")
    add = ("delivery", "add", "sinkhole", second, "--in", hub.folder)
    assert "not for investigation" in hub(*add, "--purpose", "investigation", code=8)
    settings = hub.folder / "workspace.toml"
    told = settings.read_text("utf-8")
    wider = told.replace('["victim-notification"]', '["victim-notification", "investigation"]')
    settings.write_text(wider, "utf-8")
    hub("agreement", "apply", "--in", hub.folder)
    hub(*add, "--purpose", "investigation")
    shown = [hub("delivery", "show", name, "--in", hub.folder) for name in ("2026-10-01-event4_sinkhole-th.csv",
                                                                            second.name)]  # fmt: skip
    assert "for victim-notification\n" in shown[0]
    assert "for investigation\n" in shown[1]
    said = hub("release", "make", hub.operation(), "--in", hub.folder)
    assert f"left out: {second.name} was taken in for investigation, not for victim-notification" in said
    assert hub.releases()[0]["findings"] == 2
    case = hub.operation("case-2026")
    case.write_text(case.read_text("utf-8").replace("victim-notification", "investigation"), "utf-8")
    said = hub("release", "make", case, "--in", hub.folder)
    assert "was taken in for victim-notification, not for investigation" in said
    place = hub.folder / "releases" / hub.releases()[-1]["id"]
    out = hub.folder.parent / "opened"
    hub("package", "open", place / "package", place / "handover", "--keys", hub.keys, "--policy",
        hub.folder / "ledger/policy", "--out", out)  # fmt: skip
    content = b"".join(path.read_bytes() for path in (out / "content").rglob("*") if path.is_file())
    assert (b"110.164.20.1" in content, b"110.164.10." in content) == (True, False)
    # where it cannot be told from which delivery it is, both purposes would have to be
    explain = ("release", "explain", "sinkhole", "--to", "csirt-th", "--purpose", "investigation", "--json")
    (told,) = json.loads(hub(*explain, "--in", hub.folder, code=1))["classes"]
    refused = {one["rule"]: one["reason"] for one in told["rules"] if not one["permitted"]}
    assert refused == {5: "it was taken in for no purpose that all its deliveries share, not for investigation"}


def test_who_sets_as_of_before_the_data_is_told(hub: Hub) -> None:
    operation = hub.operation()
    text = operation.read_text("utf-8")
    operation.write_text(re.sub(r"as_of = \S+", "as_of = 2020-01-01", text), "utf-8")
    said = hub("release", "make", operation, "--in", hub.folder, code=1)
    assert f"is later than `as_of`, 2020-01-01 00:00 UTC, in {operation}, and does not count: " in said


def test_nothing_is_let_out_for_a_moment_that_has_not_come_and_a_run_says_so(hub: Hub) -> None:
    operation = hub.operation()
    operation.write_text(re.sub(r"as_of = \S+", "as_of = 2100-12-30", operation.read_text("utf-8")), "utf-8")
    (hub.folder / "channels.toml").write_text(CHANNEL + MEMBER.format("csirt-th"), "utf-8")
    hub("channel", "apply", hub.folder / "channels.toml", "--in", hub.folder)
    for words in (
        ("release", "make", operation),
        ("release", "make", operation, "--channel", "infected-th"),
        ("psi", "open", operation, "--to", "csirt-th", "--budget", "10"),
    ):
        said = hub(*words, "--in", hub.folder, code=2)
        assert f"where: {operation}: operation.as_of" in said
        assert "expected: a time no later than a day after now" in said
        assert "got: 2100-12-30 00:00 UTC" in said
    assert not hub.releases()
    said = hub("operation", "run", operation, "--out", hub.folder.parent / "out", "--in", hub.folder)
    assert f"note: as_of of {operation} has not come yet: 2100-12-30 00:00 UTC." in said


def test_a_run_says_which_rule_keeps_findings_back_and_an_operation_for_a_workspace_asks_for_one(hub: Hub) -> None:
    operation, out = hub.operation(), hub.folder.parent / "out"
    said = hub("operation", "run", operation, "--out", out, code=2)
    assert "This operation file is for a workspace" in said
    assert "--in WORKSPACE" in said
    whole = hub.operation("whole", 'datasets = ["sinkhole"]')
    whole.write_text('root = "in"\n[hub]\nname = "Hub"\n' + whole.read_text("utf-8"), "utf-8")
    said = hub("operation", "run", whole, "--out", out, "--in", hub.folder, code=2)
    assert "a hub or data sets of its own, and the workspace has them" in said
    assert "got: root, hub\n  to do: take them out (docs/handing-over.md); without --in" in said
    other = hub.operation("other")
    other.write_text(other.read_text("utf-8").replace('"victim-notification"', '"investigation"'), "utf-8")
    said = hub("operation", "run", other, "--out", out, "--in", hub.folder)
    assert "was taken in for victim-notification, not for investigation" in said
    assert "withheld" not in said
    said = hub("release", "make", other, "--in", hub.folder, code=1)
    assert "no delivery of its data sets was taken in for investigation" in said
    changed(hub, '["victim-notification"]', '["prevention"]')
    hub("agreement", "apply", "--in", hub.folder)
    said = hub("operation", "run", operation, "--out", out, "--in", hub.folder)
    assert "note: withheld from reports by the release rules: TH 2 of 2 (docs/release.md)" in said
    assert (
        "TH: rule 5 (Purpose) keeps back 1 of 1 data set: it came in under vendor-2026, which is for "
        "prevention, not for victim-notification"
    ) in said
    explain = ("release", "explain", "sinkhole", "--to", "csirt-th", "--in", hub.folder)
    said = hub(*explain, code=1)
    assert "nothing that is agreed" not in said
    assert "No purpose was named, and none is assumed. Name one with --purpose: prevention, investigation, " in said
    assert "No purpose was named" not in hub(*explain, "--purpose", "victim-notification", code=1)


def changed(hub: Hub, before: str, after: str) -> None:
    """Let a word of the workspace's settings be another."""
    settings = hub.folder / "workspace.toml"
    settings.write_text(settings.read_text("utf-8").replace(before, after), "utf-8")


def test_the_key_waits_for_the_quorum_and_for_nothing_that_has_ended_meanwhile(hub: Hub) -> None:
    key = parse_signing_key((hub.folder / "ledger.key").read_text().strip())
    with served(Witness("north.example", key.verifier)) as witness:
        witness_line = f"witness north {witness.key.verifier} {witness.url}"
        (hub.folder / "ledger.policy").write_text(f"log {key.verifier}\n{witness_line}\nquorum north\n")
        witness.fault = witness_down()
        said = hub("release", "make", hub.operation(), "--in", hub.folder, code=7)
        assert "waiting for witnesses" in said
        (release,) = hub.releases()
        place = hub.folder / "releases" / release["id"]
        assert release["handed_over_at"] is None
        assert not (place / "handover").exists()
        witness.fault = None
        # what waits is a job, which `accord serve` does by itself
        hub("job", "work", "--in", hub.folder)
        assert (place / "handover").exists()
        # a second one is sealed while the witness is away, and its agreement ends before it is back
        witness.fault = witness_down()
        hub("release", "make", hub.operation("second", police=False), "--in", hub.folder, code=7)
        hub("agreement", "end", "csirt-th-2026", "--why", "over", "--in", hub.folder)
        witness.fault = None
        said = hub("release", "hand-over", "--in", hub.folder)
        assert "refused" in said
        assert "csirt-th-2026, which was ended early on " in said
    (refused,) = [one for one in hub.releases() if one["refused_at"] is not None]
    assert refused["handed_over_at"] is None
    assert not (hub.folder / "releases" / refused["id"] / "handover").exists()


def test_what_is_recalled_while_it_stands_sealed_is_not_handed_over(hub_on_either: Hub) -> None:
    hub = hub_on_either
    key = parse_signing_key((hub.folder / "ledger.key").read_text().strip())
    with served(Witness("north.example", key.verifier)) as witness:
        witness_line = f"witness north {witness.key.verifier} {witness.url}"
        (hub.folder / "ledger.policy").write_text(f"log {key.verifier}\n{witness_line}\nquorum north\n")
        witness.fault = witness_down()
        hub("release", "make", hub.operation(), "--in", hub.folder, code=7)
        hub(
            "recall",
            "make",
            "--dataset",
            "sinkhole",
            "--all",
            "--kind",
            "withdrawn",
            "--why",
            "wrong",
            "--in",
            hub.folder,
        )
        witness.fault = None
        (recall,) = json.loads(hub("recall", "list", "--json", "--in", hub.folder))
        assert f"recall {recall['recall']} concerns it" in hub("release", "hand-over", "--in", hub.folder)
    (release,) = hub.releases()
    assert release["handed_over_at"] is None
    assert not (hub.folder / "releases" / release["id"] / "handover").exists()


def witness_down():
    from accord.ledger.witness import Answer

    return Answer(status=503, body=b"down\n")


def test_red_goes_by_package_and_for_whom_alone_is_said_wherever_it_is_handed_over(hub: Hub) -> None:
    settings = hub.folder / "workspace.toml"
    settings.write_text(settings.read_text("utf-8").replace('marking = "amber"', 'marking = "red"'), "utf-8")
    hub("agreement", "apply", "--in", hub.folder)
    operation = hub.operation()
    assert "TLP:RED reaches named persons only" in hub("release", "make", operation, "--in", hub.folder, code=1)
    operation.write_text(operation.read_text("utf-8") + 'persons = ["A. Officer", "B. Officer"]\n', "utf-8")
    said = hub("release", "make", operation, "--in", hub.folder)
    (release,) = hub.releases()
    assert f"{release['id'][:8]} is for these persons alone: A. Officer, B. Officer.\n" in said
    assert release["persons"] == ["A. Officer", "B. Officer"]
    shown = hub("release", "show", release["id"], "--in", hub.folder)
    assert "  for these persons alone: A. Officer, B. Officer\n" in shown
    package = hub("package", "show", hub.folder / "releases" / release["id"] / "package")
    assert package.startswith("TLP:RED\n")
    assert "  for these persons alone: A. Officer, B. Officer\n" in package


def test_a_release_is_explained_by_what_it_rests_on_and_its_embargo_is_told_to_who_names_no_operation(hub: Hub) -> None:
    hub("release", "make", hub.operation(more="embargo = 2099-01-01"), "--in", hub.folder)
    (made,) = [path.name for path in (hub.folder / "releases").iterdir()]
    told = json.loads(hub("release", "explain", made, "--to", "csirt-th", "--json", "--in", hub.folder))
    # by what lists print of it
    short = json.loads(hub("release", "explain", made[:8], "--to", "csirt-th", "--json", "--in", hub.folder))
    assert short["classes"] == told["classes"]
    (one,) = told["classes"]
    assert (told["purpose"], told["permitted"], one["dataset"]) == ("victim-notification", True, "sinkhole")
    assert one["findings"] == [f"release {made}: 2 findings for csirt-th"]
    reasons = {each["rule"]: each["reason"] for each in one["rules"]}
    assert (
        reasons[13] == "october-2026 is secret until 2099-01-01 00:00 UTC, and CSIRT of Thailand is a recipient of it"
    )
    # whoever it was not for gets none of it
    other = hub("release", "explain", made, "--to", "police-th", "--json", "--in", hub.folder, code=1)
    refused = {each["rule"] for each in json.loads(other)["classes"][0]["rules"] if not each["permitted"]}
    assert 13 in refused
    # a data set whose operation nobody named
    words = (
        "release",
        "explain",
        "sinkhole",
        "--to",
        "csirt-th",
        "--purpose",
        "victim-notification",
        "--in",
        hub.folder,
    )
    said = hub(*words)
    assert "no operation was named" in said
    assert "it is under no embargo" not in said
    assert "something was released in operation october-2026, which is secret until 2099-01-01 00:00 UTC" in said


def test_while_the_embargo_lasts_nothing_of_the_release_is_opened(hub: Hub) -> None:
    hub("release", "make", hub.operation(more="embargo = 2099-01-01"), "--in", hub.folder)
    said = hub("ledger", "check", hub.folder / "ledger", "--policy", hub.folder / "ledger" / "policy")
    assert "TH" not in said
    assert re.search(r"closed: 1\b", said)
    # when it ends, the openings are published by themselves
    (job,) = [one for one in json.loads(hub("job", "list", "--json", "--in", hub.folder)) if one["kind"] == "notify"]
    assert job["not_before"].startswith("2099-01-01T00:00:00")


def test_when_an_embargo_has_ended_a_job_opens_what_is_for_everybody(hub_on_either: Hub, monkeypatch) -> None:
    hub = hub_on_either
    later = datetime.now(UTC) + timedelta(days=31)
    hub("release", "make", hub.operation(more=f"embargo = {later - timedelta(days=1):%Y-%m-%d}"), "--in", hub.folder)
    check = ("ledger", "check", hub.folder / "ledger", "--policy", hub.folder / "ledger" / "policy")
    assert re.search(r"closed: 1\b", hub(*check))
    with open_database(place_of(hub.folder / "workspace.toml")) as database, database.writing() as connection:
        connection.execute(update(JOBS).where(JOBS.c.kind == "notify").values(not_before=datetime.now(UTC)))

    class Later(datetime):
        @classmethod
        def now(cls, _: tzinfo | None = None) -> datetime:
            return later

    monkeypatch.setattr(handing, "datetime", Later)
    hub("job", "work", "--in", hub.folder)
    (job,) = [one for one in json.loads(hub("job", "list", "--json", "--in", hub.folder)) if one["kind"] == "notify"]
    assert job["state"] == "done"
    assert re.search(r"closed: 0\b", hub(*check))
    assert "TH" in hub(*check)


def opens(hub: Hub) -> dict[str, set[str]]:
    """By kind of entry, the days on which those that are closed yet are opened."""
    with open_database(place_of(hub.folder / "workspace.toml")) as database, database.reading() as connection:
        wanted = select(JOURNAL_ENTRIES.c.kind, JOURNAL_ENTRIES.c.opens_at).where(JOURNAL_ENTRIES.c.opened_at.is_(None))
        found = defaultdict(set)
        for row in connection.execute(wanted):
            found[row.kind].add(f"{row.opens_at:%Y-%m-%d}")
    return dict(found)


def test_an_embargo_that_is_put_off_or_brought_forward_moves_all_that_it_holds_back(hub_on_either: Hub) -> None:
    hub = hub_on_either
    hub("release", "make", hub.operation(more="embargo = 2098-12-01"), "--in", hub.folder)
    hub("recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "w", "--in", hub.folder)
    assert opens(hub) == {"disclosure": {"2098-12-01"}, "recall": {"2098-12-01"}}
    later = hub.operation(more="embargo = 2099-03-01")
    said = hub("release", "make", later, "--in", hub.folder, code=1)
    assert "2 entries of the ledger opened for everybody on 2099-03-01 00:00 UTC, later than was said before" in said
    assert opens(hub) == {"disclosure": {"2099-03-01"}, "recall": {"2099-03-01"}}
    jobs = [one for one in json.loads(hub("job", "list", "--json", "--in", hub.folder)) if one["kind"] == "notify"]
    assert {one["not_before"][:10] for one in jobs} >= {"2099-03-01"}
    log = json.loads(hub("consultation", "list", "--json", "--processing", "alteration", "--in", hub.folder))
    said = "operation october-2026: 2 entries of the ledger are opened by that"
    assert [one["object"] for one in log if one["object"].startswith("operation")] == [said]
    # called again, nothing is new
    assert "opened for everybody" not in hub("release", "make", later, "--in", hub.folder, code=1)
    # another file of that name holds back, and opens nothing sooner
    other = later.read_text("utf-8").replace('countries = ["TH"]', 'countries = ["KE"]').replace('"TH"', '"KE"')
    later.write_text(other.replace("2099-03-01", "2099-02-01"), "utf-8")
    hub("release", "make", later, "--in", hub.folder, code=1)
    assert opens(hub)["disclosure"] == {"2099-03-01"}
    later.write_text(other.replace("2099-03-01", "2099-04-01"), "utf-8")
    hub("release", "make", later, "--in", hub.folder, code=1)
    assert opens(hub)["disclosure"] == {"2099-04-01"}
    said = hub("release", "make", hub.operation(), "--in", hub.folder, code=1)
    assert "2 entries of the ledger opened for everybody now, sooner than was said before" in said
    assert opens(hub) == {}
    # what is open stays so, and that is said
    said = hub("release", "make", hub.operation(more="embargo = 2099-03-01"), "--in", hub.folder, code=1)
    assert "warning: the embargo comes too late for 1 entry of what this operation has let out" in said
    hub("ledger", "verify", "--in", hub.folder)
    hub("ledger", "audit", "--in", hub.folder)


def test_what_else_tells_of_a_data_set_knows_of_an_embargo_that_is_put_off(hub_on_either: Hub) -> None:
    hub = hub_on_either
    hub("release", "make", hub.operation(more="embargo = 2098-12-01"), "--in", hub.folder)
    hub("release", "make", hub.operation(more="embargo = 2099-03-01"), "--in", hub.folder)
    with open_database(place_of(hub.folder / "workspace.toml")) as database, database.reading() as connection:
        (embargo,) = embargoes(connection, datetime.now(UTC)).values()
    assert f"{embargo.until:%Y-%m-%d}" == "2099-03-01"


def test_what_was_taken_in_under_agreements_for_one_purpose_says_so_to_everybody(hub: Hub) -> None:
    rows = json.loads(hub("ledger", "list", "--json", "--in", hub.folder))
    assert [one["purpose"] for one in rows if one["kind"] == "delivery"] == ["victim-notification"]


def test_a_receipt_of_somebody_else_or_for_something_else_is_refused(hub: Hub) -> None:
    hub("release", "make", hub.operation(), "--in", hub.folder)
    (release,) = hub.releases()
    place, out = hub.folder / "releases" / release["id"], hub.folder.parent / "opened"
    policy = hub.folder / "ledger" / "policy"
    hub("package", "open", place / "package", place / "handover", "--keys", hub.keys, "--policy", policy, "--out", out)
    receipt = (out / "receipt").read_bytes()
    other = re.sub(rb"content [0-9a-f]{64}", b"content " + secrets.token_hex(32).encode(), receipt)
    for data, code in ((other, 7), (receipt[:-3], 7), (b"", 7), (re.sub(rb"package [0-9a-f]{8}", b"package 00000000",
                                                                         receipt), 4)):  # fmt: skip
        file = hub.folder.parent / "wrong"
        file.write_bytes(data)
        hub("release", "receipt", file, "--in", hub.folder, code=code)
    # right in all that it says, and signed with a key that is not the recipient's
    text = parse_note(receipt).text
    stranger = SigningKey(name="csirt-th.example", type=SignatureType.ED25519, seed=b"\x07" * 32)
    file.write_bytes(sign_note(text, [stranger]).encode())
    said = hub("release", "receipt", file, "--in", hub.folder, code=7)
    assert f"where: {file}" in said
    assert "registered as `receipts` of partner csirt-th" in said
    assert hub.releases()[0]["received_at"] is None


def test_whoever_names_a_file_of_another_kind_is_told_which_it_is_and_what_takes_it(hub: Hub) -> None:
    hub("release", "make", hub.operation(), "--in", hub.folder)
    place, out = hub.folder / "releases" / hub.releases()[0]["id"], hub.folder.parent / "opened"
    package, handover, policy = place / "package", place / "handover", hub.folder / "ledger/policy"
    relied = ("--policy", policy)
    hub("package", "open", package, handover, "--keys", hub.keys, *relied, "--out", out)
    receipt, nothing = out / "receipt", hub.folder.parent / "nothing"
    nothing.write_bytes(b"")
    more = ("--keys", hub.keys, "--done", "--note", "x", "--out", out / "answer")
    for words, code, what, where, got, remedy in (
        (("package", "show", handover), 7, "package", handover, "a handover", "`accord package verify`"),
        (("package", "show", receipt), 7, "package", receipt, "a receipt", "`accord release receipt` takes it"),
        (("package", "show", nothing), 7, "package", nothing, "an empty file", "name another file"),
        (("package", "show", place), 4, "package", place, "a folder of a release", "name the two files in it"),
        (("package", "verify", handover, package, *relied), 7, "package", handover, "a handover", "after its package"),
        (("package", "verify", package, package, *relied), 7, "handover", package, "a package", "show"),
        (("package", "verify", package, handover, "--policy", receipt), 2, "policy", receipt, "a receipt", "release"),
        (("package", "open", package, handover, "--keys", place, *relied, "--out", out / "x"), 4, "folder of keys",
         place, "a folder of a release", "name the two files"),
        (("package", "acknowledge", package, *more), 7, "notice of a recall", package, "a package", "show"),
        (("recall", "acknowledge", receipt, "--in", hub.folder), 7, "answer to a notice of a recall", receipt,
         "a receipt", "`accord release receipt` takes it"),
        (("recall", "acknowledge", policy, "--by-hand", "--why", "x", "--in", hub.folder), 7, "notice of a recall",
         policy, "a policy", "--policy takes it"),
        (("release", "receipt", package, "--in", hub.folder), 7, "receipt", package, "a package", "show"),
        (("ledger", "check", hub.folder / "ledger", handover, package), 7, "package", handover, "a handover", "verify"),
    ):  # fmt: skip
        said = hub(*words, code=code)
        assert f"This is no {what}.\n  where: {where}\n  expected: " in said, said
        assert f"\n  got: {got}\n" in said, said
        assert remedy in said.split("to do: ")[-1], said
    assert not (out / "answer").exists()


def test_an_output_that_was_made_in_a_workspace_answers_only_whom_its_log_names(hub: Hub, tmp_path: Path) -> None:
    out, ours = tmp_path / "out", ("--log", hub.folder)
    hub("operation", "run", hub.operation(), "--out", out, "--in", hub.folder)
    said = hub("lookup", "110.164.10.1", "--in", out, code=2)
    assert "infected-system" not in said
    assert "--log" in said
    other = tmp_path / "other"
    hub("init", other)
    said = hub("lookup", "110.164.10.1", "--in", out, "--log", other, code=2)
    assert "another hub's workspace" in said
    assert "infected-system" not in said
    assert "infected-system" in hub("lookup", "110.164.10.1", "--in", out, *ours, "--why", "case 4711")
    # nothing of it is a name that could be asked for
    names = ("resolution", "collect", out, "--nameserver", "127.0.0.1:9", "--to", tmp_path / "names.jsonl")
    hub(*names, code=2)
    hub(*names, *ours, code=1)
    rows = json.loads(hub("consultation", "list", "--json", "--in", hub.folder))
    (row,) = [one for one in rows if one["processing"] == "consultation"]
    assert row["object"].startswith("ipv4 ")
    assert row["justification"] == "case 4711"


def test_what_was_delivered_does_not_become_another_partner_s(hub: Hub) -> None:
    settings = hub.folder / "workspace.toml"
    text = settings.read_text("utf-8")
    # both have signed what it comes in under
    signed = '{ party = "vendor", name = "B" }'
    both = text.replace(signed, signed + ', { party = "police-th", name = "C" }')
    own = 'own sinkhole"\npartner = "{}"'
    moved = both.replace(own.format("vendor"), own.format("police-th"))
    assert text != both != moved
    settings.write_text(moved, "utf-8")
    said = hub("agreement", "apply", "--in", hub.folder, code=2)
    assert "A data set stays its partner's once something was delivered for it: 1 so far." in said
    assert "declare another data set" in said
    settings.write_text(both, "utf-8")
    hub("agreement", "apply", "--in", hub.folder)
    # of what nothing was delivered for it may be
    begin = both.index('\n[[dataset]]\nid = "sinkhole"')
    extra = both[begin : both.index("\n[[agreement]]", begin)].replace('"sinkhole"', '"crawl"', 1)
    for partner in ("vendor", "police-th"):
        settings.write_text(both + extra.replace('partner = "vendor"', f'partner = "{partner}"'), "utf-8")
        hub("agreement", "apply", "--in", hub.folder)
