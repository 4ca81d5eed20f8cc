"""Where victims can live: stretches of addresses in one country and one network, on no list that holds findings back.

A stretch is cut at every border of the country table, of the network table, of what is not routable, and of the warning
lists. So every address of a stretch is its country's by the primary source and its network's, and no finding on it is
held for review.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.values import GLOBAL_UNICAST_IPV6, NOT_ROUTABLE_IPV4, NOT_ROUTABLE_IPV6
from accord.reference.addresses import text
from accord.reference.ranges import RangeTable
from accord.reference.store import Reference
from accord.reference.warninglists import WarningLists
from accord.training.draws import sequence
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.indicators import TYPE_CODES, IndicatorType
from accord.vocabulary.roles import Role

Numbers = npt.NDArray[np.int64]

SMALLEST = 16
"""Units of the smallest stretch that anybody is put into."""
WEIGHTIEST = 64
"""Blocks that a stretch counts for at most, so that a country's victims are spread over many networks."""
TRIES = 16
"""Draws for each block that is wanted; then a country has fewer blocks."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """Parts of stretches: where each begins, how many units it has, and its network."""

    base: Numbers
    size: Numbers
    asn: Numbers

    def __len__(self) -> int:
        return len(self.base)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Intervals:
    """Disjoint intervals of a number line, ascending, ends included, each with a label."""

    start: Numbers
    end: Numbers
    label: Numbers

    def at(self, places: Numbers) -> Numbers:
        """The label at each place; -1: no interval holds it."""
        if not len(self.start):
            return np.full(len(places), -1, np.int64)
        row = np.searchsorted(self.start, places, side="right") - 1
        held = (row >= 0) & (self.end[np.maximum(row, 0)] >= places)
        return np.where(held, self.label[np.maximum(row, 0)], -1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stretches:
    """The stretches of one family of addresses. A unit is an IPv4 address, or an IPv6 /64 (RFC 4291, 2.5.4)."""

    start: Numbers
    size: Numbers
    country: Numbers
    """Label in the country table, ascending."""
    asn: Numbers

    def blocks(self, country: int, count: int, size: int, start: np.uint64) -> Blocks:
        """At most `count` different blocks of `size` units in a country, drawn from the stream at `start`.

        A stretch with fewer units is one block. Fewer blocks, or none, where the country has no more.
        """
        rows = np.arange(*np.searchsorted(self.country, (country, country + 1)))
        parts = np.maximum(self.size[rows] // size, 1)
        upto = np.cumsum(np.minimum(parts, WEIGHTIEST))
        marks = sequence(start, np.full(TRIES * count if len(rows) else 0, upto[-1] if len(rows) else 1))
        drawn = np.searchsorted(upto, marks, side="right")
        # a second stream, so that the part does not follow from the stretch
        part = sequence(~start, parts[drawn])
        _, first = np.unique(drawn * (1 << 32) + part, return_index=True)
        first = np.sort(first)[:count]
        row, part = rows[drawn[first]], part[first]
        return Blocks(
            base=self.start[row] + part * size,
            size=np.minimum(self.size[row], size),
            asn=self.asn[row],
        )


class Ground:
    """The stretches of the reference data in use, by country."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        names = reference.country.names.to_pylist()
        self._labels = {name: label for label, name in enumerate(names) if name is not None}

    def label(self, country: CountryCode) -> int:
        """A country's label in `Stretches`; -1: the table does not know it."""
        return self._labels.get(country, -1)

    @cached_property
    def v4(self) -> Stretches:
        """IPv4, a unit an address."""
        country, network, listed = self._tables()
        closed = [(int(one.network_address), int(one.broadcast_address)) for one in NOT_ROUTABLE_IPV4]
        held = _held_back(self._reference.warning_lists, IndicatorType.IPV4, _v4_rows(listed))
        return _stretches(
            _v4(country, _v4_rows(country)), _v4(network, _v4_rows(network)), (_fixed(closed), _v4(listed, held))
        )

    @cached_property
    def v6(self) -> Stretches:
        """IPv6, a unit a /64."""
        country, network, listed = self._tables()
        high = [(int(one.network_address) >> 64, int(one.broadcast_address) >> 64) for one in NOT_ROUTABLE_IPV6]
        unicast = int(GLOBAL_UNICAST_IPV6.network_address) >> 64, int(GLOBAL_UNICAST_IPV6.broadcast_address) >> 64
        closed = [(0, unicast[0] - 1), *high, (unicast[1] + 1, (1 << 63) - 2)]
        held = _held_back(self._reference.warning_lists, IndicatorType.IPV6, _v6_rows(listed))
        return _stretches(
            _v6_inside(country, _v6_rows(country)),
            _v6_inside(network, _v6_rows(network)),
            (_fixed(closed), _v6_around(listed, held)),
        )

    def _tables(self) -> tuple[RangeTable, RangeTable, RangeTable]:
        reference = self._reference
        return reference.country, reference.network, reference.warning_lists.index.ranges


