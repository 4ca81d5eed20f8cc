"""Reading one version of the check data: verified whole, then memory-mapped, and asked for one address at a time.

A version is refused whole when any file of it is not what its sealed manifest says. Nothing here knows the workspace,
and nothing is written.
"""

import hashlib
import hmac
import mmap
import os
import stat
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Self

import msgspec

from accord.check.layout import (
    ADDRESSES,
    CURRENT,
    FILES,
    FORMAT,
    KEY_BYTES,
    MAILBOXES,
    MANIFEST,
    MANIFEST_LIMIT,
    NAME,
    NETWORK_V4_BYTES,
    NETWORK_V6_BYTES,
    NETWORKS_V4,
    NETWORKS_V6,
    OLDEST,
    RECORD_BYTES,
    SEAL,
    SETS_LIMIT,
    VERSIONS,
    Family,
    Manifest,
    Part,
    Records,
    address_spelling,
    mailbox_spelling,
    pepper_mark,
    sealed,
)
from accord.check.networks import NETWORK_KINDS, Network, NetworkKind
from accord.vocabulary.errors import CorruptError, SettingsError, UnreadableError

__all__ = ["CheckData", "Family", "Network", "NetworkKind", "Sighting", "current"]

_PIECE = 1 << 20
_TRIES = 20
_BLOCK = hashlib.sha256().block_size
_MAPPED = bytes(10) + b"\xff\xff"


class Sighting(msgspec.Struct, frozen=True):
    """That an address was seen as infected."""

    families: tuple[int, ...]
    """Places in `CheckData.families`, ascending."""
    last_seen: date


def current(folder: Path) -> str:
    """The name of the version that counts now; one system call. Raises UnreadableError when none is published."""
    try:
        target = os.readlink(folder / CURRENT)  # noqa: PTH115 -- asked every second, for a text
    except OSError as error:
        raise _unpublished(folder, error) from error
    head, _, name = target.partition("/")
    if head != VERSIONS or NAME.fullmatch(name) is None:
        raise CorruptError(
            "The link to the current check data leads elsewhere.",
            where=str(folder / CURRENT),
            expected=f"{VERSIONS}/ and the name of a version",
            got=repr(target)[:100],
            remedy="publish again: `accord check publish`",
        )
    return name


