"""Reading the evidence that check data is made from: a row group at a time, and of it only what may be told."""

import hmac
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from accord.check.layout import RECORD_BYTES, Family, mailbox_spelling
from accord.check.mailboxes import normalised
from accord.check.reviews import Reviews
from accord.check.victims import MAILBOX_KEY, UNKNOWN, Collected, meanings
from accord.cli.check.gathering import Counting, Gathered, Mask
from accord.cli.deliveries.kept import ADDRESSES, OTHERS, damage_named, verify_delivery
from accord.cli.readying import Progress
from accord.reference.addresses import MAPPED
from accord.reference.families import FamilyNames
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.markings import MARKINGS, Marking
from accord.vocabulary.roles import Role

_CODED = ["type", "role", "family", "marking"]
_COLUMNS = [*_CODED, "high", "low", "value", "day"]
_EPOCH = date(1970, 1, 1)

Codes = npt.NDArray[np.int64]


class FamilyCodes:
    """Families by codes: UNKNOWN for none, and one for each name that the catalogue makes of what was reported."""

    def __init__(self, names: FamilyNames) -> None:
        self._names = names
        self._codes: dict[str, int] = {"": UNKNOWN}
        self._reported: dict[str | None, int] = {None: UNKNOWN}

    def code(self, reported: str | None) -> int:
        """The code of a name as it was reported."""
        if reported not in self._reported:
            (name,) = self._names.normalise([reported or ""])
            self._reported[reported] = self._codes.setdefault(name, len(self._codes))
        return self._reported[reported]

    def told(self, used: frozenset[int]) -> tuple[tuple[Family, ...], Mapping[int, int]]:
        """The families of these codes by their names, and the place of each code among them."""
        named = sorted((name, code) for name, code in self._codes.items() if code in used)
        families = tuple(Family(name=name, platforms=self._platforms(name)) for name, _ in named)
        return families, {code: at for at, (_, code) in enumerate(named)}

    def _platforms(self, name: str) -> tuple[str, ...]:
        found = self._names.find(name) if name else None
        return () if found is None else found.platforms


@dataclass(slots=True, kw_only=True)
class Evidence:
    """What may be told, as far as it was read."""

    families: FamilyCodes
    v4: Collected = field(default_factory=Collected)
    v6: Collected = field(default_factory=Collected)
    mailboxes: Collected = field(default_factory=Collected)
    """By MAILBOX_KEY."""
    pepper: bytes = field(repr=False)
    markings: set[tuple[int, Marking]] = field(default_factory=set)
    """Of what is told: data sets, by their places, and markings."""
    read: set[int] = field(default_factory=set)
    """Deliveries that something is told of, by their places."""


def collect(
    gathered: Gathered, allowed: Mask, families: FamilyNames, reviews: Reviews, pepper: bytes, progress: Progress
) -> Evidence:
    """Read what may be told of all deliveries that count. Raises UnreadableError when one is damaged."""
    found = Evidence(families=FamilyCodes(families), pepper=pepper)
    for number, one in enumerate(gathered.deliveries):
        progress("reading evidence", number, len(gathered.deliveries))
        verify_delivery(one.folder)
        for name in (ADDRESSES, OTHERS):
            for table in _groups(one.folder.path / name):
                if _take(found, table, one, gathered.at.astimezone(UTC).date(), allowed[one.dataset], reviews):
                    found.read.add(number)
    return found


def _groups(path: Path) -> Iterator[pa.Table]:
    """The row groups of a file of EVIDENCE, the next one being read while one is looked at."""
    if not path.exists():
        return

    def read(group: int) -> pa.Table:
        # a reader each: one is not to be used by two threads
        with pq.ParquetFile(path, read_dictionary=_CODED) as file:
            return file.read_row_group(group, columns=_COLUMNS, use_threads=False).combine_chunks()

    with damage_named(path, "see `accord delivery list`"), ThreadPoolExecutor(1, "check") as pool:
        groups = pq.read_metadata(path).num_row_groups
        waiting = pool.submit(read, 0) if groups else None
        for group in range(1, groups + 1):
            assert waiting is not None  # noqa: S101 -- it is None only where there is no group
            table = waiting.result()
            waiting = pool.submit(read, group) if group < groups else None
            yield table


