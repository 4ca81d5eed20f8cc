"""Whoever waits for witnesses is asked every rule again when the key is given, by what holds then."""

import json
import re
from pathlib import Path
from threading import Thread
from typing import NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import text

from accord.cli.releases import handing
from accord.ledger.notes import parse_signing_key
from accord.release.disclosures import load_disclosure
from accord.release.rules import RULES
from accord.workspace.database import open_database, place_of
from tests.cli.released import POLICE
from tests.cli.test_cli_channel import CHANNEL, MEMBER
from tests.cli.test_cli_release import Hub, furnished, witness_down
from tests.simulators.witness import Witness, served


class Change(NamedTuple):
    """What changes in a hub's settings while a package waits, and what is said then."""

    before: str
    after: str
    said: str
    everywhere: bool = False


CHANGES = {
    "share_with": Change(
        'share_with = ["csirt-th", "police-th"]',
        'share_with = ["police-th"]',
        "rule 2 (Onward sharing: the data set's list), sinkhole: the data set is not shared with CSIRT of Thailand",
    ),
    # of the data set, and of what the agreements cover
    "marking raised": Change(
        'marking = "amber"',
        'marking = "red"',
        "rule 1 (Traffic Light Protocol 2.0), sinkhole: TLP:RED reaches named persons only, and CSIRT of Thailand "
        "named none",
        everywhere=True,
    ),
    "marking raised for the same audience": Change(
        'marking = "amber"',
        'marking = "amber+strict"',
        "rule 1 (Traffic Light Protocol 2.0), sinkhole: TLP:AMBER stands on it, and it is TLP:AMBER+STRICT",
        everywhere=True,
    ),
    # it was sealed as what it was then, and that no agreement covers any more
    "marking lowered": Change(
        'marking = "amber"',
        'marking = "green"',
        "rule 4 (Strictest marking of the agreements), sinkhole: agreement vendor-2026 covers data up to TLP:GREEN, "
        "and this is TLP:AMBER",
        everywhere=True,
    ),
    "agreement expired": Change(
        "from = 2026-01-02\npurposes",
        "from = 2026-01-02\nto = 2026-03-31\npurposes",
        "rule 3 (Agreements in force), sinkhole: it came in under vendor-2026, which is expired on ",
    ),
    "purpose": Change(
        'purposes = ["victim-notification"]',
        'purposes = ["prevention"]',
        "rule 5 (Purpose), sinkhole: it came in under vendor-2026, which is for prevention, not for "
        "victim-notification",
    ),
    "permissible actions": Change(
        'pap = "green"', 'pap = "red"', "rule 6 (Permissible Actions Protocol), sinkhole: vendor-2026 permits what"
    ),
    "exchange policy": Change(
        'pap = "green"',
        'pap = "green"\niep = { affected_party_notifications = "must-not" }',
        "rule 7 (Information Exchange Policy 2.0), sinkhole: the exchange policy of vendor-2026 forbids to notify "
        "affected parties",
    ),
    "handling code": Change(
        'pap = "green"',
        'pap = "green"\nhandling = ["H0"]',
        "rule 8 (Handling codes), sinkhole: H0 of vendor-2026: only to prevent and combat crime",
    ),
    "onward sharing": Change(
        'onward_sharing = "with-consent"',
        'onward_sharing = "forbidden"',
        "rule 9 (Onward sharing: the agreements), sinkhole: it came in under vendor-2026, which forbids to pass it on",
    ),
    "legal area": Change(
        'transfers = ["safeguards"]',
        "transfers = []",
        "rule 11 (Legal area), sinkhole: CSIRT of Thailand sits in TH, outside the hub's legal area, and no ground",
    ),
    # what it tells of its handling would be wrong
    "retention of an agreement": Change(
        'pap = "green"', 'pap = "green"\nretention = "P30D"', "how it must be handled than it tells"
    ),
}

OTHERS = {10, 12, 13, 14}
"""What these rules ask changes otherwise: by an operation's file (10 and 13, below), by an analyst's decision
(test_cli_review.py), by what a network owner declares (test_cli_owners.py)."""


@pytest.fixture
def hub_on_either(accord_here, database_url: str, tmp_path: Path) -> Hub:
    return furnished(accord_here, tmp_path, () if database_url.startswith("sqlite") else ("--database", database_url))


