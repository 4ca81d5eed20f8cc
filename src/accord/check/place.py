"""The table [check] of a workspace's settings: where check data is published, and what the hub says of networks.

[check]
folder = "check"
pepper_file = "check.pepper"
encrypted = true
carrier_nat = ["AS64500", "192.0.2.0/24"]
vpn = ["AS64501"]
hosting = ["2001:db8::/32"]
shared = ["198.51.100.7"]
ordinary = ["203.0.113.0/24"]
"""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from accord.check.networks import NetworkKind
from accord.vocabulary.errors import SettingsError
from accord.workspace.settings import TABLES, SettingsTable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_ASN = re.compile(r"AS([1-9][0-9]{0,9})", re.ASCII)
_KEYS = {kind: kind.value.replace("-", "_") for kind in NetworkKind}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPlace:
    """Where check data is published, and how it is told."""

    folder: Path
    pepper_file: Path
    encrypted: bool
    """Nobody can read on the way what the check tells: it is reached by TLS alone."""
    networks: tuple[tuple[Network, NetworkKind], ...]
    asns: tuple[tuple[int, NetworkKind], ...]
    """AS numbers; a network that is named by itself counts before its number, and the narrower before the wider."""


def read_check_place(table: SettingsTable, root: Path) -> CheckPlace:
    """The table [check] of a workspace's settings; `root` is the workspace. Raises SettingsError."""
    table.pass_over(*TABLES)
    if not table.offers("check"):
        raise SettingsError(
            "The workspace publishes no check data.",
            where=str(table.file),
            expected="a table [check] that names its folder and pepper_file",
            remedy='write [check], folder = "check", pepper_file = "check.pepper" (docs/check-data.md)',
        )
    own = table.table("check")
    networks: dict[Network, NetworkKind] = {}
    asns: dict[int, NetworkKind] = {}
    for kind, key in _KEYS.items():
        for text in own.texts(key):
            if match := _ASN.fullmatch(text):
                number = int(match[1])
                if number >= 1 << 32 or number in asns:
                    raise own.wrong(key, "AS numbers of 32 bits, each once", text)
                asns[number] = kind
                continue
            network = _network(own, key, text)
            if network in networks:
                raise own.wrong(key, "each network once", text)
            networks[network] = kind
    place = CheckPlace(
        folder=root / own.text("folder"),
        pepper_file=root / own.text("pepper_file"),
        encrypted=own.flag("encrypted", default=False),
        networks=tuple(networks.items()),
        asns=tuple(asns.items()),
    )
    own.done()
    if place.folder == place.pepper_file or place.folder in place.pepper_file.parents:
        raise own.wrong(
            "pepper_file", "a file outside the folder: who copies the folder must not get the pepper", "in it"
        )
    return place


def _network(table: SettingsTable, key: str, text: str) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        network = None
    if network is None or (network.version == 6 and network.prefixlen > 64):
        raise table.wrong(
            key, "networks such as 192.0.2.0/24 or 2001:db8::/32 (at most /64), or AS numbers: AS64500", text
        )
    return network
