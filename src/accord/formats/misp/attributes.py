"""MISP attributes to observations and resolutions, one record each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from accord.columns.builder import ParsedBuilder
from accord.columns.instants import read_epoch, read_instant
from accord.columns.reading import Context
from accord.columns.values import ADDRESSES, read_port, read_value
from accord.formats.misp.document import Json, Place
from accord.formats.misp.labels import Labels, families_for, marking_for, read_labels, role_for
from accord.formats.misp.types import NOT_OBSERVABLE, PORT_OF, TAKEN, Reading, Shape
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected

RESOLUTION_LIMIT = 1024
"""Pairs that one `domain-ip` object may give; a larger one is a list, not a statement of who had which address."""

_FALSE = (False, 0, "0", "false", "False")
_TRUE = (True, 1, "1", "true", "True")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSheet:
    """What an event says of all its attributes."""

    labels: Labels
    date_us: int | None = None
    info: str | None = None
    distribution: str | None = None
    organisation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSheet:
    """What an object says of its attributes."""

    name: str | None = None
    deleted: bool = False
    first_seen: object = None
    last_seen: object = None
    ports: Mapping[str, str | None] = field(default_factory=dict)
    """Port relation -> the port written there; None when several are."""
    addresses: tuple[str, ...] = ()
    """Addresses of a `domain-ip` object, as written."""


NO_OBJECT = ObjectSheet()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    taken_us: tuple[int | None, ...]
    first_us: int | None = None
    last_us: int | None = None
    faults: tuple[tuple[str, str], ...] = ()


def read_event(place: Place, builder: ParsedBuilder, context: Context) -> None:
    """Every attribute of one event, then those of its objects, in document order."""
    event = place.value
    if not isinstance(event, dict):
        _malformed(builder, place.pointer, None, event)
        return
    if "Attribute" in event and "info" not in event and not isinstance(event.get("Object"), list):
        # an attribute search's answer: each attribute carries its own event
        for item in _items(event, "Attribute", place.pointer, builder):
            own = item.value.get("Event") if isinstance(item.value, dict) else None
            sheet = event_sheet(own if isinstance(own, dict) else {})
            read_attribute(item, sheet, NO_OBJECT, builder, context)
        return
    sheet = event_sheet(event)
    for item in _items(event, "Attribute", place.pointer, builder):
        read_attribute(item, sheet, NO_OBJECT, builder, context)
    for item in _items(event, "Object", place.pointer, builder):
        if not isinstance(item.value, dict):
            _malformed(builder, item.pointer, None, item.value)
            continue
        inside = object_sheet(item.value)
        for inner in _items(item.value, "Attribute", item.pointer, builder):
            read_attribute(inner, sheet, inside, builder, context)


def event_sheet(event: Json) -> EventSheet:
    """Read what an event says of all its attributes; its `date` is the report's day, at midnight UTC."""
    date = event.get("date")
    creator = event.get("Orgc")
    return EventSheet(
        labels=read_labels(event),
        date_us=read_instant(date) if isinstance(date, str) else None,
        info=_text(event.get("info")),
        distribution=_text(event.get("distribution")),
        organisation=_text(creator.get("name")) if isinstance(creator, dict) else None,
    )


def object_sheet(thing: Json) -> ObjectSheet:
    """Read what an object says of its attributes: its period, and the ports and addresses among them."""
    name = _text(thing.get("name"))
    ports: dict[str, str | None] = {}
    addresses: list[str] = []
    wanted = frozenset(PORT_OF.get(name or "", {}).values())
    inside = thing.get("Attribute")
    for attribute in inside if isinstance(inside, list) else ():
        if not isinstance(attribute, dict) or _flag(attribute.get("deleted"), default=False) is not False:
            continue
        relation, value = attribute.get("object_relation"), _text(attribute.get("value"))
        if not isinstance(relation, str) or value is None:
            continue
        if relation in wanted:
            ports[relation] = value if ports.get(relation, value) == value else None
        if name == "domain-ip" and relation == "ip":
            addresses.append(value)
    return ObjectSheet(
        name=name,
        deleted=_flag(thing.get("deleted"), default=False) is not False,
        first_seen=thing.get("first_seen"),
        last_seen=thing.get("last_seen"),
        ports=ports,
        addresses=tuple(addresses),
    )


def read_attribute(
    place: Place, event: EventSheet, inside: ObjectSheet, builder: ParsedBuilder, context: Context
) -> None:
    """One attribute, one record: taken, ignored or rejected."""
    attribute = place.value
    if not isinstance(attribute, dict):
        _malformed(builder, place.pointer, None, attribute)
        return
    builder.record(place.pointer)
    kind = attribute.get("type")
    if not isinstance(kind, str):
        builder.reject(Rejected.MALFORMED_OBJECT, _shown(kind), column="type")
        return
    deleted = _flag(attribute.get("deleted"), default=False)
    reading = TAKEN.get(kind)
    to_ids = _flag(attribute.get("to_ids"), default=reading is None or reading.to_ids)
    if inside.deleted or deleted:
        builder.ignore(Ignored.DELETED)
    elif reading is None or kind in NOT_OBSERVABLE:
        builder.ignore(Ignored.NOT_OBSERVABLE)
    elif deleted is None or to_ids is None:
        column = "deleted" if deleted is None else "to_ids"
        builder.reject(Rejected.MALFORMED_OBJECT, _shown(attribute.get(column)), column=column)
    elif not to_ids:
        builder.ignore(Ignored.NOT_TO_IDS)
    else:
        _take(attribute, reading, event, inside, builder, context)


