"""An audience's view: everything that one report may be made from, and nothing else.

Reports read a `View` and no other source, so that what an audience may not see cannot reach a page.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

import pyarrow as pa

from accord.columns.schema import FINDINGS, VIEW_FAMILIES
from accord.vocabulary.handling import Pap
from accord.vocabulary.markings import Marking


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSheet:
    """The hub, as a report's reader meets it."""

    name: str
    contact: str
    namespace: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientSheet:
    """One recipient of a report."""

    partner: str
    """The partner's name for people."""
    country: str
    persons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSheet:
    """The operation and its scope, as a report states it."""

    name: str
    title: str
    as_of: datetime
    window_start: datetime | None
    window_end: datetime | None
    roles: tuple[str, ...]
    """Roles in scope; empty: all."""
    families: tuple[str, ...]
    """Families in scope; empty: all."""
    countries: tuple[str, ...]
    answer_by: datetime | None
    """When outcomes are asked for."""
    simulated: bool
    """Everything made from it carries a second label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSheet:
    """What a view rests on: one data set, counted within this view only."""

    id: str
    title: str | None
    """None where the partner may not be named: "Vendor A's sandbox" would name it."""
    partner: str | None
    """The partner's name where its data set's policy allows naming; None: 'a partner that may not be named'."""
    origin: str
    legal_basis: str
    grade: str
    marking: Marking
    personal: bool
    upstream: str | None
    """Who really collected it; None where the partner may not be named."""
    collected_from: datetime
    collected_to: datetime
    deliveries: int
    """Deliveries with evidence in this view."""
    findings: int
    """Findings of this view that it supports."""
    observations: int
    """What its records say of these findings: one statement about one indicator at one time each."""
    sightings: int
    """What those statements stand for."""
    undated: bool
    """At least one of its times is a delivery's collected_at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSheet:
    """A reference data source that attribution used."""

    name: str
    version: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sightings:
    """A view's single sightings, on disk: there may be many more than memory should hold."""

    path: Path
    """An Arrow stream of `columns.schema.VIEW_SIGHTINGS`."""

    def pieces(self) -> Iterator[pa.RecordBatch]:
        """All of them in their order, some thousand at a time."""
        with pa.OSFile(str(self.path)) as file, pa.ipc.open_stream(file) as reader:
            yield from reader


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One country's (and, if set, one theme's) findings, as all of its recipients together may see them."""

    hub: HubSheet
    operation: OperationSheet
    country: str
    """ISO 3166-1 alpha-2."""
    theme: str | None
    """Name of the theme (a path segment), None: the country's one report."""
    theme_title: str | None
    recipients: tuple[RecipientSheet, ...]
    """Empty: nobody was declared; only clear and green are in the view."""
    marking: Marking
    """The strictest marking among the evidence of this view; clear when it is empty."""
    findings: pa.Table
    """`columns.schema.FINDINGS`: this country's, reviews included (`review` not empty), worst first."""
    families: pa.Table
    """`columns.schema.VIEW_FAMILIES`."""
    weeks: tuple[tuple[date, int], ...]
    """(Monday, findings with evidence in that week, those in review left out), ascending."""
    sightings: Sightings
    datasets: tuple[DatasetSheet, ...]
    """Those with evidence in this view, sorted by id."""
    csirt: str | None
    """The national CSIRT's contact that the operator imported."""
    legal_basis: str | None
    """What the operator's dated treaty table says for hub and country; None: national procedure."""
    reference: tuple[ReferenceSheet, ...]
    channel: str | None = None
    """The channel that it is for; None: a country's report."""
    owner: str | None = None
    """The network owner that it is for, by id; then `country` is where that sits."""
    paps: Mapping[str, Pap] = field(default_factory=dict)
    """By data set what agreements say may be done with what rests on it; one of which none says it is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredView:
    """A view that lies on disk until its report is written: little to keep, and little to hand to another process."""

    sheet: View
    """The view without rows in its tables."""
    folder: Path

    def load(self) -> View:
        """The view as it was stored; its tables are mapped from the disk. Raises OSError."""
        findings, families = (_map(self.folder / f"{name}.arrow") for name in ("findings", "families"))
        return replace(self.sheet, findings=findings, families=families)


def store(view: View, folder: Path) -> StoredView:
    """Write a view's tables into a folder. Raises OSError when the disk refuses."""
    for name, table in (("findings", view.findings), ("families", view.families)):
        with pa.OSFile(str(folder / f"{name}.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    sheet = replace(view, findings=FINDINGS.empty_table(), families=VIEW_FAMILIES.empty_table())
    return StoredView(sheet=sheet, folder=folder)


def _map(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
