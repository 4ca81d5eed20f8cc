"""What differs from the report that the same audience got before.

Only that audience's own earlier folder is read: its findings.csv, and its bundle.json for which report that was and
when. An earlier report for another circle of recipients (or other named persons) is not compared with, because what
it held may not be this audience's to know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from accord.release.view import View
from accord.reports import tables
from accord.reports.confidence import SCALE
from accord.reports.identifiers import report_name
from accord.reports.tally import COVER_ROLES
from accord.reports.versions import read_report
from accord.vocabulary.errors import UnreadableError
from accord.vocabulary.roles import Role

NOT_COMPARED = frozenset({"finding_id", "type", "value", "role", "severity", "families_reported"})
"""Columns that make no change: the finding itself; its place in the order, which moves with time alone; and
spellings. `confidence` counts as changed when its word does (`confidence.SCALE`), as it decays from day to day."""

COMPARED: tuple[str, ...] = tuple(name for name in tables.FINDINGS_HEADER if name not in NOT_COMPARED)

_NEEDED = ("finding_id", "type", "value", "role", "asn", "review")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneFinding:
    """A finding of the earlier report that is in this one no more."""

    finding_id: str
    type: str
    """A `vocabulary.indicators.IndicatorType`."""
    value: str
    """Canonical value."""
    role: str
    """A `vocabulary.roles.Role`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What differs between the earlier report and this one; reviews included, as in findings.csv."""

    previous_as_of: datetime
    """The earlier report's `as_of`, in UTC."""
    new: frozenset[str]
    """Ids of findings that the earlier report did not have."""
    gone: tuple[GoneFinding, ...]
    """Findings that only the earlier report has, in its order: worst first."""
    changed: Mapping[str, tuple[str, ...]]
    """Id of a finding in both, in this report's order -> columns of findings.csv (COMPARED) that differ."""
    previous_counts: Mapping[str, int]
    """The earlier cover's numbers: 'c2-server', 'system-compromise', 'infected-system', 'networks'."""


def compare(view: View, previous_dir: Path) -> Change | None:
    """What changed since the report in `previous_dir`; None when there is none, or it was for another audience.

    Raises UnreadableError when there is one that cannot be read or is not as Accord wrote it.
    """
    path = previous_dir / "findings.csv"
    if not path.exists():
        return None
    try:
        name, previous_as_of = read_report(previous_dir / "bundle.json")
        if name != report_name(view):
            return None
        before = tables.read_findings(path)
    except OSError as error:
        raise UnreadableError(
            "the earlier report cannot be read",
            where=str(error.filename or previous_dir),
            got=error.strerror or str(error),
            remedy="make findings.csv and bundle.json of the earlier run readable, or leave out --since",
        ) from error
    except pa.ArrowInvalid as error:
        raise _malformed(path, str(error)) from error
    _check(before, path)
    ids = view.findings["finding_id"]
    at = pc.index_in(ids, before["finding_id"])
    left = pc.invert(pc.is_in(before["finding_id"], ids))
    return Change(
        previous_as_of=previous_as_of,
        new=frozenset(ids.filter(pc.is_null(at)).to_pylist()),
        gone=_gone(before.filter(left)),
        changed=_changed(before, view.findings, at),
        previous_counts=_counts(before),
    )


def _check(before: pa.Table, path: Path) -> None:
    missing = [name for name in _NEEDED if name not in before.column_names]
    if missing:
        raise _malformed(path, f"no column {', '.join(missing)}")
    ids = before["finding_id"]
    odd = ids.filter(pc.invert(pc.match_substring_regex(ids, r"^[0-9a-f]{64}$")))
    if len(odd):
        raise _malformed(path, f"a finding_id {odd[0].as_py()[:80]!r}")
    if pc.count_distinct(ids).as_py() != before.num_rows:
        raise _malformed(path, "a finding_id that stands in two rows")


def _malformed(path: Path, got: str) -> UnreadableError:
    return UnreadableError(
        "the earlier report's table cannot be compared with",
        where=str(path),
        expected=f"the findings.csv of an earlier run, with the columns {', '.join(_NEEDED)} at least",
        got=got,
        remedy="point --since at an output folder as Accord wrote it, or leave it out",
    )


def _gone(rows: pa.Table) -> tuple[GoneFinding, ...]:
    # a cell's leading apostrophe keeps a spreadsheet from running it and is no part of the value
    value = pc.replace_substring_regex(rows["value"], pattern="^'", replacement="")
    columns = (rows["finding_id"], rows["type"], value, rows["role"])
    return tuple(
        GoneFinding(finding_id=finding_id, type=kind, value=text, role=role)
        for finding_id, kind, text, role in zip(*(column.to_pylist() for column in columns), strict=True)
    )


def _changed(before: pa.Table, findings: pa.Table, at: pa.ChunkedArray) -> Mapping[str, tuple[str, ...]]:
    """Column by column over the findings in both; a column that either table lacks is no change."""
    both = pc.is_valid(at)
    rows = at.filter(both)
    kept = findings.filter(both)
    columns = [name for name in COMPARED if name in before.column_names]
    differs = np.zeros((len(columns), kept.num_rows), np.bool_)
    for number, name in enumerate(columns):
        old, new = before[name].take(rows), pa.chunked_array([tables.cells(kept, name)])
        if name == "confidence":
            differs[number] = _steps(old) != _steps(new)
        else:
            differs[number] = np.asarray(pc.not_equal(old, new))
    some = np.flatnonzero(differs.any(axis=0))
    ids = kept["finding_id"].take(pa.array(some)).to_pylist()
    return MappingProxyType(
        {
            finding_id: tuple(columns[number] for number in np.flatnonzero(differs[:, row]))
            for finding_id, row in zip(ids, some.tolist(), strict=True)
        }
    )


def _steps(cells: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """The step of SCALE that each confidence stands on, from the top; -1: unrated, or no number."""
    number = pc.if_else(pc.match_substring_regex(cells, r"^[0-9]+(\.[0-9]+)?(e-[0-9]+)?$"), cells, None)
    values = np.asarray(pc.fill_null(pc.cast(number, pa.float64()), -1.0))
    edges = np.array([step.least for step in SCALE[::-1]])
    return np.searchsorted(edges, values, side="right") - 1


def _counts(before: pa.Table) -> Mapping[str, int]:
    """The numbers of the earlier cover, as `tally.cover_counts` has them: without what awaited review."""
    acted = before.filter(pc.equal(before["review"], ""))

    def of(role: Role) -> int:
        return int(pc.sum(pc.equal(acted["role"], role.value)).as_py() or 0)

    networks = pc.unique(acted["asn"].filter(pc.not_equal(acted["asn"], "")))
    return MappingProxyType({role.value: of(role) for role in COVER_ROLES} | {"networks": len(networks)})
