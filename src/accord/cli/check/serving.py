"""Running the check's service: one process that answers, and what it needs of the machine."""

# a name is looked up with it; a process that was forked while a thread imports it would wait for that thread for ever
import encodings.idna  # noqa: F401
import gc
import os
import resource
import signal
from functools import partial
from pathlib import Path
from typing import Any

from accord.check.pepper import check_pepper
from accord.check.settings import read_check_settings
from accord.check.snapshot import CheckData
from accord.cli.services.listening import LOGGING, announce, demand_free, end_with, listening_address
from accord.cli.terminal import talk
from accord.vocabulary.errors import SettingsError

HEADER_TIME_MS = 5_000
"""Within which a client must have sent a request's headers; an idle connection is closed after it, too."""

HEADER_BYTES = 16 << 10
"""Of a request, up to the end of its headers."""

END_S = 5
"""Seconds that open requests have to come to their end."""


def serve_check(path: Path, *, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises SettingsError when a setting is wrong or the data was made with another pepper, UnreadableError and
    CorruptError when the data cannot be used, and OutputError when the port is taken.
    """
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    settings = read_check_settings(path)
    # what is wrong with the data is told now, and by nobody who restarts for ever
    CheckData.open(settings.data, check_pepper(settings.pepper_file)).close()
    address = listening_address(host)
    if not address.is_loopback and not settings.hosts.all:
        raise SettingsError(
            "It is not said under which name others reach it.",
            where="--host",
            expected=f"names in the table [hosts] of {path}: every one that stands in a browser's address line",
            got=host,
            remedy="name them, or serve loopback only, behind a reverse proxy (docs/check.md)",
        )
    demand_free(host, port)
    _allow_connections(settings.bounds.connections)
    server = Granian(
        "accord",
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        workers=1,
        http=HTTPModes.http1,
        websockets=False,
        backlog=settings.bounds.connections,
        backpressure=settings.bounds.connections,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIME_MS, max_buffer_size=HEADER_BYTES),
        log_level=LogLevels.warning,
        log_dictconfig=LOGGING,
        workers_kill_timeout=END_S,
        respawn_failed_workers=True,
    )
    # what is here stays shared with the process that answers: collecting garbage there writes to none of it
    gc.collect()
    gc.freeze()
    server.on_startup(lambda: announce(f"the check of {settings.data}", host, port, "/"))
    server.serve(target_loader=partial(_load, path.resolve(), host, os.getpid()), wrap_loader=False)
    talk("ended in order")


def _load(path: Path, host: str, parent: int) -> Any:  # noqa: ANN401 -- the server's types know callables only
    """The application, in the process that answers."""
    from accord.cli.check.answering import Worker

    end_with(parent, signal.SIGKILL)
    return Worker(read_check_settings(path), host)


def _allow_connections(wanted: int) -> None:
    """Let this process, and those that it begins, have so many open at a time."""
    spare = 128
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted + spare:
        raise SettingsError(
            "So many connections are not permitted on this machine.",
            where="limits.connections",
            expected=f"at most {hard - spare} (ulimit -Hn says {hard})",
            got=str(wanted),
            remedy="permit more files (LimitNOFILE= of systemd), or set fewer",
        )
    if soft != resource.RLIM_INFINITY and soft < wanted + spare:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted + spare, hard))
