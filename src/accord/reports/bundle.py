"""bundle.json: a report as STIX 2.1, for threat intelligence platforms.

The file is one JSON document with one object a line:

    {"type":"bundle","id":"bundle--…","objects":[
    {"type":"marking-definition",…},
    {"type":"identity",…},
    …
    {"type":"report",…}
    ]}

What criminals run becomes an indicator, an infrastructure and a sighting. Everything else (infected and compromised
systems above all) is observed data, with a sighting of each malware family: nobody's firewall may block a victim.
Findings that await an analyst's review are left out, and counted in the report object's description.

Source: OASIS STIX 2.1 (OS). docs/outputs.md says which object stands for what.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import UNSET, Raw, Struct, UnsetType

from accord.columns.rows import rows_of
from accord.release.view import View
from accord.reports import stix
from accord.reports.identifiers import NUL, Names, object_names, report_name
from accord.reports.versions import Sink, read_versions
from accord.vocabulary.handling import Pap, strictest_pap
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.markings import MARKINGS, PAP_IDS, TLP2_IDS, Marking
from accord.vocabulary.roles import Role

CRIMINAL_ROLES: frozenset[Role] = frozenset(
    {
        Role.C2_SERVER,
        Role.MALWARE_DISTRIBUTION,
        Role.MALWARE_CONFIGURATION,
        Role.PHISHING,
        Role.SPAM,
        Role.DDOS,
        Role.DOS,
        Role.SCANNER,
        Role.SNIFFING,
        Role.SOCIAL_ENGINEERING,
        Role.BRUTE_FORCE,
        Role.EXPLOIT,
        Role.MASQUERADE,
    }
)
"""Roles that become indicators. A list of what may be blocked, not of what may not: an unknown role is no reason."""

_INFRASTRUCTURE_TYPES: Mapping[Role, str] = {
    Role.C2_SERVER: "command-and-control",
    Role.MALWARE_DISTRIBUTION: "hosting-malware",
    Role.MALWARE_CONFIGURATION: "staging",
    Role.PHISHING: "phishing",
    Role.SCANNER: "reconnaissance",
}
"""`infrastructure-type-ov` (section 10.9), where it has a word for the role."""

_NAMES: Mapping[Role, str] = {
    Role.C2_SERVER: "Command-and-control server",
    Role.MALWARE_DISTRIBUTION: "Malware distribution",
    Role.MALWARE_CONFIGURATION: "Malware configuration",
    Role.PHISHING: "Phishing",
    Role.SPAM: "Spam source",
    Role.DDOS: "Source of distributed denial of service",
    Role.DOS: "Source of denial of service",
    Role.SCANNER: "Scanner",
    Role.SNIFFING: "Sniffing",
    Role.SOCIAL_ENGINEERING: "Social engineering",
    Role.BRUTE_FORCE: "Source of login attempts",
    Role.EXPLOIT: "Source of exploits",
    Role.MASQUERADE: "Masquerade",
}

# The relationship between an infrastructure and a family that the specification's table has for the role (4.8).
_DOES: Mapping[Role, str] = {
    Role.C2_SERVER: "controls",
    Role.MALWARE_DISTRIBUTION: "delivers",
    Role.MALWARE_CONFIGURATION: "hosts",
}

_FILES = frozenset({IndicatorType.SHA256, IndicatorType.SHA1, IndicatorType.MD5})
_ADDRESSES = frozenset({IndicatorType.IPV4, IndicatorType.IPV6})

SIMULATED_LABEL = "simulated"
_BATCH = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a bundle holds."""

    objects: int
    indicators: int
    observed: int
    in_review: int
    """Findings that were left out because an analyst must decide first."""


def write(view: View, path: Path, previous: Path | None = None) -> Written:
    """Write bundle.json. `previous`: the bundle.json that the same audience got before, if there is one.

    An object that says the same as in `previous` keeps its `created` and `modified`; one that says something else
    keeps `created` and gets the operation's `as_of` as `modified`; a new one has `as_of` for both. Raises OSError
    when the file cannot be written, UnreadableError when `previous` is no bundle that Accord wrote.
    """
    earlier = {} if previous is None else read_versions(previous)
    with path.open("wb") as file:
        sink = Sink(file=file, earlier=earlier)
        return _Composition(view=view, sink=sink).write(sink)


