"""The networks of a network owner, as it declares them: AS numbers and prefixes, each in its only spelling.

    AS64500    192.0.2.0/24    2001:db8::/32

What is in them is for this partner alone, so that one network has one owner.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NewType

Network = NewType("Network", str)
Prefix = ipaddress.IPv4Network | ipaddress.IPv6Network

WIDEST_V4, WIDEST_V6 = 8, 16
"""Bits of the widest prefixes: none that anybody holds is wider."""

_ASN = re.compile(r"AS([1-9][0-9]{0,9})", re.ASCII)
_MOST_ASN = (1 << 32) - 1


def read_network(text: str) -> Network | None:
    """A declared network; None: it is none, or not in its only spelling."""
    if (asn := _ASN.fullmatch(text)) is not None:
        return Network(text) if int(asn[1]) <= _MOST_ASN else None
    try:
        prefix = ipaddress.ip_network(text)
    except ValueError:
        return None
    widest = WIDEST_V4 if prefix.version == 4 else WIDEST_V6
    mapped = isinstance(prefix, ipaddress.IPv6Network) and prefix.network_address.ipv4_mapped is not None
    return Network(text) if str(prefix) == text and prefix.prefixlen >= widest and not mapped else None


def asns_of(networks: Iterable[Network]) -> frozenset[int]:
    """Their AS numbers."""
    return frozenset(int(one[2:]) for one in networks if one.startswith("AS"))


def prefixes_of(networks: Iterable[Network]) -> tuple[Prefix, ...]:
    """Their prefixes, IPv4 first, ascending."""
    read = [ipaddress.ip_network(one) for one in networks if not one.startswith("AS")]
    return tuple(sorted(read, key=lambda one: (one.version, int(one.network_address), one.prefixlen)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two declared networks that share addresses, or are one AS."""

    first: str
    """Whose the one is."""
    first_network: Network
    second: str
    second_network: Network


def overlaps(declared: Iterable[tuple[str, Iterable[Network]]]) -> Iterator[Overlap]:
    """What more than one owner declares, or one twice, from owners and their networks."""
    numbered: dict[int, tuple[str, Network]] = {}
    listed: list[tuple[Prefix, str, Network]] = []
    for owner, networks in declared:
        for one in networks:
            if one.startswith("AS"):
                before = numbered.setdefault(int(one[2:]), (owner, one))
                if before != (owner, one):
                    yield Overlap(first=before[0], first_network=before[1], second=owner, second_network=one)
            else:
                listed.append((ipaddress.ip_network(one), owner, one))
    listed.sort(key=lambda each: (each[0].version, int(each[0].network_address), each[0].prefixlen))
    # prefixes nest or are apart: one that overlaps an earlier one lies in the last that has not ended
    open_one: tuple[Prefix, str, Network] | None = None
    for each in listed:
        prefix = each[0]
        within = open_one is not None and open_one[0].version == prefix.version
        if open_one is not None and within and prefix.network_address <= open_one[0].broadcast_address:  # type: ignore[operator]
            yield Overlap(first=open_one[1], first_network=open_one[2], second=each[1], second_network=each[2])
        else:
            open_one = each
