"""Collections of others, pulled as often as anybody likes: each object becomes part of one delivery and no other."""

import io
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from taxii2client.v21 import Collection

from accord.cli.acting import Actor
from accord.cli.deliveries.pulling import pull
from accord.vocabulary.errors import UnreadableError
from tests.cli.peers import PASSWORD, USER, medallion, path_of
from tests.cli.released import SIGHTINGS
from tests.cli.test_cli_channel import Accord, Hub
from tests.cli.test_cli_serve import Served, serve
from tests.cli.test_cli_taxii_adds import DATASET, delivered, deliveries, hub, indicators, token
from tests.exchange.test_exchange_taxii_client import FIRST, LAST, Said, holding, saying
from tests.simulators.cut import way

__all__ = ["hub", "serve"]

KILLS = 20 if os.environ.get("CI") else 4
"""A few at home; CI does more on each database."""

PEER = """
[[peer]]
id = "theirs"
partner = "vendor"
dataset = "indicators"
collection = "{}"
"""
BASIC = f'scheme = "basic"\nuser = "{USER}"\nsecret_file = "theirs.secret"\n'


def declare(hub: Hub, collection: str, more: str = BASIC) -> None:
    settings = hub.folder / "workspace.toml"
    before = settings.read_text("utf-8").partition("\n[[peer]]")[0]
    settings.write_text(before + PEER.format(collection) + more, "utf-8")
    (hub.folder / "theirs.secret").write_text(PASSWORD + "\n")


def added(numbers: Sequence[int], at: str) -> list[tuple[str, dict]]:
    return [(at, one) for one in indicators(*numbers)]


def instant(second: int) -> str:
    return f"2026-11-20T10:00:{second:02}.000000Z"


def test_every_object_is_taken_once_whatever_instants_they_share_and_what_comes_later_is_taken_later(
    hub: Hub, tmp_path: Path
) -> None:
    # pages of five: eight objects of one instant begin on the first, and end on the third
    known = [*added([1, 2, 3], instant(1)), *added(range(4, 12), instant(2)), *added([12], instant(3))]
    with medallion(tmp_path, known) as port:
        declare(hub, path_of(port))
        first = hub.json("delivery", "pull", "theirs")
        assert [one["records"] for one in first["deliveries"]] == [12]
        assert first["added_until"] == instant(3)
        assert sorted(delivered(hub)) == list(range(1, 13))
        (account,) = deliveries(hub)
        assert (account["accepted"], account["rejected"]) == (12, 0)
        assert hub.json("delivery", "pull", "theirs")["deliveries"] == []
        Collection(f"{path_of(port)}/", user=USER, password=PASSWORD).add_objects({"objects": indicators(13, 14)})
        assert [one["records"] for one in hub.json("delivery", "pull", "theirs")["deliveries"]] == [2]
    assert Counter(delivered(hub)) == dict.fromkeys(range(1, 15), 1)
    assert "does not answer" in hub("delivery", "pull", "theirs", "--in", hub.folder, code=4)
    entries = [one for one in hub.json("ledger", "list") if one["kind"] == "delivery"]
    assert len(entries) == 1 + 2
    logged = [one for one in hub.json("consultation", "list") if "pulled from theirs" in one["justification"]]
    assert [one["processing"] for one in logged] == ["collection"] * 2


def test_nothing_is_pulled_that_no_agreement_covers(hub: Hub, tmp_path: Path) -> None:
    hub("agreement", "end", "vendor-stix-2026", "--why", "over", "--in", hub.folder)
    with medallion(tmp_path, added([1, 2], instant(1))) as port:
        declare(hub, path_of(port))
        said = hub("delivery", "pull", "theirs", "--in", hub.folder, code=8)
    assert "No agreement lets data set indicators be taken in" in said
    assert deliveries(hub) == []
    assert len([one for one in hub.json("ledger", "list") if one["kind"] == "delivery"]) == 1


