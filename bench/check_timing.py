"""Whether the time of an answer says if an address was seen: Welch's t over a million questions, as dudect does it.

One connection asks for addresses that were seen and that were not, in an order drawn by chance, and takes the time of
each answer. The two classes are compared by Welch's t, over all times and over those below each of some percentiles of
all, since the longest times are those in which the machine did something else. |t| above 4.5 says that the classes can
be told apart (Reparaz, Balasch and Verbauwhede: Dude, is my code constant time?, 2017). Beside it stands the same for
two halves of those that were not seen, of which nobody could tell anything: how large |t| gets by chance.
"""

import argparse
import math
import random
import socket
import tempfile
import time
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from check_stand import HOST, draw_crowd, served, write_data
from measuring import Figures, Outcome, Target, say

VICTIMS, QUESTIONS = 1_000_000, 1_000_000
PERCENTILES = (50, 75, 90, 95, 99, 100)
POOL = 50_000


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--victims", type=int, default=VICTIMS, help=f"addresses; by default {VICTIMS:,}")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help=f"by default {QUESTIONS:,}")


def run(chosen: argparse.Namespace, rounds: int) -> Iterator[Outcome]:
    victims, questions = (100_000, 20_000) if chosen.small else (chosen.victims, chosen.questions)
    outcome = Outcome(
        name="check-timing",
        title=f"times of {questions:,} answers of the public check",
        options={"victims": victims, "questions": questions},
        targets={"largest_t": Target(limit=4.5)},
    )
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        crowd = draw_crowd(victims)
        write_data(folder / "data", crowd, 1)
        seen, others = crowd.few(POOL, 2)
        say(f"asking {questions:,} times")
        with served(folder) as service:
            for number in range(rounds):
                outcome.add(_ask_all(service.port, (seen, others), questions, number))
    yield outcome


def _ask_all(port: int, pools: tuple[Sequence[str], Sequence[str]], questions: int, seed: int) -> Figures:
    draw = random.Random(seed)
    requests = [[_request(address) for address in pool] for pool in pools]
    # every question in its order before the first is asked: the asker does the same for both
    classes = bytes(draw.getrandbits(1) for _ in range(questions))
    order = [requests[one][draw.randrange(POOL)] for one in classes]
    times = array("q", bytes(8 * questions))
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(order[0])
        size = _size_of(connection)
        room = memoryview(bytearray(size))
        clock = time.perf_counter_ns
        for place, request in enumerate(order):
            begun = clock()
            connection.sendall(request)
            left = size
            while left:
                left -= connection.recv_into(room[:left])
            times[place] = clock() - begun
    taken = np.array(times)
    which = np.frombuffer(classes, np.uint8)
    unseen = taken[which == 1]
    half = np.frombuffer(bytes(draw.getrandbits(1) for _ in unseen), np.uint8)
    real, chance = _largest_t(taken, which), _largest_t(unseen, half)
    return {
        "largest_t": real,
        "largest_t_by_chance": chance,
        "seen_median_us": float(np.median(taken[which == 0])) / 1000,
        "unseen_median_us": float(np.median(unseen)) / 1000,
    }


def _request(address: str) -> bytes:
    # of one length, so that the asker's own work is the same
    spelled = address.ljust(15)
    return f"POST /en HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\nX-Forwarded-For: {spelled}\r\n\r\n".encode()


def _size_of(connection: socket.socket) -> int:
    """Bytes of a whole answer: of each, as all are of one size."""
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(1 << 16)
    head, _, body = read.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(1 << 16)
    return len(head) + 4 + length


def _largest_t(taken: np.ndarray, which: np.ndarray) -> float:
    found = 0.0
    for percentile in PERCENTILES:
        near = taken <= np.percentile(taken, percentile)
        one, other = taken[near & (which == 0)].astype(float), taken[near & (which == 1)].astype(float)
        spread = math.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
        found = max(found, abs(one.mean() - other.mean()) / spread)
    return found
