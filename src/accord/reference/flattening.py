"""Overlapping ranges made disjoint: at every address the narrowest range that holds it wins.

Registries delegate a block and then a part of it, so tables of ranges overlap, and a binary search over overlapping
ranges gives wrong answers. Two ranges of the same width: the one that comes later in the table wins.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accord.reference.addresses import Words
from accord.reference.compiling import compiled

Labels = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranges:
    """n ranges along the line of `reference.addresses`, ends included, with the label that each carries."""

    start_high: Words
    start_low: Words
    end_high: Words
    end_low: Words
    label: Labels

    def __len__(self) -> int:
        return len(self.label)


def flatten(ranges: Ranges) -> Ranges:
    """Disjoint, ascending ranges that give every address the label of the narrowest range holding it.

    Neighbours that touch and carry one label are joined. No range may end before it starts (ValueError).
    """
    backwards = (ranges.end_high < ranges.start_high) | (
        (ranges.end_high == ranges.start_high) & (ranges.end_low < ranges.start_low)
    )
    if backwards.any():
        raise ValueError(f"range {int(np.argmax(backwards))} ends before it starts")
    width_low = ranges.end_low - ranges.start_low
    width_high = ranges.end_high - ranges.start_high - (ranges.end_low < ranges.start_low).astype(np.uint64)
    later_first = -np.arange(len(ranges), dtype=np.int64)
    by_width = np.lexsort((later_first, width_low, width_high))
    rank = np.empty(len(ranges), np.int64)
    rank[by_width] = np.arange(len(ranges))
    by_start = np.lexsort((rank, ranges.start_low, ranges.start_high))
    # every step of the sweep takes in a start or leaves an end behind
    room = 2 * len(ranges) + 1
    out = [np.empty(room, np.uint64) for _ in range(4)]
    label = np.empty(room, np.int32)
    count = _sweep(
        (ranges.start_high, ranges.start_low, ranges.end_high, ranges.end_low),
        ranges.label,
        by_start,
        rank,
        by_width,
        (out[0], out[1], out[2], out[3]),
        label,
    )
    return Ranges(
        start_high=out[0][:count].copy(),
        start_low=out[1][:count].copy(),
        end_high=out[2][:count].copy(),
        end_low=out[3][:count].copy(),
        label=label[:count].copy(),
    )


@compiled
def _sweep(
    columns: tuple[Words, Words, Words, Words],
    labels: Labels,
    by_start: npt.NDArray[np.int64],
    rank: npt.NDArray[np.int64],
    by_width: npt.NDArray[np.int64],
    out: tuple[Words, Words, Words, Words],
    out_label: Labels,
) -> int:
    """Go along the line; the heap holds the ranks of the ranges that have begun, the narrowest on top."""
    s_hi, s_lo, e_hi, e_lo = columns
    o_s_hi, o_s_lo, o_e_hi, o_e_lo = out
    total = len(by_start)
    heap = np.empty(total + 1, np.int64)
    size, taken, count = 0, 0, 0
    one, zero, full = np.uint64(1), np.uint64(0), ~np.uint64(0)
    hi, lo = zero, zero
    while True:
        while size > 0:
            top = by_width[heap[0]]
            if e_hi[top] < hi or (e_hi[top] == hi and e_lo[top] < lo):
                size = _pop(heap, size)
            else:
                break
        if size == 0:
            if taken == total:
                return count
            hi, lo = s_hi[by_start[taken]], s_lo[by_start[taken]]
        while taken < total and s_hi[by_start[taken]] == hi and s_lo[by_start[taken]] == lo:
            size = _push(heap, size, rank[by_start[taken]])
            taken += 1
        top = by_width[heap[0]]
        until_hi, until_lo = e_hi[top], e_lo[top]
        if taken < total:
            next_hi, next_lo = s_hi[by_start[taken]], s_lo[by_start[taken]]
            if next_hi < until_hi or (next_hi == until_hi and next_lo <= until_lo):
                until_hi = next_hi if next_lo > zero else next_hi - one
                until_lo = next_lo - one
        joined = False
        if count > 0 and out_label[count - 1] == labels[top]:
            after_lo = o_e_lo[count - 1] + one
            after_hi = o_e_hi[count - 1] + (one if after_lo == zero else zero)
            joined = after_hi == hi and after_lo == lo
        if joined:
            o_e_hi[count - 1], o_e_lo[count - 1] = until_hi, until_lo
        else:
            o_s_hi[count], o_s_lo[count], o_e_hi[count], o_e_lo[count] = hi, lo, until_hi, until_lo
            out_label[count] = labels[top]
            count += 1
        if until_hi == full and until_lo == full:
            return count
        lo = until_lo + one
        hi = until_hi + (one if lo == zero else zero)


@compiled
def _push(heap: npt.NDArray[np.int64], size: int, item: int) -> int:
    at = size
    heap[at] = item
    while at > 0 and heap[(at - 1) // 2] > heap[at]:
        above = (at - 1) // 2
        heap[at], heap[above] = heap[above], heap[at]
        at = above
    return size + 1


@compiled
def _pop(heap: npt.NDArray[np.int64], size: int) -> int:
    size -= 1
    heap[0] = heap[size]
    at = 0
    while True:
        least = at
        for child in (2 * at + 1, 2 * at + 2):
            if child < size and heap[child] < heap[least]:
                least = child
        if least == at:
            return size
        heap[at], heap[least] = heap[least], heap[at]
        at = least
