"""The rules once more, slow and plain, written from docs/release.md over situations in short form.

Nothing of Accord is imported: what is wrong here and there alike would have to be wrong in the page.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

Told = Mapping[str, Any]

TLP = ["clear", "green", "amber", "amber+strict", "red"]
PAP = ["clear", "green", "amber", "red"]
ACTIONS = [
    "none",
    "contact-for-instruction",
    "internally-visible-actions",
    "externally-visible-indirect-actions",
    "externally-visible-direct-actions",
]


def may_get(told: Told) -> bool:
    """May every reader of the audience get the object?"""
    readers: list[str | None] = list(told["audience"]["recipients"]) or [None]
    return all(any(not objections(told, reader, name) for name in [*told["agreements"], None]) for reader in readers)


def refusing(told: Told) -> set[int]:
    """The numbers of the rules that are told as refusing: of each reader, under the agreement where they are fewest."""
    readers: list[str | None] = list(told["audience"]["recipients"]) or [None]
    against: set[int] = set()
    for reader in readers:
        signed = [
            name for name, one in sorted(told["agreements"].items()) if one["out"] and reader in one["with"]
        ]  # fmt: skip
        against |= min((objections(told, reader, name) for name in signed or [None]), key=len)
    return against


def waits(lists: list[str], decisions: list[Told], at: datetime) -> bool:
    """Must an analyst decide? The newest decision counts, until it runs out, and for the lists that it was about."""
    if not lists:
        return False
    if not decisions:
        return True
    newest = decisions[-1]
    if newest["until"] is not None and newest["until"] <= at:
        return True
    return newest["answer"] != "release" or any(one not in newest["lists"] for one in lists)


def in_force(one: Told, at: datetime) -> bool:
    today = at.astimezone(UTC).date()
    if one["ended"] is not None and one["ended"] <= at:
        return False
    return any(first <= today <= (last or date.max) for first, last in one["terms"])


def objections(told: Told, reader: str | None, handed: str | None) -> set[int]:
    """The numbers of the rules that stand against a reader's getting it under the agreement of this name."""
    thing, audience, purpose, at = told["object"], told["audience"], told["purpose"], told["at"]
    agreements, partners = told["agreements"], told["partners"]
    against: set[int] = set()
    public = reader is not None and partners[reader]["kind"] == "public"
    concerned = reader is not None and partners[reader]["kind"] == "concerned"
    signs_nothing = public or concerned

    def descends(name: str | None) -> bool:
        for _ in range(len(agreements) + 1):
            if name in thing["came_in"]:
                return True
            if name not in agreements:
                return False
            name = agreements[name]["follows"]
        return False

    grants, holding = [], []
    for name, one in agreements.items():
        if not one["in"] or thing["provider"] not in one["with"] or not descends(name):
            continue
        if in_force(one, at):
            grants.append(one)
        if in_force(one, at) or name in thing["came_in"]:
            holding.append(one)
    # what is for another purpose limits nothing, unless all are
    promises = [one for one in holding if purpose in one["purposes"]] or holding

    # 1: the label's audience
    if not inside(thing["marking"], reader, told):
        against.add(1)
    # 2: the data set's list
    if thing["share_with"] is not None and reader not in thing["share_with"]:
        against.add(2)
    # 3: agreements in force, with this very reader; the public signs nothing, nor do the persons concerned
    own = agreements.get(handed) if handed is not None else None
    if own is not None and (reader is None or signs_nothing or reader not in own["with"] or not own["out"]):
        own = None
    if not grants or (not signs_nothing and (own is None or not in_force(own, at))):
        against.add(3)
    # 5: for this purpose, on both sides, and when it came in
    if not signs_nothing and (own is None or purpose not in own["purposes"]):
        against.add(5)
    if concerned and purpose != "victim-notification":
        against.add(5)
    # nothing in force is rule 3's to refuse: what ran out still says what it was for
    if not any(purpose in one["purposes"] for one in grants or holding):
        against.add(5)
    if thing["taken_in_for"] is not None and purpose not in thing["taken_in_for"]:
        against.add(5)
    # 12: an analyst
    if waits(thing["lists"], thing["decisions"], at):
        against.add(12)
    # 13: secret
    secret = thing["embargo"]
    named = secret is not None and reader in secret["recipients"] and not signs_nothing
    if secret is not None and at < secret["until"] and (not named or audience["clients"]):
        against.add(13)
    # 14: a network owner's own networks
    if reader is not None and partners[reader]["kind"] == "network-owner":
        seen_in = thing["networks"]
        if not seen_in or any(one not in partners[reader]["networks"] for one in seen_in):
            against.add(14)
    # 10: personal data
    needless = purpose in {None, "training", "research"}
    if thing["personal"] and (reader is None or public or audience["clients"] or needless):
        against.add(10)
    if concerned and not audience["each_own"]:
        against.add(10)
    # 11: out of the legal area, on a ground that all have
    country = None if reader is None else partners[reader]["country"]
    abroad = thing["personal"] and not concerned and (country is None or country not in told["legal_area"])
    # what asks the agreements of both sides has no answer where one side has none
    if reader is None or not promises or (own is None and not signs_nothing):
        return against | {4, 5, 6, 7, 8, 9} | ({11} if abroad else set())
    # nor has what asks for the purpose where none is stated
    if purpose is None:
        against |= {6, 7, 8}

    both = promises if own is None else [*promises, own]
    leave = reader == thing["provider"] or reader in (thing["share_with"] or [])
    # 4: the strictest marking that is covered
    if any(TLP.index(thing["marking"]) > TLP.index(one["marking"]) for one in both):
        against.add(4)
    # 6: what may be done
    strictest = max([PAP.index(one["pap"]) for one in both if one["pap"] is not None], default=0)
    if purpose in {"prevention", "network-defence", "victim-notification"} and strictest > PAP.index("green"):
        against.add(6)
    if public and any(one["pap"] != "clear" for one in both):
        against.add(6)
    # 7: exchange policies
    for one in both:
        if one["iep"] is not None and not policy_permits(one, promises, told, reader):
            against.add(7)
    # 8: handling codes
    for one in both:
        codes = one["handling"]
        if "H0" in codes and purpose not in {"prevention", "investigation"}:
            against.add(8)
        if "H1" in codes and purpose == "investigation" and not leave:
            against.add(8)
        if "H2" in codes and one is own and audience["clients"]:
            against.add(8)
        if "H2" in codes and any(one is promise for promise in promises) and not leave:
            against.add(8)
        if "H3" in codes and not leave:
            against.add(8)
    # 9: passing on
    if audience["clients"] and any(one["onward"] != "permitted" for one in both):
        against.add(9)
    if reader != thing["provider"]:
        for one in promises:
            if one["onward"] == "forbidden" or (one["onward"] == "with-consent" and not leave):
                against.add(9)
    if abroad:
        grounds = [ground for ground in ("adequacy", "safeguards", "derogation")
                   if all(ground in one["transfers"] for one in both)]  # fmt: skip
        if purpose not in {"prevention", "investigation"}:
            grounds = [ground for ground in grounds if ground != "derogation"]
        if not grounds or public:
            against.add(11)
    return against


