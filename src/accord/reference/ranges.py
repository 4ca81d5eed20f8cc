"""Tables of address ranges, and looking up many addresses in them at once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.reference.addresses import MAPPED, Words, parse_addresses, text
from accord.reference.compiling import compiled
from accord.reference.flattening import Ranges, flatten

__all__ = ["RangeTable", "parse_addresses"]

Rows = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RangeTable:
    """Disjoint ranges, IPv4 and IPv6, each with a label: a country, or a network and its owner.

    Make one with `RangeTable.build`. A *row* is the number of a range; -1 means that no range holds the address.
    """

    ranges: Ranges
    """Disjoint and ascending, as `flattening.flatten` gives them."""
    names: pa.StringArray
    """`names[label]`: ISO 3166-1 alpha-2 code, or the network owner (null: not known)."""
    numbers: npt.NDArray[np.int64] | None
    """`numbers[label]`: the AS number, -1 for none; None for a table of countries."""
    first_v4: int
    """Row of the first IPv4 range."""
    start_v4: npt.NDArray[np.uint32]
    end_v4: npt.NDArray[np.uint32]
    index_v4: npt.NDArray[np.int32]
    """For each /16: how many IPv4 ranges start below it (65,537 entries)."""

    @classmethod
    def build(
        cls, ranges: Ranges, names: pa.StringArray, numbers: npt.NDArray[np.int64] | None = None, *, flat: bool = False
    ) -> "RangeTable":
        """Flatten `ranges` (unless they are `flat` already) and index them. No range may cross into IPv4's block.

        Raises ValueError for a range that holds addresses both inside and outside `::ffff:0:0/96`.
        """
        if not flat:
            ranges = flatten(ranges)
        starts = _in_v4(ranges.start_high, ranges.start_low)
        ends = _in_v4(ranges.end_high, ranges.end_low)
        before = (ranges.start_high == 0) & (ranges.start_low < MAPPED)
        if (starts != ends).any() or (before & ~ends & ~_before_v4(ranges.end_high, ranges.end_low)).any():
            raise ValueError("a range crosses the border between IPv4 (::ffff:0:0/96) and IPv6")
        rows = np.flatnonzero(starts)
        first = int(rows[0]) if len(rows) else 0
        start = (ranges.start_low[rows] & np.uint64(0xFFFF_FFFF)).astype(np.uint32)
        end = (ranges.end_low[rows] & np.uint64(0xFFFF_FFFF)).astype(np.uint32)
        blocks = np.arange(65_537, dtype=np.uint64) << np.uint64(16)
        index = np.searchsorted(start.astype(np.uint64), blocks).astype(np.int32)
        return cls(
            ranges=ranges,
            names=names,
            numbers=numbers,
            first_v4=first,
            start_v4=start,
            end_v4=end,
            index_v4=index,
        )

    def __len__(self) -> int:
        return len(self.ranges)

    def rows(self, high: Words, low: Words) -> Rows:
        """The row of the range that holds each address; -1: none."""
        found = np.empty(len(high), np.int32)
        flat = self.ranges
        _look_up(
            high,
            low,
            (flat.start_high, flat.start_low, flat.end_high, flat.end_low),
            (self.start_v4, self.end_v4),
            self.index_v4,
            self.first_v4,
            found,
        )
        return found

    def look_up(self, addresses: pa.StringArray) -> Rows:
        """As `rows`, from the addresses' texts; -1 also for null and for what is no address."""
        return self.rows(*parse_addresses(addresses))

    def labels(self, rows: Rows) -> pa.Int32Array:
        """The label of each row; null where the row is -1."""
        found = self.ranges.label[np.maximum(rows, 0)] if len(self) else np.zeros(len(rows), np.int32)
        return pa.array(found, pa.int32(), mask=rows < 0)

    def name(self, rows: Rows) -> pa.StringArray:
        """Country code or network owner of each row; null where there is none."""
        return self.names.take(self.labels(rows))

    def number(self, rows: Rows) -> pa.Int64Array:
        """AS number of each row; null where there is none, and for a table of countries."""
        if self.numbers is None:
            return pa.nulls(len(rows), pa.int64())
        return pa.array(self.numbers, pa.int64(), mask=self.numbers < 0).take(self.labels(rows))

    def range_texts(self, rows: Rows) -> pa.StringArray:
        """The range of each row as `start-end`, for reports; null where the row is -1."""
        distinct, place = np.unique(rows, return_inverse=True)
        flat = self.ranges
        texts = [
            None
            if row < 0
            else (
                f"{text(int(flat.start_high[row]), int(flat.start_low[row]))}"
                f"-{text(int(flat.end_high[row]), int(flat.end_low[row]))}"
            )
            for row in distinct.tolist()
        ]
        return pa.array(texts, pa.string()).take(pa.array(place))

    def ranges_of(self, name: str) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
        """The IPv4 ranges (start, end included) whose label is named `name`, ascending; empty when there is none."""
        wanted = np.flatnonzero(np.array([entry == name for entry in self.names.to_pylist()], np.bool_))
        rows = np.isin(self.ranges.label[self.first_v4 : self.first_v4 + len(self.start_v4)], wanted)
        return self.start_v4[rows], self.end_v4[rows]


def _in_v4(high: Words, low: Words) -> npt.NDArray[np.bool_]:
    return (high == 0) & (low >> np.uint64(32) == MAPPED >> 32)


def _before_v4(high: Words, low: Words) -> npt.NDArray[np.bool_]:
    return (high == 0) & (low < MAPPED)


@compiled
def _look_up(
    high: Words,
    low: Words,
    columns: tuple[Words, Words, Words, Words],
    v4: tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]],
    index: npt.NDArray[np.int32],
    first: int,
    found: Rows,
) -> None:
    s_hi, s_lo, e_hi, e_lo = columns
    start, end = v4
    for at in range(len(high)):
        hi, lo = high[at], low[at]
        found[at] = -1
        if hi == 0 and lo >> np.uint64(32) == 0xFFFF:
            address = np.uint32(lo & np.uint64(0xFFFF_FFFF))
            block = address >> 16
            # the range that holds the address may have begun in an earlier /16
            left, right = index[block] - 1, index[block + 1]
            while right - left > 1:
                middle = (left + right) // 2
                if start[middle] <= address:
                    left = middle
                else:
                    right = middle
            if left >= 0 and end[left] >= address:
                found[at] = first + left
            continue
        left, right = -1, len(s_hi)
        while right - left > 1:
            middle = (left + right) // 2
            if s_hi[middle] < hi or (s_hi[middle] == hi and s_lo[middle] <= lo):
                left = middle
            else:
                right = middle
        if left >= 0 and (e_hi[left] > hi or (e_hi[left] == hi and e_lo[left] >= lo)):
            found[at] = left