@dataclass(slots=True, kw_only=True, eq=False)
class CheckData:
    """One version, verified and memory-mapped. One that was swapped away answers until it is closed."""

    version: str
    made_at: datetime
    day: date
    """Ages are counted back from it."""
    families: tuple[Family, ...]
    manifest: Manifest
    _keyed: "_Keyed" = field(repr=False)
    _sightings: "_Sightings" = field(repr=False)
    _addresses: "_Table" = field(repr=False)
    _mailboxes: "_Table" = field(repr=False)
    _v4: "_Line" = field(repr=False)
    _v6: "_Line" = field(repr=False)

    @classmethod
    def open(cls, folder: Path, pepper: bytes) -> Self:
        """Verify and map the version that counts now.

        Raises UnreadableError when nothing is published or can be read, CorruptError when a file is not what the
        sealed manifest says, and SettingsError when the version was made with another pepper.
        """
        if sys.byteorder != "little":
            raise SettingsError("The check data can be read on little-endian machines only.", got=sys.byteorder)
        for _ in range(_TRIES):
            name = current(folder)
            try:
                return cls._version(folder, name, pepper)
            except FileNotFoundError as error:
                # another version was swapped in meanwhile, and this one destroyed
                gone = error
        raise CorruptError(
            "A file of the current check data is missing.",
            where=str(gone.filename or folder),
            remedy="publish again: `accord check publish`",
        ) from gone

    @classmethod
    def _version(cls, folder: Path, name: str, pepper: bytes) -> Self:
        place = folder / VERSIONS / name
        with _errors_named(place), _opened(place) as directory:
            manifest = _manifest(place, directory, name, pepper)
            maps: dict[str, mmap.mmap] = {}
            try:
                for file in FILES:
                    maps[file] = _mapped(place, directory, file, manifest.files[file])
            except BaseException:
                for one in maps.values():
                    one.close()
                raise
        return cls(
            version=name,
            made_at=manifest.made_at,
            day=manifest.day,
            families=manifest.families,
            manifest=manifest,
            _keyed=_Keyed(pepper),
            _sightings=_Sightings(manifest.sets, manifest.day),
            _addresses=_table(manifest.addresses, ADDRESSES, maps),
            _mailboxes=_table(manifest.mailboxes, MAILBOXES, maps),
            _v4=_Line(maps[NETWORKS_V4], 4, NETWORK_V4_BYTES),
            _v6=_Line(maps[NETWORKS_V6], 8, NETWORK_V6_BYTES),
        )

    def looked_up(self, address: bytes) -> tuple[bool, Sighting]:
        """Whether this address (4 or 16 bytes, network order) was seen, and on which day last, with which families.

        Who was not seen gets a sighting, too, of bytes that mean nothing: a hit and a miss take the same steps, read
        the same number of bytes, and leave as much to do. Raises ValueError for another length.
        """
        return self._sightings.of(self._addresses, self._keyed.digest(address_spelling(address)))

    def seen(self, address: bytes) -> Sighting | None:
        """The same, of who was seen alone."""
        was_seen, sighting = self.looked_up(address)
        return sighting if was_seen else None

    def seen_mailbox(self, mailbox: bytes) -> Sighting | None:
        """As `seen`, for a mail address as `mailboxes.normalised` gives it."""
        return self.named_mailbox(self.mailbox_name(mailbox))

    def mailbox_name(self, mailbox: bytes) -> bytes:
        """By what a mail address is named in the records: the beginning of its HMAC."""
        return self._keyed.digest(mailbox_spelling(mailbox))[:RECORD_BYTES]

    def named_mailbox(self, name: bytes) -> Sighting | None:
        """As `seen_mailbox`, of a mail address by its `mailbox_name`."""
        was_seen, sighting = self._sightings.of(self._mailboxes, name)
        return sighting if was_seen else None

    def network(self, address: bytes) -> Network:
        """Which network announces this address (4 or 16 bytes, network order), and of what kind it is."""
        if len(address) == 4:
            return self._v4.at(int.from_bytes(address, "big"))
        if len(address) != 16:
            raise ValueError(f"an address has 4 or 16 bytes, this one has {len(address)}")
        if address[:12] == _MAPPED:
            return self._v4.at(int.from_bytes(address[12:], "big"))
        return self._v6.at(int.from_bytes(address[:8], "big"))

    def close(self) -> None:
        """Let go of the files; nothing can be asked any more."""
        for one in (self._addresses, self._mailboxes, self._v4, self._v6):
            one.close()


class _Keyed:
    """HMAC-SHA256 under one key whose two blocks are hashed once (RFC 2104, 4): a third of the time for short texts."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        """`key`: of at most a block, 64 bytes."""
        block = key.ljust(_BLOCK, b"\0")
        self._inner, self._outer = (hashlib.sha256(bytes(one ^ pad for one in block)) for pad in (0x36, 0x5C))

    def digest(self, text: bytes) -> bytes:
        """The HMAC of a text, 32 bytes."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()


class _Table:
    """Records of one kind, searched in a fixed number of steps."""

    __slots__ = ("_records", "_shift", "_starts", "_steps", "_view", "_width")

    def __init__(self, layout: Records, records: mmap.mmap, starts: mmap.mmap) -> None:
        self._records = records
        self._view = memoryview(starts)
        self._starts = self._view.cast("I")
        self._shift = 32 - layout.bits
        self._width = (1 << layout.steps) * RECORD_BYTES
        self._steps = tuple(RECORD_BYTES << step for step in reversed(range(layout.steps)))

    def near(self, key: bytes, prefix: int) -> bytes:
        """The first record that is not before `key`, of those that the search looks at.

        As many are before a key that is there as before one that is not: the search's way does not tell them apart.
        """
        first = self._starts[prefix >> self._shift] * RECORD_BYTES
        window = self._records[first : first + self._width]
        at = 0
        for step in self._steps:
            last = at + step - RECORD_BYTES
            at += step * (window[last : last + KEY_BYTES] < key)
        return window[at : at + RECORD_BYTES]

    def close(self) -> None:
        owner = self._view.obj
        self._starts.release()
        self._view.release()
        self._records.close()
        if isinstance(owner, mmap.mmap):
            owner.close()


