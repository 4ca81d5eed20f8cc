"""A MISP feed that lies in a folder, as one file: a delivery is what has one SHA-256."""

import tarfile
from pathlib import Path

from accord.vocabulary.errors import UnreadableError

MANIFEST = "manifest.json"


def is_feed(path: Path) -> bool:
    """Is it a folder with a feed's manifest?"""
    return path.is_dir() and (path / MANIFEST).is_file()


def pack_feed(feed: Path, folder: Path) -> Path:
    """Pack the files of a feed into `folder`, as a tar named like it: the same files give the same bytes.

    What lies in folders below it, is hidden or is a link is no part of a feed. Raises UnreadableError.
    """
    packed = folder / f"{feed.resolve().name}.tar"
    with tarfile.open(packed, "w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(feed.iterdir()):
            if path.is_symlink() or not path.is_file() or path.name.startswith("."):
                continue
            try:
                with path.open("rb") as file:
                    entry = tarfile.TarInfo(path.name)
                    entry.size = path.stat().st_size
                    archive.addfile(entry, file)
            except OSError as error:
                raise UnreadableError(
                    "A file of the feed cannot be read.", where=str(path), got=error.strerror or type(error).__name__
                ) from error
    return packed
