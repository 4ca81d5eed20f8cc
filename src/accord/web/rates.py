"""How often a client may ask: a virtual clock for each that runs ahead with every request (GCRA, ITU-T I.371).

So a client is one number, and what is not asked for in a while is forgotten: memory is bounded whoever asks.
"""

import ipaddress
import threading
import time
from collections.abc import Callable

from accord.web.addresses import read_address

PERIOD_NS = 60 * 10**9
"""A client that has rested may ask at once for as much as it may in this time."""

MOST_CLIENTS = 10_000
"""Clients that are remembered; one more, and the one that has not asked for longest is forgotten."""


class Rates:
    """Counts requests, those of each client apart."""

    def __init__(
        self, a_minute: int, *, clock: Callable[[], int] = time.monotonic_ns, most_clients: int = MOST_CLIENTS
    ) -> None:
        self._clock = clock
        self._each_ns = PERIOD_NS // a_minute
        self._most = most_clients
        self._lock = threading.Lock()
        # how far each client's clock has run; who asked last stands last
        self._run: dict[str, int] = {}

    def take(self, client: str) -> int:
        """Count a request; whole seconds until there may be another where it is one too many, else 0."""
        with self._lock:
            now = self._clock()
            run = max(self._run.pop(client, now), now)
            ahead = run + self._each_ns - now
            self._run[client] = run if ahead > PERIOD_NS else run + self._each_ns
            if len(self._run) > self._most:
                del self._run[next(iter(self._run))]
        # rounded up
        return max(0, -((PERIOD_NS - ahead) // 10**9))


def client_of(address: str) -> str:
    """For whom an address counts: itself, and of IPv6 the network that one site has (RFC 6177: a /64 at least)."""
    read = read_address(address)
    if read is None:
        return "an address"
    if isinstance(read, ipaddress.IPv4Address):
        return str(read)
    return str(ipaddress.ip_network((read.packed[:8] + bytes(8), 64)))
