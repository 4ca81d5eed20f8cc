"""What the object paths of patterns point at: a value that is an indicator, or something said about one.

Source: OASIS STIX 2.1, section 6 (properties of cyber observable objects) and 9.7.2 (object paths).
"""

from enum import StrEnum

import msgspec

from accord.columns.values import HASHES
from accord.formats.stix.tree import ANY_INDEX, Path
from accord.formats.stix.typed import AS_NUMBER, VALUE_TYPES, hash_types
from accord.vocabulary.indicators import IndicatorType


class PlaceKind(StrEnum):
    """What a path points at."""

    VALUE = "value"
    """A property that holds an indicator."""
    TYPE = "type"
    """The type of the object that a reference leads to."""
    PORT = "port"
    PROTOCOL = "protocol"
    DETAIL = "detail"
    """More about a thing that its value already identifies: a hash names the file, whatever the file is called."""
    OTHER = "other"
    """A condition of its own."""


class Place(msgspec.Struct, frozen=True):
    """What a path points at; comparisons on one `subject` are about one thing."""

    kind: PlaceKind
    subject: str
    expected: frozenset[IndicatorType] = frozenset()


SOURCE_SIDE = "network-traffic.src"
"""The subject of a value that is the source of traffic: a client, not a server."""

_ENDS = {"dst_ref": "network-traffic.dst", "src_ref": SOURCE_SIDE}
_PORTS = {"dst_port": "network-traffic.dst", "src_port": SOURCE_SIDE}
_SENDERS = frozenset({"from_ref", "sender_ref"})
_ENDPOINT = frozenset({IndicatorType.IPV4, IndicatorType.IPV6, IndicatorType.CIDR, IndicatorType.DOMAIN})


def place_of(path: Path) -> Place:
    """What a path points at."""
    kind, steps = path.object_type, path.steps
    if kind in VALUE_TYPES:
        return Place(PlaceKind.VALUE, kind, VALUE_TYPES[kind]) if steps == ("value",) else Place(PlaceKind.OTHER, kind)
    if kind in {"file", "artifact"}:
        return _of_file(kind, path)
    if kind == "autonomous-system":
        # 6.3: the number is the AS; name and registry (`rir`) only describe it
        return Place(PlaceKind.VALUE, kind, AS_NUMBER) if steps == ("number",) else Place(PlaceKind.DETAIL, kind)
    if kind == "network-traffic":
        return _of_traffic(path)
    if kind == "email-message" and len(steps) == 2 and steps[0] in _SENDERS:
        if steps[1] == "value":
            return Place(PlaceKind.VALUE, "email-message.from", VALUE_TYPES["email-addr"])
        if steps[1] == "type":
            return Place(PlaceKind.TYPE, "email-message.from")
    return Place(PlaceKind.OTHER, kind)


def _of_file(kind: str, path: Path) -> Place:
    steps = path.steps
    if len(steps) == 2 and steps[0] == "hashes":
        expected = HASHES if steps[1] == ANY_INDEX else hash_types(str(steps[1]))
        if expected is not None:
            return Place(PlaceKind.VALUE, kind, frozenset(expected))
    return Place(PlaceKind.DETAIL, kind)


def _of_traffic(path: Path) -> Place:
    steps = path.steps
    first = steps[0] if isinstance(steps[0], str) else ""
    if len(steps) == 2 and first in _ENDS:
        if steps[1] == "value":
            return Place(PlaceKind.VALUE, _ENDS[first], _ENDPOINT)
        if steps[1] == "type":
            return Place(PlaceKind.TYPE, _ENDS[first])
    if len(steps) == 1 and first in _PORTS:
        return Place(PlaceKind.PORT, _PORTS[first])
    if first == "protocols":
        return Place(PlaceKind.PROTOCOL, "network-traffic")
    return Place(PlaceKind.OTHER, "network-traffic")
