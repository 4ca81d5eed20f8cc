"""A copy of a log's public files that is whole, while the hub goes on writing."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from accord.journal.files import CHECKPOINT, POLICY, LedgerFiles, opened_path
from accord.ledger.checkpoints import parse_checkpoint
from accord.ledger.tiles import TILE_WIDTH, bundles_of_growth, tiles_of_growth
from accord.vocabulary.errors import OutputError, UnreadableError

PAGES = ("figures.json", "style.css", "index*.html")


def copy_log(files: LedgerFiles, out: Path) -> int:
    """Copy what is for everybody into an empty folder, and nothing else; how many entries are under its checkpoint.

    What is full never changes and is copied first; only for the rest is publishing held up. Raises UnreadableError,
    OutputError.
    """
    try:
        first = _size(files)
        for path in _full(first):
            _copy(files, path, out)
        with files.held():
            size = _size(files)
            for path in _full(size):
                if not (out / path).exists():
                    _copy(files, path, out)
            for path in _partial(size):
                _copy(files, path, out)
            for index in range(-(-size // TILE_WIDTH)):
                if (files.root / opened_path(index)).exists():
                    _copy(files, opened_path(index), out)
            for pattern in PAGES:
                for page in sorted(files.root.glob(pattern)):
                    _copy(files, page.name, out)
            _copy(files, POLICY, out)
            _copy(files, CHECKPOINT, out)
    except OSError as error:
        raise OutputError(
            "The copy cannot be written.", where=str(error.filename or out), got=error.strerror,
            remedy="free some space, or choose another --out",
        ) from error  # fmt: skip
    return size


def _size(files: LedgerFiles) -> int:
    note = files.checkpoint()
    if note is None:
        raise UnreadableError(
            "The ledger was not published yet.", where=str(files.root), remedy="`accord ledger publish`"
        )
    return parse_checkpoint(note.text).size


def _full(size: int) -> list[str]:
    return [path for path, width in _files(size) if width == TILE_WIDTH]


def _partial(size: int) -> list[str]:
    return [path for path, width in _files(size) if width < TILE_WIDTH]


def _files(size: int) -> Iterator[tuple[str, int]]:
    """Every tile and bundle of a log, by its path and width."""
    for tile in tiles_of_growth(0, size):
        yield tile.path, tile.width
    for bundle in bundles_of_growth(0, size):
        yield bundle.path, bundle.width


def _copy(files: LedgerFiles, path: str, out: Path) -> None:
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(files.root / path, out / path)
    except FileNotFoundError as error:
        raise files.missing(path) from error
