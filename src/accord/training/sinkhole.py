"""The logs of an outbreak's sinkhole, streamed: any number of rows in memory that their number hardly moves.

What is held is the population, one day's pairs, and the calls of an hour or, if they are few, of more. Rows stand in
the order of time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor, log10

import numpy as np

from accord.columns.kernel import compiled
from accord.training.activity import DAY_S, Activity, Pairs, Whereabouts, Words
from accord.training.draws import below, drawn, stream
from accord.training.outbreak import Outbreak
from accord.training.pieces import Pieces, pieces
from accord.training.population import Numbers, Population, Small
from accord.training.rows import FAULTS, GOOD, kind_of, place_of, write_rows
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.reasons import Rejected

OUTPUTS = 4
"""Plain, HTTP, IPv6 plain, IPv6 HTTP."""
SIX_ONE_IN, BROKEN_ONE_IN = 20, 100
"""Of so many rows, one is IPv6, and one is broken."""
HTTP_SHARE = 77
"""Of 256 rows, those in the HTTP layout."""

_BUFFER = 4 << 20
_SLICES = (2, 4, 8, 12, 24)
"""Into how many parts a day may be cut: so that a part is no longer than 65,535 seconds."""
_AT_ONCE = 1 << 17
"""Calls that a part may have; a twenty-fourth of a day may have more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """How many rows come when; all arrays are by [IPv6 or not] or [IPv6 or not, day]."""

    good: Numbers
    """Lines that are taken, one with a bad port included."""
    broken: Numbers
    """Broken lines, those with a bad port included."""
    pairs: Numbers
    weight: Numbers
    """Sum over the day's pairs."""
    calls: Numbers
    """Good lines; at least one for each pair."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calls:
    """How often each pair of a day calls: what the rows of the day say."""

    day: int
    pairs: Pairs
    whereabouts: Whereabouts
    count: Numbers
    first_s: Small
    """Second of the day of its first and last good row."""
    last_s: Small


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """Some rows of one day, for each output: their bytes (good until the next piece), and lines by kind."""

    data: tuple[memoryview, ...]
    lines: Numbers
    """[output, kind]: kinds are those of `rows.FAULTS`, and GOOD."""


def _fitting(share: float) -> str:
    """How much smaller a scale would have to be; nothing where none could be so small.

    Rounded down, since at a small scale countries with a single machine need more than their share.
    """
    if share < 0.0011:
        return ""
    places = -floor(log10(0.95 * share))
    return f": {floor(0.95 * share * 10**places) / 10**places:g} times this one"


class SinkholeLog:
    """The logs of one telling of an outbreak."""

    def __init__(self, outbreak: Outbreak, population: Population, seed: int, events: int) -> None:
        """`events`: rows in all. Raises SettingsError when there are too few for each pair to call."""
        self._outbreak = outbreak
        self._population = population
        self._seed = seed
        self._activity = Activity(outbreak, population, seed)
        self.plan = self._planned(events)

    def days(self) -> Iterator[Calls]:
        """The calls of each day, in order."""
        for day in range(self._outbreak.days):
            yield self._calls(day)

    @property
    def chance(self) -> tuple[np.uint64, np.uint64]:
        """Streams of the broken lines' kinds and places."""
        return stream(self._seed, "kinds"), stream(self._seed, "places")

    def pieces(self, *, quoted: bool) -> Pieces:
        """What rows are put together from."""
        return pieces(self._outbreak, self._population, stream(self._seed, "areas"), quoted=quoted)

    def date(self, day: int) -> datetime:
        """Midnight of a day."""
        return self._outbreak.window_start + timedelta(days=day)

    def _planned(self, events: int) -> Plan:
        pairs, weight = np.zeros((2, self._outbreak.days), np.int64), np.zeros((2, self._outbreak.days), np.int64)
        for day in range(self._outbreak.days):
            found = self._activity.pairs(day)
            for six in range(2):
                among = found.six == bool(six)
                pairs[six, day] = np.count_nonzero(among)
                weight[six, day] = found.weight[among].sum()
        rows = np.array([events - _rounded(events, SIX_ONE_IN), _rounded(events, SIX_ONE_IN)])
        broken = np.array([_rounded(int(one), BROKEN_ONE_IN) for one in rows])
        good = np.array([one - self._rejected(int(bad)) for one, bad in zip(rows, broken, strict=True)])
        if (good < pairs.sum(1)).any():
            needed = max(int(pairs[0].sum()) * 100 // 93, int(pairs[1].sum()) * 1000 // 49)
            raise SettingsError(
                "There are too few events for so many machines.",
                expected=f"at least {needed:,} events at this scale, so that every machine calls on each of its days",
                got=f"{events:,}",
                remedy=f"ask for more --events, or for a smaller --scale{_fitting(events / needed)}",
            )
        more = (good - pairs.sum(1))[:, None]
        upto = np.cumsum(weight, 1)
        share = np.diff(upto * more // np.maximum(upto[:, -1:], 1), prepend=0)
        return Plan(good=good, broken=broken, pairs=pairs, weight=weight, calls=pairs + share)

    def _rejected(self, broken: int) -> int:
        """Of the first so many broken lines, those that are no good lines with a bad port."""
        whole = broken // GOOD
        rest = [FAULTS[kind_of(self.chance[0], fault)] for fault in range(whole * GOOD, broken)]
        return whole * (GOOD - 1) + sum(one is not Rejected.PORT for one in rest)

    def _calls(self, day: int) -> Calls:
        pairs = self._activity.pairs(day)
        places = self._activity.whereabouts(day, pairs)
        count = np.ones(len(pairs), np.int64)
        for six in range(2):
            among = np.flatnonzero(pairs.six == bool(six))
            upto = np.cumsum(pairs.weight[among].astype(np.int64))
            more = int(self.plan.calls[six, day] - self.plan.pairs[six, day])
            if len(among):
                count[among] += np.diff(upto * more // upto[-1], prepend=0)
        first, last = np.empty(len(pairs), np.int32), np.empty(len(pairs), np.int32)
        _span(pairs.key, count, places.begin, places.length, first, last)
        return Calls(day=day, pairs=pairs, whereabouts=places, count=count, first_s=first, last_s=last)


class RowWriter:
    """Writes the rows of a log. Its days are to be given in their order, each once."""

    def __init__(self, log: SinkholeLog, *, quoted: bool, layouts: bool) -> None:
        """`quoted`: every field in quotes. `layouts`: in four outputs; else all rows are plain, in the first."""
        self._log = log
        self._pieces = log.pieces(quoted=quoted)
        self._quoted = quoted
        self._share = HTTP_SHARE if layouts else 0
        self._outputs = (0, 1, 2, 3) if layouts else (0, 0, 0, 0)
        self._out = np.empty((OUTPUTS if layouts else 1, _BUFFER), np.uint8)
        self._totals = np.stack([log.plan.good, log.plan.broken], 1)
        self._state = np.zeros((2, 3), np.int64)
        for six in range(2):
            self._state[six, 2] = place_of(log.chance[1], 0, *self._totals[six].tolist())

    def rows(self, day: Calls) -> Iterator[Piece]:
        """The rows of a day in the order of time, as much as there is room for at a time."""
        date = np.frombuffer(self._log.date(day.day).strftime("%Y-%m-%d ").encode(), np.uint8)
        done = np.zeros(len(day.pairs), np.int64)
        length_s = DAY_S // next((one for one in _SLICES if day.count.sum() <= one * _AT_ONCE), _SLICES[-1])
        for until in range(length_s, DAY_S + 1, length_s):
            owner, second, number = _slice(day, done, until - length_s, until)
            at = 0
            while at < len(owner):
                used = np.zeros(OUTPUTS, np.int64)
                lines = np.zeros((OUTPUTS, GOOD + 1), np.int64)
                at = write_rows(
                    (at, len(owner)),
                    (owner, second, number),
                    (
                        day.pairs.key,
                        day.whereabouts.high,
                        day.whereabouts.low,
                        day.whereabouts.block,
                        day.pairs.six,
                    ),
                    (self._pieces.blob, self._pieces.bounds, self._pieces.sections),
                    (date, self._quoted, self._share, self._outputs),
                    self._log.chance,
                    self._totals,
                    self._state,
                    self._out,
                    used,
                    lines,
                )
                data = tuple(memoryview(self._out[one])[: used[one]] for one in range(len(self._out)))
                yield Piece(data=data, lines=lines)


def _slice(day: Calls, done: Numbers, begin: int, until: int) -> tuple[Small, Small, Small]:
    """The calls from one second of the day to before another: pair, second and number, by time.

    `done` says how many calls of each pair came before, and is moved on.
    """
    calls = (day.pairs.key, day.count, day.whereabouts.begin, day.whereabouts.length)
    nothing = np.empty(0, np.int32)
    count = _gather(calls, done, until, nothing, nothing, nothing)
    owner, second, number = (np.empty(count, np.int32) for _ in range(3))
    _gather(calls, done, until, owner, second, number)
    order = np.argsort((second - begin).astype(np.uint16), kind="stable")
    return owner[order], second[order], number[order]


def _rounded(number: int, one_in: int) -> int:
    return (2 * number + one_in) // (2 * one_in)


@compiled
def _second(key: np.uint64, number: int, count: int, begin: int, length: int) -> np.int64:
    """When a pair makes its call `number` of `count`: one in each of so many equal parts of its time."""
    return begin + (length * number + below(drawn(~key, number), length)) // count


@compiled
def _span(key: Words, count: Numbers, begin: Small, length: Small, first: Small, last: Small) -> None:
    for pair in range(len(key)):
        first[pair] = _second(key[pair], 0, count[pair], begin[pair], length[pair])
        last[pair] = _second(key[pair], count[pair] - 1, count[pair], begin[pair], length[pair])


@compiled
def _gather(
    calls: tuple[Words, Numbers, Small, Small],
    done: Numbers,
    until: int,
    owner: Small,
    second: Small,
    number: Small,
) -> int:
    """Put the next calls before `until` where there is room for all of them, else only count them."""
    key, count, begin, length = calls
    found = 0
    for pair in range(len(key)):
        if begin[pair] >= until:
            continue
        at = done[pair]
        while at < count[pair]:
            when = _second(key[pair], at, count[pair], begin[pair], length[pair])
            if when >= until:
                break
            if len(owner):
                owner[found], second[found], number[found] = pair, when, at
            found += 1
            at += 1
        if len(owner):
            done[pair] = at
    return found
