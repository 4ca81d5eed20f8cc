"""Thousands of substrings sought in many texts at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from accord.reference.addresses import Bytes, Offsets, string_buffers
from accord.reference.compiling import compiled

_HEAD = 4
"""Patterns are found by their first four bytes; shorter ones are sought one by one."""

Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SubstringTable:
    """Patterns in a hash table by their first bytes, each with the number of the list that it belongs to."""

    blob: Bytes
    bounds: Offsets
    slots: Numbers
    """First pattern of those with this head, or -1; patterns with one head follow each other."""
    owner: Numbers
    begun: npt.NDArray[np.bool_]
    """For every two bytes: does a pattern begin so? Most places in a text are passed over by this alone."""
    short: tuple[tuple[str, int], ...]
    """Patterns under four bytes, and their lists."""

    @classmethod
    def build(cls, lists: Sequence[Sequence[str]]) -> "SubstringTable":
        """`lists[number]` are the patterns of one list (empty: it has none)."""
        pairs = sorted((text, number) for number, texts in enumerate(lists) for text in texts)
        long = sorted((text.encode(), number) for text, number in pairs if len(text.encode()) >= _HEAD)
        bounds, blob = string_buffers(pa.array([text.decode() for text, _ in long], pa.string()))
        slots = np.full(1 << max(4, (4 * len(long)).bit_length()), -1, np.int32)
        begun = np.zeros(1 << 16, np.bool_)
        _fill(blob, bounds, slots, begun)
        return cls(
            blob=blob,
            bounds=bounds,
            slots=slots,
            owner=np.array([number for _, number in long], np.int32),
            begun=begun,
            short=tuple((text, number) for text, number in pairs if len(text.encode()) < _HEAD),
        )

    def __len__(self) -> int:
        return len(self.owner) + len(self.short)

    def search(
        self,
        texts: pa.StringArray,
        rows: npt.NDArray[np.int64],
        places: npt.NDArray[np.int64],
        found: npt.NDArray[np.uint64],
    ) -> None:
        """Set bit `number` in `found[places[i]]` for every list that has a pattern in `texts[rows[i]]`."""
        offsets, data = string_buffers(texts)
        if len(self.owner):
            _search(data, offsets, (self.blob, self.bounds, self.slots, self.owner), self.begun, rows, places, found)
        for text, number in self.short:
            hits = pc.match_substring(texts, text).fill_null(False).to_numpy(zero_copy_only=False)[rows]
            found[places[hits], number // 64] |= np.uint64(1 << number % 64)


@compiled
def _head(data: Bytes, at: int) -> np.uint32:
    word = np.uint32(data[at]) | np.uint32(data[at + 1]) << np.uint32(8)
    word |= np.uint32(data[at + 2]) << np.uint32(16) | np.uint32(data[at + 3]) << np.uint32(24)
    word = np.uint32(word * np.uint32(0x9E3779B1))
    return np.uint32(word ^ (word >> np.uint32(15)))


@compiled
def _same_head(one: Bytes, at: int, other: Bytes, there: int) -> bool:
    return bool(
        one[at] == other[there]
        and one[at + 1] == other[there + 1]
        and one[at + 2] == other[there + 2]
        and one[at + 3] == other[there + 3]
    )


@compiled
def _fill(blob: Bytes, bounds: Offsets, slots: Numbers, begun: npt.NDArray[np.bool_]) -> None:
    mask = len(slots) - 1
    for pattern in range(len(bounds) - 1):
        begun[np.int64(blob[bounds[pattern]]) << 8 | np.int64(blob[bounds[pattern] + 1])] = True
        if pattern > 0 and _same_head(blob, bounds[pattern], blob, bounds[pattern - 1]):
            continue
        slot = np.int64(_head(blob, bounds[pattern])) & mask
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = pattern


@compiled
def _search(
    data: Bytes,
    offsets: Offsets,
    table: tuple[Bytes, Offsets, Numbers, Numbers],
    begun: npt.NDArray[np.bool_],
    rows: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    found: npt.NDArray[np.uint64],
) -> None:
    blob, bounds, slots, owner = table
    mask = len(slots) - 1
    one = np.uint64(1)
    for number in range(len(rows)):
        end = offsets[rows[number] + 1]
        for at in range(offsets[rows[number]], end - 3):
            if not begun[np.int64(data[at]) << 8 | np.int64(data[at + 1])]:
                continue
            slot = np.int64(_head(data, at)) & mask
            while slots[slot] >= 0 and not _same_head(data, at, blob, bounds[slots[slot]]):
                slot = (slot + 1) & mask
            pattern = slots[slot]
            while 0 <= pattern < len(owner) and _same_head(data, at, blob, bounds[pattern]):
                first = bounds[pattern]
                length = bounds[pattern + 1] - first
                same = at + length <= end
                step = 4
                while same and step < length:
                    same = blob[first + step] == data[at + step]
                    step += 1
                if same:
                    found[places[number], owner[pattern] // 64] |= one << np.uint64(owner[pattern] % 64)
                pattern += 1
