"""What is erased, recalled, purged or may be told no longer is in no version that is left."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from accord.cli.check.publishing import is_outdated
from accord.cli.check.showing import CheckKept, keep_check
from accord.cli.hub import opened_hub
from tests.cli.checked import CheckHub, lines
from tests.cli.rights import rows_of

A, B, C = "45.1.1.1", "45.1.1.2", "45.1.1.3"
LONG, SAME_HOME = "2a02:26f0:1:2::77", "2a02:26f0:1:2:ffff::1"


@pytest.fixture
def hub(accord_here: Callable[..., object], database_url: str, tmp_path: Path) -> CheckHub:
    made = CheckHub(accord_here, tmp_path, *(() if database_url.startswith("sqlite") else ("--database", database_url)))
    made.deliver("first.csv", lines([(A, "mirai", 1), (B, "simda", 2), (LONG, "emotet", 3), (SAME_HOME, "", 5)]))
    made.deliver("second.csv", lines([(A, "qakbot", 4), (C, "qakbot", 4)]), "other-sinkhole")
    made.publish()
    return made


def test_who_asks_what_is_held_of_them_learns_that_the_check_tells_it(hub: CheckHub) -> None:
    told = hub.json("subject", "find", A)["check"]
    assert (told["families"], told["version"]) == (["Mirai", "QakBot"], hub.versions()[0])
    assert f"check data {hub.versions()[0]}" in hub("subject", "find", A, "--in", hub.folder)
    assert hub.json("subject", "find", "45.9.9.9")["check"] is None


def test_an_erased_address_is_in_no_version_at_once_and_the_ledger_says_so(hub: CheckHub) -> None:
    (first,) = hub.versions()
    before = hub.entries()
    hub("subject", "erase", A, "--why", "A court asked.", "--in", hub.folder)
    (second,) = hub.versions()
    assert second != first
    assert hub.holds(A) == []
    assert hub.told(A, B, C) == {B: (("Simda",), 2), C: (("QakBot",), 4)}
    after = hub.entries()[len(before) :]
    assert {one["refers"] for one in after} == {before[0]["number"]}
    assert sorted((one["dataset"], one["count"]) for one in after) == sorted(
        (one["dataset"], one["count"] - 1) for one in before
    )
    shown = hub.json("check", "show")
    assert [(one["version"], one["state"], one["narrows"]) for one in shown] == [
        (first, "gone", None),
        (second, "published", first),
    ]
    hub("ledger", "audit", "--in", hub.folder)
    hub("ledger", "verify", "--in", hub.folder)
    assert [name for name, text in rows_of(hub.folder) if A.encode() in text] == []
    # done again, nothing is done
    hub("subject", "erase", A, "--why", "A court asked.", "--in", hub.folder)
    assert hub.versions() == [second]


def test_an_address_that_is_wrong_as_infected_is_told_so_no_more_also_when_it_is_stated_again(hub: CheckHub) -> None:
    hub("subject", "correct", A, "--wrong", "infected-system", "--why", "Never.", "--right", "A scanner.",
        "--in", hub.folder)  # fmt: skip
    assert hub.told(A, B, C) == {B: (("Simda",), 2), C: (("QakBot",), 4)}
    hub.deliver("third.csv", lines([(A, "mirai", 0), (B, "mirai", 0)]))
    hub.publish()
    assert hub.told(A, B, C) == {B: (("Mirai", "Simda"), 0), C: (("QakBot",), 4)}
    hub("ledger", "audit", "--in", hub.folder)


def test_of_one_home_whoever_is_left_is_told(hub: CheckHub) -> None:
    hub("subject", "erase", LONG, "--why", "A court asked.", "--in", hub.folder)
    assert hub.told(LONG, SAME_HOME) == {LONG: (("",), 5), SAME_HOME: (("",), 5)}
    hub("subject", "erase", SAME_HOME, "--why", "A court asked.", "--in", hub.folder)
    assert hub.told(LONG, SAME_HOME) == {}
    assert hub.holds(LONG) == []


def test_what_came_in_since_is_not_published_by_an_erasure(hub: CheckHub) -> None:
    hub.deliver("third.csv", lines([("45.1.1.9", "mirai", 0), (B, "mirai", 0)]))
    hub("subject", "erase", A, "--why", "A court asked.", "--in", hub.folder)
    assert hub.told(B, "45.1.1.9") == {B: (("Simda",), 2)}


def test_a_recalled_delivery_tells_nobody_anything_any_more(hub: CheckHub) -> None:
    first = next(one["sha256"] for one in hub.json("delivery", "list") if one["file"] == "first.csv")
    hub("recall", "make", "--dataset", "sinkhole", "--delivery", first, "--kind", "withdrawn", "--why", "No.",
        "--in", hub.folder)  # fmt: skip
    assert hub.told(A, B, C, LONG) == {A: (("QakBot",), 4), C: (("QakBot",), 4)}
    assert hub.families() == ["QakBot"]
    hub(
        "recall",
        "make",
        "--dataset",
        "other-sinkhole",
        "--all",
        "--kind",
        "withdrawn",
        "--why",
        "No.",
        "--in",
        hub.folder,
    )
    assert hub.told(A, B, C, LONG) == {}
    (last,) = [one for one in hub.json("check", "show") if one["state"] == "published"]
    assert (last["addresses"], last["sources"]) == (0, [])
    assert [one["count"] for one in hub.entries()][-1] == 0
    hub("ledger", "audit", "--in", hub.folder)


def test_what_is_purged_goes_from_the_check_too(hub: CheckHub) -> None:
    (account,) = hub.folder.glob("deliveries/dataset=sinkhole/sha256=*/account.json")
    old = json.loads(account.read_text("utf-8"))
    account.write_text(json.dumps(old | {"received_at": "2020-01-01T00:00:00+00:00"}), "utf-8")
    hub("retention", "run", "--in", hub.folder)
    assert hub.told(A, B, C) == {A: (("QakBot",), 4), C: (("QakBot",), 4)}


def test_after_an_agreement_has_ended_its_data_go_with_the_next_command(hub: CheckHub) -> None:
    hub("agreement", "end", "vendor-2026", "--why", "Notice was given.", "--in", hub.folder)
    hub("release", "hand-over", "--in", hub.folder)
    assert hub.told(A, B, C) == {A: (("QakBot",), 4), C: (("QakBot",), 4)}


def test_what_an_agreement_covered_that_has_run_out_goes_by_itself(hub: CheckHub) -> None:
    (first,) = hub.versions()
    now = datetime.now(UTC)
    after = datetime.combine(now.date() + timedelta(days=3), time(), UTC)
    last = f"from = 2026-01-02\nto = {now.date() + timedelta(days=2)}\n"
    terms = hub.settings.read_text("utf-8").replace("from = 2026-01-02\n", last)
    hub.settings.write_text(terms, "utf-8")
    hub("agreement", "apply", "--in", hub.folder)
    with opened_hub(hub.folder) as opened:
        # until its last day has ended
        assert not is_outdated(opened, now=after - timedelta(seconds=1))
        assert is_outdated(opened, now=after)
    # looked at a moment ago, it is not looked at again
    kept = keep_check(hub.folder, "accord", CheckKept(), now=now)
    hub("agreement", "end", "vendor-2026", "--why", "Notice was given.", "--in", hub.folder)
    assert keep_check(hub.folder, "accord", kept, now=now + timedelta(seconds=59)) == kept
    assert hub.versions() == [first]
    for _ in range(2):
        keep_check(hub.folder, "accord", CheckKept(), now=datetime.now(UTC))
    waiting = [one["kind"] for one in hub.json("job", "list") if one["state"] == "waiting"]
    assert waiting.count("release") == 1
    hub("job", "work", "--in", hub.folder)
    assert hub.told(A, B, C) == {A: (("QakBot",), 4), C: (("QakBot",), 4)}


def test_what_is_withdrawn_tells_nothing_of_anybody_and_the_table_may_go(hub: CheckHub) -> None:
    (first,) = hub.versions()
    told = hub.json("check", "withdraw", "--why", "The agreement ends today.")
    assert (told["addresses"], told["narrows"]) == (0, first)
    assert hub.told(A, B, C, LONG) == {}
    assert hub.holds(A) == hub.holds(LONG) == []
    rows = hub.json("consultation", "list")
    assert [one["justification"] for one in rows if one["object"] == f"check data {told['version']}"] == [
        "The agreement ends today."
    ]
    assert hub.entries()[-1]["count"] == 0
    hub("ledger", "audit", "--in", hub.folder)
    # what no table names any more stops no other release
    text = hub.settings.read_text("utf-8")
    hub.settings.write_text(text[: text.index("[check]")] + text[text.index('[[partner]]\nid = "vendor"') :], "utf-8")
    hub("release", "hand-over", "--in", hub.folder)


def test_a_database_that_is_older_than_what_is_published_is_told_apart(
    accord_here: Callable[..., object], tmp_path: Path
) -> None:
    hub = CheckHub(accord_here, tmp_path)
    hub.deliver("first.csv", lines([(A, "mirai", 1)]))
    hub.publish()
    folder = hub.check / "versions"
    (name,) = hub.versions()
    (folder / name).rename(folder / "20270101T000000Z-00000000")
    (hub.check / "current").unlink()
    (hub.check / "current").symlink_to("versions/20270101T000000Z-00000000")
    assert "older than the check data" in hub("check", "publish", "--in", hub.folder, code=7)
