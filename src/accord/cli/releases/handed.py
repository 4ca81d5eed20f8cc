"""What was handed over by the folder `releases/`, held against the database: one of them may be an older copy."""

import secrets
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from accord.release.disclosures import Disclosure, record_hand_over, record_refusal
from accord.release.package.reading import opened_file, read_package
from accord.vocabulary.errors import AccordError, UnprovenError

RELEASES, PACKAGE, HANDOVER, SHOWN = "releases", "package", "handover", "shown"
"""SHOWN: what was put into a channel could be seen from then on."""


def handed_over(root: Path) -> tuple[Path, ...]:
    """The releases in the folder that were handed over. Whoever reads them before the database misses none there."""
    folder = root / RELEASES
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return tuple(path for path in found if (path / HANDOVER).exists() or (path / SHOWN).exists())


def end_waiting(
    connection: Connection, root: Path, package: Disclosure, why: str, at: datetime, *, person: str
) -> Disclosure:
    """Refuse for good to hand over a package that waits, unless its key was given: then that is recorded.

    Whoever was killed after it had written the key has given it. Either way nothing at the hub opens it any more.
    """
    if (root / RELEASES / str(package.id) / HANDOVER).exists():
        return record_hand_over(connection, package, at)
    return record_refusal(connection, package, why, at, person=person, draw=secrets.token_bytes)


def unknown_releases(found: Collection[Path], known: Collection[Disclosure]) -> Iterator[tuple[Path, str]]:
    """Those that the database does not know, each with what its package says."""
    names = {str(one.id) for one in known}
    for path in found:
        if path.name not in names:
            yield path, f"release {path.name}{_said(path / PACKAGE)}, which was handed over and lies in {path}"


def lost_releases(root: Path, known: Collection[Disclosure]) -> Iterator[str]:
    """Releases that the database knows as handed over, and that the folder has not."""
    for one in known:
        path = root / RELEASES / str(one.id)
        proof = path / (HANDOVER if one.channel is None else SHOWN)
        if one.handed_over_at is not None and not proof.exists():
            yield f"release {one.id} to {one.recipient}, {one.country}: it does not lie in {path}"


def demand_known(root: Path, known: Collection[Disclosure]) -> None:
    """Raise UnprovenError when something was handed over that the database does not know."""
    for path, what in unknown_releases(handed_over(root), known):
        raise UnprovenError(
            "The database is older than what was handed over: it was restored from an older copy.",
            where=str(path),
            expected="a database that knows of it",
            got=what,
            remedy="find the newest copy of the database. Where that is lost, keep this folder elsewhere, as the proof "
            "of what was handed over, and call it again",
        )


def _said(package: Path) -> str:
    try:
        with opened_file(package) as file:
            statement = read_package(file, str(package)).manifest.statement
    except AccordError:
        return ""
    return f" to {statement.recipient.partner}, {statement.country}, of {statement.made_at:%Y-%m-%d}"