def inside(label: str, reader: str | None, told: Told) -> bool:
    audience = told["audience"]
    if reader is not None and told["partners"][reader]["kind"] == "public":
        return label == "clear"
    if reader is not None and told["partners"][reader]["kind"] == "concerned":
        return label in {"clear", "green", "amber"}
    if label in {"clear", "green"}:
        return True
    if reader is None:
        return False
    if label == "amber":
        return True
    if audience["clients"]:
        return False
    if label == "amber+strict":
        return True
    # red is for persons, and a token is whoever's that holds it
    return bool(audience["recipients"][reader]["persons"]) and not audience["by_token"]


def policy_permits(one: Told, promises: list[Told], told: Told, reader: str) -> bool:
    iep, audience, purpose = one["iep"], told["audience"], told["purpose"]
    today = told["at"].astimezone(UTC).date()
    needs = {
        "prevention": "externally-visible-direct-actions",
        "victim-notification": "externally-visible-indirect-actions",
        "network-defence": "internally-visible-actions",
        "investigation": "internally-visible-actions",
    }.get(purpose, "none")
    if in_force(one, told["at"]):
        if iep.get("start_date") and today < iep["start_date"]:
            return False
        if iep.get("end_date") and today > iep["end_date"]:
            return False
    if iep.get("encrypt_in_transit") == "must" and not audience["encrypted"]:
        return False
    if ACTIONS.index(iep.get("permitted_actions") or ACTIONS[-1]) < ACTIONS.index(needs):
        return False
    if purpose == "victim-notification" and iep.get("affected_party_notifications") == "must-not":
        return False
    if not inside(iep.get("tlp") or "clear", reader, told):
        return False
    vendor = told["partners"][reader]["kind"] == "vendor"
    if iep.get("unmodified_resale") == "must-not" and audience["clients"] and vendor:
        return False
    # an agreement of many partners can be on both sides at once
    provider_side = any(one is promise for promise in promises)
    named = told["object"]["name_partner"]
    attribution = iep.get("provider_attribution")
    if provider_side and attribution == "must" and not named:
        return False
    return not (provider_side and attribution == "must-not" and named)
