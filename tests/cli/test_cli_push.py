"""A member's own collection is fed with what it would find if it polled, and with nothing else."""

import itertools
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from taxii2client.v21 import Collection, as_pages

from accord.cli.channels.pushing import MOST_FAILED, MOST_HALVED
from accord.cli.register.registering import opened
from accord.formats.stix.bundle import REFERRED
from accord.release.batches import Draft
from tests.cli.peers import PASSWORD, USER, medallion, path_of
from tests.cli.released import SIGHTINGS
from tests.cli.test_cli_channel import Accord, Hub
from tests.cli.test_cli_serve import Served, end, serve
from tests.cli.test_cli_taxii_adds import hub as receiving
from tests.cli.test_cli_taxii_adds import token
from tests.exchange.stand import Stand, draft, name, stamp
from tests.exchange.test_exchange_taxii_client import Said, saying
from tests.simulators.cut import way

__all__ = ["receiving", "serve"]

KILLS = 20 if os.environ.get("CI") else 4

PEER = """
[[peer]]
id = "theirs"
partner = "csirt-th"
channel = "infected-th"
collection = "{}"
"""
BASIC = f'scheme = "basic"\nuser = "{USER}"\nsecret_file = "theirs.secret"\n'


@pytest.fixture
def hub(accord_here: Accord, database_url: str, tmp_path: Path) -> Hub:
    return Hub(accord_here, tmp_path, () if database_url.startswith("sqlite") else ("--database", database_url))


def declare(hub: Hub, collection: str, more: str = BASIC) -> None:
    settings = hub.folder / "workspace.toml"
    before = settings.read_text("utf-8").partition("\n[[peer]]")[0]
    settings.write_text(before + PEER.format(collection) + more, "utf-8")
    (hub.folder / "theirs.secret").write_text(PASSWORD + "\n")


def held(port: int) -> list[dict]:
    """What the member's server has, every version of it."""
    theirs = Collection(f"{path_of(port)}/", user=USER, password=PASSWORD)
    pages = as_pages(theirs.get_objects, per_request=5, version="all")
    return [one for page in pages for one in page.get("objects", [])]


def named(objects: list[dict]) -> set[tuple[str, str]]:
    return {(one["id"], one.get("modified", "")) for one in objects}


def polled(hub: Hub, member: str = "csirt-th") -> list[dict]:
    return [one["object"] for one in hub.poll(member)]


def test_a_member_s_own_server_gets_what_the_member_may_see_and_what_is_taken_back(hub: Hub, tmp_path: Path) -> None:
    hub.put()
    with medallion(tmp_path, []) as port:
        declare(hub, path_of(port))
        done = hub.json("release", "push", "theirs")
        assert (done["objects"], done["failed"], done["pending_envelopes"]) == (len(polled(hub)), [], 0)
        assert named(held(port)) == named(polled(hub))
        logged = [one for one in hub.json("consultation", "list") if "pushed to theirs" in one["justification"]]
        assert [(one["processing"], one["recipients"]) for one in logged] == [("consultation", ["csirt-th"])]
        assert hub.json("release", "push", "theirs")["objects"] == 0
        # new versions of what was seen again
        hub.deliver("2026-10-03-event4_sinkhole-th.csv", SIGHTINGS.replace("2026-10-01 11:15", "2026-10-03 11:15"))
        hub.put()
        before = named(held(port))
        hub.json("release", "push", "theirs")
        assert named(held(port)) == before | named(polled(hub))
        hub.json(
            "recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "The clock was wrong."
        )
        hub.json("release", "push", "theirs")
        revoked = {one["id"] for one in held(port) if one.get("revoked")}
        assert revoked == {one["id"] for one in polled(hub) if one.get("revoked")} != set()


def test_whom_the_rules_refuse_is_handed_nothing_and_what_it_missed_once_they_permit(hub: Hub, tmp_path: Path) -> None:
    hub.put()
    everything = named(polled(hub))
    with medallion(tmp_path, []) as port:
        declare(hub, path_of(port))
        settings = hub.folder / "workspace.toml"
        text = settings.read_text("utf-8")
        settings.write_text(text.replace('marking = "amber"', 'marking = "red"'), "utf-8")
        hub("agreement", "apply", "--in", hub.folder)
        hub.json("release", "push", "theirs")
        assert {one["type"] for one in held(port)} <= {"marking-definition", "identity"}
        settings.write_text(text, "utf-8")
        hub("agreement", "apply", "--in", hub.folder)
        hub.json("release", "push", "theirs")
        assert named(held(port)) == everything == named(polled(hub))
    hub.members("police-th")
    assert "no member of the channel" in hub("release", "push", "theirs", "--in", hub.folder, code=2)