class Objects(Protocol):
    """Takes objects; each with the ids of the findings that it tells of: none where it tells of no single one."""

    def put(self, thing: stix.Object, about: Collection[str], /) -> None:
        """A domain or relationship object whose `created` and `modified` are the operation's `as_of`."""

    def put_observable(self, thing: stix.Observable, about: Collection[str], /) -> None:
        """A cyber observable: it has no versions."""

    def put_marking(self, thing: stix.MarkingDefinition, /) -> None:
        """A marking-definition: it has no versions."""


def put_objects(view: View, sink: Objects, generations: Mapping[str, int]) -> None:
    """Put what a view's findings are told by, those in review left out; observables and families last, once each.

    `generations`: of findings whose objects were taken away, how often; those that come after have other ids.
    """
    _Composition(view=view, sink=sink, generations=generations).put_findings()


class _Row(Struct, gc=False):
    """What the bundle takes of one finding."""

    finding_id: str
    type: str
    value: str
    role: str
    families: Sequence[str]
    first_seen: str
    last_seen: str
    sightings: int
    ports: Sequence[int]
    ports_many: bool
    partners: int
    sources: Sequence[str]
    datasets: Sequence[str]
    """The hub's own ids, for what agreements say of them."""
    confidence: float | None
    marking: str
    asn: int | None
    network_owner: str | None
    government: bool
    cautions: Sequence[str]
    reviewed: Sequence[str]


_ROW = _Row.__struct_fields__
Positions = npt.NDArray[np.int64]
Seen = tuple[str, str, str, int]
"""A family, when it was first and last seen at one finding, and how often."""


class _Family(Struct, gc=False):
    """A malware family, and the code of the widest marking among the findings that name it."""

    id: str
    marking: int
    pap: Pap | None
    """The strictest label of theirs."""


