"""Which warning lists a finding is on, and what that means: review, a caution, or nothing. Nothing is ever dropped.

How a list is matched, by its type (MISP warning lists, README):

- cidr: the finding is an address, or a URL whose host is one, inside a network of the list; a network finding must lie
  inside as a whole. Only whether a list holds the address matters, so the longest network and any other say the same.
- string: the value, or a URL's host, equals the entry. hostname: it equals the entry or lies below it.
- substring: the entry stands anywhere in the value. regex: the expression is found in it (e-mail addresses).

A list counts only for the types that its `matching_attributes` name; a list of domains counts for URL hosts also.
A name that is on a list only through a public suffix above it (`evil.duckdns.org` through `duckdns.org`, the list's
private section included) is somebody else's than the listed one: that is a caution at most.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from accord.reference.addresses import Bytes, Offsets, Words, network_ends, parse_addresses, string_buffers
from accord.reference.compiling import compiled
from accord.reference.patterns import SubstringTable
from accord.reference.warningclasses import CLASSES, POPULAR_ROLES, WarningClass
from accord.reference.warningindex import (
    ListSheet,
    Sets,
    WarningIndex,
    find_text,
    grouped,
    hash_byte,
    open_index,
)
from accord.vocabulary.indicators import INDICATOR_TYPES, TYPE_CODES, IndicatorType

Codes = npt.NDArray[np.int8]

_CASED = (IndicatorType.EMAIL, IndicatorType.URL)
_NAMED = (IndicatorType.DOMAIN, IndicatorType.URL)
_TEXTS = (IndicatorType.EMAIL, IndicatorType.SHA256, IndicatorType.SHA1, IndicatorType.MD5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One list that a finding is on."""

    name: str
    """`name (version)`, as reports show it."""
    slug: str
    """Its folder in the MISP warning lists."""
    meaning: WarningClass
    above: bool
    """Only through a public suffix above the name."""


