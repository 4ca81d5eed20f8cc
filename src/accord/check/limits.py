"""How often an address and a network may ask, and how many of those who ask were seen: counted in memory of fixed size.

A limit is a virtual clock that runs ahead with every request (GCRA, ITU-T I.371), one for each of a fixed number of
slots. A key has a slot in each of two rows, by a keyed hash that only this process knows, and its clock is the slower
of the two (a count-min sketch with conservative update: Estan and Varghese, 2002). So no address is kept, nobody can
push another one out however many sources they ask from, and whoever shares both slots with others is at worst held
back too early, never too late.

Over a day each address counts once, by its network: so it is seen who goes through a network slowly, or from machines
that are infected, however they mix what they ask with the same questions again. Which addresses counted already says a
Bloom filter (Bloom, 1970) of two bits for each, under a hash that only this process knows: no address is kept. It takes
some for counted that were not, at its fullest one in twenty, and never the other way round.
"""

import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass

PERIOD_NS = 60 * 10**9
"""A key that has rested may ask at once for as much as it may in this time; an alarm's window has this length too."""

DAY_NS = 24 * 60 * PERIOD_NS

ADDRESS_BITS = 19
"""Slots in a row: with 20,000 other addresses a second, one in twenty of them shares both slots with a recent one."""
NETWORK_BITS = 15

DAY_BITS = 25
"""Of the filter of a day: 4 MiB, which tell 4,194,304 addresses apart."""
TALLY_BITS = 17
"""Places for networks that ask within a day; 80,000 announce addresses."""

_MOST_NETWORKS = 100
"""That are told of in a minute, or of each alarm in a day: what is written is bounded, however many ask too often."""


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
        run = max(one if one < other else other, now)
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
    """That something went beyond what is usual."""

    alarm: str
    """Which: a key of MEANINGS."""
    answers: int | None = None
    """Of alarms over a minute: how many answers told whether an address was seen."""
    addresses: int | None = None
    """Of alarms over a day: how many addresses were told that, each counted once."""
    hits: int
    """How many of these were seen."""
    asn: int | None = None
    """The network that it is about; None: all, or those whose network is not known."""


MEANINGS: dict[str, str] = {
    "hit-ratio": "Of those who asked within this minute, unusually many were seen: somebody may go through addresses "
    "that they know to be infected.",
    "network-limit": "This network asked more often within a minute than it may, and is refused what is beyond that.",
    "mail-limit": "A network, or all together, asked more often by mail address than they may, and are refused what "
    "is beyond that.",
    "silent-proxy": "A proxy of check.proxies does not say for whom it asks, and nobody is told anything through it.",
    "day-network": "More addresses of this network asked within a day than alarm.day_addresses: somebody may go "
    "through all of its addresses.",
    "day-hits": "Of the addresses of this network that asked within a day, unusually many were seen: somebody may ask "
    "from machines that they know to be infected.",
    "day-hits-all": "Of all addresses that asked within a day, unusually many were seen: somebody may ask from "
    "machines in many networks that they know to be infected.",
    "day-full": "More addresses asked than can be told apart, before a day was over: the day's counts begin anew.",
}
"""What each alarm says to the operator (docs/check.md)."""


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


class Tallies:
    """Two counts for each network, exact, in arrays: lists in a dictionary take many times the room."""

    __slots__ = ("_asked", "_keys", "_left", "_mask", "_seen")

    def __init__(self, bits: int) -> None:
        self._keys = array("Q", bytes(8 << bits))
        self._asked = array("I", bytes(4 << bits))
        self._seen = array("I", bytes(4 << bits))
        self._mask = (1 << bits) - 1
        # a search ends at a free place; 0 is free, and 1 stands for what is not known
        self._left = (7 << bits >> 3) - 1

    def count(self, asn: int | None, *, hit: bool) -> tuple[int, int]:
        """Count an address of a network; how many of it asked, and how many of these were seen.

        Of more networks than there are places for, the rest counts as one that is not known.
        """
        place = self._place(1 if asn is None else asn + 2)
        self._asked[place] += 1
        self._seen[place] += hit
        return self._asked[place], self._seen[place]

    def _place(self, key: int) -> int:
        keys, mask = self._keys, self._mask
        place = key * _GOLDEN >> 15 & mask
        while (held := keys[place]) != key:
            if not held:
                if not self._left and key != 1:
                    return self._place(1)
                self._left -= self._left > 0
                keys[place] = key
                break
            place = place + 1 & mask
        return place


_GOLDEN = 2_654_435_769
"""2^32 divided by the golden ratio: Knuth, The Art of Computer Programming, 6.4, multiplicative hashing."""


class DayWatch:
    """Counts the addresses that were told something within a day, each once, and those of them that were seen."""

    __slots__ = (
        "_addresses", "_asked", "_begun", "_bits", "_clock", "_counted", "_least", "_mask", "_most", "_networks",
        "_percent", "_salt", "_seen", "_told",
    )  # fmt: skip

    def __init__(
        self,
        *,
        percent: int,
        answers: int,
        addresses: int,
        salt: bytes,
        bits: int = DAY_BITS,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`percent` of at least `answers` addresses were seen, or one network asked from more than `addresses`."""
        self._percent = percent
        self._least = answers
        self._addresses = addresses
        self._salt = salt
        self._bits = bits
        self._mask = (1 << bits) - 1
        # two bits in each of eight: a quarter of them is set then, less what fell together
        self._most = 1 << bits >> 3
        self._clock = clock
        self._begin()

    def answered(self, address: bytes, asn: int | None, *, hit: bool) -> Alarm | None:
        """Count an address (IPv4, or the first 64 bits of IPv6) that was told whether it was seen; an alarm where due.

        Whatever is due besides comes with the next one. The same steps are taken for a hit and a miss.
        """
        if self._clock() - self._begun >= DAY_NS:
            self._begin()
        place = hash(self._salt + address)
        first, second = place & self._mask, (place >> 32) & self._mask
        counted = self._counted
        one, other = 1 << (first & 7), 1 << (second & 7)
        if counted[first >> 3] & one and counted[second >> 3] & other:
            return None
        counted[first >> 3] |= one
        counted[second >> 3] |= other
        here = self._networks.count(asn, hit=hit)
        self._asked += 1
        self._seen += hit
        everybody = self._asked, self._seen
        if here[0] > self._addresses and (alarm := self._once("day-network", asn, here)) is not None:
            return alarm
        if self._is_much(here) and (alarm := self._once("day-hits", asn, here)) is not None:
            return alarm
        if self._is_much(everybody) and (alarm := self._once("day-hits-all", None, everybody)) is not None:
            return alarm
        if everybody[0] >= self._most:
            self._begin()
            return Alarm(alarm="day-full", addresses=everybody[0], hits=everybody[1])
        return None

    def _is_much(self, counts: tuple[int, int]) -> bool:
        return counts[0] >= self._least and counts[1] * 100 >= self._percent * counts[0]

    def _once(self, what: str, asn: int | None, counts: tuple[int, int]) -> Alarm | None:
        told = self._told.setdefault(what, set())
        if asn in told or len(told) >= _MOST_NETWORKS:
            return None
        told.add(asn)
        return Alarm(alarm=what, addresses=counts[0], hits=counts[1], asn=asn)

    def _begin(self) -> None:
        self._begun = self._clock()
        self._counted = bytearray(1 << self._bits >> 3)
        self._networks = Tallies(TALLY_BITS)
        self._asked = self._seen = 0
        self._told: dict[str, set[int | None]] = {}
