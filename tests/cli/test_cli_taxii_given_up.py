"""Adds by TAXII that the hub has tried to take in as often as it tries anything: each has an end, which is told."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from accord.cli.acting import Actor
from accord.cli.deliveries import adds
from accord.cli.deliveries.given_up import given_up, remove, remove_given_up
from accord.cli.register.registering import opened
from accord.workspace.jobs import JobKind, JobState
from accord.workspace.schema import JOBS
from accord.workspace.store import open_workspace
from tests.cli import test_cli_uploads as uploads
from tests.cli.test_cli_channel import Accord, Hub
from tests.cli.test_cli_taxii_adds import (
    OBJECTS,
    asking,
    delivered,
    deliveries,
    envelope_of,
    indicators,
    token,
    with_data_set,
)


@pytest.fixture
def hub(accord_here: Accord, database_url: str, tmp_path: Path) -> Hub:
    database = () if database_url.startswith("sqlite") else ("--database", database_url)
    return with_data_set(Hub(accord_here, tmp_path, database))


def fail_for_good(hub: Hub) -> None:
    """Let every job that waits come to its last attempt while the hub's own key is missing."""
    with opened(hub.folder) as database, database.writing() as connection:
        mine = JOBS.c.kind.in_([JobKind.ADD.value, JobKind.UPLOAD.value]), JOBS.c.state == JobState.WAITING.value
        connection.execute(update(JOBS).where(*mine).values(attempts=7))
    key = hub.folder / "ledger.key"
    away = key.rename(key.with_suffix(".away"))
    hub("job", "work", "--in", hub.folder, code=1)
    away.rename(key)


def name_of(number: int) -> str:
    return f"indicators.{sha256(envelope_of(number)).hexdigest()}"


def waiting(hub: Hub) -> list[str]:
    return sorted(one.name for one in (hub.folder / "adds").glob("*/*"))


def states(hub: Hub) -> list[str]:
    return [one["state"] for one in hub.json("job", "list") if one["kind"] == "add"]


def long_ago(hub: Hub) -> None:
    with opened(hub.folder) as database, database.writing() as connection:
        failed = JOBS.c.state == JobState.FAILED.value
        connection.execute(update(JOBS).where(failed).values(ended_at=datetime.now(UTC) - timedelta(days=30)))


def test_an_add_that_the_hub_gives_up_has_failed_in_its_status_and_is_a_new_attempt_when_it_is_sent_again(
    hub: Hub,
) -> None:
    until = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    ask_partner = uploads.asking(hub, token(hub, "vendor", "write"))
    with asking(hub) as ask:
        assert ask("POST", OBJECTS, envelope_of(1)).status == 202
        fail_for_good(hub)
        # TAXII 2.1, 4.3.1: every object of a request that has ended is in `successes` or `failures`, and is counted
        answer = ask("GET", f"status/{name_of(1)}")
        told = json.loads(answer.body)
        assert (answer.status, told["status"]) == (200, "complete")
        counts = {"total_count": 1, "success_count": 0, "failure_count": 1, "pending_count": 0}
        assert {name: told[name] for name in counts} == counts
        assert {"successes", "pendings"}.isdisjoint(told)
        (failure,) = told["failures"]
        (sent,) = indicators(1)
        assert (failure["id"], failure["version"]) == (sent["id"], sent["modified"])
        assert f"keeps it until {until}" in failure["message"]
        # nothing of what was in the way is told, here or where partners' other systems ask
        about = json.loads(ask_partner("GET", f"/deliveries/{name_of(1)}").body)
        assert (about["state"], about["why"]) == ("refused", failure["message"])
        assert not any(word in failure["message"] for word in ("key", "adds/", str(hub.folder)))
        assert states(hub) == ["failed"]
        again = ask("POST", OBJECTS, envelope_of(1))
        assert (again.status, json.loads(again.body)["status"]) == (202, "pending")
        assert json.loads(ask("POST", OBJECTS, envelope_of(1)).body)["pending_count"] == 1
        assert states(hub) == ["waiting"]
        hub("job", "work", "--in", hub.folder)
        assert json.loads(ask("GET", f"status/{name_of(1)}").body)["success_count"] == 1
    assert (delivered(hub), len(deliveries(hub)), waiting(hub)) == ([1], 1, [])


