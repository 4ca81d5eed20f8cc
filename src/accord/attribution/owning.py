"""What is in a network owner's own networks: addresses by AS or prefix, names by addresses, networks by prefix."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from accord.agreements.networks import Network, asns_of, prefixes_of
from accord.attribution.locating import resolve
from accord.reference.addresses import MAPPED, parse_addresses
from accord.reference.flattening import Ranges
from accord.reference.ranges import RangeTable
from accord.reference.store import Reference
from accord.vocabulary.indicators import TYPE_CODES, IndicatorType

Mask = npt.NDArray[np.bool_]

_LOW = (1 << 64) - 1


class OwnNetworks:
    """The networks of one owner, which addresses are held against."""

    def __init__(self, networks: Sequence[Network], reference: Reference, others: Sequence[Network] = ()) -> None:
        """`reference`: its ranges say which addresses an AS has. `others`: what other owners declare, whose prefixes
        stay theirs whatever the ranges come to say.
        """
        self._asns = pa.array(sorted(asns_of(networks)), pa.int64())
        self._reference = reference
        self._prefixes = _table(networks)
        self._others = _table(others)

    def hold(self, addresses: pa.StringArray) -> Mask:
        """Which addresses are in one of them; null is in none."""
        high, low = parse_addresses(addresses)
        table = self._reference.network
        mine = _among(table.number(table.rows(high, low)), self._asns) & (self._others.rows(high, low) < 0)
        mine |= self._prefixes.rows(high, low) >= 0
        return np.asarray(mine & pc.is_valid(addresses).to_numpy(zero_copy_only=False))

    def resolved(self, places: pa.Table, resolutions: pa.Table) -> pa.Table:
        """PLACES with what these resolutions say of names that were in them, and nothing that they say of others."""
        mine = resolutions.filter(pa.array(self.hold(resolutions["address"].combine_chunks())))
        return resolve(places, mine, self._reference)

    def own(self, types: npt.NDArray[np.int8], values: pa.StringArray, places: pa.Table) -> Mask:
        """Which findings are in them. `places`: `attribution.locating.PLACES`, with resolutions to them alone.

        A network counts where a declared prefix holds all of it: an AS may have a part. An AS number is nowhere.
        """
        mine = self.hold(places["address"].combine_chunks())
        mine |= np.asarray(pc.list_value_length(places["resolved"].combine_chunks())) > 0
        networks = np.flatnonzero(types == TYPE_CODES[IndicatorType.CIDR])
        if len(networks):
            mine[networks] = self._within(values.take(pa.array(networks)))
        return mine

    def _within(self, networks: pa.StringArray) -> Mask:
        from ipaddress import ip_network

        read = [ip_network(one) for one in networks.to_pylist()]
        first, last = (
            self._prefixes.rows(*parse_addresses(pa.array([str(one[end]) for one in read], pa.string())))
            for end in (0, -1)
        )
        return np.asarray((first >= 0) & (first == last))


def _among(numbers: pa.Int64Array, asns: pa.Int64Array) -> Mask:
    return np.asarray(pc.is_in(numbers, value_set=asns, skip_nulls=True).to_numpy(zero_copy_only=False), np.bool_)


def _table(networks: Sequence[Network]) -> RangeTable:
    """The prefixes as ranges; each its own, as they never overlap."""
    ends = []
    for one in prefixes_of(networks):
        base = MAPPED if one.version == 4 else 0
        ends.append((base + int(one.network_address), base + int(one.broadcast_address)))
    ends.sort()

    def words(end: int, shift: int) -> npt.NDArray[np.uint64]:
        return np.array([each[end] >> shift & _LOW for each in ends], np.uint64)

    ranges = Ranges(
        start_high=words(0, 64),
        start_low=words(0, 0),
        end_high=words(1, 64),
        end_low=words(1, 0),
        label=np.arange(len(ends), dtype=np.int32),
    )
    return RangeTable.build(ranges, pa.nulls(len(ends), pa.string()), flat=True)
