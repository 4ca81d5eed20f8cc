"""The infected machines of an outbreak: where each stands, what it shares an address with, and when it can be seen.

Machines stand in *blocks* of their providers' addresses, and behind *lines*: what gets one IPv4 address at a time. Most
lines have one infected machine behind them, some have a household or an office (network address translation). A line
keeps its address, or gets another of its block every day, third day or week. Some machines have IPv6 beside it: a /64
of their own, and every day another address in it (RFC 8981).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accord.columns.kernel import compiled
from accord.training.draws import below, drawn, mixed, stream
from accord.training.ground import Blocks, Ground
from accord.training.outbreak import Outbreak, VictimCountry
from accord.training.story import scaled
from accord.vocabulary.errors import ReferenceDataError

Numbers = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]

BLOCK = 512
"""IPv4 addresses of a block."""
PER_BLOCK = 64
"""Infected machines of a block."""
SUBNETS = 1 << 16
"""/64s of a block of IPv6."""
PER_SUBNETS = 8
"""IPv4 blocks whose machines share one of IPv6."""

RATES = ((0.1, 32_768), (0.4, 9_830), (1.0, 2_621))
"""Share of the machines up to here, and on how many of 65,536 days such a machine is on and seen while it can be."""

_DRAWS = 1 << 16
"""Entries of a table that a 16-bit draw looks its answer up in."""
_QUICK, _SLOW, _BEFORE = 16, 80, 300
"""Of so many machines one is cleaned each day: after the takedown most, after it the rest, before it."""
_SLOWLY = 64
"""Of 256 machines, those that are cleaned slowly."""
_LATE = 40
"""Days after the takedown on which there still are new ones."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Population:
    """Machines (in the order of countries and blocks), and the blocks that they stand in."""

    blocks: Blocks
    country: Small
    """Of each block: its place in the outbreak's countries."""
    place: Numbers
    """Of each block: the number of its first address, when all blocks' addresses are numbered through."""
    home: Small
    """Of each machine: its block."""
    line: Small
    network: Numbers
    """Upper half of its IPv6 addresses; -1: it has none."""
    first: Small
    """The first and the last day on which it can be seen."""
    last: Small
    sure: Small
    """A day on which it is seen."""
    rate: Small
    """On how many of 65,536 other days between them it is seen, once all domains lead to the sinkhole."""

    def __len__(self) -> int:
        return len(self.home)

    @property
    def addresses(self) -> int:
        """IPv4 addresses of all blocks."""
        return int(self.blocks.size.sum())


def populate(outbreak: Outbreak, seed: int, scale: float, ground: Ground) -> Population:
    """Place the machines. Raises ReferenceDataError when the address tables hold no room for a country's."""
    four: list[Blocks] = []
    country: list[Small] = []
    home: list[Numbers] = []
    network: list[Numbers] = []
    done = 0
    for number, plan in enumerate(outbreak.countries):
        machines = scaled(plan.machines, scale)
        blocks = _blocks(plan, machines, seed, ground)
        own = np.arange(machines) * len(blocks) // machines
        four.append(blocks)
        country.append(np.full(len(blocks), number, np.int32))
        home.append(done + own)
        network.append(_networks(plan, own, seed, ground, certain=done == 0))
        done += len(blocks)
    homes = np.concatenate(home).astype(np.int32)
    size = np.concatenate([one.size for one in four])
    line, first, last, sure, rate = (np.empty(len(homes), np.int32) for _ in range(5))
    _join(stream(seed, "lines"), homes, line)
    _live(
        stream(seed, "lives"),
        *_tables(outbreak),
        outbreak.takedown_day,
        outbreak.days,
        np.array([round(share * 256) for share, _ in RATES], np.int32),
        np.array([rate for _, rate in RATES], np.int32),
        first,
        last,
        sure,
        rate,
    )
    return Population(
        blocks=Blocks(
            base=np.concatenate([one.base for one in four]), size=size, asn=np.concatenate([one.asn for one in four])
        ),
        country=np.concatenate(country),
        place=np.cumsum(size) - size,
        home=homes,
        line=line,
        network=np.concatenate(network),
        first=first,
        last=last,
        sure=sure,
        rate=rate,
    )