def _take(
    attribute: Json,
    reading: Reading,
    event: EventSheet,
    inside: ObjectSheet,
    builder: ParsedBuilder,
    context: Context,
) -> None:
    value = _text(attribute.get("value"))
    own = read_labels(attribute)
    if value is None:
        builder.reject(Rejected.MALFORMED_OBJECT, _shown(attribute.get("value")), column="value")
        return
    if own.malformed or event.labels.malformed:
        builder.reject(Rejected.MALFORMED_OBJECT, value, column="Tag" if own.malformed else "Event/Tag")
        return
    unknown = own.unknown_marking or event.labels.unknown_marking
    if unknown is not None:
        builder.reject(Rejected.MARKING, unknown, column="Tag")
        return
    times = _times(attribute, inside, event)
    for column, text in times.faults:
        builder.reject(Rejected.TIME, text, column=column)
    if not times.taken_us:
        return
    found = list(_indicators(value, reading, builder, context))
    sighted = list(_sightings(attribute.get("Sighting"), builder)) if found else []
    port = _object_port(attribute, inside, builder) if found else None
    families: tuple[str | None, ...] = families_for(own, event.labels) or (None,)
    marking = marking_for(own, event.labels)
    fields = _fields(attribute, own, event, inside) if context.rule_fields else None
    for indicator in found:
        for family in families:
            for seen_at_us in (*times.taken_us, *sighted):
                builder.observe(
                    indicator,
                    role=role_for(indicator.kind, own, event.labels),
                    family=family,
                    seen_at_us=seen_at_us,
                    port=indicator.port or port,
                    marking=marking,
                    fields=fields,
                )
    for domain, address in _resolved(found, attribute, inside, context):
        builder.resolve(domain, address, first_seen_us=times.first_us, last_seen_us=times.last_us, marking=marking)


def _indicators(value: str, reading: Reading, builder: ParsedBuilder, context: Context) -> Iterator[Indicator]:
    """The indicators that a value holds; what is wrong with it goes to the builder."""
    match reading.shape:
        case Shape.VALUE:
            parts = [(value, reading.kinds)]
        case Shape.URI:
            # `index.php?id=1` and `/gate` name no host; a URI with a scheme does
            if "://" not in value and "[:]//" not in value:
                builder.ignore(Ignored.PATH_WITHOUT_HOST)
                return
            parts = [(value, reading.kinds)]
        case Shape.FILE_HASH:
            name, bar, digest = value.rpartition("|")
            del name
            if not bar:
                builder.reject(Rejected.MALFORMED_OBJECT, value, column="value")
                return
            parts = [(digest, reading.kinds)]
        case Shape.HOST_PORT:
            yield from _host_and_port(value, reading, builder, context)
            return
        case Shape.DOMAIN_ADDRESS:
            domain, bar, address = value.partition("|")
            if not bar:
                builder.reject(Rejected.MALFORMED_OBJECT, value, column="value")
                return
            parts = [(domain, reading.kinds), (address, ADDRESSES)]
    for text, kinds in parts:
        read = read_value(text, context.is_public_suffix, kinds)
        if isinstance(read, Indicator):
            yield read
        elif isinstance(read, Ignored):
            builder.ignore(read)
        else:
            builder.reject(read, text, column="value")


def _host_and_port(value: str, reading: Reading, builder: ParsedBuilder, context: Context) -> Iterator[Indicator]:
    host, bar, text = value.rpartition("|")
    if not bar:
        builder.reject(Rejected.MALFORMED_OBJECT, value, column="value")
        return
    read = read_value(host, context.is_public_suffix, reading.kinds)
    port = read_port(text.strip())
    if not isinstance(read, Indicator):
        builder.reject(read if isinstance(read, Rejected) else Rejected.NOT_AN_INDICATOR, value, column="value")
    elif port is None:
        builder.reject(Rejected.PORT, value, column="value")
    else:
        yield Indicator(kind=read.kind, value=read.value, port=port)


