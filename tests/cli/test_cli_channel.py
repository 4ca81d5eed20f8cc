"""Objects in a channel: entered and witnessed before they are seen, for every member or none, and taken back."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from stix2validator import ValidationOptions, validate_file

from accord.ledger.notes import parse_signing_key
from tests.cli.released import OPERATION, SIGHTINGS, furnish
from tests.cli.rights import rows_of
from tests.simulators.witness import Witness, served

Accord = Callable[..., object]

CHANNEL = """
[[channel]]
id = "infected-th"
title = "Infected machines in Thailand"
purpose = "victim-notification"
encrypted = true
"""

MEMBER = """
[[channel.member]]
partner = "{}"
"""

VALUES = {"110.164.10.1", "110.164.10.9"}


class Hub:
    """A furnished hub with a delivery and a channel, and what is needed to work with it."""

    def __init__(self, accord: Accord, folder: Path, database: tuple[str, ...]) -> None:
        self.accord, self.folder, self.beside = accord, folder / "hub", folder
        self("init", self.folder, "--ledger", "hub.example/ledger", *database)
        furnish(self.folder, "")
        self("agreement", "apply", "--in", self.folder)
        self.deliver("2026-10-01-event4_sinkhole-th.csv", SIGHTINGS)
        self.operation = folder / "october.toml"
        text = OPERATION.format(name="october-2026", more="").partition("[[recipient]]")[0]
        self.operation.write_text(text, "utf-8")
        self.members("csirt-th", "police-th")

    def __call__(self, *words: str | Path, code: int = 0) -> str:
        done = self.accord(*words, expect=code)
        return done.stdout + done.stderr

    def json(self, *words: str | Path, code: int = 0) -> list | dict:
        return json.loads(self.accord(*words, "--json", "--in", self.folder, expect=code).stdout)

    def deliver(self, name: str, text: str) -> None:
        (self.beside / name).write_text(text, "utf-8")
        self("delivery", "add", "sinkhole", self.beside / name, "--in", self.folder)

    def members(self, *partners: str) -> None:
        file = self.beside / "channels.toml"
        file.write_text(CHANNEL + "".join(map(MEMBER.format, partners)), "utf-8")
        self("channel", "apply", file, "--in", self.folder)

    def put(self, code: int = 0) -> dict:
        return self.json("release", "make", self.operation, "--channel", "infected-th", code=code)

    def poll(self, member: str, *words: str) -> list[dict]:
        return self.json("channel", "poll", "infected-th", "--for", member, "--limit", "1000", *words)

    def values(self, member: str) -> set[str]:
        return {one["object"]["value"] for one in self.poll(member) if one["object"]["type"] == "ipv4-addr"}


def complaints(objects: list[dict], folder: Path, *, whole: bool) -> list[str]:
    """What OASIS's validator has against some objects; `whole`: all that they refer to is there too."""
    file = folder / "bundle.json"
    bundle = {"type": "bundle", "id": f"bundle--{uuid4()}", "objects": objects}
    file.write_text(json.dumps(bundle), "utf-8")
    # ids are UUIDv5, so that they come out again, where the specification only recommends UUIDv4
    options = ValidationOptions(
        version="2.1", strict=True, enforce_refs=whole, strict_properties=True, disabled="uuid-check"
    )
    return [
        str(each) for one in validate_file(str(file), options).object_results for each in (*one.errors, *one.warnings)
    ]


@pytest.fixture
def hub(accord_here: Accord, database_url: str, tmp_path: Path) -> Hub:
    return Hub(accord_here, tmp_path, () if database_url.startswith("sqlite") else ("--database", database_url))