class _Composition:
    """A view's objects in the making."""

    def __init__(self, *, view: View, sink: "Objects", generations: Mapping[str, int] | None = None) -> None:
        self._view = view
        self._sink = sink
        self._generations = generations or {}
        self._now = stix.stamp(view.operation.as_of)
        self._names: Names = object_names(view)
        self._hub = f"identity--{Names(view.hub.namespace)('hub')}"
        self._simulated = f"marking-definition--{Names(view.hub.namespace)('simulated')}"
        self._label = (SIMULATED_LABEL,) if view.operation.simulated else ()
        extra = (self._simulated,) if view.operation.simulated else ()
        self._markings = {
            (marking, pap): (TLP2_IDS[marking], *extra, *(() if pap is None else (PAP_IDS[pap],)))
            for marking in MARKINGS
            for pap in (None, *Pap)
        }
        # What several findings share is written last, marked as the widest of them: it says no more than that one.
        # What may be done with it is what may be with the strictest: who acts on it acts on what all of them say
        self._observables: dict[str, stix.Observable] = {}
        self._widest: dict[str, int] = {}
        self._strictest: dict[str, Pap | None] = {}
        self._networks: dict[int, stix.Observable] = {}
        self._families: dict[str, _Family] = {}
        # by the ids of what is shared, the findings that it is about
        self._sharers: dict[str, list[str]] = {}
        self._indicators = 0
        self._observed = 0

    def put_findings(self) -> None:
        """Put what the view's findings are told by, but for those in review."""
        acted = self._acted
        self._preliminaries(self._view.findings["marking"].take(pa.array(acted)), self._paps)
        for row, seen in _rows(self._view, acted):
            if row.role in CRIMINAL_ROLES:
                self._indicate(row)
            else:
                self._observe(row, seen)
        self._put_shared()

    @property
    def _acted(self) -> Positions:
        return np.flatnonzero(pc.equal(pc.list_value_length(self._view.findings["review"]), 0))

    @cached_property
    def _paps(self) -> frozenset[Pap]:
        """The labels of the findings that are put."""
        if not self._view.paps:
            return frozenset()
        lists = self._view.findings["datasets"].take(pa.array(self._acted)).to_pylist()
        return frozenset(pap for one in {*map(tuple, lists)} if (pap := self._pap(one)) is not None)

    def _pap(self, datasets: Sequence[str]) -> Pap | None:
        return strictest_pap(*(self._view.paps.get(one) for one in datasets)) if self._view.paps else None

    def write(self, sink: Sink) -> Written:
        """Write them as a bundle, with the report that refers to them."""
        view = self._view
        in_review = view.findings.num_rows - len(self._acted)
        identity = report_name(view)
        sink.begin(Names(view.hub.namespace, identity)(self._now))
        self.put_findings()
        self._put_report(sink, identity, in_review)
        sink.end()
        return Written(objects=sink.objects, indicators=self._indicators, observed=self._observed, in_review=in_review)

    def _key(self, row: "_Row") -> str:
        """What names a finding's objects: its id, and how often they were taken away."""
        generation = self._generations.get(row.finding_id, 0)
        return NUL.join((row.finding_id, str(generation))) if generation else row.finding_id

    def _id(self, kind: str, *key: str) -> str:
        return f"{kind}--{self._names(NUL.join((kind, *key)))}"

    def _preliminaries(self, markings: pa.ChunkedArray, paps: Collection[Pap]) -> None:
        """The marking-definitions that occur, and the hub."""
        present = {Marking(text) for text in pc.unique(markings).to_pylist()} | {self._view.marking}
        for marking in sorted(present | {Marking.CLEAR}, key=MARKINGS.index):
            self._sink.put_marking(stix.tlp(marking))
        for pap in sorted(paps, key=tuple(Pap).index):
            self._sink.put_marking(stix.pap(pap))
        if self._label:
            self._sink.put_marking(
                stix.MarkingDefinition(
                    id=self._simulated,
                    created_by_ref=self._hub,
                    created=stix.TLP2_CREATED,
                    definition_type="statement",
                    definition={"statement": "SIMULATED: made up for training; no such system was seen."},
                )
            )
        self._sink.put(
            stix.Identity(
                id=self._hub,
                created=self._now,
                modified=self._now,
                labels=self._label or UNSET,
                name=self._view.hub.name,
                identity_class="organization",
                contact_information=self._view.hub.contact,
                object_marking_refs=self._markings[Marking.CLEAR, None],
            ),
            (),
        )

    def _indicate(self, row: _Row) -> None:
        """Criminals' infrastructure: indicator, infrastructure, sighting, and how they hang together."""
        kind, role, marking = IndicatorType(row.type), Role(row.role), Marking(row.marking)
        pap = self._pap(row.datasets)
        markings, labels = self._markings[marking, pap], self._labels(row)
        confidence: int | UnsetType = UNSET if row.confidence is None else round(row.confidence * 100)
        name = f"{_NAMES[role]} {row.value}"
        indicator = self._id("indicator", self._key(row))
        value = self._value(row, kind, marking, pap)
        self._indicators += 1
        self._sink.put(
            stix.Indicator(
                id=indicator,
                created=self._now,
                modified=self._now,
                created_by_ref=self._hub,
                labels=labels,
                confidence=confidence,
                object_marking_refs=markings,
                name=name,
                description=_description(row),
                indicator_types=("malicious-activity",),
                pattern=stix.pattern(kind, row.value),
                valid_from=row.first_seen,
            ),
            (row.finding_id,),
        )
        infrastructure = None
        if kind not in _FILES:
            infrastructure = self._id("infrastructure", self._key(row))
            of_type = _INFRASTRUCTURE_TYPES.get(role)
            self._sink.put(
                stix.Infrastructure(
                    id=infrastructure,
                    created=self._now,
                    modified=self._now,
                    created_by_ref=self._hub,
                    labels=labels,
                    confidence=confidence,
                    object_marking_refs=markings,
                    name=name,
                    infrastructure_types=UNSET if of_type is None else (of_type,),
                    first_seen=row.first_seen,
                    last_seen=row.last_seen,
                ),
                (row.finding_id,),
            )
            self._relate(row, "indicates", indicator, infrastructure, ("infrastructure",), markings)
            self._relate(row, "consists-of", infrastructure, value, ("observable",), markings)
        self._sight(row, indicator, ("indicator",), (row.first_seen, row.last_seen, row.sightings), UNSET)
        for family in row.families:
            malware = self._family(family, marking, pap, row.finding_id)
            self._relate(row, "indicates", indicator, malware, ("malware", family), markings)
            if infrastructure is None:
                continue
            if role in _DOES:
                self._relate(row, _DOES[role], infrastructure, malware, ("malware", family), markings)
            else:
                self._relate(row, "uses", malware, infrastructure, ("malware", family), markings)

    def _observe(self, row: _Row, seen: Sequence[Seen]) -> None:
        """A victim, or what has no known role: observed data, and a sighting of each family there."""
        kind, marking, pap = IndicatorType(row.type), Marking(row.marking), self._pap(row.datasets)
        observed = self._id("observed-data", self._key(row))
        value = self._value(row, kind, marking, pap)
        self._observed += 1
        self._sink.put(
            stix.ObservedData(
                id=observed,
                created=self._now,
                modified=self._now,
                created_by_ref=self._hub,
                labels=self._labels(row),
                confidence=UNSET if row.confidence is None else round(row.confidence * 100),
                object_marking_refs=self._markings[marking, pap],
                first_observed=row.first_seen,
                last_observed=row.last_seen,
                number_observed=_counted(row.sightings),
                object_refs=(value,),
            ),
            (row.finding_id,),
        )
        by_family = {family: (first, last, count) for family, first, last, count in seen}
        for family in row.families:
            times = by_family.get(family, (row.first_seen, row.last_seen, row.sightings))
            self._sight(
                row, self._family(family, marking, pap, row.finding_id), ("malware", family), times, (observed,)
            )

    def _labels(self, row: _Row) -> tuple[str, ...]:
        return (
            row.role,
            *(("government",) if row.government else ()),
            *(("caution",) if row.cautions else ()),
            *self._label,
        )

    def _sight(
        self,
        row: _Row,
        of: str,
        key: tuple[str, ...],
        times: tuple[str, str, int],
        observed: tuple[str, ...] | UnsetType,
    ) -> None:
        self._sink.put(
            stix.Sighting(
                id=self._id("sighting", self._key(row), *key),
                created=self._now,
                modified=self._now,
                created_by_ref=self._hub,
                labels=self._label or UNSET,
                object_marking_refs=self._markings[Marking(row.marking), self._pap(row.datasets)],
                first_seen=times[0],
                last_seen=times[1],
                count=_counted(times[2]),
                sighting_of_ref=of,
                observed_data_refs=observed,
            ),
            (row.finding_id,),
        )

    def _relate(
        self, row: _Row, how: str, source: str, target: str, key: tuple[str, ...], markings: tuple[str, ...]
    ) -> None:
        self._sink.put(
            stix.Relationship(
                id=self._id("relationship", how, self._key(row), *key),
                created=self._now,
                modified=self._now,
                created_by_ref=self._hub,
                labels=self._label or UNSET,
                object_marking_refs=markings,
                relationship_type=how,
                source_ref=source,
                target_ref=target,
            ),
            (row.finding_id,),
        )

    def _value(self, row: _Row, kind: IndicatorType, marking: Marking, pap: Pap | None) -> str:
        """The id of the observable of a finding's value; an address names its network."""
        if kind is IndicatorType.ASN:
            return self._share(stix.autonomous_system(int(row.value), row.network_owner), marking, pap, row.finding_id)
        thing = stix.observable(kind, row.value)
        if row.asn is not None and kind in _ADDRESSES and isinstance(thing, stix.Address):
            network = self._networks.get(row.asn)
            if network is None:
                network = self._networks[row.asn] = stix.autonomous_system(row.asn, row.network_owner)
            thing.belongs_to_refs = (self._share(network, marking, pap, row.finding_id),)
        return self._share(thing, marking, pap, row.finding_id)

    def _share(self, thing: stix.Observable, marking: Marking, pap: Pap | None, finding: str) -> str:
        self._observables.setdefault(thing.id, thing)
        self._widest[thing.id] = min(self._widest.get(thing.id, marking.code), marking.code)
        self._strictest[thing.id] = strictest_pap(self._strictest.get(thing.id), pap)
        self._sharers.setdefault(thing.id, []).append(finding)
        return thing.id

    def _family(self, name: str, marking: Marking, pap: Pap | None, finding: str) -> str:
        family = self._families.get(name)
        if family is None:
            family = self._families[name] = _Family(self._id("malware", name), marking.code, pap)
        family.marking = min(family.marking, marking.code)
        family.pap = strictest_pap(family.pap, pap)
        self._sharers.setdefault(family.id, []).append(finding)
        return family.id

    def _put_shared(self) -> None:
        for identifier, thing in self._observables.items():
            thing.object_marking_refs = self._markings[MARKINGS[self._widest[identifier]], self._strictest[identifier]]
            self._sink.put_observable(thing, self._sharers[thing.id])
        self._observables.clear()
        for name, family in self._families.items():
            self._sink.put(
                stix.Malware(
                    id=family.id,
                    created=self._now,
                    modified=self._now,
                    created_by_ref=self._hub,
                    labels=self._label or UNSET,
                    object_marking_refs=self._markings[MARKINGS[family.marking], family.pap],
                    name=name,
                ),
                self._sharers[family.id],
            )

    def _put_report(self, sink: Sink, identity: str, in_review: int) -> None:
        view = self._view
        about = view.country if view.theme_title is None else f"{view.country}, {view.theme_title}"
        if view.owner is not None:
            about = f"networks of {view.recipients[0].partner}"
        types = tuple(
            name
            for name, number in (
                ("indicator", self._indicators),
                ("observed-data", self._observed),
                ("malware", len(self._families)),
            )
            if number
        )
        sink.put(
            stix.Report(
                id=f"report--{identity}",
                created=self._now,
                modified=self._now,
                created_by_ref=self._hub,
                labels=self._label or UNSET,
                object_marking_refs=self._markings[view.marking, strictest_pap(*self._paps)],
                name=f"Cyber Activity Report: {view.operation.title} ({about})",
                description=(
                    f"{self._indicators} findings as indicators, {self._observed} as observed data (victims, and what"
                    f" has no known role), {in_review} left out because they await an analyst's review."
                ),
                report_types=types or ("threat-report",),
                published=self._now,
                object_refs=Raw(sink.references + b"]"),
            ),
            (),
        )