def test_what_is_added_later_in_an_instant_that_was_pulled_is_not_lost(hub: Hub, tmp_path: Path) -> None:
    known = added(range(1, 8), instant(1))
    with medallion(tmp_path, known) as port, way(port) as path:
        declare(hub, path_of(path.port))
        assert [one["records"] for one in hub.json("delivery", "pull", "theirs")["deliveries"]] == [7]
        # its server is another by now, at the same place
        with medallion(tmp_path, [*known, *added(range(8, 20), instant(1))]) as other:
            path.to = other
            assert [one["records"] for one in hub.json("delivery", "pull", "theirs")["deliveries"]] == [12]
            assert hub.json("delivery", "pull", "theirs")["deliveries"] == []
    assert Counter(delivered(hub)) == dict.fromkeys(range(1, 20), 1)


def test_a_server_that_dies_in_the_middle_loses_nothing(hub: Hub, tmp_path: Path) -> None:
    # six pages, all but two objects of one instant: who goes on asks for all of it again, and gets 15 by three pages
    known = [*added([1, 2], instant(1)), *added(range(3, 29), instant(2))]
    with medallion(tmp_path, known) as port, way(port) as path:
        declare(hub, path_of(path.port))
        for answers, there in ((0, 0), (2, 10), (3, 17), (1, 17)):
            path.answers = answers
            assert "does not answer" in hub("delivery", "pull", "theirs", "--in", hub.folder, code=4)
            assert len(delivered(hub)) == there
        path.answers = 1 << 30
        hub.json("delivery", "pull", "theirs")
    assert Counter(delivered(hub)) == dict.fromkeys(range(1, 29), 1)


def sightings_of_addresses(*numbers: int) -> tuple[list[dict], list[dict]]:
    """Observed data, and the addresses that it refers to (STIX 2.1, 4.14 and 6.9)."""
    at = "2026-11-01T00:00:00.000Z"
    addresses = [
        {"type": "ipv4-addr", "spec_version": "2.1", "id": f"ipv4-addr--{UUID(int=one, version=4)}", "value": value}
        for one, value in ((one, f"110.164.{one >> 8}.{one & 255}") for one in numbers)
    ]
    observed = [
        {
            "type": "observed-data",
            "spec_version": "2.1",
            "id": f"observed-data--{UUID(int=one, version=4)}",
            "created": at,
            "modified": at,
            "first_observed": at,
            "last_observed": at,
            "number_observed": 1,
            "object_refs": [address["id"]],
        }
        for one, address in zip(numbers, addresses, strict=True)
    ]
    return observed, addresses


def named_of(request: BaseHTTPRequestHandler) -> list[str]:
    """The ids that a request asks for; none: it asks for a page."""
    return [one for said in parse_qs(urlsplit(request.path).query).get("match[id]", []) for one in said.split(",")]


def sightings(*numbers: int, at: str) -> list[dict]:
    """Sightings of the indicators with these numbers (STIX 2.1, 5.2)."""
    return [
        {
            "type": "sighting",
            "spec_version": "2.1",
            "id": f"sighting--{UUID(int=number, version=4)}",
            "created": at,
            "modified": at,
            "first_seen": at,
            "last_seen": at,
            "count": 3,
            "sighting_of_ref": indicators(number)[0]["id"],
        }
        for number in numbers
    ]