def test_somebody_lets_what_was_given_up_begin_anew(hub: Hub) -> None:
    with asking(hub) as ask:
        assert ask("POST", OBJECTS, envelope_of(1)).status == 202
        fail_for_good(hub)
        (job,) = [one for one in hub.json("job", "list") if one["kind"] == "add"]
        hub("job", "retry", str(job["number"]), "--in", hub.folder)
        assert json.loads(ask("GET", f"status/{name_of(1)}").body)["status"] == "pending"
        hub("job", "work", "--in", hub.folder)
        assert json.loads(ask("GET", f"status/{name_of(1)}").body)["success_count"] == 1
    assert delivered(hub) == [1]


def test_retention_removes_an_add_when_it_would_an_upload_and_says_so(hub: Hub) -> None:
    ask_partner = uploads.asking(hub, token(hub, "vendor", "write"))
    place = uploads.begun(ask_partner, uploads.FILE)
    assert uploads.sent(ask_partner, place, 0, uploads.FILE).status == 204
    with asking(hub) as ask:
        for number in (1, 2):
            assert ask("POST", OBJECTS, envelope_of(number)).status == 202
        fail_for_good(hub)
        assert "Nothing is due." in hub("retention", "run", "--in", hub.folder)
        assert (len(waiting(hub)), len(uploads.left(hub))) == (2, 1)
        long_ago(hub)
        said = hub("retention", "run", "--in", hub.folder)
        assert "Removed 2 adds and 1 upload that could not be taken in for 30 days." in said
        assert (waiting(hub), uploads.left(hub)) == ([], [])
        logged = [one["object"] for one in hub.json("consultation", "list") if one["processing"] == "erasure"]
        wanted = [f"add {name_of(number).replace('.', ' ')}" for number in (1, 2)]
        assert {*logged} >= {*wanted, f"upload sinkhole {sha256(uploads.FILE).hexdigest()}"}
        assert ask("GET", f"status/{name_of(1)}").status == 404
        about = json.loads(ask_partner("GET", f"/deliveries/{name_of(1)}").body)
        assert (about["state"], "has it no longer: add it anew" in about["why"]) == ("refused", True)
        # begun anew it says what is to be done; added anew it is delivered
        (first, _) = sorted(one["number"] for one in hub.json("job", "list") if one["kind"] == "add")
        hub("job", "retry", str(first), "--in", hub.folder)
        assert "Its bytes are gone" in hub("job", "work", "--in", hub.folder, code=1)
        assert ask("POST", OBJECTS, envelope_of(1)).status == 202
        hub("job", "work", "--in", hub.folder)
        assert json.loads(ask("GET", f"status/{name_of(1)}").body)["success_count"] == 1
    assert delivered(hub) == [1]


def test_an_erasure_waits_for_nothing_that_was_given_up_and_removes_what_holds_the_value(hub: Hub) -> None:
    ask_partner = uploads.asking(hub, token(hub, "vendor", "write"))
    holding = uploads.FILE + b'"2026-11-20 11:15:00","110.164.0.1"\n'
    for number, (data, name) in enumerate(((uploads.FILE, "a"), (holding, "b"))):
        place = uploads.begun(ask_partner, data, name=f"{name}-event4_sinkhole-th.csv")
        assert uploads.sent(ask_partner, place, 0, data).status == 204
        assert len(uploads.left(hub)) == number + 1
    with asking(hub) as ask:
        for number in (1, 2):
            assert ask("POST", OBJECTS, envelope_of(number)).status == 202
        # what waits may be taken in yet
        erase = ("subject", "erase", "110.164.0.1", "--why", "asked", "--in", hub.folder)
        assert "waits to be taken in" in hub(*erase, code=5)
        fail_for_good(hub)
        found = hub.json("subject", "find", "110.164.0.1", "--why", "asked")
        held = {(one["kind"], one["sha256"]) for one in found["given_up"]}
        mine, other = (sha256(envelope_of(number)).hexdigest() for number in (1, 2))
        assert held == {("add", mine), ("upload", sha256(holding).hexdigest())}
        assert f"indicators: add {mine}" in hub(*erase)
        assert waiting(hub) == [other]
        (left,) = uploads.left(hub)
        assert b"110.164.0.1" not in b"".join(one.read_bytes() for one in left.rglob("*") if one.is_file())
        assert hub.json("subject", "find", "110.164.0.1", "--why", "asked")["given_up"] == []
        about = json.loads(ask_partner("GET", f"/deliveries/{name_of(1)}").body)
        assert (about["state"], "has it no longer" in about["why"]) == ("refused", True)
        # what comes back is taken in without it, and the one that does not hold it as it is
        numbers = [one["number"] for one in hub.json("job", "list") if one["kind"] == "add"]
        assert ask("POST", OBJECTS, envelope_of(1)).status == 202
        hub("job", "retry", str(max(numbers)), "--in", hub.folder)
        hub("job", "work", "--in", hub.folder)
    assert delivered(hub) == [2]