def quorum(hub: Hub, witness: Witness) -> None:
    key = parse_signing_key((hub.folder / "ledger.key").read_text("utf-8").strip())
    line = f"witness north {witness.key.verifier} {witness.url}"
    (hub.folder / "ledger.policy").write_text(f"log {key.verifier}\n{line}\nquorum north\n", "utf-8")


def waits(hub: Hub, name: str, **more) -> dict:
    """A package that stands sealed."""
    hub("release", "make", hub.operation(name, **more), "--in", hub.folder, code=7)
    return next(one for one in hub.releases() if one["operation"] == name and one["refused_at"] is None)


def secret(hub: Hub, release: str) -> str | None:
    """What opens a package, as the database has it."""
    with open_database(place_of(hub.folder / "workspace.toml")) as database, database.reading() as connection:
        wanted = text("SELECT secret FROM disclosures WHERE id = :id").bindparams(id=release)
        return connection.execute(wanted).scalar_one()


def test_what_no_rule_permits_any_more_is_refused_at_the_hand_over_and_never_handed_over(hub_on_either: Hub) -> None:
    hub = hub_on_either
    settings = hub.folder / "workspace.toml"
    plain = settings.read_text("utf-8")
    key = parse_signing_key((hub.folder / "ledger.key").read_text("utf-8").strip())
    with served(Witness("north.example", key.verifier)) as witness:
        quorum(hub, witness)
        for name, change in CHANGES.items():
            witness.fault = witness_down()
            sealed = waits(hub, name.replace(" ", "-"))
            assert change.before in plain, name
            settings.write_text(plain.replace(change.before, change.after, -1 if change.everywhere else 1), "utf-8")
            hub("agreement", "apply", "--in", hub.folder)
            witness.fault = None
            said = hub("release", "hand-over", "--in", hub.folder)
            assert change.said in said, name
            place = hub.folder / "releases" / sealed["id"]
            assert not (place / "handover").exists(), name
            # nobody opens it any more, the hub neither; what its entry commits to stays
            assert secret(hub, sealed["id"]) is None, name
            assert (place / "package").exists(), name
            # it is over: when all is as before, it is not taken up again
            settings.write_text(plain, "utf-8")
            hub("agreement", "apply", "--in", hub.folder)
            said = hub("release", "hand-over", "--in", hub.folder)
            assert (said.strip(), "refused" in said) == ("Nothing was handed over.", False), name
        released = hub.releases()
        assert [one["refused_at"] is not None for one in released] == [True] * len(CHANGES)
        assert re.search(r"csirt-th \(TH\) +2 +refused\n", hub("release", "list", "--in", hub.folder))
        assert CHANGES["share_with"].said in hub("release", "show", released[0]["id"], "--in", hub.folder)
        # it can be made anew, and what it says is what the very same rules permit
        anew = hub("release", "make", hub.operation("share_with"), "--in", hub.folder)
        assert "csirt-th" in anew
    assert hub.releases()[-1]["handed_over_at"] is not None
    # each of them has its entry, and the books know of each
    assert [len(one["entries"]) for one in hub.releases()] == [1] * (len(CHANGES) + 1)
    hub("ledger", "audit", "--in", hub.folder)
    # nobody was given what was refused: nobody is told when it is taken back
    hub("recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "wrong", "--in", hub.folder)
    (recall,) = json.loads(hub("recall", "list", "--json", "--in", hub.folder))
    assert [one["package"] for one in recall["notices"]] == [hub.releases()[-1]["id"]]


def test_what_was_never_handed_over_is_passed_on_in_no_account(hub_on_either: Hub) -> None:
    hub = hub_on_either
    ledger = hub.folder / "ledger"
    key = parse_signing_key((hub.folder / "ledger.key").read_text("utf-8").strip())
    with served(Witness("north.example", key.verifier)) as witness:
        quorum(hub, witness)
        witness.fault = witness_down()
        sealed = waits(hub, "october-2026")
        secret_one = waits(hub, "secret-2026", more="embargo = 2099-01-01")
        hub("agreement", "end", "vendor-2026", "--why", "over", "--in", hub.folder)
        witness.fault = None
        hub("release", "hand-over", "--in", hub.folder)
    (year,) = json.loads((ledger / "figures.json").read_text("utf-8"))["years"]
    assert year["passed_on"] == []
    assert {"kind": "never-handed-over", "entries": 1, "records": [0, 9]} in year["happened"]
    # a secret one stays so, and what takes it back with it
    checked = json.loads(hub("ledger", "check", ledger, "--policy", ledger / "policy", "--json"))
    assert checked["figures"]["closed"] == 2
    assert "Thailand" not in (ledger / "index.html").read_text("utf-8")
    hub("ledger", "verify", "--in", hub.folder)
    hub("ledger", "audit", "--in", hub.folder)
    # the log of consultations says of both that nobody got them
    said = json.loads(hub("consultation", "list", "--json", "--in", hub.folder))
    rows = said if isinstance(said, list) else said["rows"]
    never = [one for one in rows if "never handed over" in one["justification"]]
    assert {one["object"] for one in never} == {f"disclosure {one['id']}" for one in (sealed, secret_one)}
    # what is forgotten of an entry is forgotten of what takes it back
    number = secret_one["entries"][0]
    hub("ledger", "forget", str(number), "partner", "--why", "a court", "--in", hub.folder)
    closed = [one["number"] for one in json.loads(hub("ledger", "list", "--json", "--in", hub.folder)) if one["closed"]]
    assert len(closed) == 2
    hub("ledger", "audit", "--in", hub.folder)


def test_what_waits_of_an_operation_follows_what_its_file_says_of_recipients_and_embargo(hub_on_either: Hub) -> None:
    hub = hub_on_either
    key = parse_signing_key((hub.folder / "ledger.key").read_text("utf-8").strip())
    with served(Witness("north.example", key.verifier)) as witness:
        quorum(hub, witness)
        witness.fault = witness_down()
        sealed = waits(hub, "october-2026", police=False)
        file = hub.operation(more="embargo = 2099-01-01", police=True)
        alone = file.read_text("utf-8").partition("[[recipient]]")[0] + POLICE
        file.write_text(alone, "utf-8")
        witness.fault = None
        said = hub("release", "make", file, "--in", hub.folder)
    assert f"refused, and never handed over: {sealed['id']} to csirt-th: " in said
    assert "rule 13 (Embargo), sinkhole: october-2026 is secret until 2099-01-01 00:00 UTC" in said
    assert {one["recipient"]: one["handed_over_at"] is not None for one in hub.releases()} == {
        "csirt-th": False,
        "police-th": True,
    }


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "encrypted = true",
            "encrypted = true\nclients = true",
            "rule 10 (Personal data), sinkhole: it is personal data, and clients of CSIRT of Thailand are not declared",
        ),
        (
            "encrypted = true",
            "encrypted = false",
            "sinkhole: the exchange policy of vendor-2026 wants it encrypted in transit, and this channel is not",
        ),
    ],
)
def test_what_waits_follows_what_its_file_says_of_a_recipient_s_clients_and_of_encryption(
    hub_on_either: Hub, before: str, after: str, said: str
) -> None:
    hub = hub_on_either
    settings = hub.folder / "workspace.toml"
    policy = 'pap = "green"\niep = { encrypt_in_transit = "must" }'
    settings.write_text(settings.read_text("utf-8").replace('pap = "green"', policy), "utf-8")
    hub("agreement", "apply", "--in", hub.folder)
    key = parse_signing_key((hub.folder / "ledger.key").read_text("utf-8").strip())
    with served(Witness("north.example", key.verifier)) as witness:
        quorum(hub, witness)
        witness.fault = witness_down()
        sealed = waits(hub, "october-2026")
        file = hub.operation()
        file.write_text(file.read_text("utf-8").replace(before, after), "utf-8")
        witness.fault = None
        told = hub("release", "make", file, "--in", hub.folder, code=1)
    assert f"refused, and never handed over: {sealed['id']} to csirt-th: " in told
    assert said in told
    assert [one["handed_over_at"] for one in hub.releases()] == [None]


