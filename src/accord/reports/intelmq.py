"""intelmq.jsonl: a report's findings as IntelMQ events, one a line, for the recipient's own IntelMQ.

    {"__type":"Event","classification.taxonomy":"malicious-code","classification.type":"c2-server",
     "source.ip":"203.0.113.7","source.port":443,"malware.name":"emotet","time.source":"2026-11-22T12:00:00+00:00",…}

`source.*` is what the event is about, criminal's server or victim's machine alike, and `classification.type` says
which: so IntelMQ means it ("Meaning of source and destination identities"). An event names one malware, so a
finding of several families gives an event for each. Findings that await an analyst's review give none: a pipeline
acts by itself. The fields that came with IntelMQ 3.5 (`severity`, `product.*`) are left alone, so that no older
instance refuses an event for them; what no field can say stands under `extra.`.

Source: IntelMQ 3.5's data format and its `harmonization.conf`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import numpy as np
import pyarrow.compute as pc
from msgspec import UNSET, Struct, UnsetType, field

from accord.columns.rows import rows_of
from accord.release.view import View
from accord.reports import stix
from accord.reports.confidence import in_words
from accord.reports.sightings import description, source_ports
from accord.reports.tables import instants
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.markings import Marking
from accord.vocabulary.roles import SERVER_ROLES, Role

_BATCH = 4096

TAXONOMY: Mapping[Role, str] = {
    Role.SPAM: "abusive-content",
    Role.HARMFUL_SPEECH: "abusive-content",
    Role.VIOLENCE: "abusive-content",
    Role.DDOS: "availability",
    Role.DOS: "availability",
    Role.OUTAGE: "availability",
    Role.SABOTAGE: "availability",
    Role.MISCONFIGURATION: "availability",
    Role.COPYRIGHT: "fraud",
    Role.MASQUERADE: "fraud",
    Role.PHISHING: "fraud",
    Role.UNAUTHORISED_USE_OF_RESOURCES: "fraud",
    Role.UNAUTHORISED_INFORMATION_ACCESS: "information-content-security",
    Role.UNAUTHORISED_INFORMATION_MODIFICATION: "information-content-security",
    Role.DATA_LOSS: "information-content-security",
    Role.DATA_LEAK: "information-content-security",
    Role.SCANNER: "information-gathering",
    Role.SNIFFING: "information-gathering",
    Role.SOCIAL_ENGINEERING: "information-gathering",
    Role.BRUTE_FORCE: "intrusion-attempts",
    Role.EXPLOIT: "intrusion-attempts",
    Role.IDS_ALERT: "intrusion-attempts",
    Role.APPLICATION_COMPROMISE: "intrusions",
    Role.BURGLARY: "intrusions",
    Role.PRIVILEGED_ACCOUNT_COMPROMISE: "intrusions",
    Role.SYSTEM_COMPROMISE: "intrusions",
    Role.UNPRIVILEGED_ACCOUNT_COMPROMISE: "intrusions",
    Role.C2_SERVER: "malicious-code",
    Role.INFECTED_SYSTEM: "malicious-code",
    Role.MALWARE_CONFIGURATION: "malicious-code",
    Role.MALWARE_DISTRIBUTION: "malicious-code",
    Role.OTHER: "other",
    Role.UNDETERMINED: "other",
    Role.TEST: "test",
    Role.DDOS_AMPLIFIER: "vulnerable",
    Role.INFORMATION_DISCLOSURE: "vulnerable",
    Role.POTENTIALLY_UNWANTED_ACCESSIBLE: "vulnerable",
    Role.VULNERABLE_SYSTEM: "vulnerable",
    Role.WEAK_CRYPTO: "vulnerable",
}
"""The taxonomy to which IntelMQ counts each type."""

TYPES: Mapping[Role, str] = {role: role.value for role in Role} | {
    Role.UNAUTHORISED_USE_OF_RESOURCES: "unauthorized-use-of-resources",
}
"""The roles as IntelMQ spells them: RSIT's names, but for one."""

# IntelMQ knows the four colours of TLP 1. Its amber may be passed on to clients, which amber+strict forbids.
_TLP: Mapping[Marking, str] = {
    Marking.CLEAR: "WHITE",
    Marking.GREEN: "GREEN",
    Marking.AMBER: "AMBER",
    Marking.AMBER_STRICT: "RED",
    Marking.RED: "RED",
}

# What IntelMQ takes for no value at all, in any field.
_SAYS_NOTHING = frozenset({"", "-", "N/A"})
_MALWARE_NAME = re.compile(r"[ -~]+")


