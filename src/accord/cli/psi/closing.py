"""Sessions listed, and ended: the key goes first, then the books and the ledger say so."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from accord.access.consultations import Processing, record
from accord.check.psi.sessions import Session, close_session, find_session, sessions
from accord.cli.acting import Actor, acting
from accord.cli.ledgers.opening import publish
from accord.cli.psi.places import FOLDER, destroy_key, place_of_session
from accord.cli.register.registering import opened
from accord.cli.releases.desk import Desk, desk
from accord.cli.terminal import say, say_json, show_table, talk
from accord.journal import book
from accord.release.recall import notices
from accord.vocabulary.errors import AccordError, BusyError
from accord.workspace.database import Database


def list_all(folder: Path, *, as_json: bool) -> None:
    """Print all sessions."""
    now = datetime.now(UTC)
    with opened(folder) as database, database.reading() as connection:
        now = book.later(connection, now)
        found = sessions(connection)
    if as_json:
        say_json([told(one, now) for one in found])
        return
    if not found:
        say("No session was made yet: `accord psi open` makes one.")
        return
    show_table(
        [
            ("session", False),
            ("organisation", False),
            ("epoch", True),
            ("ends (UTC)", False),
            ("state", False),
            ("budget", True),
            ("spent", True),
            ("entry", True),
        ],
        [
            (
                str(one.id),
                one.commitment.organisation,
                one.commitment.epoch,
                f"{one.commitment.ends:%Y-%m-%d %H:%M}",
                state_of(one, now),
                one.commitment.budget,
                one.spent,
                one.entry,
            )
            for one in found
        ],
        wide=True,
    )


def state_of(one: Session, now: datetime) -> str:
    """In a word or two."""
    if one.closed_at is not None:
        return "closed"
    return "over" if one.is_over(now) else "open"


def told(one: Session, now: datetime) -> dict[str, object]:
    """For programs."""
    said = one.commitment
    return {
        "session": str(one.id),
        "organisation": said.organisation,
        "country": said.country,
        "purpose": said.purpose,
        "operation": one.operation,
        "epoch": said.epoch,
        "begins": said.begins.isoformat(),
        "ends": said.ends.isoformat(),
        "state": state_of(one, now),
        "budget": said.budget,
        "spent": one.spent,
        "entries_of_set": said.entries,
        "public_key": said.public_key,
        "set_sha256": said.set_sha256,
        "digest": said.digest,
        "entry": one.entry,
        "disclosure": str(one.disclosure),
    }


def close_one(folder: Path, name: str, *, person: str | None, why: str | None) -> None:
    """End a session by its id or the beginning of it. Raises AccordError."""
    with desk(folder, acting(person, why)) as hub:
        with hub.ledger.database.reading() as connection:
            one = find_session(connection, name)
        if one.closed_at is None:
            end_session(hub, one)
        # also where it was ended by somebody who was killed before it was published
        publish(hub.ledger, datetime.now(UTC))
    if one.closed_at is not None:
        say(f"Session {one.id} was ended on {one.closed_at:%Y-%m-%d %H:%M} UTC.")
        return
    say(f"Session {one.id} of {one.commitment.organisation} is ended, and its key destroyed.")


def due(connection: Connection, now: datetime) -> list[Session]:
    """The sessions whose keys are to be destroyed: their time is over, or a recall concerns what is in them."""
    return [
        one
        for one in sessions(connection, unclosed=True)
        if one.is_over(now) or notices(connection, disclosure=one.disclosure)
    ]


def end_over(hub: Desk, now: datetime) -> list[Session]:
    """End every session that is to be ended; those that were."""
    with hub.ledger.database.reading() as connection:
        found = due(connection, now)
    return [end_session(hub, one) for one in found]


def any_due(database: Database) -> bool:
    """Is there a session whose key is to be destroyed?"""
    with database.reading() as connection:
        return bool(due(connection, book.later(connection, datetime.now(UTC))))


def end_ended(folder: Path, actor: Actor) -> list[str]:
    """End what is over; the ids of those sessions. Raises AccordError."""
    with opened(folder) as database:
        if not any_due(database):
            return []
    with desk(folder, actor) as hub:
        with hub.ledger.database.reading() as connection:
            now = book.later(connection, datetime.now(UTC))
        ended = end_over(hub, now)
        publish(hub.ledger, datetime.now(UTC))
    return [str(one.id) for one in ended]


def keep_ended(folder: Path, actor: Actor, told: str | None = None) -> str | None:
    """End what is over, and say so; what stands in the way, which is said unless it is what was told before."""
    try:
        for name in end_ended(folder, actor):
            talk(f"session {name} is over, and its key destroyed")
    except BusyError:
        # whoever is at it, or the next look, ends it
        return told
    except AccordError as error:
        if str(error) != told:
            talk(f"sessions cannot be ended: {error}")
        return str(error)
    return None


def end_session(hub: Desk, one: Session) -> Session:
    """Destroy a session's key, then say so in the books and the ledger."""
    destroy_key(hub.workspace.root, place_of_session(hub.workspace.root, one.id))
    with hub.ledger.database.writing() as connection:
        at = book.moment(connection, datetime.now(UTC))
        (entry,) = book.kept(connection, [one.entry])
        opens_at = None if entry.opens_at is None else max(at, entry.opens_at)
        closed = close_session(connection, one, at=at, draw=secrets.token_bytes, opens_at=opens_at)
        record(
            connection,
            Processing.ERASURE,
            person=hub.actor.person,
            justification=hub.actor.justification or "the session is over",
            object=f"psi {one.id}",
            recipients=[one.commitment.organisation],
            now=at,
        )
    return closed


def remove_unknown(hub: Desk) -> None:
    """Remove what was made for a session that was never committed: nothing of it was ever handed out."""
    folder = hub.workspace.root / FOLDER
    if not folder.is_dir():
        return
    with hub.ledger.database.reading() as connection:
        known = {str(one.id) for one in sessions(connection, unclosed=True)}
    for path in folder.iterdir():
        if path.is_dir() and path.name not in known:
            destroy_key(hub.workspace.root, path)
