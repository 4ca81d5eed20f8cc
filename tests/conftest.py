"""What holds for every test: no network but loopback, no unexplained skip on CI, settled Hypothesis profiles."""

import fcntl
import ipaddress
import os
import re
import shutil
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable, Generator, Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from accord.workspace import database
from tests import copied_schema

# A test has no time limit of its own: a busy machine is no defect of the code. Each run at home draws other examples,
# so that it may draw fewer.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)
# CI draws the same examples every time, so that a red run is red again at home.
settings.register_profile("ci", settings.get_profile("house"), derandomize=True, print_blob=True, max_examples=100)
settings.load_profile("ci" if os.environ.get("CI") else "house")

# Whoever asks a workspace says why; a test whose subject that is takes it away.
os.environ["ACCORD_WHY"] = "a test"

# What starts the tests in the background may have Ctrl-C switched off for all that it starts; tests send it to
# processes of their own, which must not inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_NEEDS = re.compile(r"^(?:Skipped: )?needs ([\w.+-]+)\b")
_SHARED = Path(__file__).parents[1] / "../shared"


class NetworkForbiddenError(RuntimeError):
    """A test reached for the network. It is no OSError, so that no code under test takes it for a line that is down."""


def _is_loopback(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host in {"", "localhost"}:
        return True
    if not isinstance(host, str):
        return False
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _guard_network(event: str, arguments: tuple[object, ...]) -> None:
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind"}:
        address = arguments[1]
        # Only internet addresses are tuples; paths are Unix sockets, None is a connected socket's send.
        host = address[0] if isinstance(address, tuple) and address else None
    elif event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
        host = arguments[0]
    else:
        return
    if not _is_loopback(host):
        raise NetworkForbiddenError(f"{event} to {host!r}: tests reach loopback only")


@pytest.fixture(scope="session")
def small_disk() -> Callable[[Path, str], tuple[str, ...]]:
    """The words to put before a command so that a folder is a disk of a given size for it; it must not be needed after.

    What is left in the folder is listed on standard output when the command has ended.
    """
    if not may_mount():
        pytest.skip("needs mount: a disk of its own for a command to fill")

    def before(folder: Path, size: str) -> tuple[str, ...]:
        script = f'mount -t tmpfs -o size={size} tmpfs "$0" && "$@"; code=$?; ls -A "$0"; exit $code'
        return ("unshare", "--mount", "sh", "-c", script, str(folder))

    return before


POSTGRES = os.environ.get("ACCORD_TEST_POSTGRES") or "postgresql://postgres@127.0.0.1:5432/postgres"


@cache
def postgres_answers() -> bool:
    """Is there a PostgreSQL server to test with? One that was named and does not answer is an error, and no reason."""
    try:
        psycopg.connect(POSTGRES, connect_timeout=5).close()
    except psycopg.OperationalError:
        if "ACCORD_TEST_POSTGRES" in os.environ:
            raise
        return False
    return True


DATABASES = ("sqlite", "postgresql")


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database of the test's own, as a workspace's settings write it; gone afterwards."""
    if request.param == "sqlite":
        yield "sqlite:///accord.db"
        return
    if not postgres_answers():
        pytest.skip("needs postgresql: no server answers at 127.0.0.1:5432, and ACCORD_TEST_POSTGRES names none")
    with request.getfixturevalue("schemas").empty() as url:
        yield url


_COMMANDS = Path(__file__).with_name("cli")


def _asked(item: pytest.Item) -> tuple[str, str] | None:
    """A test of a command, whatever its other parameters, and on which of the two databases it runs."""
    params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    database = params.get("database_url", params.get("databases"))
    if database is None or item.path.parent != _COMMANDS:
        return None
    return item.nodeid.partition("[")[0], database


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """At home all tests together ask a command on one of the two databases, half of the commands on each; CI on both.

    What stands below the commands is asked on both here too, and so is a command whose file is run alone.
    """
    if os.environ.get("CI") or len({item.path for item in items}) == 1 or not postgres_answers():
        return
    asked = [_asked(item) for item in items]
    there = {*asked}

    def runs(test: tuple[str, str] | None) -> bool:
        if test is None:
            return True
        chosen = DATABASES[zlib.crc32(test[0].encode()) % 2]
        return test[1] == chosen or (test[0], chosen) not in there

    config.hook.pytest_deselected(items=[item for item, test in zip(items, asked, strict=True) if not runs(test)])
    items[:] = [item for item, test in zip(items, asked, strict=True) if runs(test)]


@pytest.fixture(scope="session")
def schemas() -> Iterator[copied_schema.Schemas]:
    """Empty schemas on the PostgreSQL server."""
    made = copied_schema.Schemas(POSTGRES)
    yield made
    made.remove()


def pytest_configure() -> None:
    """Set the guard once for the whole run: an audit hook also sees what happens while tests are collected."""
    sys.addaudithook(_guard_network)
    database._upgrade = copied_schema.upgrade


def may_mount() -> bool:
    """Can a file system be mounted that only the one who mounts it sees? Containers often forbid it."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        return False
    program = ["unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"]
    return subprocess.run(program, capture_output=True, check=False).returncode == 0


def _is_excused(reason: str) -> bool:
    """Is this skip `needs TOOL: ...` with a tool, or for deliveries in ../shared, that truly is not there?

    A `mount` that is there and not permitted is not there; PostgreSQL is there where a server answers.
    """
    match = _NEEDS.match(reason)
    if "shared" in reason and not _SHARED.is_dir():
        return True
    if match is not None and match[1] == "postgresql":
        return not postgres_answers()
    if match is not None and match[1] == "mount":
        return not may_mount()
    return match is not None and shutil.which(match[1]) is None


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("ACCORD_NO_SKIP") != "1" or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    if not _is_excused(reason):
        report.outcome = "failed"
        report.longrepr = f"ACCORD_NO_SKIP=1, and this test skipped: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With ACCORD_NO_SKIP=1 a skipped test has failed, unless it needs a tool that is not there."""
    report = yield
    _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips while it is collected."""
    report = yield
    _forbid_skip(report)
    return report


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """A folder that is made once for all processes of a run: the first to ask makes it, the others wait until it is."""
    own = tmp_path_factory.getbasetemp()
    # the workers of pytest-xdist have a folder each, in one that belongs to the run
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def folder_of(name: str, make: Callable[[Path], object]) -> Path:
        folder, made = shared / name, shared / f"{name}.made"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                # whoever came before may have failed half-way: its test says so, and the next one sees for itself
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                made.touch()
        return folder

    return folder_of
