"""The workspace as organisations ask it: what `check.psi.server` wants done."""

import os
import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection

from accord.access.clients import Client
from accord.access.consultations import Processing, record
from accord.agreements.register import load_register
from accord.check.psi.commitment import Offer
from accord.check.psi.group import UNIFORM_BYTES, scalar_of
from accord.check.psi.server import Keys
from accord.check.psi.sessions import Session, Spent, look, sessions, spend
from accord.cli.ledgers.opening import publish
from accord.cli.psi.places import place_of_session, read_key
from accord.cli.releases.handed import RELEASES, SHOWN
from accord.cli.services.opened import Opened, Shared
from accord.cli.terminal import counted
from accord.journal.book import kept, later
from accord.journal.keeping import Ledger, open_ledger
from accord.ledger.commitments import encode_openings
from accord.operations.declaration import Recipient
from accord.release.basis import parse_basis
from accord.release.disclosures import Disclosure, load_disclosure, record_hand_over
from accord.release.question import Audience, Release
from accord.release.recall import notices
from accord.release.rules import decide
from accord.vocabulary.errors import UnprovenError, UnreadableError
from accord.web.problems import ProblemError

PUBLISH_AGAIN_S = 60.0
"""Seconds after which witnesses that were silent are asked again."""

_NO_SESSION = "There is no session of yours: ask the hub for one."
_NOT_YET = "The session cannot be used yet: the ledger's witnesses have not cosigned it."
_ENDED = "The session is over: what is in it may not be told any more."


