"""The TAXII 2.1 server: a hub's channels as collections that members poll, and data sets to which partners add.

What a request is answered is worked out by `Server.answer`, which knows no server software; `mounted` is it as ASGI.
No collection is both: what is in a channel comes through a release, and what is added is a delivery (docs/taxii.md).
"""

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Protocol, TypeVar

import msgspec
from sqlalchemy import Connection, func, select

from accord.access.clients import Client
from accord.access.consultations import Processing, record
from accord.access.tokens import Scope
from accord.agreements.agreement import Register
from accord.agreements.declarations import PartnerId
from accord.agreements.register import load_register
from accord.exchange.taxii.adds import LONGEST_BODY, Desk, Target, read_envelope, status_of
from accord.exchange.taxii.collections import Page, find_page, is_there, write_time
from accord.exchange.taxii.filters import MOST, Filters, read_filters, write_next
from accord.exchange.taxii.messages import MEDIA_TYPE, STIX_MEDIA_TYPE, Answer, TaxiiError, demand_acceptable
from accord.exchange.taxii.routes import API_ROOT, ROOT, methods_of
from accord.journal.book import later
from accord.release.channels import Channel, ChannelId, Member, load_channels
from accord.release.handing import channel_handling
from accord.release.question import Release
from accord.release.sights import Sight, sight
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.errors import AccordError
from accord.web import asgi
from accord.web.entrance import Entrance, NotLetInError
from accord.web.problems import ProblemError
from accord.web.unread import WAIT_S, WORDS, Unread
from accord.workspace.database import Database
from accord.workspace.schema import CHANGES, CHANNEL_POLICIES, JOURNAL_ENTRIES

MOST_BODIES = 32
"""Bodies that are kept at a time while they come in and are worked on."""

MOST_OF_ONE = 16
"""Of them of one client: who sends slowly keeps nobody else from adding."""

THREADS = 6
"""Requests that are answered at a time: as many as may wait for the database."""

_Result = TypeVar("_Result")

_LAST = select(JOURNAL_ENTRIES.c.at).order_by(JOURNAL_ENTRIES.c.number.desc()).limit(1)
_STATE = select(
    select(func.max(CHANGES.c.number)).scalar_subquery(),
    # it grows with each new one
    select(func.max(CHANNEL_POLICIES.c.number)).scalar_subquery(),
    _LAST.scalar_subquery(),
)

_OBJECT_ID = re.compile(r"[a-z0-9-]{1,250}--[0-9a-f-]{36}")

