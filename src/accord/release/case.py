"""A run's case: all that fusion and attribution found, and the views that audiences may have of it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from accord.attribution.locating import resolve
from accord.attribution.owning import OwnNetworks
from accord.columns.instants import microseconds
from accord.columns.lists import distinct, empty_lists
from accord.columns.rows import rows_of
from accord.columns.schema import FINDINGS, VIEW_SIGHTINGS
from accord.fusion.evidence import NO_PORT, SIGHTING_ROW, Evidence, EvidenceSource, begins
from accord.fusion.identity import finding_ids
from accord.fusion.merging import FamilySheet, SourceSheet, merge
from accord.fusion.ranking import severity
from accord.fusion.rowfile import Positions, RowFile, Rows
from accord.intake.delivery import Delivery
from accord.operations.actions import ASKED
from accord.operations.declaration import Operation, Recipient, Theme
from accord.reference.store import Reference
from accord.release.account import EvidenceAccount
from accord.release.handing import permissible
from accord.release.policy import Mask, Terms, personal_findings, run_terms
from accord.release.question import Audience
from accord.release.view import HubSheet, OperationSheet, RecipientSheet, ReferenceSheet, Sightings, View
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.indicators import INDICATOR_TYPES
from accord.vocabulary.markings import MARKINGS
from accord.vocabulary.roles import ROLES, Role

_UNRANKED = FINDINGS.remove(FINDINGS.get_field_index("severity"))
_ROLE_WORDS = pa.array([role.value for role in ROLES])

TRACES = pa.schema(
    [
        *ASKED,
        pa.field("dataset", pa.string(), nullable=False),
        # SHA-256 of the delivery, in hex
        pa.field("delivery", pa.string(), nullable=False),
        pa.field("marking", pa.string(), nullable=False),
        # of evidence whether it is personal data by what the finding is; where a name stood is none by itself
        pa.field("personal", pa.bool_(), nullable=False),
    ]
)
"""On what each finding of a view rests, for the hub alone: by this a value is traced to those who got it; and what is
asked about it."""

_BEHIND = ["domain", "dataset", "delivery", "marking"]
"""By what resolutions stand behind a finding, each once."""

_PIECE = 1 << 15
"""Findings of a view that are merged at a time."""

_SIGHTINGS = 1 << 16
"""Single sightings that are in memory at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """Findings that a view may be about, and where they are for its audience."""

    numbers: Positions
    """Ascending."""
    places: pa.Table
    """PLACES of these."""
    resolutions: pa.Table
    """Those by which they are there."""
    hosting: Mask
    """Which of them are hosted where the view is about."""
    registry: Mask
    """Which of them are registered there."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Everything that is known, before anybody's rights are asked for. Tables are aligned with `evidence.findings`."""

    operation: Operation
    deliveries: tuple[Delivery, ...]
    evidence: EvidenceSource
    families: FamilySheet
    key: bytes
    """The hub's, for finding ids."""
    threads: int
    places: pa.Table
    """`attribution.locating.PLACES`, by the values alone."""
    resolutions: pa.Table
    """`intake.resolutions.RESOLUTION_SOURCES`, inside the window."""
    reference: Reference
    terms: Terms | None = None
    """Under which rules it is released (`release.policy`); None: those of a run by itself."""
    wrong: Positions = field(default_factory=lambda: np.zeros(0, np.int64))
    """Findings that a correction says are wrong: nobody is told of them, the hub's own table neither."""

    @cached_property
    def _terms(self) -> Terms:
        return self.terms if self.terms is not None else run_terms(self.operation)

    @cached_property
    def _personal(self) -> Positions:
        """For each finding 1 where it is personal data by what it is."""
        findings = self.evidence.findings
        return personal_findings(findings["type"].to_numpy(), findings["role"].to_numpy()).astype(np.int64)

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
        population: Counter[str] = Counter()
        right = np.setdiff1d(np.arange(len(self.evidence.findings)), self.wrong, assume_unique=True)
        for _, piece in self._pieces(right, size):
            population += self._population(piece)
        for numbers, piece in self._pieces(right, size):
            _, merged = merge(piece, self.sources, self.families, self.as_of_us)
            places = rows_of(self.hub_places, numbers)
            found = self._assemble(piece.findings, merged, places, empty_lists(len(numbers)))
            yield self._ranked(found, population)

    def _pieces(self, numbers: Positions, size: int) -> Iterator[tuple[Positions, Evidence]]:
        """The evidence for some findings, ascending, at most `size` of them at a time."""
        for begin in range(0, len(numbers), size):
            part = numbers[begin : begin + size]
            yield part, self.evidence.of(part)

    def _population(self, evidence: Evidence) -> Counter[str]:
        """Infected systems of each family, among the findings that these evidence rows are for."""
        finding, family = evidence.rows["finding"].to_numpy(), evidence.rows["family"].to_numpy()
        infected = evidence.findings["role"].to_numpy()[finding] == ROLES.index(Role.INFECTED_SYSTEM)
        infected &= family >= 0
        width = max(len(self.family_names), 1)
        pairs = distinct(finding[infected] * width + self.family_ranks[family[infected]])
        counts = np.bincount(pairs % width, minlength=width)
        held = np.flatnonzero(counts)
        return Counter({self.family_names[at]: int(counts[at]) for at in held.tolist()})

    @cached_property
    def family_names(self) -> list[str]:
        """`FamilySheet.names`."""
        return self.families.names

    @cached_property
    def family_ranks(self) -> Positions:
        """`FamilySheet.ranks`."""
        return np.array(self.families.ranks, np.int64)

    def view(
        self,
        country: CountryCode,
        theme: Theme | None,
        sightings: RowFile,
        folder: Path,
        traces: Path | None = None,
        channel: tuple[str, Audience] | None = None,
        owner: Recipient | None = None,
    ) -> View:
        """What the recipients of a country's report may all see; the single sightings lie in `folder`.

        `sightings`: those of the findings in `in_scope`. `traces`: where TRACES are written, if they are wanted.
        `channel`: a channel and its members, for whom it is instead. `owner`: a network owner, for whom it is instead,
        of its own networks, wherever in the operation's scope. Raises OSError when the disk refuses.
        """
        if channel is None:
            recipients = self.operation.recipients_of(country) if owner is None else (owner,)
            encrypted = bool(recipients) and all(one.encrypted for one in recipients)
            audience = Audience(recipients=recipients, encrypted=encrypted)
        else:
            audience = channel[1]
            recipients = audience.recipients
        allowed = self._terms.grid(self.operation.datasets, audience)
        account = EvidenceAccount(self.operation.datasets, self.families)
        if owner is None:
            # what is in whose networks is not asked for others
            allowed = allowed[..., 0]
            number, unsorted = self._visible_findings(
                self._in_country(country, theme, allowed), theme, allowed, account
            )
        else:
            own = self._in_networks(owner, allowed)
            allowed = allowed[..., 1]
            number, unsorted = self._visible_findings(own, theme, allowed, account)
        order = pc.sort_indices(unsorted, [("severity", "descending"), ("finding_id", "ascending")]).to_numpy()
        findings = _sorted(unsorted, order)
        del unsorted
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        acted = np.asarray(pc.equal(pc.list_value_length(findings["review"]), 0))
        path = folder / "sightings.arrow"
        self._write_sightings(path, findings, acted, sightings, number[order], allowed)
        if traces is not None:
            self._write_traces(traces, findings, place, account, self._personal[number])
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
            marking=account.marking,
            findings=findings,
            families=account.families(place),
            weeks=account.weeks(acted[place]),
            sightings=Sightings(path=path),
            datasets=account.datasets(),
            csirt=None if self.reference.csirts is None else self.reference.csirts.of(country),
            legal_basis=self._legal_basis(country),
            reference=tuple(
                ReferenceSheet(name=source.name, version=source.version, licence=source.licence)
                for source in self.reference.sources
            ),
            channel=None if channel is None else channel[0],
            owner=None if owner is None else owner.partner.id,
            paps=permissible(self._terms.release, audience, [one.id for one in self.operation.datasets]),
        )

    def _write_traces(
        self, path: Path, findings: pa.Table, place: Positions, account: EvidenceAccount, personal: Positions
    ) -> None:
        """Write TRACES; `place` and `personal` are of the findings as the account numbers them."""
        number, delivery, marking, resolved = account.rests()
        columns = {
            "dataset": pa.array([one.dataset for one in self.deliveries], pa.string()).take(pa.array(delivery)),
            "delivery": pa.array([one.sha256 for one in self.deliveries], pa.string()).take(pa.array(delivery)),
            "marking": pa.array([one.value for one in MARKINGS], pa.string()).take(pa.array(marking)),
            "personal": pa.array(personal[number].astype(np.bool_) & ~resolved),
        }
        said = {name: findings[name].combine_chunks() for name in ASKED.names if name != "in_review"}
        said["in_review"] = pc.greater(pc.list_value_length(findings["review"]), 0).combine_chunks()
        rows = pa.array(place[number])
        columns |= {name: column.take(rows) for name, column in said.items()}
        pq.write_table(pa.table(columns, schema=TRACES), path)

    @cached_property
    def candidates(self) -> Mapping[CountryCode, Positions]:
        """For each country in scope the findings that can be in a view of it, whoever looks, ascending."""
        places = self.hub_places
        countries = list(self.operation.scope.countries)
        lists = places["countries"].combine_chunks()
        hosting = _codes(pc.list_flatten(lists), countries)
        registry = _codes(places["registry_country"].combine_chunks(), countries)
        finding = np.append(pc.list_parent_indices(lists).to_numpy(), np.arange(len(places)))
        code = np.append(hosting, registry)
        taken = code >= 0
        if len(self.wrong):
            taken &= ~np.isin(finding, self.wrong)
        pairs = distinct(code[taken] * len(places) + finding[taken])
        bounds = np.searchsorted(pairs, np.arange(len(countries) + 1) * len(places)).tolist()
        return {country: pairs[bounds[at] : bounds[at + 1]] - at * len(places) for at, country in enumerate(countries)}

    @property
    def in_scope(self) -> Positions:
        """All findings that can be in a view of a country in scope, ascending."""
        return distinct(np.concatenate([np.zeros(0, np.int64), *self.candidates.values()]))

    def size(self, country: CountryCode) -> int:
        """How many findings a view of the country can have."""
        return len(self.candidates[country])

    def _in_country(self, country: CountryCode, theme: Theme | None, allowed: Mask) -> "_Placed":
        """The findings of a country, by the resolutions that an audience may see."""
        numbers = self.candidates[country]
        if theme is not None and theme.roles:
            roles = self.evidence.findings["role"].to_numpy()[numbers]
            numbers = numbers[np.isin(roles, [ROLES.index(role) for role in theme.roles])]
        resolutions = self.resolutions.filter(pa.array(_permitted(self.resolutions, allowed, 0, 0)))
        places = resolve(rows_of(self.places, numbers), resolutions, self.reference)
        return _Placed(
            numbers=numbers,
            places=places,
            resolutions=resolutions,
            hosting=_hosted_in(places, country),
            registry=_registered_in(places, country),
        )

    def _in_networks(self, owner: Recipient, allowed: Mask) -> "_Placed":
        """The findings in a network owner's networks and in scope, by its resolutions to them; `allowed` is the whole
        `Terms.grid`. No other resolution is looked at: it would tell of other networks."""
        others = [one for one in self.operation.partners.values() if one.id != owner.partner.id]
        networks = OwnNetworks(
            owner.partner.networks, self.reference, [network for one in others for network in one.networks]
        )
        own = networks.hold(self.resolutions["address"].combine_chunks()).astype(np.int64)
        resolutions = self.resolutions.filter(pa.array(_permitted(self.resolutions, allowed, 0, 0, own)))
        numbers = self.in_scope
        places = resolve(rows_of(self.places, numbers), resolutions, self.reference)
        found = rows_of(self.evidence.findings, numbers)
        mine = networks.own(found["type"].to_numpy(), found["value"].combine_chunks(), places)
        here = np.zeros(len(numbers), np.bool_)
        for country in self.operation.scope.countries:
            here |= _hosted_in(places, country) | _registered_in(places, country)
        return _Placed(
            numbers=numbers,
            places=places,
            resolutions=resolutions,
            hosting=mine & here,
            registry=np.zeros(len(numbers), np.bool_),
        )

    def _visible_findings(
        self, placed: "_Placed", theme: Theme | None, allowed: Mask, account: EvidenceAccount
    ) -> tuple[Positions, pa.Table]:
        """The numbers of the findings there that an audience may see, ascending, and their FINDINGS."""
        numbers, places, hosting, registry = placed.numbers, placed.places, placed.hosting, placed.registry
        behind = placed.resolutions.group_by(_BEHIND, use_threads=False).aggregate([])
        behind = behind.sort_by([(name, "ascending") for name in _BEHIND])
        here = np.flatnonzero(hosting | registry)
        population: Counter[str] = Counter()
        seen: list[Positions] = []
        parts: list[pa.Table] = []
        for begin in range(0, len(here), _PIECE):
            at = here[begin : begin + _PIECE]
            evidence = self.evidence.of(numbers[at])
            held_back = self._held_back(evidence.findings, rows_of(places, at))
            evidence = self._visible(evidence, allowed, theme, self._personal[numbers[at]], held_back)
            local, merged = merge(evidence, self.sources, self.families, self.as_of_us)
            population += self._population(evidence)
            known = sum(len(one) for one in seen)
            named, resolved = _resolved_by(rows_of(places, at[local]), behind)
            rows = evidence.rows
            account.add(known + np.searchsorted(local, rows["finding"].to_numpy()), rows, known + named, resolved)
            basis = _basis(hosting[at[local]], registry[at[local]])
            seen.append(numbers[at[local]])
            found = rows_of(evidence.findings, local)
            parts.append(self._assemble(found, merged, rows_of(places, at[local]), basis))
        ranked = pa.concat_tables([FINDINGS.empty_table(), *(self._ranked(part, population) for part in parts)])
        return np.concatenate([np.zeros(0, np.int64), *seen]), ranked

    def _held_back(self, found: pa.Table, places: pa.Table) -> Positions:
        """For each finding 1 where it is on a warning list and no analyst has let it go, if the terms ask for that."""
        if not self._terms.keeps_reviews:
            return np.zeros(len(found), np.int64)
        review, _ = self._listed(found, places)
        return (_some(review) & ~self._let_go(found, review)).astype(np.int64)

    def _listed(self, found: pa.Table, places: pa.Table) -> tuple[pa.ListArray, pa.ListArray]:
        """For each finding (type, value, role) the warning lists that ask for a review, and those that caution."""
        roles = _ROLE_WORDS.take(found["role"].combine_chunks().cast(pa.int32()))
        host, address = (places[name].combine_chunks() for name in ("host", "address"))
        types, values = found["type"].to_numpy(), found["value"].combine_chunks()
        return self.reference.warning_lists.match(types, values, host, address).judge(roles)

    def _let_go(self, found: pa.Table, review: pa.ListArray) -> Mask:
        """Which findings an analyst has let go though they are on these lists."""
        gone = np.zeros(len(found), np.bool_)
        listed = np.flatnonzero(_some(review))
        if self._terms.decided and len(listed):
            ids = finding_ids(rows_of(found, listed), self.key, self.threads)
            known = np.flatnonzero(pc.is_in(ids, value_set=pa.array(sorted(self._terms.decided), pa.string())))
            for at in known.tolist():
                row = int(listed[at])
                gone[row] = self._terms.lets_go(ids[at].as_py(), review[row].as_py())
        return gone

    def _visible(
        self, evidence: Evidence, allowed: Mask, theme: Theme | None, personal: Positions, held_back: Positions
    ) -> Evidence:
        """The part of some evidence that an audience may see and a theme is about; the last two are by finding."""

        def may_see(rows: pa.Table) -> Mask:
            finding = rows["finding"].to_numpy()
            return _permitted(rows, allowed, personal[finding], held_back[finding])

        mask = may_see(evidence.rows)
        if theme is not None and theme.families:
            mask &= self._of_families(theme.families)[evidence.rows["family"].to_numpy()]
        return Evidence(
            findings=evidence.findings,
            rows=evidence.rows.filter(pa.array(mask)),
            ports=evidence.ports.filter(pa.array(may_see(evidence.ports))),
        )

    def _of_families(self, names: tuple[str, ...]) -> Mask:
        """Which reported family codes belong to the families of these names; the last entry stands for 'none said'."""
        wanted = {one.casefold() for one in self.reference.families.normalise(names)}
        return np.array([one.casefold() in wanted for one in self.families.normalised] + [False], np.bool_)

    def _write_sightings(
        self, path: Path, findings: pa.Table, acted: Mask, sightings: RowFile, number: Positions, allowed: Mask
    ) -> None:
        """Write VIEW_SIGHTINGS of the findings that are `acted` on; `number` has each finding's."""
        asn = findings["asn"].fill_null(0).to_numpy()
        rows = np.flatnonzero(acted)
        rows = rows[np.argsort(asn[rows], kind="stable")]
        names = pa.array([*self.family_names, None], pa.string())
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, VIEW_SIGHTINGS) as stream:
            held: tuple[Positions, Rows] = (np.zeros(0, np.int64), np.zeros(0, SIGHTING_ROW))
            for place, single in sightings.pieces(number[rows], _SIGHTINGS):
                # a finding in the view is held back no more
                personal = self._personal[number[rows[place]]]
                seen = np.asarray(allowed[single["dataset"], single["marking"], personal, 0])
                held = _merged(np.append(held[0], rows[place[seen]]), np.append(held[1], single[seen]))
                # the next piece may begin with what equals the last one
                stream.write_batch(_batch(held[0][:-1], held[1][:-1], names))
                held = held[0][-1:], held[1][-1:]
            stream.write_batch(_batch(*held, names))

    def _assemble(self, found: pa.Table, merged: pa.Table, places: pa.Table, basis: pa.ListArray) -> pa.Table:
        """FINDINGS but for `severity`, from findings (type, value, role), their merged evidence and attribution."""
        review, cautions = self._listed(found, places)
        gone = pa.array(self._let_go(found, review))
        nothing = empty_lists(len(found))
        columns: dict[str, object] = {name: merged[name] for name in merged.column_names}
        columns |= {name: places[name] for name in places.column_names}
        columns |= {
            "finding_id": finding_ids(found, self.key, self.threads),
            "type": pa.array([kind.value for kind in INDICATOR_TYPES]).take(found["type"].combine_chunks()),
            "value": found["value"],
            "role": _ROLE_WORDS.take(found["role"].combine_chunks().cast(pa.int32())),
            "csirt": self._csirts(places["country"].combine_chunks()),
            "abuse_contact": self._abuse_contacts(places["asn"].combine_chunks()),
            "basis": basis,
            "review": pc.if_else(gone, nothing, review),
            "cautions": cautions,
            "reviewed": pc.if_else(gone, review, nothing),
        }
        return pa.table([_plain(columns[name]) for name in _UNRANKED.names], schema=_UNRANKED)

    def _ranked(self, found: pa.Table, population: Mapping[str, int]) -> pa.Table:
        """FINDINGS with the severity that follows from how many infected systems of each family there are."""
        role = pc.index_in(found["role"], _ROLE_WORDS).to_numpy()
        ranks = severity(
            role,
            found["government"].to_numpy(),
            found["confidence"].to_numpy(),
            found["last_seen"].cast(pa.int64()).to_numpy(),
            _victims(role, found["families"].combine_chunks(), population),
            self.as_of_us,
        )
        return found.append_column(FINDINGS.field("severity"), pa.array(ranks))

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


