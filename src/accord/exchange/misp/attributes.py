"""A finding in a channel as a MISP attribute.

    {"category":"Network activity","comment":"...","disable_correlation":false,"first_seen":"2026-10-01T10:00:37+00:00",
     "last_seen":"2026-10-03T11:15:40+00:00","timestamp":"1793491200","to_ids":true,"type":"ip-dst","uuid":"...",
     "value":"203.0.113.7","Tag":[{"colour":"#ffffff","local":false,"name":"rsit:malicious-code=\\"c2-server\\"",
     "relationship_type":""}]}

It is made of the STIX objects that the public sees, and of nothing else. What is no indicator there (a victim, or what
has no known role) has `to_ids` false: nobody's firewall may block it.

Source: MISP core format (draft-dulaunoy-misp-core-format), section 2.4; RSIT machine tags (`machinev1.json`).
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

from accord.vocabulary.roles import SERVER_ROLES, Role

_CLASSES: Mapping[str, str] = {
    "abusive-content": "spam harmful-speech violence",
    "malicious-code": "infected-system c2-server malware-distribution malware-configuration",
    "information-gathering": "scanner sniffing social-engineering",
    "intrusion-attempts": "ids-alert brute-force exploit",
    "intrusions": "privileged-account-compromise unprivileged-account-compromise application-compromise "
    "system-compromise burglary",
    "availability": "dos ddos misconfiguration sabotage outage",
    "information-content-security": "unauthorised-information-access unauthorised-information-modification data-loss "
    "data-leak",
    "fraud": "unauthorised-use-of-resources copyright masquerade phishing",
    "vulnerable": "weak-crypto ddos-amplifier potentially-unwanted-accessible information-disclosure vulnerable-system",
    "other": "other undetermined",
    "test": "test",
}
ROLE_TAGS: Mapping[Role, str] = {
    Role(name): f'rsit:{of_class}="{name}"' for of_class, names in _CLASSES.items() for name in names.split()
}
"""RSIT's machine tag of each role."""

NO_INDICATOR = "No indicator: a victim, or of no known role. Do not block it."

_PATTERN = re.compile(r"\[([a-z0-9-]+:[A-Za-z0-9.'-]+) (?:=|ISSUBSET) (?:'((?:[^'\\]|\\.)*)'|(\d+))\]")
_ESCAPED = re.compile(r"\\(.)")
_PATHS = {
    "ipv4-addr:value": "ip",
    "ipv6-addr:value": "ip",
    "domain-name:value": "domain",
    "url:value": "url",
    "email-addr:value": "email-src",
    "autonomous-system:number": "AS",
    "file:hashes.MD5": "md5",
    "file:hashes.'SHA-1'": "sha1",
    "file:hashes.'SHA-256'": "sha256",
}
"""Object paths of the patterns that Accord writes -> MISP types; `ip` is `ip-dst` or `ip-src`."""
_CATEGORIES = dict.fromkeys(("email-src", "md5", "sha1", "sha256"), "Payload delivery")

Thing = Mapping[str, Any]
"""A STIX object as it stands in a channel."""


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """A tag, with the keys that MISP's own feeds have."""

    colour: str = "#ffffff"
    local: bool = False
    name: str
    relationship_type: str = ""


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """An attribute, with the keys of a MISP feed in its order."""

    category: str
    comment: str
    disable_correlation: bool = False
    first_seen: str
    last_seen: str
    timestamp: str
    to_ids: bool
    type: str
    uuid: str
    value: str
    tags: tuple[Tag, ...] = msgspec.field(name="Tag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A finding as it stands in a feed."""

    day: date
    """When it was first put into the channel."""
    role: Role
    simulated: bool
    changed_s: int
    """When what is said of it last changed in the channel, in seconds since 1970."""
    attribute: Attribute

    @property
    def digests(self) -> tuple[str, ...]:
        """MD5 of what MISP looks values up by, in hex: an attribute of these types has one value."""
        return (hashlib.md5(self.attribute.value.encode(), usedforsecurity=False).hexdigest(),)


def entry_of(things: Sequence[Thing], shared: Mapping[str, Thing], *, changed_s: int) -> Entry | None:
    """What a feed has of a finding, from the objects that tell of it alone, and from those that others share, by id.

    `changed_s`: when the last of them appeared. None: nothing that the public sees says which value it is.
    """
    told = next((one for one in things if one["type"] in {"indicator", "observed-data"}), None)
    value = None if told is None else _value(told, shared)
    if told is None or value is None:
        return None
    labels = told["labels"]
    role, kind = Role(labels[0]), value[0]
    indicator = told["type"] == "indicator"
    if kind == "ip":
        kind = "ip-dst" if role in SERVER_ROLES else "ip-src"
    begin, end = _seen(told, things)
    names = (ROLE_TAGS[role], *(f'misp-galaxy:malpedia="{name}"' for name in _families(things, shared)))
    return Entry(
        day=_instant(told["created"]).date(),
        role=role,
        simulated="simulated" in labels,
        changed_s=changed_s,
        attribute=Attribute(
            category=_CATEGORIES.get(kind, "Network activity"),
            comment=told.get("description", "") if indicator else NO_INDICATOR,
            first_seen=begin.isoformat(),
            last_seen=end.isoformat(),
            timestamp=str(changed_s),
            to_ids=indicator,
            type=kind,
            uuid=told["id"].partition("--")[2],
            value=value[1],
            tags=tuple(Tag(name=name) for name in names),
        ),
    )


def references(things: Sequence[Thing]) -> Iterator[str]:
    """The ids of what a finding's objects say together with others: values and families."""
    for one in things:
        match one["type"]:
            case "observed-data":
                yield from one["object_refs"]
            case "sighting":
                yield one["sighting_of_ref"]
            case "relationship":
                yield one["target_ref"]


def _value(told: Thing, shared: Mapping[str, Thing]) -> tuple[str, str] | None:
    """The MISP type, or `ip`, and the value."""
    if told["type"] == "indicator":
        found = _PATTERN.fullmatch(told["pattern"])
        if found is None or found[1] not in _PATHS:
            raise ValueError(f"{told['id']}: its pattern is none that Accord writes")
        return _PATHS[found[1]], found[3] or _ESCAPED.sub(r"\1", found[2])
    thing = shared.get(told["object_refs"][0])
    if thing is None:
        return None
    if thing["type"] == "file":
        ((algorithm, digest),) = thing["hashes"].items()
        return algorithm.replace("-", "").lower(), digest
    if thing["type"] == "autonomous-system":
        return "AS", str(thing["number"])
    return _PATHS[f"{thing['type']}:value"], thing["value"]


def _seen(told: Thing, things: Sequence[Thing]) -> tuple[datetime, datetime]:
    """When it was first and last seen."""
    if told["type"] == "observed-data":
        return _instant(told["first_observed"]), _instant(told["last_observed"])
    for one in things:
        if one["type"] == "sighting" and one["sighting_of_ref"] == told["id"]:
            return _instant(one["first_seen"]), _instant(one["last_seen"])
    return _instant(told["valid_from"]), _instant(told["valid_from"])


def _families(things: Sequence[Thing], shared: Mapping[str, Thing]) -> list[str]:
    named = {one["name"] for each in references(things) if (one := shared.get(each, {})).get("type") == "malware"}
    # a quote would end the tag's value
    return sorted(name.replace('"', "'") for name in named)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