def _stretches(country: _Intervals, network: _Intervals, closed: Sequence[_Intervals]) -> Stretches:
    borders = np.sort(
        np.concatenate([side for one in (country, network, *closed) for side in (one.start, one.end + 1)])
    )
    start, size = borders[:-1], np.diff(borders)  # equal borders leave empty stretches, which are too small
    land, owner = country.at(start), network.at(start)
    good = (land >= 0) & (owner > 0) & (size >= SMALLEST)
    for one in closed:
        good &= one.at(start) < 0
    rows = np.flatnonzero(good)
    rows = rows[np.argsort(land[rows], kind="stable")]
    return Stretches(start=start[rows], size=size[rows], country=land[rows], asn=owner[rows])


def _v4(table: RangeTable, rows: Numbers) -> _Intervals:
    flat, low = table.ranges, np.uint64(0xFFFF_FFFF)
    return _Intervals(
        start=(flat.start_low[rows] & low).astype(np.int64),
        end=(flat.end_low[rows] & low).astype(np.int64),
        label=_labels(table)[rows],
    )


def _v6_inside(table: RangeTable, rows: Numbers) -> _Intervals:
    """The /64s that lie inside a range as a whole."""
    flat = table.ranges
    start = flat.start_high[rows] + (flat.start_low[rows] != 0)
    end = flat.end_high[rows] - (flat.end_low[rows] != np.uint64((1 << 64) - 1))
    whole = start <= end
    return _Intervals(
        start=start[whole].astype(np.int64), end=end[whole].astype(np.int64), label=_labels(table)[rows][whole]
    )


def _v6_around(table: RangeTable, rows: Numbers) -> _Intervals:
    """The /64s that a range touches. Several ranges may touch one: the first counts for it."""
    flat = table.ranges
    start, end = flat.start_high[rows].astype(np.int64), flat.end_high[rows].astype(np.int64)
    start[1:] = np.maximum(start[1:], end[:-1] + 1)
    left = start <= end
    return _Intervals(start=start[left], end=end[left], label=_labels(table)[rows][left])


def _v4_rows(table: RangeTable) -> Numbers:
    return np.arange(table.first_v4, table.first_v4 + len(table.start_v4))


def _v6_rows(table: RangeTable) -> Numbers:
    rows = np.arange(len(table))
    other = (rows < table.first_v4) | (rows >= table.first_v4 + len(table.start_v4))
    # the upper half of the line is not assigned, and does not fit into signed numbers
    return rows[other & (table.ranges.end_high < np.uint64(1 << 63))]


def _labels(table: RangeTable) -> Numbers:
    label = table.ranges.label.astype(np.int64)
    return label if table.numbers is None else table.numbers[label]


def _held_back(lists: WarningLists, kind: IndicatorType, rows: Numbers) -> Numbers:
    """Those of `rows` of the warning lists' ranges on which a victim would be held for review."""
    flat = lists.index.ranges.ranges
    # all ranges of one label are on the same lists, so one address of each is asked about
    label, first = np.unique(flat.label[rows], return_index=True)
    ends = zip(flat.start_high[rows[first]].tolist(), flat.start_low[rows[first]].tolist(), strict=True)
    probes = [text(high, low) for high, low in ends]
    codes = np.full(len(probes), TYPE_CODES[kind], np.int8)
    roles = pa.array([Role.INFECTED_SYSTEM.value] * len(probes), pa.string())
    review, _ = lists.match(codes, pa.array(probes, pa.string())).judge(roles)
    held = np.array([bool(one) for one in review.to_pylist()], np.bool_)
    return rows[np.isin(flat.label[rows], label[held])]


def _fixed(intervals: Iterable[tuple[int, int]]) -> _Intervals:
    start, end = np.array(sorted(intervals), np.int64).T
    return _Intervals(start=start, end=end, label=np.zeros(len(start), np.int64))
