"""A member holds what its own TAXII client polled against the ledger, and the hub's list against its own."""

import csv
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from taxii2client.common import TokenAuth
from taxii2client.v21 import ApiRoot, as_pages

from accord.cli.acting import Actor
from accord.cli.rights.retaining import purge
from tests.cli.released import SIGHTINGS
from tests.cli.test_cli_channel import VALUES, Hub
from tests.cli.test_cli_serve import end, serve
from tests.cli.test_cli_taxii import token

__all__ = ["serve"]


@pytest.fixture
def hub(accord_here: Callable[..., object], tmp_path: Path) -> Hub:
    """A hub that has put two batches into its channel: the second has new versions of what is in the first."""
    made = Hub(accord_here, tmp_path, ())
    made.put()
    made("ledger", "export", "--in", made.folder, "--out", tmp_path / "early")
    made.deliver("2026-10-03-event4_sinkhole-th.csv", SIGHTINGS.replace("2026-10-01 11:15", "2026-10-03 11:15"))
    made.put()
    return made


def _spelled(account: dict) -> bytes:
    """As docs/channels.md says that an account is spelled."""
    return json.dumps(account, indent=2, ensure_ascii=False).encode() + b"\n"


class Member:
    """A member with nothing but what it polled, the account that it was sent, a copy of the ledger and its policy."""

    def __init__(self, hub: Hub, serve: Callable[..., object], name: str = "csirt-th") -> None:
        self.hub, self.name, self.folder = hub, name, hub.beside / "member"
        self.folder.mkdir(exist_ok=True)
        secret, _ = token(hub, name)
        served = serve(hub.folder)
        (collection,) = ApiRoot(f"http://127.0.0.1:{served.port}/taxii2/hub/", auth=TokenAuth(secret)).collections
        self.pages = list(as_pages(collection.get_objects, per_request=3))
        assert end(served) == 0
        self.account, self.copy = self.folder / "account.json", self.folder / "copy"
        self.own, self.policy = self.folder / "own.csv", self.folder / "policy"
        self.policy.write_bytes((hub.folder / "ledger/policy").read_bytes())
        self.fetch()

    def fetch(self) -> None:
        """Get account and ledger as they are by now."""
        self.account.unlink(missing_ok=True)
        self.hub("channel", "account", "infected-th", "--to", self.name, "--out", self.account, "--in", self.hub.folder)
        self.copy = self.copy.with_name(f"{self.copy.name}-")
        self.hub("ledger", "export", "--in", self.hub.folder, "--out", self.copy)

    @property
    def objects(self) -> list[dict]:
        return [one for page in self.pages for one in page.get("objects", [])]

    def check(self, code: int, *words: str) -> str:
        files = []
        for number, page in enumerate(self.pages):
            files.append(self.folder / f"page-{number}.json")
            files[-1].write_text(json.dumps(page), "utf-8")
        self.own.unlink(missing_ok=True)
        named = [word for file in files for word in ("--objects", file)]
        list_ = ("--list", self.own) if named else ()
        return self.hub(
            "ledger", "check", self.copy, "--policy", self.policy, "--account", self.account, *named, *list_, *words,
            code=code,
        )  # fmt: skip

    def reconcile(self, code: int) -> list[dict]:
        ours = self.hub.beside / "hub.csv"
        ours.write_text(self.hub.accord("ledger", "list", "--in", self.hub.folder, "--csv").stdout)
        words = ("ledger", "reconcile", "--hub", ours, "--recipient", self.own, "--json")
        return json.loads(self.hub.accord(*words, expect=code).stdout)


def test_all_that_a_member_polled_pairs_with_what_the_hub_says_and_both_with_the_ledger(hub: Hub, serve) -> None:
    member = Member(hub, serve)
    told = member.check(0)
    assert "channel infected-th: 2 disclosures to csirt-th, 2 entries in this log" in told
    assert "not polled" not in told
    assert "no disclosure" not in told
    assert member.reconcile(0) == []
    # by hand: the newest batch is what has the newest versions, values, networks and families aside
    newest = max(one["modified"] for one in member.objects if one["type"] == "observed-data")
    lines = sorted(
        f"{one['id']} {one['modified']}\n"
        for one in member.objects
        if one["type"] in {"observed-data", "sighting"} and one["modified"] == newest
    )
    digests = [row["digest"] for row in csv.DictReader(member.own.read_text().splitlines())]
    assert digests[1] == hashlib.sha256("".join(lines).encode()).hexdigest()
    # only its own entries are opened to it
    account = json.loads(member.account.read_text())
    assert {line for line in account["openings"].splitlines() if line.startswith("entry ")} == {
        f"entry {number}" for one in account["disclosures"] for number in one["entries"]
    }
    logged = [one for one in hub.json("consultation", "list") if one["object"].startswith("channel infected-th: acc")]
    assert [one["recipients"] for one in logged] == [["csirt-th"]]
    # an account that says something else than the ledger is refused
    whole = member.account.read_bytes()
    account = json.loads(whole)
    line = account["disclosures"][0]["objects"][0]
    other = "indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"
    for old, new, told in (
        (line.encode(), line.replace(line.split()[0], other).encode(), "digest"),
        (b'"partner": "csirt-th"', b'"partner": "police-th"', "partner"),
        (b'"log": "hub.example/ledger"', b'"log": "hub.example/other"', "another log"),
        (b'"version": "accord-channel-account/v1"', b'"version":"accord-channel-account/v1"', "spelled otherwise"),
        (account["openings"].encode()[-20:-10], b"AAAAAAAAAA", ""),
        (account["disclosures"][0]["id"].encode(), account["disclosures"][1]["id"].encode(), "a disclosure twice"),
    ):
        assert whole.count(old) >= 1
        member.account.write_bytes(whole.replace(old, new, 1))
        assert told in member.check(7)
    # nor does it say what the ledger does not: a list without an entry, or beside a digest that is not opened
    forged = [f"{other} 2026-11-27T10:00:00.000Z"]
    for objects in (forged, None):
        said = {"id": str(UUID(int=7)), "entries": [], "objects": objects}
        member.account.write_bytes(_spelled(account | {"disclosures": [*account["disclosures"], said]}))
        assert "a disclosure without an entry" in member.check(7)
    opened = [line for line in account["openings"].splitlines(keepends=True) if not line.startswith("digest ")]
    changed = [one | {"objects": forged} for one in account["disclosures"]]
    member.account.write_bytes(_spelled(account | {"disclosures": changed, "openings": "".join(opened)}))
    told = member.check(1)
    assert told.count("do not prove the list") == 2
    assert json.loads(member.check(1, "--json"))["account"]["unproven"] == [one["id"] for one in changed]
    member.account.write_bytes(whole)
    # what the command prints serves as well as what the server answers
    (hub.beside / "page-0.json").write_text(json.dumps(hub.poll("csirt-th")), "utf-8")
    shown = ("--objects", hub.beside / "page-0.json")
    said = hub("ledger", "check", member.copy, "--policy", member.policy, "--account", member.account, *shown)
    assert "not polled" not in said
    assert "no disclosure" not in said
    # nothing polled is given, and nothing compared
    member.pages.clear()
    assert "polled" not in member.check(0)
    # what opens a field was destroyed at the hub: the member is told, and the rest holds
    first = account["disclosures"][0]["entries"][0]
    hub("ledger", "forget", str(first), "digest", "--why", "It must go.", "--in", hub.folder)
    member.fetch()
    told = member.check(1)
    assert f"entry {first}: this account does not open digest" in told
    assert "do not prove the list" in told
    member.copy = hub.beside / "early"
    assert "shorter than the account says" in member.check(7)


