"""Hundreds of clients that are slow, or vanish, take no more of a server's memory than its limits say."""

import http.client
import json
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from accord.cli.register.registering import opened
from accord.cli.services import partners
from accord.cli.services.serving import HEADER_BYTES
from accord.exchange.taxii.messages import MEDIA_TYPE
from accord.exchange.taxii.server import MOST_OF_ONE, THREADS
from accord.web.guarding import LIMITS
from accord.web.unread import MOST_UNREAD
from tests.cli.test_cli_channel import Accord, Hub
from tests.cli.test_cli_serve import Served, end, serve
from tests.cli.test_cli_taxii import asked
from tests.cli.test_cli_taxii_adds import envelope_of, token, with_data_set
from tests.exchange.stand import Stand, draft

__all__ = ["serve"]

ADD = "/taxii2/hub/collections/dataset:indicators/objects/"
OBJECTS, LETTERS = 5000, 1500
"""Of a page: more than the kernel takes off the server's hands."""
PAGE = f"/taxii2/hub/collections/infected-th/objects/?limit={OBJECTS}"

READERS, ADDS, REPORTS, VANISHING, HALF = 80, 300, 60, 60, 200
"""Connections that read nothing; that leave an add, or a report of outcomes, unfinished; that vanish; half a head."""

CONNECTIONS = READERS + ADDS + REPORTS + HALF
BODIES = MOST_OF_ONE + partners.MOST_OF_ONE


def bound(page: int) -> int:
    """The most that a server may grow, by its limits: some 560 MiB where a page has 9 MiB; 380 to 410 were measured.

    Of each connection what was read, and what was handed on of it; the bodies of one client, in pieces and then whole;
    the answers that it has not read; those that are being made, of each of which there are the rows of the database,
    their bytes, a buffer that has grown to twice the message, and the message. And a quarter for what the allocator
    keeps in pieces. Without their limits the bodies alone would be 360 MiB more, and the answers 600.
    """
    read = CONNECTIONS * 2 * HEADER_BYTES
    bodies = BODIES * 2 * LIMITS.body_bytes
    return (read + bodies + MOST_UNREAD * page + THREADS * 5 * page) * 5 // 4


@pytest.fixture
def hub(accord_here: Accord, tmp_path: Path) -> Hub:
    hub = with_data_set(Hub(accord_here, tmp_path, ()))
    with opened(hub.folder) as database:
        stand = Stand(database=database, server=None, secrets={})
        for begin in range(0, OBJECTS, 1000):
            some = [draft(number) for number in range(begin, begin + 1000)]
            stand.put(*(replace(one, content=longer(one.content)) for one in some), named="infected-th")
    return hub


def longer(content: str) -> str:
    return json.dumps({**json.loads(content), "description": "x" * LETTERS})


