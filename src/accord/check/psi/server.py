"""The hub's side over HTTP: who asks, within which bounds, and what is answered; nothing of what is asked is kept."""

import asyncio
import hashlib
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import UUID

from accord.access.clients import Client
from accord.access.tokens import Scope
from accord.check.psi.bounds import Bound
from accord.check.psi.commitment import Offer
from accord.check.psi.group import ELEMENT_BYTES, is_element
from accord.check.psi.oprf import evaluate_blinded, prove
from accord.check.psi.routes import MOST_ELEMENTS, OCTETS, ROOT, SESSION, cut, encode_offer
from accord.check.psi.sessions import Spent
from accord.check.psi.spreading import Spread
from accord.vocabulary.errors import AccordError
from accord.web import asgi
from accord.web.entrance import NotLetInError
from accord.web.files import Told, answer_file
from accord.web.guarding import Limits
from accord.web.problems import ProblemError, answer_problem
from accord.web.rates import Rates, client_of

_Done = TypeVar("_Done")

LIMITS = Limits(body_bytes=MOST_ELEMENTS * ELEMENT_BYTES, time_s=300.0)

MOST_OF_ONE = 2
"""Requests of one client that are worked on at a time."""
MOST = 32
"""Of all clients."""
THREADS = 4
"""That work, and as many others in which it is looked who asks: who is let in waits for nobody who is not."""
MOST_ENTERING = 64
"""Requests of which it is looked who asks, at a time."""
MOST_ENTERING_OF_ONE = 32
"""Of one address, or IPv6 network."""
MOST_MOVING = 256
"""Bodies that are read and answers that are sent, at a time: what they hold is memory, 256 KiB each at most."""
MOST_MOVING_OF_ONE = 4
BODY_S = 20.0
"""For which a client may take to send a body, of 128 KiB at most."""
REPEATS_A_MINUTE = 12
"""Of requests of one session that were answered before: they cost nothing of the budget, and the hub its work."""

_ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SET = re.compile(f"{ROOT}/sessions/({_ID})/set")
_REQUEST = re.compile(f"{ROOT}/sessions/({_ID})/requests/({_ID})")
_COME_AGAIN = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_WORDS = {
    Spent.OTHER: (HTTPStatus.CONFLICT, "This request's number was used for other elements."),
    Spent.TOO_MANY: (HTTPStatus.FORBIDDEN, "That is more than is left of the budget; nothing was spent."),
    Spent.OVER: (HTTPStatus.GONE, "The session is over."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """A session's key pair."""

    secret: bytes
    public: bytes


class Desk(Protocol):
    """Does what organisations ask for. All raise AccordError where that cannot be done now."""

    def now(self) -> datetime:
        """The time by which it is decided what counts."""

    def enter(self, headers: Mapping[str, str], address: str, now: datetime) -> Client:
        """Who asks. Raises NotLetInError."""

    def offer(self, client: Client, now: datetime) -> Offer:
        """The session that an organisation has. Raises ProblemError when it has none that may be used."""

    def folder(self, session: UUID, client: Client, now: datetime) -> Path:
        """Where the files of an organisation's session lie. Raises ProblemError as `offer`."""

    def keys(self, session: UUID, client: Client, now: datetime) -> Keys:
        """Its keys. Raises ProblemError as `offer`."""

    def look(self, session: UUID, request: UUID, *, digest: str, elements: int) -> Spent:
        """What would become of spending; nothing is spent."""

    def spend(self, session: UUID, request: UUID, *, digest: str, elements: int, client: Client) -> Spent:
        """Spend of the budget, for good, before anything is computed."""

    def random_scalar(self) -> bytes:
        """A scalar that is used once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request of a client that is let in."""

    client: Client
    path: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A client's request to evaluate blinded elements."""

    client: Client
    session: UUID
    request: UUID
    body: bytes


def evaluated(desk: Desk, put: Put, repeats: Rates, spread: Spread) -> bytes:
    """The answer to blinded elements: evaluated ones and their proof. Raises ProblemError, AccordError.

    First it is looked whether they would be answered, then whether they are elements; then it is spent, and only then
    computed. So what is refused costs the hub next to nothing, what is no element costs nobody anything, and whoever
    is killed has answered nothing that was not spent.
    """
    elements = cut(put.body)
    if not elements or len(put.body) % ELEMENT_BYTES or len(elements) > MOST_ELEMENTS:
        words = f"A request has 1 to {MOST_ELEMENTS} elements of {ELEMENT_BYTES} bytes."
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, words)
    keys = desk.keys(put.session, put.client, desk.now())
    digest = hashlib.sha256(put.body).hexdigest()
    known = _answerable(desk.look(put.session, put.request, digest=digest, elements=len(elements)))
    if known is Spent.AGAIN and repeats.take(str(put.session)):
        raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, "Too much was asked again of late: wait, and ask again.")
    if not all(map(is_element, elements)):
        words = "It holds what encodes no element of ristretto255, or its identity; nothing was spent."
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, words)
    _answerable(desk.spend(put.session, put.request, digest=digest, elements=len(elements), client=put.client))
    products = evaluate_blinded(keys.secret, elements, spread)
    return b"".join([*products, prove(keys.secret, keys.public, elements, products, desk.random_scalar(), spread)])