def test_what_all_members_may_have_is_entered_for_each_and_seen_by_all(hub: Hub) -> None:
    done = hub.put()
    assert (done["findings"], done["batches"]) == (2, {"appeared": 1, "waiting_for_witnesses": 0})
    assert {one["recipient"] for one in done["disclosed"]} == {"csirt-th", "police-th"}
    seen = hub.poll("csirt-th")
    assert seen == hub.poll("police-th")
    assert hub.values("csirt-th") == VALUES
    # a victim is never an indicator
    assert {one["object"]["type"] for one in seen} == {
        "marking-definition", "identity", "observed-data", "sighting", "malware", "ipv4-addr", "autonomous-system",
    }  # fmt: skip
    added = [one["added"] for one in seen]
    assert added == sorted(set(added))
    assert complaints([one["object"] for one in seen], hub.beside, whole=True) == []
    # each member's own entry in the ledger, and nothing of the books that the ledger does not hold
    assert len({entry for one in done["disclosed"] for entry in one["entries"]}) == 2
    hub("ledger", "audit", "--in", hub.folder)
    hub("ledger", "verify", "--in", hub.folder)
    stands = hub.json("release", "list")
    assert all(one["channel"] == "infected-th" and one["handed_over_at"] for one in stands)
    listed = hub("release", "list", "--in", hub.folder)
    said = r" october-2026 +victim-notification +csirt-th \(TH\) +2 +in infected-th *$"
    assert re.search(said, listed, re.MULTILINE)
    assert max(map(len, listed.splitlines())) <= 100
    # who looked, and for whom, is in the log
    looked = [one for one in hub.json("consultation", "list") if one["object"].startswith("channel infected-th: ")]
    assert [one["recipients"] for one in looked] == [["csirt-th"], ["police-th"], ["csirt-th"]]
    assert {one["processing"] for one in looked} == {"consultation"}


def test_what_is_there_already_is_not_put_again_and_what_changed_is_a_new_version(hub: Hub) -> None:
    hub.put()
    before = {one["object"]["id"]: one for one in hub.poll("csirt-th")}
    again = hub.put()
    assert (again["objects"], again["disclosed"]) == (0, [])
    hub.deliver("2026-10-03-event4_sinkhole-th.csv", SIGHTINGS.replace("2026-10-01 11:15", "2026-10-03 11:15"))
    last = max(one["added"] for one in before.values())
    assert hub.put()["findings"] == 2
    fresh = hub.poll("csirt-th", "--after", last)
    after = {one["object"]["id"]: one for one in hub.poll("csirt-th")}
    assert after.keys() == before.keys()
    for one in fresh:
        old, new = before[one["object"]["id"]]["object"], one["object"]
        if "modified" in new:
            assert (new["created"], new["modified"] > old["modified"]) == (old["created"], True)
    assert {one["object"]["type"] for one in fresh} == {"observed-data", "sighting"}


def test_a_member_is_told_the_limits_of_all_agreements_under_which_it_gets_something(hub: Hub) -> None:
    show = ("channel", "show", "infected-th")
    # of what may come, and not of what is there
    assert hub.json(*show)["handling"]["police-th"]["pap"] == "green"
    hub.put()
    before = {one["object"]["id"]: one["object"] for one in hub.poll("csirt-th")}
    settings = hub.folder / "workspace.toml"
    text = settings.read_text("utf-8")
    first, *rest = text.split('pap = "clear"')
    # CSIRT of Thailand has signed more than the police have
    mine = 'handling = ["H1", "H3"]\nhandling_text = "Ask us first."\niep = { encrypt_in_transit = "must" }'
    text = first + mine + 'pap = "clear"'.join(rest)
    settings.write_text(text.replace('pap = "green"\nonward', 'pap = "clear"\nhandling = ["H2"]\nonward', 1), "utf-8")
    hub("agreement", "apply", "--in", hub.folder)
    told = hub.json(*show)["handling"]
    assert (told["csirt-th"]["pap"], told["csirt-th"]["codes"], told["csirt-th"]["text"]) == (
        "clear",
        ["H1", "H2", "H3"],
        "Ask us first.",
    )
    assert (told["police-th"]["pap"], told["police-th"]["codes"], told["police-th"]["iep"]) == ("clear", ["H2"], None)
    said = hub(*show, "--in", hub.folder)
    for words in ("passing on: with-consent", "H2: not passed on without leave", "encrypt in transit: must", "P1Y"):
        assert words in said
    # what stands there keeps what it said until it is put again; then it is a new version of the same
    assert hub.put()["objects"] > 0
    after = {one["object"]["id"]: one["object"] for one in hub.poll("csirt-th")}
    clear = "marking-definition--ad15a0cd-55b6-4588-a14c-a66105329b92"
    green = "marking-definition--c43594d1-4b11-4c59-93ab-1c9b14d53ce9"
    assert before.keys() - after.keys() == set()
    assert after.keys() - before.keys() == {clear}
    victims = [one for one in before if one.startswith("observed-data")]
    for one in victims:
        assert (green in before[one]["object_marking_refs"], clear in after[one]["object_marking_refs"]) == (True, True)
        assert green not in after[one]["object_marking_refs"]
        assert (after[one]["created"], after[one]["modified"] > before[one]["modified"]) == (
            before[one]["created"],
            True,
        )
    assert hub.put()["objects"] == 0
    # no agreement lets anything come
    hub("agreement", "end", "vendor-2026", "--why", "They want no more.", "--in", hub.folder)
    assert hub.json(*show)["handling"] == {"csirt-th": None, "police-th": None}
    assert "nothing may come to it" in hub(*show, "--in", hub.folder)