def _times(attribute: Json, inside: ObjectSheet, event: EventSheet) -> _Times:
    """When it was seen: the attribute's period, else its object's, else the day of the event's report.

    `timestamp` is when somebody last edited the attribute, which is no sighting: it is not read.
    """
    for first, last in (
        (attribute.get("first_seen"), attribute.get("last_seen")),
        (inside.first_seen, inside.last_seen),
    ):
        if first is None and last is None:
            continue
        read = {
            name: read_instant(text) if isinstance(text, str) else None
            for name, text in (("first_seen", first), ("last_seen", last))
            if text is not None
        }
        faults = tuple(
            (name, _shown(first if name == "first_seen" else last)) for name, instant in read.items() if instant is None
        )
        taken = sorted({instant for instant in read.values() if instant is not None})
        first_us, last_us = read.get("first_seen"), read.get("last_seen")
        if first_us is not None and last_us is not None and first_us > last_us:
            return _Times(taken_us=(), faults=(("last_seen", f"{first} to {last}"),))
        return _Times(taken_us=tuple(taken), first_us=first_us, last_us=last_us, faults=faults)
    return _Times(taken_us=(event.date_us,), first_us=event.date_us, last_us=event.date_us)


def _sightings(sightings: object, builder: ParsedBuilder) -> Iterator[int]:
    """Times of the sightings of type 0; type 1 says false positive and type 2 expiry, which are no sightings."""
    if sightings is None:
        return
    if not isinstance(sightings, list):
        builder.reject(Rejected.MALFORMED_OBJECT, _shown(sightings), column="Sighting")
        return
    for sighting in sightings:
        kind = _text(sighting.get("type", "0")) if isinstance(sighting, dict) else None
        if kind not in {"0", "1", "2"}:
            builder.reject(Rejected.MALFORMED_OBJECT, _shown(sighting), column="Sighting")
        elif kind == "0":
            date = _text(sighting.get("date_sighting"))
            seen_at_us = read_epoch(date or "")
            if seen_at_us is None:
                builder.reject(Rejected.TIME, date or "", column="Sighting/date_sighting")
            else:
                yield seen_at_us


def _object_port(attribute: Json, inside: ObjectSheet, builder: ParsedBuilder) -> int | None:
    """The port that the object says of this host, when it says one."""
    relation = attribute.get("object_relation")
    port_relation = PORT_OF.get(inside.name or "", {}).get(relation if isinstance(relation, str) else "")
    text = inside.ports.get(port_relation) if port_relation is not None else None
    if text is None:
        return None
    port = read_port(text.strip())
    if port is None:
        builder.reject(Rejected.PORT, text, column=f"Object/{port_relation}")
    return port


def _resolved(
    found: list[Indicator], attribute: Json, inside: ObjectSheet, context: Context
) -> Iterator[tuple[str, str]]:
    """Domain and address pairs: of `domain|ip`, and of a `domain-ip` object with its domain's record."""
    domains = [one.value for one in found if one.kind is IndicatorType.DOMAIN]
    for domain in domains:
        for one in found:
            if one.kind in ADDRESSES:
                yield domain, one.value
    if attribute.get("object_relation") not in ("domain", "hostname") or len(inside.addresses) > RESOLUTION_LIMIT:
        return
    for domain in domains:
        for text in dict.fromkeys(inside.addresses):
            read = read_value(text, context.is_public_suffix, ADDRESSES)
            if isinstance(read, Indicator):
                yield domain, read.value


def _fields(attribute: Json, own: Labels, event: EventSheet, inside: ObjectSheet) -> dict[str, str | None]:
    tags = tuple(dict.fromkeys((*own.tags, *event.labels.tags)))
    return {
        "category": _text(attribute.get("category")),
        "type": _text(attribute.get("type")),
        "tag": "|".join(tags) or None,
        "comment": _text(attribute.get("comment")) or None,
        "event_info": event.info,
        "object": inside.name,
        "relation": _text(attribute.get("object_relation")),
        "distribution": _text(attribute.get("distribution")) or event.distribution,
        "organisation": event.organisation,
    }


def _items(holder: Json, key: str, pointer: str, builder: ParsedBuilder) -> Iterator[Place]:
    """The members of a list of the document; what should be a list and is none is one malformed record."""
    items = holder.get(key)
    if items is None:
        return
    if not isinstance(items, list):
        _malformed(builder, f"{pointer}/{key}", key, items)
        return
    for index, item in enumerate(items):
        yield Place(pointer=f"{pointer}/{key}/{index}", value=item)


def _malformed(builder: ParsedBuilder, pointer: str, column: str | None, value: object) -> None:
    builder.record(pointer)
    builder.reject(Rejected.MALFORMED_OBJECT, _shown(value), column=column)


def _flag(value: object, *, default: bool) -> bool | None:
    """A truth value in the forms that MISP has written over the years; None when it is none."""
    if value is None:
        return default
    if isinstance(value, (bool, int, str)):
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
    return None


def _text(value: object) -> str | None:
    """A string, or a whole number as one (MISP writes ports and AS numbers both ways); None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**18 else None
    return None


def _shown(value: object) -> str:
    """A value for the list of rejects: its text, or what kind of thing it is."""
    if value is None or isinstance(value, bool):
        return str(value)
    return _text(value) or f"a value of type {type(value).__name__}"
