"""That a workspace's folder and its database belong together: both keep the mark of the last command that changed both.

`.mark` in the folder holds one mark a line, the newest last. It is written before the database takes the new mark, so
that a command may be killed in between: the database's own is always among them. Once that is committed the one before
it is forgotten. Where it is not, one of the two was
restored from an older copy, or another folder works with this database; whichever went on last goes on alone.
"""

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from accord.vocabulary.errors import OutputError, UnprovenError, UnreadableError
from accord.workspace.regular import open_regular

FILE = ".mark"
_LIMIT = 4096


def fresh() -> str:
    """A mark that nobody else has."""
    return secrets.token_hex(16)


def known(folder: Path) -> tuple[str, ...]:
    """The marks that a folder knows. Raises UnreadableError."""
    try:
        with open_regular(folder / FILE) as file:
            return tuple(file.read(_LIMIT).decode("ascii", "replace").split())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise UnreadableError(
            "The workspace's mark cannot be read.", where=str(folder / FILE), got=error.strerror
        ) from error


def keep(folder: Path, marks: Sequence[str]) -> None:
    """Let a folder know these, in one step and on the disk. Raises OutputError."""
    draft = folder / f"{FILE}.new"
    try:
        with draft.open("w", encoding="ascii") as file:
            file.write("".join(f"{mark}\n" for mark in marks))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(folder / FILE)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise OutputError(
            "The workspace cannot be written; what was there before is untouched.",
            where=str(folder / FILE),
            expected="room and permission to write",
            got=error.strerror or type(error).__name__,
            remedy="free some space, or see who owns the folder",
        ) from error


def demand(folder: Path, mark: str | None, database: str) -> None:
    """Raise UnprovenError unless a folder knows the mark of its database; before there is any, all are content."""
    marks = known(folder)
    if mark in marks or (mark is None and not marks):
        return
    raise UnprovenError(
        "The workspace's folder and its database do not belong together; nothing was changed.",
        where=f"{folder / FILE}, and {database}",
        expected=f"the database's mark, {_short(mark)}",
        got=", ".join(map(_short, marks)) or "none in the folder",
        remedy="one was restored from an older copy, or another folder works with this database: go on with the newest "
        "of both. Where that is lost, `accord ledger audit` says what is missing, and `accord migrate --adopt` goes on "
        "with these two",
    )


def _short(mark: str | None) -> str:
    return "none" if mark is None else mark[:8]
