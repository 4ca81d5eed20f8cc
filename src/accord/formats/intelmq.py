"""IntelMQ events: one JSON object a line, as IntelMQ's file outputs write them, or a list of them.

    {"classification.type": "infected-system", "malware.name": "zeus", "source.ip": "192.0.2.7", "source.port": 51234,
     "time.observation": "2026-11-22T12:00:00+00:00", "time.source": "2026-11-22T11:59:02+00:00", "tlp": "AMBER"}

An event is about its source: the infected machine, the server, the attacker. Its destination is whom that contacted or
attacked, and is not read. Which of a source's fields is the indicator depends on the type, because IntelMQ's experts
put addresses beside names and names beside addresses (docs/formats/intelmq.md).

Source: IntelMQ 3.5, "Data format" with "Meaning of source and destination identities", and its harmonisation.
"""

from collections.abc import Mapping, Sequence

from accord.columns.json_records import Entry, Json, grain, packed_object, read_records, root_names
from accord.columns.reading import Chunk, Context, Document, Parsed
from accord.columns.values import ADDRESSES, HASHES
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.markings import Marking, read_marking
from accord.vocabulary.reasons import Ignored, Rejected
from accord.vocabulary.roles import Role

__all__ = ["GRAIN", "NAME", "TITLE", "grain", "layout", "parse", "recognises"]

NAME = "intelmq"
TITLE = "IntelMQ events (JSON)"
GRAIN = "either"

_EXPECTED = "IntelMQ events: JSON objects, one a line or in a list"
_TELLING = frozenset({"classification.type", "classification.taxonomy", "time.observation"})

NO_ROLE = frozenset({"blacklist", "dga-domain", "malware", "proxy", "tor", "undetermined"})
"""Types that say no role: IntelMQ's own beside RSIT, and `undetermined`, which its JSON parser gives to the untyped."""

ROLES: Mapping[str, Role] = {role.value: role for role in Role if role.value not in NO_ROLE} | {
    "unauthorized-use-of-resources": Role.UNAUTHORISED_USE_OF_RESOURCES,
    # names of earlier versions, as IntelMQ itself reads them
    "backdoor": Role.SYSTEM_COMPROMISE,
    "botnet drone": Role.INFECTED_SYSTEM,
    "c&c": Role.C2_SERVER,
    "c2server": Role.C2_SERVER,
    "compromised": Role.SYSTEM_COMPROMISE,
    "defacement": Role.UNAUTHORISED_INFORMATION_MODIFICATION,
    "dropzone": Role.OTHER,
    "ids alert": Role.IDS_ALERT,
    "infected system": Role.INFECTED_SYSTEM,
    "leak": Role.DATA_LEAK,
    "malware configuration": Role.MALWARE_CONFIGURATION,
    "ransomware": Role.INFECTED_SYSTEM,
    "unauthorized-command": Role.SYSTEM_COMPROMISE,
    "unauthorized-login": Role.SYSTEM_COMPROMISE,
    "vulnerable client": Role.VULNERABLE_SYSTEM,
    "vulnerable service": Role.VULNERABLE_SYSTEM,
}
"""What each `classification.type` says; a type that is missing here says no role."""

DEVICE_ROLES = frozenset(
    {
        Role.BRUTE_FORCE,
        Role.DDOS,
        Role.DDOS_AMPLIFIER,
        Role.DOS,
        Role.EXPLOIT,
        Role.IDS_ALERT,
        Role.INFECTED_SYSTEM,
        Role.INFORMATION_DISCLOSURE,
        Role.MISCONFIGURATION,
        Role.POTENTIALLY_UNWANTED_ACCESSIBLE,
        Role.SCANNER,
        Role.SNIFFING,
        Role.SPAM,
        Role.VULNERABLE_SYSTEM,
        Role.WEAK_CRYPTO,
    }
)
"""Roles of a machine, which is known by its address. Of all others a URL or name says more than the address behind."""

FILE_ROLES = frozenset(
    {
        Role.EXPLOIT,
        Role.MALWARE_CONFIGURATION,
        Role.MALWARE_DISTRIBUTION,
        Role.OTHER,
        Role.PHISHING,
        Role.SPAM,
        Role.TEST,
    }
)
"""Roles that a file can have: it is no server and no infected machine."""

_URL = frozenset({IndicatorType.URL})
_DOMAIN = frozenset({IndicatorType.DOMAIN})
_NETWORK = frozenset({IndicatorType.CIDR, *ADDRESSES})
_NUMBER = frozenset({IndicatorType.ASN})
_EMAIL = frozenset({IndicatorType.EMAIL})
_DIGESTS = ("malware.hash.sha256", "malware.hash.sha1", "malware.hash.md5")


