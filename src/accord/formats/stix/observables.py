"""Cyber observable objects as values: those of observed data that are its subject, and the resolutions among them.

Source: OASIS STIX 2.1, section 6, and 4.14 (observed data); STIX 2.0 part 4 (embedded objects, keys instead of ids).

Observed data is a graph. Its subjects are the objects that no other refers to, the one end of a network traffic, and
the sender of a message. What is only referred to is no subject: the address of a domain is a resolution, recipients
are whom the message went to, the AS of an address and the files of an archive only describe it. Traffic with both ends
does not say which of them the finding is, and is refused.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from accord.columns.values import SuffixTest, read_port
from accord.formats.stix.bundle import Body, body_of, kind_of, shown, text_of, texts_of
from accord.formats.stix.typed import AS_NUMBER, VALUE_TYPES, hash_types, read_typed
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected

OBSERVABLE_TYPES = frozenset(
    """artifact autonomous-system directory domain-name email-addr email-message file ipv4-addr ipv6-addr mac-addr
    mutex network-traffic process software url user-account windows-registry-key x509-certificate""".split()
)
"""STIX 2.1, section 6: the cyber observable objects of the standard."""

OBJECT_LIMIT = 10_000
"""Objects that one observed data may lead to."""


class Seen(msgspec.Struct, frozen=True):
    """One value that observed data names."""

    indicator: Indicator
    source_side: bool
    origins: tuple[str, ...]
    """Ids (2.1) or keys (2.0) of the objects that it was read from."""


class Resolved(msgspec.Struct, frozen=True):
    """A domain and an address that it had, both canonical."""

    domain: str
    address: str


class Fault(msgspec.Struct, frozen=True):
    """A part that cannot be taken."""

    reason: Rejected | Ignored
    text: str
    column: str


class Sighted(msgspec.Struct):
    """What observed data holds."""

    seen: dict[Seen, None] = msgspec.field(default_factory=dict)
    resolved: dict[Resolved, None] = msgspec.field(default_factory=dict)
    faults: dict[Fault, None] = msgspec.field(default_factory=dict)


def read_observables(objects: Mapping[str, Body], is_public_suffix: SuffixTest) -> Sighted:
    """The subjects and resolutions of a set of cyber observable objects, by id or key; never raises."""
    referred = {reference for body in objects.values() for reference in references_of(body)}
    reader = _Reader(objects, is_public_suffix)
    for name, body in objects.items():
        if name not in referred:
            reader.subject(name, body)
        if kind_of(body) == "domain-name":
            reader.resolutions(name, body)
    return reader.sighted


def references_of(body: Body) -> list[str]:
    """What an observable refers to: the strings under its properties `..._ref` and `..._refs`, nested ones included."""
    found: list[str] = []
    pending: list[object] = [body]
    while pending:
        one = pending.pop()
        if isinstance(one, list):
            pending.extend(one)
        elif isinstance(one, dict):
            for name, value in one.items():
                if name.endswith(("_ref", "_refs")):
                    found.extend(texts_of(one, name))
                elif isinstance(value, (dict, list)):
                    pending.append(value)
    return found


def reachable(roots: Iterable[str], find: Callable[[str], Body | None]) -> dict[str, Body]:
    """The observables among `roots` and all that they lead to, by id, at most OBJECT_LIMIT."""
    found: dict[str, Body] = {}
    pending = list(dict.fromkeys(roots))[::-1]
    while pending and len(found) < OBJECT_LIMIT:
        name = pending.pop()
        body = None if name in found else find(name)
        if body is not None and kind_of(body) in OBSERVABLE_TYPES:
            found[name] = body
            pending.extend(references_of(body))
    return found


class _Reader:
    def __init__(self, objects: Mapping[str, Body], is_public_suffix: SuffixTest) -> None:
        self._objects = objects
        self._is_public_suffix = is_public_suffix
        self.sighted = Sighted()

    def subject(self, name: str, body: Body) -> None:
        """Take an object that nothing refers to."""
        kind = kind_of(body)
        if kind == "network-traffic":
            self._traffic(name, body)
        elif kind == "email-message":
            for end in dict.fromkeys(
                reference for key in ("from_ref", "sender_ref") if (reference := text_of(body, key))
            ):
                self._value(end, (name, end))
        else:
            self._value(name, (name,))

    def _fault(self, reason: Rejected | Ignored, text: object, name: str, prop: str) -> None:
        written = text if isinstance(text, str) else shown(text)
        self.sighted.faults[Fault(reason, written, f"{name} {prop}")] = None

    def _traffic(self, name: str, body: Body) -> None:
        ends = [(key, reference) for key in ("src_ref", "dst_ref") if (reference := text_of(body, key)) is not None]
        if len(ends) == 2:
            self._fault(Rejected.PATTERN_NOT_ONE_FINDING, f"{ends[0][1]} to {ends[1][1]}", name, "src_ref and dst_ref")
            return
        for key, reference in ends:
            written = body.get("src_port" if key == "src_ref" else "dst_port")
            port = None
            if written is not None:
                port = read_port(str(written)) if isinstance(written, (int, str)) else None
                if port is None:
                    self._fault(Rejected.PORT, written, name, "port")
                    return
            self._value(reference, (name, reference), source_side=key == "src_ref", port=port)

    def _value(
        self, name: str, origins: tuple[str, ...], *, source_side: bool = False, port: int | None = None
    ) -> None:
        body = self._objects.get(name)
        if body is None:
            self._fault(Rejected.MISSING_REFERENCE, name, origins[0], "reference")
            return
        for prop, text, expected in _values_of(body):
            if not isinstance(text, str):
                self._fault(Rejected.MALFORMED_OBJECT, text, name, prop)
                continue
            read = read_typed(text, expected, self._is_public_suffix)
            if isinstance(read, Indicator):
                if port is not None:
                    read = Indicator(kind=read.kind, value=read.value, port=port)
                self.sighted.seen[Seen(read, source_side, origins)] = None
            else:
                self._fault(read, text, name, prop)

    def resolutions(self, name: str, body: Body) -> None:
        """Take a domain's addresses."""
        references = texts_of(body, "resolves_to_refs")
        if not references:
            return
        domain = self._one(body, VALUE_TYPES["domain-name"])
        for reference in references:
            target = self._objects.get(reference)
            if target is None:
                self._fault(Rejected.MISSING_REFERENCE, reference, name, "resolves_to_refs")
            elif kind_of(target) in {"ipv4-addr", "ipv6-addr"}:
                address = self._one(target, VALUE_TYPES[kind_of(target)])
                if not isinstance(address, Indicator) or address.kind is IndicatorType.CIDR:
                    reason = Rejected.ADDRESS if isinstance(address, Indicator) else address
                    self._fault(reason, text_of(target, "value") or "", reference, "value")
                elif isinstance(domain, Indicator):
                    self.sighted.resolved[Resolved(domain.value, address.value)] = None

    def _one(self, body: Body, expected: frozenset[IndicatorType]) -> Indicator | Rejected | Ignored:
        return read_typed(text_of(body, "value") or "", expected, self._is_public_suffix)


def _values_of(body: Body) -> list[tuple[str, object, frozenset[IndicatorType]]]:
    """Property, content and expected types of what an object names itself by."""
    kind = kind_of(body)
    if kind in VALUE_TYPES:
        return [("value", body.get("value"), VALUE_TYPES[kind])]
    if kind == "autonomous-system":
        number = body.get("number")
        written = str(number) if isinstance(number, int) and not isinstance(number, bool) else number
        return [("number", written, AS_NUMBER)]
    if kind in {"file", "artifact"}:
        hashes = body_of(body, "hashes") or {}
        return [
            (f"hashes.{key}", text, expected)
            for key, text in hashes.items()
            if (expected := hash_types(key)) is not None
        ]
    return []
