"""The warning lists as an index on disk, built once from the package `pymispwarninglists` and then memory-mapped.

The package holds 2.5 million entries as JSON, and searches them one by one. The index is a directory of NumPy files:

- `blob`, `slots`: every distinct name, hash and text of the `string` and `hostname` lists in one hash table
  (`slots`: the upper 32 bits of the hash, and the entry's number + 1), also every rule of the Public Suffix List with
  its private section, because a name under `duckdns.org` says nothing about the owner of `duckdns.org`;
- `entries`, a row an entry: where its text begins in `blob`; the set of lists that hold it as a whole value; the set
  that hold it with all names below it; 1 if it is a public suffix, 2 if every label below it is one, 4 if it is an
  exception. A last row says where the last text ends;
- `sets`: each distinct set of lists as a row of 64-bit words; row 0 is the empty set;
- `starts`, `ends`, `covered`: disjoint address ranges (high and low words) and the set of the lists that hold them;
- `meta.json`: the lists, their substrings and regular expressions.

It stands in ACCORD_CACHE, else XDG_CACHE_HOME/accord, else ~/.cache/accord, under a name made of the versions of the
lists' package, of the suffix list and of this code; it appears whole or not at all.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from accord.reference.addresses import Bytes, parse_addresses, string_buffers
from accord.reference.compiling import compiled
from accord.reference.flattening import Ranges
from accord.reference.ranges import RangeTable
from accord.reference.suffixes import EXACT, EXCEPTION, WILDCARD, SuffixRules
from accord.vocabulary.errors import OutputError, ReferenceDataError
from accord.vocabulary.indicators import INDICATOR_TYPES, IndicatorType

CODE_VERSION = 1
"""Raise it when the layout or the meaning of the files changes: older indexes are then not used."""

Sets = npt.NDArray[np.uint64]
Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all, and what is being done."""

_ADDRESS = frozenset({"ip-src", "ip-dst", "domain|ip", "ip-src|port", "ip-dst|port"})
_NAME = frozenset({"domain", "hostname", "hostname|port"})
_ATTRIBUTES: Mapping[IndicatorType, frozenset[str]] = {
    IndicatorType.IPV4: _ADDRESS,
    IndicatorType.IPV6: _ADDRESS,
    IndicatorType.CIDR: _ADDRESS,
    IndicatorType.DOMAIN: _NAME,
    IndicatorType.URL: _NAME | {"url", "uri"},
    IndicatorType.EMAIL: frozenset({"email-src", "email-dst", "email", "target-email"}),
    IndicatorType.SHA256: frozenset({"sha256"}),
    IndicatorType.SHA1: frozenset({"sha1"}),
    IndicatorType.MD5: frozenset({"md5"}),
    IndicatorType.ASN: frozenset({"AS"}),
}
"""A list concerns a type when its `matching_attributes` (MISP's attribute types) name one of these."""


class WarningList(msgspec.Struct, frozen=True, kw_only=True):
    """One list as the package has it; unknown fields are left out."""

    name: str
    version: int
    type: str
    entries: list[str] = msgspec.field(name="list")
    matching_attributes: list[str] = []


