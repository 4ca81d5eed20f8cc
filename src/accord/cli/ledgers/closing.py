"""Destroying what opens a field of an entry, because it must go: the log verifies as before, and nobody opens it again.

Recorded first, in one transaction: the opening goes, an entry says so, and a row in the log of consultations says who
did it. Then the hub's copies of it go: in notices, in the package that was handed over, in the database's freed pages.
Killed in between, the same command goes on, and enters nothing twice.
"""

import secrets
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select

from accord.access.consultations import Processing, record
from accord.cli.acting import Actor
from accord.cli.deliveries.settling import working
from accord.cli.hub import OpenHub, opened_hub
from accord.cli.ledgers.opening import publish
from accord.cli.releases.handed import PACKAGE, RELEASES
from accord.cli.rights.holders import put_in_place
from accord.cli.rights.recalling import OPENINGS, folder_of
from accord.cli.terminal import say
from accord.journal import book
from accord.journal.facts import NAMES, PUBLIC, Fact, Kind
from accord.journal.taking_back import counterparts
from accord.ledger.commitments import encode_openings
from accord.release.disclosures import Disclosure, disclosures
from accord.release.recall import notices, supplier_notices
from accord.vocabulary.errors import SettingsError
from accord.workspace.schema import JOURNAL_ENTRIES
from accord.workspace.store import errors_named


def forget(folder: Path, number: int, field: str, actor: Actor, *, now: datetime) -> None:
    """Destroy what opens a field of an entry. Raises SettingsError when it is public, or stands in what waits."""
    if field not in NAMES:
        raise SettingsError(
            "An entry has no such field.",
            where="FIELD",
            expected=", ".join(NAMES),
            got=field,
            remedy="name one of these: each stands with what it says in `accord ledger list --json`",
        )
    if not actor.justification:
        raise SettingsError("What cannot be undone needs a reason.", where="--why", expected="why it must go")
    with opened_hub(folder, to_write=True) as hub, working(hub.workspace, hub.database):
        hub.ledger.verify_standing()
        with hub.database.writing() as connection:
            (entry,) = book.kept(connection, [number])
            package = _package(connection, number)
            fresh = field in {one.name for one in entry.openings}
            if fresh:
                _refuse_public(connection, number, field)
                _refuse_waiting(package, number)
                _record(connection, number, field, actor, now)
            (left,) = book.kept(connection, [number])
            told = [one for one in (*notices(connection), *supplier_notices(connection)) if one.entry == number]
        for one in told:
            _rewrite(hub, folder_of(hub.workspace, one) / OPENINGS, encode_openings(left.openings))
        gone = package is not None and _remove(hub.workspace.root / RELEASES / str(package.id) / PACKAGE)
        publish(hub.ledger, now)
        hub.database.forget()
    say(
        f"entry {number}: {field} "
        + ("is destroyed; nobody can open it any more." if fresh else "was destroyed before.")
    )
    if gone:
        say("The hub's copy of the package that held it is gone, too; what its recipient has is the recipient's.")


def _refuse_public(connection: Connection, number: int, field: str) -> None:
    wanted = select(JOURNAL_ENTRIES.c.opened_at).where(JOURNAL_ENTRIES.c.number == number)
    opened = connection.execute(wanted).scalar_one()
    if field in PUBLIC and opened is not None:
        raise SettingsError(
            "The field is public: everybody may have a copy of what opens it, and nothing takes that back.",
            where=f"entry {number}: {field}",
            expected=f"one that is not for everybody ({', '.join(sorted({*NAMES} - PUBLIC))}), or an entry that is "
            "still closed",
            got=f"opened on {opened:%Y-%m-%d %H:%M} UTC",
        )


def _refuse_waiting(package: Disclosure | None, number: int) -> None:
    if package is not None and package.waits:
        raise SettingsError(
            "The entry stands in a package that was not handed over yet, and whose recipient must be able to open it.",
            where=f"entry {number}: release {package.id}",
            remedy="`accord release hand-over` first",
        )


def _package(connection: Connection, number: int) -> Disclosure | None:
    """The package that holds an entry's openings; None: none does."""
    found = (one for one in disclosures(connection) if number in one.entries and one.channel is None)
    return next(found, None)


def _record(connection: Connection, number: int, field: str, actor: Actor, now: datetime) -> None:
    at = book.moment_meanwhile(connection, now)
    # an entry that takes it back says the same, and counts only together with it
    for each in (number, *counterparts(connection, number)):
        book.destroy(connection, [each], [field])
        fact = Fact(kind=Kind.ERASURE, at=at, count=1, refers=each)
        book.append(connection, [fact], draw=secrets.token_bytes, opens_at=at, reference=f"entry {each} {field}")
        record(
            connection,
            Processing.ERASURE,
            person=actor.person,
            justification=actor.justification,
            object=f"entry {each} {field}",
            now=at,
        )


def _rewrite(hub: OpenHub, path: Path, data: bytes) -> None:
    """Let a notice's openings be those that are left; its folder may not be written yet."""
    if not path.exists() or path.read_bytes() == data:
        return
    with hub.workspace.staging() as staging, errors_named(hub.workspace.root):
        (staging / OPENINGS).write_bytes(data)
        put_in_place(staging / OPENINGS, path)


def _remove(path: Path) -> bool:
    if not path.exists():
        return False
    with errors_named(path):
        path.unlink()
    return True
