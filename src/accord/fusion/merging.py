"""Evidence merged into findings: a pure function of the evidence rows that one audience may see."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.lists import distinct, sorted_lists
from accord.fusion.confidence import WEIGHTS, combine, weights
from accord.fusion.evidence import Evidence, begins
from accord.vocabulary.datasets import SourceGrade
from accord.vocabulary.markings import MARKINGS

PORT_LIMIT = 32
"""Service ports that a finding lists; past it, it says 'many'."""

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSheet:
    """What merging needs to know of a data set, in the order of the operation's data sets."""

    id: str
    independent_source: str
    grade: SourceGrade
    named: str | None
    """The partner's name where it may be named."""
    personal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilySheet:
    """The run's reported family names (by code) and the normalised name of each."""

    reported: Sequence[str]
    normalised: Sequence[str]

    @property
    def names(self) -> list[str]:
        """The normalised names, each once, sorted."""
        return sorted(set(self.normalised))

    @property
    def ranks(self) -> list[int]:
        """For each code the place of its normalised name among `names`; as the last entry that of none, behind all."""
        names = self.names
        place = {name: at for at, name in enumerate(names)}
        return [*(place[name] for name in self.normalised), len(names)]


def merge(
    evidence: Evidence, sources: Sequence[SourceSheet], families: FamilySheet, as_of_us: int
) -> tuple[_Ints, pa.Table]:
    """Merge evidence rows into findings.

    Returns the finding numbers (ascending), and a table with a row each: families, families_reported, first_seen,
    last_seen, undated, sightings, ports, ports_many, partners, sources, datasets, confidence, marking, personal, as
    `columns.schema.FINDINGS` describes them.
    """
    rows = evidence.rows
    finding = _numbers(rows, "finding")
    dataset = _numbers(rows, "dataset")
    first = begins(finding)
    number = finding[first]
    place = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(finding))))
    role = evidence.findings["role"].to_numpy()[finding]
    group = sorted({sheet.independent_source for sheet in sources})
    source = np.array([group.index(sheet.independent_source) for sheet in sources], np.int64)[dataset]
    confidence, partners = _corroborate(evidence, sources, place, source, role, as_of_us)
    last_seen = _numbers(rows, "last_seen")
    ports, many = _ports(evidence.ports, number)
    columns = {
        "families": _names(place, _numbers(rows, "family"), families.normalised, len(first)),
        "families_reported": _names(place, _numbers(rows, "family"), families.reported, len(first)),
        "first_seen": _instants(_reduce(np.minimum, _numbers(rows, "first_seen"), first)),
        "last_seen": _instants(_reduce(np.maximum, last_seen, first)),
        "undated": pa.array(_reduce(np.logical_and, rows["undated"].to_numpy(), first)),
        "sightings": pa.array(_reduce(np.add, _numbers(rows, "count"), first)),
        "ports": ports,
        "ports_many": pa.array(many),
        "partners": pa.array(partners.astype(np.int32)),
        "sources": _names(place, dataset, [sheet.named for sheet in sources], len(first)),
        "datasets": _names(place, dataset, [sheet.id for sheet in sources], len(first)),
        "confidence": pa.array(confidence, mask=np.isnan(confidence)),
        "marking": _marking(_reduce(np.maximum, rows["marking"].to_numpy(), first)),
        "personal": pa.array(
            _reduce(np.logical_or, np.array([sheet.personal for sheet in sources], np.bool_)[dataset], first)
        ),
    }
    return number, pa.table(columns)


def _corroborate(
    evidence: Evidence,
    sources: Sequence[SourceSheet],
    place: _Ints,
    source: _Ints,
    role: npt.NDArray[np.int8],
    as_of_us: int,
) -> tuple[npt.NDArray[np.float64], _Ints]:
    """Confidence, and the number of independent sources, of each finding."""
    rated = np.array(
        [np.nan if WEIGHTS[sheet.grade] is None else WEIGHTS[sheet.grade] for sheet in sources], np.float64
    )
    weight = weights(role, _numbers(evidence.rows, "last_seen"), rated[_numbers(evidence.rows, "dataset")], as_of_us)
    order = np.lexsort((source, place))
    by_source = begins(place[order], source[order])
    owner = place[order][by_source]
    by_finding = begins(owner)
    return combine(weight[order], by_source, by_finding), np.diff(np.append(by_finding, len(by_source)))


def _names(place: _Ints, code: _Ints, words: Sequence[str | None], count: int) -> pa.ListArray:
    """The distinct words of each finding, sorted; codes below 0 and words that are None say nothing."""
    spelled = sorted({word for word in words if word is not None})
    rank = {word: at for at, word in enumerate(spelled)}
    ranks = np.array([-1 if word is None else rank[word] for word in words] + [-1], np.int64)[code]
    return sorted_lists(place, ranks, pa.array(spelled, pa.string()), count)


def _ports(ports: pa.Table, number: _Ints) -> tuple[pa.ListArray, npt.NDArray[np.bool_]]:
    finding, port = _numbers(ports, "finding"), _numbers(ports, "port")
    place = np.searchsorted(number, finding)
    inside = place < len(number)
    inside[inside] = number[place[inside]] == finding[inside]
    pairs = distinct(place[inside] * 65_536 + port[inside])
    owner = pairs // 65_536
    size = np.bincount(owner, minlength=len(number))
    position = np.arange(len(pairs)) - np.repeat(np.cumsum(size) - size, size)
    pairs = pairs[position < PORT_LIMIT]
    offsets = np.zeros(len(number) + 1, np.int32)
    np.cumsum(np.minimum(size, PORT_LIMIT), out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array((pairs % 65_536).astype(np.int32))), size > PORT_LIMIT


def _reduce(how: np.ufunc, values: np.ndarray, first: _Ints) -> np.ndarray:
    return np.asarray(how.reduceat(values, first)) if len(first) else values[:0]


def _marking(codes: npt.NDArray[np.int8]) -> pa.StringArray:
    words = pa.array([marking.value for marking in MARKINGS])
    return words.take(pa.array(codes.astype(np.int32)))


def _instants(values: _Ints) -> pa.Array:
    return pa.array(values).cast(pa.timestamp("us", tz="UTC"))


def _numbers(table: pa.Table, name: str) -> _Ints:
    return np.asarray(table[name].to_numpy(), np.int64)
