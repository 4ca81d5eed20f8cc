"""xarf.jsonl: abuse reports in X-ARF v4, one a line, for the abuse desks of network owners.

    {"xarf_version":"4.2.0","report_id":"…","timestamp":"2026-11-22T12:00:00Z","reporter":{…},"sender":{…},
     "source_identifier":"203.0.113.7","source_port":4711,"category":"infrastructure","type":"botnet",…}

A finding gets a report where the format has a type whose required fields are known; what the format asks for and
nobody told us (the sender of a spam mail, the protocol of an attack) is never made up. `confidence` stays away,
because the schema wants a number from 0 to 1 and the project's own reader an integer: it stands in `description`
and, in words, in `tags`. Findings that await an
analyst's review get none, nor do those marked TLP:AMBER+STRICT or TLP:RED: network owners are outside the
recipient's organisation. A victim is never reported under `reputation`, because that is what blocklists are fed by.

Source: X-ARF v4.2 schemas (xarf.org), as the PyPI package `xarf` ships them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import UNSET, Struct, UnsetType

from accord.columns.rows import rows_of
from accord.release.view import HubSheet, View
from accord.reports import stix
from accord.reports.confidence import in_words
from accord.reports.identifiers import NUL, object_names
from accord.reports.sightings import description, seen, source_ports
from accord.reports.tables import instants
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.markings import Marking
from accord.vocabulary.roles import SERVER_ROLES, Role

XARF_VERSION = "4.2.0"

_BATCH = 4096
_TAGS_MOST = 20
_NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A type of X-ARF report, and the fields that its schema requires beside the common ones."""

    category: str
    type: str
    required: Mapping[str, str | tuple[str, ...]]


def _kind(category: str, name: str, **required: str | tuple[str, ...]) -> Kind:
    return Kind(category=category, type=name, required=required)


def _intelligence(role: Role) -> Kind:
    return _kind("reputation", "threat_intelligence", threat_type=role.value)


_BOTNET = _kind("infrastructure", "botnet")
_BROKEN_INTO = _kind("infrastructure", "compromised_server", compromise_method=_NOT_KNOWN)
_BROKEN_SITE = _kind("content", "remote_compromise", compromise_type="other")
_EXPOSED = _kind("content", "exposed_data", data_types=("other",), exposure_method="other")
_OPEN = _kind("vulnerability", "open_service", service=_NOT_KNOWN)
_MISCONFIGURED = _kind("vulnerability", "misconfiguration", service=_NOT_KNOWN)

ON_ADDRESSES: Mapping[Role, Kind] = {
    Role.INFECTED_SYSTEM: _BOTNET,
    Role.C2_SERVER: _BOTNET,
    Role.SYSTEM_COMPROMISE: _BROKEN_INTO,
    Role.APPLICATION_COMPROMISE: _BROKEN_INTO,
    Role.PRIVILEGED_ACCOUNT_COMPROMISE: _BROKEN_INTO,
    Role.UNPRIVILEGED_ACCOUNT_COMPROMISE: _BROKEN_INTO,
    Role.BURGLARY: _BROKEN_INTO,
    Role.DDOS_AMPLIFIER: _OPEN,
    Role.POTENTIALLY_UNWANTED_ACCESSIBLE: _OPEN,
    Role.WEAK_CRYPTO: _MISCONFIGURED,
    Role.MISCONFIGURATION: _MISCONFIGURED,
} | {
    role: _intelligence(role)
    for role in (
        Role.MALWARE_DISTRIBUTION,
        Role.MALWARE_CONFIGURATION,
        Role.PHISHING,
        Role.SPAM,
        Role.DDOS,
        Role.DOS,
        Role.SCANNER,
        Role.BRUTE_FORCE,
        Role.EXPLOIT,
    )
}
"""What a finding that is an IPv4 or IPv6 address is reported as; a role that is missing gets no report."""

ON_SITES: Mapping[Role, Kind] = dict(ON_ADDRESSES) | {
    Role.SYSTEM_COMPROMISE: _BROKEN_SITE,
    Role.APPLICATION_COMPROMISE: _BROKEN_SITE,
    Role.UNAUTHORISED_INFORMATION_MODIFICATION: _BROKEN_SITE,
    Role.DATA_LEAK: _EXPOSED,
    Role.INFORMATION_DISCLOSURE: _EXPOSED,
    Role.MALWARE_DISTRIBUTION: _kind("content", "malware"),
    Role.PHISHING: _kind("content", "phishing"),
}
"""The same for a domain or URL."""


class Contact(Struct, frozen=True):
    """An organisation, its e-mail address for abuse reports, and its domain."""

    org: str
    contact: str
    domain: str


class Report(Struct, kw_only=True, gc=False):
    """One X-ARF report; the fields after `description` belong to single types."""

    xarf_version: str = XARF_VERSION
    report_id: str
    timestamp: str
    reporter: Contact
    sender: Contact
    source_identifier: str
    source_port: int | UnsetType = UNSET
    category: str
    type: str
    evidence_source: str = "threat_intelligence"
    tags: tuple[str, ...]
    description: str
    malware_family: str | UnsetType = UNSET
    c2_server: str | UnsetType = UNSET
    compromise_evidence: str | UnsetType = UNSET
    compromise_method: str | UnsetType = UNSET
    threat_type: str | UnsetType = UNSET
    service: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    domain: str | UnsetType = UNSET
    asn: int | UnsetType = UNSET
    country_code: str | UnsetType = UNSET
    hosting_provider: str | UnsetType = UNSET
    verification_method: str | UnsetType = UNSET
    compromise_type: str | UnsetType = UNSET
    data_types: tuple[str, ...] | UnsetType = UNSET
    exposure_method: str | UnsetType = UNSET


