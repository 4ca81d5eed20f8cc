"""The services of a workspace put together: health, the ledger's files, the public page, feeds and channels."""

import asyncio
import html
import ipaddress
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Any, cast

from litestar import Litestar, Request, Response, asgi, route
from litestar.exceptions import HTTPException

from accord.access.clients import Client
from accord.cli.channels.feeding import FEEDS
from accord.cli.channels.witnessing import take_out_withheld
from accord.cli.deliveries.adds import TaxiiDesk
from accord.cli.services.health import Health, health_of
from accord.cli.services.opened import Opened, Shared
from accord.cli.services.partners import Partners
from accord.cli.services.partners import mounted as mounted_partners
from accord.exchange.partners.routes import ACKNOWLEDGEMENTS, DELIVERIES, OUTCOMES
from accord.exchange.taxii.messages import Answer, TaxiiError
from accord.exchange.taxii.routes import ROOT as TAXII
from accord.exchange.taxii.server import Hub, Question, Server, error_of, mounted
from accord.vocabulary.errors import AccordError
from accord.web.asgi import App, Receive, Scope, Send, answer, header, headers_of
from accord.web.files import MEDIA_TYPES, Told, answer_file, open_inside
from accord.web.guarding import Guard, host_name, plain_error, tell_failure
from accord.web.languages import choose_language
from accord.web.problems import MEDIA_TYPE, ProblemError, answer_problem, problem

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""Names under which a machine calls itself."""

LANGUAGES = ("en", "fr", "es", "ar", "de")

IMMUTABLE = "public, max-age=31536000, immutable"
SHORT = "public, max-age=60"
NEWEST = "public, max-age=5"

_FULL_TILE = re.compile(r"tile/(?:\d{1,2}|entries)/(?:x\d{3}/)*\d{3}")
_HEALTH_S = 2.0
"""Seconds for which an answer about the health is kept: who asks often does not wear out the database."""

_NOT_YET = {
    "en": ("Not published yet", "The public account of this hub will be here once its ledger is published."),
    "fr": ("Pas encore publié", "Le compte public de ce centre figurera ici dès que son registre sera publié."),
    "es": ("Aún no publicado", "La cuenta pública de este centro estará aquí cuando se publique su registro."),
    "ar": ("لم يُنشر بعد", "سيظهر هنا الحساب العلني لهذا المركز بعد نشر سجله."),
    "de": ("Noch nicht veröffentlicht", "Hier steht die öffentliche Rechenschaft, sobald das Register erscheint."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What is served, and under which names."""

    folder: Path
    names: tuple[str, ...]
    """Names and addresses in Host headers, lower-case, without a port."""


def make_app(services: Services) -> App:
    """The application that a server's worker answers by."""
    app = make_services(services)
    return Guard(cast(App, app), hosts=services.names, failed=tell_failure, errors=_error)


