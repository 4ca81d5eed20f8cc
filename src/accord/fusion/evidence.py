"""Observations merged into evidence: one finding and family in one data set, delivery, UTC day and marking."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from accord.vocabulary.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """What of the observations an operation looks at; it acts before anything is merged."""

    start_us: int | None
    end_us: int | None
    roles: frozenset[Role]
    """Empty: all."""
    families: frozenset[int] | None
    """Reported family codes in scope; None: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A run's findings and the evidence for them; `finding` numbers them from 0."""

    findings: pa.Table
    """Columns type int8, value string, role int8; row i is finding i. Sorted by the three."""
    rows: pa.Table
    """Columns finding int64, dataset, delivery int32, marking int8, family int32 (reported, -1 none), day int32 (since
    1970), first_seen, last_seen int64 (microseconds), count int64, undated bool, observations int64 (how
    many were merged). Sorted by the first six."""
    ports: pa.Table
    """Columns finding int64, dataset int32, marking int8, port int32: service ports of server roles, sorted by finding.
    A port may stand there more than once."""


def numbered(found: pa.Table) -> Evidence:
    """What an engine merged, with the findings taken out and numbered.

    `found`: the columns of `Evidence.rows`, but type, value and role in place of finding, and the service ports as a
    list (null: none); sorted by type, value, role and the first five others.
    """
    found = found.combine_chunks()
    keys = found.select(["type", "value", "role"])
    new = np.ones(len(found), np.bool_)
    if len(found) > 1:
        new[1:] = False
        for name in keys.column_names:
            column = keys[name].combine_chunks()
            new[1:] |= pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
    finding = np.cumsum(new) - 1
    ports = found["ports"].combine_chunks()
    listed = pc.list_parent_indices(ports).to_numpy()
    rows = found.drop_columns(["type", "value", "role", "ports"]).add_column(0, "finding", pa.array(finding))
    return Evidence(
        findings=keys.filter(pa.array(new)).combine_chunks(),
        rows=rows,
        ports=pa.table(
            {
                "finding": finding[listed],
                "dataset": found["dataset"].to_numpy()[listed],
                "marking": found["marking"].to_numpy()[listed],
                "port": pc.list_flatten(ports),
            }
        ),
    )


def begins(*keys: np.ndarray) -> np.ndarray:
    """First positions of the runs of equal keys in sorted columns."""
    if not len(keys[0]):
        return np.zeros(0, np.int64)
    new = np.zeros(len(keys[0]), np.bool_)
    new[0] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(new)
