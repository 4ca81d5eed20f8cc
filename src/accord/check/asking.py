"""Who asks: the address that a connection comes from, or that a trusted proxy says; and whether their own page asks.

The source address of the connection is all that lets anybody learn anything, so nobody else's word on it counts.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable, Sequence

from accord.web.addresses import Network, read_forwarded
from accord.web.guarding import host_name

MOST_FORWARDED = 1000
"""Characters of X-Forwarded-For that are read."""

_MAPPED = bytes(10) + b"\xff\xff"
"""RFC 4291, 2.5.5.2: an IPv4 address that is written as IPv6."""

_TEREDO = b"\x20\x01\x00\x00"

_INSIDE = tuple(
    (int(network.network_address), int(network.netmask))
    for network in map(
        ipaddress.IPv4Network,
        # RFC 6890 and its registry, without what is for documentation; multicast and what lies behind it
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.168.0.0/16 "
        "198.18.0.0/15 224.0.0.0/3".split(),
    )
)

_MAYBE_INSIDE = frozenset(
    first
    for first in range(256)
    if any((first << 24) & mask & 0xFF00_0000 == begin & 0xFF00_0000 for begin, mask in _INSIDE)
)


_OWN_SITES = frozenset({"same-origin", "none"})

_ORIGIN = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
"""As browsers write it (RFC 6454, 6.2): a scheme, a name and, where it is not the scheme's own, a port."""


class Proxies:
    """Whose word on who asks is believed."""

    __slots__ = ("_networks", "_single")

    def __init__(self, networks: Iterable[Network]) -> None:
        networks = tuple(networks)
        single = [one for one in networks if one.prefixlen == one.max_prefixlen]
        self._single = frozenset(one.network_address.packed for one in single)
        self._networks = tuple(
            (one.max_prefixlen // 8, int(one.network_address), int(one.netmask))
            for one in networks
            if one not in single
        )

    def __contains__(self, address: bytes) -> bool:
        if address in self._single:
            return True
        if not self._networks:
            return False
        number = int.from_bytes(address, "big")
        return any(len(address) == size and number & mask == begin for size, begin, mask in self._networks)

    def asked_for(self, forwarded: Sequence[str]) -> bytes | None:
        """For whom a proxy of ours asks, by each X-Forwarded-For in the order they came; None: it does not say.

        What stands last is its own word; what stands before that is the word of whom it names, who counts only if it
        is a proxy of ours as well.
        """
        said = ",".join(forwarded)
        if len(said) > MOST_FORWARDED:
            return None
        named: bytes | None = None
        for one in reversed(said.split(",")):
            named = _forwarded(one.strip(" \t"))
            if named is None or named not in self:
                return named
        return named


def _forwarded(text: str) -> bytes | None:
    named = packed(text)
    if named is None:
        read = read_forwarded(text)
        named = None if read is None else read.packed
    return named


def packed(text: str) -> bytes | None:
    """An address of 4 or 16 bytes, IPv4 written as IPv6 being IPv4; None: this is none (RFC 4291, RFC 6943)."""
    try:
        if ":" not in text:
            return socket.inet_pton(socket.AF_INET, text)
        address = socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        # ValueError: a zero byte, or a letter that is not ASCII
        return None
    return address[12:] if address.startswith(_MAPPED) else address


def peer(client: str) -> bytes | None:
    """The address that a connection comes from, by the server's word: `192.0.2.1:4711` or `[2001:db8::1]:4711`.

    Behind one of a link stands by which interface it came, as `[fe80::1%2]:4711` (RFC 4007, 11).
    """
    return packed(client.rpartition(":")[0].strip("[]").partition("%")[0])


def is_inside(address: bytes) -> bool:
    """Is it an address that nobody has on the public internet: a proxy that is not named, or a visitor from inside?"""
    if len(address) == 16:
        # RFC 4291, 2.4, and IANA: addresses of the public internet begin with the bits 001. All who use one Teredo
        # server (RFC 4380, 4) have one /64
        return address[0] >> 5 != 1 or address[:4] == _TEREDO
    if address[0] not in _MAYBE_INSIDE:
        return False
    number = int.from_bytes(address, "big")
    return any(number & mask == begin for begin, mask in _INSIDE)


def is_own_page(host: str, origins: Sequence[str], sites: Sequence[str]) -> bool:
    """May this POST come from our own page, or from a program that is no browser?

    A browser says where a page comes from that posts a form: in Sec-Fetch-Site (Fetch Metadata), older ones in Origin
    alone (RFC 6454, 7.3), both of which no page can set. `none` is a person's own doing, such as loading again.
    """
    if not _OWN_SITES.issuperset(sites):
        return False
    for origin in origins:
        said = _ORIGIN.fullmatch(origin)
        if said is None or said[1].lower() != host_name(host):
            return False
    return True
