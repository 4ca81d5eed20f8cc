"""What a version tells of addresses, collected from evidence a piece at a time: families and the last day of each.

Whoever collects has already left out what the rules refuse: what comes here is told. Of IPv6 a /64 is one address.
Where one family is known of an address, that another record named none says nothing more. Mail addresses are collected
by the beginnings of their HMACs, as they lie in the records: so each takes as little room as any other address.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from accord.check.hashing import digests
from accord.check.layout import RECORD_BYTES, SETS_LIMIT
from accord.check.writing import Sightings
from accord.vocabulary.errors import OutputError

Numbers = npt.NDArray[np.uint64] | npt.NDArray[np.bytes_]
"""By which addresses are told apart: of IPv4 the number, of IPv6 the first 64 bits, of mail addresses MAILBOX_KEY."""
Ages = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.int64]
Meanings = npt.NDArray[np.int64]
"""The code of a family and of a data set: `meanings`."""

MAILBOX_KEY: np.dtype[np.bytes_] = np.dtype(f"S{RECORD_BYTES}")
"""The beginning of a mail address's HMAC. All have one length: that NumPy takes zeros at an end for none is nothing."""

UNKNOWN = 0
"""The code of no family."""

_DATASET_BITS = 16
_DATASETS = (1 << _DATASET_BITS) - 1

_ROOM = 1 << 23
"""Rows that are held before those that say the same are made one."""

_PIECE = 1 << 20
"""Rows, about, that are worked on at a time."""


class FamilySets:
    """Sets of families, each with a number: the same set is always the same one."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, ...], int] = {}

    def number(self, families: tuple[int, ...]) -> int:
        """The number of a set. Raises OutputError for more than records can name."""
        found = self._numbers.setdefault(families, len(self._numbers))
        if found >= SETS_LIMIT:
            raise OutputError(
                "There are more sets of families than the records of check data can name.",
                expected=f"at most {SETS_LIMIT:,}",
                remedy="see which data set names families that are none: `accord lookup` shows them",
            )
        return found

    @property
    def all(self) -> list[tuple[int, ...]]:
        """Every set, by its number."""
        return list(self._numbers)


@dataclass(slots=True, kw_only=True)
class Collected:
    """Rows of addresses of one kind: each address, what is said of it (`meanings`) and its age in days."""

    _parts: list[tuple[Numbers, Meanings, Ages]] = field(default_factory=list)
    _rows: int = 0

    def add(self, numbers: Numbers, meanings: Meanings, ages: Ages) -> None:
        """Take rows in; what is said before may be said again."""
        self._parts.append((numbers, meanings, ages))
        self._rows += len(numbers)
        if self._rows > _ROOM:
            self._parts = [self._merged()]
            # what does not become less is not made one again before as much has come anew
            self._rows = 0

    def told(self) -> "Told":
        """Each address and what is said of it once, with the least age."""
        numbers, meanings, ages = self._merged()
        self._parts = []
        return Told(numbers=numbers, meanings=meanings, ages=ages)

    def _merged(self) -> tuple[Numbers, Meanings, Ages]:
        if not self._parts:
            return np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.uint8)
        numbers: Numbers
        numbers, meanings, ages = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        self._parts = []
        order = np.lexsort((ages, meanings, numbers))
        numbers, meanings = numbers[order], meanings[order]
        first = np.append(True, (numbers[1:] != numbers[:-1]) | (meanings[1:] != meanings[:-1]))[: len(numbers)]
        return numbers[first], meanings[first], ages[order][first]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Told:
    """What is told of addresses of one kind: by address and meaning, each pair once."""

    numbers: Numbers
    meanings: Meanings
    ages: Ages

    def families(self) -> frozenset[int]:
        """The codes of all families."""
        return frozenset(code for one in self._pieces() for code in np.unique(one.meanings >> _DATASET_BITS).tolist())

    def by_dataset(self) -> Counter[int]:
        """How many addresses rest on each data set, by its code."""
        total: Counter[int] = Counter()
        for one in self._pieces():
            dataset = one.meanings & _DATASETS
            order = np.lexsort((one.numbers, dataset))
            numbers, dataset = one.numbers[order], dataset[order]
            first = np.append(True, (numbers[1:] != numbers[:-1]) | (dataset[1:] != dataset[:-1]))
            codes, counts = np.unique(dataset[first], return_counts=True)
            total.update(dict(zip(codes.tolist(), counts.tolist(), strict=True)))
        return total

    def records(
        self, kind: tuple[int, int] | None, families: Mapping[int, int], sets: FamilySets, pepper: bytes, threads: int
    ) -> Iterator[Sightings]:
        """Their records; `kind`: `hashing.V4` or `V6`, None of mail addresses; `families`: the place in the version of
        each family's code.
        """
        for one in self._pieces():
            begins = np.flatnonzero(np.append(True, one.numbers[1:] != one.numbers[:-1]))
            codes = one.meanings >> _DATASET_BITS
            # what several data sets say of a family stands once
            once = np.append(True, codes[1:] != codes[:-1])
            once[begins] = True
            yield Sightings(
                digests=_digests(one.numbers[begins], kind, pepper, threads),
                ages=np.minimum.reduceat(one.ages, begins),
                sets=_set_numbers(codes[once], (np.cumsum(once) - 1)[begins], families, sets),
            )

    def _pieces(self) -> "Iterator[Told]":
        """Stretches of all rows of some addresses: what is worked out beside them stays small."""
        begin = 0
        while begin < len(self.numbers):
            last = self.numbers[min(begin + _PIECE, len(self.numbers)) - 1]
            end = int(np.searchsorted(self.numbers, last, side="right"))
            yield Told(numbers=self.numbers[begin:end], meanings=self.meanings[begin:end], ages=self.ages[begin:end])
            begin = end


def _digests(numbers: Numbers, kind: tuple[int, int] | None, pepper: bytes, threads: int) -> npt.NDArray[np.uint8]:
    """The beginnings of the HMACs of addresses; those of mail addresses are what they are told apart by."""
    if kind is None:
        return numbers.view(np.uint8).reshape(-1, RECORD_BYTES)
    return digests(numbers.astype(np.uint64, copy=False), kind, pepper, threads)


def meanings(families: Codes, dataset: int) -> Meanings:
    """What rows of a data set say: their families' codes."""
    return families.astype(np.int64) << _DATASET_BITS | dataset


