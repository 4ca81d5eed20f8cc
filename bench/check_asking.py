"""Asking the public check again and again, as a proxy of its own would, and taking the time of its answers.

The benchmark and a test ask by it. A round is one question on each of some connections at once, all about addresses
that were seen or all about such that were not; which of both is drawn for each round. Over one connection each answer
has its own time. Over many the service answers several times as many in a second, as it is woken less often, and a
nanosecond more for each answer is as many more of a round as it has questions.
"""

import socket
import time
from contextlib import ExitStack
from ipaddress import IPv4Address

import numpy as np

SEEN, UNSEEN = 0, 1


def drawn(seen: np.ndarray, unseen: np.ndarray, rounds: int, each: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Addresses as numbers, a row of `each` for a round, and the class of each round; none again before all of them."""
    draw = np.random.default_rng(seed)
    which = draw.integers(0, 2, rounds).astype(np.uint8)
    order = np.empty((rounds, each), np.uint32)
    for kind, those in ((SEEN, seen), (UNSEEN, unseen)):
        rows = np.flatnonzero(which == kind)
        order[rows] = np.resize(draw.permutation(those), (len(rows), each))
    return order, which


def spelled(address: int) -> str:
    """Of one length, so that the asker's own work is the same."""
    return str(IPv4Address(address)).ljust(15)


def times_over(port: int, host: str, rounds: np.ndarray) -> np.ndarray:
    """Nanoseconds that each round takes, over as many connections as it has questions; the first is left aside."""
    head = f"POST /en HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nX-Forwarded-For: "
    times, clock = np.zeros(len(rounds), np.int64), time.perf_counter_ns
    with ExitStack() as opened:
        connections = [_connected(opened, port) for _ in rounds[0]]
        size = 0
        for place, addresses in enumerate(rounds.tolist()):
            questions = [
                (one, f"{head}{spelled(address)}\r\n\r\n".encode())
                for one, address in zip(connections, addresses, strict=True)
            ]
            begun = clock()
            for one, question in questions:
                one.sendall(question)
            if not place:
                size = max(map(_size_of, connections))
                room = memoryview(bytearray(size))
                continue
            for one in connections:
                left = size
                while left:
                    got = one.recv_into(room[:left])
                    if not got:
                        raise ConnectionError(f"the service hung up after {place} rounds")
                    left -= got
            times[place] = clock() - begun
    return times[1:]


def _connected(opened: ExitStack, port: int) -> socket.socket:
    connection = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=120))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _size_of(connection: socket.socket) -> int:
    """Bytes of a whole answer: of each, as all are of one size."""
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(1 << 16)
    head, _, body = read.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise ValueError(f"expected an answer, got {head[:80]!r}")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(1 << 16)
    return len(head) + 4 + length
