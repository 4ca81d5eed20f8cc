"""Public suffixes: what a registry runs, what somebody registered there, in which country, and whether a state did.

The Public Suffix List comes with the package `publicsuffixlist`; only its ICANN section counts here, because the
question is which registry answers for a name. `example.github.io` is registered as `github.io` under `io`.
The algorithm is the list's own (publicsuffix.org/list): the longest matching rule prevails, an exception above all,
and a wildcard `*.ck` makes `ck` a suffix too. A name under a top level that does not exist has no suffix.
"""

from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.reference.addresses import Bytes, Offsets, string_buffers
from accord.reference.compiling import compiled
from accord.reference.government import government_domains
from accord.reference.registries import registry_country
from accord.vocabulary.errors import ReferenceDataError

EXACT, WILDCARD, EXCEPTION, GOVERNMENT = 1, 2, 4, 8

_BEGIN = "// ===BEGIN ICANN DOMAINS==="
_END = "// ===END ICANN DOMAINS==="

Positions = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SplitNames:
    """What n names consist of, position by position."""

    public_suffix: pa.StringArray
    """Null: the name's top-level domain does not exist."""
    registered_domain: pa.StringArray
    """The public suffix and one label; null also when the name is a public suffix itself."""
    registry_country: pa.StringArray
    """ISO 3166-1 alpha-2; null: a generic domain's registry, or none (see `reference.registries`)."""
    government: pa.BooleanArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SuffixRules:
    """The rules, for one name or for a million. Names are canonical: lower-case A-labels, no final dot."""

    version: str
    """Version of the package that carries the list."""
    date: str | None
    """Date of the list, ISO 8601."""
    plain: frozenset[str]
    wildcards: frozenset[str]
    """`ck` for the rule `*.ck`."""
    exceptions: frozenset[str]
    top_levels: frozenset[str]
    government: frozenset[str]
    _table: "_Table"

    @classmethod
    def bundled(cls, *, private: bool = False) -> "SuffixRules":
        """The list that the installed package `publicsuffixlist` carries. Raises ReferenceDataError without it.

        `private`: with the list's private section, which has the suffixes that companies hand out (`github.io`).
        """
        source = files("publicsuffixlist").joinpath("public_suffix_list.dat")
        try:
            text = source.read_text("utf-8")
        except OSError as error:
            raise ReferenceDataError(
                "the Public Suffix List cannot be read",
                where=str(source),
                got=error.strerror,
                remedy="install the package publicsuffixlist",
            ) from error
        return cls.read(text, version("publicsuffixlist"), private=private)

    @classmethod
    def read(cls, text: str, release: str, *, private: bool = False) -> "SuffixRules":
        """Read a list in the format of publicsuffix.org: what stands between the ICANN marks, or (`private`) all.

        Raises ReferenceDataError when the marks are missing.
        """
        if _BEGIN not in text or _END not in text:
            raise ReferenceDataError(
                "not a Public Suffix List",
                expected=f"the lines '{_BEGIN}' and '{_END}'",
                remedy="take the list from publicsuffix.org/list/public_suffix_list.dat",
            )
        icann = text.partition(_BEGIN)[2].partition(_END)[0]
        plain, wildcards, exceptions = set(), set(), set()
        for line in (text if private else icann).splitlines():
            rule = line.split(" ")[0].strip().lower()
            if not rule or rule.startswith("//"):
                continue
            if rule.startswith("!"):
                exceptions.add(_encoded(rule[1:]))
            elif rule.startswith("*."):
                wildcards.add(_encoded(rule[2:]))
            else:
                plain.add(_encoded(rule))
        top_levels = frozenset(rule.rpartition(".")[2] for rule in plain | wildcards)
        countries = frozenset(level for level in top_levels if registry_country(level))
        government = government_domains(plain, countries)
        dated = text.partition("// VERSION: ")[2][:10]
        return cls(
            version=release,
            date=dated or None,
            plain=frozenset(plain),
            wildcards=frozenset(wildcards),
            exceptions=frozenset(exceptions),
            top_levels=top_levels,
            government=government,
            _table=_Table.build(plain, wildcards, exceptions, government, top_levels),
        )

    def is_public_suffix(self, name: str) -> bool:
        """Is `name` itself a public suffix of the ICANN section? (`com`, `co.uk`, `any.ck`; not `github.io`)"""
        if name in self.exceptions:
            return False
        return name in self.plain or name in self.wildcards or name.partition(".")[2] in self.wildcards

    def are_public_suffixes(self, names: pa.StringArray) -> npt.NDArray[np.bool_]:
        """`is_public_suffix` for many names at once; a null name is none."""
        offsets, data = string_buffers(names)
        found = np.empty(len(names), np.bool_)
        table = self._table
        _are_suffixes(data, offsets, table.blob, table.bounds, table.slots, table.flags, found)
        return found

    def has_known_suffix(self, name: str) -> bool:
        """Does `name` end in a top-level domain that exists? (`setup.exe` does not)"""
        return name.rpartition(".")[2] in self.top_levels

    def split(self, names: pa.StringArray) -> SplitNames:
        """Take many names apart. A null name gives nulls, and is not government."""
        offsets, data = string_buffers(names)
        count = len(names)
        suffix = np.empty(count, np.int32)
        registered = np.empty(count, np.int32)
        country = np.empty(count, np.int16)
        government = np.empty(count, np.bool_)
        table = self._table
        _walk_all(
            data,
            offsets,
            (table.blob, table.bounds, table.slots, table.flags, table.country),
            (suffix, registered, country, government),
        )
        countries = pa.DictionaryArray.from_arrays(
            pa.array(country, pa.int16(), mask=country < 0), pa.array(table.countries, pa.string())
        )
        return SplitNames(
            public_suffix=_ends(data, offsets, suffix),
            registered_domain=_ends(data, offsets, registered),
            registry_country=countries.cast(pa.string()),
            government=pa.array(government),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Table:
    """An open-addressed hash table of every rule and of every name between a rule and its top level."""

    blob: Bytes
    bounds: Offsets
    """Entry i is `blob[bounds[i]:bounds[i + 1]]`."""
    slots: Positions
    """A power of two; the entry, or -1."""
    flags: npt.NDArray[np.uint8]
    country: npt.NDArray[np.int16]
    """Of a top level: index into `countries`; else -1."""
    countries: list[str]

    @classmethod
    def build(
        cls,
        plain: set[str],
        wildcards: set[str],
        exceptions: set[str],
        government: frozenset[str],
        top_levels: frozenset[str],
    ) -> "_Table":
        kinds: dict[str, int] = {}
        for names, kind in ((plain, EXACT), (wildcards, WILDCARD), (exceptions, EXCEPTION), (government, GOVERNMENT)):
            for name in names:
                if name.rpartition(".")[2] not in top_levels:
                    continue
                kinds[name] = kinds.get(name, 0) | kind
                rest = name.partition(".")[2]
                while rest:  # the walk goes on only while the table knows the name so far
                    kinds.setdefault(rest, 0)
                    rest = rest.partition(".")[2]
        entries = sorted(kinds)
        array = pa.array(entries, pa.string())
        bounds, blob = string_buffers(array)
        found = {level: registry_country(level) for level in top_levels}
        countries = sorted({code for code in found.values() if code})
        numbers = {code: number for number, code in enumerate(countries)}
        country = [numbers.get(found.get(entry) or "", -1) for entry in entries]
        slots = np.full(1 << (2 * len(entries)).bit_length(), -1, np.int32)
        _fill(blob, bounds, slots)
        return cls(
            blob=blob,
            bounds=bounds,
            slots=slots,
            flags=np.array([kinds[entry] for entry in entries], np.uint8),
            country=np.array(country, np.int16),
            countries=countries,
        )


def _encoded(rule: str) -> str:
    return rule if rule.isascii() else rule.encode("idna").decode("ascii")


def _ends(data: Bytes, offsets: Offsets, starts: Positions) -> pa.StringArray:
    """The part of each string from its `starts` position to its end; null where that is -1."""
    missing = starts < 0
    lengths = np.where(missing, 0, offsets[1:] - starts)
    bounds = np.zeros(len(starts) + 1, np.int32)
    np.cumsum(lengths, out=bounds[1:])
    out = np.empty(int(bounds[-1]), np.uint8)
    _copy(data, starts, bounds, out)
    bitmap = np.packbits(~missing, bitorder="little")
    return pa.StringArray.from_buffers(len(starts), pa.py_buffer(bounds), pa.py_buffer(out), pa.py_buffer(bitmap))


@compiled
def _copy(data: Bytes, starts: Positions, bounds: Positions, out: Bytes) -> None:
    for row in range(len(starts)):
        for at in range(bounds[row + 1] - bounds[row]):
            out[bounds[row] + at] = data[starts[row] + at]


@compiled
def _step(digest: np.uint64, byte: int) -> np.uint64:
    """One byte of FNV-1a, 64 bits; names are hashed from their end, so that every suffix's hash is on the way."""
    return (digest ^ np.uint64(byte)) * np.uint64(0x100000001B3)


@compiled
def _spread(digest: np.uint64) -> np.uint64:
    """FNV's low bits depend on few bytes: fold the high ones in."""
    return digest ^ (digest >> np.uint64(32))


@compiled
def _fill(blob: Bytes, bounds: Offsets, slots: Positions) -> None:
    mask = np.uint64(len(slots) - 1)
    for entry in range(len(bounds) - 1):
        digest = np.uint64(0xCBF29CE484222325)
        for at in range(bounds[entry + 1] - 1, bounds[entry] - 1, -1):
            digest = _step(digest, blob[at])
        slot = _spread(digest) & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = entry


@compiled
def _find(data: Bytes, start: int, end: int, digest: np.uint64, blob: Bytes, bounds: Offsets, slots: Positions) -> int:
    """The entry that equals data[start:end], compared byte by byte; -1: none."""
    mask = np.uint64(len(slots) - 1)
    slot = _spread(digest) & mask
    while True:
        entry = slots[slot]
        if entry < 0:
            return -1
        first = bounds[entry]
        if bounds[entry + 1] - first == end - start:
            same = True
            for at in range(end - start):
                if blob[first + at] != data[start + at]:
                    same = False
                    break
            if same:
                return int(entry)
        slot = (slot + np.uint64(1)) & mask


@compiled
def _are_suffixes(
    data: Bytes,
    offsets: Offsets,
    blob: Bytes,
    bounds: Offsets,
    slots: Positions,
    flags: npt.NDArray[np.uint8],
    found: npt.NDArray[np.bool_],
) -> None:
    """Which names are suffixes themselves. Nearly all leave the table at their second label, and are none."""
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        digest = np.uint64(0xCBF29CE484222325)
        below_wildcard = False
        found[row] = False
        for at in range(end - 1, start - 2, -1):
            if at >= start and data[at] != 46:
                digest = _step(digest, data[at])
                continue
            entry = _find(data, at + 1, end, digest, blob, bounds, slots)
            kind = 0 if entry < 0 else flags[entry]
            if at < start:
                found[row] = kind & 4 == 0 and (below_wildcard or kind & 3 != 0)
            elif entry < 0:
                # a wildcard covers one label more than it has; this name has two or more
                break
            below_wildcard = kind & 2 != 0
            digest = _step(digest, 46)


@compiled
def _walk_all(
    data: Bytes,
    offsets: Offsets,
    table: tuple[Bytes, Offsets, Positions, npt.NDArray[np.uint8], npt.NDArray[np.int16]],
    out: tuple[Positions, Positions, npt.NDArray[np.int16], npt.NDArray[np.bool_]],
) -> None:
    """Go through each name label by label from its end, as long as the table knows the name so far."""
    blob, bounds, slots, flags, country = table
    suffixes, registrations, countries, governments = out
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        suffix, registered, before = -1, -1, end
        government, known, below_wildcard, open_end = False, True, False, False
        countries[row] = -1
        digest = np.uint64(0xCBF29CE484222325)
        for at in range(end - 1, start - 2, -1):
            if at >= start and data[at] != 46:
                digest = _step(digest, data[at])
                continue
            label = at + 1
            if open_end:
                registered, open_end = label, False
            if known:
                entry = _find(data, label, end, digest, blob, bounds, slots)
                kind = 0 if entry < 0 else flags[entry]
                if kind & 4:
                    suffix, registered, open_end = before, label, False
                elif below_wildcard or kind & 3:
                    suffix, registered, open_end = label, -1, True
                below_wildcard = kind & 2 != 0
                government = government or kind & 8 != 0
                if entry < 0:
                    known = False
                elif before == end:
                    countries[row] = country[entry]
            if not known and not open_end:
                break
            before = label
            if at >= start:
                digest = _step(digest, 46)
        suffixes[row], registrations[row], governments[row] = suffix, registered, government