def test_an_agreement_that_ends_ends_a_member_s_sight_and_no_other_s(hub: Hub) -> None:
    hub.put()
    hub("agreement", "end", "police-th-2026", "--why", "over", "--in", hub.folder)
    assert hub.values("csirt-th") == VALUES
    left = {one["object"]["type"] for one in hub.poll("police-th")}
    assert left == {"marking-definition", "identity"}
    # and a rule that refuses one member lets nothing new in for any
    hub.deliver("2026-10-03-event4_sinkhole-th.csv", SIGHTINGS.replace(".10.1,", ".10.7,"))
    assert hub.put()["findings"] == 0
    assert hub.values("csirt-th") == VALUES


def test_red_goes_into_no_channel_and_what_is_raised_to_it_is_seen_no_more_whomever_members_named(hub: Hub) -> None:
    file = hub.beside / "channels.toml"
    persons = 'persons = ["A. Officer"]\n'
    file.write_text(CHANNEL + "".join(MEMBER.format(one) + persons for one in ("csirt-th", "police-th")), "utf-8")
    hub("channel", "apply", file, "--in", hub.folder)
    hub.put()
    assert hub.values("csirt-th") == VALUES
    settings = hub.folder / "workspace.toml"
    settings.write_text(settings.read_text("utf-8").replace('marking = "amber"', 'marking = "red"'), "utf-8")
    hub("agreement", "apply", "--in", hub.folder)
    assert (hub.values("csirt-th"), hub.values("police-th")) == (set(), set())
    hub.deliver("2026-10-03-event4_sinkhole-th.csv", SIGHTINGS.replace(".10.1,", ".10.7,"))
    said = hub("release", "make", hub.operation, "--channel", "infected-th", "--in", hub.folder)
    assert "Nothing is new" in said
    assert (
        "rule 1 (Traffic Light Protocol 2.0) keeps back 1 of 1 data set: TLP:RED goes into no channel, which reaches "
        "whoever holds a member's token: it goes by package to named persons\n" in said
    )
    assert (hub.values("csirt-th"), hub.values("police-th")) == (set(), set())


def test_who_joins_is_told_of_what_comes_after_and_who_leaves_of_nothing_more(hub: Hub) -> None:
    hub.members("csirt-th")
    hub.put()
    hub.members("csirt-th", "police-th")
    assert hub.poll("police-th") == []
    told = hub.put()
    # what was there is disclosed to the newcomer by an entry of its own, and to nobody again
    assert [(one["recipient"], one["findings"]) for one in told["disclosed"]] == [("police-th", 2)]
    assert hub.values("police-th") == VALUES
    assert len(hub.poll("csirt-th")) == len(hub.poll("police-th"))
    hub.members("police-th")
    assert "no such member" in hub("channel", "poll", "infected-th", "--for", "csirt-th", "--in", hub.folder, code=2)
    hub.members()
    assert "reaches nobody" in hub(
        "release", "make", hub.operation, "--channel", "infected-th", "--in", hub.folder, code=2
    )