def test_a_sighting_of_what_came_in_an_earlier_pull_counts_and_what_it_is_of_does_not_count_again(
    hub: Hub, tmp_path: Path
) -> None:
    named = {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": f"marking-definition--{UUID(int=7, version=4)}",
        "created": instant(0),
        "modified": instant(0),
        "name": "TLP:GREEN",
    }
    malware = {
        "type": "malware",
        "spec_version": "2.1",
        "id": f"malware--{UUID(int=7, version=4)}",
        "created": instant(0),
        "modified": instant(0),
        "name": "Emotet",
        "is_family": True,
    }
    # all of them, and the sighting of the first, have one instant of being added
    known = [(instant(1), one) for one in (*indicators(1, 2, 3), named, malware, *sightings(1, at=instant(5)))]
    with medallion(tmp_path, known) as port:
        declare(hub, path_of(port))
        (first,) = hub.json("delivery", "pull", "theirs")["deliveries"]
        assert (first["records"], first["accepted"], first["rejected"]) == (6, 4, 0)
        marked = {"object_marking_refs": [named["id"]]}
        (new,) = indicators(9)
        indicates = {
            "type": "relationship",
            "spec_version": "2.1",
            "id": f"relationship--{UUID(int=7, version=4)}",
            "created": instant(0),
            "modified": instant(0),
            "relationship_type": "indicates",
            "source_ref": new["id"],
            "target_ref": malware["id"],
        }
        later = [*sightings(2, 3, at=instant(5)), {**new, **marked}, indicates]
        Collection(f"{path_of(port)}/", user=USER, password=PASSWORD).add_objects({"objects": later})
        (second,) = hub.json("delivery", "pull", "theirs")["deliveries"]
        assert (second["records"], second["accepted"], second["rejected"]) == (4, 3, 0)
        assert hub.json("delivery", "pull", "theirs")["deliveries"] == []
    kept = (hub.folder / "deliveries" / "dataset=indicators").glob("*/delivered")
    counted = Counter(one["id"] for file in kept for one in json.loads(file.read_bytes())["objects"])
    assert counted == dict.fromkeys([one["id"] for one in (*(one for _, one in known), *later)], 1)
    hub("snapshot", "make", "--in", hub.folder)
    for number, seen, last in ((1, 4, "2026-11-20"), (2, 4, "2026-11-20"), (3, 4, "2026-11-20"), (9, 1, "2026-11-01")):
        (found,) = hub.json("lookup", f"110.164.0.{number}")[0]["findings"]
        assert (found["sightings"], found["last_seen"][:10]) == (seen, last)
        assert found["families"] == (["Emotet"] if number == 9 else [])


@pytest.mark.parametrize("finds", [False, True])
def test_what_new_objects_refer_to_on_a_page_that_never_came_is_asked_for_or_they_wait(hub: Hub, finds: bool) -> None:
    observed, addresses = sightings_of_addresses(1, 2)
    there = {one["id"]: one for one in (*observed, *addresses)}
    fails = True

    def answer(request: BaseHTTPRequestHandler) -> Said:
        if asked := named_of(request):
            return holding(1, [there[one] for one in asked]) if finds or not fails else (500, {}, b"{}")
        if "next=" in request.path:
            return (500, {}, b"{}") if fails else holding(2, addresses)
        return holding(1, observed, more=True, next="2")

    with saying(answer) as url:
        declare(hub, url)
        assert "status 500" in hub("delivery", "pull", "theirs", "--in", hub.folder, code=4)
        assert sum(one["accepted"] for one in deliveries(hub)) == (2 if finds else 0)
        fails = False
        hub.json("delivery", "pull", "theirs")
    assert [sum(one[what] for one in deliveries(hub)) for what in ("accepted", "rejected")] == [2, 0]


def test_a_server_that_dates_its_objects_far_ahead_is_refused_and_hides_nothing_that_comes_later(hub: Hub) -> None:
    far = "9999-12-31T23:59:59.999999Z"
    said: list[tuple[Mapping[str, str], list[dict]]] = [({FIRST: instant(1), LAST: far}, indicators(1, 2))]

    def answer(_: BaseHTTPRequestHandler) -> Said:
        status, headers, body = holding(1, said[-1][1])
        return status, {**headers, **said[-1][0]}, body

    with saying(answer) as url:
        declare(hub, url)
        told = hub("delivery", "pull", "theirs", "--in", hub.folder, code=4)
        assert f"got: {far}" in told
        assert deliveries(hub) == []
        said.append(({}, indicators(1, 2, 3)))
        done = hub.json("delivery", "pull", "theirs")
        assert ([one["records"] for one in done["deliveries"]], done["added_until"]) == ([3], instant(1))


