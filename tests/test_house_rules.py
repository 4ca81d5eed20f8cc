"""The rules that tests/conftest.py sets hold."""

import os
import socket
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

CONFTEST = Path(__file__).with_name("conftest.py")


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "8.8.8.8"])
def test_a_connection_off_loopback_is_refused(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as wire, pytest.raises(RuntimeError, match="loopback only"):
        wire.connect((host, 9))


def test_a_datagram_off_loopback_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire, pytest.raises(RuntimeError, match="loopback only"):
        wire.sendto(b"x", ("192.0.2.1", 9))


def test_a_name_is_not_looked_up() -> None:
    with pytest.raises(RuntimeError, match="loopback only"):
        socket.getaddrinfo("accord.example", 443)


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            client.sendall(b"hello")
        peer, _ = server.accept()
        with peer:
            assert peer.recv(16) == b"hello"


CASES = """
import pytest
def test_without_reason(): pytest.skip("not today")
def test_tool_absent(): pytest.skip("needs no-such-tool-anywhere: drawn by it")
def test_tool_present(): pytest.skip("needs python3: drawn by it")
def test_deliveries_absent(): pytest.skip("no deliveries in ../shared")
"""


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(("strict", "outcome"), [("1", "2 failed, 2 skipped"), ("0", "4 skipped")])
def test_a_skip_fails_under_accord_no_skip_unless_its_tool_is_absent(
    tmp_path: Path, strict: str, outcome: str, workers: str
) -> None:
    tests = tmp_path / "checkout/tests"
    tests.mkdir(parents=True)
    (tests / "conftest.py").write_bytes(CONFTEST.read_bytes())
    (tests / "test_cases.py").write_text(CASES)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "xdist", "-n", workers, str(tests)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        # of pytest's plug-ins the one that is asked for
        env={
            **os.environ,
            "ACCORD_NO_SKIP": strict,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            # what the copied conftest.py imports
            "PYTHONPATH": os.pathsep.join(map(str, (CONFTEST.parents[1], os.environ.get("PYTHONPATH", "")))),
        },
    )
    assert outcome in done.stdout, done.stdout + done.stderr


def test_no_module_needs_itself() -> None:
    """Imports within functions count, too: they hide a circle, and do not open it."""
    graph = grimp.build_graph("accord", cache_dir=None)
    # raises CycleError, which names the modules of a circle
    TopologicalSorter({one: graph.find_modules_directly_imported_by(one) for one in graph.modules}).prepare()
