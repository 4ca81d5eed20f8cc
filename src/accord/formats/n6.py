"""n6 events: what CERT Polska's n6 gives as `json` (a list), as `sjson` (one object a line) or by its Stream API.

    {"id": "392a…", "source": "hidden.42", "restriction": "need-to-know", "confidence": "medium", "category": "bots",
     "time": "2024-05-04T10:59:03Z", "address": [{"ip": "203.0.113.42", "cc": "PL", "asn": 1234}], "sport": 58362,
     "name": "avalanche-andromeda", "origin": "sinkhole", "fqdn": "sinkholed.example"}

The category says what an event is about: of bots and scanners the addresses (their `fqdn` is where they went), of
malicious sites the URL or name, whose addresses are DNS answers.

Source: n6 4.12, "n6 REST API" and "n6 Stream API" (event attributes); n6sdk's data specification.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from accord.columns.json_records import Entry, grain, read_records, root_names
from accord.columns.reading import Chunk, Context, Document, Parsed
from accord.columns.values import ADDRESSES, HASHES
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.markings import Marking
from accord.vocabulary.reasons import Ignored, Rejected
from accord.vocabulary.roles import SERVER_ROLES, Role

__all__ = ["GRAIN", "NAME", "TITLE", "grain", "layout", "parse", "recognises"]

NAME = "n6"
TITLE = "n6 events (JSON)"
GRAIN = "either"

_EXPECTED = "n6 events: a JSON list of objects, or one object a line"
_TELLING = frozenset({"category", "confidence", "restriction"})


class About(Enum):
    """Which attributes name what an event is about; the first of them that is there."""

    ADDRESSES = auto()
    """`address` alone: a name is where the machine went."""
    HOST = auto()
    """`address`, else `fqdn`, `url`."""
    SENDER = auto()
    """`address`, else `email`."""
    SITE = auto()
    """`url`, else `fqdn`, `address`, `email`."""
    VICTIM = auto()
    """`email`, else as SITE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """What is made of a category's events."""

    role: Role | None
    """None: the category says none that is one of ours; the data set's rules decide."""
    about: About
    named: bool = False
    """`name` is a malware family, and not what a scan or a vulnerability is called."""


CATEGORIES: Mapping[str, Category] = {
    "amplifier": Category(role=Role.DDOS_AMPLIFIER, about=About.HOST),
    "backdoor": Category(role=Role.SYSTEM_COMPROMISE, about=About.SITE),
    "bots": Category(role=Role.INFECTED_SYSTEM, about=About.ADDRESSES, named=True),
    "cnc": Category(role=Role.C2_SERVER, about=About.SITE, named=True),
    "deface": Category(role=Role.SYSTEM_COMPROMISE, about=About.SITE),
    "dos-attacker": Category(role=Role.DDOS, about=About.ADDRESSES),
    "exposed": Category(role=Role.POTENTIALLY_UNWANTED_ACCESSIBLE, about=About.HOST),
    "fraud": Category(role=None, about=About.SITE),
    "leak": Category(role=Role.DATA_LEAK, about=About.VICTIM),
    "malurl": Category(role=Role.MALWARE_DISTRIBUTION, about=About.SITE, named=True),
    "other": Category(role=None, about=About.SITE),
    "phish": Category(role=Role.PHISHING, about=About.SITE),
    "proxy": Category(role=None, about=About.HOST),
    "sandbox-url": Category(role=None, about=About.SITE, named=True),
    "scam": Category(role=None, about=About.SITE),
    "scanning": Category(role=Role.SCANNER, about=About.ADDRESSES),
    "server-exploit": Category(role=Role.EXPLOIT, about=About.ADDRESSES),
    "spam": Category(role=Role.SPAM, about=About.SENDER),
    "spam-url": Category(role=None, about=About.SITE),
    "tor": Category(role=None, about=About.HOST),
    "vulnerable": Category(role=Role.VULNERABLE_SYSTEM, about=About.HOST),
}
"""What each category becomes."""

NO_CLAIM = frozenset({"dns-query", "dos-victim", "flow", "flow-anomaly", "malware-action", "webinject"})
"""Categories that call nothing bad: traffic without a verdict, whom an attack was aimed at, and what malware is set up
to do, where the sites of its victims' banks stand beside its own."""

RESTRICTIONS: Mapping[str, Marking] = {
    "public": Marking.CLEAR,
    "need-to-know": Marking.AMBER,
    "internal": Marking.RED,
}
"""n6's restriction as the TLP label that says no less: FIRST defines amber by need to know; internal is what n6 shows
to nobody but its own operators, and what its MISP parser makes of amber and red."""

_WITHDRAWN = frozenset({("status", "delisted"), ("status", "replaced"), ("type", "bl-delist"), ("type", "bl-expire")})
_URL = frozenset({IndicatorType.URL})
_DOMAIN = frozenset({IndicatorType.DOMAIN})
_EMAIL = frozenset({IndicatorType.EMAIL})


