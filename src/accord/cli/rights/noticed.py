"""Notices of recalls as their recipients' systems ask for them, and the answers that these send."""

import threading
from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import Connection

from accord.access.clients import Client
from accord.agreements.declarations import PartnerId
from accord.agreements.register import load_register
from accord.cli.deliveries.settling import working
from accord.cli.hub import opened_hub
from accord.cli.rights.recalling import folder_of, retention_over, take_in, verify_answer, zipped
from accord.journal import book
from accord.release.notices import parse_acknowledgement, read_notice
from accord.release.recall import AnsweredBy, SentNotice, notices, record_fetched, supplier_notices
from accord.vocabulary.errors import MalformedError, SettingsError, UnprovenError
from accord.web.problems import ProblemError
from accord.workspace.database import Database
from accord.workspace.store import Workspace

_NONE = "There is no such notice of yours."


class Noticed:
    """What partners ask of notices, and answer to them."""

    def __init__(self, workspace: Workspace, database: Database, taking: threading.Lock) -> None:
        """`taking`: held while the workspace is."""
        self._workspace, self._database, self._taking = workspace, database, taking

    def waiting(self, client: Client, after: str, limit: int, now: datetime) -> tuple[list[dict[str, object]], bool]:
        """A page of the notices that a partner has still to answer, by name."""
        with self._database.reading() as connection:
            found = {name_of(one): one for one in _waiting(connection, self._workspace, client, now)}
        page = sorted(name for name in found if name > after)
        return [_told(name, found[name], now) for name in page[:limit]], len(page) > limit

    def fetch(self, recall: UUID, package: UUID, client: Client, now: datetime) -> bytes:
        """A notice's folder, packed; that its recipient has asked for it is kept. Raises ProblemError."""
        with self._database.reading() as connection:
            notice = _find(connection, self._workspace, recall, package, client)
        packed = zipped(self._workspace, notice)
        if notice.fetched_at is None:
            with self._database.writing() as connection:
                record_fetched(connection, notice, book.moment(connection, now))
        return packed

    def answer(self, body: bytes, client: Client) -> dict[str, object]:
        """Take in what a partner has signed. Raises ProblemError, and AccordError when it cannot be taken in now."""
        try:
            said = parse_acknowledgement(body)
        except MalformedError as error:
            raise ProblemError(
                HTTPStatus.UNPROCESSABLE_ENTITY, "The body is no signed answer to a notice of a recall."
            ) from error
        with self._database.reading() as connection:
            notice = _find(connection, self._workspace, said.recall, said.package, client)
            register = load_register(connection)
        try:
            verify_answer(register, notice, body)
        except SettingsError as error:
            raise ProblemError(
                HTTPStatus.FORBIDDEN, "The hub knows no key with which you sign answers: tell it your key."
            ) from error
        except (MalformedError, UnprovenError) as error:
            raise ProblemError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "It is not signed with the key that the hub knows as yours, or answers another notice than that.",
            ) from error
        # who answers holds the workspace one at a time, and whoever works there waits for one and not for all of them
        with self._taking, opened_hub(self._workspace.root, to_write=True) as hub, working(hub.workspace, hub.database):
            hub.ledger.verify_standing()
            # whose key it is may have changed while others were before
            with hub.database.reading() as connection:
                verify_answer(load_register(connection), notice, body)
            fresh = take_in(hub, notice, said.answer, said.note, signed=body, by=AnsweredBy.HTTP, now=datetime.now(UTC))
        return {
            "recall": str(notice.recall),
            "package": str(notice.disclosure),
            "answer": said.answer.value,
            "new": fresh,
        }


def name_of(one: SentNotice) -> str:
    """By what a notice is asked for."""
    return f"{one.recall}.{one.disclosure}"


def _mine(connection: Connection, workspace: Workspace, client: Client) -> tuple[SentNotice, ...]:
    """The notices of a partner that were written: what is recorded first is told of when it is whole."""
    mine = PartnerId(client.partner)
    found = (*notices(connection, recipient=mine), *supplier_notices(connection, recipient=mine))
    return tuple(one for one in found if not one.public and folder_of(workspace, one).is_dir())


def _waiting(connection: Connection, workspace: Workspace, client: Client, now: datetime) -> tuple[SentNotice, ...]:
    found = [one for one in _mine(connection, workspace, client) if one.answer is None]
    over = retention_over(load_register(connection), connection, found, now)
    return tuple(one for one in found if one.disclosure not in over)


def _find(connection: Connection, workspace: Workspace, recall: UUID, package: UUID, client: Client) -> SentNotice:
    for one in _mine(connection, workspace, client):
        if (one.recall, one.disclosure) == (recall, package):
            return one
    raise ProblemError(HTTPStatus.NOT_FOUND, _NONE)


def _told(name: str, one: SentNotice, now: datetime) -> dict[str, object]:
    # its own bytes, which the hub has signed
    said = read_notice(one.notice)
    return {
        "name": name,
        "recall": str(one.recall),
        "package": str(one.disclosure),
        "kind": said.kind.value,
        "reason": said.reason,
        "findings": said.findings,
        "supplied": one.supplier,
        "entry": one.entry,
        "at": _time(said.at),
        "due": _time(one.due),
        "overdue": one.overdue(now),
    }


def _time(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
