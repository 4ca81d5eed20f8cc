"""The ledger as static files, for anybody: written whole and flushed before a checkpoint tells of them.

ledger/
  checkpoint              the newest checkpoint that satisfies the policy
  policy                  the policy, for who verifies
  tile/..., tile/entries/...
  opened/000              the openings published so far of entries 0 to 255
  figures.json            what the published openings add up to
  index.html, ...         the same for people
"""

import fcntl
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from accord.ledger.commitments import MAX_OPENED_BYTES
from accord.ledger.notes import MAX_NOTE_BYTES, Note, parse_note
from accord.ledger.tiles import (
    MAX_ENTRY_BYTES,
    TILE_WIDTH,
    EntryBundle,
    HashTile,
    bundles_of_growth,
    parse_path,
    tiles_of_growth,
)
from accord.vocabulary.errors import MalformedError, OutputError, UnreadableError
from accord.workspace.regular import open_regular

CHECKPOINT, POLICY, OPENED = "checkpoint", "policy", "opened"

BUNDLE_BYTES = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)
"""Of the largest bundle, and so of any tile."""


class LedgerReader(ABC):
    """The files of a log, wherever they are."""

    at_once = 1
    """How many files are best read at a time."""

    @abstractmethod
    def read(self, path: str, limit: int) -> bytes | None:
        """A file of at most `limit` bytes; None: there is none. Raises UnreadableError."""

    @abstractmethod
    def where(self, path: str) -> str:
        """Where a file is, for people."""

    def checkpoint(self) -> Note | None:
        """The published checkpoint, not verified; None: nothing was published. Raises as `read`, and MalformedError."""
        data = self.read(CHECKPOINT, MAX_NOTE_BYTES)
        return None if data is None else parse_note(data)

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """A hash tile, or as many bytes of it as there are (`ledger.tiles.TileReader`). Raises UnreadableError."""
        full = HashTile(level=level, index=index)
        wanted = HashTile(level=level, index=index, width=width)
        data = self.read(wanted.path, TILE_WIDTH * 32) or self.read(full.path, TILE_WIDTH * 32)
        if data is None:
            raise self.missing(wanted.path)
        return data[: width * 32]

    def read_bundle(self, bundle: EntryBundle) -> bytes:
        """A bundle of entries, cut to its width where only a wider one is there. Raises UnreadableError."""
        data = self.read(bundle.path, BUNDLE_BYTES)
        if data is None:
            data = self.read(EntryBundle(index=bundle.index).path, BUNDLE_BYTES)
            if data is None:
                raise self.missing(bundle.path)
            end = 0
            for _ in range(bundle.width):
                end += 2 + int.from_bytes(data[end : end + 2], "big")
            data = data[:end]
        return data

    def read_opened(self, index: int) -> bytes | None:
        """The published openings of bundle `index`; None: there are none. Raises UnreadableError."""
        return self.read(opened_path(index), MAX_OPENED_BYTES)

    def missing(self, path: str) -> UnreadableError:
        """That a file is not there."""
        return UnreadableError("A file of the ledger is missing.", where=self.where(path))


class LedgerFiles(LedgerReader):
    """The folder of a log."""

    def __init__(self, root: Path) -> None:
        """Nothing is read or written yet."""
        self.root = root
        self._unflushed: list[Path] = []

    def where(self, path: str) -> str:
        """Where a file is, for people."""
        return str(self.root / path)

    def read(self, path: str, limit: int) -> bytes | None:
        """A file of at most `limit` bytes; None: there is none. Raises UnreadableError."""
        data = self._begin(path, limit + 1)
        if data is not None and len(data) > limit:
            raise UnreadableError(
                "A file of the ledger is too large.", where=str(self.root / path), expected=f"at most {limit:,} bytes"
            )
        return data

    def holds(self, path: str, data: bytes) -> bool:
        """Is there a file that holds this and nothing else? Raises UnreadableError."""
        return self._begin(path, len(data) + 1) == data

    def _begin(self, path: str, size: int) -> bytes | None:
        try:
            with open_regular(self.root / path) as file:
                return file.read(size)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnreadableError(
                "A file of the ledger cannot be read.", where=str(self.root / path), got=error.strerror
            ) from error

    def write(self, path: str, data: bytes) -> None:
        """Write a file that nobody is told of before `flush`."""
        place = self.root / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = place.with_name(f".{place.name}.new")
            draft.write_bytes(data)
            draft.rename(place)
        except OSError as error:
            raise _unwritten(place, error) from error
        self._unflushed.append(place)

    def flush(self) -> None:
        """Bring to the disk what was written, and its names."""
        folders = {self.root}
        for place in self._unflushed:
            folders |= {parent for parent in place.parents if parent.is_relative_to(self.root)}
        for path in [*self._unflushed, *sorted(folders)]:
            try:
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            except OSError as error:
                raise _unwritten(path, error) from error
        self._unflushed.clear()

    def forget_partial(self, path: str) -> None:
        """Remove the partial tiles or bundles of one that is full now; readers take its beginning instead."""
        shutil.rmtree(self.root / f"{path}.p", ignore_errors=True)

    def earlier_partials(self, size: int) -> Iterator[HashTile | EntryBundle]:
        """Partial tiles and bundles that are left of smaller sizes, for who still reads those."""
        kept = {tile.path for tile in tiles_of_growth(0, size)} | {one.path for one in bundles_of_growth(0, size)}
        for path in sorted((self.root / "tile").rglob("*.p/*")):
            name = path.relative_to(self.root).as_posix()
            if name not in kept and not path.name.startswith("."):
                with suppress(MalformedError):
                    yield parse_path(name)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only one who writes; others wait."""
        try:
            self.root.mkdir(exist_ok=True)
            lock = (self.root / ".lock").open("ab")
        except OSError as error:
            raise _unwritten(self.root, error) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def opened_path(index: int) -> str:
    """Where the published openings of entries 256 * index to 256 * index + 255 stand."""
    return EntryBundle(index=index).path.replace("tile/entries", OPENED, 1)


def _unwritten(path: Path, error: OSError) -> OutputError:
    return OutputError(
        "The ledger's files cannot be written; its entries are safe in the database.",
        where=str(error.filename or path),
        expected="room and permission to write",
        got=error.strerror or type(error).__name__,
        remedy="free some space, then `accord ledger publish`",
    )
