"""Addresses as servers and proxies write them: IPv4 inside IPv6, and with a port behind."""

import ipaddress
import re

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_WITH_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::[0-9]{1,5})?", re.ASCII)


def read_address(text: str) -> Address | None:
    """An address; one of IPv4 that IPv6 carries (RFC 4291, 2.5.5.2) is that of IPv4. None: it is none."""
    try:
        read = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = read.ipv4_mapped if isinstance(read, ipaddress.IPv6Address) else None
    return read if mapped is None else mapped


def read_forwarded(text: str) -> Address | None:
    """An entry of X-Forwarded-For: an address, to which some proxies add a port (`192.0.2.1:80`, `[::1]:80`)."""
    said = _WITH_PORT.fullmatch(text)
    return read_address(text if said is None else said[1] or said[2])


def read_network(text: str) -> Network:
    """An address or a network; one of IPv4 that IPv6 carries is that of IPv4. Raises ValueError."""
    read = ipaddress.ip_network(text)
    if isinstance(read, ipaddress.IPv6Network) and read.subnet_of(_MAPPED):
        return ipaddress.IPv4Network((read.network_address.packed[12:], read.prefixlen - 96))
    return read
