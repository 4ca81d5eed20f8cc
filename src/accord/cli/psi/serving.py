"""`accord psi serve`: a process that answers organisations, and one thread beside it that ends sessions in time."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from accord.check.psi.server import LIMITS, Service
from accord.check.psi.spreading import Spread
from accord.cli.acting import Actor, acting
from accord.cli.psi.closing import keep_ended
from accord.cli.psi.desk import PsiDesk
from accord.cli.readying import cores
from accord.cli.register.registering import opened
from accord.cli.services.listening import LOGGING, announce, demand_free, end_with, listening_address
from accord.cli.services.opened import Opened
from accord.cli.services.routes import served_names
from accord.cli.terminal import talk
from accord.vocabulary.errors import SettingsError
from accord.web.asgi import App
from accord.web.guarding import Guard, tell_failure

HEADER_TIME_MS = 10_000
"""For which a client may take to send its request's headers."""

CONNECTIONS = 512
"""Open at a time; others wait until one ends. Each takes a file, and 1,024 are what Linux lets a process open unless it
is told otherwise."""

HEADER_BYTES = 64 << 10
"""What the server reads of a request before its headers must have ended."""

END_S = 5
"""Seconds that open requests have to come to their end."""

LOOK_S = 5.0
"""Seconds after which it is looked whether a session has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What is served, and under which names."""

    folder: Path
    names: tuple[str, ...]


def serve_sessions(folder: Path, *, host: str, port: int, names: Sequence[str]) -> None:
    """Serve until SIGINT or SIGTERM. Raises as `accord serve` does."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    with opened(folder):
        # whoever mistypes a setting learns it now
        pass
    if not listening_address(host).is_loopback and not names:
        raise SettingsError(
            "It is not said under which name others reach it.",
            where="--host",
            expected="--name NAME with every name by which organisations call it",
            got=host,
            remedy="name them, or serve loopback only, behind a reverse proxy (docs/serving.md)",
        )
    demand_free(host, port)
    served = Served(folder=folder.resolve(), names=served_names(host, names))
    ending = Ending(served.folder, acting(None, "the session is over"))
    # each process is begun anew: one that is split off would share threads, locks and connections
    multiprocessing.set_start_method("spawn", force=True)
    server = Granian(
        "accord",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=1,
        http=HTTPModes.http1,
        websockets=False,
        backlog=CONNECTIONS,
        backpressure=CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIME_MS, max_buffer_size=HEADER_BYTES),
        log_level=LogLevels.warning,
        log_dictconfig=LOGGING,
        workers_kill_timeout=END_S,
        respawn_failed_workers=True,
    )
    server.on_startup(ending.start)
    server.on_startup(lambda: announce(f"the sessions of {folder}", host, port, "/health/live"))
    server.on_shutdown(ending.stop)
    server.serve(target_loader=partial(_load, served, os.getpid()), wrap_loader=False)
    talk("ended in order")


def _load(served: Served, parent: int) -> App:
    """The application, in a process of the server's."""
    end_with(parent, signal.SIGKILL)
    return make_app(served)


def make_app(served: Served) -> App:
    """The application."""
    service = Service(PsiDesk(Opened(served.folder)), Spread(threads=cores(), piece=64))
    return Guard(service, hosts=served.names, failed=tell_failure, limits=LIMITS)


class Ending:
    """Destroys the keys of sessions whose time is over."""

    def __init__(self, folder: Path, actor: Actor) -> None:
        self._folder, self._actor = folder, actor
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="psi", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Let what is being done come to its end."""
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        told: str | None = None
        while not self._over.wait(LOOK_S):
            told = keep_ended(self._folder, self._actor, told)