def list_names(shown: Iterable[str]) -> frozenset[str]:
    """The names alone of lists that are told as `name (version)`."""
    return frozenset(one.rpartition(" (")[0] or one for one in shown)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Matches:
    """The lists of n findings: row i of `own` and `above` is a set, bit j of its words the list `sheets[j]`."""

    sheets: tuple[ListSheet, ...]
    classes: tuple[WarningClass, ...]
    own: Sets
    above: Sets
    named: npt.NDArray[np.bool_]
    """The finding is a name: a domain, or a URL whose host is one."""

    def lists(self, row: int) -> tuple[Listed, ...]:
        """The lists of one finding, in the order of their names."""
        own, above = _bits(self.own[row]), _bits(self.above[row])
        found = [
            Listed(
                name=f"{sheet.name} ({sheet.version})",
                slug=sheet.slug,
                meaning=self.classes[number],
                above=not own >> number & 1,
            )
            for number, sheet in enumerate(self.sheets)
            if (own | above) >> number & 1
        ]
        return tuple(sorted(found, key=lambda listed: listed.name))

    def judge(self, roles: pa.StringArray) -> tuple[pa.ListArray, pa.ListArray]:
        """For each finding, given its role: the lists that ask for a review, and those that are a caution.

        Both are lists of `name (version)`, sorted, empty where there is none.
        """
        popular = np.asarray(
            pc.is_in(roles, pa.array(sorted(POPULAR_ROLES), pa.string())).to_numpy(zero_copy_only=False)
        )
        strict = (popular & self.named).astype(np.int32)
        listed = np.flatnonzero((self.own != 0).any(axis=1) | (self.above != 0).any(axis=1))
        codes, firsts = grouped([*self.own[listed].T, *self.above[listed].T, strict[listed]])
        reviews: list[list[str]] = [[]]
        cautions: list[list[str]] = [[]]
        for row in listed[firsts].tolist():
            review, caution = self._judged(row, bool(strict[row]))
            reviews.append(review)
            cautions.append(caution)
        places = np.zeros(len(self.own), np.int64)
        places[listed] = codes + 1
        kind = pa.list_(pa.string())
        return pa.array(reviews, kind).take(pa.array(places)), pa.array(cautions, kind).take(pa.array(places))

    def _judged(self, row: int, popular_counts: bool) -> tuple[list[str], list[str]]:
        review, caution = [], []
        for listed in self.lists(row):
            if listed.meaning is WarningClass.POPULAR and not popular_counts:
                continue
            if listed.meaning is WarningClass.SHARED or listed.above:
                caution.append(listed.name)
            else:
                review.append(listed.name)
        return review, caution


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WarningLists:
    """All lists, for a million findings at once."""

    index: WarningIndex
    classes: tuple[WarningClass, ...]
    """Of `index.lists`, position by position."""
    _substrings: Mapping[IndicatorType, SubstringTable]
    _concerned: Sets
    """For each indicator type the set of lists that concern it; a URL's also those of its address as a host."""

    @classmethod
    def open(
        cls,
        cache: Path | None = None,
        classes: Mapping[str, WarningClass] | None = None,
        progress: Callable[[int, int, str], None] | None = None,
    ) -> "WarningLists":
        """Open the index of the installed lists; the first time it is built, which takes some seconds.

        `classes`: what the operator decides otherwise than `warningclasses.CLASSES`, by folder name.
        Raises ReferenceDataError, and OutputError when the index cannot be written.
        """
        return cls.of(open_index(cache, progress), classes)

    @classmethod
    def of(cls, index: WarningIndex, classes: Mapping[str, WarningClass] | None = None) -> "WarningLists":
        """The lists of an index that is open."""
        decided = {slug: meaning for slug, (meaning, _) in CLASSES.items()} | dict(classes or {})
        members = {
            kind: sum(1 << number for number, sheet in enumerate(index.lists) if kind.value in sheet.types)
            for kind in INDICATOR_TYPES
        }
        members[IndicatorType.URL] |= members[IndicatorType.IPV4]
        words = index.sets.shape[1]
        return cls(
            index=index,
            classes=tuple(decided.get(sheet.slug, WarningClass.UNCLASSED) for sheet in index.lists),
            _substrings={
                kind: SubstringTable.build(
                    [sheet.substrings if kind.value in sheet.types else () for sheet in index.lists]
                )
                for kind in INDICATOR_TYPES
            },
            _concerned=np.array([_words(members[kind], words) for kind in INDICATOR_TYPES], np.uint64),
        )

    def match(
        self,
        types: Codes,
        values: pa.StringArray,
        hosts: pa.StringArray | None = None,
        addresses: pa.StringArray | None = None,
    ) -> Matches:
        """The lists of each finding.

        `types` are the codes of INDICATOR_TYPES, `values` canonical, `hosts` the domain that the value is or stands on
        (null: none), `addresses` the address that it is or that stands as its URL's host (null: none). Without `hosts`
        only domains have a name, without `addresses` only addresses have a place.
        """
        count, words = len(values), self.index.sets.shape[1]
        own, above = np.zeros((count, words), np.uint64), np.zeros((count, words), np.uint64)
        kinds = np.asarray(types)
        is_name = np.isin(kinds, [TYPE_CODES[kind] for kind in _NAMED])
        names = hosts if hosts is not None else _only(values, kinds == TYPE_CODES[IndicatorType.DOMAIN])
        named = is_name & np.asarray(names.is_valid().to_numpy(zero_copy_only=False))
        if addresses is not None:
            # a URL's host may be given as its address's text
            named &= ~np.asarray(addresses.is_valid().to_numpy(zero_copy_only=False))
        self._match_names(names, named, own, above)
        self._match_texts(values, kinds, own)
        self._match_addresses(values, kinds, addresses, own)
        self._match_patterns(values, kinds, own)
        _restrict(kinds, self._concerned, own, above)
        return Matches(sheets=self.index.lists, classes=self.classes, own=own, above=above, named=named)

    def _match_names(self, names: pa.StringArray, named: npt.NDArray[np.bool_], own: Sets, above: Sets) -> None:
        index = self.index
        offsets, data = string_buffers(names)
        _walk_names(data, offsets, named, (index.blob, index.entries, index.slots), index.sets, own, above)

    def _match_texts(self, values: pa.StringArray, kinds: Codes, own: Sets) -> None:
        """Hashes, e-mail addresses and whole URLs that a string list holds."""
        rows = np.isin(kinds, [TYPE_CODES[kind] for kind in (*_TEXTS, IndicatorType.URL)])
        if rows.any():
            index = self.index
            offsets, data = string_buffers(values)
            _walk_texts(data, offsets, rows, (index.blob, index.entries, index.slots), index.sets, own)

    def _match_addresses(
        self, values: pa.StringArray, kinds: Codes, addresses: pa.StringArray | None, own: Sets
    ) -> None:
        plain = np.isin(kinds, [TYPE_CODES[kind] for kind in (IndicatorType.IPV4, IndicatorType.IPV6)])
        high, low = parse_addresses(_only(values, plain) if addresses is None else addresses)
        rows = self.index.ranges.rows(high, low)
        labels = self.index.ranges.ranges.label
        held = rows >= 0
        own[held] |= self.index.sets[labels[rows[held]]]
        networks = np.flatnonzero(kinds == TYPE_CODES[IndicatorType.CIDR])
        if len(networks):
            self._match_networks(values.take(pa.array(networks)), networks, own)

    def _match_networks(self, values: pa.StringArray, places: npt.NDArray[np.int64], own: Sets) -> None:
        """A network is on a list when the list holds all of it: the sets along it, without a gap, in common."""
        flat = self.index.ranges.ranges
        starts, ends = network_ends(values)
        columns = (flat.start_high, flat.start_low, flat.end_high, flat.end_low)
        rows = self.index.ranges.rows(*starts)
        _walk_networks(rows, ends, columns, flat.label, self.index.sets, places, own)

    def _match_patterns(self, values: pa.StringArray, kinds: Codes, own: Sets) -> None:
        for kind in INDICATOR_TYPES:
            substrings = self._substrings[kind]
            expressions = [
                (number, expression)
                for number, sheet in enumerate(self.index.lists)
                if kind.value in sheet.types
                for expression in sheet.expressions
            ]
            if not (expressions or len(substrings)):
                continue
            places = np.flatnonzero(kinds == TYPE_CODES[kind]).astype(np.int64)
            if not len(places):
                continue
            if kind not in _CASED:  # canonical values are in lower case already
                substrings.search(values, places, places, own)
                continue
            texts = pc.utf8_lower(values.take(pa.array(places)))
            substrings.search(texts, np.arange(len(places)), places, own)
            for number, expression in expressions:
                own[places[_found(texts, expression)]] |= _words(1 << number, own.shape[1])


