"""What a network is to the check: whether one address there stands for one household, or for many."""

from enum import StrEnum

import msgspec


class NetworkKind(StrEnum):
    """The closed list of kinds; the order is the code that files store."""

    ORDINARY = "ordinary"
    HOSTING = "hosting"
    VPN = "vpn"
    CARRIER_NAT = "carrier-nat"
    SHARED = "shared"


NETWORK_KINDS: tuple[NetworkKind, ...] = tuple(NetworkKind)


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """Where an address is."""

    asn: int | None
    """The number of the network that announces it; None: not known."""
    kind: NetworkKind