def _resolved_by(places: pa.Table, resolutions: pa.Table) -> tuple[Positions, pa.Table]:
    """Which resolutions (sorted by name) gave places their addresses: the row of a place, ascending, and those."""
    rows = np.flatnonzero(_some(places["resolved"].combine_chunks()))
    names = resolutions["domain"].combine_chunks().dictionary_encode()
    code = names.indices.to_numpy()
    found = pc.index_in(places["host"].combine_chunks().take(pa.array(rows)), value_set=names.dictionary)
    wanted = found.to_numpy(zero_copy_only=False).astype(np.int64)
    begin, end = np.searchsorted(code, wanted), np.searchsorted(code, wanted, side="right")
    count = end - begin
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(rows, count), resolutions.take(pa.array(np.repeat(begin, count) + within))


def _some(lists: pa.ListArray) -> Mask:
    """Which lists are not empty."""
    return np.asarray(pc.list_value_length(lists)) > 0


def _sorted(findings: pa.Table, order: Positions) -> pa.Table:
    """The rows in another order; column by column, so that one column at a time is there twice."""
    index = pa.array(order)
    columns = []
    for name in findings.column_names:
        columns.append(findings[name].combine_chunks().take(index))
        findings = findings.drop_columns([name])
    return pa.table(columns, schema=FINDINGS)