def test_nothing_is_seen_before_the_quorum_has_cosigned_its_entries(hub: Hub) -> None:
    key = parse_signing_key((hub.folder / "ledger.key").read_text().strip())
    with served(Witness("north.example", key.verifier)) as witness:
        line = f"witness north {witness.key.verifier} {witness.url}"
        (hub.folder / "ledger.policy").write_text(f"log {key.verifier}\n{line}\nquorum north\n")
        witness.fault = lambda *_: (503, b"")
        done = hub.put(code=7)
        assert done["batches"] == {"appeared": 0, "waiting_for_witnesses": 1}
        assert hub.poll("csirt-th") == []
        assert {one["handed_over_at"] for one in hub.json("release", "list")} == {None}
        witness.fault = None
        # what waits is a job, which `accord serve` does by itself
        hub("job", "work", "--in", hub.folder)
        assert hub.values("csirt-th") == VALUES
        assert None not in {one["handed_over_at"] for one in hub.json("release", "list")}


def recalled(hub: Hub) -> dict:
    return hub.json(
        "recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "The clock was wrong."
    )


def test_what_is_recalled_is_revoked_where_pollers_see_it_and_says_nothing_more(hub: Hub) -> None:
    hub.put()
    before = {one["object"]["id"]: one["object"] for one in hub.poll("csirt-th")}
    last = max(one["added"] for one in hub.poll("csirt-th"))
    told = recalled(hub)
    assert {one["recipient"] for one in told["notices"]} == {"csirt-th", "police-th"}
    fresh = hub.poll("csirt-th", "--after", last)
    revoked = {one["object"]["id"]: one["object"] for one in fresh if one["object"].get("revoked")}
    wanted = {name for name, one in before.items() if one["type"] in {"observed-data", "sighting"}}
    assert revoked.keys() == wanted
    for name, one in revoked.items():
        assert one["created"] == before[name]["created"]
        assert one["created_by_ref"] == before[name]["created_by_ref"]
        assert one["modified"] > before[name]["modified"]
    assert complaints([one["object"] for one in hub.poll("csirt-th")], hub.beside, whole=False) == []
    everything = json.dumps(hub.poll("csirt-th"))
    assert not any(value in everything for value in VALUES)
    assert "gamut" not in everything.lower()
    # an agreement that has ended hides no revocation
    hub("agreement", "end", "police-th-2026", "--why", "over", "--in", hub.folder)
    assert {one["object"]["id"] for one in hub.poll("police-th") if one["object"].get("revoked")} == wanted
    hub("ledger", "audit", "--in", hub.folder)
    # who joins later never knew of it
    hub.members("csirt-th")
    hub.members("csirt-th", "police-th")
    assert hub.poll("police-th") == []
    # what is delivered anew are other objects: what is revoked stays so (STIX 2.1, section 3.2)
    hub.members("csirt-th")
    hub.deliver("2026-10-04-event4_sinkhole-th.csv", SIGHTINGS.replace("2026-10-01", "2026-10-04"))
    hub.put()
    assert hub.values("csirt-th") == VALUES
    alive = {one["object"]["id"] for one in hub.poll("csirt-th") if not one["object"].get("revoked")}
    assert not alive & wanted


def test_each_member_that_knew_of_it_must_answer_a_recall_and_late_ones_are_listed(hub: Hub) -> None:
    hub.put()
    # who has left was given it all the same
    hub.members("police-th")
    told = recalled(hub)
    notices = {one["recipient"]: hub.folder / "releases" / one["package"] for one in told["notices"]}
    assert notices.keys() == {"csirt-th", "police-th"}

    def late() -> list[str]:
        listed = hub.json("recall", "overdue", "--at", f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}", code=1)
        return [one["recipient"] for recall in listed for one in recall["notices"]]

    assert late() == ["csirt-th", "police-th"]
    answered = notices["csirt-th"] / f"recall-{told['recall']}" / "notice"
    assert (answered.parent / "entry.tlog-proof").exists()
    hub("recall", "acknowledge", answered, "--by-hand", "--why", "They called.", "--in", hub.folder)
    assert late() == ["police-th"]
    hub("ledger", "audit", "--in", hub.folder)


