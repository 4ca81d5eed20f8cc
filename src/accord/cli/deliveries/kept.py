"""What a workspace keeps, looked at before it is used: a file that is gone must not pass for one that says nothing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from accord.vocabulary.errors import UnreadableError


def sizes(folder: Path) -> dict[str, int]:
    """The bytes of each file of a folder, by name."""
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir())}


def verify_kept(folder: Path, kept: Mapping[str, int], remedy: str) -> None:
    """Raise UnreadableError unless the folder has these files, each of its size."""
    for name, size in kept.items():
        path = folder / name
        try:
            found = path.stat().st_size
        except OSError as error:
            raise UnreadableError(
                "A file of the workspace is missing.", where=str(path), got=error.strerror, remedy=remedy
            ) from error
        if found != size:
            raise UnreadableError(
                "A file of the workspace is not as it was written.",
                where=str(path),
                expected=f"{size:,} bytes",
                got=f"{found:,} bytes",
                remedy=remedy,
            )


@contextmanager
def damage_named(where: Path, remedy: str) -> Iterator[None]:
    """What the readers of Parquet raise for a damaged file, as ours."""
    try:
        yield
    except (duckdb.InvalidInputException, duckdb.IOException, pa.ArrowInvalid, OSError) as error:
        if getattr(error, "errno", None) is not None:
            raise  # the system's, not Arrow's own: a full disk
        raise UnreadableError(
            "A file of the workspace is damaged.",
            where=str(where),
            got=str(error).splitlines()[0],
            remedy=remedy,
        ) from error
