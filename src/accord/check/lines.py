"""The table of networks of a version: AS numbers from the reference data, kinds from the warning lists and the hub.

A warning list that Accord classes as *shared* says that many customers stand behind its addresses; of which kind is
said here. Where several lists hold an address, the kind counts by which the check can tell least. Lists of hosting
companies know most of their IPv4 networks, and few of the newer and IPv6 ones: where they hold MOSTLY of what an AS
has by IPv4, all of it is hosting. What the hub says of an AS counts before the lists, and what it says of a network
before that, the narrower before the wider.

IPv6 is told of by /64: a list that holds a part of one holds it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accord.check.networks import NETWORK_KINDS, NetworkKind
from accord.check.place import CheckPlace, Network
from accord.check.writing import NetworkLine
from accord.reference.addresses import MAPPED
from accord.reference.ranges import RangeTable
from accord.reference.warningclasses import WarningClass
from accord.reference.warninglists import WarningLists

Numbers = npt.NDArray[np.uint64]
Spans = tuple[Numbers, Numbers]
"""First and last of each range."""

VPN = frozenset({"vpn-ipv4", "vpn-ipv6"})
HOSTING = frozenset(
    """
    amazon-aws cloudflare fastly github google-gcp microsoft-azure microsoft-azure-china microsoft-azure-germany
    microsoft-azure-us-gov ovh-cluster stackpath zscaler
    """.split()
)
"""Networks that deliver others' content are relays too: Apple's Private Relay goes out by Cloudflare and Fastly, too,
Cloudflare has a relay of its own, and companies' people go out by Zscaler. Akamai's servers stand in providers'
networks, which are none; its relays are on the lists of VPNs."""
_ASCENDING = (NetworkKind.SHARED, NetworkKind.HOSTING, NetworkKind.VPN)
"""The later, the less can be told."""

MOSTLY = 0.75
"""Of an AS's IPv4 addresses. Of those with customers at home the lists hold little (docs/check-data.md)."""

_CARRIERS_V4 = (0x6440_0000, 0x647F_FFFF)
"""100.64.0.0/10: RFC 6598, between carriers' translators and their customers."""


def kind_of_list(slug: str, meaning: WarningClass) -> NetworkKind:
    """What a warning list says of the addresses that it holds."""
    if meaning is not WarningClass.SHARED:
        return NetworkKind.ORDINARY
    if slug in VPN:
        return NetworkKind.VPN
    return NetworkKind.HOSTING if slug in HOSTING else NetworkKind.SHARED


def network_lines(networks: RangeTable, lists: WarningLists, place: CheckPlace) -> tuple[NetworkLine, NetworkLine]:
    """The lines of IPv4 addresses and of IPv6 /64s."""
    lines = [_line(networks, lists, place, v6=v6) for v6 in (False, True)]
    hosters = lines[0].mostly_hosting()
    return lines[0].told(hosters, place), lines[1].told(hosters, place)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """Where anything changes, and what announcements and lists say from there on."""

    cuts: Numbers
    asns: npt.NDArray[np.uint32]
    kinds: npt.NDArray[np.uint8]
    own: tuple[tuple[tuple[int, int], NetworkKind], ...]
    """What the hub says of networks, and the standard: the later before the earlier."""
    v6: bool

    def mostly_hosting(self) -> npt.NDArray[np.uint32]:
        """The AS numbers of which the lists hold MOSTLY all IPv4 addresses as hosting or VPN."""
        sizes = np.diff(np.append(self.cuts, np.uint64(1 << 32))).astype(np.float64)
        numbers, at = np.unique(self.asns, return_inverse=True)
        held = np.isin(self.kinds, [NETWORK_KINDS.index(one) for one in (NetworkKind.HOSTING, NetworkKind.VPN)])
        mostly = np.bincount(at, sizes * held) >= MOSTLY * np.bincount(at, sizes)
        return numbers[mostly & (numbers > 0)]

    def told(self, hosters: npt.NDArray[np.uint32], place: CheckPlace) -> NetworkLine:
        """With what follows for whole networks, and what the hub says of them."""
        kinds = self.kinds.copy()
        known = kinds == NETWORK_KINDS.index(NetworkKind.VPN)
        kinds[np.isin(self.asns, hosters) & ~known] = NETWORK_KINDS.index(NetworkKind.HOSTING)
        for asn, kind in place.asns:
            kinds[self.asns == asn] = NETWORK_KINDS.index(kind)
        for (first, last), kind in self.own:
            kinds[(self.cuts >= np.uint64(first)) & (self.cuts <= np.uint64(last))] = NETWORK_KINDS.index(kind)
        # where nothing changes, no range begins
        begins = np.append(True, (self.asns[1:] != self.asns[:-1]) | (kinds[1:] != kinds[:-1]))
        return NetworkLine(
            starts=self.cuts[begins].astype(np.uint64 if self.v6 else np.uint32),
            asns=self.asns[begins],
            kinds=kinds[begins],
        )


