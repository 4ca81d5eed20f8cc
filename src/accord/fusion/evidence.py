"""Observations merged into evidence: one finding and family in one data set, delivery, UTC day and marking."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from accord.columns.rows import rows_of
from accord.fusion.rowfile import Positions, RowFile
from accord.vocabulary.roles import Role

EVIDENCE_ROW = np.dtype(
    [
        ("dataset", np.int32),
        ("delivery", np.int32),
        ("marking", np.int8),
        ("family", np.int32),
        ("day", np.int32),
        ("first_seen", np.int64),
        ("last_seen", np.int64),
        ("count", np.int64),
        ("undated", np.bool_),
        ("observations", np.int64),
    ]
)
"""A row of evidence as it lies on disk: `Evidence.rows` but for the finding."""

SIGHTING_ROW = np.dtype(
    [
        ("seen_at", np.int64),
        ("count", np.int64),
        ("port", np.int32),
        ("family", np.int32),
        ("dataset", np.int32),
        ("marking", np.int8),
        ("undated", np.bool_),
    ]
)
"""A single sighting as it lies on disk. `port` is NO_PORT where none was said; `family` is one of
`FamilySheet.ranks`. A finding's sort by seen_at, port, family, undated, dataset and marking."""

NO_PORT = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """What of the observations an operation looks at; it acts before anything is merged."""

    start_us: int | None
    end_us: int | None
    roles: frozenset[Role]
    """Empty: all."""
    families: frozenset[int] | None
    """Reported family codes in scope; None: all."""


class EvidenceSource(Protocol):
    """Findings, and the evidence for any of them."""

    @property
    def findings(self) -> pa.Table:
        """Columns type int8, value string, role int8; row i is finding i. Sorted by the three."""

    def of(self, findings: Positions) -> "Evidence":
        """The evidence for some findings, which are given in ascending order and are numbered anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Some findings and the evidence for them, in memory; `finding` numbers them from 0."""

    findings: pa.Table
    """As in `EvidenceSource`."""
    rows: pa.Table
    """Columns finding int64, dataset, delivery int32, marking int8, family int32 (reported, -1 none), day int32 (since
    1970), first_seen, last_seen int64 (microseconds), count int64, undated bool, observations int64 (how
    many were merged). Sorted by the first six."""
    ports: pa.Table
    """Columns finding int64, dataset int32, marking int8, port int32: service ports of server roles, sorted by finding.
    Of each finding, data set and marking the smallest PORTS_KEPT."""

    def of(self, findings: Positions) -> "Evidence":
        """See `EvidenceSource`."""
        rows, ports = _renumbered(self.rows, findings), _renumbered(self.ports, findings)
        return Evidence(findings=rows_of(self.findings, findings), rows=rows, ports=ports)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvidence:
    """All findings of a run, and the evidence for them on disk."""

    findings: pa.Table
    """As in `EvidenceSource`."""
    rows: RowFile
    """EVIDENCE_ROW."""
    ports: pa.Table
    """As in `Evidence`."""

    def of(self, findings: Positions) -> Evidence:
        """See `EvidenceSource`."""
        rows = self.rows.of(findings)
        owner = np.repeat(np.arange(len(findings)), self.rows.counts(findings))
        return Evidence(
            findings=rows_of(self.findings, findings),
            rows=pa.table({"finding": owner} | {name: pa.array(rows[name]) for name in EVIDENCE_ROW.names or ()}),
            ports=_renumbered(self.ports, findings),
        )


def _renumbered(rows: pa.Table, findings: Positions) -> pa.Table:
    """Rows (sorted by finding) of some findings, with the place of each among these for its number."""
    if not len(findings):
        return rows.slice(0, 0)
    low, high = np.searchsorted(rows["finding"].to_numpy(), [findings[0], findings[-1] + 1]).tolist()
    near = rows.slice(low, high - low)
    number = near["finding"].to_numpy()
    place = np.searchsorted(findings, number)
    mine = findings[place] == number
    return near.filter(pa.array(mine)).set_column(0, "finding", pa.array(place[mine]))


def begins(*keys: np.ndarray) -> np.ndarray:
    """First positions of the runs of equal keys in sorted columns."""
    if not len(keys[0]):
        return np.zeros(0, np.int64)
    new = np.zeros(len(keys[0]), np.bool_)
    new[0] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(new)
