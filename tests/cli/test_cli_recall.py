"""Recalls: out of use, everybody told who was given it, answers taken in."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accord.cli.hub import opened_hub
from accord.ledger.policies import parse_policy
from accord.ledger.proofs import parse_proof
from accord.release.notices import read_notice
from accord.release.package.keys import AGE, RECEIPTS, make_keys
from tests.cli.rights import NEIGHBOUR, SIGNS, VICTIM, disclosed, entries, finding_id, made_hub, said, sha256, sinkhole


@pytest.fixture
def hub(accord_here, tmp_path: Path, database_url: str) -> Path:
    """Two deliveries in a snapshot; the CSIRT got findings of both, the police of the second, under embargo."""
    hub = made_hub(accord_here, tmp_path, database_url)
    first = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-a.csv", [VICTIM, NEIGHBOUR])
    second = sinkhole(tmp_path / "2026-10-02-event4_sinkhole-b.csv", [NEIGHBOUR, "45.1.1.5"], 2)
    accord_here("delivery", "add", "sinkhole", first, second, "--snapshot", "--in", hub)
    with opened_hub(hub) as opened:
        ids = [finding_id(opened, "ipv4", one, "infected-system") for one in (VICTIM, NEIGHBOUR, "45.1.1.5")]
        both = [(ids[0], "sinkhole", sha256(first)), (ids[1], "sinkhole", sha256(first)),
                (ids[1], "sinkhole", sha256(second))]  # fmt: skip
        disclosed(opened, 1, "csirt-th", "TH", both)
        disclosed(
            opened, 2, "police", "VN", [(ids[2], "sinkhole", sha256(second))], opens_at=datetime(2099, 1, 1, tzinfo=UTC)
        )
    return hub


def soon() -> str:
    """A day after answers are due, and before the retention of what was given ends."""
    return f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"


def recall(accord_here, hub: Path, *words: object, **more):
    which = () if "--delivery" in words else ("--all",)
    why = ("--why", "The clock was wrong.", "--in", hub)
    return accord_here("recall", "make", "--dataset", "sinkhole", *which, *words, *why, **more)


def test_a_recall_says_of_which_deliveries_it_is_and_how_many_go_out_of_use(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    make = ("recall", "make", "--dataset", "sinkhole", "--kind", "withdrawn", "--why", "wrong", "--in", hub)
    first = sha256(tmp_path / "2026-10-01-event4_sinkhole-a.csv")
    for words, got in (((), "got: neither"), (("--all", "--delivery", first), "got: both")):
        refused = accord_here(*make, *words, expect=2).stderr
        assert "--delivery SHA256 for one, or --all for all of them" in refused
        assert "2 deliveries are in use" in refused
        assert got in refused
    assert len(said(accord_here("delivery", "list", "--json", "--in", hub))) == 2
    assert said(accord_here("recall", "list", "--json", "--in", hub)) == []
    assert "\n1 delivery goes out of use.\n" in accord_here(*make, "--delivery", first).stdout
    # what lies there recalled is not passed over in silence
    (made,) = said(accord_here("recall", "list", "--json", "--in", hub))
    for name in ("2026-10-01-event4_sinkhole-a.csv", first[:12]):
        shown = accord_here("delivery", "show", name, "--in", hub, expect=2).stderr
        assert "The delivery was recalled" in shown
        assert f"`accord recall show {made['recall']}`" in shown
    listed = accord_here("delivery", "list", "--in", hub).stdout
    assert "2026-10-02-event4_sinkhole-b.csv" in listed
    assert listed.endswith("\n1 delivery was recalled: `accord recall list`.\n")
    again = sinkhole(tmp_path / "2026-10-03-event4_sinkhole-c.csv", ["45.1.1.6"], 3)
    accord_here("delivery", "add", "sinkhole", again, "--in", hub)
    assert "\n2 deliveries go out of use.\n" in accord_here(*make, "--all").stdout
    told = "No delivery is in use. 3 deliveries were recalled: `accord recall list`.\n"
    assert accord_here("delivery", "list", "--in", hub).stdout == told
    assert said(accord_here("delivery", "list", "--json", "--in", hub)) == []


def test_a_recalled_delivery_is_out_of_use_and_refused_when_it_comes_again(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    file = tmp_path / "2026-10-01-event4_sinkhole-a.csv"
    told = said(recall(accord_here, hub, "--delivery", sha256(file)[:12], "--kind", "withdrawn", "--json"))
    assert [one["sha256"] for one in said(accord_here("delivery", "list", "--json", "--in", hub))] != [sha256(file)]
    assert (
        hub / "withdrawn/dataset=sinkhole" / f"sha256={sha256(file)}" / "delivered"
    ).read_bytes() == file.read_bytes()
    assert [path.name for path in (hub / "snapshots").iterdir()] == ["000002"]
    accord_here("lookup", VICTIM, "--in", hub, expect=1)
    accord_here("lookup", NEIGHBOUR, "--in", hub)
    refused = accord_here("delivery", "add", "sinkhole", file, "--in", hub, expect=3).stderr
    assert told["recall"] in refused
    assert "The clock was wrong." in refused


def test_past_recipients_get_a_signed_notice_with_the_findings_that_it_concerns_and_its_proof(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    file = tmp_path / "2026-10-01-event4_sinkhole-a.csv"
    out = tmp_path / "out"
    told = said(recall(accord_here, hub, "--delivery", sha256(file), "--kind", "corrected", "--out", out, "--json"))
    (notice,) = told["notices"]
    folder = out / "csirt-th" / f"recall-{told['recall']}-{notice['package']}"
    with opened_hub(hub) as opened:
        ids = {finding_id(opened, "ipv4", one, "infected-system") for one in (VICTIM, NEIGHBOUR)}
        read = read_notice((folder / "notice").read_bytes(), opened.ledger.key.verifier)
    assert {*(folder / "findings").read_text().split()} == ids
    assert (read.kind, read.recipient, read.findings, read.reason) == (
        "corrected",
        "csirt-th",
        2,
        "The clock was wrong.",
    )
    policy = parse_policy((hub / "ledger/policy").read_bytes())
    parse_proof((folder / "entry.tlog-proof").read_bytes()).verify((folder / "entry").read_bytes(), policy)
    own, theirs = entries(hub, "recall")
    # two agreements and a delivery came before the disclosure
    assert (own["dataset"], own["count"], own["digest"]) == ("Infected machines", "2", sha256(file))
    assert (theirs["partner"], theirs["country"], theirs["count"], theirs["refers"]) == ("csirt-th", "TH", "2", "3")


def test_whoever_reads_a_notice_learns_who_signed_it_or_that_nothing_that_it_asks_is_to_be_done(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    made = said(recall(accord_here, hub, "--kind", "withdrawn", "--out", out, "--json"))
    (told,) = [one for one in made["notices"] if one["recipient"] == "csirt-th"]
    (folder,) = (out / "csirt-th").iterdir()
    with opened_hub(hub) as opened:
        key = opened.ledger.key.verifier
    signed = f"{key.name}+{str(key).split('+')[1]}"
    show = ("package", "notice", folder, "--policy", hub / "ledger/policy")
    assert f"It is signed by {signed}, and its entry {told['entry']} is proven" in accord_here(*show).stdout
    assert said(accord_here(*show, "--json"))["signed_by"] == [signed]
    assert "was not verified" in accord_here("package", "notice", folder).stdout
    notice, proof = folder / "notice", folder / "entry.tlog-proof"
    genuine = notice.read_bytes(), proof.read_bytes()
    other = genuine[1].replace(b"index ", b"index 1", 1)
    for path, before, data in (
        (notice, genuine[0], genuine[0].replace(b"kind withdrawn", b"kind corrected")),
        (proof, genuine[1], other),
    ):
        path.write_bytes(data)
        refused = accord_here(*show, expect=7)
        assert refused.stdout == ""
        assert f"where: {path}" in refused.stderr
        assert "do nothing that the notice asks" in refused.stderr
        path.write_bytes(before)
    accord_here(*show)


def test_a_recall_of_what_is_under_embargo_tells_the_public_no_sooner(accord_here, hub: Path) -> None:
    recall(accord_here, hub, "--kind", "withdrawn")
    _, first, second = entries(hub, "recall")
    assert first["opens_at"] < "2099"
    assert second["opens_at"].startswith("2099-01-01")


def test_a_second_recall_sends_nothing_new(accord_here, hub: Path) -> None:
    first = said(recall(accord_here, hub, "--kind", "withdrawn", "--json"))
    assert "nothing new is sent" in recall(accord_here, hub, "--kind", "withdrawn").stdout
    assert [one["recall"] for one in said(accord_here("recall", "list", "--json", "--in", hub))] == [first["recall"]]
    assert len(entries(hub, "recall")) == 3
    accord_here("ledger", "publish", "--in", hub)


def test_answers_are_verified_and_become_entries_and_late_ones_are_listed(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    told = said(recall(accord_here, hub, "--kind", "withdrawn", "--due", "3", "--json"))
    assert len(said(accord_here("recall", "overdue", "--at", soon(), "--json", "--in", hub, expect=1))) == 1
    # what nobody has sent yet is not told
    assert accord_here("recall", "list", "--in", hub).stdout.count("not yet: by hand") == 2
    notices = {
        one["recipient"]: hub / "releases" / one["package"] / f"recall-{told['recall']}" for one in told["notices"]
    }
    keys = tmp_path / "keys"
    make_keys(keys, "other.example", draw=lambda size: b"\x01" * size)
    assert (keys / AGE).exists()
    sign = ("package", "acknowledge", notices["csirt-th"], "--done", "--note", "Gone.", "--keys", keys)
    accord_here(*sign, "--policy", hub / "ledger/policy", "--out", tmp_path / "foreign")
    take = ("recall", "acknowledge", "--in", hub)
    refused = accord_here(*take, tmp_path / "foreign", expect=7).stderr
    assert f"where: {tmp_path / 'foreign'}" in refused
    assert (str(SIGNS.verifier)[:25] in refused, "got: other.example+" in refused) == (True, True)
    assert "registered as `receipts` of partner csirt-th" in refused
    (keys / RECEIPTS).write_text(SIGNS.export() + "\n")
    signed = accord_here(*sign, "--out", tmp_path / "answer").stdout
    assert str(SIGNS.verifier)[:25] in signed, "who signs sees with which key"
    assert said(accord_here(*take, tmp_path / "answer", "--json"))["new"] is True
    assert said(accord_here(*take, tmp_path / "answer", "--json"))["new"] is False
    by_hand = (*take, notices["police"] / "notice", "--by-hand")
    accord_here(*by_hand, expect=2)
    accord_here(*by_hand, "--why", "They called.")
    accord_here("recall", "overdue", "--at", soon(), "--in", hub)
    (listed,) = said(accord_here("recall", "list", "--json", "--in", hub))
    assert [(one["answer"], one["by_hand"]) for one in listed["notices"]] == [("done", False), ("done", True)]
    rows = [line for line in accord_here("recall", "list", "--in", hub).stdout.splitlines() if " done " in line]
    assert [line[: line.index(" done ")].split()[-1] for line in rows] == ["-", "-"]
    first, second = entries(hub, "acknowledgement")
    assert first["digest"] == sha256(tmp_path / "answer")
    assert (first["refers"], second["refers"]) == tuple(str(one["entry"]) for one in listed["notices"])
    assert "They called." in accord_here("recall", "show", told["recall"][:8], "--in", hub).stdout


def test_what_a_recipient_signs_takes_the_place_of_what_was_recorded_by_hand(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    made = recall(accord_here, hub, "--kind", "withdrawn", "--due", "3").stdout
    (told,) = said(accord_here("recall", "list", "--json", "--in", hub))
    (package,) = [one["package"] for one in told["notices"] if one["recipient"] == "csirt-th"]
    folder = hub / "releases" / package / f"recall-{told['recall']}"
    assert "2 past recipients to tell, by 2 notices: send each its folder, and it answers by " in made
    assert str(folder) in made
    table = accord_here("recall", "list", "--in", hub)
    assert ("none yet" in table.stdout, "sent" in table.stdout) == (True, False)
    assert "is sent its folder" in table.stderr
    assert f"to send: {folder}" in accord_here("recall", "show", told["recall"], "--in", hub).stdout
    take = ("recall", "acknowledge", "--in", hub)
    accord_here(*take, folder, "--by-hand", "--why", "They called.")
    keys = tmp_path / "keys"
    make_keys(keys, "csirt-th.example", draw=lambda size: b"\x01" * size)
    (keys / RECEIPTS).write_text(SIGNS.export() + "\n")
    accord_here("package", "acknowledge", folder, "--done", "--note", "Gone.", "--keys", keys, "--out", tmp_path / "a")
    assert said(accord_here(*take, tmp_path / "a", "--json"))["new"] is True
    for _ in range(2):
        # and nothing that is recorded by hand takes its place
        (listed,) = said(accord_here("recall", "list", "--json", "--in", hub))
        (notice,) = [one for one in listed["notices"] if one["recipient"] == "csirt-th"]
        assert (notice["answer"], notice["by_hand"], notice["note"]) == ("done", False, "Gone.")
        accord_here(*take, folder, "--by-hand", "--why", "They called again.")
    assert entries(hub, "acknowledgement")[-1]["digest"] == sha256(tmp_path / "a")


def test_of_a_recipient_that_may_keep_its_package_no_longer_nothing_is_asked_any_more(accord_here, hub: Path) -> None:
    recall(accord_here, hub, "--kind", "withdrawn")
    late = f"{datetime.now(UTC) + timedelta(days=370):%Y-%m-%d}"
    assert "overdue" in accord_here("recall", "list", "--at", soon(), "--in", hub).stdout
    accord_here("recall", "overdue", "--at", soon(), "--in", hub, expect=1)
    # the data set's retention is a year
    shown = accord_here("recall", "list", "--at", late, "--in", hub).stdout
    assert "overdue" not in shown
    assert "asked any more" in " ".join(shown.split())
    accord_here("recall", "overdue", "--at", late, "--in", hub)
