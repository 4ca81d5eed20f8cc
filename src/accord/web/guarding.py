"""What stands before every service: whom it answers, how much it reads and how long, and what every answer says."""

import asyncio
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from accord.web.asgi import App, Message, Receive, Scope, Send, answer, header, headers_of
from accord.web.problems import MEDIA_TYPE, ProblemError, problem

SECURITY_HEADERS = {
    # nothing is loaded but what the page itself brings; no script at all
    "content-security-policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""On every answer; a service may set stricter or other ones itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of one request is borne."""

    body_bytes: int = 1 << 20
    body_pieces: int = 1 << 14
    """As it comes from the server: each piece costs time, however short it is."""
    target_bytes: int = 4096
    """Path and query."""
    headers_bytes: int = 32 << 10
    time_s: float = 60.0
    """From the request's headers to the answer's last byte."""


LIMITS = Limits()


Errors = Callable[[Scope, int, str | None], tuple[str, bytes]]
"""How a service tells of an error (a request, a status, words): its media type and body."""


def plain_error(_: Scope, status: int, detail: str | None) -> tuple[str, bytes]:
    """As problem details."""
    return MEDIA_TYPE, problem(status, detail)


class Guard:
    """An ASGI application before another one.

    It refuses what is not addressed to one of `hosts` (names and addresses, lower-case, without a port: DNS rebinding
    comes under another name), what is longer than `limits`, and what takes longer; it adds SECURITY_HEADERS, and where
    the application fails, it answers 500 and calls `failed`. `errors` is how it says so.
    """

    def __init__(
        self,
        app: App,
        *,
        hosts: Collection[str],
        failed: Callable[[Exception], None],
        limits: Limits = LIMITS,
        errors: Errors = plain_error,
    ) -> None:
        self._app = app
        self._errors = errors
        self._hosts = frozenset(hosts)
        self._failed = failed
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand on the server's lifespan."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        started = False
        bare = scope["method"] == "HEAD"

        async def sent(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                own = {name for name, _ in message["headers"]}
                more = [one for one in headers_of(SECURITY_HEADERS) if one[0] not in own]
                # otherwise the server's library says which it is
                more.append((b"server", b"accord"))
                message = {**message, "headers": [*message["headers"], *more]}
            elif bare:
                message = {**message, "body": b""}
            await send(message)

        try:
            self._refuse(scope)
            async with asyncio.timeout(self._limits.time_s):
                # what is mounted is told the rest of the path; errors are told as the whole of it says
                await self._app({**scope}, self._counted(receive), sent)
            if not started:
                # of a body that is cut off, or no HTTP; where the client has gone, nobody hears it
                await self._tell(
                    scope, sent, HTTPStatus.BAD_REQUEST, "The request did not come to its end.", {"connection": "close"}
                )
        except ProblemError as refusal:
            if started:
                raise
            await self._tell(scope, sent, refusal.status, refusal.detail, {"connection": "close"})
        except TimeoutError:
            if started:
                # a client that reads too slowly is no error: the server hangs up, as less came than was said
                return
            await self._tell(scope, sent, HTTPStatus.SERVICE_UNAVAILABLE, "It took too long.", {"retry-after": "30"})
        except Exception as error:  # noqa: BLE001 -- the request: an error of ours ends here, in words that tell nothing
            self._failed(error)
            if not started:
                await self._tell(scope, sent, HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _tell(
        self,
        scope: Scope,
        send: Send,
        status: HTTPStatus,
        detail: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        media_type, body = self._errors(scope, status, detail)
        told = {"content-type": media_type, "cache-control": "no-store", **(headers or {})}
        await answer(send, status, headers_of(told), body)

    def _refuse(self, scope: Scope) -> None:
        limits = self._limits
        if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > limits.headers_bytes:
            raise ProblemError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"]) > limits.target_bytes:
            raise ProblemError(HTTPStatus.REQUEST_URI_TOO_LONG)
        if host_name(header(scope, b"host")) not in self._hosts:
            raise ProblemError(HTTPStatus.MISDIRECTED_REQUEST, "Nothing is served under this name.")
        length = header(scope, b"content-length")
        if length is not None and (not length.isascii() or not length.isdigit()):
            raise ProblemError(HTTPStatus.BAD_REQUEST)
        if length is not None and int(length) > limits.body_bytes:
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    def _counted(self, receive: Receive) -> Receive:
        read = pieces = 0

        async def counted() -> Message:
            nonlocal read, pieces
            message = await receive()
            read += len(message.get("body", b""))
            pieces += 1
            if pieces > self._limits.body_pieces:
                raise ProblemError(
                    HTTPStatus.BAD_REQUEST, f"The body comes in more than {self._limits.body_pieces:,} pieces."
                )
            if read > self._limits.body_bytes:
                raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        return counted


def host_name(host: str | None) -> str | None:
    """The name in a Host header, lower-case and without its port (RFC 9110, 7.2); None: there is none."""
    if host is None:
        return None
    name, bracket, _ = host.partition("]")
    return (name + bracket if bracket else host.partition(":")[0]).lower()


def tell_failure(error: Exception) -> None:
    """Say on standard error that a request failed: the error's class and place, and no text of the request's."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = "" if last is None else f" at {last.tb_frame.f_code.co_filename}:{last.tb_lineno}"
    sys.stderr.write(f"error: a request failed ({type(error).__name__}{place})\n")
    sys.stderr.flush()
