"""Files that appear whole under their names, or not at all."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from accord.vocabulary.errors import OutputError


@contextmanager
def appearing(out: Path) -> Iterator[BinaryIO]:
    """A file to write to and read from; it gets its name, in place of what had it, when the block ends well.

    Readable by its owner alone. Raises OutputError when the disk refuses; what had the name is then as it was.
    """
    try:
        descriptor, draft = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(out)
        finally:
            Path(draft).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            "The file cannot be written.",
            where=str(out),
            expected="room and permission to write",
            got=error.strerror or type(error).__name__,
            remedy="free some space, or see who owns the folder",
        ) from error


def write_whole(out: Path, pieces: Iterable[bytes]) -> None:
    """Write a file so that it appears whole. Raises OutputError, and what `pieces` raise."""
    with appearing(out) as file:
        for piece in pieces:
            file.write(piece)