def test_what_was_taken_back_pairs_as_well(hub: Hub, serve) -> None:
    hub.json("recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "The clock was wrong.")
    member = Member(hub, serve)
    assert any(one.get("revoked") for one in member.objects)
    # markings and the hub's identity are still there, and what was revoked is known by its newer version
    assert "polled, and in no disclosure" not in member.check(0)
    assert member.reconcile(0) == []


def test_an_object_that_a_member_lacks_and_one_that_the_hub_does_not_know_are_named(hub: Hub, serve) -> None:
    member = Member(hub, serve)
    lacking = next(one for one in member.objects if one["type"] == "sighting")
    for page in member.pages:
        page["objects"] = [one for one in page.get("objects", []) if one["id"] != lacking["id"]]
    told = member.check(1)
    assert f"disclosed, and not polled: {lacking['id']} {lacking['modified']}" in told
    assert "polled, and in no disclosure" not in told
    assert {one["what"] for one in member.reconcile(1)} == {
        "the hub has it, they have not", "they have it, the hub has not"
    }  # fmt: skip
    said = json.loads(member.check(1, "--json"))
    assert f"{lacking['id']} {lacking['modified']}" in said["account"]["disclosures"][1]["not_polled"]
    # and one that the hub never put there
    page["objects"].append(lacking)
    foreign = "indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"
    thing = {"type": "indicator", "id": foreign, "modified": "2026-11-01T00:00:00.000Z"}
    member.pages.append({"objects": [thing]})
    told = member.check(1)
    assert f"polled, and in no disclosure: {foreign} 2026-11-01T00:00:00.000Z" in told
    assert "not polled" not in told
    assert [one["what"] for one in member.reconcile(1)] == ["they have it, the hub has not"]


def test_the_list_of_what_was_put_goes_once_nobody_may_have_it_any_more(hub: Hub) -> None:
    lists = sorted(hub.folder.glob("releases/*/objects"))
    assert len(lists) == 4
    assert not any(value in path.read_text("ascii") for value in VALUES for path in lists)
    now = datetime.now(UTC)
    purge(hub.folder, now + timedelta(days=2000), Actor(person="tests", justification=""), now=now)
    assert not any(path.exists() for path in lists)
    account = hub.beside / "account.json"
    hub("channel", "account", "infected-th", "--to", "csirt-th", "--out", account, "--in", hub.folder)
    ledger = hub.folder / "ledger"
    told = hub("ledger", "check", ledger, "--policy", ledger / "policy", "--account", account)
    assert told.count("the hub does not keep its list of objects any more") == 2


def test_who_was_disclosed_nothing_gets_no_account(hub: Hub, tmp_path: Path) -> None:
    make = ("channel", "account", "infected-th", "--out", tmp_path / "account", "--in", hub.folder)
    assert "no such member" in hub(*make, "--to", "vendor", code=2)
    assert not (tmp_path / "account").exists()
    published = hub.folder / "ledger/account.json"
    assert "for everybody" in hub("channel", "account", "infected-th", "--to", "csirt-th", "--out", published, "--in",
                                  hub.folder, code=2)  # fmt: skip
    assert not published.exists()
    hub.members("csirt-th")
    # who has left may still check what it got
    hub(*make, "--to", "police-th")
    assert "there already" in hub(*make, "--to", "police-th", code=5)
    words = ("ledger", "check", hub.folder / "ledger", "--policy", hub.folder / "ledger/policy")
    assert "--account FILE" in hub(*words, "--objects", tmp_path / "account", code=2)
    assert "--objects FILE" in hub(*words, "--account", tmp_path / "account", "--list", tmp_path / "own", code=2)
