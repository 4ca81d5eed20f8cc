"""Network owners' networks held against the hub's range data: an AS that is known, addresses that are one's."""

from ipaddress import IPv4Network

import numpy as np

from accord.agreements.agreement import Register
from accord.agreements.networks import Network, Prefix, asns_of, prefixes_of
from accord.agreements.reading import merged
from accord.reference.addresses import MAPPED
from accord.reference.ranges import RangeTable
from accord.reference.store import Reference
from accord.vocabulary.errors import SettingsError


def demand_known_networks(standing: Register, declared: Register, reference: Reference) -> None:
    """Raise SettingsError where an AS that is new has no addresses, or one owner's prefix lies in another's AS."""
    changed = [
        one
        for name, one in sorted(declared.partners.items())
        if one.networks and (name not in standing.partners or standing.partners[name].networks != one.networks)
    ]
    if not changed:
        return
    table = reference.network
    numbers = table.numbers if table.numbers is not None else np.zeros(0, np.int64)
    for partner in changed:
        for asn in sorted(asns_of(partner.networks) - {*numbers.tolist()}):
            raise SettingsError(
                "The hub's range data knows no addresses of this AS.",
                where=f"partner {partner.id}: networks",
                expected="an AS that announces addresses",
                got=f"AS{asn}",
                remedy="`accord reference import --kind network` brings newer ranges; or declare its prefixes",
            )
    whole = merged(standing, declared)
    numbered = {asn: one.id for _, one in sorted(whole.partners.items()) for asn in asns_of(one.networks)}
    names = {one.id for one in changed}
    for _, partner in sorted(whole.partners.items()):
        for prefix in prefixes_of(partner.networks):
            for asn in _asns_in(prefix, table):
                other = numbered.get(asn)
                if other is not None and other != partner.id and names & {other, partner.id}:
                    raise _shared(partner.id, Network(str(prefix)), other, asn)


def _shared(owner: str, prefix: Network, other: str, asn: int) -> SettingsError:
    return SettingsError(
        f"A network has one owner, and AS{asn} is declared by {other}.",
        where=f"partner {owner}: networks",
        expected=f"networks outside of AS{asn}, as the hub's range data has it",
        got=prefix,
        remedy=f"find out whose it is; where both are right, {other} declares its prefixes instead of the AS",
    )


def _asns_in(prefix: Prefix, table: RangeTable) -> list[int]:
    """The AS numbers that have addresses in a prefix."""
    base = MAPPED if isinstance(prefix, IPv4Network) else 0
    first, last = base + int(prefix.network_address), base + int(prefix.broadcast_address)
    flat, numbers = table.ranges, table.numbers
    ends_high, ends_low = np.uint64(first >> 64), np.uint64(first & (1 << 64) - 1)
    starts_high, starts_low = np.uint64(last >> 64), np.uint64(last & (1 << 64) - 1)
    reach = (flat.end_high > ends_high) | ((flat.end_high == ends_high) & (flat.end_low >= ends_low))
    begun = (flat.start_high < starts_high) | ((flat.start_high == starts_high) & (flat.start_low <= starts_low))
    labels = np.unique(flat.label[reach & begun])
    return [] if numbers is None else sorted({int(one) for one in numbers[labels] if one >= 0})