def _only(values: pa.StringArray, rows: npt.NDArray[np.bool_]) -> pa.StringArray:
    """The values of these rows; null elsewhere."""
    return pc.if_else(pa.array(rows), values, pa.scalar(None, pa.string()))


def _words(members: int, count: int) -> Sets:
    return np.array([members >> 64 * word & (1 << 64) - 1 for word in range(count)], np.uint64)


def _bits(words: Words) -> int:
    return sum(int(word) << 64 * place for place, word in enumerate(words))


def _found(texts: pa.StringArray, expression: str) -> npt.NDArray[np.bool_]:
    """Where a PHP expression (`/pattern/flags`) is found; texts are lower-case, and so it is sought without case."""
    pattern = expression.strip()
    if pattern[:1] == "/" and pattern.rfind("/") > 0:
        pattern = pattern[1 : pattern.rfind("/")]
    try:
        return np.asarray(
            pc.match_substring_regex(texts, pattern, ignore_case=True).fill_null(False).to_numpy(zero_copy_only=False)
        )
    except pa.ArrowInvalid:
        # RE2 lacks look-around and back-references
        sought = re.compile(pattern, re.IGNORECASE)
        return np.array([sought.search(text or "") is not None for text in texts.to_pylist()], np.bool_)


@compiled
def _walk_names(
    data: Bytes,
    offsets: Offsets,
    wanted: npt.NDArray[np.bool_],
    table: tuple[Bytes, npt.NDArray[np.int32], npt.NDArray[np.uint64]],
    sets: Sets,
    own: Sets,
    above: Sets,
) -> None:
    """Go through each name label by label from its end; what was found down to a public suffix belongs above."""
    blob, entries, slots = table
    words = sets.shape[1]
    for row in range(len(offsets) - 1):
        if not wanted[row]:
            continue
        start, end = offsets[row], offsets[row + 1]
        digest = np.uint64(0xCBF29CE484222325)
        below_wildcard = False
        for at in range(end - 1, start - 2, -1):
            if at >= start and data[at] != 46:
                digest = hash_byte(digest, data[at])
                continue
            entry = find_text(data, at + 1, end, digest, blob, entries, slots)
            kind = 0 if entry < 0 else entries[entry, 3]
            if entry >= 0:
                for word in range(words):
                    own[row, word] |= sets[entries[entry, 2], word]
                    if at < start:
                        own[row, word] |= sets[entries[entry, 1], word]
            # the name itself is never above itself, even when it is a suffix
            if at >= start and (kind & 3 or below_wildcard) and not kind & 4:
                for word in range(words):
                    above[row, word] |= own[row, word]
                    own[row, word] = 0
            below_wildcard = kind & 2 != 0
            if at >= start:
                digest = hash_byte(digest, 46)
        for word in range(words):
            above[row, word] &= ~own[row, word]


