"""The process that answers for the check: the service with the data that counts now, as the server calls it.

It is imported in that process alone, so that the one that watches over it stays small.
"""

import json
import os
import secrets
import socket
import sys
import threading
from asyncio import AbstractEventLoop, timeout
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from time import sleep, time
from typing import TYPE_CHECKING, Protocol

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # exported, but not as types want it

from accord.check.pepper import check_pepper
from accord.check.rendering import Hub, Rendered, render, render_standing
from accord.check.service import LOOPBACK, Reply, Request, Service
from accord.check.settings import CheckSettings
from accord.check.snapshot import CheckData, current
from accord.cli.terminal import talk
from accord.vocabulary.errors import AccordError
from accord.web.guarding import tell_failure

if TYPE_CHECKING:
    from accord.cli.check.posting import Post

MOST_BODY = 2048
"""Bytes of a form that are read."""

BODY_S = 5
"""Within which a form must have come whole, as headers must."""

UNREAD_MS = 10_000
"""After which a connection is given up whose client does not read what it asked for (tcp(7), TCP_USER_TIMEOUT)."""

LOOK_S = 1.0
"""Seconds after which it is looked whether another version was published."""


_FIRST_DAY, _DAY_S = date(1970, 1, 1).toordinal(), 24 * 60 * 60


class Answering(Protocol):
    """How a request is answered (RSGI)."""

    async def __call__(self) -> bytes:
        """The request's body, whole."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Answer whole."""


class Worker:
    """The service with the data that counts now, as the server calls it."""

    def __init__(self, settings: CheckSettings, host: str) -> None:
        self._settings = settings
        self._hub = Hub(
            name=settings.hub,
            contact=settings.contact,
            hosts=settings.hosts,
            contacts=settings.contacts,
            writes=settings.mail is not None,
        )
        self._pepper = check_pepper(settings.pepper_file)
        shown = f"[{host}]" if ":" in host else host
        self._post = _post(settings, self._hub, self._pepper)
        self._service = Service(
            settings,
            render_standing(self._hub),
            names=(*LOOPBACK, shown.lower(), *settings.hosts.all),
            salt=secrets.token_bytes(16),
            tell=_tell,
            today=lambda: _FIRST_DAY + int(time()) // _DAY_S,
            mail=None if self._post is None else self._post.pages,
        )
        self._version = ""
        self._ending = threading.Event()
        self._service.use(*self._open(lambda: None))

    def __rsgi_init__(self, loop: AbstractEventLoop) -> None:
        """Begin to look for new versions."""
        # the server's own thread asks for Python's lock with every request, and a thread that computes holds it: each
        # lets go after this time, not after five milliseconds (a fifth more answers; shorter gains nothing)
        sys.setswitchinterval(0.0001)
        loop.call_soon(_give_up_unread)
        threading.Thread(target=self._keep, args=(loop,), name="versions", daemon=True).start()
        if self._post is not None:
            for name, work in (("questions", self._post.look_up), ("mail", self._post.write)):
                threading.Thread(target=self._again, args=(work,), name=name, daemon=True).start()

    def __rsgi_del__(self, _: AbstractEventLoop) -> None:
        """End."""
        self._ending.set()

    async def __rsgi__(self, scope: Request, protocol: Answering) -> None:
        """Answer one request; a body is read where it counts alone, and where nothing else refuses the request."""
        try:
            reply = self._service.reply(scope)
        except Exception as error:  # noqa: BLE001 -- the request: an error of ours ends here, in words that tell nothing
            reply = self._failed(scope, error)
        if callable(reply):
            with_body, body = reply, await _body(scope, protocol)
            try:
                reply = with_body(body)
            except Exception as error:  # noqa: BLE001 -- as above
                reply = self._failed(scope, error)
        protocol.response_bytes(*reply)

    def _failed(self, request: Request, error: Exception) -> Reply:
        tell_failure(error)
        return self._service.failed(request)

    def _open(self, rest: Callable[[], None]) -> tuple[CheckData, Rendered]:
        data = CheckData.open(self._settings.data, self._pepper)
        self._version = data.version
        return data, render(self._hub, data.families, data.day, rest)

    def _again(self, work: Callable[[], None]) -> None:
        """Do what is due of the check by e-mail, again and again."""
        _stand_back()
        told = ""
        while not self._ending.wait(LOOK_S):
            try:
                work()
                told = ""
            except AccordError as error:
                if str(error) != told:
                    told = str(error)
                    talk(f"no mail goes out: {error}")
            except Exception as error:  # noqa: BLE001 -- the worker's loop: one mail that we fail at stops no other
                tell_failure(error)

    def _keep(self, loop: AbstractEventLoop) -> None:
        """Look for new versions, and swap each in between two requests."""
        told = ""
        _stand_back()
        while not self._ending.wait(LOOK_S):
            try:
                if current(self._settings.data) == self._version:
                    continue
                # rendering is interrupted again and again, so that whoever asks does not wait for it
                loop.call_soon_threadsafe(self._service.use, *self._open(partial(sleep, 0)))
                _tell({"swapped": self._version})
                told = ""
            except AccordError as error:
                # the version before goes on answering; the same words once
                if str(error) != told:
                    told = str(error)
                    talk(f"a new version cannot be used, and the one before stays: {error}")
            except Exception as error:  # noqa: BLE001 -- the worker's loop: a version that we fail at stops no later one
                if loop.is_closed():
                    return
                tell_failure(error)


def _post(settings: CheckSettings, hub: Hub, pepper: bytes) -> "Post | None":
    """What writes mails; None: the settings name no server."""
    if settings.mail is None:
        return None
    # who does not write keeps no state, and loads nothing that does
    from accord.cli.check.posting import Post

    return Post(settings, settings.mail, hub, pepper, _tell)


async def _body(request: Request, protocol: Answering) -> bytes | None:
    """What a form holds; nothing of one that is too large, or does not say how large it is. None: it is not there."""
    try:
        size = int("".join(request.headers.get_all("content-length")))
    except ValueError:
        return b""
    if not 0 < size <= MOST_BODY:
        return b""
    try:
        async with timeout(BODY_S):
            return await protocol()
    except (TimeoutError, ProtocolClosed):
        return None


def _tell(what: Mapping[str, object]) -> None:
    """Say something to whoever watches, as a line of JSON: it never holds an address."""
    line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds"), **what})
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _give_up_unread() -> None:
    """Bound how long a client may leave what it asked for unread: connections take it over from who listens (Linux)."""
    for path in Path("/proc/self/fd").iterdir() if sys.platform == "linux" else ():
        with suppress(OSError), socket.socket(fileno=os.dup(int(path.name))) as one:
            if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)


def _stand_back() -> None:
    """Give this thread what the one that answers leaves (setpriority(2): on Linux of one thread)."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
