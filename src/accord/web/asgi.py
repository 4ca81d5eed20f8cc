"""The ASGI interface as this package uses it (asgi.readthedocs.io, HTTP connection scope), and an answer in one go."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

PIECE = 1 << 18
"""Bytes of a body that are handed to the server at once."""

_LISTS = frozenset({"accept", "x-forwarded-for"})


def header(scope: Scope, name: bytes) -> str | None:
    """A request's header that may come once; None where it is missing or came more than once."""
    found = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else None


def single_headers(scope: Scope) -> dict[str, str]:
    """A request's headers that may come once, by lower-case names; and those that are lists (RFC 9110, 5.3): `Accept`,
    and `X-Forwarded-For`, to which each proxy adds."""
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return {name: ", ".join(each) for name, each in found.items() if len(each) == 1 or name in _LISTS}


def headers_of(told: Mapping[str, str]) -> list[Header]:
    """Headers as ASGI has them."""
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in told.items()]


async def answer(send: Send, status: int, headers: Iterable[Header], body: bytes) -> None:
    """Send a whole answer; a long one in pieces, for each of which a server waits until its client reads on."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    for begin in range(0, max(len(body), 1), PIECE):
        end = begin + PIECE
        await send({"type": "http.response.body", "body": body[begin:end], "more_body": end < len(body)})


async def read(receive: Receive) -> bytes:
    """A request's body, whole; what is before an application bounds it. Raises ConnectionError when it is cut off."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionError("the client has gone")
        parts.append(bytes(message.get("body", b"")))
        if not message.get("more_body", False):
            return b"".join(parts)


async def forget(receive: Receive) -> None:
    """Read a request's body to its end and keep nothing of it, so that the client hears the answer to it.

    Raises ConnectionError when it is cut off.
    """
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionError("the client has gone")
        if not message.get("more_body", False):
            return
