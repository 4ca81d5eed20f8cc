"""The truth about addresses: which ones a log's good rows show, how often and when, and how many machines are behind.

It is written as Parquet beside `truth.json`, a row an address (`ADDRESSES`), because there may be millions. What is
held in memory while a log is streamed depends on the population and the days, not on the number of rows.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from accord.columns.kernel import compiled
from accord.reference.store import Reference
from accord.training.activity import DAY_S, Words
from accord.training.outbreak import Outbreak
from accord.training.population import Numbers, Population, Small
from accord.training.rows import Bytes, write_address
from accord.training.sheets import AddressesTruth
from accord.training.sinkhole import Calls
from accord.training.story import seconds

FILE = "truth-addresses.parquet"

ADDRESSES = pa.schema(
    [
        pa.field("value", pa.string(), nullable=False),
        # ISO 3166-1 alpha-2, by the primary source
        pa.field("country", pa.string(), nullable=False),
        # the second source names another country
        pa.field("conflict", pa.bool_(), nullable=False),
        pa.field("asn", pa.int64(), nullable=False),
        # distinct machines that called from it
        pa.field("machines", pa.int32(), nullable=False),
        # good rows
        pa.field("sightings", pa.int64(), nullable=False),
        pa.field("first_seen", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("last_seen", pa.timestamp("us", tz="UTC"), nullable=False),
    ]
)

_PIECE = 1 << 17
_TEXT = 39
"""Characters of the longest address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryCensus:
    """One country's infected systems."""

    addresses: int
    machines: int


class Census:
    """Counts addresses day by day, and writes them. Close it to have the sums, and to have the file complete."""

    def __init__(self, path: Path, outbreak: Outbreak, population: Population, reference: Reference) -> None:
        self._outbreak = outbreak
        self._population = population
        self._reference = reference
        self._writer = pq.ParquetWriter(path, ADDRESSES, compression="zstd", use_dictionary=["country", "conflict"])
        self._sightings = np.zeros(population.addresses, np.int32)
        self._first = np.zeros(population.addresses, np.int32)
        self._last = np.full(population.addresses, -1, np.int32)
        self._machine_days = self._address_days = self._six = 0
        self._six_of = np.zeros(len(population), np.int32)
        self._met: list[Words] = []
        self._by_country = np.zeros(len(outbreak.countries), np.int64)

    def add(self, day: Calls) -> None:
        """Count a day's calls. Days come in order, each once."""
        four, six = np.flatnonzero(~day.pairs.six), np.flatnonzero(day.pairs.six)
        start_s = day.day * DAY_S
        places = day.whereabouts.place[four]
        self._address_days += len(six) + _count(
            places,
            day.count[four],
            day.first_s[four] + start_s,
            day.last_s[four] + start_s,
            start_s,
            (self._sightings, self._first, self._last),
        )
        self._machine_days += len(day.pairs)
        self._met.append(places.astype(np.uint64) << np.uint64(32) | day.pairs.machine[four].astype(np.uint64))
        self._six += len(six)
        self._six_of[day.pairs.machine[six]] += 1
        self._write(
            day.whereabouts.block[six],
            (day.whereabouts.high[six], day.whereabouts.low[six]),
            np.ones(len(six), np.int64),
            day.count[six],
            (day.first_s[six] + start_s, day.last_s[six] + start_s),
        )

    def close(self) -> AddressesTruth:
        """Write the IPv4 addresses, and sum up."""
        met = np.concatenate(self._met)
        self._met = []
        met.sort()
        met = met[np.append(True, met[1:] != met[:-1])]
        where = (met >> np.uint64(32)).astype(np.int32)
        who = (met & np.uint64(0xFFFF_FFFF)).astype(np.int32)
        first = np.flatnonzero(np.append(True, where[1:] != where[:-1]))
        machines = np.diff(first, append=len(where))
        places = where[first].astype(np.int64)
        for at in range(0, len(places), _PIECE):
            self._write_four(places[at : at + _PIECE], machines[at : at + _PIECE])
        self._writer.close()
        each = np.bincount(who, minlength=len(self._population))
        return AddressesTruth(
            file=FILE,
            ipv4=len(places),
            ipv6=self._six,
            machines=len(self._population),
            shared=int(np.count_nonzero(machines > 1)),
            moving=int(np.count_nonzero(each + self._six_of > 1)),
            address_days=self._address_days,
            machine_days=self._machine_days,
        )

    def country(self, number: int) -> CountryCensus:
        """Sums of one of the outbreak's countries, once the census is closed."""
        people = self._population
        return CountryCensus(
            addresses=int(self._by_country[number]),
            machines=int(np.count_nonzero(people.country[people.home] == number)),
        )

    def _write_four(self, places: Numbers, machines: Numbers) -> None:
        blocks = self._population.blocks
        block = np.searchsorted(self._population.place, places, side="right") - 1
        number = blocks.base[block] + places - self._population.place[block]
        self._write(
            block.astype(np.int32),
            (np.zeros(len(places), np.uint64), np.uint64(0xFFFF_0000_0000) | number.astype(np.uint64)),
            machines,
            self._sightings[places],
            (self._first[places], self._last[places]),
        )

    def _write(
        self,
        block: Small,
        words: tuple[Words, Words],
        machines: Numbers,
        sightings: Numbers | Small,
        times: tuple[Small, Small],
    ) -> None:
        if not len(block):
            return
        number = self._population.country[block]
        self._by_country += np.bincount(number, minlength=len(self._by_country))
        country = pa.array([one.code for one in self._outbreak.countries], pa.string()).take(pa.array(number))
        second = self._reference.country_second
        other = second.name(second.rows(*words))
        network = self._reference.network
        begin = seconds(self._outbreak.window_start)
        first, last = (
            pa.array((one.astype(np.int64) + begin) * 1_000_000, pa.int64()).cast(ADDRESSES.field("first_seen").type)
            for one in times
        )
        self._writer.write_table(
            pa.table(
                [
                    _texts(*words),
                    country,
                    pc.fill_null(pc.not_equal(country, other), False),
                    network.number(network.rows(*words)),
                    pa.array(machines, pa.int64()).cast(pa.int32()),
                    pa.array(sightings.astype(np.int64)),
                    first,
                    last,
                ],
                schema=ADDRESSES,
            )
        )


def _texts(high: Words, low: Words) -> pa.StringArray:
    """Canonical texts of addresses."""
    text = np.empty(len(high) * _TEXT, np.uint8)
    offsets = np.zeros(len(high) + 1, np.int32)
    _write_all(high, low, text, offsets)
    return pa.StringArray.from_buffers(len(high), pa.py_buffer(offsets), pa.py_buffer(text[: offsets[-1]]))


@compiled
def _write_all(high: Words, low: Words, text: Bytes, offsets: npt.NDArray[np.int32]) -> None:
    at = 0
    for row in range(len(high)):
        at = write_address(text, at, high[row], low[row])
        offsets[row + 1] = at


@compiled
def _count(
    place: Numbers, count: Numbers, first: Small, last: Small, start_s: int, sums: tuple[Small, Small, Small]
) -> int:
    """Add up a day's calls by address; how many addresses were there."""
    sightings, earliest, latest = sums
    addresses = 0
    for pair in range(len(place)):
        at = place[pair]
        if latest[at] < start_s:
            addresses += 1
        if sightings[at] == 0 or first[pair] < earliest[at]:
            earliest[at] = first[pair]
        latest[at] = max(latest[at], last[pair])
        sightings[at] += count[pair]
    return addresses