def test_while_an_embargo_lasts_a_channel_has_it_for_the_operation_s_own_recipients_alone(hub: Hub) -> None:
    secret = hub.operation.read_text("utf-8").replace("\n\n", "\nembargo = 2099-01-01\n\n", 1)
    recipient = '[[recipient]]\npartner = "{}"\ncountry = "TH"\n'
    for named in ((), ("csirt-th",)):
        hub.operation.write_text(secret + "".join(map(recipient.format, named)), "utf-8")
        assert hub.put()["findings"] == 0
    hub.operation.write_text(secret + "".join(map(recipient.format, ("csirt-th", "police-th"))), "utf-8")
    assert hub.put()["findings"] == 2
    assert hub.values("police-th") == VALUES
    # and the public learns nothing of it until then
    log = ("ledger", "check", hub.folder / "ledger", "--policy", hub.folder / "ledger" / "policy")
    said = hub(*log)
    assert "passed on" not in said
    assert re.search(r"closed: 2\b", said)


def test_what_is_erased_is_nowhere_in_the_database_and_its_neighbours_stay(hub: Hub) -> None:
    hub.put()
    assert any(b"110.164.10.9" in text for _, text in rows_of(hub.folder))
    # the id of an address is a digest of it, which whoever tries all addresses finds
    ids = {one["object"]["value"]: one["object"]["id"] for one in hub.poll("csirt-th") if "value" in one["object"]}
    hub("subject", "erase", "110.164.10.9", "--why", "A court asked.", "--in", hub.folder)
    assert [name for name, text in rows_of(hub.folder) if b"110.164.10.9" in text] == []
    assert hub.values("csirt-th") == {"110.164.10.1"}
    lists = [path.read_text("ascii") for path in hub.folder.glob("releases/*/objects")]
    assert all(lists)
    assert not [name for name in ids.values() for one in lists if name in one]
    revoked = [one["object"] for one in hub.poll("csirt-th") if one["object"].get("revoked")]
    assert sorted(one["type"] for one in revoked) == ["observed-data", "sighting"]
    for path in hub.folder.glob("accord.db*"):
        assert b"110.164.10.9" not in path.read_bytes()
    # the family is told of by the other finding too
    assert [one["object"]["name"] for one in hub.poll("csirt-th") if one["object"]["type"] == "malware"] == [
        "Gamut Botnet"
    ]


def test_what_rests_on_nothing_any_more_is_gone_without_a_word(hub: Hub) -> None:
    hub.put()
    # a second delivery has sightings of one of the two findings
    hub.deliver("2026-10-03-event4_sinkhole-th.csv", "\n".join(SIGHTINGS.splitlines()[:2]) + "\n")
    hub.put()
    first = next(one for one in hub.json("retention", "list") if one["file"].startswith("2026-10-01"))
    account = hub.folder / "deliveries" / "dataset=sinkhole" / f"sha256={first['sha256']}" / "account.json"
    old = json.loads(account.read_text("utf-8"))
    account.write_text(json.dumps(old | {"received_at": "2020-01-01T00:00:00+00:00"}), "utf-8")
    before = {
        one["object"]["id"]: one["object"]["created"] for one in hub.poll("csirt-th") if "created" in one["object"]
    }
    hub("retention", "run", "--in", hub.folder)
    assert hub.values("csirt-th") == {"110.164.10.1"}
    # what both deliveries told of the other finding is gone, older versions with it, until it is released anew
    assert not [one for one in hub.poll("csirt-th") if one["object"]["type"] in {"observed-data", "sighting"}]
    for path in hub.folder.glob("accord.db*"):
        assert b'"first_observed"' not in path.read_bytes()
    hub.put()
    again = [one["object"] for one in hub.poll("csirt-th") if one["object"]["type"] in {"observed-data", "sighting"}]
    assert {one["type"] for one in again} == {"observed-data", "sighting"}
    assert all(one["created"] == before[one["id"]] < one["modified"] for one in again)
    assert not [one for one in hub.poll("csirt-th") if one["object"].get("revoked")]
    hub("ledger", "audit", "--in", hub.folder)