def test_a_server_that_had_some_of_it_or_dies_in_the_middle_gets_each_object(hub: Hub, tmp_path: Path) -> None:
    hub.put()
    objects = polled(hub)
    with medallion(tmp_path, []) as port, way(port) as path:
        # medallion calls a failure what it has already
        Collection(f"{path_of(port)}/", user=USER, password=PASSWORD).add_objects({"objects": objects[:4]})
        declare(hub, path_of(path.port))
        # its root is told; of what was added no answer comes
        path.answers = 1
        assert "does not answer" in hub("release", "push", "theirs", "--in", hub.folder, code=4)
        path.answers = 1 << 30
        done = hub.json("release", "push", "theirs")
        assert (done["failed"], done["pending_envelopes"]) == ([], 0)
        assert Counter((one["id"], one.get("modified", "")) for one in held(port)) == dict.fromkeys(named(objects), 1)


class Picky:
    """A server (TAXII 2.1, 4.2, 4.3, 5.2 and 5.5) that takes whole envelopes or none, and says so as it is told to."""

    def __init__(self) -> None:
        self.longest, self.status = 1 << 20, 200
        self.refuses: Callable[[dict], bool] = lambda _: False
        self.answers = iter(lambda: 422, None)
        self.held: list[dict] = []
        self.envelopes: list[dict] = []
        self.lengths: list[int] = []
        self.knows = {"objects", REFERRED}

    def __call__(self, request: BaseHTTPRequestHandler) -> Said:
        if request.command == "POST":
            body = request.rfile.read(int(request.headers["content-length"]))
            envelope = json.loads(body)
            objects = envelope["objects"]
            if any(map(self.refuses, objects)) or not envelope.keys() <= self.knows:
                return next(self.answers), {}, b'{"title":"Not to our liking"}'
            self.lengths.append(len(body))
            self.envelopes.append(envelope)
            self.held += objects
            state = "complete" if self.status == 200 else "pending"
            return 202, {}, json.dumps({"id": "1", "status": state}).encode()
        if "/status/" in request.path:
            return self.status, {}, b'{"id":"1","status":"complete"}'
        return 200, {}, json.dumps({"max_content_length": self.longest}).encode()


def test_one_object_that_a_server_refuses_is_named_and_keeps_nothing_else_back(hub: Hub) -> None:
    hub.put()
    there = polled(hub)
    bad = next(one for one in there if one["type"] == "observed-data")
    theirs = Picky()
    theirs.refuses = lambda one: one["id"] in {bad["id"], *bad["object_refs"]} and not one.get("revoked")
    theirs.answers = itertools.cycle([400, 413, 422])
    unfit = {
        one["id"] for one in there if theirs.refuses(one) or set(one.get("object_refs", [])) & set(bad["object_refs"])
    }
    with saying(theirs) as url:
        declare(hub, url)
        done = hub.json("release", "push", "theirs", code=3)
        assert {one["id"] for one in done["failed"]} == unfit
        assert all("Not to our liking" in one["message"] for one in done["failed"])
        assert named(theirs.held) == {one for one in named(there) if one[0] not in unfit}
        # it is tried again, and nothing else is
        again = hub.json("release", "push", "theirs", code=3)
        assert (again["objects"], {one["id"] for one in again["failed"]}) == (0, unfit)
        # what is taken back is told, even of what refers to an address that is refused
        hub.json(
            "recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "The clock was wrong."
        )
        hub.json("release", "push", "theirs")
        revoked = {one["id"] for one in theirs.held if one.get("revoked")}
        assert revoked == {one["id"] for one in polled(hub) if one.get("revoked")} >= {bad["id"]}