class _Sightings:
    """What payloads mean."""

    __slots__ = ("_days", "_sets")

    def __init__(self, sets: Sequence[tuple[int, ...]], day: date) -> None:
        self._days = tuple(day - timedelta(days=age) for age in range(OLDEST + 1))
        turned = SETS_LIMIT % len(sets)
        self._sets = (*sets[-turned:], *sets[:-turned]) if turned else tuple(sets)

    def of(self, table: _Table, digest: bytes) -> tuple[bool, Sighting]:
        """Whether there is one whose HMAC this is, and what it says; of a miss, what the record beside it would."""
        key = digest[:KEY_BYTES]
        record = table.near(key, int.from_bytes(digest[:4], "big"))
        # Python makes small numbers, zero and those beyond 2^30 in ways of their own: with one bit more all are of one
        # kind, and the sets are turned by as much. A miss comes to no other ages than a hit does
        number = int.from_bytes(record[KEY_BYTES + 1 :], "little") ^ (
            int.from_bytes(digest[KEY_BYTES + 1 : RECORD_BYTES], "little") | SETS_LIMIT
        )
        age = (record[KEY_BYTES] & OLDEST) ^ (digest[KEY_BYTES] & OLDEST)
        sighting = Sighting(self._sets[number % len(self._sets)], self._days[age])
        return hmac.compare_digest(record[:KEY_BYTES], key), sighting


class _Line:
    """Disjoint ranges that cover a whole line of addresses: the start of each, its network and its kind."""

    __slots__ = ("_asns", "_kinds", "_map", "_starts", "_view", "_views")

    def __init__(self, mapped: mmap.mmap, width: int, row: int) -> None:
        count = len(mapped) // row
        self._map = mapped
        self._view = memoryview(mapped)
        ends = (0, width * count, (width + 4) * count, row * count)
        self._views = [self._view[begin:end] for begin, end in pairwise(ends)]
        self._starts = self._views[0].cast("I" if width == 4 else "Q")
        self._asns = self._views[1].cast("I")
        self._kinds = self._views[2]

    def at(self, place: int) -> Network:
        row = bisect_right(self._starts, place) - 1
        return Network(asn=self._asns[row] or None, kind=NETWORK_KINDS[self._kinds[row]])

    def close(self) -> None:
        for one in (self._starts, self._asns, *self._views, self._view):
            one.release()
        self._map.close()


def _table(layout: Records, name: str, maps: dict[str, mmap.mmap]) -> _Table:
    return _Table(layout, maps[f"{name}.records"], maps[f"{name}.starts"])