def _merged(row: Positions, single: Rows) -> tuple[Positions, Rows]:
    """Sightings that come in their order, those that are equal in all but their source counted as one."""
    first = begins(row, *(single[name] for name in ("seen_at", "port", "family", "undated")))
    once = single[first]
    if len(first):
        once["count"] = np.add.reduceat(single["count"], first)
    return row[first], once


def _batch(row: Positions, single: Rows, names: pa.StringArray) -> pa.RecordBatch:
    """VIEW_SIGHTINGS."""
    port = np.ascontiguousarray(single["port"])
    return pa.record_batch(
        [
            pa.array(row),
            pa.array(single["seen_at"]).cast(VIEW_SIGHTINGS.field("seen_at").type),
            pa.array(single["undated"]),
            pa.array(port, mask=port == NO_PORT),
            names.take(pa.array(single["family"])),
            pa.array(single["count"]),
        ],
        schema=VIEW_SIGHTINGS,
    )


def _codes(words: pa.StringArray, among: Sequence[str]) -> Positions:
    """The place of each word among some; -1 where it is none of them."""
    return np.asarray(pc.fill_null(pc.index_in(words, pa.array(among, pa.string())), -1).to_numpy(), np.int64)


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


def _permitted(
    rows: pa.Table, allowed: Mask, personal: Positions | int, in_review: Positions | int, *own: Positions
) -> Mask:
    """Which rows an audience may see; `allowed` is `Terms.grid`, of which `own` is the last axis where it has it."""
    return np.asarray(allowed[rows["dataset"].to_numpy(), rows["marking"].to_numpy(), personal, in_review, *own])