def _line(networks: RangeTable, lists: WarningLists, place: CheckPlace, *, v6: bool) -> _Line:
    announced, numbers = _announced(networks, v6=v6)
    held = {kind: _held(lists, kind, v6=v6) for kind in _ASCENDING}
    own = [(_span(one), kind) for one, kind in sorted(place.networks, key=lambda each: each[0].prefixlen)
           if (one.version == 6) is v6]  # fmt: skip
    if not v6:
        own.insert(0, (_CARRIERS_V4, NetworkKind.CARRIER_NAT))
    cuts = _cuts([announced, *held.values(), *(_array(span) for span, _ in own)], v6=v6)
    at = _covering(announced, cuts)
    asns = np.where(at >= 0, numbers[at] if len(numbers) else 0, 0).astype(np.uint32)
    kinds = np.zeros(len(cuts), np.uint8)
    for kind in _ASCENDING:
        kinds[_covering(held[kind], cuts) >= 0] = NETWORK_KINDS.index(kind)
    return _Line(cuts=cuts, asns=asns, kinds=kinds, own=tuple(own), v6=v6)


def _announced(networks: RangeTable, *, v6: bool) -> tuple[Spans, npt.NDArray[np.int64]]:
    """The ranges that networks announce, disjoint, and the AS number of each; 0: none is known."""
    numbers = networks.numbers if networks.numbers is not None else np.zeros(len(networks.names), np.int64)
    labels = networks.ranges.label
    own = np.zeros(len(labels), np.bool_)
    own[networks.first_v4 : networks.first_v4 + len(networks.start_v4)] = True
    asns = np.maximum(numbers[labels], 0)
    if not v6:
        return (networks.start_v4.astype(np.uint64), networks.end_v4.astype(np.uint64)), asns[own]
    ranges = networks.ranges
    # a /64 belongs to whoever announces its first address
    first = ranges.start_high[~own] + (ranges.start_low[~own] > 0)
    last = ranges.end_high[~own]
    whole = first <= last
    return (first[whole], last[whole]), asns[~own][whole]


def _held(lists: WarningLists, kind: NetworkKind, *, v6: bool) -> Spans:
    """The ranges that lists of this kind hold; of IPv6 they may overlap, once widened to whole /64s."""
    members = np.zeros(lists.index.sets.shape[1], np.uint64)
    for number, (sheet, meaning) in enumerate(zip(lists.index.lists, lists.classes, strict=True)):
        if kind_of_list(sheet.slug, meaning) is kind:
            members[number // 64] |= np.uint64(1 << number % 64)
    ranges = lists.index.ranges.ranges
    mine = np.asarray((lists.index.sets & members).any(axis=1))[ranges.label]
    low = np.uint64(0xFFFF_FFFF)
    is_v4 = (ranges.start_high == 0) & (ranges.start_low >> np.uint64(32) == np.uint64(MAPPED >> 32))
    if not v6:
        return ranges.start_low[mine & is_v4] & low, ranges.end_low[mine & is_v4] & low
    return ranges.start_high[mine & ~is_v4], np.maximum.accumulate(ranges.end_high[mine & ~is_v4])


def _span(network: Network) -> tuple[int, int]:
    first, last = int(network[0]), int(network[-1])
    return (first, last) if network.version == 4 else (first >> 64, last >> 64)


def _array(span: tuple[int, int]) -> Spans:
    return np.array([span[0]], np.uint64), np.array([span[1]], np.uint64)


def _cuts(spans: Sequence[Spans], *, v6: bool) -> Numbers:
    """Where anything begins, or something else after it has ended; 0 is the first."""
    # the last /64 of all has none behind it, and its number goes round to 0
    cuts = np.unique(
        np.concatenate(
            [np.zeros(1, np.uint64), *(one for first, last in spans for one in (first, last + np.uint64(1)))]
        )
    )
    return cuts if v6 else cuts[cuts <= np.uint64(0xFFFF_FFFF)]


def _covering(spans: Spans, cuts: Numbers) -> npt.NDArray[np.int64]:
    """The range that holds each place; -1: none."""
    first, last = spans
    if not len(first):
        return np.full(len(cuts), -1, np.int64)
    at = np.searchsorted(first, cuts, side="right").astype(np.int64) - 1
    at[(at < 0) | (last[at] < cuts)] = -1
    return at
