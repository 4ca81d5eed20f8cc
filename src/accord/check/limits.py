"""How often an address and a network may ask, and how many of those who ask were seen: counted in memory of fixed size.

A limit is a virtual clock that runs ahead with every request (GCRA, ITU-T I.371), one for each of a fixed number of
slots. A key has a slot in each of two rows, by a keyed hash that only this process knows, and its clock is the slower
of the two (a count-min sketch with conservative update: Estan and Varghese, 2002). So no address is kept, nobody can
push another one out however many sources they ask from, and whoever shares both slots with others is at worst held
back too early, never too late.
"""

import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass

PERIOD_NS = 60 * 10**9
"""A key that has rested may ask at once for as much as it may in this time; an alarm's window has this length too."""

ADDRESS_BITS = 19
"""Slots in a row: with 20,000 other addresses a second, one in twenty of them shares both slots with a recent one."""
NETWORK_BITS = 15

_MOST_NETWORKS = 100
"""That are told of in a minute: what is written is bounded, however many ask too often."""


class Slots:
    """Counts requests of each key, in memory of fixed size."""

    __slots__ = ("_clock", "_each_ns", "_first", "_mask", "_salt", "_second", "_shift")

    def __init__(self, a_minute: int, *, bits: int, salt: bytes, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._each_ns = PERIOD_NS // a_minute
        self._mask = (1 << bits) - 1
        self._shift = 32
        self._salt = salt
        self._clock = clock
        self._first = array("q", bytes(8 << bits))
        self._second = array("q", bytes(8 << bits))

    def take(self, key: bytes) -> bool:
        """Count a request of this key; False where it is one too many."""
        # SipHash-1-3 under this process's own random key, and the salt where somebody has fixed that key
        place = hash(self._salt + key)
        first, second = place & self._mask, (place >> self._shift) & self._mask
        one, other = self._first[first], self._second[second]
        now = self._clock()
        run = max(min(one, other), now)
        if run + self._each_ns - now > PERIOD_NS:
            return False
        run += self._each_ns
        if one < run:
            self._first[first] = run
        if other < run:
            self._second[second] = run
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """That something went beyond what is usual, within one minute."""

    alarm: str
    """hit-ratio, network-limit, mail-limit, or silent-proxy: a proxy of ours does not say for whom it asks."""
    answers: int
    hits: int
    asn: int | None = None
    """Of network-limit and mail-limit: the network that asked too often; None: those whose network is not known."""


class Watch:
    """Counts answers and hits of each minute, and tells of each alarm, and of each network, once in it."""

    __slots__ = ("_answers", "_begun", "_clock", "_hits", "_least", "_percent", "_told")

    def __init__(self, *, percent: int, answers: int, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._percent = percent
        self._least = answers
        self._clock = clock
        self._begun = clock()
        self._answers = self._hits = 0
        self._told: set[tuple[str, int | None]] = set()

    def answered(self, *, hit: bool) -> Alarm | None:
        """Count an answer that told whether an address was seen; an alarm where it is due."""
        self._turn()
        self._answers += 1
        self._hits += hit
        if self._answers < self._least or self._hits * 100 < self._percent * self._answers:
            return None
        return self._once("hit-ratio")

    def refused(self, asn: int | None) -> Alarm | None:
        """That a network asked too often; an alarm once a minute."""
        self._turn()
        return self._once("network-limit", asn)

    def mail_refused(self, asn: int | None) -> Alarm | None:
        """That a network, or all together, asked too often by mail address; an alarm once a minute."""
        self._turn()
        return self._once("mail-limit", asn)

    def silent(self) -> Alarm | None:
        """That a proxy did not say for whom it asks; an alarm for the first of each minute."""
        self._turn()
        return self._once("silent-proxy")

    def _once(self, what: str, asn: int | None = None) -> Alarm | None:
        if (what, asn) in self._told or (asn is not None and len(self._told) >= _MOST_NETWORKS):
            return None
        self._told.add((what, asn))
        return Alarm(alarm=what, answers=self._answers, hits=self._hits, asn=asn)

    def _turn(self) -> None:
        now = self._clock()
        if now - self._begun >= PERIOD_NS:
            self._begun = now
            self._answers = self._hits = 0
            self._told.clear()
