"""Rows about addresses, put in order and merged in columns: it takes sorting and no more.

A *run* is a table of RUN rows sorted by address. Runs lie on disk as Arrow files that are mapped into memory, so that
merging many of them holds one stretch of addresses at a time, however many rows there are.
"""

import ctypes
import mmap
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.scanner import compiled

RUN = pa.schema(
    [
        # the address as a pair of numbers, IPv4 at ::ffff:0:0/96
        pa.field("high", pa.uint64(), nullable=False),
        pa.field("low", pa.uint64(), nullable=False),
        # a number that stands for all that is said beside the address
        pa.field("meaning", pa.int32(), nullable=False),
        # days since 1970 in UTC; 0 where days are merged
        pa.field("day", pa.int32(), nullable=False),
        # microseconds since 1970 in UTC
        pa.field("first_seen", pa.int64(), nullable=False),
        pa.field("last_seen", pa.int64(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("observations", pa.int64(), nullable=False),
        pa.field("undated", pa.bool_(), nullable=False),
        # who said it: dropped when rows are merged
        pa.field("member", pa.int32(), nullable=False),
    ]
)

STRETCH = 1 << 18
"""Rows of a stretch of addresses that are merged at once, about: 30 MB while they are."""

_SAMPLES = 256

Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """n rows of RUN, position by position."""

    high: Words
    low: Words
    meaning: Codes
    day: Codes
    first_seen: Numbers
    last_seen: Numbers
    count: Numbers
    observations: Numbers
    undated: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.high)


def ordered(rows: Rows) -> npt.NDArray[np.int64]:
    """The positions of rows sorted by address, meaning and day."""
    minor = rows.meaning.astype(np.uint64) << np.uint64(16) | rows.day.astype(np.uint64)
    if len(rows) and int(minor.max()) >> 32:
        return np.lexsort((minor, rows.low, rows.high))
    # nearly all addresses are IPv4, and then the whole key is one word
    key = rows.low << np.uint64(32) | minor
    wide = rows.high != 0
    if not wide.any():
        return np.argsort(key)
    short, long = np.flatnonzero(~wide), np.flatnonzero(wide)
    return np.concatenate(
        (short[np.argsort(key[short])], long[np.lexsort((minor[long], rows.low[long], rows.high[long]))])
    )


def merged(rows: Rows) -> Rows:
    """The same rows sorted, and one for each address, meaning and day."""
    if not len(rows):
        return rows
    order = ordered(rows)
    columns = [getattr(rows, name) for name in RUN.names[:-1]]
    found = [np.empty(len(rows), column.dtype) for column in columns]
    count = _merge(order, *columns, *found)
    return Rows(**{name: column[:count] for name, column in zip(RUN.names[:-1], found, strict=True)})


@compiled
def _merge(
    order: Numbers,
    high: Words,
    low: Words,
    meaning: Codes,
    day: Codes,
    first: Numbers,
    last: Numbers,
    count: Numbers,
    observations: Numbers,
    undated: npt.NDArray[np.bool_],
    to_high: Words,
    to_low: Words,
    to_meaning: Codes,
    to_day: Codes,
    to_first: Numbers,
    to_last: Numbers,
    to_count: Numbers,
    to_observations: Numbers,
    to_undated: npt.NDArray[np.bool_],
) -> int:
    """Add up rows that follow each other in an order and have one key; returns how many are left."""
    at = -1
    for row in order:
        if (
            at >= 0
            and low[row] == to_low[at]
            and high[row] == to_high[at]
            and meaning[row] == to_meaning[at]
            and day[row] == to_day[at]
        ):
            to_first[at] = min(to_first[at], first[row])
            to_last[at] = max(to_last[at], last[row])
            to_count[at] += count[row]
            to_observations[at] += observations[row]
            to_undated[at] = to_undated[at] and undated[row]
            continue
        at += 1
        to_high[at], to_low[at], to_meaning[at], to_day[at] = high[row], low[row], meaning[row], day[row]
        to_first[at], to_last[at], to_count[at] = first[row], last[row], count[row]
        to_observations[at], to_undated[at] = observations[row], undated[row]
    return at + 1


def write_run(path: Path, rows: Rows, member: Codes | None = None) -> None:
    """Put sorted rows on disk; `member` says who said each, -1 where it does not matter."""
    columns = [getattr(rows, name) for name in RUN.names[:-1]]
    columns.append(np.full(len(rows), -1, np.int32) if member is None else member)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, RUN) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=RUN))


def taken(rows: Rows, at: npt.NDArray[np.int64]) -> Rows:
    """The rows at some positions."""
    return Rows(**{name: getattr(rows, name)[at] for name in RUN.names[:-1]})