def test_each_rule_that_settings_can_change_the_answer_of_refuses_something_that_waits() -> None:
    numbers = {int(one) for change in CHANGES.values() for one in re.findall(r"^rule (\d+) ", change.said)}
    assert numbers | OTHERS == {rule.number for rule in RULES}


def test_what_waits_is_handed_over_where_nothing_has_changed_and_where_others_have(hub_on_either: Hub) -> None:
    hub = hub_on_either
    key = parse_signing_key((hub.folder / "ledger.key").read_text("utf-8").strip())
    with served(Witness("north.example", key.verifier)) as witness:
        quorum(hub, witness)
        witness.fault = witness_down()
        sealed = waits(hub, "october-2026")
        # the police gets nothing more; that is nothing to the CSIRT
        hub("agreement", "end", "police-th-2026", "--why", "over", "--in", hub.folder)
        witness.fault = None
        assert sealed["id"][:8] in hub("release", "hand-over", "--in", hub.folder)
    (release,) = hub.releases()
    assert (release["handed_over_at"] is None, release["refused_at"]) == (False, None)
    assert (hub.folder / "releases" / release["id"] / "handover").exists()


def test_what_an_older_accord_sealed_is_refused_because_nothing_can_be_asked_of_it(hub_on_either: Hub) -> None:
    hub = hub_on_either
    key = parse_signing_key((hub.folder / "ledger.key").read_text("utf-8").strip())
    with served(Witness("north.example", key.verifier)) as witness:
        quorum(hub, witness)
        witness.fault = witness_down()
        waits(hub, "october-2026")
        with open_database(place_of(hub.folder / "workspace.toml")) as database, database.writing() as connection:
            connection.execute(text("UPDATE disclosures SET basis = NULL"))
        witness.fault = None
        said = hub("release", "hand-over", "--in", hub.folder)
    assert "an Accord has sealed it that did not keep what the rules are asked of" in said