@contextmanager
def _errors_named(place: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableError(
            "The check data cannot be read.",
            where=str(place if error.filename is None else error.filename),
            expected="folders and files, no links, that this user may read",
            got=error.strerror or type(error).__name__,
            remedy="see who may read the folder, or publish again: `accord check publish`",
        ) from error


def _unpublished(folder: Path, error: OSError) -> UnreadableError:
    missing = isinstance(error, FileNotFoundError)
    return UnreadableError(
        "No check data is published here." if missing else "The check data cannot be read.",
        where=str(folder / CURRENT),
        expected="a link to the current version",
        got="no such file" if missing else error.strerror or type(error).__name__,
        remedy="`accord check publish` in the hub's workspace makes it; name the folder that its [check] table names",
    )


@contextmanager
def _opened(place: Path) -> Iterator[int]:
    directory = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield directory
    finally:
        os.close(directory)


@contextmanager
def _file(place: Path, directory: int, name: str) -> Iterator[int]:
    """A regular file of the version that nobody but its owner can write."""
    # without O_NONBLOCK a named pipe would wait for its writer
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise _wrong(place / name, "a regular file", "a folder, device or pipe")
        if mode & 0o022:
            raise _wrong(place / name, "a file that its owner alone may write", f"mode {stat.S_IMODE(mode):04o}")
        yield descriptor
    finally:
        os.close(descriptor)


def _whole(place: Path, directory: int, name: str, limit: int) -> bytes:
    with _file(place, directory, name) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise _wrong(place / name, f"at most {limit} bytes", "more")
    return data


def _manifest(place: Path, directory: int, name: str, pepper: bytes) -> Manifest:
    data = _whole(place, directory, MANIFEST, MANIFEST_LIMIT)
    seal = _whole(place, directory, SEAL, 65)
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _wrong(place / MANIFEST, "a manifest of check data", str(error)) from error
    if manifest.format != FORMAT:
        raise _wrong(place / MANIFEST, FORMAT, repr(manifest.format)[:100])
    if manifest.pepper != pepper_mark(pepper):
        raise SettingsError(
            "The check data was made with another pepper: nobody would be found in it.",
            where=str(place / MANIFEST),
            expected=f"the pepper with the mark {manifest.pepper[:16]}",
            got=pepper_mark(pepper),
            remedy="name the workspace's own pepper file, or publish again with this one",
        )
    if not hmac.compare_digest(seal, sealed(data, pepper).encode("ascii") + b"\n"):
        raise _wrong(place / SEAL, "the seal of this manifest", "another")
    if manifest.version != name or set(manifest.files) != set(FILES) or not _sound(manifest):
        raise _wrong(place / MANIFEST, "a manifest of this version", "one that contradicts itself")
    return manifest


def _sound(manifest: Manifest) -> bool:
    """That the parts of a manifest fit each other, and the files' sizes what they hold."""
    sizes = {name: part.bytes for name, part in manifest.files.items()}
    for name, records in ((ADDRESSES, manifest.addresses), (MAILBOXES, manifest.mailboxes)):
        if not (0 <= records.bits <= 28 and 0 <= records.steps <= 32 and 0 <= records.count < 1 << 32):
            return False
        if sizes[f"{name}.starts"] != 4 << records.bits:
            return False
        if sizes[f"{name}.records"] != (records.count + (1 << records.steps)) * RECORD_BYTES:
            return False
    return (
        manifest.made_at.tzinfo is not None
        and 0 < len(manifest.sets) <= SETS_LIMIT
        and all(0 <= family < len(manifest.families) for one in manifest.sets for family in one)
        and all(
            size > 0 and size % row == 0
            for size, row in ((sizes[NETWORKS_V4], NETWORK_V4_BYTES), (sizes[NETWORKS_V6], NETWORK_V6_BYTES))
        )
    )


def _mapped(place: Path, directory: int, name: str, part: Part) -> mmap.mmap:
    """Map a file once its size and SHA-256 are what the manifest says; it is read in pieces, which are not kept."""
    with _file(place, directory, name) as descriptor:
        size = os.fstat(descriptor).st_size
        if size != part.bytes:
            raise _wrong(place / name, f"{part.bytes} bytes", f"{size} bytes")
        digest = hashlib.sha256()
        with os.fdopen(os.dup(descriptor), "rb", buffering=0) as file:
            piece = bytearray(_PIECE)
            while got := file.readinto(piece):
                digest.update(memoryview(piece)[:got])
        if digest.hexdigest() != part.sha256:
            raise _wrong(place / name, f"SHA-256 {part.sha256}", f"SHA-256 {digest.hexdigest()}")
        return mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)


def _wrong(where: Path, expected: str, got: str) -> CorruptError:
    return CorruptError(
        "The check data is not as it was published, and none of it is used.",
        where=str(where),
        expected=expected,
        got=got,
        remedy="publish again: `accord check publish`; if nobody can say what happened, look who may write the folder",
    )