def test_a_call_ends_within_its_time_and_the_next_goes_on_after_what_was_taken(hub: Hub) -> None:
    observed, addresses = sightings_of_addresses(1, 2)
    there = {one["id"]: one for one in addresses}
    passed, slow, endless = timedelta(0), timedelta(0), True

    def answer(request: BaseHTTPRequestHandler) -> Said:
        nonlocal passed
        # what is asked for by its id comes sooner than a page
        passed += min(slow, timedelta(minutes=1)) if named_of(request) else slow
        if asked := named_of(request):
            return holding(1, [there[one] for one in asked], more=endless, next="1")
        if "next=" in request.path or "added_after=" in request.path:
            return holding(2, observed[1:])
        return holding(1, observed[:1], more=True, next="2")

    begun = datetime.now(UTC)

    def call() -> int:
        actor = Actor(person="a test", justification="")
        with redirect_stdout(io.StringIO()):
            return pull(hub.folder, "theirs", actor, clock=lambda: begun + passed, as_json=True)

    with saying(answer) as url:
        declare(hub, url)
        # what is asked for by its id is given again and again
        slow = timedelta(minutes=1)
        with pytest.raises(UnreadableError, match="longer than a call may"):
            call()
        assert deliveries(hub) == []
        # half an hour is over after a page: what it refers to is still asked for
        slow, endless = timedelta(minutes=30), False
        with pytest.raises(UnreadableError, match="longer than a call may"):
            call()
        assert [one["accepted"] for one in deliveries(hub)] == [1]
        slow = timedelta(0)
        assert call() == 0
    assert [sum(one[what] for one in deliveries(hub)) for what in ("accepted", "rejected")] == [2, 0]


def test_references_of_references_without_end_are_followed_ten_times(hub: Hub) -> None:
    observed, _ = sightings_of_addresses(1)
    observed[0]["object_refs"] = [f"directory--{UUID(int=0, version=4)}"]
    rounds = []

    def answer(request: BaseHTTPRequestHandler) -> Said:
        asked = named_of(request)
        if not asked:
            return holding(1, observed)
        rounds.append(asked)
        parent = f"directory--{UUID(int=len(rounds), version=4)}"
        return holding(1, [{"type": "directory", "id": asked[0], "path": "/", "parent_directory_ref": parent}])

    with saying(answer) as url:
        declare(hub, url)
        hub.json("delivery", "pull", "theirs")
    assert len(rounds) == 10