class Event(Struct, kw_only=True, gc=False):
    """One IntelMQ event; each field under IntelMQ's own name."""

    kind: str = field(default="Event", name="__type")
    taxonomy: str = field(name="classification.taxonomy")
    type: str = field(name="classification.type")
    identifier: str | UnsetType = field(default=UNSET, name="classification.identifier")
    text: str = field(name="event_description.text")
    accuracy: float | UnsetType = field(default=UNSET, name="feed.accuracy")
    feed_code: str | UnsetType = field(default=UNSET, name="feed.code")
    feed_name: str | UnsetType = field(default=UNSET, name="feed.name")
    feed_provider: str | UnsetType = field(default=UNSET, name="feed.provider")
    md5: str | UnsetType = field(default=UNSET, name="malware.hash.md5")
    sha1: str | UnsetType = field(default=UNSET, name="malware.hash.sha1")
    sha256: str | UnsetType = field(default=UNSET, name="malware.hash.sha256")
    malware: str | UnsetType = field(default=UNSET, name="malware.name")
    abuse_contact: str | UnsetType = field(default=UNSET, name="source.abuse_contact")
    account: str | UnsetType = field(default=UNSET, name="source.account")
    as_name: str | UnsetType = field(default=UNSET, name="source.as_name")
    asn: int | UnsetType = field(default=UNSET, name="source.asn")
    fqdn: str | UnsetType = field(default=UNSET, name="source.fqdn")
    country: str | UnsetType = field(default=UNSET, name="source.geolocation.cc")
    ip: str | UnsetType = field(default=UNSET, name="source.ip")
    network: str | UnsetType = field(default=UNSET, name="source.network")
    port: int | UnsetType = field(default=UNSET, name="source.port")
    url: str | UnsetType = field(default=UNSET, name="source.url")
    observed_at: str = field(name="time.observation")
    seen_at: str | UnsetType = field(default=UNSET, name="time.source")
    tlp: str
    cautions: Sequence[str] | UnsetType = field(default=UNSET, name="extra.cautions")
    confidence: str = field(name="extra.confidence")
    country_second: str | UnsetType = field(default=UNSET, name="extra.country_second")
    finding_id: str = field(name="extra.finding_id")
    first_seen: str = field(name="extra.first_seen")
    government: bool | UnsetType = field(default=UNSET, name="extra.government")
    last_seen: str = field(name="extra.last_seen")
    family: str | UnsetType = field(default=UNSET, name="extra.malware_family")
    partners: int = field(name="extra.partners")
    ports: Sequence[int] | UnsetType = field(default=UNSET, name="extra.ports")
    registry_country: str | UnsetType = field(default=UNSET, name="extra.registry_country")
    resolved: Sequence[str] | UnsetType = field(default=UNSET, name="extra.resolved")
    sightings: int = field(name="extra.sightings")
    simulated: bool | UnsetType = field(default=UNSET, name="extra.simulated")
    sources: Sequence[str] | UnsetType = field(default=UNSET, name="extra.sources")
    marking: str = field(name="extra.tlp")
    undated: bool | UnsetType = field(default=UNSET, name="extra.undated")


class _Row(Struct, gc=False):
    """What an event takes of one finding; times by RFC 3339."""

    finding_id: str
    type: str
    value: str
    role: str
    families: Sequence[str]
    first_seen: str
    last_seen: str
    undated: bool
    sightings: int
    ports: Sequence[int]
    partners: int
    sources: Sequence[str]
    confidence: float | None
    marking: str
    host: str | None
    address: str | None
    resolved: Sequence[str]
    country: str | None
    country_second: str | None
    country_conflict: bool
    asn: int | None
    network_owner: str | None
    registry_country: str | None
    government: bool
    abuse_contact: str | None
    cautions: Sequence[str]


_ROW = _Row.__struct_fields__


def write(view: View, path: Path) -> int:
    """Write intelmq.jsonl, in the order of findings.csv; the number of events.

    Raises OSError when the file cannot be written.
    """
    number = 0
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        for batch in _batches(view):
            number += len(batch)
            file.write(b"".join(encode(event) + b"\n" for event in batch))
    return number