def recognises(head: bytes, path: str) -> bool:
    """The first object has one of IntelMQ's own names, flat (`classification.type`) or nested."""
    del path
    return not _TELLING.isdisjoint(root_names(head))


def layout(head: bytes, path: str, context: Context) -> None:
    """Every line stands for itself."""
    del head, path, context


def parse(read: Chunk | Document, context: Context) -> Parsed:
    """Read a chunk of lines, or a list of events."""
    return read_records(read, context, _EXPECTED, _read_event)


def _read_event(entry: Entry) -> None:
    flat = _flattened(entry.content)
    if flat is None:
        entry.fault(Rejected.MALFORMED_OBJECT, "source", "a field stands twice, flat and nested")
        return
    entry.content = flat
    if entry.text("__type") not in {None, "Event"}:
        # a Report is what a collector fetched, unread
        entry.ignore(Ignored.NOT_OBSERVABLE)
        return
    kind = (entry.text("classification.type") or "").lower()
    role = ROLES.get(kind)
    marking = _marking(entry)
    seen_at_us = entry.instant("time.source")
    if seen_at_us is None and not entry.refused:
        seen_at_us = entry.instant("time.observation")
    if entry.refused:
        return
    family = entry.text("malware.name", whole=False)
    subject = _subject(entry, role)
    found = [] if subject is None else [subject]
    if role in FILE_ROLES or (role is None and (kind == "malware" or not _has(entry, *_SOURCES))):
        found += _digests(entry)
    port = entry.port("source.port") if subject is not None else None
    for indicator in found:
        entry.observe(
            indicator,
            role=role,
            family=family,
            seen_at_us=seen_at_us,
            port=port if indicator is subject else None,
            marking=marking,
        )
    if subject is not None and subject.kind in {IndicatorType.DOMAIN, IndicatorType.URL}:
        # an address beside a name is the one that the name had
        address = entry.indicator("source.ip", ADDRESSES)
        if address is not None:
            entry.resolve(subject, address, seen_at_us=seen_at_us, marking=marking)
    # what no field names, or only the destination's; where a field was wrong, its reject goes before this
    entry.ignore(Ignored.NO_INDICATOR)


def _flattened(event: Json) -> Json | None:
    """The event with flat names, whether it was written flat or hierarchical; None: a name stands there twice."""
    if dict not in map(type, event.values()) and not isinstance(event.get("extra"), str):
        return event
    flat: dict[str, object] = {}
    pending: list[tuple[str, object]] = [("", event)]
    while pending:
        prefix, value = pending.pop()
        if prefix == "extra" and isinstance(value, str):
            # as older instances write it: an object in a string
            value = packed_object(value) or value
        if not isinstance(value, dict):
            if prefix in flat:
                return None
            flat[prefix] = value
            continue
        pending.extend((f"{prefix}.{name}" if prefix else name, inner) for name, inner in value.items())
    return flat


def _marking(entry: Entry) -> Marking | None:
    label = entry.text("tlp")
    if label is None:
        return None
    marking = read_marking(label)
    if marking is None:
        entry.fault(Rejected.MARKING, "tlp", label)
    return marking


def _has(entry: Entry, *names: str) -> bool:
    """Is one of these fields there?"""
    return any(entry.content.get(name) not in (None, "") for name in names)


def _subject(entry: Entry, role: Role | None) -> Indicator | None:
    """What the event is about; None: nothing that is named, or it is wrong (then nothing else stands in for it)."""
    names = ("source.url", "source.fqdn")
    for name in ("source.ip", *names) if role in DEVICE_ROLES else (*names, "source.ip"):
        if _has(entry, name):
            return entry.indicator(name, _KINDS[name])
    if _has(entry, "source.account"):
        # a login names nobody beyond the system that it belongs to
        mail = "@" in str(entry.content["source.account"])
        return entry.indicator("source.account", _EMAIL) if mail else None
    if _has(entry, "source.network"):
        return entry.indicator("source.network", _NETWORK)
    if _has(entry, *_DIGESTS):
        # the network of a file's source says where it was, and not what is bad
        return None
    number = entry.content.get("source.asn")
    if isinstance(number, int) and not isinstance(number, bool):
        return entry.read(str(number), "source.asn", _NUMBER)
    return entry.indicator("source.asn", _NUMBER)


_SOURCES = ("source.ip", "source.url", "source.fqdn", "source.account", "source.network")
_KINDS = {"source.url": _URL, "source.fqdn": _DOMAIN, "source.ip": ADDRESSES}


def _digests(entry: Entry) -> Sequence[Indicator]:
    """The hashes of the malware, each of which names it."""
    read = (entry.indicator(name, HASHES) for name in _DIGESTS)
    return [one for one in read if one is not None]