def recognises(head: bytes, path: str) -> bool:
    """The first object has the attributes that every n6 event has."""
    del path
    return root_names(head) >= _TELLING


def layout(head: bytes, path: str, context: Context) -> None:
    """Every line stands for itself."""
    del head, path, context


def parse(read: Chunk | Document, context: Context) -> Parsed:
    """Read a chunk of lines, or a list of events."""
    return read_records(read, context, _EXPECTED, _read_event)


def _read_event(entry: Entry) -> None:
    name = entry.text("category")
    category = CATEGORIES.get(name or "")
    if category is None:
        if name in NO_CLAIM:
            entry.ignore(Ignored.NOT_OBSERVABLE)
        elif not entry.refused:
            entry.fault(Rejected.MALFORMED_OBJECT, "category", name)
        return
    if any(entry.content.get(attribute) == value for attribute, value in _WITHDRAWN):
        entry.ignore(Ignored.REVOKED)
        return
    marking = _marking(entry)
    times = _times(entry)
    family = entry.text("name", whole=False) if category.named else None
    if entry.refused:
        return
    addresses = _addresses(entry)
    subjects = _subjects(entry, category, addresses)
    port = entry.port("dport" if category.role in SERVER_ROLES else "sport") if subjects else None
    for indicator in subjects:
        for seen_at_us, count in times:
            entry.observe(
                indicator,
                role=category.role,
                family=family,
                seen_at_us=seen_at_us,
                count=count,
                port=port,
                marking=marking,
            )
    for indicator in _files(entry, category, alone=not subjects):
        for seen_at_us, count in times:
            entry.observe(
                indicator, role=category.role, family=family, seen_at_us=seen_at_us, count=count, marking=marking
            )
    if len(subjects) == 1 and subjects[0].kind in {IndicatorType.DOMAIN, IndicatorType.URL}:
        for address in addresses:
            entry.resolve(subjects[0], address, seen_at_us=times[0][0], marking=marking)
    # what no attribute names; where one was wrong, its reject goes before this
    entry.ignore(Ignored.NO_INDICATOR)


def _marking(entry: Entry) -> Marking | None:
    text = entry.text("restriction")
    if text is None:
        return None
    marking = RESTRICTIONS.get(text)
    if marking is None:
        entry.fault(Rejected.MARKING, "restriction", text)
    return marking


def _times(entry: Entry) -> Sequence[tuple[int | None, int]]:
    """When it was seen and how often: once, or of an aggregated event at both ends, all but the first at the last."""
    first, last, count = entry.instant("time"), entry.instant("until"), entry.count("count") or 1
    if first is None or last is None or first == last:
        return [(first if last is None else last, count)]
    if first > last:
        entry.fault(Rejected.TIME, "until", entry.content.get("until"))
    return [(first, 1), (last, max(count - 1, 1))]


def _addresses(entry: Entry) -> Sequence[Indicator]:
    """The addresses that can be taken, each once; the others go to the rejects."""
    listed = entry.content.get("address")
    if listed is None:
        return ()
    if not isinstance(listed, list):
        entry.fault(Rejected.MALFORMED_OBJECT, "address", listed, whole=False)
        return ()
    found: dict[str, Indicator] = {}
    for one in listed:
        text = (one.get("ip") or one.get("ipv6")) if isinstance(one, dict) else None
        if not isinstance(text, str):
            entry.fault(Rejected.MALFORMED_OBJECT, "address", one if text is None else text, whole=False)
            continue
        read = entry.read(text, "address", ADDRESSES)
        if read is not None:
            found[read.value] = read
    return tuple(found.values())


def _subjects(entry: Entry, category: Category, addresses: Sequence[Indicator]) -> Sequence[Indicator]:
    """What the event is about. An attribute that is there and wrong is not replaced by the next."""
    match category.about:
        case About.ADDRESSES:
            order: tuple[str, ...] = ("address",)
        case About.HOST:
            order = ("address", "fqdn", "url")
        case About.SENDER:
            order = ("address", "email")
        case About.SITE:
            order = ("url", "fqdn", "address", "email")
        case About.VICTIM:
            order = ("email", "url", "fqdn", "address")
    for name in order:
        # n6's own sources write `unknown` for a name that they do not know
        if entry.content.get(name) in (None, "", [], "unknown"):
            continue
        if name == "address":
            return addresses
        read = entry.indicator(name, _KINDS[name])
        return () if read is None else (read,)
    return ()


_KINDS = {"url": _URL, "fqdn": _DOMAIN, "email": _EMAIL}


def _files(entry: Entry, category: Category, *, alone: bool) -> Sequence[Indicator]:
    """Hashes of the binary: taken of what distributes it, or of a category without role where nothing else is named."""
    if category.role is not Role.MALWARE_DISTRIBUTION and not (alone and category.role is None):
        return ()
    read = (entry.indicator(name, HASHES) for name in ("sha256", "sha1", "md5"))
    return [one for one in read if one is not None]