class PsiDesk:
    """Opened by who asks first."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._lock = threading.Lock()
        self._tried: float | None = None

    def now(self) -> datetime:
        """The clock; one that was set back brings back no session that is over."""
        with self._shared.database.reading() as connection:
            return later(connection, datetime.now(UTC))

    def enter(self, headers: Mapping[str, str], address: str, now: datetime) -> Client:
        """Who asks."""
        return self._shared.entrance.enter(headers, address, now)

    def offer(self, client: Client, now: datetime) -> Offer:
        """The session that an organisation has, with the proof of its entry."""
        with self._shared.database.reading() as connection:
            mine = [one for one in sessions(connection, organisation=client.partner) if one.closed_at is None]
        if not mine:
            raise ProblemError(HTTPStatus.NOT_FOUND, _NO_SESSION)
        (one,) = mine
        with self._shared.database.reading() as connection:
            disclosure = self._demand_usable(connection, one, now)
            (entry,) = kept(connection, [one.entry])
        proof = self._proof(one)
        self._handed_over(disclosure, now)
        return Offer(
            document=one.commitment.encode(),
            entry=entry.entry,
            openings=encode_openings(entry.openings),
            proof=proof,
            left=one.left,
        )

    def folder(self, session: UUID, client: Client, now: datetime) -> Path:
        """Where the set of a session lies, that may be used."""
        place = place_of_session(self._shared.workspace.root, session)
        self._usable(session, client, now)
        return place

    def keys(self, session: UUID, client: Client, now: datetime) -> Keys:
        """The keys of a session that may be used; the secret is read anew each time: it is gone with its file."""
        one = self._usable(session, client, now)
        try:
            secret = read_key(place_of_session(self._shared.workspace.root, session))
        except UnreadableError:
            raise ProblemError(HTTPStatus.GONE, _ENDED) from None
        return Keys(secret=secret, public=bytes.fromhex(one.commitment.public_key))

    def look(self, session: UUID, request: UUID, *, digest: str, elements: int) -> Spent:
        """What would become of spending; nothing is written."""
        with self._shared.database.reading() as connection:
            at = later(connection, datetime.now(UTC))
            return look(connection, session, request, digest=digest, elements=elements, at=at)

    def spend(self, session: UUID, request: UUID, *, digest: str, elements: int, client: Client) -> Spent:
        """Spend of the budget, unless the session is over by now; who asked about how many is logged with it, also
        where it was asked before."""
        with self._shared.database.writing() as connection:
            at = later(connection, datetime.now(UTC))
            spent = spend(connection, session, request, digest=digest, elements=elements, at=at)
            if spent in {Spent.NEW, Spent.AGAIN}:
                again = ", again" if spent is Spent.AGAIN else ""
                record(
                    connection,
                    Processing.CONSULTATION,
                    person=client.person,
                    justification=f"private set intersection, {client.name}",
                    object=f"psi {session}: {counted(elements, 'value')}{again}",
                    recipients=[client.partner],
                    now=at,
                )
            return spent

    def random_scalar(self) -> bytes:
        """Drawn from the system."""
        return scalar_of(secrets.token_bytes(UNIFORM_BYTES))

    @property
    def _shared(self) -> Shared:
        return self._opened.get()

    def _usable(self, session: UUID, client: Client, now: datetime) -> Session:
        with self._shared.database.reading() as connection:
            mine = [one for one in sessions(connection, organisation=client.partner) if one.id == session]
            if not mine:
                # nobody learns that others have one
                raise ProblemError(HTTPStatus.NOT_FOUND, _NO_SESSION)
            disclosure = self._demand_usable(connection, mine[0], now)
        self._proof(mine[0])
        self._handed_over(disclosure, now)
        return mine[0]

    def _demand_usable(self, connection: Connection, one: Session, now: datetime) -> Disclosure:
        """Raise ProblemError unless its time lasts, no recall concerns it, and every rule permits it still."""
        if one.is_over(now):
            raise ProblemError(HTTPStatus.GONE, "The session is over.")
        disclosure = load_disclosure(connection, one.disclosure)
        if notices(connection, disclosure=disclosure.id) or not self._permitted(connection, disclosure, now):
            raise ProblemError(HTTPStatus.GONE, _ENDED)
        return disclosure

    def _permitted(self, connection: Connection, disclosure: Disclosure, now: datetime) -> bool:
        register = load_register(connection)
        if disclosure.basis is None or disclosure.recipient not in register.partners:
            return False
        basis = parse_basis(disclosure.basis)
        recipient = Recipient(
            partner=register.partners[disclosure.recipient],
            country=disclosure.country,
            persons=(),
            languages=(),
            encrypted=True,
            clients=basis.clients,
        )
        audience = Audience(recipients=(recipient,), encrypted=True, by_token=True)
        area = self._shared.declared.hub.legal_area
        release = Release(register=register, purpose=disclosure.purpose, at=now, legal_area=area)
        items = [one.item(register) for one in basis.classes]
        return all(item is not None and decide(item, audience, release).permitted for item in items)

    def _proof(self, one: Session) -> bytes:
        """The proof of a session's entry, for the policy that holds. Raises ProblemError while it is not cosigned."""
        ledger = self._ledger()
        if not ledger.standing().covers(one.entry):
            self._publish(ledger)
        try:
            return ledger.prove(one.entry).encode()
        except (UnprovenError, UnreadableError):
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, _NOT_YET) from None

    def _ledger(self) -> Ledger:
        return open_ledger(self._shared.declared.ledger, self._shared.database)

    def _publish(self, ledger: Ledger) -> None:
        """Ask witnesses once more, now and then."""
        with self._lock:
            now = time.monotonic()
            if self._tried is not None and now - self._tried < PUBLISH_AGAIN_S:
                return
            self._tried = now
        publish(ledger, datetime.now(UTC))

    def _handed_over(self, disclosure: Disclosure, now: datetime) -> None:
        """Record that the organisation can have it from now on."""
        if disclosure.handed_over_at is not None:
            return
        # before it is told: a database that is restored afterwards is held against this
        place = self._shared.workspace.root / RELEASES / str(disclosure.id) / SHOWN
        with suppress(FileNotFoundError), place.open("wb") as file:
            os.fsync(file.fileno())
        with self._shared.database.writing() as connection:
            record_hand_over(connection, disclosure, now)
