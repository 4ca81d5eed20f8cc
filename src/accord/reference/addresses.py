"""Addresses as pairs of 64-bit numbers: one number line for IPv4 and IPv6.

An IPv4 address stands where RFC 4291, 2.5.5.2 maps it (`::ffff:a.b.c.d`), so a mapped address and the IPv4 address
are the same pair, and every table is sorted along one line. The pair (0, 0), the unspecified address `::`, means
'no address': no table holds it.
"""

from ipaddress import IPv4Address, IPv6Address, ip_network

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.scanner import write_v6
from accord.reference.compiling import compiled

Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int32]

MAPPED = 0xFFFF_0000_0000
"""Low word of ::ffff:0.0.0.0, the place of IPv4 on the line (its high word is 0)."""

_LINE_END = (1 << 64) - 1


def parse_addresses(values: pa.StringArray) -> tuple[Words, Words]:
    """Read address texts: (hi, lo), position by position; (0, 0) for null and for what is no address.

    IPv4 is four decimal octets without leading zeros; IPv6 is any RFC 4291 text without a zone, upper or lower case.
    """
    offsets, data = string_buffers(values)
    high = np.zeros(len(values), np.uint64)
    low = np.zeros(len(values), np.uint64)
    _parse_all(data, offsets, high, low)
    return high, low


def string_buffers(values: pa.StringArray) -> tuple[Offsets, Bytes]:
    """The offsets (n + 1) and bytes of a string array, read-only and without a copy; a null is an empty string.

    Raises TypeError for another type than `string`: `large_string` and dictionaries are to be cast by the caller.
    """
    if not pa.types.is_string(values.type):
        raise TypeError(f"expected an array of string, got {values.type}")
    if values.null_count:
        values = values.fill_null("")
    _, offsets, data = values.buffers()
    if len(values) == 0 or offsets is None:
        found = np.zeros(len(values) + 1, np.int32)
    else:
        found = np.frombuffer(offsets, np.int32, len(values) + 1, values.offset * 4)
    raw = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    # compiled code is specialised by type, and a read-only array is a type of its own: keep to one
    found.flags.writeable = False
    raw.flags.writeable = False
    return found, raw


