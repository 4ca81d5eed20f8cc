"""What a view says of the evidence behind it, counted while the evidence goes by a piece at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.agreements.declarations import Dataset
from accord.columns.lists import distinct
from accord.columns.schema import VIEW_FAMILIES
from accord.fusion.evidence import begins
from accord.fusion.merging import FamilySheet
from accord.release.view import DatasetSheet
from accord.vocabulary.markings import MARKINGS, Marking

_DELIVERY_BITS = 24
"""More deliveries than anybody keeps, and room for as many findings as one run can hold."""
_MARKING_BITS = 3
_RESOLVED_BITS = 1
_Positions = npt.NDArray[np.int64]
_EPOCH = date(1970, 1, 1)
_MONDAY = 3
"""1970 began on a Thursday, three days into its week."""
_SHIFT = 1 << 31
"""Makes weeks before 1970 positive."""


@dataclass(slots=True)
class _Count:
    """One data set's share."""

    marking: int = 0
    deliveries: set[int] = field(default_factory=set)
    findings: int = 0
    observations: int = 0
    sightings: int = 0
    undated: bool = False


class EvidenceAccount:
    """Takes the evidence rows of one view's findings, numbered from 0 over all pieces."""

    def __init__(self, datasets: Sequence[Dataset], families: FamilySheet) -> None:
        self._datasets = datasets
        self._names = pa.array(families.names, pa.string())
        self._ranks = np.array(families.ranks, np.int64)
        self._counts: dict[int, _Count] = {}
        self._weeks: list[_Positions] = []
        self._families: list[npt.NDArray[np.int64]] = []
        self._rests: list[_Positions] = []

    def add(self, finding: _Positions, rows: pa.Table, named: _Positions, resolutions: pa.Table) -> None:
        """Count rows of evidence (`fusion.evidence.Evidence.rows`); `finding` has the number of each, ascending.

        `resolutions`: those that say where these findings are (`dataset`, `delivery`, `marking`), `named` the number
        of the finding of each: they count as what a finding rests on, and say nothing of when it was seen.
        """
        if not len(finding):
            return
        self._add_datasets(finding, rows, named, resolutions)
        week = (rows["day"].to_numpy().astype(np.int64) + _MONDAY) // 7
        self._weeks.append(distinct(finding << 32 | week + _SHIFT))
        self._add_families(finding, rows)
        for resolved, number, each in ((0, finding, rows), (1, named, resolutions)):
            delivery, marking = (each[name].to_numpy().astype(np.int64) for name in ("delivery", "marking"))
            packed = (number << _DELIVERY_BITS | delivery) << _MARKING_BITS | marking
            self._rests.append(distinct(packed << _RESOLVED_BITS | resolved))

    def _add_datasets(self, finding: _Positions, rows: pa.Table, named: _Positions, resolutions: pa.Table) -> None:
        dataset, resolving = rows["dataset"].to_numpy(), resolutions["dataset"].to_numpy()
        columns = {name: rows[name].to_numpy() for name in ("marking", "delivery", "observations", "count", "undated")}
        for index in np.unique(dataset).tolist():
            mine = dataset == index
            count = self._counts.setdefault(index, _Count())
            count.marking = max(count.marking, int(columns["marking"][mine].max()))
            count.deliveries.update(np.unique(columns["delivery"][mine]).tolist())
            count.findings += len(np.union1d(finding[mine], named[resolving == index]))
            count.observations += int(columns["observations"][mine].sum())
            count.sightings += int(columns["count"][mine].sum())
            count.undated |= bool(columns["undated"][mine].any())
        for index in np.unique(resolving).tolist():
            mine = resolving == index
            count = self._counts.setdefault(index, _Count())
            count.marking = max(count.marking, int(resolutions["marking"].to_numpy()[mine].max()))
            count.deliveries.update(np.unique(resolutions["delivery"].to_numpy()[mine]).tolist())
            if not (dataset == index).any():
                count.findings += len(np.unique(named[mine]))

    def _add_families(self, finding: _Positions, rows: pa.Table) -> None:
        rank = self._ranks[rows["family"].to_numpy()]
        named = np.flatnonzero(rank < len(self._names))
        order = named[np.lexsort((rank[named], finding[named]))]
        first = begins(finding[order], rank[order])
        if not len(first):
            return
        columns = (
            finding[order][first],
            rank[order][first],
            np.minimum.reduceat(rows["first_seen"].to_numpy()[order], first),
            np.maximum.reduceat(rows["last_seen"].to_numpy()[order], first),
            np.add.reduceat(rows["count"].to_numpy()[order], first),
        )
        self._families.append(np.stack(columns))

    @property
    def marking(self) -> Marking:
        """The strictest among the evidence; clear when there is none."""
        return MARKINGS[max((count.marking for count in self._counts.values()), default=0)]

    def weeks(self, acted: npt.NDArray[np.bool_]) -> tuple[tuple[date, int], ...]:
        """(Monday, findings seen in that week), of those findings that are `acted` on."""
        pairs = np.concatenate([np.zeros(0, np.int64), *self._weeks])
        week, number = np.unique(pairs[acted[pairs >> 32]] & 0xFFFFFFFF, return_counts=True)
        mondays = (_EPOCH + timedelta(days=7 * each - _MONDAY) for each in (week - _SHIFT).tolist())
        return tuple(zip(mondays, number.tolist(), strict=True))

    def families(self, place: _Positions) -> pa.Table:
        """VIEW_FAMILIES; `place` says in which row of the view each finding stands."""
        parts = np.concatenate([np.zeros((5, 0), np.int64), *self._families], axis=1)
        row, rank = place[parts[0]], parts[1]
        order = np.lexsort((rank, row))
        first, last, count = (pa.array(part[order]) for part in parts[2:])
        instant = VIEW_FAMILIES.field("first_seen").type
        return pa.table(
            [row[order], self._names.take(pa.array(rank[order])), first.cast(instant), last.cast(instant), count],
            schema=VIEW_FAMILIES,
        )

    def rests(self) -> tuple[_Positions, _Positions, _Positions, npt.NDArray[np.bool_]]:
        """On what findings rest: the number of one, the place of a delivery of the run, the code of a marking, and
        whether it is a resolution that says so."""
        packed = np.concatenate([np.zeros(0, np.int64), *self._rests])
        triples = packed >> _RESOLVED_BITS
        pairs = triples >> _MARKING_BITS
        return (
            pairs >> _DELIVERY_BITS,
            pairs & ((1 << _DELIVERY_BITS) - 1),
            triples & ((1 << _MARKING_BITS) - 1),
            (packed & 1).astype(np.bool_),
        )

    def datasets(self) -> tuple[DatasetSheet, ...]:
        """Those with evidence or resolutions, sorted by id."""
        sheets = (self._sheet(self._datasets[index], count) for index, count in self._counts.items())
        return tuple(sorted(sheets, key=lambda sheet: sheet.id))

    @staticmethod
    def _sheet(declared: Dataset, count: _Count) -> DatasetSheet:
        return DatasetSheet(
            id=declared.id,
            title=declared.title if declared.name_partner else None,
            partner=declared.partner.name if declared.name_partner else None,
            origin=declared.origin.value,
            legal_basis=declared.legal_basis.value,
            grade=declared.grade.value,
            marking=MARKINGS[count.marking],
            personal=declared.personal,
            upstream=declared.upstream if declared.name_partner else None,
            collected_from=declared.collected_at,
            collected_to=declared.collected_at,
            deliveries=len(count.deliveries),
            findings=count.findings,
            observations=count.observations,
            sightings=count.sightings,
            undated=count.undated,
        )