def _take(found: Evidence, table: pa.Table, one: Counting, day: date, allowed: Mask, reviews: Reviews) -> bool:
    """Take in what may be told of some rows; is it anything?"""
    today = (day - _EPOCH).days
    # what is dated after today, by whoever's clock, was seen today
    age = np.maximum(today - table["day"].combine_chunks().cast(pa.int32()).to_numpy(), 0)
    marking = _codes(table, "marking", {marking.value: code for code, marking in enumerate(MARKINGS)})
    recent = age <= one.oldest
    seen = recent & (_codes(table, "role", {Role.INFECTED_SYSTEM.value: 1}, other=0) == 1)
    seen &= _codes(table, "type", {IndicatorType.IPV4.value: 1, IndicatorType.IPV6.value: 1}, other=0) == 1
    any_told = False
    # of what is refused either way nobody asks whether it waits
    rows = np.flatnonzero(seen & allowed[marking].any(axis=1))
    if len(rows):
        high, low = (table[name].to_numpy()[rows] for name in ("high", "low"))
        held = reviews.addresses(high, low).astype(np.int64)
        told = allowed[marking[rows], held]
        any_told = _add_addresses(found, table, rows[told], (high[told], low[told]), age, one.dataset)
        _mark(found, one.dataset, marking[rows[told]])
    leaked = recent & (_codes(table, "type", {IndicatorType.EMAIL.value: 1}, other=0) == 1)
    leaked &= _codes(table, "role", {Role.DATA_LEAK.value: 1}, other=0) == 1
    rows = np.flatnonzero(leaked & allowed[marking].any(axis=1))
    if len(rows):
        values = table["value"].take(pa.array(rows)).to_pylist()
        told = allowed[marking[rows], reviews.mailboxes(values).astype(np.int64)]
        any_told |= _add_mailboxes(found, table, rows[told], age, one.dataset)
        _mark(found, one.dataset, marking[rows[told]])
    return any_told


def _add_addresses(
    found: Evidence,
    table: pa.Table,
    rows: Codes,
    address: tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]],
    age: npt.NDArray[np.int32],
    dataset: int,
) -> bool:
    high, low = address
    said = meanings(_families(found, table, rows), dataset)
    ages = age[rows].astype(np.uint8)
    is_v4 = (high == 0) & (low >> np.uint64(32) == np.uint64(MAPPED >> 32))
    if is_v4.any():
        found.v4.add(low[is_v4] & np.uint64(0xFFFF_FFFF), said[is_v4], ages[is_v4])
    if not is_v4.all():
        found.v6.add(high[~is_v4], said[~is_v4], ages[~is_v4])
    return len(rows) > 0


def _add_mailboxes(found: Evidence, table: pa.Table, rows: Codes, age: npt.NDArray[np.int32], dataset: int) -> bool:
    spelled = [normalised(value) for value in table["value"].take(pa.array(rows)).to_pylist()]
    rows = rows[[one is not None for one in spelled]]
    keys = [
        hmac.digest(found.pepper, mailbox_spelling(one), "sha256")[:RECORD_BYTES] for one in spelled if one is not None
    ]
    said = meanings(_families(found, table, rows), dataset)
    found.mailboxes.add(np.array(keys, MAILBOX_KEY), said, age[rows].astype(np.uint8))
    return len(rows) > 0


def _families(found: Evidence, table: pa.Table, rows: Codes) -> Codes:
    """The codes of the families of some rows; a name that no told row has gets none."""
    column = table["family"].combine_chunks()
    index = column.indices.fill_null(len(column.dictionary)).to_numpy(zero_copy_only=False)[rows]
    names = [*column.dictionary.to_pylist(), None]
    used = np.unique(index)
    codes = np.zeros(len(names), np.int64)
    for at in used.tolist():
        codes[at] = found.families.code(names[at])
    return np.asarray(codes[index], np.int64)


def _mark(found: Evidence, dataset: int, codes: Codes) -> None:
    found.markings |= {(dataset, MARKINGS[code]) for code in np.unique(codes).tolist()}


def _codes(table: pa.Table, name: str, known: Mapping[str, int], other: int = -1) -> Codes:
    """A column of words as codes."""
    column = table[name].combine_chunks()
    codes = np.array([known.get(word, other) for word in column.dictionary.to_pylist()] or [other], np.int64)
    return np.asarray(codes[column.indices.to_numpy(zero_copy_only=False)], np.int64)