def _answerable(spent: Spent) -> Spent:
    """The same. Raises ProblemError where nothing is answered."""
    if spent in _WORDS:
        raise ProblemError(*_WORDS[spent])
    return spent


class Service:
    """An ASGI application; what is before it bounds bodies and time (`LIMITS`)."""

    def __init__(self, desk: Desk, spread: Spread, *, body_s: float = BODY_S) -> None:
        self._desk, self._spread, self._body_s = desk, spread, body_s
        self._door, self._threads = ThreadPoolExecutor(THREADS, "psi-door"), ThreadPoolExecutor(THREADS, "psi")
        words = "Others are before you."
        self._entering = Bound(
            of_one=MOST_ENTERING_OF_ONE, of_all=MOST_ENTERING, status=HTTPStatus.SERVICE_UNAVAILABLE, words=words
        )
        self._moving = Bound(of_one=MOST_MOVING_OF_ONE, of_all=MOST_MOVING)
        self._working = Bound(of_one=MOST_OF_ONE, of_all=MOST)
        self._repeats = Rates(REPEATS_A_MINUTE)

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """Answer one request, or hand on the server's lifespan."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        try:
            await self._answer(scope, receive, send)
        except ProblemError as refusal:
            wait = {"retry-after": "10"} if refusal.status in _COME_AGAIN else {}
            await answer_problem(send, refusal.status, refusal.detail, wait)
        except NotLetInError as refusal:
            await answer_problem(send, refusal.status, refusal.words, refusal.headers)
        except AccordError:
            words = "It cannot be done now."
            await answer_problem(send, HTTPStatus.SERVICE_UNAVAILABLE, words, {"retry-after": "30"})
        except ConnectionError:
            # nobody is there who would read an answer
            return

    async def _answer(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        path, method = str(scope["path"]), str(scope["method"])
        if path == "/health/live":
            await _send(send, b'{"status":"live"}', "application/json")
            return
        wanted = "PUT" if _REQUEST.fullmatch(path) else "GET"
        if path != SESSION and not _SET.fullmatch(path) and wanted == "GET":
            raise ProblemError(HTTPStatus.NOT_FOUND)
        if method != wanted:
            raise ProblemError(HTTPStatus.METHOD_NOT_ALLOWED, f"{wanted} is what is asked here.")
        if scope["query_string"]:
            raise ProblemError(HTTPStatus.BAD_REQUEST, "Nothing is asked in a query.")
        if wanted == "PUT" and asgi.header(scope, b"content-type") != OCTETS:
            raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Elements are {OCTETS}.")
        client = await self._enter(scope)
        with self._moving.taken(client.person):
            await self._work(scope, receive, send, Asked(client=client, path=path, method=method))

    async def _enter(self, scope: asgi.Scope) -> Client:
        """Who asks, and may."""
        desk, address = self._desk, (scope.get("client") or ("",))[0]
        headers = asgi.single_headers(scope)
        loop = asyncio.get_running_loop()
        with self._entering.taken(client_of(address)):
            client = await loop.run_in_executor(self._door, lambda: desk.enter(headers, address, desk.now()))
        if Scope.CHECK not in client.scopes:
            raise ProblemError(HTTPStatus.FORBIDDEN, "That takes the scope `check`.")
        return client

    async def _worked(self, client: Client, work: Callable[[], _Done]) -> _Done:
        """What comes of work in a thread, once the client has a place for it."""
        with self._working.taken(client.person):
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _body(self, receive: asgi.Receive) -> bytes:
        try:
            async with asyncio.timeout(self._body_s):
                return await asgi.read(receive)
        except TimeoutError:
            words = f"The request's body was not there within {self._body_s:g} s."
            raise ProblemError(HTTPStatus.REQUEST_TIMEOUT, words) from None

    async def _work(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send, asked: Asked) -> None:
        desk, client = self._desk, asked.client
        if asked.path == SESSION:
            offer = await self._worked(client, lambda: desk.offer(client, desk.now()))
            await _send(send, encode_offer(offer), "application/json")
            return
        if found := _SET.fullmatch(asked.path):
            session = UUID(found[1])
            place = await self._worked(client, lambda: desk.folder(session, client, desk.now()))
            told = Told(media_type=OCTETS, cache_control="no-store", more={"vary": "authorization"})
            await answer_file(scope, send, place, "set", told)
            return
        found = _REQUEST.fullmatch(asked.path)
        if found is None:
            raise ProblemError(HTTPStatus.NOT_FOUND)
        body = await self._body(receive)
        put = Put(client=client, session=UUID(found[1]), request=UUID(found[2]), body=body)
        await _send(send, await self._worked(client, lambda: evaluated(desk, put, self._repeats, self._spread)), OCTETS)


async def _send(send: asgi.Send, body: bytes, media_type: str) -> None:
    told = {"content-type": media_type, "cache-control": "no-store", "vary": "authorization"}
    await asgi.answer(send, HTTPStatus.OK, asgi.headers_of(told), body)


async def _live(receive: asgi.Receive, send: asgi.Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "lifespan.startup.complete"})
