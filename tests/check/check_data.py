"""Check data made from plain words, for the tests of whoever reads it."""

import hmac
from collections.abc import Mapping
from datetime import UTC, date, datetime
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import numpy as np

from accord.check.layout import Family
from accord.check.networks import NETWORK_KINDS, NetworkKind
from accord.check.writing import Content, NetworkLine, Sightings, show_version, version_name, write_version

PEPPER = bytes(range(32))
MADE_AT = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
DAY = date(2026, 11, 28)
FAMILIES = (Family(name=""), Family(name="Mirai", platforms=("elf",)), Family(name="Simda", platforms=("win",)))

Told = Mapping[str, tuple[tuple[int, ...], date]]
"""Address, or mail address: places of families, and the last day."""
Ranges = Mapping[str, tuple[int | None, NetworkKind]]
"""First address of a range that goes on to the next one's: AS number and kind."""


def spelled(value: str) -> bytes:
    """What is hashed, as docs/check-data.md says it, by the standard library's `ipaddress`."""
    if "@" in value:
        return b"@" + value.encode()
    address = ip_address(value)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return b"\x06" + address.packed[:8]
        address = address.ipv4_mapped
    return b"\x04" + address.packed


def sightings(told: Told, sets: list[tuple[int, ...]], pepper: bytes, day: date) -> Sightings:
    """Records of what is told; new sets of families are put into `sets`."""
    if not told:
        return Sightings.none()
    for families, _ in told.values():
        if families not in sets:
            sets.append(families)
    digests = [hmac.digest(pepper, spelled(value), "sha256")[:20] for value in told]
    return Sightings(
        digests=np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 20),
        ages=np.array([(day - seen).days for _, seen in told.values()], np.uint8),
        sets=np.array([sets.index(families) for families, _ in told.values()], np.uint32),
    )


def line(ranges: Ranges, *, v6: bool) -> NetworkLine:
    """A whole line of addresses; what lies before the first range is ordinary, and of no known network."""
    rows = {0: (None, NetworkKind.ORDINARY)}
    for first, told in ranges.items():
        address = ip_address(first)
        if isinstance(address, IPv6Address) == v6:
            rows[int(address) >> 64 if v6 else int(address)] = told
    return NetworkLine(
        starts=np.array(sorted(rows), np.uint64 if v6 else np.uint32),
        asns=np.array([rows[at][0] or 0 for at in sorted(rows)], np.uint32),
        kinds=np.array([NETWORK_KINDS.index(rows[at][1]) for at in sorted(rows)], np.uint8),
    )


def publish(
    folder: Path,
    told: Told,
    *,
    mailboxes: Told | None = None,
    ranges: Ranges | None = None,
    made_at: datetime = MADE_AT,
    day: date = DAY,
    families: tuple[Family, ...] = FAMILIES,
    pepper: bytes = PEPPER,
) -> str:
    """Write a version and let it be the one that counts; its name."""
    sets: list[tuple[int, ...]] = []
    content = Content(
        made_at=made_at,
        day=day,
        families=families,
        addresses=sightings(told, sets, pepper, day),
        mailboxes=sightings(mailboxes or {}, sets, pepper, day),
        sets=sets,
        v4=line(ranges or {}, v6=False),
        v6=line(ranges or {}, v6=True),
    )
    name = version_name(made_at)
    write_version(folder, name, content, pepper)
    show_version(folder, name)
    return name