@pytest.mark.parametrize("bound", ["adds", "bytes"])
def test_what_was_given_up_takes_no_room_from_what_comes_and_is_bounded_too(
    hub: Hub, bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bound == "adds":
        monkeypatch.setattr(adds, "MOST_WAITING", 2)
    else:
        monkeypatch.setattr(adds, "MOST_WAITING_BYTES", len(envelope_of(1)) * 2)
    assert adds.GIVEN_UP_ROOMS == 8
    with asking(hub) as ask:
        assert [ask("POST", OBJECTS, envelope_of(number)).status for number in (1, 2, 3)] == [202, 202, 429]
        fail_for_good(hub)
        assert [ask("POST", OBJECTS, envelope_of(number)).status for number in (3, 4, 5)] == [202, 202, 429]
        fail_for_good(hub)
        monkeypatch.setattr(adds, "GIVEN_UP_ROOMS", 2)
        refused = ask("POST", OBJECTS, envelope_of(5))
        assert (refused.status, "could not be taken in" in json.loads(refused.body)["description"]) == (429, True)
        # one that is sent again is given up no more
        assert ask("POST", OBJECTS, envelope_of(1)).status == 202
        assert ask("POST", OBJECTS, envelope_of(5)).status == 202
        refused = ask("POST", OBJECTS, envelope_of(6))
        assert (refused.status, "wait to be taken in" in json.loads(refused.body)["description"]) == (429, True)
        hub("job", "work", "--in", hub.folder)
    assert sorted(delivered(hub)) == [1, 5]


def test_what_is_sent_again_while_it_is_removed_stays_and_who_was_killed_leaves_what_was(hub: Hub) -> None:
    workspace = open_workspace(hub.folder)
    with asking(hub) as ask, opened(hub.folder) as database:
        for number in (1, 2):
            assert ask("POST", OBJECTS, envelope_of(number)).status == 202
        fail_for_good(hub)
        long_ago(hub)
        with database.reading() as connection:
            over = given_up(workspace, connection)
        assert len(over) == 2
        # between the row in the log and the removal
        assert ask("POST", OBJECTS, envelope_of(1)).status == 202
        remove(workspace, database, over)
        assert waiting(hub) == [sha256(envelope_of(1)).hexdigest()]
        now = datetime.now(UTC)
        assert not remove_given_up(workspace, database, now, Actor(person="p", justification=""), now)
        hub("job", "work", "--in", hub.folder)
        assert delivered(hub) == [1]
        # a server that is killed has kept the body of another attempt, and told nobody so
        assert ask("POST", OBJECTS, envelope_of(3)).status == 202
        fail_for_good(hub)
        with database.reading() as connection:
            job = connection.execute(select(func.max(JOBS.c.number))).scalar_one()
        place = adds.place_of(workspace, "indicators", sha256(envelope_of(3)).hexdigest())
        adds.keep(place, envelope_of(3), datetime.now(UTC))
        assert json.loads(ask("GET", f"status/{name_of(3)}").body)["failure_count"] == 1
        hub("job", "retry", str(job), "--in", hub.folder)
        hub("job", "work", "--in", hub.folder)
    assert sorted(delivered(hub)) == [1, 3]