class ListSheet(msgspec.Struct, frozen=True, kw_only=True):
    """What the index keeps of a list."""

    slug: str
    name: str
    version: int
    types: tuple[str, ...]
    """Indicator types that it concerns."""
    entries: int
    substrings: tuple[str, ...] = ()
    expressions: tuple[str, ...] = ()
    """As PHP writes them: `/pattern/flags`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WarningIndex:
    """The index, memory-mapped."""

    lists: tuple[ListSheet, ...]
    blob: Bytes
    slots: npt.NDArray[np.uint64]
    entries: npt.NDArray[np.int32]
    sets: Sets
    ranges: RangeTable
    """Its labels are rows of `sets`."""


def cache_directory() -> Path:
    """Where indexes stand: ACCORD_CACHE, else XDG_CACHE_HOME/accord, else ~/.cache/accord."""
    if own := os.environ.get("ACCORD_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "accord"


def index_path(cache: Path) -> Path:
    """The directory of the index for what is installed now."""
    return cache / f"warninglists-{version('pymispwarninglists')}-{version('publicsuffixlist')}-{CODE_VERSION}"


def open_index(cache: Path | None = None, progress: Progress | None = None) -> WarningIndex:
    """Open the index of the installed lists, building it first when it is absent. Raises as `build_index` does."""
    path = index_path(cache or cache_directory())
    if not (path / "meta.json").is_file():
        build_index(path, installed_lists(), _suffix_kinds(SuffixRules.bundled(private=True)), progress)
    return read_index(path)


def installed_lists() -> dict[str, WarningList]:
    """The lists of the package, by folder name, in the order of the names. Raises ReferenceDataError."""
    # the package itself is not imported: that would load its JSON schema machinery for half a second
    spec = find_spec("pymispwarninglists")
    if spec is None or not spec.submodule_search_locations:
        raise ReferenceDataError("the warning lists are missing", remedy="install the package pymispwarninglists")
    root = Path(spec.submodule_search_locations[0]) / "data" / "misp-warninglists" / "lists"
    found = {}
    for folder in sorted(root.iterdir()):
        try:
            found[folder.name] = msgspec.json.decode((folder / "list.json").read_bytes(), type=WarningList)
        except (OSError, msgspec.DecodeError) as error:
            raise ReferenceDataError(
                "a warning list cannot be read",
                where=str(folder),
                got=str(error),
                remedy="reinstall the package pymispwarninglists",
            ) from error
    return found


def build_index(
    path: Path, lists: Mapping[str, WarningList], suffixes: Mapping[str, int], progress: Progress | None = None
) -> None:
    """Write the index of `lists` to `path`, which appears whole or not at all. Raises OutputError."""
    steps = len(lists) + 3
    tell = progress or (lambda _done, _steps, _what: None)
    words = max(1, -(-len(lists) // 64))
    names = _Names()
    networks: list[tuple[int, int, int]] = []
    sheets = []
    for number, (slug, entry) in enumerate(lists.items()):
        tell(number, steps, entry.name)
        if entry.type in {"string", "hostname"}:
            names.add(number, entry.entries, below=entry.type == "hostname")
        elif entry.type == "cidr":
            networks += _networks(number, entry.entries)
        sheets.append(_sheet(slug, entry))
    sets = _SetNumbers(words)
    tell(len(lists), steps, "names")
    arrays = names.arrays(sets, suffixes)
    tell(len(lists) + 1, steps, "addresses")
    arrays |= _covered(networks, sets)
    arrays["sets"] = sets.rows()
    tell(len(lists) + 2, steps, "writing")
    _write(path, arrays, msgspec.json.encode(sheets))
    tell(steps, steps, "done")


def read_index(path: Path) -> WarningIndex:
    """Map the files of an index. Raises ReferenceDataError when they are not what `build_index` writes."""
    try:
        sheets = msgspec.json.decode((path / "meta.json").read_bytes(), type=tuple[ListSheet, ...])
        arrays = {
            name: np.load(path / f"{name}.npy", mmap_mode="r").view(np.ndarray)
            for name in ("blob", "slots", "entries", "sets", "starts", "ends", "covered")
        }
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise ReferenceDataError(
            "the index of the warning lists cannot be read",
            where=str(path),
            got=str(error),
            remedy="remove that directory; it is built again by itself",
        ) from error
    flat = Ranges(
        start_high=arrays["starts"][0],
        start_low=arrays["starts"][1],
        end_high=arrays["ends"][0],
        end_low=arrays["ends"][1],
        label=arrays["covered"],
    )
    return WarningIndex(
        lists=sheets,
        blob=arrays["blob"],
        slots=arrays["slots"],
        entries=arrays["entries"],
        sets=arrays["sets"],
        ranges=RangeTable.build(flat, pa.nulls(len(arrays["sets"]), pa.string()), flat=True),
    )


def _suffix_kinds(rules: SuffixRules) -> dict[str, int]:
    kinds: dict[str, int] = {}
    for names, kind in ((rules.plain, EXACT), (rules.wildcards, WILDCARD), (rules.exceptions, EXCEPTION)):
        for name in names:
            kinds[name] = kinds.get(name, 0) | kind
    return kinds


def _sheet(slug: str, entry: WarningList) -> ListSheet:
    attributes = set(entry.matching_attributes)
    types = tuple(kind.value for kind in INDICATOR_TYPES if attributes & _ATTRIBUTES[kind])
    return ListSheet(
        slug=slug,
        name=entry.name,
        version=entry.version,
        # a list that names no attributes concerns every type
        types=types if attributes else tuple(kind.value for kind in INDICATOR_TYPES),
        entries=len(entry.entries),
        substrings=tuple(sorted({text.lower() for text in entry.entries if text})) if entry.type == "substring" else (),
        expressions=tuple(entry.entries) if entry.type == "regex" else (),
    )


class _SetNumbers:
    """Numbers for distinct sets of lists, a set being an integer with a bit for each list."""

    def __init__(self, words: int) -> None:
        self.words = words
        self._numbers: dict[int, int] = {0: 0}

    def number(self, members: int) -> int:
        return self._numbers.setdefault(members, len(self._numbers))

    def numbers(self, rows: Sets) -> npt.NDArray[np.int32]:
        """The number of the set in each row."""
        codes, firsts = grouped(list(rows.T))
        numbers = [self.number(sum(int(word) << 64 * at for at, word in enumerate(rows[row]))) for row in firsts]
        return np.array(numbers, np.int32)[codes]

    def rows(self) -> Sets:
        mask = (1 << 64) - 1
        rows = [[members >> 64 * word & mask for word in range(self.words)] for members in self._numbers]
        return np.array(rows, np.uint64).reshape(-1, self.words)


def grouped(columns: list[npt.NDArray[np.generic]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows that are equal in every column: the number of each row's group, and the first row of each group."""
    codes = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        encoded = pa.array(np.ascontiguousarray(column)).dictionary_encode()
        codes = codes * len(encoded.dictionary) + encoded.indices.to_numpy()
        codes = pa.array(codes).dictionary_encode().indices.to_numpy().astype(np.int64)
    firsts = np.empty(int(codes.max()) + 1 if len(codes) else 0, np.int64)
    firsts[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return codes, firsts


class _Names:
    """Every distinct entry of the lists of names and hashes, and the lists that hold it."""

    def __init__(self) -> None:
        self._texts: list[pa.StringArray] = []
        self._lists: list[tuple[int, bool]] = []

    def add(self, number: int, entries: list[str], *, below: bool) -> None:
        """A hostname list means a name and all below it, with or without a leading dot; a string list the value."""
        texts = pc.utf8_lower(pc.utf8_trim_whitespace(pa.array(entries, pa.string())))
        self._texts.append(pc.utf8_trim(texts, ".") if below else texts)
        self._lists.append((number, below))

    def arrays(self, sets: _SetNumbers, suffixes: Mapping[str, int]) -> dict[str, npt.NDArray[np.generic]]:
        rules = pa.array(list(suffixes), pa.string())
        everything = pa.chunked_array([*self._texts, rules], pa.string()).combine_chunks().dictionary_encode()
        texts, codes = everything.dictionary, everything.indices.to_numpy()
        exact, below = (np.zeros((len(texts), sets.words), np.uint64) for _ in range(2))
        done = 0
        for (number, is_below), part in zip(self._lists, self._texts, strict=True):
            rows = codes[done : done + len(part)]
            (below if is_below else exact)[rows, number // 64] |= np.uint64(1 << number % 64)
            done += len(part)
        bounds, blob = string_buffers(texts)
        entries = np.zeros((len(texts) + 1, 4), np.int32)
        entries[:, 0] = bounds
        entries[:-1, 1] = sets.numbers(exact)
        entries[:-1, 2] = sets.numbers(below)
        entries[codes[done:], 3] = list(suffixes.values())
        slots = np.zeros(1 << (3 * len(texts) // 2).bit_length(), np.uint64)
        fill_slots(blob, entries, slots)
        return {"blob": blob, "slots": slots, "entries": entries}


def _networks(number: int, entries: list[str]) -> list[tuple[int, int, int]]:
    """The networks of one list as (first, last + 1, bit), joined where they meet; no other entries."""
    parts = [entry.strip().partition("/") for entry in entries]
    high, low = parse_addresses(pa.array([head for head, _, _ in parts], pa.string()))
    spans = []
    for (head, slash, tail), hi, lo in zip(parts, high.tolist(), low.tolist(), strict=True):
        bits = 128 if ":" in head else 32
        if not (hi or lo) or (slash and not (tail.isascii() and tail.isdigit() and int(tail) <= bits)):
            continue
        size = 1 << (bits - int(tail) if slash else 0)
        first = (hi << 64 | lo) & -size
        spans.append((first, first + size))
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return [(start, end, 1 << number) for start, end in joined]


def _covered(networks: list[tuple[int, int, int]], sets: _SetNumbers) -> dict[str, npt.NDArray[np.generic]]:
    """Disjoint ranges, each with the set of the lists that hold it."""
    changes: dict[int, int] = {}
    for start, end, bit in networks:
        # a list's own networks are disjoint, so that each bit is switched on and off in turn
        changes[start] = changes.get(start, 0) ^ bit
        changes[end] = changes.get(end, 0) ^ bit
    places = sorted(changes)
    members, rows = 0, []
    for at, place in enumerate(places):
        members ^= changes[place]
        if members:
            rows.append((place, places[at + 1] - 1, sets.number(members)))
    mask = (1 << 64) - 1
    return {
        "starts": np.array([[row[0] >> 64 for row in rows], [row[0] & mask for row in rows]], np.uint64),
        "ends": np.array([[row[1] >> 64 for row in rows], [row[1] & mask for row in rows]], np.uint64),
        "covered": np.array([row[2] for row in rows], np.int32),
    }


def _write(path: Path, arrays: Mapping[str, npt.NDArray[np.generic]], meta: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            for name, array in arrays.items():
                np.save(partial / f"{name}.npy", array)
            (partial / "meta.json").write_bytes(meta)
            if not path.exists():
                partial.rename(path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        if (path / "meta.json").is_file():
            return  # another run was quicker, with the same content
        raise OutputError(
            "the index of the warning lists cannot be written",
            where=str(path),
            got=error.strerror,
            remedy="set ACCORD_CACHE to a directory with 150 MB of space that you may write to",
        ) from error


@compiled
def hash_byte(digest: np.uint64, byte: int) -> np.uint64:
    """One byte of FNV-1a, 64 bits; texts are hashed from their end, so that every suffix's hash is on the way."""
    return (digest ^ np.uint64(byte)) * np.uint64(0x100000001B3)


@compiled
def finished(digest: np.uint64) -> np.uint64:
    """Mix the bits (the finaliser of MurmurHash3), so that both halves of the hash depend on every byte."""
    digest ^= digest >> np.uint64(33)
    digest *= np.uint64(0xFF51AFD7ED558CCD)
    digest ^= digest >> np.uint64(33)
    digest *= np.uint64(0xC4CEB9FE1A85EC53)
    return digest ^ (digest >> np.uint64(33))


@compiled
def fill_slots(blob: Bytes, entries: npt.NDArray[np.int32], slots: npt.NDArray[np.uint64]) -> None:
    """Put every text into the open-addressed table: upper 32 bits of its hash, its number + 1 below them."""
    mask = np.uint64(len(slots) - 1)
    upper = np.uint64(0xFFFFFFFF00000000)
    for entry in range(len(entries) - 1):
        digest = np.uint64(0xCBF29CE484222325)
        for at in range(entries[entry + 1, 0] - 1, entries[entry, 0] - 1, -1):
            digest = hash_byte(digest, blob[at])
        mixed = finished(digest)
        slot = mixed & mask
        while slots[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = (mixed & upper) | np.uint64(entry + 1)


@compiled
def find_text(
    data: Bytes,
    start: int,
    end: int,
    digest: np.uint64,
    blob: Bytes,
    entries: npt.NDArray[np.int32],
    slots: npt.NDArray[np.uint64],
) -> int:
    """The entry that equals data[start:end], whose hash is `digest`, compared byte by byte; -1: none."""
    mask = np.uint64(len(slots) - 1)
    low = np.uint64(0xFFFFFFFF)
    mixed = finished(digest)
    slot = mixed & mask
    while slots[slot] != 0:
        if slots[slot] >> np.uint64(32) == mixed >> np.uint64(32):
            entry = np.int64(slots[slot] & low) - 1
            first = entries[entry, 0]
            if entries[entry + 1, 0] - first == end - start:
                same = True
                for at in range(end - start):
                    if blob[first + at] != data[start + at]:
                        same = False
                        break
                if same:
                    return int(entry)
        slot = (slot + np.uint64(1)) & mask
    return -1
