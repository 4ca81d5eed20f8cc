"""What a bundle says about an object besides the object: families, roles, reports and authors.

Sources: OASIS STIX 2.1, appendix B (relationship summary), 10.7 (indicator types, an open vocabulary), 10.9
(infrastructure types), 4.7 (infrastructure); Lockheed Martin Cyber Kill Chain and MITRE ATT&CK (phase names).

A role is said only where the vocabulary's own definition says what RSIT's does; `malicious-activity` says none, and
the data set's rules decide. What an object learns from another is no more public than that other and the relationship.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from accord.formats.stix.bundle import Body, Bundle, bodies_of, kind_of, text_of, texts_of
from accord.formats.stix.markings import MarkingError, marking_of, strictest_said
from accord.formats.stix.typed import writable
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.markings import Marking
from accord.vocabulary.roles import Role

INFRASTRUCTURE_ROLES: Mapping[str, Role] = {
    "command-and-control": Role.C2_SERVER,
    "hosting-malware": Role.MALWARE_DISTRIBUTION,
    "phishing": Role.PHISHING,
    # 10.9: "the membership/makeup of a botnet, in terms of the network addresses of the hosts that comprise" it
    "botnet": Role.INFECTED_SYSTEM,
    "amplification": Role.DDOS_AMPLIFIER,
}
"""Infrastructure types whose definition is a role's; anonymization, exfiltration, staging and the others are none."""

INDICATOR_ROLES: Mapping[str, Role] = {"compromised": Role.SYSTEM_COMPROMISE}
"""Indicator types (labels, in STIX 2.0) whose definition is a role's."""

C2_PHASE = "command-and-control"
C2_CHAINS = frozenset({"lockheed-martin-cyber-kill-chain", "mitre-attack"})
"""Kill chains by whose phase C2_PHASE a destination is a c2-server. Delivery, exfiltration and others name no role."""

NETWORK_TYPES = frozenset(
    {IndicatorType.IPV4, IndicatorType.IPV6, IndicatorType.CIDR, IndicatorType.DOMAIN, IndicatorType.URL}
)
"""What can be a server, a host or a site; a hash, a mailbox or an AS takes no role from such words."""

# 4.7, 4.11 (malware): relationships in which infrastructure serves one malware
_FROM_INFRASTRUCTURE = frozenset({"controls", "hosts", "delivers"})
_TO_INFRASTRUCTURE = frozenset({"beacons-to", "exfiltrates-to"})


class Said(msgspec.Struct, frozen=True):
    """A role or a family, and the strictest marking among the objects that it was learnt from."""

    what: str
    marking: Marking | None


class Learnt(msgspec.Struct, frozen=True):
    """What a bundle says about one object."""

    families: tuple[Said, ...] = ()
    roles: tuple[Said, ...] = ()
    refused: tuple[str, ...] = ()
    """Markings that could not be read, of objects that would have said more."""


NOTHING_LEARNT = Learnt()
"""Of an object that no relationship speaks of."""