def _hosted_in(places: pa.Table, country: str) -> Mask:
    lists = places["countries"].combine_chunks()
    mask = np.zeros(len(lists), np.bool_)
    here = pc.fill_null(pc.equal(pc.list_flatten(lists), country), False).to_numpy(zero_copy_only=False)
    mask[pc.list_parent_indices(lists).to_numpy()[here]] = True
    return mask


def _registered_in(places: pa.Table, country: str) -> Mask:
    same = pc.fill_null(pc.equal(places["registry_country"], country), False)
    return np.asarray(same.to_numpy(), np.bool_)


def _basis(hosting: Mask, registry: Mask) -> pa.ListArray:
    count = len(hosting)
    flags = np.column_stack([hosting, registry])
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(flags.sum(axis=1), out=offsets[1:])
    words = pa.array(["hosting", "registry"])
    return pa.ListArray.from_arrays(pa.array(offsets), words.take(pa.array(np.nonzero(flags)[1])))


def _victims(role: npt.NDArray[np.int8], families: pa.ListArray, population: Mapping[str, int]) -> Positions:
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


def _answered(asked: pa.Array, answer: Callable[[Any], str | None]) -> pa.StringArray:
    """The answer for each value, asked for once a distinct value; null for null."""
    coded = asked.dictionary_encode()
    said = pa.array([answer(value) for value in coded.dictionary.to_pylist()], pa.string())
    return said.take(coded.indices)


def _plain(column: object) -> object:
    """A column in one piece; combining a single chunk would copy it."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
