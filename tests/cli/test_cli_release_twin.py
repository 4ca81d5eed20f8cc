"""What lies in packages is what the slow twin of the rules lets their recipients have, over workspaces that are drawn.

Agreements and their exchange policies, markings, handling and audiences are written into settings as an operator writes
them; every data set tells of one address of its own, so that what somebody opens tells which of them were released to
him.
"""

import os
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.release import twin

WORKSPACES = 8 if os.environ.get("CI") else 2
HEADER = "timestamp,protocol,src_ip,src_port,src_asn,dst_ip,dst_port,infection,family,tag"
SETS = {
    "first": "110.164.10.11",
    "second": "110.164.10.22",
    "third": "110.164.10.33",
    "fourth": "110.164.10.44",
    "fifth": "110.164.10.55",
}
PARTNERS = {
    "vendor": {"kind": "vendor", "country": "JP", "networks": []},
    "csirt-th": {"kind": "csirt", "country": "TH", "networks": []},
    "police-th": {"kind": "police", "country": "TH", "networks": []},
}
POLICIES: dict[str, list[Any]] = {
    "start_date": [date(2026, 1, 2), date(2099, 1, 1)],
    "end_date": [date(2099, 12, 31), date(2026, 3, 1)],
    "encrypt_in_transit": ["must", "must", "may"],
    "permitted_actions": [*twin.ACTIONS, *twin.ACTIONS[-2:]],
    "affected_party_notifications": ["may", "must-not"],
    "tlp": ["green", "amber", "red"],
    "provider_attribution": ["may", "must", "must-not"],
    "unmodified_resale": ["must-not"],
}
"""What an agreement's exchange policy may say, with the keys of `limits.iep`."""
PURPOSES = ("victim-notification", "investigation", "prevention", "network-defence")


def drawn(draw: Random) -> dict[str, Any]:
    """Agreements, data sets, recipients, and an operation. What refuses is drawn less often than what permits."""

    markings = {one: draw.choice(["green", "amber", "amber", "amber+strict", "red"]) for one in SETS}

    def policy() -> dict[str, Any]:
        said = {name: draw.choice(POLICIES[name]) for name in draw.sample(sorted(POLICIES), draw.choice([1, 1, 2]))}
        # settings refuse a policy that ends before it begins
        return said if said.get("start_date", date.min) <= said.get("end_date", date.max) else {}

    def agreement(side: str, partner: str, sets: list[str], rare: float) -> dict[str, Any]:
        odd = lambda usual, *others: draw.choice(others) if draw.random() < rare else usual  # noqa: E731
        over = side == "out" and draw.random() < rare
        purposes = [one for one in PURPOSES if draw.random() < 0.93] or [PURPOSES[0]]
        return {
            "side": side,
            "sets": sets,
            "with": [partner],
            "follows": None,
            "ended": None,
            "iep": (policy() or None) if draw.random() < (0.7 if side == "in" else 0.2) else None,
            "terms": [(date(2026, 1, 2), date(2026, 3, 1) if over else None)],
            "purposes": purposes,
            # settings refuse an agreement that covers a data set with a stricter marking than its own
            "marking": odd("red", max((markings[one] for one in sets), key=twin.TLP.index)),
            "pap": odd("green" if side == "in" else "clear", "amber", "red"),
            "handling": odd([], ["H0"], ["H1"], ["H2"], ["H3"]),
            "onward": odd("with-consent", "forbidden", "permitted"),
            "transfers": odd(["safeguards"], [], ["derogation"], ["adequacy", "safeguards"]),
        }

    agreements = {f"in-{one}": agreement("in", "vendor", [one], 0.07) for one in SETS}
    for partner in ("csirt-th", "police-th"):
        sets = [one for one in SETS if draw.random() < 0.9] or ["first"]
        agreements[f"out-{partner}"] = agreement("out", partner, sets, 0.05)
    sharing = [["csirt-th", "police-th"]] * 5 + [["csirt-th"], ["police-th"]]
    asked = draw.choice([["csirt-th"], ["police-th"], ["csirt-th", "police-th"]])
    return {
        "agreements": agreements,
        "sets": {
            one: {"marking": markings[one], "share": draw.choice(sharing), "named": draw.random() < 0.5} for one in SETS
        },
        "recipients": {
            one: {"persons": ["A. Officer"] * draw.randint(0, 1), "encrypted": draw.random() < 0.7} for one in asked
        },
        "purpose": draw.choice([PURPOSES[0], PURPOSES[0], *PURPOSES[1:]]),
    }


def toml(value: str | bool | date) -> str:
    """As a settings file says it."""
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def settings_of(world: dict[str, Any], keys: str) -> str:
    text = ""
    for name, one in PARTNERS.items():
        own = "" if name == "vendor" else keys
        text += f'\n[[partner]]\nid = "{name}"\nname = "{name}"\nkind = "{one["kind"]}"\n'
        text += f'country = "{one["country"]}"\n{own}\n'
    for name, one in world["sets"].items():
        text += (
            f'\n[[dataset]]\nid = "{name}"\ntitle = "{name}"\npartner = "vendor"\nformat = "shadowserver"\n'
            'origin = "sinkhole"\nlegal_basis = "legitimate-interest"\ngrade = "b"\nretention = "P1Y"\n'
            f'personal_data = true\nmarking = "{one["marking"]}"\nshare_with = {one["share"]!r}\n'
            f"name_partner = {toml(one['named'])}\n"
        )
    for number, (name, one) in enumerate(world["agreements"].items()):
        ((begin, end),) = one["terms"]
        (partner,) = one["with"]
        text += (
            f'\n[[agreement]]\nid = "{name}"\ntitle = "{name}"\nsigned = 2026-01-02\nfrom = {begin}\n'
            + (f"to = {end}\n" if end else "")
            + f'signatory = [{{ party = "hub", name = "A" }}, {{ party = "{partner}", name = "B" }}]\n'
            f'document = "{number:064x}"\npurposes = {one["purposes"]!r}\n{one["side"]} = {one["sets"]!r}\n'
            f'[agreement.limits]\nmarking = "{one["marking"]}"\npap = "{one["pap"]}"\nhandling = {one["handling"]!r}\n'
            + ('handling_text = "By hand alone"\n' if "H3" in one["handling"] else "")
            + f'onward_sharing = "{one["onward"]}"\ntransfers = {one["transfers"]!r}\n'
        )
        if one["iep"] is not None:
            text += "[agreement.limits.iep]\n" + "".join(f"{key} = {toml(said)}\n" for key, said in one["iep"].items())
    return text


