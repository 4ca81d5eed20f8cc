"""What a recipient sends back, from its filled-in file to the public figures, the score and its page."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from tests.cli.test_cli_release import Accord, Hub, furnished


@pytest.fixture
def hub(accord_here: Accord, tmp_path: Path) -> Hub:
    """A hub that has handed two infected machines to Thailand's CSIRT."""
    one = furnished(accord_here, tmp_path)
    one("release", "make", one.operation(), "--in", one.folder)
    return one


def opened(hub: Hub) -> list[dict[str, str]]:
    """The rows of outcomes.csv, as the recipient finds them in its package."""
    (release,) = hub.releases()
    place, out = hub.folder / "releases" / release["id"], hub.folder.parent / "opened"
    hub("package", "open", place / "package", place / "handover", "--keys", hub.keys, "--policy",
        hub.folder / "ledger/policy", "--out", out)  # fmt: skip
    return list(csv.DictReader(io.StringIO((out / "content/outcomes.csv").read_text("utf-8"), newline="")))


def sent(hub: Hub, rows: list[dict[str, str]]) -> Path:
    """The file as a spreadsheet of a country with decimal commas saves it."""
    sink = io.StringIO()
    writer = csv.DictWriter(sink, rows[0], delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    file = hub.folder.parent / "outcomes.csv"
    file.write_bytes(b"\xef\xbb\xbf" + sink.getvalue().encode())
    return file


def kinds(hub: Hub) -> list[str]:
    return [one["kind"] for one in json.loads(hub("ledger", "list", "--json", "--in", hub.folder))]


def test_what_a_recipient_sends_is_entered_published_scored_and_erased(hub: Hub) -> None:
    rows = opened(hub)
    address = "110.164.10.1"
    for row in rows:
        if row["value"] == address:
            row |= {"outcome": "Done", "date": "2026-11-02", "note": f"'=1+1 {address}"}
        else:
            row |= {"outcome": "done", "date": "2.11.2026"}
    file = sent(hub, rows)
    told = json.loads(hub("outcome", "import", file, "--from", "csirt-th", "--json", "--in", hub.folder))
    assert {name: told[name] for name in ("records", "accepted", "new", "ignored", "rejected")} == {
        "records": 2, "accepted": 1, "new": 1, "ignored": 0, "rejected": 1,
    }  # fmt: skip
    assert [(one["column"], one["reason"], one["text"]) for one in told["rejects"]] == [("date", "date", "2.11.2026")]
    assert kinds(hub)[-1] == "outcome"
    # nobody reports about what it was not given, and the same again changes nothing
    assert "said before" in hub("outcome", "import", file, "--from", "csirt-th", "--in", hub.folder)
    refused = ("outcome", "import", file, "--from", "police-th", "--in", hub.folder)
    said = hub(*refused, code=3)
    assert "2 rows of police-th: 0 taken (0 new), 0 not filled in, 2 rejected." in said
    assert "never handed over to this partner" in said
    assert json.loads(hub(*refused, "--json", code=3))["rejected"] == 2
    assert kinds(hub).count("outcome") == 1
    logged = json.loads(hub("consultation", "list", "--json", "--in", hub.folder))
    assert [one["object"] for one in logged if one["object"].startswith("outcomes ")] == [f"outcomes {told['sha256']}"]
    # the public figures follow from the openings
    policy = hub.folder / "ledger/policy"
    checked = hub("ledger", "check", hub.folder / "ledger", "--policy", policy)
    assert re.search(
        r"reported as done\s+country +purpose +reports +findings\s+TH +victim-notification +1 +0 to 9", checked
    )
    assert "Reported as done, " in (hub.folder / "ledger/index.html").read_text("utf-8")
    hub("ledger", "verify", "--in", hub.folder)
    hub("ledger", "audit", "--in", hub.folder)
    # the score, as numbers and as a page
    page = hub.folder.parent / "score.html"
    score = json.loads(hub("operation", "score", "october-2026", "--role", "infected-system", "--json", "--out", page,
                           "--language", "fr", "--in", hub.folder))  # fmt: skip
    assert (score["done"], score["asked"], score["share"]) == (1, 2, 0.5)
    title = "Infected machines in October 2026"
    assert score["title"] == title
    assert title in page.read_text("utf-8")
    assert [(one["country"], one["share"]) for one in score["countries"]] == [("TH", 0.5)]
    assert re.search(r"signalent comme faits? 50\s%", re.sub("<[^>]*>", "", page.read_text("utf-8")))
    assert address not in page.read_text("utf-8")
    assert "Nobody was asked to act on what counts" in hub("operation", "score", "october-2026", "--in", hub.folder)
    # a person's rights reach what was asked and what was said
    assert "outcome: done, said csirt-th" in hub("subject", "find", address, "--in", hub.folder)
    hub("subject", "erase", address, "--why", "a court's decision", "--in", hub.folder)
    assert json.loads(hub("outcome", "list", "--history", "--json", "--in", hub.folder)) == []
    database = b"".join(path.read_bytes() for path in hub.folder.glob("accord.db*"))
    assert address.encode() not in database
    hub("ledger", "audit", "--in", hub.folder)
    # all of it taken back: not that nobody was asked
    hub(
        "recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "Wrong.", "--in", hub.folder
    )
    scored = hub("operation", "score", "october-2026", "--role", "infected-system", "--in", hub.folder)
    assert "Nothing is left that counts: infected-system" in scored
    assert "taken back: " in scored


def test_what_is_wrong_with_a_file_or_a_name_is_said(hub: Hub) -> None:
    file = hub.folder.parent / "other.csv"
    file.write_text("a,b\n1,2\n", "utf-8")
    assert "no file of outcomes" in hub("outcome", "import", file, "--from", "csirt-th", "--in", hub.folder, code=3)
    file.write_text("finding_id,outcome,date,note\n", "utf-8")
    said = hub("outcome", "import", file, "--from", "nobody", "--in", hub.folder, code=2)
    assert re.search(r"expected: one of csirt-th, police-th, vendor", said)
    assert "cannot be read" in hub(
        "outcome", "import", hub.folder / "x", "--from", "vendor", "--in", hub.folder, code=4
    )
    said = hub("operation", "score", "november", "--in", hub.folder, code=2)
    assert re.search(r"expected: october-2026\s+got: november", said)
    assert "no such role" in hub("operation", "score", "october-2026", "--role", "x", "--in", hub.folder, code=2)
    assert "Nothing was reported yet" in hub("outcome", "list", "--in", hub.folder)
    assert kinds(hub).count("outcome") == 0