def merge_runs(
    paths: Sequence[Path], meaning: Codes, without: Sequence[int] = (), *, days: bool = True, threads: int = 1
) -> Iterator[Rows]:
    """Merge runs into stretches of addresses that follow each other, each merged and sorted.

    `meaning[m]` replaces meaning m of the runs; `without`: members whose rows do not count; without `days` all days are
    merged. At most `threads` + 1 stretches are held.
    """
    files = [_RunFile(path) for path in paths]
    runs = [run for file in files for run in file.runs if len(run.high)]
    if not runs:
        return

    def stretch(begin: tuple[int, int] | None, end: tuple[int, int] | None) -> Rows:
        pieces = [run.between(begin, end, without) for run in runs]
        columns = {name: np.concatenate([piece[name] for piece in pieces]) for name in RUN.names[:-1]}
        del pieces
        for file in files:
            file.let_go()
        columns["meaning"] = meaning[columns["meaning"]]
        if not days:
            columns["day"] = np.zeros(len(columns["day"]), np.int32)
        return merged(Rows(**columns))

    yield from ahead(lambda bounds: stretch(*bounds), pairwise(_stretches(runs)), threads)


Asked = TypeVar("Asked")
Done = TypeVar("Done")


def ahead(work: Callable[[Asked], Done], items: Iterable[Asked], threads: int) -> Iterator[Done]:
    """`map` in threads: results in order, at most `threads` + 1 of them made and not yet taken."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Done]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _RunFile:
    """A file of runs, mapped into memory: each of its batches is one."""

    def __init__(self, path: Path) -> None:
        # Arrow's map, unlike Python's, outlives the open file, of which a process may often have but a thousand
        self._map = pa.memory_map(str(path)).read_buffer()
        reader = pa.ipc.open_file(pa.BufferReader(self._map))
        self.runs = [_Run(reader.get_batch(number)) for number in range(reader.num_record_batches)]

    def let_go(self) -> None:
        """Give up the memory of what has been read; whoever looks again reads it again."""
        advise = getattr(ctypes.CDLL(None), "madvise", None) if sys.platform == "linux" else None
        if advise is not None:
            advise(ctypes.c_void_p(self._map.address), ctypes.c_size_t(self._map.size), mmap.MADV_DONTNEED)


class _Run:
    """One run."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch
        self.high, self.low = batch["high"].to_numpy(), batch["low"].to_numpy()

    def between(
        self, begin: tuple[int, int] | None, end: tuple[int, int] | None, without: Sequence[int]
    ) -> dict[str, npt.NDArray[np.generic]]:
        """The columns from address `begin` to before `end` (None: the ends)."""
        low = 0 if begin is None else _place(self.high, self.low, np.uint64(begin[0]), np.uint64(begin[1]))
        high = len(self.high) if end is None else _place(self.high, self.low, np.uint64(end[0]), np.uint64(end[1]))
        rows = self._batch.slice(low, high - low)
        # truths are bits there
        columns = {name: rows[name].to_numpy(zero_copy_only=name != "undated") for name in RUN.names}
        if without:
            kept = np.flatnonzero(~np.isin(columns["member"], without))
            columns = {name: column[kept] for name, column in columns.items()}
        return columns


def _stretches(runs: Sequence[_Run]) -> list[tuple[int, int] | None]:
    """Addresses that part all rows into stretches of about STRETCH rows."""
    total = sum(len(run.high) for run in runs)
    if total <= STRETCH:
        return [None, None]
    sample: list[tuple[int, int, int]] = []
    for run in runs:
        at = np.unique(np.linspace(0, len(run.high) - 1, min(_SAMPLES, len(run.high)), dtype=np.int64))
        weight = len(run.high) // len(at)
        sample += [(h, lo, weight) for h, lo in zip(run.high[at].tolist(), run.low[at].tolist(), strict=True)]
    bounds: list[tuple[int, int] | None] = [None]
    held = 0
    for high, low, weight in sorted(sample):
        held += weight
        if held >= STRETCH and bounds[-1] != (high, low):
            bounds.append((high, low))
            held = 0
    return [*bounds, None]


@compiled
def _place(high: Words, low: Words, wanted_high: np.uint64, wanted_low: np.uint64) -> int:
    """The first row at or behind an address."""
    left, right = 0, len(high)
    while left < right:
        middle = (left + right) // 2
        if high[middle] < wanted_high or (high[middle] == wanted_high and low[middle] < wanted_low):
            left = middle + 1
        else:
            right = middle
    return left