def operation_of(world: dict[str, Any]) -> str:
    text = (
        '[operation]\nname = "drawn"\ntitle = "Drawn"\nas_of = 2026-11-01\ncountries = ["TH"]\n'
        f'purpose = "{world["purpose"]}"\n'
    )
    for name, one in world["recipients"].items():
        text += f'\n[[recipient]]\npartner = "{name}"\ncountry = "TH"\npersons = {one["persons"]!r}\n'
        text += f"encrypted = {toml(one['encrypted'])}\n"
    return text


def situation(world: dict[str, Any], name: str) -> dict[str, Any]:
    """In the twin's words: one data set. A country's recipients are one audience, and get the same."""
    came = world["agreements"][f"in-{name}"]
    return {
        "agreements": {
            key: {**one, **{side: one["side"] == side and name in one["sets"] for side in ("in", "out")}}
            for key, one in world["agreements"].items()
        },
        "partners": PARTNERS,
        "legal_area": ["FR"],
        "purpose": world["purpose"],
        "at": datetime.now(UTC),
        "object": {
            "provider": "vendor",
            "came_in": [f"in-{name}"],
            "taken_in_for": came["purposes"],
            "marking": world["sets"][name]["marking"],
            "share_with": world["sets"][name]["share"],
            "name_partner": world["sets"][name]["named"],
            # an infected machine's address
            "personal": True,
            "lists": [],
            "decisions": [],
            "embargo": None,
            "networks": [],
        },
        "audience": {
            "recipients": world["recipients"],
            "clients": False,
            "each_own": False,
            "by_token": False,
            # one audience: what goes to one of them in the open is in the open
            "encrypted": all(one["encrypted"] for one in world["recipients"].values()),
        },
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(WORKSPACES))
def test_packages_hold_what_the_slow_twin_permits_and_nothing_else(accord_here, tmp_path: Path, seed: int) -> None:
    world = drawn(Random(f"packages {seed}"))
    permitted = {name for name in SETS if twin.may_get(situation(world, name))}
    hub, keys = tmp_path / "hub", tmp_path / "keys"
    accord_here("init", hub, "--ledger", "hub.example/ledger")
    lines = accord_here("package", "keys", "--name", "th.example", "--out", keys).stdout
    settings = hub / "workspace.toml"
    text = settings.read_text("utf-8").replace("\nnamespace", '\ncountry = "FR"\nnamespace', 1)
    settings.write_text(text + settings_of(world, lines), "utf-8")
    accord_here("agreement", "apply", "--in", hub)
    for name, address in SETS.items():
        file = tmp_path / f"2026-10-01-event4_sinkhole-{name}.csv"
        file.write_text(f"{HEADER}\n2026-10-01 10:00:37,tcp,{address},4000,45758,192.0.2.1,80,gamut,,\n", "utf-8")
        accord_here("delivery", "add", name, file, "--in", hub)
    operation = tmp_path / "operation.toml"
    operation.write_text(operation_of(world), "utf-8")
    accord_here("release", "make", operation, "--in", hub, expect=0 if permitted else 1)
    got = set()
    for at, place in enumerate(sorted((hub / "releases").glob("*"))):
        out = tmp_path / f"opened-{at}"
        files = (place / "package", place / "handover")
        opened = accord_here(
            "package", "open", *files, "--keys", keys, "--policy", hub / "ledger/policy", "--out", out
        ).stdout  # fmt: skip
        (who,) = [one for one in world["recipients"] if f"({one})" in opened]
        tables = [path.read_text("utf-8") for path in (out / "content").rglob("*.csv")]
        assert tables
        got |= {(who, name) for name, address in SETS.items() if any(address in one for one in tables)}
    assert got == {(who, name) for who in world["recipients"] for name in permitted}, world


def test_what_is_drawn_is_permitted_and_refused_by_most_rules() -> None:
    answers, against = [], set()
    for seed in range(40):
        world = drawn(Random(f"packages {seed}"))
        for name in SETS:
            told = situation(world, name)
            answers.append(twin.may_get(told))
            against |= twin.refusing(told)
    assert 0.1 < sum(answers) / len(answers) < 0.9
    assert against >= {1, 2, 3, 5, 6, 7, 8, 9, 11}


def test_exchange_policies_and_channels_in_the_open_decide_some_of_the_packages_that_are_made() -> None:
    permitted, refused, in_the_open = 0, 0, 0
    for seed in range(8):
        world = drawn(Random(f"packages {seed}"))
        for name in SETS:
            told = situation(world, name)
            said = [one["iep"] for one in told["agreements"].values() if one["in"] and one["iep"] is not None]
            permitted += bool(said) and twin.may_get(told)
            refused += twin.refusing(told) == {7}
            sealed = {**told, "audience": {**told["audience"], "encrypted": True}}
            in_the_open += twin.may_get(sealed) and not twin.may_get(told)
    assert min(permitted, refused) >= 3
    assert in_the_open
