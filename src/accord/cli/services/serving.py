"""Running the services of a workspace: the server's processes, the process that does jobs, and their end in order."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from accord.cli.channels.feeding import Kept, keep_feeds
from accord.cli.services.listening import LOGGING, announce, demand_free, end_with, listening_address
from accord.cli.services.routes import Services, make_app, served_names
from accord.cli.terminal import talk
from accord.formats.catalogue import FORMATS
from accord.operations.declaration import read_workspace
from accord.vocabulary.errors import AccordError, BusyError, SettingsError
from accord.web.asgi import App
from accord.workspace.database import open_database, place_of
from accord.workspace.store import open_workspace

HEADER_TIME_MS = 10_000
"""For which a client may take to send its request's headers."""

HEADER_BYTES = 64 << 10
"""What the server reads of a request before its headers must have ended."""

END_S = 5
"""Seconds that open requests, and then the job that is worked on, have to come to their end."""

LOOK_S = 2.0
"""Seconds after which it is looked whether a job is due."""

AGAIN_S = 10.0
"""Seconds after which a worker that could not reach the database, or ended of itself, tries again."""

_CONTEXT = multiprocessing.get_context("spawn")


def serve_workspace(folder: Path, *, host: str, port: int, names: Sequence[str]) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises SettingsError when a setting is wrong or it is not said under which name others reach it, OutputError when
    the port is taken, and what opening the database raises.
    """
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    workspace = open_workspace(folder)
    # whoever mistypes a setting learns it now, and not from what is never done
    read_workspace(workspace.settings, FORMATS)
    open_database(place_of(workspace.settings)).close()
    address = listening_address(host)
    if not address.is_loopback and not names:
        raise SettingsError(
            "It is not said under which name others reach it.",
            where="--host",
            expected="--name NAME with every name that stands in a browser's address line",
            got=host,
            remedy="name them, or serve loopback only, behind a reverse proxy (docs/serving.md)",
        )
    demand_free(host, port)
    services = Services(folder=folder.resolve(), names=served_names(host, names))
    # each process is begun anew: one that is split off would share threads, locks and connections
    multiprocessing.set_start_method("spawn", force=True)
    server = Granian(
        "accord",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        # how often each client may ask is counted in one process: of two each would let it have the whole of it
        workers=1,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIME_MS, max_buffer_size=HEADER_BYTES),
        log_level=LogLevels.warning,
        log_dictconfig=LOGGING,
        workers_kill_timeout=END_S,
        respawn_failed_workers=True,
    )
    worker = JobProcess(services.folder)
    server.on_startup(worker.start)
    server.on_startup(lambda: announce(str(folder), host, port, "/health/live"))
    server.on_shutdown(worker.stop)
    server.serve(target_loader=partial(_load, services, os.getpid()), wrap_loader=False)
    talk("ended in order")


def _load(services: Services, parent: int) -> App:
    """The application, in a process of the server's."""
    # asked to end in order, the server's own code may wait for itself, with nobody left who would end it by force
    end_with(parent, signal.SIGKILL)
    return make_app(services)


class JobProcess:
    """The process in which jobs are done; begun anew when it ends of itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ending = threading.Event()
        self._process: BaseProcess | None = None
        self._keeper = threading.Thread(target=self._keep, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._process = self._begin()
        self._keeper.start()

    def stop(self) -> None:
        """End it in order, and if it does not, by force: its lease then ends of itself."""
        self._ending.set()
        self._keeper.join()
        process = self._process
        if process is not None and process.is_alive():
            process.terminate()
            process.join(END_S)
            if process.is_alive():
                talk("the job that was worked on did not end in time; it is done again later")
                process.kill()
                process.join()

    def _begin(self) -> BaseProcess:
        process = _CONTEXT.Process(target=work_until_ended, args=(self._folder, os.getpid()), name="jobs")
        process.start()
        return process

    def _keep(self) -> None:
        while not self._ending.wait(LOOK_S):
            process = self._process
            if process is not None and not process.is_alive():
                talk(f"the process that does jobs ended (exit code {process.exitcode}), and is begun anew")
                if self._ending.wait(AGAIN_S):
                    return
                self._process = self._begin()


def work_until_ended(folder: Path, parent: int) -> None:
    """Do jobs as they are due, keep up page, feeds and check, and end sessions that are over, until SIGTERM or the
    parent's end."""
    from accord.cli.acting import acting
    from accord.cli.check.showing import CheckKept, keep_check
    from accord.cli.ledgers.opening import keep_page
    from accord.cli.psi.closing import any_due, keep_ended
    from accord.cli.register.registering import opened
    from accord.cli.rights.retaining import keep_purging
    from accord.cli.services.jobs import work_once, worker_name

    ended = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal ended
        if not ended:
            ended = True
            raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    # Ctrl-C reaches all processes of a terminal; the one that serves ends this one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(parent)
    above = multiprocessing.parent_process()
    watched = [] if above is None else [above.sentinel]
    worker, actor = worker_name(), acting(None, None)
    behind, feeds, check, lasting = None, Kept(), CheckKept(), None
    while not ended:
        pause = AGAIN_S
        try:
            with opened(folder) as database:
                while not ended:
                    due_at = keep_purging(database, actor, now=datetime.now(UTC))
                    if due_at is not None:
                        talk(f"what is due is purged every day, next on {due_at:%Y-%m-%d %H:%M} UTC")
                    while not ended and work_once(database, folder, worker) is not None:
                        pass
                    behind = keep_page(folder, database, behind)
                    feeds = keep_feeds(folder, database, actor.person, feeds)
                    check = keep_check(folder, actor.person, check, now=datetime.now(UTC))
                    # a key must not outlive its session because nobody runs `accord psi serve`
                    lasting = keep_ended(folder, actor, lasting) if any_due(database) else None
                    if wait(watched, LOOK_S):
                        return
        except BusyError:
            # somebody else's turn: nothing is wrong
            pass
        except AccordError as error:
            talk(f"jobs wait: {error}")
        if wait(watched, pause):
            return
