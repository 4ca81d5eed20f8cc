"""Whoever asks a workspace leaves a trace, and the log of that can be listed, exported and verified."""

import csv
import getpass
import io
import json
import os
import pwd
import sqlite3
from pathlib import Path

import pytest

ROW = "2026-10-01 10:00:37,tcp,45.1.1.7,4000,1,8.8.4.4,80,Gamut,,"
DATASET = """
[[partner]]
id = "vendor"
name = "A vendor"

[[dataset]]
id = "sinkhole"
title = "Sinkhole"
partner = "vendor"
format = "shadowserver"
origin = "sinkhole"
legal_basis = "legitimate-interest"
marking = "green"
grade = "b"
retention = "P1Y"
personal_data = true
"""


@pytest.fixture
def hub(accord_here, agreement_on, tmp_path: Path) -> Path:
    """A workspace with a finding and a rejected record."""
    hub = tmp_path / "hub"
    accord_here("init", hub)
    with (hub / "workspace.toml").open("a", encoding="utf-8") as file:
        file.write(DATASET + agreement_on("sinkhole"))
    accord_here("agreement", "apply", "--in", hub)
    header = "timestamp,protocol,src_ip,src_port,src_asn,dst_ip,dst_port,infection,family,tag"
    file = tmp_path / "2026-10-01-event4_sinkhole-a.csv"
    file.write_text(f"{header}\n{ROW}\n{ROW.replace('45.1.1.7', '10.0.0.1')}\n", "utf-8")
    accord_here("delivery", "add", "sinkhole", file, "--snapshot", "--in", hub)
    return hub


def listed(accord_here, hub: Path, *filters: str) -> list[dict]:
    """All rows but those of the delivery's coming and of its snapshot."""
    rows = json.loads(accord_here("consultation", "list", "--json", "--in", hub, *filters).stdout)
    return [one for one in rows if one["processing"] not in {"collection", "combination"}]


def test_a_look_up_is_in_the_log_with_person_and_reason_and_without_the_value(accord_here, hub: Path) -> None:
    accord_here("lookup", "45.1.1.7", "45.1.1[.]7", "AS13335", "no value", "--person", "j.tan", "--why", "case 4711",
                "--in", hub)  # fmt: skip
    found = listed(accord_here, hub, "--by", "j.tan")
    assert [(one["person"], one["justification"], one["processing"]) for one in found] == [
        ("j.tan", "case 4711", "consultation")
    ] * 2
    assert sorted(one["object"].split()[0] for one in found) == ["asn", "ipv4"]
    assert listed(accord_here, hub, "--value", "45.1.1[.]7") == [one for one in found if one["object"][:4] == "ipv4"]
    for file in hub.glob("accord.db*"):
        assert b"45.1.1.7" not in file.read_bytes()


