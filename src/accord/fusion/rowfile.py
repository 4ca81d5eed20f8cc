"""Fixed-width rows of numbered findings on disk: what grows with the observations is read a piece at a time.

It is read with `preadv`, so that no page of it counts as memory of the process. It belongs to one run and has no
stable layout.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]
Rows = npt.NDArray[Any]
"""An array of one record type."""

_GAP = 16
"""So few rows between two wanted ones are read along, and dropped."""


class RowFile:
    """Rows of one record type, in the order of the findings that they belong to."""

    def __init__(self, path: Path, kind: np.dtype[Any], starts: Positions) -> None:
        """Open what `write_rows` wrote; `starts` says where each finding's rows begin, and where the last ones end."""
        self._kind = kind
        self._starts = starts
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY)

    def close(self) -> None:
        """Nothing can be read any more."""
        os.close(self._descriptor)

    def counts(self, findings: Positions) -> Positions:
        """How many rows each of `findings` has."""
        return self._starts[findings + 1] - self._starts[findings]

    def of(self, findings: Positions) -> Rows:
        """All rows of `findings`, in the order of these."""
        return self._gather(self._starts[findings], self.counts(findings))

    def pieces(self, findings: Positions, size: int) -> Iterator[tuple[Positions, Rows]]:
        """The rows of `findings` in the order of these, at most `size` at a time, and each row's place in `findings`.

        The rows of one finding may come in several pieces.
        """
        counts = self.counts(findings)
        ends = np.cumsum(counts)
        begins = ends - counts
        total = int(counts.sum())
        for begin in range(0, total, size):
            end = min(begin + size, total)
            places = np.arange(np.searchsorted(ends, begin, side="right"), np.searchsorted(begins, end))
            skipped = np.maximum(begin - begins[places], 0)
            taken = np.minimum(end - begins[places], counts[places]) - skipped
            yield np.repeat(places, taken), self._gather(self._starts[findings[places]] + skipped, taken)

    def _gather(self, begins: Positions, counts: Positions) -> Rows:
        """The rows of some ranges, in the order of the ranges; those that lie close together are read at once."""
        order = np.argsort(begins, kind="stable")
        low, high = begins[order], np.maximum.accumulate((begins + counts)[order])
        apart = np.append(True, low[1:] > high[:-1] + _GAP)[: len(low)]
        first = np.flatnonzero(apart)
        lows, highs = low[first], high[np.append(first[1:], len(high)) - 1] if len(first) else low[:0]
        places = np.append(0, np.cumsum(highs - lows))
        held = np.empty(int(places[-1]), self._kind)
        self._read(held, places, lows)
        moved = np.empty(len(order), np.int64)
        moved[order] = (places[:-1] - lows)[np.cumsum(apart) - 1]
        return held[_ranges(begins + moved, counts)]

    def _read(self, held: Rows, places: Positions, lows: Positions) -> None:
        """Fill `held[places[i] : places[i + 1]]` with the rows from `lows[i]` on."""
        width, into = self._kind.itemsize, held.view(np.uint8).data
        for begin, end, low in zip(places[:-1].tolist(), places[1:].tolist(), lows.tolist(), strict=True):
            part, at = into[begin * width : end * width], low * width
            while len(part):
                got = os.preadv(self._descriptor, [part], at)
                if not got:
                    raise OSError(f"{self._path} ends too early")
                part, at = part[got:], at + got


def write_rows(path: Path, kind: np.dtype[Any], batches: Iterable[tuple[Positions, Rows]], count: int) -> RowFile:
    """Write the rows of `count` findings: batches in order, each with the finding of each of its rows, ascending.

    Raises OSError when the disk refuses.
    """
    held = np.zeros(count + 1, np.int64)
    with path.open("wb") as file:
        for findings, rows in batches:
            file.write(np.ascontiguousarray(rows).view(np.uint8).data)
            if len(findings):
                first, last = int(findings[0]), int(findings[-1])
                held[first + 1 : last + 2] += np.bincount(findings - first)
    return RowFile(path, kind, np.cumsum(held))


def _ranges(begins: Positions, counts: Positions) -> Positions:
    """`begins[0]`, `begins[0] + 1` and so on, `counts[0]` of them, then those of the next range."""
    before = np.cumsum(counts) - counts
    return np.repeat(begins - before, counts) + np.arange(int(counts.sum()))