def _batches(view: View) -> Iterator[list[Event]]:
    """The events of the findings that nobody has to review first."""
    waiting = pc.greater(pc.list_value_length(view.findings["review"]), 0)
    acted = np.flatnonzero(pc.invert(waiting))
    ports, times = source_ports(view, acted)
    for begin in range(0, len(acted), _BATCH):
        part = rows_of(view.findings, acted[begin : begin + _BATCH])
        columns = {
            name: (instants(part[name].combine_chunks()) if name.endswith("_seen") else part[name]).to_pylist()
            for name in _ROW
        }
        moments = (column[begin : begin + _BATCH].to_pylist() for column in (ports, times))
        batch: list[Event] = []
        for port, seen_at, *values in zip(*moments, *columns.values(), strict=True):
            batch.extend(_events(_Row(*values), port, seen_at, view))
        yield batch


def _events(row: _Row, port: int | None, seen_at: str | None, view: View) -> Iterator[Event]:
    """One event for each family; `port` is a client's, of the moment `seen_at`."""
    serves = row.role in SERVER_ROLES
    if serves:
        port, seen_at = (row.ports[0] if len(row.ports) == 1 else None), None
    for family in row.families or (None,):
        event = _event(row, view)
        event.seen_at = UNSET if row.undated else _instant(seen_at or row.last_seen)
        event.port = UNSET if port is None else port
        event.ports = row.ports if serves and len(row.ports) > 1 else UNSET
        _name_source(event, row)
        if family is not None:
            event.family = _said(family)
            event.identifier = _said(family.lower())
            event.malware = _said(family.lower()) if _MALWARE_NAME.fullmatch(family.lower()) else UNSET
        yield event


def _event(row: _Row, view: View) -> Event:
    """What all events of a finding have in common, but for what it is."""
    role = Role(row.role)
    simulated = view.operation.simulated
    return Event(
        taxonomy=TAXONOMY[role],
        type=TYPES[role],
        text=("SIMULATED, for training only. " if simulated else "") + description(row),
        accuracy=UNSET if row.confidence is None else round(row.confidence * 100, 2),
        feed_code=_said(view.operation.name[:100]),
        feed_name=_said(view.operation.title),
        feed_provider=_said(view.hub.name),
        abuse_contact=_said(row.abuse_contact and row.abuse_contact.lower()),
        as_name=_said(row.network_owner),
        asn=row.asn or UNSET,
        country=row.country or UNSET,
        observed_at=view.operation.as_of.astimezone(UTC).isoformat(),
        tlp=_TLP[Marking(row.marking)],
        cautions=row.cautions or UNSET,
        confidence=in_words(row.confidence).text,
        country_second=row.country_second if row.country_conflict and row.country_second else UNSET,
        finding_id=row.finding_id,
        first_seen=_instant(row.first_seen),
        government=row.government or UNSET,
        last_seen=_instant(row.last_seen),
        partners=row.partners,
        registry_country=row.registry_country or UNSET,
        resolved=row.resolved or UNSET,
        sightings=row.sightings,
        simulated=simulated or UNSET,
        sources=row.sources or UNSET,
        marking=Marking(row.marking).label,
        undated=row.undated or UNSET,
    )


def _name_source(event: Event, row: _Row) -> None:
    """Say what the event is about: one identity, and beside a name the address at which it is served."""
    match IndicatorType(row.type):
        case IndicatorType.IPV4 | IndicatorType.IPV6:
            event.ip = row.value
        case IndicatorType.DOMAIN | IndicatorType.URL as kind:
            if kind is IndicatorType.URL:
                event.url = _url(row.value)
            event.fqdn = row.host or UNSET
            addresses = [row.address] if row.address else row.resolved
            # of a client, the address would be the finding, and a name's other addresses might be nobody's
            if row.role in SERVER_ROLES and len(addresses) == 1:
                event.ip = addresses[0]
        case IndicatorType.EMAIL:
            event.account = row.value
        case IndicatorType.CIDR:
            event.network = row.value
        case IndicatorType.ASN:
            event.asn = int(row.value)
        case IndicatorType.SHA256:
            event.sha256 = row.value
        case IndicatorType.SHA1:
            event.sha1 = row.value
        case IndicatorType.MD5:
            event.md5 = row.value


def _url(url: str) -> str:
    """A URL that Python's `urlsplit` takes, by which IntelMQ judges it: as it is, or else percent-encoded."""
    try:
        return url if urlsplit(url).netloc else stix.uri(url)
    except ValueError:
        return stix.uri(url)


def _said(text: str | None) -> str | UnsetType:
    return UNSET if text is None or text.strip() in _SAYS_NOTHING else text


def _instant(text: str) -> str:
    """RFC 3339's `Z` as IntelMQ's one form of a time has it: `+00:00`."""
    return text.removesuffix("Z") + "+00:00"