def test_an_object_over_which_a_server_fails_is_named_and_stops_no_later_push(hub: Hub) -> None:
    hub.put()
    there = polled(hub)
    bad = next(one for one in there if one["type"] == "observed-data")
    theirs = Picky()
    theirs.refuses = lambda one: one["id"] == bad["id"]
    theirs.answers = itertools.repeat(500)
    unfit = {bad["id"]}
    with saying(theirs) as url:
        declare(hub, url)
        done = hub.json("release", "push", "theirs", code=3)
        assert {one["id"] for one in done["failed"]} == unfit
        assert named(theirs.held) == {one for one in named(there) if one[0] not in unfit}
        # nothing is left open, and what is new goes
        assert done["pending_envelopes"] == 0
        before = len(theirs.held)
        hub.deliver("2026-10-03-event4_sinkhole-th.csv", SIGHTINGS.replace("2026-10-01 11:15", "2026-10-03 11:15"))
        hub.put()
        hub.json("release", "push", "theirs", code=3)
        assert len(theirs.held) > before


def test_a_server_that_fails_at_whatever_it_is_given_is_asked_a_few_times_a_call(hub: Hub) -> None:
    hub.deliver("2026-10-03-event4_sinkhole-th.csv", many(200))
    hub.put()
    theirs = Picky()
    asked: list[int] = []
    theirs.refuses = lambda _: True
    theirs.answers = (asked.append(1) or 500 for _ in itertools.count())
    with saying(theirs) as url:
        declare(hub, url)
        for call in (1, 2):
            assert "status 500" in hub("release", "push", "theirs", "--in", hub.folder, code=5)
            assert len(asked) == call * MOST_FAILED
        theirs.refuses = lambda _: False
        assert hub.json("release", "push", "theirs")["failed"] == []
        assert named(theirs.held) == named(polled(hub))


def test_a_server_that_refuses_everything_is_not_asked_for_each_object(hub: Hub) -> None:
    hub.deliver("2026-10-03-event4_sinkhole-th.csv", many(200))
    hub.put()
    theirs = Picky()
    asked: list[int] = []
    theirs.refuses = lambda _: True
    theirs.answers = (asked.append(1) or 422 for _ in itertools.count())
    with saying(theirs) as url:
        declare(hub, url)
        done = hub.json("release", "push", "theirs", code=3)
        assert len(done["failed"]) == len(named(polled(hub))) > 2 * MOST_HALVED
        assert len(asked) <= 2 * MOST_HALVED + 1 + len(done["failed"]) // 1000
        theirs.refuses = lambda _: False
        assert hub.json("release", "push", "theirs")["failed"] == []
        assert named(theirs.held) == named(polled(hub))


def sighting(version: int, of: Draft) -> Draft:
    """How often an indicator was seen, as its finding's other object (STIX 2.1, 5.2)."""
    thing = {
        "type": "sighting",
        "spec_version": "2.1",
        "id": name("sighting", 1),
        "created": stamp(0),
        "modified": stamp(version),
        "first_seen": stamp(0),
        "last_seen": stamp(version),
        "count": 2 + version,
        "sighting_of_ref": of.object,
    }
    return replace(of, object=thing["id"], type="sighting", version=stamp(version), content=json.dumps(thing))


@pytest.mark.parametrize("strict", [False, True])
def test_a_sighting_of_what_was_handed_over_before_brings_its_indicator_along_where_that_is_understood(
    hub: Hub, tmp_path: Path, strict: bool
) -> None:
    indicator = draft(1)
    indicator = replace(indicator, content=indicator.content.replace("203.0.113.1", "110.164.10.1"))
    theirs = Picky()
    theirs.knows -= {REFERRED} if strict else set()
    with saying(theirs) as url, opened(hub.folder) as database:
        declare(hub, url)
        stand = Stand(database=database, server=None, secrets={})
        stand.put(indicator, sighting(0, indicator), named="infected-th")
        assert hub.json("release", "push", "theirs")["failed"] == []
        seen_again = sighting(1, indicator)
        stand.put(seen_again, named="infected-th")
        done = hub.json("release", "push", "theirs")
    assert (done["objects"], done["failed"]) == (1, [])
    first, second = theirs.envelopes
    assert first.keys() == {"objects"}
    assert second["objects"] == [json.loads(seen_again.content)]
    if strict:
        return
    assert second[REFERRED] == [json.loads(indicator.content)]
    # another hub knows by that what was seen, and does not count the indicator again
    (tmp_path / "second.json").write_text(json.dumps(second))
    told = json.loads(hub.accord("delivery", "check", tmp_path / "second.json", "--format", "stix", "--json").stdout)
    assert (told["records"], told["accepted"]) == (1, 1)