class _Row(Struct, gc=False):
    """What a report takes of one finding; times by RFC 3339."""

    finding_id: str
    type: str
    value: str
    role: str
    families: Sequence[str]
    first_seen: str
    last_seen: str
    sightings: int
    ports: Sequence[int]
    confidence: float | None
    marking: str
    host: str | None
    address: str | None
    country: str | None
    asn: int | None
    network_owner: str | None


_ROW = _Row.__struct_fields__
_MAIL = re.compile(r"[A-Za-z0-9._%+-]+@((?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,63})")
_NO_TAG = re.compile(r"[^a-z0-9_+-]+")
# the schema's own pattern: it knows no A-labels
_PLAIN_DOMAIN = re.compile(r"(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}")


def contact_of(hub: HubSheet) -> Contact | None:
    """The hub as reporter and sender; None when its contact names no e-mail address, which the format requires."""
    match = _MAIL.search(hub.contact)
    if match is None:
        return None
    return Contact(org=hub.name[:200], contact=match[0], domain=match[1].lower())


def write(view: View, path: Path) -> int:
    """Write xarf.jsonl, in the order of findings.csv; the number of reports.

    A hub whose contact names no e-mail address can send none: the file is empty. Raises OSError when it cannot be
    written.
    """
    sender = contact_of(view.hub)
    number = 0
    with path.open("wb") as file:
        if sender is None:
            return 0
        encode = msgspec.json.Encoder().encode
        names = object_names(view)
        for batch in _batches(view):
            reports = [
                _report(row, kind, port, names(NUL.join(("xarf", row.finding_id, seen_at))), sender, seen_at)
                for row, kind, port, seen_at in batch
            ]
            if view.operation.simulated:
                for report in reports:
                    report.tags = (*report.tags[: _TAGS_MOST - 1], "accord:simulated")
                    report.description = f"SIMULATED, for training only. {report.description}"[:1000]
            number += len(reports)
            file.write(b"".join(encode(report) + b"\n" for report in reports))
    return number


def _report(row: _Row, kind: Kind, port: int | None, identity: str, sender: Contact, seen_at: str) -> Report:
    site = row.host or row.value
    report = Report(
        report_id=identity,
        timestamp=seen_at,
        reporter=sender,
        sender=sender,
        source_identifier=row.value if row.type in _ADDRESSES else row.address or site,
        source_port=UNSET if port is None else port,
        category=kind.category,
        type=kind.type,
        tags=_tags(row),
        description=description(row),
    )
    for name, value in kind.required.items():
        setattr(report, name, value)
    family = row.families[0][:200] if row.families else None
    if kind.type in {"botnet", "malware"} and family is not None:
        report.malware_family = family
    if kind.type == "botnet":
        if row.role == Role.C2_SERVER:
            report.c2_server = report.source_identifier
            report.compromise_evidence = "it answers as a command-and-control server"
        else:
            report.compromise_evidence = f"it sent traffic of {family or 'malware'}"
        report.compromise_evidence += seen(row)
    if kind.category == "content":
        report.url = stix.uri(row.value) if row.type == IndicatorType.URL else f"http://{row.value}/"
        report.verification_method = "threat_intelligence"
        if row.address is None and _PLAIN_DOMAIN.fullmatch(site):
            report.domain = site
        if row.asn:
            report.asn = row.asn
        if row.country is not None:
            report.country_code = row.country
        if row.network_owner is not None:
            report.hosting_provider = row.network_owner
    return report


def _tags(row: _Row) -> tuple[str, ...]:
    """Namespaced tags: TLP label, role, families; at most as many as the schema permits."""
    families = (_NO_TAG.sub("-", family.lower()).strip("-_+") for family in row.families)
    return (
        f"tlp:{row.marking}",
        f"rsit:{row.role}",
        f"confidence:{_NO_TAG.sub('-', in_words(row.confidence).text)}",
        *(("botnet:command-and-control",) if row.role == Role.C2_SERVER else ()),
        *(f"malware:{family}" for family in dict.fromkeys(families) if family),
    )[: _TAGS_MOST - 1]


_ADDRESSES = frozenset({IndicatorType.IPV4, IndicatorType.IPV6})
_SITES = frozenset({IndicatorType.DOMAIN, IndicatorType.URL})


def _batches(view: View) -> Iterator[list[tuple[_Row, Kind, int | None, str]]]:
    """Findings that get a report, with its type, the source port, and the time to which that port belongs."""
    waiting = pc.greater(pc.list_value_length(view.findings["review"]), 0)
    kept = pc.is_in(view.findings["marking"], pa.array([Marking.AMBER_STRICT.value, Marking.RED.value]))
    acted = np.flatnonzero(pc.invert(pc.or_(waiting, kept)))
    ports, times = source_ports(view, acted)
    for begin in range(0, len(acted), _BATCH):
        part = rows_of(view.findings, acted[begin : begin + _BATCH])
        columns = {
            name: (instants(part[name].combine_chunks()) if name.endswith("_seen") else part[name]).to_pylist()
            for name in _ROW
        }
        moments = (column[begin : begin + _BATCH].to_pylist() for column in (ports, times))
        batch = []
        for port, seen_at, *values in zip(*moments, *columns.values(), strict=True):
            row = _Row(*values)
            kinds = ON_ADDRESSES if row.type in _ADDRESSES else ON_SITES if row.type in _SITES else {}
            kind = kinds.get(Role(row.role))
            if kind is None:
                continue
            if row.role in SERVER_ROLES:
                batch.append((row, kind, row.ports[0] if len(row.ports) == 1 else None, row.last_seen))
            else:
                batch.append((row, kind, port, seen_at or row.last_seen))
        yield batch
