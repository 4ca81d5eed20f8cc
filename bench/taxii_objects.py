"""Indicators of exactly 765 bytes, as another program writes them (STIX 2.1, 4.7), and envelopes of them."""

import json
from collections.abc import Iterable, Iterator
from uuid import UUID

BYTES = 765
"""Of an object as JSON without spaces."""

FIRST = 73 << 24
"""The first address: from 73.0.0.0 on, 16 million that the bundled reference data place in one country."""

COUNTRY = "US"

_TEXT = (
    "This server answered bots that asked it for orders, as seen in traffic that the sinkhole's operator let through. "
)


def indicator(number: int) -> bytes:
    """One indicator of its own address."""
    at = "2026-11-01T00:00:00.000Z"
    address = FIRST + number
    content = {
        "type": "indicator",
        "spec_version": "2.1",
        "id": identifier(number),
        "created": at,
        "modified": at,
        "name": f"Command-and-control server {number:08}",
        "description": "",
        "indicator_types": ["malicious-activity"],
        "pattern": f"[ipv4-addr:value = '{'.'.join(str(address >> shift & 255) for shift in (24, 16, 8, 0))}']",
        "pattern_type": "stix",
        "valid_from": at,
    }
    short = BYTES - len(_encode(content))
    content["description"] = (_TEXT * (short // len(_TEXT) + 1))[:short]
    encoded = _encode(content)
    if len(encoded) != BYTES:
        raise SystemExit(f"an indicator has {len(encoded)} bytes, not {BYTES}")
    return encoded


def identifier(number: int) -> str:
    """The id of an indicator."""
    return f"indicator--{UUID(int=0xACC0 << 64 | number, version=4)}"


def envelope(numbers: Iterable[int]) -> bytes:
    """Indicators as a TAXII envelope (TAXII 2.1, 3.7)."""
    return b'{"objects":[' + b",".join(map(indicator, numbers)) + b"]}"


def envelopes(count: int, each: int) -> Iterator[bytes]:
    """Envelopes of `each` indicators, `count` of them altogether."""
    for first in range(0, count, each):
        yield envelope(range(first, min(first + each, count)))


def _encode(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