def _blocks(plan: VictimCountry, machines: int, seed: int, ground: Ground) -> Blocks:
    wanted = -(-machines // PER_BLOCK)
    blocks = ground.v4.blocks(ground.label(plan.code), wanted, BLOCK, stream(seed, f"blocks/{plan.code}"))
    if not len(blocks):
        raise ReferenceDataError(
            f"The address tables hold too few addresses of {plan.code} to simulate.",
            expected=f"networks that the country source gives to {plan.code}",
            got="none",
            remedy="use the bundled reference data",
        )
    return blocks


def _networks(plan: VictimCountry, home: Numbers, seed: int, ground: Ground, *, certain: bool) -> Numbers:
    """Upper halves of IPv6 addresses. `certain`: the first machine has one, so that no log is without IPv6."""
    wanted = 1 + int(home[-1]) // PER_SUBNETS
    blocks = ground.v6.blocks(ground.label(plan.code), wanted, SUBNETS, stream(seed, f"blocks6/{plan.code}"))
    network = np.full(len(home), -1, np.int64)
    if len(blocks):
        _connect(
            stream(seed, f"networks/{plan.code}"),
            home,
            blocks.base,
            blocks.size,
            plan.six,
            1 if certain else 0,
            network,
        )
    return network


def _tables(outbreak: Outbreak) -> tuple[Small, Small, Small, Small]:
    """Answers to 16-bit draws: the day of infection, and days until the cleaning before and after the takedown."""
    growing = [100 * (100 + day) for day in range(outbreak.growth_days + outbreak.takedown_day + 1)]
    fading = [growing[-1] // 3]
    while len(fading) < _LATE:
        fading.append(fading[-1] * 9 // 10)
    arrival = _quantiles([*growing, *fading]) - np.int32(outbreak.growth_days)
    return arrival, _quantiles(_leaving(_BEFORE)), _quantiles(_leaving(_QUICK)), _quantiles(_leaving(_SLOW))


def _leaving(one_in: int) -> list[int]:
    """How many of a thousand million are cleaned on each of 400 days; on the last, all that are left."""
    left, gone = 1_000_000_000, []
    for _ in range(399):
        gone.append(left // one_in)
        left -= gone[-1]
    return [*gone, left]


def _quantiles(weights: list[int]) -> Small:
    upto = np.cumsum(np.array(weights, np.int64))
    marks = np.arange(_DRAWS) * int(upto[-1]) // _DRAWS
    return np.searchsorted(upto, marks, side="right").astype(np.int32)


@compiled
def _connect(
    start: np.uint64, home: Numbers, base: Numbers, size: Numbers, six: int, certain: int, network: Numbers
) -> None:
    for machine in range(len(home)):
        if machine < certain or below(drawn(start, 2 * machine), 1000) < six:
            block = home[machine] % len(base)
            network[machine] = base[block] + below(drawn(start, 2 * machine + 1), size[block])


@compiled
def _join(start: np.uint64, home: Small, line: Small) -> None:
    current, left, block = -1, 0, -1
    for machine in range(len(home)):
        if left == 0 or home[machine] != block:
            current += 1
            block = home[machine]
            number = drawn(start, current)
            kind = below(number, 100)
            more = mixed(number)
            if kind < 84:
                left = 1
            elif kind < 96:
                left = 2 + below(more, 2)
            elif kind < 99:
                left = 4 + below(more, 7)
            else:
                left = 11 + below(more, 50)
        line[machine] = current
        left -= 1


@compiled
def _live(
    start: np.uint64,
    arrival: Small,
    before: Small,
    quick: Small,
    slow: Small,
    takedown: int,
    days: int,
    shares: Small,
    rates: Small,
    first: Small,
    last: Small,
    sure: Small,
    rate: Small,
) -> None:
    word = np.uint64(0xFFFF)
    for machine in range(len(first)):
        number = drawn(start, machine)
        more = mixed(number)
        begin = max(arrival[number & word], 0)
        end = begin + before[number >> np.uint64(16) & word]
        if end >= takedown:
            table = slow if (number >> np.uint64(32) & np.uint64(255)) < _SLOWLY else quick
            end = max(begin, takedown) + table[number >> np.uint64(48)]
        end = min(end, days - 1)
        seen = max(begin, takedown) if end >= takedown else begin
        first[machine], last[machine] = begin, end
        sure[machine] = seen + below(mixed(more), end - seen + 1)
        kind = np.int64(more & np.uint64(255))
        at = 0
        while at < len(shares) - 1 and kind >= shares[at]:
            at += 1
        rate[machine] = rates[at]
