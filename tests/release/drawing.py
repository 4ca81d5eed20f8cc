"""Situations in short form that are drawn: permissive at first, then changed in a few places."""

from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

AT = datetime(2026, 6, 15, 12, tzinfo=UTC)
PURPOSES = ["prevention", "investigation", "victim-notification", "network-defence", "training", "research"]
MARKINGS = ["clear", "green", "amber", "amber+strict", "red"]
GROUNDS = ["adequacy", "safeguards", "derogation"]
READERS = ["csirt", "police", "buyer", "abroad", "isp"]
NETWORKS = ["192.0.2.0/24", "AS64500", "AS64501"]
PARTNERS = {
    "vendor": {"name": "Vendor", "kind": "vendor", "country": "JP"},
    "other": {"name": "Other", "kind": "vendor", "country": "AT"},
    "csirt": {"name": "Csirt", "kind": "csirt", "country": "AT"},
    "police": {"name": "Police", "kind": "police", "country": "DE"},
    "buyer": {"name": "Buyer", "kind": "vendor", "country": None},
    "abroad": {"name": "Abroad", "kind": "csirt", "country": "TH"},
    "isp": {"name": "Isp", "kind": "network-owner", "country": "AT", "networks": ["192.0.2.0/24", "AS64500"]},
    "everybody": {"name": "Everybody", "kind": "public", "country": None},
    "victims": {"name": "The persons concerned", "kind": "concerned", "country": None},
}
LISTS = ["Sinkholes", "Top sites (1000)", "Vendors"]
MOMENTS = [
    datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 1, 1, tzinfo=UTC),
    AT,
    datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2027, 1, 1, tzinfo=UTC),
    datetime(2027, 1, 1, 0, 30, tzinfo=UTC).astimezone(),
]


def agreement(**other: object) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "with": [], "in": False, "out": False, "terms": [[date(2026, 1, 1), date(2026, 12, 31)]], "ended": None,
        "follows": None, "purposes": list(PURPOSES), "marking": "red", "pap": None, "iep": None, "handling": [],
        "handling_text": None, "onward": "permitted", "transfers": list(GROUNDS),
    }  # fmt: skip
    return plain | other


def world(draw: Random) -> dict[str, Any]:
    """Partners and agreements: one with the provider, one with each reader, and some others."""
    agreements = {"a-in": agreement(**{"with": ["vendor"], "in": True})}
    for name in READERS:
        agreements[f"out-{name}"] = agreement(**{"with": [name], "out": True})
    if draw.random() < 0.4:
        follows = draw.choice(["a-in", None])
        agreements["b-in"] = agreement(
            **{"with": [draw.choice(["vendor", "vendor", "other"])], "in": True, "follows": follows}
        )
    if draw.random() < 0.4:
        agreements["out-second"] = agreement(**{"with": [draw.choice(READERS)], "out": True})
    if draw.random() < 0.2:
        agreements["both"] = agreement(
            **{
                "with": ["vendor", draw.choice(READERS)],
                "in": True,
                "out": True,
                "follows": draw.choice(["a-in", None]),
            }
        )
    for _ in range(draw.choice([0, 0, 1, 1, 2, 3, 5])):
        change(draw, agreements[draw.choice(sorted(agreements))])
    for one in agreements.values():
        one["handling_text"] = "not to the press" if "H3" in one["handling"] else None
    legal_area = draw.choice([["AT", "DE"], ["AT", "DE", "TH", "JP"], ["AT"], []])
    return {"partners": PARTNERS, "legal_area": legal_area, "agreements": agreements}