def many(machines: int) -> str:
    """What a sinkhole saw of many machines."""
    head, first = SIGHTINGS.splitlines()[:2]
    rows = [
        first.replace("110.164.10.1,", f"110.164.{11 + number // 200}.{1 + number % 200},")
        for number in range(machines)
    ]
    return "\n".join([head, *rows, ""])


def test_an_object_that_is_larger_than_a_server_takes_is_named_and_the_rest_goes(hub: Hub) -> None:
    hub.put()
    theirs = Picky()
    theirs.longest = 800
    with saying(theirs) as url:
        declare(hub, url)
        done = hub.json("release", "push", "theirs", code=3)
    large = {one["id"] for one in done["failed"]}
    assert large
    assert all("800 bytes" in one["message"] for one in done["failed"])
    assert max(theirs.lengths) <= 800
    there = named(polled(hub))
    assert named(theirs.held) == {one for one in there if one[0] not in large} != set()


@pytest.mark.parametrize("status", [403, 500])
def test_a_server_that_does_not_tell_what_became_of_an_envelope_keeps_nothing_else_back(hub: Hub, status: int) -> None:
    hub.put()
    theirs = Picky()
    theirs.status = status
    with saying(theirs) as url:
        declare(hub, url)
        first = hub.json("release", "push", "theirs", code=3)
        assert (first["pending_envelopes"], first["failed"]) == (1, [])
        assert [f"status {status}" in one for one in first["unasked"]] == [True]
        hub.json(
            "recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "The clock was wrong."
        )
        assert f"did not say: status {status}" in hub("release", "push", "theirs", "--in", hub.folder, code=3)
        revoked = {one["id"] for one in theirs.held if one.get("revoked")}
        assert revoked == {one["id"] for one in polled(hub) if one.get("revoked")} != set()
        theirs.status = 200
        last = hub.json("release", "push", "theirs")
        assert (last["pending_envelopes"], last["unasked"], last["objects"]) == (0, [], 0)


def test_another_hub_takes_what_is_pushed_as_one_delivery_and_whoever_is_killed_pushes_nothing_twice(
    receiving: Hub,
    accord_here: Accord,
    serve: Callable[..., Served],
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    (tmp_path / "sending").mkdir()
    hub = Hub(accord_here, tmp_path / "sending", ())
    hub.put()
    served = serve(receiving.folder)
    declare(
        hub,
        f"http://127.0.0.1:{served.port}/taxii2/hub/collections/dataset:indicators/",
        'secret_file = "theirs.secret"\n',
    )
    (hub.folder / "theirs.secret").write_text(token(receiving, "vendor", "write"))
    program = [sys.executable, Path(__file__).with_name("push_forks.py"), hub.folder]
    draw = random.Random(6)
    with subprocess.Popen(
        [str(word) for word in program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def pushed(how: object = None) -> dict:
            process.stdin.write(json.dumps({"name": "", "how": how}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        done = pushed("count")
        assert done["code"] == 0, done
        steps = [(kind, count) for kind, count in done["steps"].items() if count]
        killed = 0
        for number in range(KILLS):
            seen = SIGHTINGS.replace("2026-10-01 11:15", f"2026-10-{2 + number:02} 11:15")
            hub.deliver(f"2026-10-{2 + number:02}-event4_sinkhole-th.csv", seen)
            hub.put()
            kind, count = steps[number % len(steps)]
            said = pushed([kind, draw.randint(1, count)])
            assert said["code"] in {-9, 0}, said
            killed += said["code"] != 0
        assert killed
        assert pushed()["code"] == 0
        process.stdin.close()
    assert end(served) == 0
    receiving("job", "work", "--in", receiving.folder)
    kept = (receiving.folder / "deliveries" / "dataset=indicators").glob("*/delivered")
    objects = [one for file in kept for one in json.loads(file.read_bytes())["objects"]]
    # what they refer to comes along, and counts for nothing by itself
    taken = Counter((one["id"], one["modified"]) for one in objects if one["type"] in {"observed-data", "sighting"})
    assert set(taken.values()) == {1}
    assert {(one["id"], one.get("modified", "")) for one in objects} >= named(polled(hub))
    assert sum(one["rejected"] for one in receiving.json("delivery", "list")) == 0