class Relations:
    """A bundle's relationships, by the object that they say something about."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._indicates: defaultdict[str, list[tuple[Body, str]]] = defaultdict(list)
        self._consists: defaultdict[str, list[tuple[Body, str]]] = defaultdict(list)
        self._serves: defaultdict[str, list[tuple[Body, str]]] = defaultdict(list)
        self._sighted: defaultdict[str, list[tuple[Body, str]]] = defaultdict(list)
        self._reports: defaultdict[str, list[str]] = defaultdict(list)
        self._indicated: dict[str, Learnt] = {}
        self._observed: dict[str, Learnt] = {}
        for body in bundle.latest.values():
            if body.get("revoked") is True:
                continue
            kind = kind_of(body)
            if kind == "relationship":
                self._relate(body)
            elif kind == "sighting":
                for observed in texts_of(body, "observed_data_refs"):
                    self._sighted[observed].append((body, text_of(body, "sighting_of_ref") or ""))
            elif kind in {"report", "grouping"} and (name := text_of(body, "name")):
                for reference in texts_of(body, "object_refs"):
                    self._reports[reference].append(name)

    def _relate(self, body: Body) -> None:
        kind, source, target = (text_of(body, name) for name in ("relationship_type", "source_ref", "target_ref"))
        if source is None or target is None:
            return
        if kind == "indicates":
            self._indicates[source].append((body, target))
        elif kind == "consists-of":
            self._consists[target].append((body, source))
        elif kind in _FROM_INFRASTRUCTURE:
            self._serves[source].append((body, target))
        elif kind in _TO_INFRASTRUCTURE:
            self._serves[target].append((body, source))

    def of_indicator(self, identifier: str | None) -> Learnt:
        """Families and infrastructure roles that an indicator `indicates`."""
        steps = self._indicates.get(identifier or "")
        if steps is None or identifier is None:
            return NOTHING_LEARNT
        known = self._indicated.get(identifier)
        if known is None:
            # its sightings will ask again
            known = self._learn(steps)
            self._indicated[identifier] = known
        return known

    def of_observed(self, identifiers: Iterable[str]) -> Learnt:
        """What is said of observed data and its objects: infrastructure consisting of them, malware sighted there."""
        learnt = [one for identifier in identifiers if (one := self._of_one_observed(identifier)) != NOTHING_LEARNT]
        if len(learnt) < 2:
            return learnt[0] if learnt else NOTHING_LEARNT
        return Learnt(
            tuple(dict.fromkeys(said for one in learnt for said in one.families)),
            tuple(dict.fromkeys(said for one in learnt for said in one.roles)),
            tuple(dict.fromkeys(text for one in learnt for text in one.refused)),
        )

    def _of_one_observed(self, identifier: str) -> Learnt:
        known = self._observed.get(identifier)
        if known is None:
            known = self._learn([*self._consists.get(identifier, ()), *self._sighted.get(identifier, ())])
            self._observed[identifier] = known
        return known

    def reports_of(self, identifier: str | None) -> tuple[str, ...]:
        """Names of the reports and groupings that list an object, in the bundle's order."""
        return tuple(dict.fromkeys(self._reports.get(identifier or "", ())))

    def name_of(self, identifier: str | None) -> str | None:
        """The name of an object of the bundle."""
        body = self._bundle.latest.get(identifier or "")
        return None if body is None else text_of(body, "name")

    def _learn(self, steps: Iterable[tuple[Body, str]]) -> Learnt:
        families: dict[Said, None] = {}
        roles: dict[Said, None] = {}
        refused: dict[str, None] = {}
        for relationship, other in steps:
            body = self._live(other)
            if body is None:
                continue
            try:
                if kind_of(body) == "malware":
                    self._add_family(families, body, relationship)
                elif kind_of(body) == "infrastructure":
                    self._add_roles(roles, body, relationship)
                    for serving, malware in self._serves.get(other, ()):
                        found = self._live(malware)
                        if found is not None and kind_of(found) == "malware":
                            self._add_family(families, found, relationship, body, serving)
            except MarkingError as error:
                refused[str(error)] = None
        return Learnt(tuple(families), tuple(roles), tuple(refused))

    def _live(self, identifier: str) -> Body | None:
        body = self._bundle.latest.get(identifier)
        return None if body is None or body.get("revoked") is True else body

    def _strictest(self, bodies: Iterable[Body]) -> Marking | None:
        return strictest_said(*(marking_of(body, self._bundle) for body in bodies))

    def _add_family(self, families: dict[Said, None], malware: Body, *via: Body) -> None:
        name = (text_of(malware, "name") or "").strip()
        if name and writable(name):
            families[Said(name, self._strictest((malware, *via)))] = None

    def _add_roles(self, roles: dict[Said, None], infrastructure: Body, relationship: Body) -> None:
        # 2.1 has `infrastructure_types`; 2.0 had no infrastructure, but exporters wrote one with `labels`
        types = texts_of(infrastructure, "infrastructure_types") or texts_of(infrastructure, "labels")
        marking = self._strictest((infrastructure, relationship))
        for kind in types:
            role = INFRASTRUCTURE_ROLES.get(kind)
            if role is not None:
                roles[Said(role.value, marking)] = None


def own_types(body: Body) -> tuple[str, ...]:
    """An indicator's types: `indicator_types`, or in STIX 2.0 its `labels`."""
    return texts_of(body, "indicator_types") or texts_of(body, "labels")


def own_roles(body: Body) -> tuple[Role, ...]:
    """The roles that an indicator's types and kill chain phases say, for a value that is no source of traffic."""
    roles = [INDICATOR_ROLES[kind] for kind in own_types(body) if kind in INDICATOR_ROLES]
    for phase in bodies_of(body, "kill_chain_phases"):
        if phase.get("phase_name") == C2_PHASE and text_of(phase, "kill_chain_name") in C2_CHAINS:
            roles.append(Role.C2_SERVER)
    return tuple(dict.fromkeys(roles))


def role_applies(role: Role, kind: IndicatorType, *, source_side: bool) -> bool:
    """Can an indicator of this type, on this side of the traffic, have a role that was said of its object?"""
    if kind is IndicatorType.EMAIL:
        return role is Role.PHISHING
    return kind in NETWORK_TYPES and not (source_side and role is Role.C2_SERVER)