def test_who_says_no_name_is_whom_the_operating_system_knows(
    accord_here, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = pwd.getpwuid(os.getuid()).pw_name
    # what getpass believes, and anybody can set
    monkeypatch.setenv("LOGNAME", "somebody-else")
    assert getpass.getuser() == "somebody-else"
    accord_here("lookup", "45.1.1.7", "--in", hub)
    monkeypatch.setenv("ACCORD_PERSON", "a.name")
    accord_here("lookup", "45.1.1.7", "--in", hub)
    assert [one["person"] for one in listed(accord_here, hub)] == [login, "a.name"]


def test_who_asks_says_why_or_is_not_answered(accord_here, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directive (EU) 2016/680, Article 25(2): the justification of every consultation."""
    asked = [
        ("lookup", "45.1.1.7"),
        ("subject", "find", "45.1.1.7"),
        ("review", "list"),
        ("outcome", "list"),
        ("delivery", "show", "2026-10-01-event4_sinkhole-a.csv"),
        ("snapshot", "diff", "1", "1", "--csv"),
    ]
    for none in (None, ""):
        if none is None:
            monkeypatch.delenv("ACCORD_WHY")
        else:
            monkeypatch.setenv("ACCORD_WHY", none)
        for words in asked:
            said = accord_here(*words, "--in", hub, expect=2)
            assert "45.1.1.7" not in said.stdout, words
            assert "ACCORD_WHY" in said.stderr, words
    assert listed(accord_here, hub) == []
    monkeypatch.setenv("ACCORD_WHY", "case 4711")
    for words in asked:
        accord_here(*words, "--in", hub)
    accord_here("lookup", "45.1.1.7", "--why", "case 4712", "--in", hub)
    assert [one["justification"] for one in listed(accord_here, hub)] == ["case 4711"] * len(asked) + ["case 4712"]


@pytest.mark.parametrize("words", [("--person", " "), ("--why", "a\x1bb"), ("--why", "a" * 1001)])
def test_names_and_reasons_are_words(accord_here, hub: Path, words: tuple[str, str]) -> None:
    said = accord_here("lookup", "45.1.1.7", *words, "--in", hub, expect=2)
    assert words[0] in said.stderr
    assert listed(accord_here, hub) == []


def test_rejected_records_are_shown_to_whom_the_log_knows(accord_here, hub: Path) -> None:
    name = "2026-10-01-event4_sinkhole-a.csv"
    accord_here("delivery", "show", name, "--rejects", "0", "--in", hub)
    assert listed(accord_here, hub) == []
    assert "10.0.0.1" in accord_here("delivery", "show", name, "--why", "a partner asks", "--in", hub).stdout
    (row,) = listed(accord_here, hub)
    assert row["object"].startswith("delivery sinkhole ")
    assert row["justification"] == "a partner asks"


def test_what_cannot_be_logged_is_not_answered_and_says_what_to_do(accord_here, hub: Path) -> None:
    (hub / "accord.db").unlink()
    name = "2026-10-01-event4_sinkhole-a.csv"
    for words in (("lookup", "45.1.1.7"), ("delivery", "show", name)):
        said = accord_here(*words, "--in", hub, expect=4)
        assert said.stdout == ""
        assert "cannot be written into the log of consultations" in said.stderr
        assert f"accord migrate --in {hub}" in said.stderr
    accord_here("delivery", "show", name, "--rejects", "0", "--in", hub)
    accord_here("migrate", "--in", hub)
    accord_here("lookup", "45.1.1.7", "--in", hub)


def test_a_log_is_listed_a_page_at_a_time(accord_here, hub: Path) -> None:
    for person in "abc":
        accord_here("lookup", "45.1.1.7", "--person", person, "--in", hub)
    said = accord_here("consultation", "list", "--limit", "3", "--in", hub)
    assert "--after 3" in said.stderr
    # the first rows are of the delivery and of the snapshot
    assert [one["person"] for one in listed(accord_here, hub, "--limit", "2", "--after", "3")] == ["b", "c"]
    assert "Nothing of that kind" in accord_here("consultation", "list", "--by", "z", "--in", hub).stdout
    assert "collection" in accord_here("consultation", "list", "--processing", "spying", "--in", hub, expect=2).stderr
    assert "--since" in accord_here("consultation", "list", "--since", "noon", "--in", hub, expect=2).stderr
    assert "--value" in accord_here("consultation", "list", "--value", "10.0.0.1", "--in", hub, expect=2).stderr


def test_an_export_is_csv_that_no_spreadsheet_runs_or_json_and_says_what_was_verified(accord_here, hub: Path) -> None:
    accord_here("lookup", "45.1.1.7", "--why", '=HYPERLINK("x")', "--in", hub)
    accord_here("lookup", "45.1.1.7", "--person", "b", "--in", hub)
    said = accord_here("consultation", "export", "--in", hub)
    taken, combined, first, second = csv.DictReader(io.StringIO(said.stdout))
    assert (first["justification"], second["person"]) == ('\'=HYPERLINK("x")', "b")
    assert (taken["processing"], combined["processing"]) == ("collection", "combination")
    assert "verified: 4 rows" in said.stderr
    assert second["digest"] in said.stderr
    whole = json.loads(accord_here("consultation", "export", "--by", "b", "--json", "--in", hub).stdout)
    assert whole["verified"] == {"rows": 4, "digest": second["digest"]}
    assert [one["number"] for one in whole["consultations"]] == [4]
    accord_here("consultation", "export", "--kept", first["digest"], "--in", hub)


def test_a_log_that_was_changed_is_not_exported(accord_here, hub: Path) -> None:
    accord_here("lookup", "45.1.1.7", "--in", hub)
    with sqlite3.connect(hub / "accord.db") as plain:
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            plain.execute("UPDATE consultations SET person = 'nobody'")
        plain.execute("DROP TRIGGER keep_consultations_update")
        plain.execute("UPDATE consultations SET person = 'nobody'")
    plain.close()
    said = accord_here("consultation", "export", "--in", hub, expect=7)
    assert said.stdout == ""
    assert "row 1" in said.stderr


def test_who_combines_deliveries_into_a_snapshot_is_in_the_log_before_it_is_there(accord_here, hub: Path) -> None:
    def combined() -> list[tuple[str, str, str]]:
        rows = json.loads(
            accord_here("consultation", "list", "--processing", "combination", "--json", "--in", hub).stdout
        )
        assert all(one["at"].endswith("Z") and one["recipients"] == [] for one in rows)
        return [(one["person"], one["justification"], one["object"]) for one in rows]

    login = pwd.getpwuid(os.getuid()).pw_name
    before = [(login, "snapshot 1", "snapshot 1: 1 delivery")]
    assert combined() == before
    make = ("snapshot", "make", "--person", "j.tan", "--why", "the weekly picture", "--in", hub)
    # nothing is combined, and nothing is logged
    assert "Nothing is new" in accord_here(*make).stdout
    assert combined() == before
    file = hub.parent / "2026-10-02-event4_sinkhole-a.csv"
    header = "timestamp,protocol,src_ip,src_port,src_asn,dst_ip,dst_port,infection,family,tag"
    file.write_text(f"{header}\n{ROW.replace('45.1.1.7', '45.1.1.8')}\n", "utf-8")
    accord_here("delivery", "add", "sinkhole", file, "--in", hub)
    accord_here(*make)
    assert combined() == [*before, ("j.tan", "the weekly picture", "snapshot 2: 2 deliveries")]
    # what cannot be logged is not done
    accord_here("snapshot", "drop", "2", "--in", hub)
    (hub / "accord.db").unlink()
    assert "no database" in accord_here(*make, expect=4).stderr
    assert not (hub / "snapshots/000002").exists()
