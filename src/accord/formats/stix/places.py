"""What the object paths of patterns point at: a value that is an indicator, or something said about one.

Source: OASIS STIX 2.1, section 6 (properties of cyber observable objects) and 9.7.2 (object paths).
"""

from enum import StrEnum

import msgspec

from accord.columns.values import HASHES
from accord.formats.stix.tree import ANY_INDEX, Path, Step
from accord.formats.stix.typed import AS_NUMBER, HASH_TYPES, VALUE_TYPES, hash_types
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


class Place(msgspec.Struct, frozen=True, eq=False):
    """What a path points at; comparisons on one `subject` are about one thing."""

    kind: PlaceKind
    subject: str
    expected: frozenset[IndicatorType] = frozenset()


SOURCE_SIDE = "network-traffic.src"
"""The subject of a value that is the source of traffic: a client, not a server."""


def _fixed() -> dict[tuple[str, tuple[Step, ...]], Place]:
    places: dict[tuple[str, tuple[Step, ...]], Place] = {}
    for kind, types in VALUE_TYPES.items():
        places[kind, ("value",)] = Place(PlaceKind.VALUE, kind, types)
    # 6.3: the number is the AS; its name and registry only describe it
    places["autonomous-system", ("number",)] = Place(PlaceKind.VALUE, "autonomous-system", AS_NUMBER)
    for reference, subject in (("dst_ref", "network-traffic.dst"), ("src_ref", SOURCE_SIDE)):
        places["network-traffic", (reference, "value")] = Place(PlaceKind.VALUE, subject, _ENDPOINT)
        places["network-traffic", (reference, "type")] = Place(PlaceKind.TYPE, subject)
        places["network-traffic", (reference.replace("_ref", "_port"),)] = Place(PlaceKind.PORT, subject)
    for reference in ("from_ref", "sender_ref"):
        subject = "email-message.from"
        places["email-message", (reference, "value")] = Place(PlaceKind.VALUE, subject, VALUE_TYPES["email-addr"])
        places["email-message", (reference, "type")] = Place(PlaceKind.TYPE, subject)
    for kind in ("file", "artifact"):
        places[kind, ("hashes", ANY_INDEX)] = Place(PlaceKind.VALUE, kind, HASHES)
    return places


_ENDPOINT = frozenset({IndicatorType.IPV4, IndicatorType.IPV6, IndicatorType.CIDR, IndicatorType.DOMAIN})
_DESCRIBED = frozenset({"file", "artifact", "autonomous-system"})
_HASHED = {(kind, types): Place(PlaceKind.VALUE, kind, types) for kind in ("file", "artifact") for types in HASH_TYPES}
_PLACES = _fixed()


def place_of(path: Path) -> Place:
    """What a path points at."""
    kind, steps = path.object_type, path.steps
    place = _PLACES.get((kind, steps))
    if place is not None:
        return place
    if kind in {"file", "artifact"} and len(steps) == 2 and steps[0] == "hashes" and isinstance(steps[1], str):
        types = hash_types(steps[1])
        if types is not None:
            return _HASHED[kind, types]
    if kind in _DESCRIBED:
        return Place(PlaceKind.DETAIL, kind)
    if kind == "network-traffic" and steps[0] == "protocols":
        return Place(PlaceKind.PROTOCOL, kind)
    return Place(PlaceKind.OTHER, kind)