def _counted(number: int) -> int:
    return min(max(number, 1), stix.MOST_COUNTED)


def _description(row: _Row) -> str:
    """What a person reads beside an indicator."""
    parts = [f"Reported by {row.partners} independent partner{'' if row.partners == 1 else 's'}"]
    if row.sources:
        parts[0] += f", among them {', '.join(row.sources)}"
    if row.families:
        parts.append(f"Families: {', '.join(row.families)}")
    if row.ports:
        more = " and more" if row.ports_many else ""
        parts.append(f"Service ports: {', '.join(map(str, row.ports))}{more}")
    if row.cautions:
        parts.append(f"Caution, it stands on shared infrastructure: {', '.join(row.cautions)}")
    if row.reviewed:
        parts.append(f"An analyst has found that it is right, though it is on: {', '.join(row.reviewed)}")
    return ". ".join(parts) + "."


def _rows(view: View, rows: Positions) -> Iterator[tuple[_Row, Sequence[Seen]]]:
    """Findings in some rows of a view, each with its families' own times and counts; a batch at a time."""
    owner = view.families["row"].to_numpy()
    for begin in range(0, len(rows), _BATCH):
        at = rows[begin : begin + _BATCH]
        batch = rows_of(view.findings, at)
        starts, ends = np.searchsorted(owner, at), np.searchsorted(owner, at, side="right")
        low, high = int(starts[0]), int(ends[-1])
        part = view.families.slice(low, high - low)
        families = list(
            zip(
                part["family"].to_pylist(),
                _stamps(part["first_seen"]),
                _stamps(part["last_seen"]),
                part["count"].to_pylist(),
                strict=True,
            )
        )
        columns = (_stamps(batch[name]) if name.endswith("_seen") else batch[name].to_pylist() for name in _ROW)
        for start, end, *values in zip(starts.tolist(), ends.tolist(), *columns, strict=True):
            yield _Row(*values), families[start - low : end - low]


def _stamps(column: pa.ChunkedArray) -> list[str]:
    """Instants as STIX writes them, to the millisecond."""
    text = pc.cast(pc.cast(column, pa.timestamp("ms"), safe=False), pa.string())
    text = pc.replace_substring(text, pattern=" ", replacement="T")
    stamps: list[str] = pc.binary_join_element_wise(text, "Z", "").to_pylist()
    return stamps