Prepare = Callable[[Connection, datetime, str], None]
"""What must be done before anything is read: (connection of a writer, now, who asks)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request."""

    method: str
    path: str
    query: bytes
    headers: Mapping[str, str]
    """By lower-case names; those that come once."""
    body: bytes = b""
    address: str = ""
    """Whence it came."""
    client: Client | None = None
    """Who asks, where that was found out before the body was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """What outsiders are told of the hub, and where personal data move as at home."""

    title: str
    contact: str
    legal_area: frozenset[CountryCode]


class Server:
    """Answers TAXII requests from a workspace's database."""

    def __init__(self, database: Database, hub: Hub, *, entrance: Entrance, prepare: Prepare, desk: Desk) -> None:
        self._database = database
        self._entrance = entrance
        self._desk = desk
        self._hub = hub
        self._prepare = prepare
        self._known = _Known()

    def greet(self, asked: Question) -> Client | Answer:
        """Who asks, or how they are refused, before the body of what they ask is read."""
        return _said(lambda: self._enter(asked, datetime.now(UTC)))

    def answer(self, asked: Question) -> Answer:
        """The answer to a request; whatever is wrong with it is said as TAXII says it."""
        return _said(lambda: self._answer(asked))

    def _enter(self, asked: Question, now: datetime) -> Client:
        return asked.client or self._entrance.enter(asked.headers, asked.address, now)

    def _answer(self, asked: Question) -> Answer:
        now = datetime.now(UTC)
        client = self._enter(asked, now)
        return replace(self._answer_client(asked, client, now), person=client.person)

    def _answer_client(self, asked: Question, client: Client, now: datetime) -> Answer:
        path = [one for one in asked.path.removeprefix(ROOT.rstrip("/")).split("/") if one]
        methods = methods_of(path)
        if not methods:
            raise TaxiiError(HTTPStatus.NOT_FOUND)
        if asked.method not in methods:
            raise TaxiiError(HTTPStatus.METHOD_NOT_ALLOWED, headers={"allow": ", ".join(methods)})
        demand_acceptable(asked.headers.get("accept"))
        match path:
            case []:
                return _json(self._discovery())
            case ["hub"]:
                return _json(self._root())
            case ["hub", "collections"]:
                return self._collections(client, now)
            case ["hub", "markings"]:
                return self._markings(client, now)
            case ["hub", "status", name]:
                return self._status(client, name)
            case ["hub", "collections", name, *rest]:
                try:
                    target = self._target(client, name)
                    if target is not None:
                        return self._write_only(client, target, rest, asked, now)
                    if asked.method not in {"GET", "HEAD"}:
                        return self._refused(client, name)
                    return self._collection(client, name, rest, asked, now)
                except TaxiiError as refusal:
                    if refusal.status in {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN}:
                        self._log_refused(client, name, refusal, now)
                    raise
            case _:
                raise TaxiiError(HTTPStatus.NOT_FOUND)

    def _discovery(self) -> dict[str, object]:
        return {
            "title": self._hub.title,
            "contact": self._hub.contact,
            "default": API_ROOT,
            "api_roots": [API_ROOT],
        }

    def _root(self) -> dict[str, object]:
        return {"title": self._hub.title, "versions": [MEDIA_TYPE], "max_content_length": LONGEST_BODY}

    def _collections(self, client: Client, now: datetime) -> Answer:
        with self._database.reading() as connection:
            mine = [
                self._described(connection, one, member, now)
                for one in load_channels(connection).values()
                if (member := _member(one, client)) is not None
            ]
        told = [*mine, *(one.told() for one in self._targets(client))]
        return _json({"collections": told} if told else {})

    def _described(self, connection: Connection, channel: Channel, member: Member, now: datetime) -> dict[str, object]:
        """A channel as a collection; its description ends with what agreements ask of the member that asks."""
        release = Release(
            register=load_register(connection),
            purpose=channel.purpose,
            at=later(connection, now),
            legal_area=self._hub.legal_area,
        )
        handling = channel_handling(channel, member, release)
        lines = [] if channel.description is None else [channel.description]
        if handling is not None:
            lines.append(f"How agreements say to handle what comes from here: {'; '.join(handling.words)}")
        return {
            "id": str(channel.collection),
            "title": channel.title,
            **({"description": "\n".join(lines)} if lines else {}),
            "alias": channel.id,
            "can_read": True,
            "can_write": False,
            "media_types": [STIX_MEDIA_TYPE],
        }

    def _targets(self, client: Client) -> Sequence[Target]:
        return self._desk.targets(client.partner) if Scope.WRITE in client.scopes else ()

    def _target(self, client: Client, name: str) -> Target | None:
        return next((one for one in self._targets(client) if name in {str(one.id), one.alias}), None)

    def _write_only(self, client: Client, target: Target, rest: list[str], asked: Question, now: datetime) -> Answer:
        if not rest and asked.method != "POST":
            return _json(target.told())
        if asked.method == "DELETE":
            raise TaxiiError(HTTPStatus.FORBIDDEN, "What was delivered is taken back by a recall: ask the hub for it.")
        if asked.method != "POST":
            raise TaxiiError(HTTPStatus.FORBIDDEN, "The collection is write only.")
        envelope = read_envelope(asked.body, asked.headers.get("content-type"))
        with self._database.reading() as connection:
            now = later(connection, now)
        added = self._desk.accept(target, asked.body, client, now)
        return replace(_json(status_of(added, envelope)), status=HTTPStatus.ACCEPTED)

    def _status(self, client: Client, name: str) -> Answer:
        added = self._desk.find(client.partner, name) if Scope.WRITE in client.scopes else None
        if added is None:
            raise TaxiiError(HTTPStatus.NOT_FOUND, "There is no such status.")
        return _json(status_of(added, read_envelope(added.body, MEDIA_TYPE)))

    def _markings(self, client: Client, now: datetime) -> Answer:
        """The marking-definitions of what a client may see, each once: an extension of ours."""
        wanted = Filters(types=("marking-definition",), limit=MOST)
        found: dict[str, str] = {}
        with self._database.writing() as connection:
            known = self._known.moment(connection, now)
            self._prepare(connection, known.now, client.person)
            for channel in known.channels.values():
                member = _member(channel, client)
                if member is not None:
                    seen = self._known.sight(connection, channel, member, self._hub.legal_area, known)
                    found |= {one.object: one.content for one in find_page(connection, seen, wanted).rows}
            _log(connection, f"markings: {len(found)}", client, known.now)
        objects = [msgspec.Raw(found[one].encode()) for one in sorted(found)]
        return _json({"more": False, "objects": objects} if objects else {"more": False})

    def _refused(self, client: Client, name: str) -> Answer:
        with self._database.reading() as connection:
            _channel(load_channels(connection), client, name)
        raise TaxiiError(HTTPStatus.FORBIDDEN, "A channel is read only: what is in it comes through a release.")

    def _log_refused(self, client: Client, name: str, refusal: TaxiiError, now: datetime) -> None:
        """Who was refused what; what is not there is not named, because it is anything that a client writes."""
        target = self._target(client, name)
        with self._database.writing() as connection:
            channel = next((one for one in load_channels(connection).values() if _is_called(one, name)), None)
            called = "a channel that is not there" if channel is None else f"channel {channel.id}"
            called = called if target is None else f"adds to data set {target.dataset}"
            _log(
                connection,
                f"{called}: refused, {refusal.status.value} {refusal.status.phrase}",
                client,
                later(connection, now),
            )

    def _collection(self, client: Client, name: str, rest: list[str], asked: Question, now: datetime) -> Answer:
        if not rest:
            with self._database.reading() as connection:
                channel, member = _channel(load_channels(connection), client, name)
                return _json(self._described(connection, channel, member, now))
        filters = read_filters(asked.query)
        if rest[0] == "objects" and len(rest) > 1:
            filters = _of_object(filters, rest[1])
        if rest[2:] == ["versions"]:
            filters = replace(filters, versions=("all",))
        full = rest[0] == "objects" and len(rest) < 3
        with self._database.writing() as connection:
            # what is shown and what is logged are of one moment
            known = self._known.moment(connection, now)
            self._prepare(connection, known.now, client.person)
            channel, member = _channel(known.channels, client, name)
            seen = self._known.sight(connection, channel, member, self._hub.legal_area, known)
            if len(rest) > 1 and not is_there(connection, seen, rest[1]):
                raise TaxiiError(HTTPStatus.NOT_FOUND, "There is no such object.")
            page = find_page(connection, seen, filters, content=full)
            _log(connection, _looked_at(channel, filters, page), client, known.now)
        told = _told(rest, page)
        if page.more:
            told = {"more": True, "next": write_next(page.rows[-1].added), **told}
        elif rest[0] != "manifest" or page.rows:
            told = {"more": False, **told}
        headers = {}
        if page.rows:
            headers = {
                "x-taxii-date-added-first": write_time(page.rows[0].added),
                "x-taxii-date-added-last": write_time(page.rows[-1].added),
            }
        return _json(told, headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """When a question is answered, and what is so then."""

    now: datetime
    """A clock that was set back brings back no agreement that has ended."""
    changes: int
    """How often the register and the channels were changed."""
    policies: int
    channels: Mapping[ChannelId, Channel]


class _Known:
    """What a member sees, worked out once a second while nothing changes that it follows from."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: tuple[int, Mapping[ChannelId, Channel]] | None = None
        self._register: tuple[int, Register] | None = None
        self._sights: dict[tuple[object, ...], Sight] = {}

    def moment(self, connection: Connection, now: datetime) -> _Moment:
        """What is so at a moment, asked at once: each question is waited for."""
        changes, policies, last = connection.execute(_STATE).one()
        changes = changes or 0
        with self._lock:
            channels = self._channels
        if channels is None or channels[0] != changes:
            channels = changes, load_channels(connection)
            with self._lock:
                self._channels = channels
        now = now if last is None else max(now, last)
        return _Moment(now=now, changes=changes, policies=policies or 0, channels=channels[1])

    def sight(
        self,
        connection: Connection,
        channel: Channel,
        member: Member,
        legal_area: frozenset[CountryCode],
        known: _Moment,
    ) -> Sight:
        key = (channel, member, known.changes, known.policies, int(known.now.timestamp()))
        with self._lock:
            register = self._register
            found = self._sights.get(key)
        if found is not None:
            return found
        if register is None or register[0] != known.changes:
            register = known.changes, load_register(connection)
        release = Release(register=register[1], purpose=channel.purpose, at=known.now, legal_area=legal_area)
        found = sight(connection, channel, member, release)
        with self._lock:
            self._register = register
            # of another second, or of what has changed since
            self._sights = {each: one for each, one in self._sights.items() if each[2:] == key[2:]}
            self._sights[key] = found
        return found


def _member(channel: Channel, client: Client) -> Member | None:
    return channel.member(PartnerId(client.partner)) if Scope.READ in client.scopes else None


def _channel(channels: Mapping[ChannelId, Channel], client: Client, name: str) -> tuple[Channel, Member]:
    """A collection of the holder's. Raises TaxiiError (404): what it may not see does not exist for it."""
    for one in channels.values():
        member = _member(one, client)
        if member is not None and _is_called(one, name):
            return one, member
    raise TaxiiError(HTTPStatus.NOT_FOUND, "There is no such collection.")


def _is_called(channel: Channel, name: str) -> bool:
    """By its id or its alias (TAXII 2.1, 5.2)."""
    return name in {str(channel.collection), channel.id}


def _of_object(filters: Filters, name: str) -> Filters:
    if _OBJECT_ID.fullmatch(name) is None:
        raise TaxiiError(HTTPStatus.NOT_FOUND, "There is no such object.")
    return replace(filters, ids=(name,), types=())


def _told(rest: list[str], page: Page) -> dict[str, object]:
    if not page.rows:
        return {}
    if rest[0] == "manifest":
        entries = [
            {
                "id": one.object,
                "date_added": write_time(one.added),
                "version": one.version,
                "media_type": STIX_MEDIA_TYPE,
            }
            for one in page.rows
        ]
        return {"objects": entries}
    if len(rest) == 3:
        return {"versions": [one.version for one in page.rows]}
    return {"objects": [msgspec.Raw(one.content.encode()) for one in page.rows]}


def _looked_at(channel: Channel, asked: Filters, page: Page) -> str:
    """How the log names a look: without values, of which ids are digests."""
    count = len(page.rows)
    after = f" after {write_time(asked.after)}" if asked.after >= 0 else ""
    return f"channel {channel.id}: {count:,} {'object' if count == 1 else 'objects'}{after}"


def _log(connection: Connection, what: str, client: Client, now: datetime) -> None:
    """Who looked, for which partner, at what."""
    record(
        connection,
        Processing.CONSULTATION,
        person=client.person,
        justification=f"TAXII, {client.name}",
        object=what,
        recipients=[client.partner],
        now=now,
    )


def _json(told: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(body=msgspec.json.encode(told), headers=headers or {})


def error_of(status: int, detail: str | None) -> tuple[str, bytes]:
    """What is answered under ROOT when a request is refused before it is read: media type and body."""
    refused = TaxiiError(HTTPStatus(status), detail).answer
    return refused.media_type, refused.body


def _said(answered: Callable[[], _Result]) -> _Result | Answer:
    """What comes of a request, or the error message that tells what is wrong with it."""
    try:
        return answered()
    except TaxiiError as refusal:
        return refusal.answer
    except NotLetInError as refusal:
        return TaxiiError(refusal.status, refusal.words, refusal.headers).answer
    except AccordError:
        return _not_now("It cannot be answered now.", 30)


def _not_now(words: str, wait_s: int) -> Answer:
    return TaxiiError(HTTPStatus.SERVICE_UNAVAILABLE, words, {"retry-after": str(wait_s)}).answer


def _unread() -> Answer:
    return TaxiiError(HTTPStatus.TOO_MANY_REQUESTS, WORDS, {"retry-after": str(WAIT_S)}).answer


class Asked(Protocol):
    """Whoever answers questions: `Server`, or what stands for one."""

    def greet(self, asked: Question) -> Client | Answer:
        """Who asks, or how they are refused."""

    def answer(self, asked: Question) -> Answer:
        """The answer to a request."""


def mounted(server: Asked, failed: Callable[[Exception], None]) -> asgi.App:
    """A server as an ASGI application that is mounted at ROOT; `failed` is told of errors of ours.

    A body is kept once it is known who sends it, and few are at a time: what others send is read and forgotten. Nor may
    one client let many long answers wait until it reads them.
    """
    threads = ThreadPoolExecutor(THREADS, "taxii")
    bodies, unread = Counter[str](), Unread()

    async def within(asked: Question, receive: asgi.Receive) -> Answer:
        """The answer. Raises ConnectionError when the client has gone, ProblemError when it sends too much."""
        # a database is waited for elsewhere, and not where other services wait for their threads
        loop = asyncio.get_running_loop()
        if asked.method != "POST":
            done = await loop.run_in_executor(threads, server.answer, asked)
            return _unread() if unread.is_too_much(done.person, len(done.body)) else done
        client = await loop.run_in_executor(threads, server.greet, asked)
        if not isinstance(client, Answer):
            if unread.is_full(client.person):
                # before anything is accepted of which nothing would be told
                client = _unread()
            elif bodies[client.person] >= MOST_OF_ONE:
                client = _not_now("Your other adds have not come to their end.", 2)
            elif bodies.total() >= MOST_BODIES:
                client = _not_now("Others add before you.", 2)
        if isinstance(client, Answer):
            await asgi.forget(receive)
            return client
        bodies[client.person] += 1
        try:
            body = await asgi.read(receive)
            return await loop.run_in_executor(threads, server.answer, replace(asked, client=client, body=body))
        finally:
            bodies[client.person] -= 1
            if not bodies[client.person]:
                del bodies[client.person]

    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        asked = Question(
            method=scope["method"],
            path=ROOT.rstrip("/") + "/" + str(scope["path"]).removeprefix(ROOT.rstrip("/")).lstrip("/"),
            query=bytes(scope["query_string"]),
            headers=asgi.single_headers(scope),
            address=(scope.get("client") or ("",))[0],
        )
        try:
            done = await within(asked, receive)
        except ConnectionError:
            # nobody is there who would read an answer
            return
        except ProblemError as refusal:
            done = TaxiiError(refusal.status, refusal.detail, {"connection": "close"}).answer
        except Exception as error:  # noqa: BLE001 -- the request: an error of ours ends here, in words that tell nothing
            failed(error)
            done = TaxiiError(HTTPStatus.INTERNAL_SERVER_ERROR).answer
        with unread.told(done.person, len(done.body)):
            await tell(done, send)

    async def tell(done: Answer, send: asgi.Send) -> None:
        told = {"content-type": done.media_type, "cache-control": "no-store", "vary": "accept, authorization"}
        await asgi.answer(send, done.status.value, asgi.headers_of({**told, **done.headers}), done.body)

    return app
