"""What may be kept no longer goes, with an entry each, and the ledger verifies as before."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
from sqlalchemy import text, update

from accord.cli.acting import Actor
from accord.cli.hub import opened_hub
from accord.cli.rights.retaining import keep_purging
from accord.workspace.schema import JOBS
from tests.cli.rights import NEIGHBOUR, VICTIM, disclosed, entries, finding_id, made_hub, said, sha256, sinkhole


def aged(hub: Path, delivery: str, received_at: str, under: str = "deliveries") -> None:
    """Let a delivery be as old as this."""
    path = hub / under / "dataset=sinkhole" / f"sha256={delivery}" / "account.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"received_at": received_at}))


def test_a_delivery_that_is_due_is_purged_from_all_places_and_the_others_stay(
    accord_here, tmp_path: Path, database_url: str
) -> None:
    hub = made_hub(accord_here, tmp_path, database_url)
    old = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-a.csv", [VICTIM])
    young = sinkhole(tmp_path / "2026-10-02-event4_sinkhole-b.csv", [NEIGHBOUR], 2)
    taken_back = sinkhole(tmp_path / "2026-10-03-event4_sinkhole-c.csv", ["45.1.1.9"], 3)
    accord_here("delivery", "add", "sinkhole", old, young, taken_back, "--snapshot", "--in", hub)
    recall = ("recall", "make", "--dataset", "sinkhole", "--delivery", sha256(taken_back), "--kind", "withdrawn")
    accord_here(*recall, "--why", "wrong", "--in", hub)
    assert accord_here("retention", "run", "--in", hub).stdout == "Nothing is due.\n"
    aged(hub, sha256(old), "2024-02-29T12:00:00+00:00")
    aged(hub, sha256(taken_back), "2024-02-29T12:00:00+00:00", "withdrawn")
    first, *_ = said(accord_here("retention", "list", "--json", "--in", hub))
    assert (first["due_at"], first["is_due"]) == ("2025-02-28T12:00:00+00:00", True)
    accord_here("retention", "run", "--at", "2099-01-01", "--in", hub, expect=2)
    gone = said(accord_here("retention", "run", "--json", "--in", hub))
    assert {one["sha256"] for one in gone} == {sha256(old), sha256(taken_back)}
    assert [one["sha256"] for one in said(accord_here("retention", "list", "--json", "--in", hub))] == [sha256(young)]
    accord_here("lookup", VICTIM, "--in", hub, expect=1)
    accord_here("lookup", NEIGHBOUR, "--in", hub)
    assert len(list((hub / "snapshots").iterdir())) == 1
    assert entries(hub, "erasure") == []
    erased = entries(hub, "purge")
    assert sorted(one["digest"] for one in erased) == sorted([sha256(old), sha256(taken_back)])
    assert {(one["agreement"], one["dataset"], one["count"]) for one in erased} == {
        ("vendor-2026", "Infected machines", "1")
    }
    accord_here("ledger", "publish", "--in", hub)
    # what was taken in counts for good; what is gone stands beside it by data set, in the figures and on the page
    (year,) = said(accord_here("ledger", "check", hub / "ledger", "--json"))["figures"]["years"]
    assert [(one["dataset"], one["deliveries"]) for one in year["held"]] == [("Infected machines", 3)]
    assert [(one["dataset"], one["kind"], one["entries"]) for one in year["taken_out"]] == [
        ("Infected machines", "purge", 2),
        ("Infected machines", "recall", 1),
    ]
    # one record of each delivery, of which two were purged, the recalled one among them
    assert year["held_at_end"] == [{"dataset": "Infected machines", "origin": "sinkhole", "records": [0, 9]}]
    page = (hub / "ledger/index.html").read_text("utf-8")
    assert "What this hub has taken in and passed on" in page
    assert "Erased or taken out of use, " in page
    assert accord_here("retention", "run", "--in", hub).stdout == "Nothing is due.\n"
    log = said(accord_here("consultation", "list", "--json", "--processing", "erasure", "--in", hub))
    assert len(log) == 2


def test_purging_runs_by_itself_every_day_once_it_was_queued(accord_here, tmp_path: Path, database_url: str) -> None:
    hub = made_hub(accord_here, tmp_path, database_url)
    old = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-a.csv", [VICTIM])
    accord_here("delivery", "add", "sinkhole", old, "--in", hub)
    aged(hub, sha256(old), "2024-02-29T12:00:00+00:00")
    accord_here("retention", "run", "--daily", "--in", hub)
    assert "as before" in accord_here("retention", "run", "--daily", "--in", hub).stdout
    assert "purged 1 delivery" in accord_here("job", "work", "--in", hub).stdout
    assert said(accord_here("delivery", "list", "--json", "--in", hub)) == []
    second, first = said(accord_here("job", "list", "--json", "--in", hub))
    assert (first["state"], second["state"], second["kind"]) == ("done", "waiting", "purge")
    assert second["not_before"] > first["queued_at"]


def test_whoever_does_jobs_sees_to_it_once_a_day_that_what_is_due_is_purged(
    accord_here, tmp_path: Path, database_url: str
) -> None:
    hub = made_hub(accord_here, tmp_path, database_url)
    old = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-a.csv", [VICTIM])
    accord_here("delivery", "add", "sinkhole", old, "--in", hub)
    aged(hub, sha256(old), "2024-02-29T12:00:00+00:00")
    begun, day = datetime.now(UTC), timedelta(days=1)
    actor = Actor(person="serve", justification="")

    def listed() -> list[tuple[str, str, str]]:
        return [(one["kind"], one["state"], one["not_before"]) for one in
                said(accord_here("job", "list", "--json", "--in", hub))]  # fmt: skip

    with opened_hub(hub) as one, opened_hub(hub) as other:
        databases = (one.database, other.database)
        # two servers ask at once: one of them queues it
        with ThreadPoolExecutor(2) as pool:
            due = [*pool.map(lambda each: keep_purging(each, actor, now=begun), databases)]
        assert sorted(due, key=str) == [begun + day, None]
        assert listed() == [("purge", "waiting", (begun + day).isoformat().replace("+00:00", "Z"))]
        with one.database.writing() as connection:
            connection.execute(update(JOBS).values(not_before=begun))
        assert "purged 1 delivery" in accord_here("job", "work", "--in", hub).stdout
        assert [state for _, state, _ in listed()] == ["waiting", "done"]
        assert keep_purging(one.database, actor, now=begun) is None
        # one that fails for good does not end it: the next is due a day after that one was
        with one.database.writing() as connection:
            connection.execute(update(JOBS).values(state="failed", ended_at=begun, not_before=begun))
        assert keep_purging(one.database, actor, now=begun + timedelta(hours=1)) == begun + day
        # one that has been waiting while no server ran is not queued again
        assert keep_purging(one.database, actor, now=begun + 9 * day) is None


def test_which_findings_a_package_held_is_forgotten_when_neither_hub_nor_recipient_may_have_them(
    accord_here, tmp_path: Path, database_url: str
) -> None:
    hub = made_hub(accord_here, tmp_path, database_url)
    old = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-a.csv", [VICTIM])
    young = sinkhole(tmp_path / "2026-10-02-event4_sinkhole-b.csv", [NEIGHBOUR], 2)
    accord_here("delivery", "add", "sinkhole", old, young, "--in", hub)
    aged(hub, sha256(old), "2023-01-01T00:00:00+00:00")
    with opened_hub(hub) as one:
        first, second = (finding_id(one, "ipv4", value, "infected-system") for value in (VICTIM, NEIGHBOUR))
        rows = [(first, "sinkhole", sha256(old)), (second, "sinkhole", sha256(young))]
        long_ago, lately = (disclosed(one, number, "csirt-th", "TH", rows) for number in (1, 2))
        with one.database.writing() as connection:
            connection.execute(
                text("UPDATE disclosures SET handed_over_at = '2024-02-29T12:00:00.000000Z' WHERE id = :one"),
                {"one": str(long_ago)},
            )

    def held(package: object) -> set[str]:
        return {*pq.read_table(hub / f"releases/{package}/findings.parquet")["finding_id"].to_pylist()}

    def log() -> list[str]:
        told = said(accord_here("consultation", "list", "--json", "--processing", "erasure", "--in", hub))
        return [one["object"] for one in told if one["object"].startswith("disclosure ")]

    # a year (the data set's retention) from 29 February is 28 February
    run = ("retention", "run", "--in", hub, "--at")
    assert "Purged 1 delivery" in accord_here(*run, "2025-02-28T11:59:59Z").stdout
    assert (held(long_ago), held(lately), log()) == ({first, second}, {first, second}, [])
    kept = (hub / f"releases/{long_ago}/findings.parquet").read_bytes()
    assert "Forgot which findings 1 package held" in accord_here(*run, "2025-02-28T12:00:00Z").stdout
    assert (held(long_ago), held(lately)) == ({second}, {first, second})
    assert log() == [f"disclosure {long_ago} sinkhole {sha256(old)}"]
    assert accord_here(*run, "2025-02-28T12:00:00Z").stdout == "Nothing is due.\n"
    # killed after it was logged and before the rows went: the next call goes on, and logs nothing twice
    (hub / f"releases/{long_ago}/findings.parquet").write_bytes(kept)
    accord_here(*run, "2025-02-28T12:00:00Z")
    assert (held(long_ago), len(log())) == ({second}, 1)
    # a recall concerns what is left, and of who may still have it all
    recall = ("recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "wrong", "--json")
    told = said(accord_here(*recall, "--in", hub))["notices"]
    assert {one["package"]: one["findings"] for one in told} == {str(long_ago): 1, str(lately): 2}


def test_a_recall_tells_nobody_of_what_nobody_may_have_any_more(accord_here, tmp_path: Path, database_url: str) -> None:
    hub = made_hub(accord_here, tmp_path, database_url)
    old = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-a.csv", [VICTIM])
    accord_here("delivery", "add", "sinkhole", old, "--in", hub)
    aged(hub, sha256(old), "2023-01-01T00:00:00+00:00")
    with opened_hub(hub) as one:
        rows = [(finding_id(one, "ipv4", VICTIM, "infected-system"), "sinkhole", sha256(old))]
        package = disclosed(one, 1, "csirt-th", "TH", rows)
        with one.database.writing() as connection:
            connection.execute(text("UPDATE disclosures SET handed_over_at = '2024-02-29T12:00:00.000000Z'"))
    accord_here("retention", "run", "--in", hub)
    assert len(pq.read_table(hub / f"releases/{package}/findings.parquet")) == 0
    recall = ("recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "wrong", "--json")
    assert said(accord_here(*recall, "--in", hub))["notices"] == []