def test_what_an_analyst_withholds_is_in_no_channel_any_more(hub: Hub) -> None:
    # in Thailand by the bundled ranges, and in the range of a firm that a bundled warning list names
    listed = "17.81.70.1"
    hub.deliver("2026-10-03-event4_sinkhole-th.csv", SIGHTINGS.replace("110.164.10.9", listed))
    hub("snapshot", "make", "--in", hub.folder)
    hub.put()
    assert hub.values("csirt-th") == VALUES
    decide = ("review", "decide", listed, "--in", hub.folder, "--why")
    hub(*decide, "It is a customer's own machine.", "--release")
    hub.put()
    assert hub.values("csirt-th") == {*VALUES, listed}
    hub(*decide, "The firm asked its own people.", "--withhold")
    assert hub.values("csirt-th") == VALUES
    assert len([one for one in hub.poll("csirt-th") if one["object"].get("revoked")]) == 2
    hub.put()
    assert hub.values("csirt-th") == VALUES
    again = hub("release", "make", hub.operation, "--channel", "infected-th", "--in", hub.folder)
    assert ("Nothing is new" in again, "no rule keeps back" in again) == (True, False)
    found = hub("subject", "find", "110.164.10.1", "--why", "They ask.", "--in", hub.folder)
    assert re.search(r"^channel infected-th, release [0-9a-f-]{36}: 1 finding to csirt-th", found, re.MULTILINE)


def test_channels_are_declared_whole_or_not_at_all_and_every_mistake_is_named(hub: Hub) -> None:
    file = hub.beside / "wrong.toml"
    for text, said in (
        (CHANNEL + CHANNEL, r"infected-th"),
        (CHANNEL + MEMBER.format("nobody"), r"declared partner"),
        (CHANNEL + MEMBER.format("csirt-th") + MEMBER.format("csirt-th"), r"csirt-th"),
        (CHANNEL.replace("victim-notification", "fun"), r"victim-notification"),
        (CHANNEL.replace("infected-th", "other"), r"title"),
        (CHANNEL + "colour = 1\n", r"not known"),
        (CHANNEL.replace("channel", "chanel"), r"did you mean 'channel'"),
    ):
        file.write_text(text, "utf-8")
        assert re.search(said, hub("channel", "apply", file, "--in", hub.folder, code=2)), text
    hub.put()
    file.write_text(CHANNEL.replace("infected-th", "more").replace("Infected", "More"), "utf-8")
    assert "not seen from here" in hub("channel", "apply", file, "--check", "--in", hub.folder)
    file.write_text(CHANNEL.replace("victim-notification", "investigation"), "utf-8")
    assert "another purpose" in hub("channel", "apply", file, "--in", hub.folder, code=2)
    hub.operation.write_text(
        hub.operation.read_text("utf-8").replace('"victim-notification"', '"investigation"'), "utf-8"
    )
    said = hub("release", "make", hub.operation, "--channel", "infected-th", "--in", hub.folder, code=2)
    assert "victim-notification, the purpose of channel infected-th" in said
    assert "--purpose" not in said
    (listed,) = hub.json("channel", "list")
    assert [one["partner"] for one in listed["member"]] == ["csirt-th", "police-th"]
    shown = hub("channel", "show", "infected-th", "--in", hub.folder)
    assert "encrypted: yes, as this hub promises" in shown
    assert "police-th" in shown
    assert "new: channel infected-th" in shown


def test_an_object_of_a_channel_is_explained_by_every_rule_for_the_class_it_rests_on(hub: Hub) -> None:
    hub.put()
    names = {one["object"]["type"]: one["object"]["id"] for one in hub.poll("csirt-th")}
    # a finding's own, and one that is shared by all that tell of it
    for name in (names["observed-data"], names["ipv4-addr"]):
        words = ("release", "explain", name, "--to", "csirt-th", "--purpose", "victim-notification")
        told = hub.json(*words)
        assert [(one["dataset"], one["came_in"], one["permitted"]) for one in told["classes"]] == [
            ("sinkhole", ["vendor-2026"], True)
        ]
        assert told["classes"][0]["findings"] == [f"{name}, in channel infected-th"]
    refused = hub.json("release", "explain", name, "--to", "vendor", "--purpose", "victim-notification", code=1)
    assert not refused["permitted"]