def test_a_channel_and_a_file_for_other_countries_say_nothing_of_a_package_that_waits(hub_on_either: Hub) -> None:
    hub = hub_on_either
    key = parse_signing_key((hub.folder / "ledger.key").read_text("utf-8").strip())
    channels = hub.folder.parent / "channels.toml"
    channels.write_text(CHANNEL + MEMBER.format("csirt-th"), "utf-8")
    hub("channel", "apply", channels, "--in", hub.folder)
    with served(Witness("north.example", key.verifier)) as witness:
        quorum(hub, witness)
        witness.fault = witness_down()
        sealed = waits(hub, "october-2026")
        file = hub.operation()
        file.write_text(file.read_text("utf-8").partition("[[recipient]]")[0], "utf-8")
        # the same name, and nobody whom a package would go to
        hub("release", "make", file, "--channel", "infected-th", "--in", hub.folder, code=7)
        abroad = hub.operation().read_text("utf-8").replace('"TH"', '"AT"')
        file.write_text(abroad, "utf-8")
        hub("release", "make", file, "--in", hub.folder, code=7)
        witness.fault = None
        said = hub("release", "hand-over", "--in", hub.folder)
    assert "refused" not in said
    package = next(one for one in hub.releases() if one["id"] == sealed["id"])
    assert package["handed_over_at"] is not None


def test_an_agreement_does_not_end_between_the_question_and_the_key(hub_on_either: Hub, monkeypatch) -> None:
    hub = hub_on_either
    key = parse_signing_key((hub.folder / "ledger.key").read_text("utf-8").strip())
    place = place_of(hub.folder / "workspace.toml")
    ended: list[bool] = []

    def end() -> None:
        with open_database(place) as database, database.writing() as connection:
            ended.append(load_disclosure(connection, UUID(sealed["id"])).handed_over_at is None)

    give = handing._give_key

    def slowly(*named) -> None:
        thread = Thread(target=end)
        threads.append(thread)
        thread.start()
        # whoever is let in is in by then; who waits, waits for what comes after this
        thread.join(0.5)
        assert ended == []
        give(*named)

    threads: list[Thread] = []
    monkeypatch.setattr(handing, "_give_key", slowly)
    with served(Witness("north.example", key.verifier)) as witness:
        quorum(hub, witness)
        witness.fault = witness_down()
        sealed = waits(hub, "october-2026")
        witness.fault = None
        hub("release", "hand-over", "--in", hub.folder)
    for thread in threads:
        thread.join()
    assert ended == [False]