def make_services(services: Services) -> Litestar:
    """All services with their routes, nothing before them."""
    health = _Health(services.folder)
    ledger = services.folder / "ledger"

    @route("/health", http_method=["GET", "HEAD"])
    async def readiness(request: Request[Any, Any, Any]) -> Response[dict[str, object]]:
        found = await health.now()
        told: dict[str, object] = {"status": "ready" if found.ready else "not ready"}
        if _is_local(request.scope):
            told |= found.told()
        status = HTTPStatus.OK if found.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return Response(told, status_code=status, headers={"cache-control": "no-store"})

    @route("/health/live", http_method=["GET", "HEAD"])
    async def liveness() -> Response[dict[str, object]]:
        return Response({"status": "live"}, headers={"cache-control": "no-store"})

    @asgi("/ledger", is_mount=True, copy_scope=True)
    async def ledger_files(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        if not await _is_read(scope, send):
            return
        name = str(scope["path"]).removeprefix("/").removesuffix("/")
        await answer_file(scope, send, ledger, name, told_of(name))

    @asgi("/feeds", is_mount=True, copy_scope=True)
    async def feeds(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        if not await _is_read(scope, send):
            return
        name = str(scope["path"]).removeprefix("/").removesuffix("/")
        kind = MEDIA_TYPES.get(PurePosixPath(name).suffix, "text/csv; charset=utf-8")
        await answer_file(scope, send, services.folder / FEEDS, name, Told(media_type=kind, cache_control=SHORT))

    opened = Opened(services.folder)
    taxii = asgi(TAXII.rstrip("/"), is_mount=True, copy_scope=True)(mounted(_Taxii(opened), tell_failure))

    partners = mounted_partners(Partners(opened))
    systems = [
        asgi(root, is_mount=True, copy_scope=True)(partners(root)) for root in (DELIVERIES, OUTCOMES, ACKNOWLEDGEMENTS)
    ]

    @asgi("/", copy_scope=True)
    async def any_language(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        await _page(scope, send, ledger, choose_language(header(scope, b"accept-language"), LANGUAGES))

    pages = [_page_of(language, ledger) for language in LANGUAGES]
    return Litestar(
        [readiness, liveness, ledger_files, feeds, taxii, *systems, any_language, *pages],
        on_shutdown=[opened.close],
        openapi_config=None,
        logging_config=None,
        exception_handlers={ProblemError: _refused, HTTPException: _failed, Exception: _failed_inside},
    )


def _error(scope: Scope, status: int, detail: str | None) -> tuple[str, bytes]:
    """Each service tells of errors as its clients read them."""
    taxii = f"{scope['path']}/".startswith(TAXII)
    return error_of(status, detail) if taxii else plain_error(scope, status, detail)


class _Taxii:
    """The TAXII server of a workspace, which is opened by who asks first."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._lock = threading.Lock()
        self._server: Server | None = None

    def greet(self, asked: Question) -> Client | Answer:
        """Who asks, or how they are refused."""
        server = self._served()
        return server if isinstance(server, Answer) else server.greet(asked)

    def answer(self, asked: Question) -> Answer:
        """The answer to a request."""
        server = self._served()
        return server if isinstance(server, Answer) else server.answer(asked)

    def _served(self) -> Server | Answer:
        try:
            with self._lock:
                if self._server is None:
                    self._server = self._made(self._opened.get())
                return self._server
        except AccordError:
            headers = {"retry-after": "30"}
            return TaxiiError(HTTPStatus.SERVICE_UNAVAILABLE, "It cannot be answered now.", headers).answer

    def _made(self, shared: Shared) -> Server:
        said = shared.declared.hub
        hub = Hub(title=said.name, contact=said.contact, legal_area=said.legal_area)
        desk = TaxiiDesk(shared.workspace, shared.database)
        return Server(shared.database, hub, entrance=shared.entrance, prepare=take_out_withheld, desk=desk)


def told_of(name: str) -> Told:
    """Of which kind a file of the ledger is, and how long it may be kept: a full tile never changes."""
    path = PurePosixPath(name)
    text = name in {"checkpoint", "policy"}
    media_type = "text/plain; charset=utf-8" if text else MEDIA_TYPES.get(path.suffix, "application/octet-stream")
    if _FULL_TILE.fullmatch(name):
        return Told(media_type=media_type, cache_control=IMMUTABLE)
    return Told(media_type=media_type, cache_control=NEWEST if name == "checkpoint" else SHORT)


def _page_of(language: str, ledger: Path) -> Any:  # noqa: ANN401 -- a handler is whatever Litestar makes of a function
    @asgi(f"/{language}", copy_scope=True)
    async def one_language(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        await _page(scope, send, ledger, language)

    return one_language


async def _page(scope: Scope, send: Send, ledger: Path, language: str) -> None:
    """Lead to the public page where it lies, beside what it refers to; or say that there is none yet."""
    if not await _is_read(scope, send):
        return
    name = f"index.{language}.html"
    more = {"content-language": language, "vary": "accept-language"}
    try:
        (await asyncio.to_thread(open_inside, ledger, name)).close()
    except ProblemError:
        headers = {"content-type": MEDIA_TYPES[".html"], "cache-control": "no-store", **more}
        await answer(send, HTTPStatus.NOT_FOUND.value, headers_of(headers), _not_yet(language))
    else:
        # relative, so that a reverse proxy may put all of it into a folder
        up = "../" if bytes(scope["raw_path"]).count(b"/") > 1 else ""
        headers = {"location": f"{up}ledger/{name}", "cache-control": SHORT, **more}
        await answer(send, HTTPStatus.FOUND.value, headers_of(headers), b"")


def _not_yet(language: str) -> bytes:
    title, words = (html.escape(text) for text in _NOT_YET[language])
    direction = "rtl" if language == "ar" else "ltr"
    return (
        f'<!doctype html>\n<html lang="{language}" dir="{direction}">\n<head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title></head>\n'
        f"<body><h1>{title}</h1><p>{words}</p></body>\n</html>\n"
    ).encode()


async def _is_read(scope: Scope, send: Send) -> bool:
    """Is it GET or HEAD? Anything else is answered."""
    if scope["method"] in {"GET", "HEAD"}:
        return True
    await answer_problem(send, HTTPStatus.METHOD_NOT_ALLOWED, headers={"allow": "GET, HEAD"})
    return False


def _refused(_: Request[Any, Any, Any], error: ProblemError) -> Response[bytes]:
    return _problem(error.status, error.detail)


def _failed(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return _problem(error.status_code, None, headers)


def _failed_inside(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    tell_failure(error)
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR)


def _problem(status: int, detail: str | None = None, headers: dict[str, str] | None = None) -> Response[bytes]:
    return Response(
        problem(status, detail),
        status_code=int(status),
        media_type=MEDIA_TYPE,
        headers={"cache-control": "no-store", **(headers or {})},
    )


def _is_local(scope: Any) -> bool:  # noqa: ANN401 -- Litestar's scope is ASGI's, as is ours
    """Does somebody on this machine ask, and no proxy of it for somebody else?"""
    passed_on = {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"}
    if any(name in passed_on for name, _ in scope["headers"]):
        return False
    if host_name(header(scope, b"host")) not in LOOPBACK:
        return False
    client = scope.get("client")
    try:
        return client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False


class _Health:
    """The workspace's health, asked at most every _HEALTH_S."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: tuple[float, Health] | None = None
        self._asking = asyncio.Lock()

    async def now(self) -> Health:
        async with self._asking:
            if self._found is None or time.monotonic() - self._found[0] >= _HEALTH_S:
                found = await asyncio.to_thread(health_of, self._folder, datetime.now(UTC))
                self._found = time.monotonic(), found
            return self._found[1]


def served_names(host: str, names: Sequence[str]) -> tuple[str, ...]:
    """Names in Host headers that are answered, for a server at `host`: this machine's own, the address, and `names`."""
    shown = f"[{host}]" if ":" in host else host
    return tuple(dict.fromkeys([*LOOPBACK, shown.lower(), *(name.lower() for name in names)]))
