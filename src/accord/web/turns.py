"""Whose password is compared next: a comparison is slow on purpose, and whoever guesses keeps nobody else from one.

Some may wait at a time, of each source one. Sources that were wrong of late share a single place of these, however many
they are: the others are for who has not been.
"""

import threading
import time
from collections.abc import Callable

PLACES = 3
"""Comparisons that wait at a time: other requests have threads left."""
DOUBTED_PLACES = 1
"""Of them for sources that were wrong of late."""
DOUBTED_NS = 600 * 10**9
"""For how long one is, after it was wrong."""
MOST_SOURCES = 100_000
"""Sources that are remembered as wrong; one more, and the one that was wrong longest ago is forgotten."""


class Turns:
    """Gives places to sources, which are addresses or networks."""

    def __init__(self, *, clock: Callable[[], int] = time.monotonic_ns, most_sources: int = MOST_SOURCES) -> None:
        self._clock = clock
        self._most = most_sources
        self._lock = threading.Lock()
        # until when each is doubted; who was wrong last stands last
        self._doubted: dict[str, int] = {}
        # who waits, and whether it was doubted when it began to
        self._waiting: dict[str, bool] = {}

    def begin(self, source: str) -> bool:
        """May it wait for a comparison now? Then it has to call `end`."""
        with self._lock:
            doubted = self._clock() < self._doubted.get(source, 0)
            held = sum(one == doubted for one in self._waiting.values())
            room = held < (DOUBTED_PLACES if doubted else PLACES - DOUBTED_PLACES)
            if not room or source in self._waiting:
                return False
            self._waiting[source] = doubted
            return True

    def end(self, source: str, *, right: bool) -> None:
        """Its password was compared: it was right, or not."""
        with self._lock:
            del self._waiting[source]
            self._doubted.pop(source, None)
            if right:
                return
            self._doubted[source] = self._clock() + DOUBTED_NS
            if len(self._doubted) > self._most:
                del self._doubted[next(iter(self._doubted))]
