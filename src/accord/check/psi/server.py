"""The hub's side over HTTP: who asks, within which bounds, and what is answered; nothing of what is asked is kept."""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from uuid import UUID

from accord.access.clients import Client
from accord.access.tokens import Scope
from accord.check.psi.commitment import Offer
from accord.check.psi.group import ELEMENT_BYTES, NotAnElementError
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

LIMITS = Limits(body_bytes=MOST_ELEMENTS * ELEMENT_BYTES, time_s=300.0)

MOST_OF_ONE = 2
"""Requests of one client that are worked on at a time."""
MOST = 32
"""Of all clients."""
THREADS = 4

_ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SET = re.compile(f"{ROOT}/sessions/({_ID})/set")
_REQUEST = re.compile(f"{ROOT}/sessions/({_ID})/requests/({_ID})")
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

    def spend(self, session: UUID, request: UUID, *, digest: str, elements: int, client: Client) -> Spent:
        """Spend of the budget, for good, before anything is answered."""

    def random_scalar(self) -> bytes:
        """A scalar that is used once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request of a client that is let in."""

    client: Client
    path: str
    method: str


def evaluated(desk: Desk, client: Client, session: UUID, request: UUID, body: bytes, spread: Spread) -> bytes:
    """The answer to blinded elements: evaluated ones and their proof. Raises ProblemError, AccordError.

    Computed first, then spent, then answered: what is no element costs nothing, and whoever is killed has answered
    nothing that was not spent.
    """
    elements = cut(body)
    if not elements or len(body) % ELEMENT_BYTES or len(elements) > MOST_ELEMENTS:
        words = f"A request has 1 to {MOST_ELEMENTS} elements of {ELEMENT_BYTES} bytes."
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, words)
    keys = desk.keys(session, client, desk.now())
    try:
        products = evaluate_blinded(keys.secret, elements, spread)
        proof = prove(keys.secret, keys.public, elements, products, desk.random_scalar(), spread)
    except NotAnElementError:
        words = "It holds what encodes no element of ristretto255, or its identity; nothing was spent."
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, words) from None
    digest = hashlib.sha256(body).hexdigest()
    spent = desk.spend(session, request, digest=digest, elements=len(elements), client=client)
    if spent in _WORDS:
        raise ProblemError(*_WORDS[spent])
    return b"".join([*products, proof])


class Service:
    """An ASGI application; what is before it bounds bodies and time (`LIMITS`)."""

    def __init__(self, desk: Desk, spread: Spread) -> None:
        self._desk, self._spread = desk, spread
        self._threads = ThreadPoolExecutor(THREADS, "psi")
        self._working: Counter[str] = Counter()

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """Answer one request, or hand on the server's lifespan."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        try:
            await self._answer(scope, receive, send)
        except ProblemError as refusal:
            wait = {"retry-after": "10"} if refusal.status is HTTPStatus.TOO_MANY_REQUESTS else {}
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
        loop, desk = asyncio.get_running_loop(), self._desk
        address = (scope.get("client") or ("",))[0]
        headers = asgi.single_headers(scope)
        client = await loop.run_in_executor(self._threads, lambda: desk.enter(headers, address, desk.now()))
        if Scope.CHECK not in client.scopes:
            raise ProblemError(HTTPStatus.FORBIDDEN, "That takes the scope `check`.")
        if self._working[client.person] >= MOST_OF_ONE or self._working.total() >= MOST:
            raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, "Others of your requests are worked on.")
        self._working[client.person] += 1
        try:
            await self._work(scope, receive, send, Asked(client=client, path=path, method=method))
        finally:
            self._working[client.person] -= 1
            if not self._working[client.person]:
                del self._working[client.person]

    async def _work(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send, asked: Asked) -> None:
        loop, desk, client = asyncio.get_running_loop(), self._desk, asked.client
        if asked.path == SESSION:
            offer = await loop.run_in_executor(self._threads, lambda: desk.offer(client, desk.now()))
            await _send(send, encode_offer(offer), "application/json")
            return
        if found := _SET.fullmatch(asked.path):
            session = UUID(found[1])
            place = await loop.run_in_executor(self._threads, lambda: desk.folder(session, client, desk.now()))
            told = Told(media_type=OCTETS, cache_control="no-store", more={"vary": "authorization"})
            await answer_file(scope, send, place, "set", told)
            return
        found = _REQUEST.fullmatch(asked.path)
        if found is None:
            raise ProblemError(HTTPStatus.NOT_FOUND)
        session, request = UUID(found[1]), UUID(found[2])
        if asgi.header(scope, b"content-type") != OCTETS:
            raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Elements are {OCTETS}.")
        body = await asgi.read(receive)
        done = await loop.run_in_executor(
            self._threads, lambda: evaluated(desk, client, session, request, body, self._spread)
        )
        await _send(send, done, OCTETS)


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