def change(draw: Random, one: dict[str, Any]) -> None:
    """One thing of an agreement, otherwise than at first."""
    key = draw.choice(["terms", "ended", "purposes", "marking", "pap", "iep", "handling", "onward", "transfers",
                       "transfers", "transfers", "with", "iep"])  # fmt: skip
    if key == "terms":
        end = draw.choice([AT.date(), AT.date() - timedelta(days=1), date(2025, 12, 31)])
        one["terms"] = draw.choice(
            [
                [[date(2025, 1, 1), end]],
                [[date(2025, 1, 1), None]],
                [[AT.date(), None]],
                [[AT.date() + timedelta(days=1), None]],
                [[date(2025, 1, 1), date(2025, 12, 31)], [date(2026, 7, 1), date(2026, 12, 31)]],
                [[date(2025, 1, 1), date(2025, 12, 31)], [date(2026, 2, 1), None]],
            ]
        )
    elif key == "ended":
        one["ended"] = draw.choice([AT, AT + timedelta(microseconds=1), AT - timedelta(days=3)])
    elif key == "purposes":
        one["purposes"] = sorted(draw.sample(PURPOSES, draw.randint(1, 4)))
    elif key == "marking":
        one["marking"] = draw.choice(MARKINGS)
    elif key == "pap":
        one["pap"] = draw.choice(["clear", "green", "amber", "red"])
    elif key == "handling":
        one["handling"] = sorted({*one["handling"], draw.choice(["H0", "H1", "H2", "H3"])})
    elif key == "onward":
        one["onward"] = draw.choice(["forbidden", "with-consent"])
    elif key == "transfers":
        one["transfers"] = [ground for ground in GROUNDS if draw.random() < 0.2]
    elif key == "with":
        one["with"] = [draw.choice(sorted(PARTNERS))]
    else:
        name, values = draw.choice(
            [
                ("start_date", [AT.date(), AT.date() + timedelta(days=1), AT.date() - timedelta(days=9)]),
                ("end_date", [AT.date(), AT.date() - timedelta(days=1), AT.date() + timedelta(days=9)]),
                ("encrypt_in_transit", ["must", "may"]),
                ("permitted_actions", ["none", "contact-for-instruction", "internally-visible-actions",
                                       "externally-visible-indirect-actions", "externally-visible-direct-actions"]),
                ("affected_party_notifications", ["may", "must-not"]),
                ("tlp", ["clear", "green", "amber", "red"]),
                ("unmodified_resale", ["may", "must-not"]),
                ("provider_attribution", ["may", "must", "must-not"]),
            ]
        )  # fmt: skip
        one["iep"] = {**(one["iep"] or {}), name: draw.choice(values)}


def thing(draw: Random, agreements: dict[str, Any]) -> dict[str, Any]:
    """An object: at first one that everybody may get."""
    told: dict[str, Any] = {
        "provider": "vendor", "marking": "green", "came_in": ["a-in"], "personal": False, "lists": [],
        "taken_in_for": None, "decisions": [], "share_with": None, "name_partner": False, "embargo": None,
        "networks": [],
    }  # fmt: skip
    for _ in range(draw.choice([0, 1, 1, 2, 2, 3])):
        key = draw.choice(["marking", "marking", "came_in", "personal", "personal", "lists", "share_with",
                           "name_partner", "embargo", "share_with", "taken_in_for", "networks",
                           "networks"])  # fmt: skip
        if key == "marking":
            told[key] = draw.choice(MARKINGS)
        elif key == "came_in":
            known = [name for name in agreements if agreements[name]["in"]]
            told[key] = sorted(draw.sample(known, draw.randint(0, len(known))))
        elif key in {"personal", "name_partner"}:
            told[key] = True
        elif key == "lists":
            told[key] = sorted(draw.sample(LISTS, draw.choice([0, 1, 1, 2])))
            told["decisions"] = [decision(draw) for _ in range(draw.choice([0, 1, 1, 1, 2, 3]))]
        elif key == "networks":
            told[key] = sorted(draw.sample(NETWORKS, draw.choice([0, 1, 1, 2, 2, 3])))
        elif key == "taken_in_for":
            told[key] = sorted(draw.sample(PURPOSES, draw.randint(0, 6)))
        elif key == "share_with":
            told[key] = sorted(draw.sample([*READERS, "vendor", "everybody", "victims"], draw.randint(0, 7)))
        else:
            until = draw.choice([AT, AT + timedelta(microseconds=1), AT - timedelta(days=1), AT + timedelta(days=30)])
            readers = sorted(draw.sample([*READERS, "everybody", "victims"], draw.randint(0, 6)))
            told[key] = {"operation": "secret", "until": until, "recipients": readers}
    return told


def decision(draw: Random) -> dict[str, Any]:
    """What an analyst may have decided: mostly about all lists, and for good."""
    return {
        "answer": "release" if draw.random() < 0.8 else "withhold",
        "lists": LISTS if draw.random() < 0.6 else sorted(draw.sample(LISTS, draw.randint(1, 2))),
        "until": draw.choice([None, None, None, AT, AT + timedelta(microseconds=1), *MOMENTS[-2:]]),
    }


def audience(draw: Random) -> dict[str, Any]:
    """Mostly one reader."""
    readers = draw.sample(
        [*READERS, "abroad", "vendor", "everybody", "victims"], draw.choice([0, 1, 1, 1, 1, 1, 1, 2, 3])
    )
    return {
        "recipients": {name: {"persons": ["A. Officer"] if draw.random() < 0.5 else []} for name in readers},
        "encrypted": draw.random() < 0.5,
        "clients": draw.random() < 0.2,
        "by_token": draw.random() < 0.2,
        "each_own": draw.random() < 0.8,
    }


def purpose_and_moment(draw: Random) -> dict[str, Any]:
    """For what, and when: mostly in the middle of the agreements."""
    purpose = None if draw.random() < 0.02 else draw.choice(PURPOSES)
    return {"purpose": purpose, "at": AT if draw.random() < 0.85 else draw.choice(MOMENTS)}


def situation(one: dict[str, Any], **other: Any) -> dict[str, Any]:
    """All of it together."""
    return deepcopy(one) | other