@compiled
def _walk_texts(
    data: Bytes,
    offsets: Offsets,
    wanted: npt.NDArray[np.bool_],
    table: tuple[Bytes, npt.NDArray[np.int32], npt.NDArray[np.uint64]],
    sets: Sets,
    own: Sets,
) -> None:
    blob, entries, slots = table
    for row in range(len(offsets) - 1):
        if not wanted[row]:
            continue
        start, end = offsets[row], offsets[row + 1]
        digest = np.uint64(0xCBF29CE484222325)
        for at in range(end - 1, start - 1, -1):
            digest = hash_byte(digest, data[at])
        entry = find_text(data, start, end, digest, blob, entries, slots)
        if entry >= 0:
            for word in range(sets.shape[1]):
                own[row, word] |= sets[entries[entry, 1], word]


@compiled
def _walk_networks(
    rows: npt.NDArray[np.int32],
    ends: tuple[Words, Words],
    columns: tuple[Words, Words, Words, Words],
    labels: npt.NDArray[np.int32],
    sets: Sets,
    places: npt.NDArray[np.int64],
    own: Sets,
) -> None:
    s_hi, s_lo, e_hi, e_lo = columns
    high, low = ends
    one, zero = np.uint64(1), np.uint64(0)
    for at in range(len(rows)):
        row = rows[at]
        if row < 0:
            continue
        common = sets[labels[row]].copy()
        while e_hi[row] < high[at] or (e_hi[row] == high[at] and e_lo[row] < low[at]):
            next_lo = e_lo[row] + one
            next_hi = e_hi[row] + (one if next_lo == zero else zero)
            row += 1
            if row == len(labels) or s_hi[row] != next_hi or s_lo[row] != next_lo:
                common[:] = zero
                break
            common &= sets[labels[row]]
        for word in range(len(common)):
            own[places[at], word] |= common[word]


@compiled
def _restrict(kinds: Codes, concerned: Sets, own: Sets, above: Sets) -> None:
    """Keep of each finding's lists those that concern its type."""
    for row in range(len(kinds)):
        for word in range(concerned.shape[1]):
            own[row, word] &= concerned[kinds[row], word]
            above[row, word] &= concerned[kinds[row], word]
