"""The STIX 2.1 objects that a report's bundle is made of, field by field in the order in which they are written.

Source: OASIS STIX 2.1 (OS, 10 June 2021), sections 4 to 7; TLP 2.0 by OASIS's extension
`extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d`. Every instant is text of 24 characters in UTC
(`2026-11-23T12:00:00.000Z`), every id and every `_ref` an identifier `type--uuid`.
"""

import re
from datetime import UTC, datetime

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from accord.reports.identifiers import observable_id
from accord.vocabulary.handling import Pap, strictest_pap
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.markings import PAP_CREATED, PAP_EXTENSION, PAP_IDS, TLP2_IDS, Marking

TLP2_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP2_CREATED = "2022-10-01T00:00:00.000Z"

MOST_COUNTED = 999_999_999
"""The largest count of a sighting or of observed data (sections 4.14 and 5.2)."""


class Object(Struct, kw_only=True, tag_field="type", tag="object", gc=False):
    """What domain and relationship objects have in common (section 3.2); `bundle` relies on the first five fields."""

    spec_version: str = "2.1"
    id: str
    created: str
    modified: str
    created_by_ref: str | UnsetType = UNSET
    labels: tuple[str, ...] | UnsetType = UNSET
    confidence: int | UnsetType = UNSET
    object_marking_refs: tuple[str, ...]


class Identity(Object, kw_only=True, tag="identity", gc=False):
    """Section 4.5."""

    name: str
    identity_class: str
    contact_information: str


class Indicator(Object, kw_only=True, tag="indicator", gc=False):
    """Section 4.7."""

    name: str
    description: str
    indicator_types: tuple[str, ...]
    pattern: str
    pattern_type: str = "stix"
    pattern_version: str = "2.1"
    valid_from: str


class Infrastructure(Object, kw_only=True, tag="infrastructure", gc=False):
    """Section 4.8."""

    name: str
    infrastructure_types: tuple[str, ...] | UnsetType = UNSET
    first_seen: str
    last_seen: str


class Malware(Object, kw_only=True, tag="malware", gc=False):
    """Section 4.11; always a family."""

    name: str
    is_family: bool = True


class ObservedData(Object, kw_only=True, tag="observed-data", gc=False):
    """Section 4.14."""

    first_observed: str
    last_observed: str
    number_observed: int
    object_refs: tuple[str, ...]


class Report(Object, kw_only=True, tag="report", gc=False):
    """Section 4.16; `object_refs` is a JSON array that was put together elsewhere."""

    name: str
    description: str
    report_types: tuple[str, ...]
    published: str
    object_refs: Raw


class Relationship(Object, kw_only=True, tag="relationship", gc=False):
    """Section 5.1."""

    relationship_type: str
    source_ref: str
    target_ref: str


class Sighting(Object, kw_only=True, tag="sighting", gc=False):
    """Section 5.2; always a summary of several sightings."""

    first_seen: str
    last_seen: str
    count: int
    sighting_of_ref: str
    observed_data_refs: tuple[str, ...] | UnsetType = UNSET
    summary: bool = True


class Observable(Struct, kw_only=True, tag_field="type", tag="observable", gc=False):
    """What cyber observables have in common (section 3.2): neither times nor labels."""

    spec_version: str = "2.1"
    id: str
    object_marking_refs: tuple[str, ...] = ()


class Address(Observable, kw_only=True, gc=False, tag="ipv4-addr"):
    """Section 6.8: an address, or a network in CIDR notation."""

    value: str
    belongs_to_refs: tuple[str, ...] | UnsetType = UNSET


class Address6(Address, kw_only=True, gc=False, tag="ipv6-addr"):
    """Section 6.9."""


class DomainName(Observable, kw_only=True, gc=False, tag="domain-name"):
    """Section 6.4."""

    value: str


class Url(Observable, kw_only=True, gc=False, tag="url"):
    """Section 6.15; the value is a URL by RFC 3986."""

    value: str


class EmailAddress(Observable, kw_only=True, gc=False, tag="email-addr"):
    """Section 6.5."""

    value: str


class File(Observable, kw_only=True, gc=False, tag="file"):
    """Section 6.7, known by one hash."""

    hashes: dict[str, str]


class AutonomousSystem(Observable, kw_only=True, gc=False, tag="autonomous-system"):
    """Section 6.2."""

    number: int
    name: str | UnsetType = UNSET


class MarkingDefinition(Struct, kw_only=True, tag_field="type", tag="marking-definition"):
    """Section 7.2, by extension or as a statement."""

    spec_version: str = "2.1"
    id: str
    created_by_ref: str | UnsetType = UNSET
    created: str
    definition_type: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    definition: dict[str, str] | UnsetType = UNSET
    extensions: dict[str, dict[str, str]] | UnsetType = UNSET


