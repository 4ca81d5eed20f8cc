"""Which machines are seen on which day, from which address, and how often: the plan of a log before its rows are made.

A *pair* is a machine and a day on which it is seen, over IPv4 or over IPv6. There are as many pairs whatever the number
of rows: more rows mean that a machine calls more often on such a day.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accord.columns.kernel import compiled
from accord.training.draws import below, drawn, mixed, stream
from accord.training.outbreak import Outbreak
from accord.training.population import Numbers, Population, Small

Words = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

DAY_S = 86_400
_BUSY = (3, 2, 1, 1, 1, 1, 2, 4, 6, 7, 7, 7, 7, 7, 7, 7, 8, 9, 11, 12, 13, 12, 9, 5)
"""How many machines are switched on in each hour of their own clocks, relative to the others."""
_HOUR_OF = np.repeat(np.arange(24, dtype=np.int64), [round(256 * one / sum(_BUSY)) for one in _BUSY])
"""Answers to a draw."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """The pairs of one day, in the order of machines."""

    machine: Small
    six: Flags
    weight: Small
    """How often it calls, relative to the others."""
    key: Words
    """The start of a stream of its own."""

    def __len__(self) -> int:
        return len(self.machine)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Whereabouts:
    """Where the pairs of a day are, and between which seconds of the day they call."""

    block: Small
    high: Words
    """The address, as `reference.addresses` has it."""
    low: Words
    place: Numbers
    """Number of an IPv4 address among those of all blocks; -1 for IPv6."""
    begin: Small
    length: Small


class Activity:
    """Draws the pairs of any day of an outbreak."""

    def __init__(self, outbreak: Outbreak, population: Population, seed: int) -> None:
        self._population = population
        self._seed = seed
        self._visible = _visible(outbreak)
        self._offset = np.array([one.offset_h for one in outbreak.countries], np.int64)

    def pairs(self, day: int) -> Pairs:
        """Who is seen on a day (0: the first)."""
        people = self._population
        machine, weight = np.empty(len(people), np.int32), np.empty(len(people), np.int32)
        six, key = np.empty(len(people), np.bool_), np.empty(len(people), np.uint64)
        count = _see(
            stream(self._seed, "days"),
            day,
            int(self._visible[day]),
            (people.first, people.last, people.sure, people.rate),
            people.network,
            machine,
            six,
            weight,
            key,
        )
        return Pairs(machine=machine[:count], six=six[:count], weight=weight[:count], key=key[:count])

    def whereabouts(self, day: int, pairs: Pairs) -> Whereabouts:
        """Their addresses and hours on that day."""
        people, count = self._population, len(pairs)
        found = Whereabouts(
            block=people.home[pairs.machine],
            high=np.empty(count, np.uint64),
            low=np.empty(count, np.uint64),
            place=np.empty(count, np.int64),
            begin=np.empty(count, np.int32),
            length=np.empty(count, np.int32),
        )
        _locate(
            (stream(self._seed, "addresses"), stream(self._seed, "addresses6")),
            day,
            (pairs.machine, pairs.six, pairs.key),
            (people.line, people.network, people.place, people.blocks.base, people.blocks.size),
            self._offset[people.country[found.block]],
            (found.block, found.high, found.low, found.place, found.begin, found.length),
        )
        return found


def _visible(outbreak: Outbreak) -> Numbers:
    """How much of what there is the sinkhole sees on each day, of 65,536.

    Its share of the domains grows from 5 to 15 in a hundred until the takedown, and is whole from then on. At weekends
    a fifth of the machines stay off.
    """
    day = np.arange(outbreak.days)
    share = np.where(
        day < outbreak.takedown_day,
        65_536 * (5 * outbreak.takedown_day + 10 * day) // (100 * outbreak.takedown_day),
        65_536,
    )
    weekend = (outbreak.window_start.weekday() + day) % 7 >= 5
    return np.where(weekend, share * 4 // 5, share)


@compiled
def _see(
    start: np.uint64,
    day: int,
    visible: int,
    lives: tuple[Small, Small, Small, Small],
    network: Numbers,
    machines: Small,
    six: Flags,
    weight: Small,
    key: Words,
) -> int:
    first, last, sure, rate = lives
    count = 0
    for machine in range(len(first)):
        if day < first[machine] or day > last[machine]:
            continue
        number = drawn(drawn(start, machine), day)
        if day != sure[machine] and np.int64(number >> np.uint64(48)) >= (np.int64(rate[machine]) * visible) >> 16:
            continue
        machines[count] = machine
        six[count] = network[machine] >= 0 and number & np.uint64(7) < 5
        often = 1 + np.int64(number >> np.uint64(3) & np.uint64(3))
        if number >> np.uint64(5) & np.uint64(15) == 0:
            often += 8
        if number >> np.uint64(9) & np.uint64(511) == 0:
            often += 60
        weight[count] = often
        key[count] = mixed(number)
        count += 1
    return count


@compiled
def _locate(
    starts: tuple[np.uint64, np.uint64],
    day: int,
    pairs: tuple[Small, Flags, Words],
    population: tuple[Small, Numbers, Numbers, Numbers, Numbers],
    offset: Numbers,
    out: tuple[Small, Words, Words, Numbers, Small, Small],
) -> None:
    machines, six, key = pairs
    lines, network, places, base, size = population
    block, high, low, place, begin, length = out
    for pair in range(len(machines)):
        machine = machines[pair]
        if six[pair]:
            high[pair] = np.uint64(network[machine])
            # one to one: no machine and day have the address of others
            low[pair] = mixed(starts[1] ^ (np.uint64(machine) << np.uint64(8) | np.uint64(day)))
            place[pair] = -1
        else:
            home = block[pair]
            offered = _leased(starts[0], lines[machine], day, base[home], size[home])
            high[pair] = 0
            low[pair] = np.uint64(0xFFFF_0000_0000) | np.uint64(base[home] + offered)
            place[pair] = places[home] + offered
        number = drawn(key[pair], 0)
        hour = (_HOUR_OF[np.int64(number & np.uint64(255))] - offset[pair]) % 24
        at = 3600 * hour + below(number, 3600)
        on = 1800 + below(mixed(number), 8 * 3600)
        begin[pair] = min(at, DAY_S - 900)
        length[pair] = min(on, DAY_S - begin[pair])


@compiled
def _leased(start: np.uint64, line: int, day: int, base: int, size: int) -> np.int64:
    """Which address of its block a line has on a day. None ends in .0 or .255: those are few people's own."""
    number = drawn(start, line)
    kind = below(number, 100)
    if kind < 30:
        term = 0
    elif kind < 65:
        term = 1
    elif kind < 85:
        term = 3
    else:
        term = 7
    shift = np.int64(number & np.uint64(0xFFFF))
    lease = 0 if term == 0 else 1 + (day + shift % term) // term
    draw = drawn(number, lease)
    found: np.int64 = below(draw, size)
    while (base + found) & 255 == 0 or (base + found) & 255 == 255:
        draw = mixed(draw + np.uint64(1))
        found = below(draw, size)
    return found
