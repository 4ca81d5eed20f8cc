"""Writing a version of the check data, letting it be the one that counts, and destroying the others.

A version is written beside the others and nobody sees it until the link `current` is renamed to name it. Its files are
never changed afterwards: whoever has mapped it reads on until it lets go.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import file_digest, sha256
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from accord.check.layout import (
    ADDRESSES,
    CURRENT,
    FILES,
    FORMAT,
    KEY_BYTES,
    MAILBOXES,
    MANIFEST,
    NAME,
    NETWORKS_V4,
    NETWORKS_V6,
    RECORD_BYTES,
    SEAL,
    SETS_LIMIT,
    VERSIONS,
    Family,
    Manifest,
    Part,
    Records,
    pepper_mark,
    sealed,
)
from accord.vocabulary.errors import OutputError

Digests = npt.NDArray[np.uint8]
"""Rows of RECORD_BYTES bytes: the beginnings of HMACs."""

_BUCKET = 8
"""So many records, about, share the first bits by which a search begins."""
_MOST_BITS = 24
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sightings:
    """What is told of n addresses, in any order; no address stands twice."""

    digests: Digests
    """(n, RECORD_BYTES): of each address's HMAC."""
    ages: npt.NDArray[np.uint8]
    """Days before the version's day."""
    sets: npt.NDArray[np.uint32]
    """Numbers of sets of families."""

    @classmethod
    def none(cls) -> "Sightings":
        """No address."""
        return cls(
            digests=np.zeros((0, RECORD_BYTES), np.uint8), ages=np.zeros(0, np.uint8), sets=np.zeros(0, np.uint32)
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkLine:
    """A whole line of addresses: ranges from each start to the next, the first start being 0."""

    starts: npt.NDArray[np.unsignedinteger]
    """Ascending: uint32 addresses of IPv4, or uint64 numbers of IPv6's /64."""
    asns: npt.NDArray[np.uint32]
    """0: not known."""
    kinds: npt.NDArray[np.uint8]
    """Places in NETWORK_KINDS."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Content:
    """What a version is made of."""

    made_at: datetime
    day: date
    families: tuple[Family, ...]
    sets: Sequence[tuple[int, ...]]
    addresses: Sightings
    mailboxes: Sightings
    v4: NetworkLine
    v6: NetworkLine


def version_name(made_at: datetime, random: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """A name that no other version has, and that sorts by time."""
    return f"{made_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{random(4).hex()}"


def write_version(folder: Path, name: str, content: Content, pepper: bytes) -> str:
    """Write a version that nobody sees yet, complete and on the disk; the SHA-256 of its manifest.

    A version of this name is written anew. Raises OutputError.
    """
    place = folder / VERSIONS / name
    draft = place.with_name(f".{name}")
    with _errors_named(folder):
        _made(folder)
        for left in (draft, place):
            shutil.rmtree(left, ignore_errors=True)
        with _whole_or_gone(draft):
            manifest = _write_files(draft, name, content, pepper)
            draft.rename(place)
        _sync(place.parent)
    return sha256(manifest).hexdigest()


def _write_files(draft: Path, name: str, content: Content, pepper: bytes) -> bytes:
    """Write a version's files and let them reach the disk; the manifest."""
    addresses = _write_records(draft, ADDRESSES, content.addresses)
    mailboxes = _write_records(draft, MAILBOXES, content.mailboxes)
    _write_line(draft / NETWORKS_V4, content.v4)
    _write_line(draft / NETWORKS_V6, content.v6)
    manifest = msgspec.json.encode(
        Manifest(
            format=FORMAT,
            version=name,
            made_at=content.made_at,
            day=content.day,
            pepper=pepper_mark(pepper),
            families=content.families,
            sets=tuple(content.sets) or ((),),
            addresses=addresses,
            mailboxes=mailboxes,
            files={file: _part(draft / file) for file in FILES},
        )
    )
    _write(draft / MANIFEST, manifest)
    _write(draft / SEAL, sealed(manifest, pepper).encode("ascii") + b"\n")
    for path in (*draft.iterdir(), draft):
        _sync(path)
    return manifest


def written(folder: Path, name: str) -> str | None:
    """The SHA-256 of a version's manifest, shown or not; None: it is not there, or a file of it not as the manifest
    says. Raises OutputError."""
    place = folder / VERSIONS / name
    with _errors_named(folder):
        try:
            data = (place / MANIFEST).read_bytes()
            manifest = msgspec.json.decode(data, type=Manifest)
            whole = all(_part(place / file) == part for file, part in manifest.files.items())
        except (FileNotFoundError, msgspec.DecodeError):
            return None
    return sha256(data).hexdigest() if whole else None


def show_version(folder: Path, name: str) -> None:
    """Let a version that is written be the one that counts, in one step. Raises OutputError."""
    link = folder / f".{CURRENT}.new"
    with _errors_named(folder):
        link.unlink(missing_ok=True)
        link.symlink_to(f"{VERSIONS}/{name}")
        link.rename(folder / CURRENT)
        _sync(folder)


def destroy_others(folder: Path, kept: frozenset[str]) -> int:
    """Remove every version but those named, drafts included; how many there were. Raises OutputError."""
    gone = 0
    with _errors_named(folder):
        versions = folder / VERSIONS
        for path in list(versions.iterdir()) if versions.is_dir() else []:
            if path.name not in kept and NAME.fullmatch(path.name.removeprefix(".")) is not None:
                # what somebody's link leads to is theirs
                path.unlink() if path.is_symlink() else shutil.rmtree(path)
                gone += 1
        if gone:
            _sync(versions)
    return gone


def _made(folder: Path) -> None:
    """Make the folder, which may be a link to one elsewhere, and that of its versions, which may not."""
    folder.mkdir(0o750, parents=True, exist_ok=True)
    versions = folder / VERSIONS
    if versions.is_symlink():
        raise OutputError(
            "The versions of the check data lie elsewhere: a link stands in their place.",
            where=str(versions),
            expected="a folder beside the link to the current version, so that both change together",
            got=f"a link to {versions.readlink()}",
            remedy="remove the link; where the data must lie elsewhere, name that folder in [check]",
        )
    versions.mkdir(0o750, exist_ok=True)


@contextmanager
def _whole_or_gone(draft: Path) -> Iterator[None]:
    """A new folder that is removed again where it does not become whole: a full disk gets its room back."""
    draft.mkdir(0o750)
    try:
        yield
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _write_records(draft: Path, name: str, sightings: Sightings) -> Records:
    """Sort the records by their keys, hide the payloads, and write them with what begins a search."""
    count = len(sightings.digests)
    bits = min(_MOST_BITS, max(0, (count // _BUCKET).bit_length()))
    digests = np.ascontiguousarray(sightings.digests)
    first = digests[:, :8].copy().view(">u8").ravel().astype(np.uint64)
    order = np.argsort(first, kind="stable")
    first = first[order]
    _settle(order, first, digests)
    edges = np.arange((1 << bits) + 1, dtype=np.uint64) << np.uint64(64 - bits) if bits else np.zeros(2, np.uint64)
    starts = np.searchsorted(first, edges[:-1]).astype("<u4")
    widest = int(np.diff(np.append(starts.astype(np.int64), count)).max())
    steps = max(0, widest - 1).bit_length()
    del first
    with _new(draft / f"{name}.records") as file:
        for begin in range(0, count, _PIECE):
            rows = order[begin : begin + _PIECE]
            records = digests[rows]
            records[:, KEY_BYTES:] ^= _payloads(sightings, rows)
            file(records)
        file(np.full(RECORD_BYTES << steps, 0xFF, np.uint8))
    with _new(draft / f"{name}.starts") as file:
        file(starts)
    return Records(count=count, bits=bits, steps=steps)


def _settle(order: npt.NDArray[np.int64], first: npt.NDArray[np.uint64], digests: Digests) -> None:
    """Bring rows whose first eight bytes are equal, which hardly ever happens, into the order of the whole key."""
    equal = np.flatnonzero(first[1:] == first[:-1])
    done = -1
    for at in equal.tolist():
        if at <= done:
            continue
        end = int(np.searchsorted(first, first[at], side="right"))
        order[at:end] = sorted(order[at:end].tolist(), key=lambda row: digests[row, :KEY_BYTES].tobytes())
        done = end - 1


def _payloads(sightings: Sightings, rows: npt.NDArray[np.int64]) -> Digests:
    sets, ages = sightings.sets[rows], sightings.ages[rows]
    if len(sets) and int(sets.max()) >= SETS_LIMIT:
        raise ValueError(f"at most {SETS_LIMIT} sets of families")
    return (sets.astype("<u4") << 8 | ages).astype("<u4").view(np.uint8).reshape(-1, 4)


def _write_line(path: Path, line: NetworkLine) -> None:
    with _new(path) as file:
        for column in (line.starts, line.asns, line.kinds):
            file(column.astype(column.dtype.newbyteorder("<")))


@contextmanager
def _new(path: Path) -> Iterator[Callable[[npt.NDArray[np.generic]], None]]:
    """A new file that nobody may change; it takes columns, one after another."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o440)
    with os.fdopen(descriptor, "wb") as file:

        def put(column: npt.NDArray[np.generic]) -> None:
            file.write(np.ascontiguousarray(column).data)

        yield put


def _write(path: Path, data: bytes) -> None:
    with _new(path) as file:
        file(np.frombuffer(data, np.uint8))


def _part(path: Path) -> Part:
    with path.open("rb") as file:
        return Part(bytes=path.stat().st_size, sha256=file_digest(file, "sha256").hexdigest())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _errors_named(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            "The check data cannot be written; what was published before is untouched.",
            where=str(error.filename or folder),
            expected="room and permission to write",
            got=error.strerror or type(error).__name__,
            remedy="free some space, or see who owns the folder",
        ) from error