def joined(parts: Iterable[Sightings]) -> Sightings:
    """Records that were made apart as one."""
    held = [*parts] or [Sightings.none()]
    return Sightings(
        digests=np.concatenate([one.digests for one in held]),
        ages=np.concatenate([one.ages for one in held]),
        sets=np.concatenate([one.sets for one in held]),
    )


def _set_numbers(
    codes: Codes, begins: npt.NDArray[np.int64], families: Mapping[int, int], sets: FamilySets
) -> npt.NDArray[np.uint32]:
    """The set of families of each address, whose codes stand from `begins` on, ascending and each once."""
    counts = np.diff(np.append(begins, len(codes)))
    # the code of no family stands first
    nameless = (codes[begins] == UNKNOWN) & (counts > 1)
    begins, counts = begins + nameless, counts - nameless
    prefixes: list[tuple[int, ...]] = [()]
    state = np.zeros(len(begins), np.int64)
    # one family after another is put to the sets so far: the work is by rows, however many sets there are
    for at in range(int(counts.max())):
        more = np.flatnonzero(counts > at)
        pairs = state[more] << 32 | codes[begins[more] + at].astype(np.int64)
        distinct, place = np.unique(pairs, return_inverse=True)
        state[more] = len(prefixes) + place
        prefixes += [(*prefixes[pair >> 32], families[pair & 0xFFFF_FFFF]) for pair in distinct.tolist()]
    used, place = np.unique(state, return_inverse=True)
    known = np.array([sets.number(tuple(sorted(prefixes[one]))) for one in used.tolist()], np.uint32)
    return known[place]
