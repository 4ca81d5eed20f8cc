"""Partners that add objects by TAXII, with their own client at a server that is really asked: they are deliveries."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select
from taxii2client.common import TokenAuth
from taxii2client.v21 import ApiRoot

from accord.cli.channels.witnessing import take_out_withheld
from accord.cli.deliveries import adds
from accord.cli.deliveries.adds import TaxiiDesk
from accord.cli.deliveries.recalled import reference
from accord.cli.register.registering import opened
from accord.exchange.taxii.messages import Answer
from accord.exchange.taxii.server import Hub as TaxiiHub
from accord.exchange.taxii.server import Question, Server
from accord.journal.book import referring
from accord.web.entrance import Entrance
from accord.web.settings import Serving
from accord.workspace.jobs import JobKind, JobState, queue
from accord.workspace.schema import JOBS
from accord.workspace.store import Workspace, open_workspace
from tests.cli.killing import Kills, all_of
from tests.cli.released import AGREEMENT
from tests.cli.test_cli_channel import Accord, Hub, complaints
from tests.cli.test_cli_serve import Served, end, serve
from tests.cli.test_cli_taxii import MEDIA_TYPE, asked

__all__ = ["serve"]

KILLS = 100 if os.environ.get("CI") else 6
"""A few at home; CI does a hundred on each database, and then every moment must have been met."""

DATASET = """
[[dataset]]
id = "indicators"
title = "The vendor's indicators"
partner = "vendor"
format = "stix"
role = "c2-server"
origin = "report"
legal_basis = "legitimate-interest"
marking = "amber"
grade = "b"
retention = "P1Y"
personal_data = false
"""


@pytest.fixture
def hub(accord_here: Accord, database_url: str, tmp_path: Path) -> Hub:
    database = () if database_url.startswith("sqlite") else ("--database", database_url)
    return with_data_set(Hub(accord_here, tmp_path, database))


def with_data_set(hub: Hub) -> Hub:
    """A hub whose vendor adds to a data set of its own."""
    agreement = AGREEMENT.format(id="vendor-stix-2026", party="vendor", direction="in", pap="green", digit=7).replace(
        "sinkhole", "indicators"
    )
    with (hub.folder / "workspace.toml").open("a") as settings:
        settings.write(DATASET + agreement)
    hub("agreement", "apply", "--in", hub.folder)
    return hub


def token(hub: Hub, partner: str, *scopes: str) -> str:
    named = [word for scope in scopes for word in ("--scope", scope)]
    return hub.json("token", "make", partner, "--name", "SIEM", *named)["token"]


def indicators(*numbers: int) -> list[dict]:
    """As another program writes them (STIX 2.1, 4.7)."""
    at = "2026-11-01T00:00:00.000Z"
    return [
        {
            "type": "indicator",
            "spec_version": "2.1",
            "id": f"indicator--{UUID(int=number, version=4)}",
            "created": at,
            "modified": at,
            "name": f"Server {number}",
            "description": "It answers bots.",
            "indicator_types": ["malicious-activity"],
            "pattern": f"[ipv4-addr:value = '110.164.{number >> 8}.{number & 255}']",
            "pattern_type": "stix",
            "valid_from": at,
        }
        for number in numbers
    ]


def deliveries(hub: Hub) -> list[dict]:
    return [one for one in hub.json("delivery", "list") if one["dataset"] == "indicators"]


def delivered(hub: Hub) -> list[int]:
    """The numbers of the objects in all deliveries, as often as they are there."""
    kept = (hub.folder / "deliveries" / "dataset=indicators").glob("*/delivered")
    return [UUID(one["id"][11:]).int & 0xFFFF for file in kept for one in json.loads(file.read_bytes())["objects"]]


def test_what_a_partner_s_client_adds_is_a_delivery_with_its_entry_and_every_object_is_accounted_for(
    hub: Hub, serve: Callable[..., Served], tmp_path: Path
) -> None:
    secret, reader = token(hub, "vendor", "write"), token(hub, "csirt-th", "read")
    served = serve(hub.folder)
    base = f"http://127.0.0.1:{served.port}/taxii2/hub/"
    (collection,) = ApiRoot(base, auth=TokenAuth(secret)).collections
    assert (collection.can_read, collection.can_write) == (False, True)
    assert UUID(collection.id).version == 4
    good = indicators(1, 2)
    assert complaints(good, tmp_path, whole=False) == []
    bad = {**indicators(3)[0], "pattern": "[ipv4-addr:value = "}
    status = collection.add_objects({"objects": [*good, bad]}, wait_for_completion=True, poll_interval=1, timeout=300)
    assert (status.status, status.total_count, status.pending_count) == ("complete", 3, 0)
    assert [one["id"] for one in status.successes] == [one["id"] for one in good]
    assert [(one["id"], bool(one["message"])) for one in status.failures] == [(bad["id"], True)]
    (delivery,) = deliveries(hub)
    assert (delivery["records"], delivery["accepted"], delivery["rejected"]) == (3, 2, 1)
    # duplicates are no error, and are not taken twice
    again = collection.add_objects({"objects": [*good, bad]}, wait_for_completion=False)
    assert (again.id, again.status, again.success_count) == (status.id, "complete", 2)
    assert len(deliveries(hub)) == 1
    entries = [one for one in hub.json("ledger", "list") if one["kind"] == "delivery"]
    assert len(entries) == 2
    # what it may not see is not there, and errors are TAXII's
    objects = f"/taxii2/hub/collections/{collection.id}/objects/"
    own = {"authorization": f"Bearer {secret}"}
    typed = {**own, "content-type": MEDIA_TYPE}
    foreign = {"authorization": f"Bearer {reader}", "content-type": MEDIA_TYPE}
    envelope = json.dumps({"objects": indicators(4)}).encode()
    channel = "/taxii2/hub/collections/infected-th/objects/"
    name = good[0]["id"]
    for status_code, told in (
        (403, asked(served.port, objects, **own)),
        (403, asked(served.port, f"{objects}{name}/", "DELETE", **own)),
        (404, asked(served.port, objects, "POST", envelope, **foreign)),
        (404, asked(served.port, channel, "POST", envelope, **typed)),
        (403, asked(served.port, channel, "POST", envelope, **foreign)),
        (404, asked(served.port, f"/taxii2/hub/status/{status.id}/", **foreign)),
        (404, asked(served.port, "/taxii2/hub/status/indicators.x/", **own)),
        (415, asked(served.port, objects, "POST", envelope, **own, **{"content-type": "application/json"})),
        (415, asked(served.port, objects, "POST", envelope, **own)),
        (413, asked(served.port, objects, "POST", b"", **typed, **{"content-length": str(2 << 20)})),
        (422, asked(served.port, objects, "POST", b"{", **typed)),
        (422, asked(served.port, objects, "POST", b"[" * 100_000, **typed)),
        (422, asked(served.port, objects, "POST", b'{"objects":[],"objects":[]}', **typed)),
        (422, asked(served.port, objects, "POST", b'{"objects":{}}', **typed)),
        (422, asked(served.port, objects, "POST", b'{"objects":[]}', **typed)),
        (422, asked(served.port, objects, "POST", b'{"objects":[7]}', **typed)),
    ):
        assert (told[0], told[1], told[2]["http_status"]) == (status_code, MEDIA_TYPE, str(status_code))
    hub("agreement", "end", "vendor-stix-2026", "--why", "over", "--in", hub.folder)
    assert asked(served.port, objects, "POST", envelope, **typed)[0] == 403
    assert end(served) == 0
    # a job that was ended in the middle is done again
    hub("job", "work", "--in", hub.folder)
    assert list((hub.folder / "adds").glob("*/*")) == []
    assert len(deliveries(hub)) == 1
    refused = [one["object"] for one in hub.json("consultation", "list") if "refused" in one["object"]]
    assert "adds to data set indicators: refused, 403 Forbidden" in refused
    # what waits is missed by no erasure; what a killed server left half written, or without its job, waits for nothing
    waiting = hub.folder / "adds" / "dataset=indicators"
    for left in ("0" * 64, "1" * 64, ".half-written"):
        (waiting / left).write_bytes(envelope)
    with opened(hub.folder) as database, database.writing() as connection:
        queue(connection, JobKind.ADD, {"dataset": "indicators", "sha256": "0" * 64}, now=datetime.now(UTC))
    erase = ("subject", "erase", "110.164.0.4", "--why", "A court asked.", "--in", hub.folder)
    assert "waits to be taken in" in hub(*erase, code=5)
    assert [one.name for one in waiting.iterdir()] == ["0" * 64]


@contextmanager
def asking(hub: Hub, partner: str = "vendor") -> Iterator[Callable[..., Answer]]:
    """Ask the hub's server as a partner's client does that adds."""
    headers = {"authorization": f"Bearer {token(hub, partner, 'write')}", "content-type": MEDIA_TYPE}
    with opened(hub.folder) as database:
        entrance = Entrance(database, Serving())
        desk = TaxiiDesk(open_workspace(hub.folder), database)
        told = TaxiiHub(title="A hub", contact="desk", legal_area=frozenset())
        server = Server(database, told, entrance=entrance, prepare=take_out_withheld, desk=desk)

        def ask(method: str, path: str, body: bytes = b"") -> Answer:
            path = f"/taxii2/hub/{path}/"
            return server.answer(Question(method=method, path=path, query=b"", headers=headers, body=body))

        yield ask


def envelope_of(number: int) -> bytes:
    return json.dumps({"objects": indicators(number)}).encode()


OBJECTS = "collections/dataset:indicators/objects"


def test_the_same_add_again_while_it_waits_waits_once(hub: Hub) -> None:
    with asking(hub) as ask:
        first, again = (ask("POST", OBJECTS, envelope_of(1)) for _ in range(2))
        assert (first.status, again.status) == (202, 202)
        one, other = json.loads(first.body), json.loads(again.body)
        assert (one["id"], other["status"], other["pending_count"]) == (other["id"], "pending", 1)
        with opened(hub.folder) as database, database.reading() as connection:
            queued = select(func.count()).select_from(JOBS).where(JOBS.c.kind == JobKind.ADD.value)
            assert connection.execute(queued).scalar_one() == 1
        # one that a killed server has left without a job is accepted as if it were new
        digest = sha256(envelope_of(2)).hexdigest()
        (hub.folder / "adds" / "dataset=indicators" / digest).write_bytes(envelope_of(2))
        assert ask("POST", OBJECTS, envelope_of(2)).status == 202
        hub("job", "work", "--in", hub.folder)
        # it was asked for once, whenever it is looked at (TAXII 2.1, 4.3.1)
        taken = json.loads(ask("GET", f"status/{one['id']}").body)
        assert taken["status"] == "complete"
        assert len({told["request_timestamp"] for told in (one, other, taken)}) == 1
    assert sorted(delivered(hub)) == [1, 2]


@pytest.mark.parametrize("bound", ["adds", "bytes"])
def test_no_more_of_a_partner_s_adds_wait_than_there_is_room_for(
    hub: Hub, bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (adds.MOST_WAITING, adds.MOST_WAITING_BYTES) == (2000, 1_073_741_824)
    if bound == "adds":
        monkeypatch.setattr(adds, "MOST_WAITING", 2)
    else:
        monkeypatch.setattr(adds, "MOST_WAITING_BYTES", len(envelope_of(1)) * 3 - 1)
    with asking(hub) as ask:
        assert [ask("POST", OBJECTS, envelope_of(number)).status for number in (1, 2, 3)] == [202, 202, 429]
        refused = ask("POST", OBJECTS, envelope_of(3))
        assert int(refused.headers["retry-after"]) > 0
        assert json.loads(refused.body)["http_status"] == "429"
        # what waits already needs no room
        assert ask("POST", OBJECTS, envelope_of(2)).status == 202
        hub("job", "work", "--in", hub.folder)
        assert ask("POST", OBJECTS, envelope_of(3)).status == 202


def test_an_add_that_is_taken_in_while_others_are_counted_takes_no_room(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adds, "MOST_WAITING", 1)
    looked = os.listdir

    def meanwhile(folder: Path) -> list[str]:
        found = looked(folder)
        for one in found:
            (folder / one).unlink()
        return found

    with asking(hub) as ask:
        assert ask("POST", OBJECTS, envelope_of(1)).status == 202
        with monkeypatch.context() as patched:
            patched.setattr(os, "listdir", meanwhile)
            assert ask("POST", OBJECTS, envelope_of(2)).status == 202
        assert ask("POST", OBJECTS, envelope_of(3)).status == 429


def test_a_delivery_that_is_longer_than_any_add_has_no_status(hub: Hub, tmp_path: Path) -> None:
    short, long = envelope_of(1), envelope_of(2) + b" " * (1 << 20)
    for name, body in (("short.json", short), ("long.json", long)):
        (tmp_path / name).write_bytes(body)
        hub("delivery", "add", "indicators", tmp_path / name, "--in", hub.folder)
    with asking(hub) as ask:
        names = [f"indicators.{sha256(body).hexdigest()}" for body in (short, long)]
        assert [ask("GET", f"status/{name}").status for name in names] == [200, 404]


MOMENTS = (
    "nothing kept",
    "half written",
    "kept without a job",
    "queued and not told",
    "accepted",
    "entered and not there",
    "there and lying there",
    "there and its job not done",
    "done",
)
"""How far an add that is killed may have come, until it is a delivery: in the order in which they come."""


def half_written(hub: Hub) -> set[Path]:
    return {*(hub.folder / "adds").glob("*/.*")}


def moment(hub: Hub, number: int, before: set[Path]) -> str:
    """How far the add of an object had come; `before`: what others had left half written."""
    digest = sha256(envelope_of(number)).hexdigest()
    workspace = open_workspace(hub.folder)
    with opened(hub.folder) as database, database.reading() as connection:
        wanted = select(JOBS.c.state).where(JOBS.c.kind == JobKind.ADD.value, JOBS.c.arguments.contains(digest))
        states = connection.execute(wanted).scalars().all()
        entries = referring(connection, reference("indicators", digest))
    lies, there = (place(workspace, "indicators", digest).exists() for place in (adds.place_of, Workspace.place))
    assert len(states) < 2
    assert len(entries) < 2
    assert there <= bool(entries), "a delivery without its entry"
    if not states:
        kept = "kept without a job" if lies else "half written" if half_written(hub) - before else "nothing kept"
        assert not entries, kept
        return kept
    if states == [JobState.DONE.value]:
        return "done"
    if there:
        return "there and lying there" if lies else "there and its job not done"
    assert lies, "what waits is gone"
    if entries:
        return "entered and not there"
    return "accepted" if (hub.beside / f"accepted-{number}").exists() else "queued and not told"


def test_whatever_was_accepted_is_delivered_once_wherever_it_is_killed(
    hub: Hub, environment: dict[str, str], database_url: str
) -> None:
    secret = token(hub, "vendor", "write")
    program = [sys.executable, Path(__file__).with_name("add_forks.py"), hub.folder, secret]
    with subprocess.Popen(
        [str(word) for word in program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def add(name: str, how: object = None) -> dict:
            process.stdin.write(json.dumps({"name": name, "how": how}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        done = add("0", "count")
        assert done["code"] == 0
        steps = {kind: done["steps"][kind] for kind in ("calls", "disk", "database")}
        kills = Kills(f"adds {database_url[:6]}", all_of(steps), MOMENTS)
        for number in range(1, KILLS + 1):
            kill, before = kills.draw(), half_written(hub)
            assert add(str(number), kill)["code"] in {-9, 0}, kill
            came = moment(hub, number, before)
            kills.came(kill, came)
            # whoever does jobs next takes in what was accepted, and nothing else
            assert add("")["code"] == 0, kill
            assert (moment(hub, number, before) == "done") == (came in MOMENTS[3:]), kill
        accepted = {number for number in range(KILLS + 1) if (hub.beside / f"accepted-{number}").exists()}
        assert accepted <= Counter(delivered(hub)).keys(), "an accepted object was lost"
        # whoever asks for an erasure need not wait for what was never accepted
        hub("subject", "erase", "110.165.0.4", "--why", "A court asked.", "--in", hub.folder)
        assert list((hub.folder / "adds").glob("*/*")) == []
        # a client that was told nothing asks again
        for number in range(KILLS + 1):
            assert add(str(number))["code"] == 0
        process.stdin.close()
    assert Counter(delivered(hub)) == dict.fromkeys(range(KILLS + 1), 1)
    entries = [one for one in hub.json("ledger", "list") if one["kind"] == "delivery"]
    assert len(entries) == 1 + KILLS + 1
    assert list((hub.folder / "adds").glob("*/*")) == []
    assert KILLS < 100 or not kills.missing, kills.met


def test_a_delivery_of_which_an_erasure_leaves_nothing_is_told_of_and_stops_nobody(hub: Hub, tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.json").write_bytes(envelope_of(number))
    hub("delivery", "add", "indicators", tmp_path / "1.json", "--in", hub.folder)
    erase = ("subject", "erase", "110.164.0.1", "--why", "A court asked.", "--in", hub.folder)
    assert "destroyed whole" in hub(*erase)
    assert [(one["records"], one["erased"][0]["delivered"]) for one in deliveries(hub)] == [(1, "destroyed")]
    assert "Nothing is held." in hub(*erase)
    # the same again is passed over; in other bytes, nothing is left of it either
    hub("delivery", "add", "indicators", tmp_path / "1.json", tmp_path / "2.json", "--in", hub.folder)
    (tmp_path / "1.json").write_bytes(envelope_of(1) + b"\n")
    hub("delivery", "add", "indicators", tmp_path / "1.json", "--snapshot", "--in", hub.folder)
    assert delivered(hub) == [2]
    assert sorted(len(one.get("erased", [])) for one in deliveries(hub)) == [0, 1, 1]
    with asking(hub) as ask:
        assert ask("GET", f"status/indicators.{sha256(envelope_of(1)).hexdigest()}").status == 404