def processes(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from processes(int(one))


def forget_most(served: Served) -> None:
    """Let the most that is held be counted from now on (proc(5), clear_refs)."""
    for one in processes(served.process.pid):
        Path(f"/proc/{one}/clear_refs").write_text("5")


def most_held(served: Served) -> int:
    """The most bytes that the server's processes have held since then (proc(5), VmHWM)."""
    files = [Path(f"/proc/{one}/status").read_text() for one in processes(served.process.pid)]
    return sum(int(line.split()[1]) << 10 for text in files for line in text.splitlines() if line.startswith("VmHWM"))


def sockets(served: Served) -> int:
    """How many sockets the server's processes have open."""
    folders = [Path(f"/proc/{one}/fd") for one in processes(served.process.pid)]
    return sum(str(file.readlink()).startswith("socket:") for folder in folders for file in folder.iterdir())


def unread(served: Served) -> list[int]:
    """Of each connection that is not over, the bytes that the server has still to read (proc_net_tcp)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    # established, and waiting to be closed
    mine = [one for one in rows if int(one[1].partition(":")[2], 16) == served.port and one[3] in {"01", "08"}]
    return [int(one[4].partition(":")[2], 16) for one in mine]


def is_live(served: Served) -> bool:
    return served.ask("/health/live")[0] == 200


def begin(served: Served, path: str, secret: str, method: str = "GET", **headers: object) -> socket.socket:
    """A connection on which a request has begun."""
    wire = socket.socket()
    # what is not read stays with the server
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wire.settimeout(60)
    wire.connect(("127.0.0.1", served.port))
    lines = {"Host": "localhost", "Authorization": f"Bearer {secret}", **headers}
    told = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    wire.sendall(f"{method} {path} HTTP/1.1\r\n{told}\r\n".encode())
    return wire


def told(wires: list[socket.socket], last: bytes = b"") -> Counter[int]:
    """What is answered on connections when the last of their requests has come."""
    found: Counter[int] = Counter()
    for wire in wires:
        wire.sendall(last)
    for wire in wires:
        answer = http.client.HTTPResponse(wire)
        answer.begin()
        found[answer.status] += 1
    return found


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="what a process holds is asked of Linux")
def test_slow_clients_and_clients_that_vanish_are_told_so_in_bounded_memory_and_keep_nobody_waiting(
    hub: Hub, serve: Callable[..., Served]
) -> None:
    adder, reader, reporter = token(hub, "vendor", "write"), token(hub, "csirt-th"), token(hub, "csirt-th", "report")
    own = {"authorization": f"Bearer {token(hub, 'police-th')}"}
    written = {"authorization": f"Bearer {token(hub, 'vendor', 'write')}", "content-type": MEDIA_TYPE}
    served = serve(hub.folder)
    length = LIMITS.body_bytes
    add = {"method": "POST", "Content_Type": MEDIA_TYPE, "Content_Length": length}
    report = {"method": "POST", "Content_Type": "text/csv", "Content_Length": length}
    rest = b" " * (length - 1)

    def ask_honestly(number: int) -> None:
        code, _, page = asked(served.port, PAGE, **own)
        assert (code, len(page["objects"])) == (200, OBJECTS)
        assert asked(served.port, ADD, "POST", envelope_of(number), **written)[0] == 202
        assert is_live(served)
        # the job is done, so that it counts for nothing
        served.hear("(add): ", number)

    def hang(number: int) -> None:
        """Have all of them hang at once, and be answered meanwhile."""
        with ExitStack() as stack:

            def held(path: str, secret: str, count: int, sent: bytes = b"", **how: object) -> list[socket.socket]:
                wires = []
                for _ in range(count):
                    wires.append(stack.enter_context(begin(served, path, secret, **how)))
                    wires[-1].sendall(sent)
                return wires

            pages = held(PAGE, reader, READERS)
            for wire in pages:
                # each has been heard: an answer has begun
                assert wire.recv(1, socket.MSG_PEEK)
            adds = held(ADD, adder, ADDS, rest, **add)
            reports = held("/outcomes", reporter, REPORTS, rest, **report)
            for each in range(VANISHING):
                with begin(served, ADD, adder, **add) as wire:
                    wire.sendall(rest[: length // 2])
                    if each % 2:
                        # it is not closed but torn off
                        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            for _ in range(HALF):
                wire = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), 60))
                wire.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * (LIMITS.headers_bytes // 2))
            while any(unread(served)):
                assert is_live(served)
            assert len(unread(served)) >= CONNECTIONS
            ask_honestly(number)
            added, reported, read = told(adds, b" "), told(reports, b" "), told(pages)
            assert added.keys() == {422, 503}
            assert added[422] <= MOST_OF_ONE
            assert reported.keys() == {422, 429}
            assert reported[422] <= partners.MOST_OF_ONE
            assert read.keys() == {200, 429}
            assert read[200] <= MOST_UNREAD
        while unread(served):
            assert is_live(served)

    # what is loaded by who asks first is loaded
    page = len(served.ask(PAGE, **own)[2])
    ask_honestly(1)
    told(reports := [begin(served, "/outcomes", reporter, **report)], rest + b" ")
    reports[0].close()
    while unread(served):
        assert is_live(served)
    open_before = sockets(served)
    forget_most(served)
    before = most_held(served)
    hang(2)
    grown = [most_held(served) - before]
    # afterwards the server is as before: the same again takes no more than that
    hang(3)
    grown.append(most_held(served) - before)
    assert max(grown) < bound(page)
    assert sockets(served) == open_before
    ask_honestly(4)
    assert end(served) == 0
    assert not any("error" in line for line in served.talk)