def folded(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """`::ffff:a.b.c.d` is the IPv4 address; every other address is itself."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def network_ends(values: pa.StringArray) -> tuple[tuple[Words, Words], tuple[Words, Words]]:
    """First and last address of network texts (`192.0.2.0/24`); (0, 0) and (0, 0) for what is no network."""
    count = len(values)
    columns = [np.zeros(count, np.uint64) for _ in range(4)]
    for row, value in enumerate(values.to_pylist()):
        try:
            network = ip_network(value or "")
        except ValueError:
            continue
        for column, word in zip(columns, (*pair(network[0]), *pair(network[-1])), strict=True):
            column[row] = word
    return (columns[0], columns[1]), (columns[2], columns[3])


def pair(address: IPv4Address | IPv6Address) -> tuple[int, int]:
    """(hi, lo) of one address."""
    if isinstance(address, IPv4Address):
        return 0, MAPPED | int(address)
    return int(address) >> 64, int(address) & _LINE_END


def text(high: int, low: int) -> str:
    """The canonical text of one address: RFC 5952, or four octets for IPv4."""
    if high == 0 and low >> 32 == MAPPED >> 32:
        return str(IPv4Address(low & 0xFFFF_FFFF))
    return str(IPv6Address(high << 64 | low))


def address_texts(high: Words, low: Words) -> pa.StringArray:
    """The canonical texts of many addresses, as `text` gives them."""
    offsets = np.zeros(len(high) + 1, np.int32)
    out = np.empty(39 * len(high), np.uint8)
    used = _write_all(high, low, offsets, out)
    return pa.StringArray.from_buffers(len(high), pa.py_buffer(offsets), pa.py_buffer(out[:used]))


@compiled
def _write_all(high: Words, low: Words, offsets: Offsets, out: Bytes) -> int:
    used = 0
    groups = np.zeros(8, np.int64)
    for row in range(len(high)):
        if high[row] == 0 and low[row] >> np.uint64(32) == 0xFFFF:
            for shift in (24, 16, 8, 0):
                octet = np.int64(low[row] >> np.uint64(shift)) & 255
                if octet > 99:
                    out[used] = 48 + octet // 100
                    used += 1
                if octet > 9:
                    out[used] = 48 + octet // 10 % 10
                    used += 1
                out[used] = 48 + octet % 10
                out[used + 1] = 46
                used += 2
            used -= 1
        else:
            for place in range(4):
                by = np.uint64(48 - 16 * place)
                groups[place] = np.int64(high[row] >> by) & 0xFFFF
                groups[4 + place] = np.int64(low[row] >> by) & 0xFFFF
            used += write_v6(groups, out, used)
        offsets[row + 1] = used
    return used


@compiled
def _parse_all(data: Bytes, offsets: Offsets, high: Words, low: Words) -> None:
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        if end - start < 2 or end - start > 45:
            continue
        colon = False
        for at in range(start, min(start + 5, end)):
            if data[at] == 58:
                colon = True
                break
        if colon:
            ok, hi, lo = _parse_v6(data, start, end)
            if ok:
                high[row], low[row] = hi, lo
        else:
            v4 = _parse_v4(data, start, end)
            if v4 >= 0:
                low[row] = np.uint64(0xFFFF_0000_0000 | v4)


@compiled
def _parse_v4(data: Bytes, start: int, end: int) -> int:
    """The address as a number, -1 when the bytes are no dotted quad in canonical form."""
    value = 0
    octets = 0
    at = start
    while True:
        octet = 0
        digits = 0
        while at < end and 48 <= data[at] <= 57:
            if digits > 0 and octet == 0:
                return -1  # a leading zero is octal to some readers
            octet = octet * 10 + (data[at] - 48)
            digits += 1
            if digits > 3:
                return -1
            at += 1
        if digits == 0 or octet > 255:
            return -1
        value = value << 8 | octet
        octets += 1
        if at == end:
            return value if octets == 4 else -1
        if data[at] != 46 or octets == 4:
            return -1
        at += 1


@compiled
def _hex_digit(byte: int) -> int:
    if 48 <= byte <= 57:
        return byte - 48
    if 97 <= byte <= 102:
        return byte - 87
    if 65 <= byte <= 70:
        return byte - 55
    return -1


@compiled
def _parse_v6(data: Bytes, start: int, end: int) -> tuple[bool, np.uint64, np.uint64]:
    """RFC 4291, 2.2: eight groups, one run of them as `::`, the last two as a dotted quad."""
    nothing = np.uint64(0)
    groups = np.zeros(8, np.uint64)
    count = 0
    gap = -1
    at = start
    if data[at] == 58:
        if at + 1 >= end or data[at + 1] != 58:
            return False, nothing, nothing
        gap = 0
        at += 2
    while at < end:
        if count == 8:
            return False, nothing, nothing
        group = 0
        digits = 0
        first = at
        while at < end and digits < 5:
            digit = _hex_digit(data[at])
            if digit < 0:
                break
            group = group << 4 | digit
            digits += 1
            at += 1
        if at < end and data[at] == 46:
            v4 = _parse_v4(data, first, end)
            if v4 < 0 or count > 6:
                return False, nothing, nothing
            groups[count], groups[count + 1] = np.uint64(v4 >> 16), np.uint64(v4 & 0xFFFF)
            count += 2
            at = end
            break
        if digits == 0 or digits > 4:
            return False, nothing, nothing
        groups[count] = np.uint64(group)
        count += 1
        if at == end:
            break
        if data[at] != 58 or at + 1 == end:
            return False, nothing, nothing
        at += 1
        if data[at] == 58:
            if gap >= 0:
                return False, nothing, nothing
            gap = count
            at += 1
    if (gap < 0 and count != 8) or (gap >= 0 and count == 8):
        return False, nothing, nothing
    if gap >= 0:
        missing = 8 - count
        for place in range(count - 1, gap - 1, -1):
            groups[place + missing] = groups[place]
        for place in range(gap, gap + missing):
            groups[place] = nothing
    hi, lo = nothing, nothing
    for place in range(4):
        hi = hi << np.uint64(16) | groups[place]
        lo = lo << np.uint64(16) | groups[place + 4]
    return True, hi, lo