def test_what_is_too_much_for_one_delivery_becomes_several_and_none_overlaps_another(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("accord.cli.deliveries.pulling.GATHERED_BYTES", 1)
    known = [*added([1, 2], instant(1)), *added(range(3, 20), instant(2)), *added([20, 21], instant(3))]
    with medallion(tmp_path, known) as port, way(port) as path:
        declare(hub, path_of(path.port))
        # two pages of five are deliveries when the server dies, and the second ends within an instant
        path.answers = 2
        assert "does not answer" in hub("delivery", "pull", "theirs", "--in", hub.folder, code=4)
        assert sorted(one["records"] for one in deliveries(hub)) == [5, 5]
        path.answers = 1 << 30
        # once more from that instant on: what of it is held is left out
        done = hub.json("delivery", "pull", "theirs")
        assert [one["records"] for one in done["deliveries"]] == [2, 5, 4]
        assert hub.json("delivery", "pull", "theirs")["deliveries"] == []
    assert Counter(delivered(hub)) == dict.fromkeys(range(1, 22), 1)


def test_whoever_is_killed_while_it_pulls_loses_nothing_and_takes_nothing_twice(
    hub: Hub, forking: Callable[..., dict], tmp_path: Path
) -> None:
    words = ("delivery", "pull", "theirs", "--in", hub.folder)
    draw = random.Random(5)
    with medallion(tmp_path, added(range(1, 8), instant(1))) as port:
        declare(hub, path_of(port))
        theirs = Collection(f"{path_of(port)}/", user=USER, password=PASSWORD)
        done = forking(*words, how="count")
        assert done["code"] == 0, done
        steps = {kind: count for kind, count in done["steps"].items() if count and kind != "fusion"}
        killed = 0
        for number in range(KILLS):
            theirs.add_objects({"objects": indicators(100 + number)})
            kind = list(steps)[number % len(steps)]
            said = forking(*words, how=(kind, draw.randint(1, steps[kind])))
            assert said["code"] in {-9, 0}, said
            killed += said["code"] != 0
        assert killed
        assert forking(*words)["code"] == 0
        assert forking(*words)["code"] == 0
    assert Counter(delivered(hub)) == dict.fromkeys([*range(1, 8), *range(100, 100 + KILLS)], 1)
    entries = [one for one in hub.json("ledger", "list") if one["kind"] == "delivery"]
    assert len(entries) == 1 + len(deliveries(hub))
    hub("ledger", "audit", "--in", hub.folder)


def test_a_hub_pulls_from_another_hub_s_server_and_hears_of_what_it_takes_back(
    hub: Hub,
    accord_here: Accord,
    serve: Callable[..., Served],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "other").mkdir()
    theirs = Hub(accord_here, tmp_path / "other", ())
    theirs.put()
    monkeypatch.setenv("THEIR_TOKEN", token(theirs, "csirt-th", "read"))
    served = serve(theirs.folder)
    collection = f"http://127.0.0.1:{served.port}/taxii2/hub/collections/infected-th/"
    declare(hub, collection, 'secret_variable = "THEIR_TOKEN"\n')
    polled = [one["object"] for one in theirs.poll("csirt-th")]
    (first,) = hub.json("delivery", "pull", "theirs")["deliveries"]
    assert first["records"] == len(polled)
    (kept,) = (hub.folder / "deliveries" / "dataset=indicators").glob("*/delivered")
    assert json.loads(kept.read_bytes())["objects"] == polled
    assert hub.json("delivery", "pull", "theirs")["deliveries"] == []
    # what is new refers to addresses that came long before: they come along, and count for nothing
    theirs.deliver("2026-10-03-event4_sinkhole-th.csv", SIGHTINGS.replace("2026-10-01 11:15", "2026-10-03 11:15"))
    theirs.put()
    (second,) = hub.json("delivery", "pull", "theirs")["deliveries"]
    assert (second["rejected"], second["ignored_by_reason"].keys()) == (0, {"not-observable"})
    assert second["accepted"] > 0
    theirs.json(
        "recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "The clock was wrong."
    )
    hub.json("delivery", "pull", "theirs")
    texts = [json.loads(one.read_bytes())["objects"] for one in kept.parent.parent.glob("*/delivered")]
    revoked = {one["id"] for text in texts for one in text if one.get("revoked")}
    assert revoked >= {one["id"] for one in polled if one["type"] == "observed-data"}
    # who may not, is told so in words
    monkeypatch.setenv("THEIR_TOKEN", "accord1_" + "x" * 43)
    assert "status 401" in hub("delivery", "pull", "theirs", "--in", hub.folder, code=4)
    monkeypatch.delenv("THEIR_TOKEN")
    assert "no secret" in hub("delivery", "pull", "theirs", "--in", hub.folder, code=2)


def test_a_peer_is_declared_so_that_nobody_else_learns_its_secret(accord_here: Accord, tmp_path: Path) -> None:
    hub = Hub(accord_here, tmp_path, ())
    with (hub.folder / "workspace.toml").open("a") as settings:
        settings.write(DATASET)
    secret = "accord1_a-secret"
    for collection, more, words in (
        ("http://taxii.example/api/collections/1/", "", "https:"),
        ("https://user:word@taxii.example/api/collections/1/", "", "the URL of a collection"),
        ("https://taxii.example/api/", "", "the URL of a collection"),
        ("https://taxii.example/collections/1/", 'scheme = "basic"\n', "a user's name exactly where"),
        ("https://taxii.example/collections/1/", 'user = "me"\n', "a user's name exactly where"),
        ("https://taxii.example/collections/1/", f'secret_variable = "{secret}"\n', "never its value"),
        ("https://taxii.example/collections/1/", 'secret = "x"\n', "is not known"),
    ):
        declare(hub, collection, more)
        told = hub("delivery", "pull", "theirs", "--in", hub.folder, code=2)
        assert words in told
        assert secret not in told
