"""A writer of small MaxMind DB files, by the specification (MaxMind DB file format, version 2.0), for the tests."""

from ipaddress import IPv4Network, ip_network

START = b"\xab\xcd\xefMaxMind.com"


def encoded(value: object) -> bytes:
    """One value of the data section: strings, unsigned integers, maps and lists."""
    if isinstance(value, str):
        raw = value.encode()
        return head(2, len(raw)) + raw
    if isinstance(value, bool):
        return head(14, int(value))
    if isinstance(value, int):
        raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return head(6 if len(raw) <= 4 else 9, len(raw)) + raw
    if isinstance(value, dict):
        return head(7, len(value)) + b"".join(encoded(key) + encoded(entry) for key, entry in value.items())
    if isinstance(value, list):
        return head(11, len(value)) + b"".join(encoded(entry) for entry in value)
    raise TypeError(type(value))


def head(kind: int, size: int) -> bytes:
    """The control byte; types above 7 take a second one; sizes of 29 and more are written as 29 and the rest."""
    first, rest = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return bytes([kind << 5 | first]) + rest if kind <= 7 else bytes([first, kind - 7]) + rest


def mmdb(records: dict[str, object], database_type: str = "Test-Country") -> bytes:
    """A database of IPv6, its IPv4 networks under ::/96, with 24-bit records."""
    data = b""
    nodes: list[list[int | None]] = [[None, None]]
    for text, record in records.items():
        network = ip_network(text)
        bits, length = int(network.network_address), network.prefixlen
        if isinstance(network, IPv4Network):
            length += 96
        node = 0
        for depth in range(length - 1):
            bit = bits >> (127 - depth) & 1
            following = nodes[node][bit]
            if following is None:
                nodes.append([None, None])
                following = nodes[node][bit] = len(nodes) - 1
            node = following
        nodes[node][bits >> (128 - length) & 1] = -1 - len(data)
        data += encoded(record)
    count = len(nodes)
    tree = b""
    for node_records in nodes:
        for entry in node_records:
            value = count if entry is None else entry if entry >= 0 else count + 16 + (-1 - entry)
            tree += value.to_bytes(3, "big")
    metadata = {
        "node_count": count,
        "record_size": 24,
        "ip_version": 6,
        "database_type": database_type,
        "languages": ["en"],
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_780_000_000,
        "description": {"en": "made up"},
    }
    return tree + bytes(16) + data + START + encoded(metadata)
