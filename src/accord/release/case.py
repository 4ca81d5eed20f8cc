"""A run's case: all that fusion and attribution found, and the views that audiences may have of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from accord.agreements.declarations import Dataset
from accord.attribution.locating import resolve
from accord.columns.instants import microseconds
from accord.columns.lists import distinct, empty_lists
from accord.columns.schema import FINDINGS, VIEW_EVIDENCE, VIEW_SIGHTINGS
from accord.fusion.evidence import Evidence
from accord.fusion.identity import finding_ids
from accord.fusion.merging import FamilySheet, SourceSheet, merge
from accord.fusion.ranking import severity
from accord.intake.delivery import Delivery
from accord.operations.declaration import Operation, Theme
from accord.reference.store import Reference
from accord.release.rules import Audience, permits
from accord.release.view import DatasetSheet, HubSheet, OperationSheet, RecipientSheet, ReferenceSheet, View
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.indicators import INDICATOR_TYPES
from accord.vocabulary.markings import MARKINGS, Marking
from accord.vocabulary.roles import ROLES, Role

_Positions = npt.NDArray[np.int64]
_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Everything that is known, before anybody's rights are asked for. Tables are aligned with `evidence.findings`."""

    operation: Operation
    deliveries: tuple[Delivery, ...]
    evidence: Evidence
    families: FamilySheet
    key: bytes
    """The hub's, for finding ids."""
    threads: int
    places: pa.Table
    """`attribution.locating.PLACES`, by the values alone."""
    resolutions: pa.Table
    """`intake.delivery.DATED_RESOLUTIONS`, inside the window."""
    reference: Reference

    @cached_property
    def sources(self) -> tuple[SourceSheet, ...]:
        """What merging needs of the data sets."""
        return tuple(
            SourceSheet(
                id=dataset.id,
                independent_source=dataset.independent_source,
                grade=dataset.grade,
                named=dataset.partner.name if dataset.name_partner else None,
                personal=dataset.personal,
            )
            for dataset in self.operation.datasets
        )

    @property
    def as_of_us(self) -> int:
        """The operation's `as_of`."""
        return microseconds(self.operation.scope.as_of)

    @cached_property
    def hub_places(self) -> pa.Table:
        """PLACES with every resolution, for the hub alone."""
        return resolve(self.places, self.resolutions, self.reference)

    def hub_findings(self, size: int) -> Iterator[pa.Table]:
        """All findings as the hub sees them, at most `size` at a time so that memory does not grow with their number.

        FINDINGS sorted by type, value and role, with empty `basis`.
        """
        population = self._population(self.evidence.rows)
        for begin in range(0, len(self.evidence.findings), size):
            piece = self._between(begin, begin + size)
            number, merged = merge(piece, self.sources, self.families, self.as_of_us)
            yield self._assemble(number, merged, self.hub_places, empty_lists(len(number)), population)

    def _between(self, begin: int, end: int) -> Evidence:
        """The evidence for findings `begin` to `end`."""
        rows, ports = (
            table.slice(low, high - low)
            for table in (self.evidence.rows, self.evidence.ports)
            for low, high in [np.searchsorted(table["finding"].to_numpy(), [begin, end]).tolist()]
        )
        return Evidence(findings=self.evidence.findings, rows=rows, ports=ports)

    def _population(self, rows: pa.Table) -> Mapping[str, int]:
        """Infected systems of each family, among the findings that these evidence rows are for."""
        finding, family = rows["finding"].to_numpy(), rows["family"].to_numpy().astype(np.int64)
        infected = self.evidence.findings["role"].to_numpy()[finding] == ROLES.index(Role.INFECTED_SYSTEM)
        infected &= family >= 0
        names = sorted(set(self.families.normalised))
        place = {name: at for at, name in enumerate(names)}
        code = np.array([place[name] for name in self.families.normalised] or [0], np.int64)[family[infected]]
        pairs = distinct(finding[infected] * max(len(names), 1) + code)
        counts = np.bincount(pairs % max(len(names), 1), minlength=len(names))
        return {name: int(count) for name, count in zip(names, counts.tolist(), strict=False) if count}

    def view(self, country: CountryCode, theme: Theme | None, sightings: pa.Table) -> View:
        """What the recipients of a country's report may all see.

        `sightings`: `EvidenceEngine.sightings` of this case's findings.
        """
        recipients = self.operation.recipients_of(country)
        allowed = _allowed(self.operation.datasets, Audience(recipients=recipients))
        resolutions = self.resolutions.filter(pa.array(_permitted(self.resolutions, allowed)))
        places = resolve(self.places, resolutions, self.reference)
        hosting, registry = _hosted_in(places, country), _registered_in(places, country)
        evidence = self._restrict(hosting | registry, allowed, theme)
        number, merged = merge(evidence, self.sources, self.families, self.as_of_us)
        basis = _basis(hosting[number], registry[number])
        unsorted = self._assemble(number, merged, places, basis, self._population(evidence.rows))
        identifier = _Identifiers(number=number, ids=unsorted["finding_id"].combine_chunks())
        findings = unsorted.sort_by([("severity", "descending"), ("finding_id", "ascending")])
        return View(
            hub=HubSheet(
                name=self.operation.hub.name,
                contact=self.operation.hub.contact,
                namespace=self.operation.hub.namespace,
            ),
            operation=_operation_sheet(self.operation),
            country=country,
            theme=None if theme is None else theme.name,
            theme_title=None if theme is None else theme.title,
            recipients=tuple(
                RecipientSheet(partner=one.partner.name, country=one.country, persons=one.persons) for one in recipients
            ),
            marking=_strictest(evidence.rows),
            findings=findings,
            evidence=self._view_evidence(evidence, identifier),
            sightings=self._view_sightings(sightings, identifier, allowed),
            datasets=self._dataset_sheets(evidence),
            csirt=None if self.reference.csirts is None else self.reference.csirts.of(country),
            legal_basis=self._legal_basis(country),
            reference=tuple(
                ReferenceSheet(name=source.name, version=source.version, licence=source.licence)
                for source in self.reference.sources
            ),
        )

    def narrowed(self, countries: Sequence[CountryCode]) -> "Case":
        """The same case with only those findings that can be in a view of these countries, whoever looks."""
        mask = np.zeros(len(self.hub_places), np.bool_)
        for country in countries:
            mask |= _hosted_in(self.hub_places, country) | _registered_in(self.hub_places, country)
        number = np.flatnonzero(mask)
        again = np.cumsum(mask) - 1
        places = _rows(self.places, number)
        hosts = self.resolutions.filter(pc.is_in(self.resolutions["domain"], value_set=pc.unique(places["host"])))
        return replace(
            self,
            evidence=Evidence(
                findings=_rows(self.evidence.findings, number),
                rows=_renumbered(self.evidence.rows, mask, again),
                ports=_renumbered(self.evidence.ports, mask, again),
            ),
            places=places,
            resolutions=hosts,
        )

    def size(self, country: CountryCode) -> int:
        """About how many findings a view of the country will have."""
        return int(np.count_nonzero(_hosted_in(self.places, country) | _registered_in(self.places, country)))

    @property
    def numbered(self) -> pa.Table:
        """The findings with their numbers, for `EvidenceEngine.sightings`: finding, type, value, role."""
        findings = self.evidence.findings
        return findings.add_column(0, "finding", pa.array(np.arange(len(findings))))

    def _restrict(self, wanted: _Mask, allowed: _Mask, theme: Theme | None) -> Evidence:
        """The evidence for some findings that an audience may see and a theme is about."""
        rows, ports = self.evidence.rows, self.evidence.ports
        mask = wanted[rows["finding"].to_numpy()]
        mask &= allowed[rows["dataset"].to_numpy(), rows["marking"].to_numpy()]
        port_mask = wanted[ports["finding"].to_numpy()]
        port_mask &= allowed[ports["dataset"].to_numpy(), ports["marking"].to_numpy()]
        if theme is not None and theme.roles:
            roles = np.isin(self.evidence.findings["role"].to_numpy(), [ROLES.index(role) for role in theme.roles])
            mask &= roles[rows["finding"].to_numpy()]
        if theme is not None and theme.families:
            mask &= self._of_families(theme.families)[rows["family"].to_numpy()]
        return Evidence(
            findings=self.evidence.findings,
            rows=rows.filter(pa.array(mask)),
            ports=ports.filter(pa.array(port_mask)),
        )

    def _of_families(self, names: tuple[str, ...]) -> _Mask:
        """Which reported family codes belong to the families of these names; the last entry stands for 'none said'."""
        wanted = {one.casefold() for one in self.reference.families.normalise(names)}
        return np.array([one.casefold() in wanted for one in self.families.normalised] + [False], np.bool_)

    def _assemble(
        self,
        number: _Positions,
        merged: pa.Table,
        places: pa.Table,
        basis: pa.ListArray,
        population: Mapping[str, int],
    ) -> pa.Table:
        """FINDINGS rows, in the order of `number`, from merged evidence and attribution."""
        found = _rows(self.evidence.findings, number)
        role = found["role"].to_numpy()
        roles = pa.array([one.value for one in ROLES]).take(pa.array(role.astype(np.int32)))
        located = _rows(places, number)
        types, values = found["type"].to_numpy(), found["value"].combine_chunks()
        host, address = (located[name].combine_chunks() for name in ("host", "address"))
        review, cautions = self.reference.warning_lists.match(types, values, host, address).judge(roles)
        columns: dict[str, object] = {name: merged[name] for name in merged.column_names}
        columns |= {name: located[name] for name in located.column_names}
        columns |= {
            "finding_id": finding_ids(found, self.key, self.threads),
            "type": pa.array([kind.value for kind in INDICATOR_TYPES]).take(found["type"].combine_chunks()),
            "value": values,
            "role": roles,
            "csirt": self._csirts(located["country"].combine_chunks()),
            "abuse_contact": self._abuse_contacts(located["asn"].combine_chunks()),
            "basis": basis,
            "review": review,
            "cautions": cautions,
            "severity": pa.array(
                severity(
                    role,
                    located["government"].to_numpy(),
                    merged["confidence"].to_numpy(),
                    merged["last_seen"].cast(pa.int64()).to_numpy(),
                    _victims(role, merged["families"].combine_chunks(), population),
                    self.as_of_us,
                )
            ),
        }
        return pa.table([_plain(columns[name]) for name in FINDINGS.names], schema=FINDINGS)

    def _csirts(self, country: pa.StringArray) -> pa.StringArray:
        """The national CSIRT of each country, as the operator imported it."""
        csirts = self.reference.csirts
        return _answered(country, lambda code: None if csirts is None else csirts.of(code))

    def _abuse_contacts(self, asn: pa.Int64Array) -> pa.StringArray:
        """The abuse contact of each network, as the operator imported it."""
        abuse = self.reference.abuse
        return _answered(asn, lambda number: None if abuse is None else abuse.of(number))

    def _legal_basis(self, country: CountryCode) -> str | None:
        """What the operator's treaty table says between the hub's country and this one."""
        home, treaties = self.operation.hub.country, self.reference.treaties
        if home is None or treaties is None:
            return None
        return treaties.basis(home, country, self.operation.scope.as_of.date())

    def _view_evidence(self, evidence: Evidence, identifier: "_Identifiers") -> pa.Table:
        rows = evidence.rows
        table = pa.table(
            [
                identifier.of(rows["finding"].to_numpy()),
                _words([dataset.id for dataset in self.operation.datasets], rows["dataset"]),
                _words(self.families.normalised, rows["family"]),
                rows["day"].cast(pa.date32()),
                rows["first_seen"].cast(pa.timestamp("us", tz="UTC")),
                rows["last_seen"].cast(pa.timestamp("us", tz="UTC")),
                rows["undated"],
                rows["count"],
            ],
            schema=VIEW_EVIDENCE,
        )
        order = ("finding_id", "dataset", "day", "family", "first_seen", "last_seen", "count")
        return table.sort_by([(name, "ascending") for name in order])

    def _view_sightings(self, sightings: pa.Table, identifier: "_Identifiers", allowed: _Mask) -> pa.Table:
        mask = allowed[sightings["dataset"].to_numpy(), sightings["marking"].to_numpy()]
        mask &= np.isin(sightings["finding"].to_numpy(), identifier.number)
        mine = sightings.filter(pa.array(mask))
        port = mine["port"].combine_chunks()
        table = pa.table(
            [
                identifier.of(mine["finding"].to_numpy()),
                mine["seen_at"].cast(pa.timestamp("us", tz="UTC")),
                mine["undated"],
                pc.if_else(pc.equal(port, 0), pa.scalar(None, pa.int32()), port),
                _words(self.families.normalised, mine["family"]),
                mine["count"],
            ],
            schema=VIEW_SIGHTINGS,
        )
        keys = ["finding_id", "seen_at", "port", "family", "undated"]
        merged = table.group_by(keys, use_threads=False).aggregate([("count", "sum")]).rename_columns([*keys, "count"])
        return merged.select(VIEW_SIGHTINGS.names).cast(VIEW_SIGHTINGS).sort_by([(key, "ascending") for key in keys])

    def _dataset_sheets(self, evidence: Evidence) -> tuple[DatasetSheet, ...]:
        rows = evidence.rows
        dataset = rows["dataset"].to_numpy()
        sheets = []
        for index in np.unique(dataset).tolist():
            mine = rows.filter(pa.array(dataset == index))
            declared = self.operation.datasets[index]
            sheets.append(
                DatasetSheet(
                    id=declared.id,
                    title=declared.title if declared.name_partner else None,
                    partner=declared.partner.name if declared.name_partner else None,
                    origin=declared.origin.value,
                    legal_basis=declared.legal_basis.value,
                    grade=declared.grade.value,
                    marking=_strictest(mine),
                    personal=declared.personal,
                    upstream=declared.upstream if declared.name_partner else None,
                    collected_from=declared.collected_at,
                    collected_to=declared.collected_at,
                    deliveries=len(pc.unique(mine["delivery"])),
                    findings=len(pc.unique(mine["finding"])),
                    observations=int(pc.sum(mine["observations"]).as_py()),
                    sightings=int(pc.sum(mine["count"]).as_py()),
                    undated=bool(pc.any(mine["undated"]).as_py()),
                )
            )
        return tuple(sorted(sheets, key=lambda sheet: sheet.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Identifiers:
    """The ids of a view's findings, by their numbers."""

    number: _Positions
    ids: pa.StringArray

    def of(self, findings: _Positions) -> pa.StringArray:
        """The id of each finding; all of them are in the view."""
        return self.ids.take(pa.array(np.searchsorted(self.number, findings)))


def _renumbered(rows: pa.Table, mask: _Mask, again: _Positions) -> pa.Table:
    """Rows of the findings in `mask`, with the numbers that `again` gives them."""
    finding = rows["finding"].to_numpy()
    kept = mask[finding]
    return rows.filter(pa.array(kept)).set_column(0, "finding", pa.array(again[finding[kept]]))


def _rows(table: pa.Table, number: _Positions) -> pa.Table:
    """The rows of some findings, ascending; a slice where they follow each other."""
    if len(number) and int(number[-1]) - int(number[0]) + 1 == len(number):
        return table.slice(int(number[0]), len(number))
    return table.take(pa.array(number))


def _operation_sheet(operation: Operation) -> OperationSheet:
    scope = operation.scope
    return OperationSheet(
        name=operation.name,
        title=operation.title,
        as_of=scope.as_of,
        window_start=scope.window_start,
        window_end=scope.window_end,
        roles=tuple(role.value for role in scope.roles),
        families=scope.families,
        countries=tuple(scope.countries),
        answer_by=operation.answer_by,
        simulated=operation.simulated,
    )


def _allowed(datasets: tuple[Dataset, ...], audience: Audience) -> _Mask:
    """`allowed[data set, marking]`: do all rules permit it?"""
    return np.array(
        [[permits(dataset, marking, audience) for marking in MARKINGS] for dataset in datasets], np.bool_
    ).reshape(len(datasets), len(MARKINGS))


def _permitted(table: pa.Table, allowed: _Mask) -> _Mask:
    return np.asarray(allowed[table["dataset"].to_numpy(), table["marking"].to_numpy()])


def _hosted_in(places: pa.Table, country: str) -> _Mask:
    lists = places["countries"].combine_chunks()
    mask = np.zeros(len(lists), np.bool_)
    here = pc.fill_null(pc.equal(pc.list_flatten(lists), country), False).to_numpy(zero_copy_only=False)
    mask[pc.list_parent_indices(lists).to_numpy()[here]] = True
    return mask


def _registered_in(places: pa.Table, country: str) -> _Mask:
    same = pc.fill_null(pc.equal(places["registry_country"], country), False)
    return np.asarray(same.to_numpy(), np.bool_)


def _basis(hosting: _Mask, registry: _Mask) -> pa.ListArray:
    count = len(hosting)
    flags = np.column_stack([hosting, registry])
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(flags.sum(axis=1), out=offsets[1:])
    words = pa.array(["hosting", "registry"])
    return pa.ListArray.from_arrays(pa.array(offsets), words.take(pa.array(np.nonzero(flags)[1])))


def _victims(role: npt.NDArray[np.int8], families: pa.ListArray, population: Mapping[str, int]) -> _Positions:
    """For each finding the infected systems of the best-populated of its families.

    Only a criminal's server has victims behind it; for other findings the answer is 0.
    """
    owner = pc.list_parent_indices(families).to_numpy()
    coded = pc.list_flatten(families).dictionary_encode()
    behind = np.array([population.get(name, 0) for name in coded.dictionary.to_pylist()] or [0], np.int64)
    crowd = np.zeros(len(role), np.int64)
    np.maximum.at(crowd, owner, behind[coded.indices.to_numpy()])
    servers = np.isin(role, [ROLES.index(one) for one in (Role.C2_SERVER, Role.MALWARE_DISTRIBUTION)])
    return np.where(servers, crowd, 0)


def _strictest(rows: pa.Table) -> Marking:
    return MARKINGS[int(pc.max(rows["marking"]).as_py())] if rows.num_rows else Marking.CLEAR


def _answered(asked: pa.Array, answer: Callable[[Any], str | None]) -> pa.StringArray:
    """The answer for each value, asked for once a distinct value; null for null."""
    coded = asked.dictionary_encode()
    said = pa.array([answer(value) for value in coded.dictionary.to_pylist()], pa.string())
    return said.take(coded.indices)


def _words(words: object, codes: pa.ChunkedArray) -> pa.StringArray:
    """The word of each code; null for -1."""
    index = codes.combine_chunks()
    return pa.array(words, pa.string()).take(pc.if_else(pc.less(index, 0), pa.scalar(None, index.type), index))


def _plain(column: object) -> object:
    """A column in one piece; combining a single chunk would copy it."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