def tlp(marking: Marking) -> MarkingDefinition:
    """The marking-definition of a TLP 2.0 label, exactly as OASIS publishes it."""
    return MarkingDefinition(
        id=TLP2_IDS[marking],
        created=TLP2_CREATED,
        name=marking.label,
        extensions={TLP2_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": marking.value}},
    )


def pap(label: Pap) -> MarkingDefinition:
    """The marking-definition of a label of the Permissible Actions Protocol."""
    return MarkingDefinition(
        id=PAP_IDS[label],
        created=PAP_CREATED,
        name=label.label,
        extensions={PAP_EXTENSION: {"extension_type": "property-extension", "pap": label.value}},
    )


def narrowed(markings: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    """References to markings, with the stricter of their PAP label and that of others."""
    label = strictest_pap(*(_PAP.get(one) for one in (*markings, *others)))
    return (*(one for one in markings if one not in _PAP), *(() if label is None else (PAP_IDS[label],)))


_PAP = {identifier: label for label, identifier in PAP_IDS.items()}


def stamp(instant: datetime) -> str:
    """An aware instant as STIX writes it, in UTC to the millisecond (section 2.16)."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_HASHES = {IndicatorType.SHA256: "SHA-256", IndicatorType.SHA1: "SHA-1", IndicatorType.MD5: "MD5"}


def observable(kind: IndicatorType, value: str) -> Observable:
    """The cyber observable that a canonical value stands for, with its deterministic id and no marking yet."""
    if kind in _HASHES:
        hashes = {_HASHES[kind]: value}
        return File(id=observable_id("file", {"hashes": hashes}), hashes=hashes)
    if kind is IndicatorType.ASN:
        return autonomous_system(int(value), None)
    if kind is IndicatorType.URL:
        value = uri(value)
        return Url(id=observable_id("url", {"value": value}), value=value)
    if kind is IndicatorType.DOMAIN:
        return DomainName(id=observable_id("domain-name", {"value": value}), value=value)
    if kind is IndicatorType.EMAIL:
        return EmailAddress(id=observable_id("email-addr", {"value": value}), value=value)
    if ":" in value:
        return Address6(id=observable_id("ipv6-addr", {"value": value}), value=value)
    return Address(id=observable_id("ipv4-addr", {"value": value}), value=value)


def autonomous_system(number: int, owner: str | None) -> AutonomousSystem:
    """The cyber observable of a network; its name is no part of its id."""
    return AutonomousSystem(
        id=observable_id("autonomous-system", {"number": number}),
        number=number,
        name=UNSET if owner is None else owner,
    )


def pattern(kind: IndicatorType, value: str) -> str:
    """The STIX pattern (section 9) that matches a canonical value: `[ipv4-addr:value = '203.0.113.7']`."""
    if kind in _HASHES:
        name = _HASHES[kind]
        # a name with a hyphen must be quoted as a key of a dictionary
        return f"[file:hashes.{name if name.isalnum() else quoted(name)} = {quoted(value)}]"
    if kind is IndicatorType.ASN:
        return f"[autonomous-system:number = {int(value)}]"
    if kind is IndicatorType.CIDR:
        return f"[{'ipv6' if ':' in value else 'ipv4'}-addr:value ISSUBSET {quoted(value)}]"
    return f"[{_PATTERN_PATHS[kind]}:value = {quoted(uri(value) if kind is IndicatorType.URL else value)}]"


_PATTERN_PATHS = {
    IndicatorType.IPV4: "ipv4-addr",
    IndicatorType.IPV6: "ipv6-addr",
    IndicatorType.DOMAIN: "domain-name",
    IndicatorType.URL: "url",
    IndicatorType.EMAIL: "email-addr",
}


def quoted(text: str) -> str:
    """A string constant of the patterning grammar: quotes and backslashes take a backslash (section 9.2)."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# RFC 3986, section 2: unreserved and reserved characters and whole percent-encodings; brackets only in a host.
_CONFORMS = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}|\[[0-9A-Fa-f:.]+\])*"
    r"(?:[/?](?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
    r"(?:\#(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
)
_NOT_PERMITTED = re.compile(r"%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9._~!$&'()*+,;=:@/?%-]")


def uri(url: str) -> str:
    """A canonical URL as RFC 3986 permits it: characters that it forbids are percent-encoded (section 2.1).

    `http://a.example/ä|b` becomes `http://a.example/%C3%A4%7Cb`; scheme and host are never touched.
    """
    if _CONFORMS.fullmatch(url):
        return url
    scheme, _, rest = url.partition("://")
    cut = min((at for at in (rest.find(mark) for mark in "/?#\\") if at >= 0), default=len(rest))
    user, at, host = rest[:cut].rpartition("@")
    before, hash_mark, fragment = rest[cut:].partition("#")
    tail = _NOT_PERMITTED.sub(_percent, before) + hash_mark + _NOT_PERMITTED.sub(_percent, fragment)
    if tail[:1] not in {"", "/", "?", "#"}:
        tail = f"/{tail}"
    return f"{scheme}://{_NOT_PERMITTED.sub(_percent, user)}{at}{host}{tail}"


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())


encode = msgspec.json.Encoder().encode
"""An object as JSON, in the order of its fields, without blanks."""
