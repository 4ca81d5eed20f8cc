"""The compiled pass over spans of bytes: common shapes of values and times, everything else left to the exact rules.

Codes are plain numbers because compiled code knows no enumerations; outcome -1 means left. No function here may say
anything that `columns.values` and `columns.instants` would not.
"""
# ruff: noqa: PLR1714 -- a chain of comparisons compiles to better code than membership in a set

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from accord.columns.values import NOT_ROUTABLE_IPV4, NOT_ROUTABLE_IPV6, VALUE_LIMIT
from accord.vocabulary.indicators import TYPE_CODES, IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]

OUTCOMES: tuple[Ignored | Rejected | None, ...] = (None, *Ignored, *Rejected)
"""`OUTCOMES[code]` is what an outcome code stands for; code 0: the value was taken."""

OUTCOME_CODES: dict[Ignored | Rejected | None, int] = {outcome: code for code, outcome in enumerate(OUTCOMES)}

compiled: Callable[..., Any] = njit(cache=True, nogil=True, boundscheck=False, error_model="numpy")
"""How every hot loop is compiled: kept on disk, without the interpreter's lock."""


LEFT = -1
_EMPTY = OUTCOME_CODES[Rejected.EMPTY_VALUE]
_TOO_LONG = OUTCOME_CODES[Rejected.TOO_LONG]
_PATH = OUTCOME_CODES[Ignored.PATH_WITHOUT_HOST]
_ADDRESS = OUTCOME_CODES[Rejected.ADDRESS]
_NOT_ROUTABLE = OUTCOME_CODES[Rejected.ADDRESS_NOT_ROUTABLE]
_HOST_NAME = OUTCOME_CODES[Rejected.HOST_NAME]
_PORT = OUTCOME_CODES[Rejected.PORT]
_HASH = OUTCOME_CODES[Rejected.HASH]
_IPV4 = TYPE_CODES[IndicatorType.IPV4]
_IPV6 = TYPE_CODES[IndicatorType.IPV6]
_DOMAIN = TYPE_CODES[IndicatorType.DOMAIN]
_URL = TYPE_CODES[IndicatorType.URL]
_HASH_KINDS = np.full(65, -1, np.int8)
_HASH_KINDS[[32, 40, 64]] = [TYPE_CODES[kind] for kind in (IndicatorType.MD5, IndicatorType.SHA1, IndicatorType.SHA256)]
_LIMIT = VALUE_LIMIT

_CLOSED4 = np.array(
    [
        # cut at the borders of /8s, in their order, so that an address need look at few
        [max(int(network.network_address), octet << 24), min(int(network.broadcast_address), (octet + 1 << 24) - 1)]
        for octet in range(256)
        for network in NOT_ROUTABLE_IPV4
        if int(network.network_address) >> 24 <= octet <= int(network.broadcast_address) >> 24
    ],
    np.int64,
)
_CLOSED4_FROM = np.searchsorted(_CLOSED4[:, 0] >> 24, np.arange(257)).astype(np.int64)
"""For each first octet: where its closed ranges begin."""
_CLOSED6 = np.array(
    [[int(network.network_address) >> 64, int(network.broadcast_address) >> 64] for network in NOT_ROUTABLE_IPV6],
    np.uint64,
)
"""Their prefixes are all shorter than 64 bits, so the upper half decides."""


def _character_classes() -> npt.NDArray[np.uint8]:
    """Bit 1: ends a value's common shape (control, space, non-ASCII, bracket, @, backslash); 2: hexadecimal digit;
    4: digit or dot; 8: stands in a host name's labels; 16: colon or slash."""
    classes = np.zeros(256, np.uint8)
    classes[:33] |= 1
    classes[127:] |= 1
    for character in b"[]{}()@\\":
        classes[character] |= 1
    for character in b"0123456789abcdefABCDEF":
        classes[character] |= 2
    for character in b"0123456789.":
        classes[character] |= 4
    for character in b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-.":
        classes[character] |= 8
    for character in b":/":
        classes[character] |= 16
    return classes


_CLASS = _character_classes()


@compiled
def scan_values(
    data: Bytes,
    start: Positions,
    end: Positions,
    bits: npt.NDArray[np.int16],
    outcome: npt.NDArray[np.int8],
    kind: npt.NDArray[np.int8],
    port: npt.NDArray[np.int32],
    offset: npt.NDArray[np.int32],
    out: Bytes,
) -> int:
    """Fill the outputs; returns how many bytes of `out` are used. Outcome -1: left to the exact rules."""
    used = 0
    groups = np.zeros(8, np.int64)
    for at in range(len(start)):
        s, e = start[at], end[at]
        while s < e and (data[s] == 32 or data[s] == 9):
            s += 1
        while e > s and (data[e - 1] == 32 or data[e - 1] == 9 or data[e - 1] == 13):
            e -= 1
        code, which, number, length = _read_one(data, s, e, out, used, groups)
        if bits[at] != 0 and code != _EMPTY and (code != 0 or (bits[at] >> which) & 1 == 0):
            code = LEFT
        outcome[at] = code
        if code == 0:
            kind[at] = which
            port[at] = number
            used += length
        offset[at + 1] = used
    return used


@compiled
def _read_one(data: Bytes, s: int, e: int, out: Bytes, o: int, groups: Positions) -> tuple[int, int, int, int]:
    """One trimmed span: outcome, kind, port, bytes written at `out[o]`."""
    n = e - s
    if n == 0:
        return _EMPTY, 0, 0, 0
    slash = e
    colons = 0
    colon = e
    every, some = 255, 0
    for i in range(s, e):
        k = _CLASS[data[i]]
        every &= k
        some |= k
    if some & 1:
        return LEFT, 0, 0, 0
    if some & 16:
        for i in range(s, e):
            c = data[i]
            if c == 58:
                if colons == 0:
                    colon = i
                colons += 1
            elif c == 47 and slash == e:
                slash = i
    if n > _LIMIT:
        return _TOO_LONG, 0, 0, 0
    if data[s] == 47:
        return _PATH, 0, 0, 0
    first = data[s] | 32
    if (first == 104 or first == 102) and n > 2 and (data[s + 1] | 32) == 120:
        return LEFT, 0, 0, 0  # perhaps hxxp or fxp
    if first == 97 and n > 2 and (data[s + 1] | 32) == 115 and data[s + 2] >= 48 and data[s + 2] <= 57:
        return LEFT, 0, 0, 0  # perhaps an AS number
    if slash < e:
        if colon + 1 == slash and slash + 1 < e and data[slash + 1] == 47:
            scheme = colon - s
            if (
                (scheme == 4 or (scheme == 5 and (data[s + 4] | 32) == 115))
                and first == 104
                and (data[s + 1] | 32) == 116
                and (data[s + 2] | 32) == 116
                and (data[s + 3] | 32) == 112
            ):
                for i in range(scheme):
                    out[o + i] = data[s + i] | 32
                out[o + scheme] = 58
                out[o + scheme + 1] = 47
                out[o + scheme + 2] = 47
                return _read_url(data, slash + 2, e, out, o, scheme + 3)
            return LEFT, 0, 0, 0
        if e - slash <= 4:
            digits = True
            for i in range(slash + 1, e):
                if data[i] < 48 or data[i] > 57:
                    digits = False
            if digits:
                return LEFT, 0, 0, 0  # perhaps a network
        if colons > 1:
            return LEFT, 0, 0, 0
        out[o], out[o + 1], out[o + 2], out[o + 3], out[o + 4], out[o + 5], out[o + 6] = 104, 116, 116, 112, 58, 47, 47
        return _read_url(data, s, e, out, o, 7)
    if n >= 32 and every & 2:
        if n > 64 or _HASH_KINDS[n] < 0:
            return _HASH, 0, 0, 0
        for i in range(n):
            c = data[s + i]
            out[o + i] = c | 32 if c >= 65 else c
        return 0, _HASH_KINDS[n], 0, n
    if colons > 1:
        return _read_v6_text(data, s, e, out, o, groups)
    code, which, length = _read_host(data, s, colon, out, o)
    if code != 0 or colons == 0:
        return code, which, 0, length
    number = _read_port(data, colon + 1, e)
    if number == 0:
        # a public suffix with an impossible port is refused as the former: the exact rules know
        return (LEFT if which == _DOMAIN else _PORT), 0, 0, 0
    return 0, which, number, length


@compiled
def _read_url(data: Bytes, s: int, e: int, out: Bytes, o: int, prefix: int) -> tuple[int, int, int, int]:
    """What follows `http://` (already written, `prefix` bytes): host, port, rest."""
    cut = s
    colon = -1
    while cut < e and data[cut] != 47 and data[cut] != 63 and data[cut] != 35:
        if data[cut] == 58:
            if colon >= 0:
                return LEFT, 0, 0, 0
            colon = cut
        cut += 1
    stop = cut if colon < 0 else colon
    if stop == s:
        return LEFT, 0, 0, 0
    code, _, length = _read_host(data, s, stop, out, o + prefix)
    if code != 0:
        return code, 0, 0, 0
    number = 0
    if colon >= 0:
        if colon + 1 == cut:
            return LEFT, 0, 0, 0
        number = _read_port(data, colon + 1, cut)
        if number == 0:
            return _PORT, 0, 0, 0
    w = o + prefix + length
    for i in range(stop, e):
        out[w] = data[i]
        w += 1
    return 0, _URL, number, w - o


@compiled
def _read_port(data: Bytes, s: int, e: int) -> int:
    """A decimal port without leading zeros; 0: none."""
    if e == s or e - s > 5 or data[s] == 48:
        return 0
    number = 0
    for i in range(s, e):
        if data[i] < 48 or data[i] > 57:
            return 0
        number = number * 10 + data[i] - 48
    return number if number <= 65535 else 0


@compiled
def _read_host(data: Bytes, s: int, e: int, out: Bytes, o: int) -> tuple[int, int, int]:
    """An IPv4 address or a host name, written canonically at `out[o]`: outcome, kind, length."""
    every = 255
    for i in range(s, e):
        every &= _CLASS[data[i]]
    if e == s or every & 8 == 0:
        return LEFT, 0, 0
    if every & 4:
        code = _read_v4(data, s, e)
        if code == 0:
            for i in range(e - s):
                out[o + i] = data[s + i]
        return code, _IPV4, e - s
    if data[e - 1] == 46:
        return LEFT, 0, 0
    labels = 1
    begin = s
    letters = False
    for i in range(s, e + 1):
        c = data[i] if i < e else 46
        if c == 46:
            width = i - begin
            if width == 0 or width > 63 or data[begin] == 45 or data[i - 1] == 45:
                return _HOST_NAME, 0, 0
            if width > 3 and data[begin + 2] == 45 and data[begin + 3] == 45:
                return LEFT, 0, 0
            if i == e:
                break
            labels += 1
            begin = i + 1
            letters = False
        elif c > 57 or c == 45:
            letters = True
            if c >= 65 and c <= 90:
                c |= 32
        out[o + i - s] = c
    if labels < 2 or e - s > 253 or not letters:
        return _HOST_NAME, 0, 0
    return 0, _DOMAIN, e - s


@compiled
def _read_v4(data: Bytes, s: int, e: int) -> int:
    """0, or why it is no routable IPv4 address."""
    address = v4_number(data, s, e)
    if address < 0:
        return _ADDRESS
    return 0 if is_open_v4(address) else _NOT_ROUTABLE


@compiled
def v4_number(data: Bytes, s: int, e: int) -> np.int64:
    """The IPv4 address at `data[s:e]` as a number; -1 where it is none."""
    if e - s < 7 or e - s > 15:
        return np.int64(-1)
    address = np.int64(0)
    octet = np.int64(-1)
    dots = 0
    for i in range(s, e):
        c = np.int64(data[i])
        if c == 46:
            if octet < 0:
                return np.int64(-1)
            address = address << 8 | octet
            octet = np.int64(-1)
            dots += 1
        else:
            digit = c - 48
            if digit < 0 or digit > 9 or octet == 0:
                return np.int64(-1)
            octet = digit if octet < 0 else octet * 10 + digit
            if octet > 255:
                return np.int64(-1)
    if dots != 3 or octet < 0:
        return np.int64(-1)
    return address << 8 | octet


@compiled
def is_open_v4(address: np.int64) -> bool:
    """Can the IPv4 address be routed?"""
    for k in range(_CLOSED4_FROM[address >> 24], _CLOSED4_FROM[(address >> 24) + 1]):
        if address >= _CLOSED4[k, 0] and address <= _CLOSED4[k, 1]:
            return False
    return True


@compiled
def _read_v6_text(data: Bytes, s: int, e: int, out: Bytes, o: int, groups: Positions) -> tuple[int, int, int, int]:
    """An IPv6 address, written canonically at `out[o]`: outcome, kind, port, length."""
    code = read_v6(data, s, e, groups)
    if code != 0:
        return code, 0, 0, 0
    return 0, _IPV6, 0, write_v6(groups, out, o)


@compiled
def read_v6(data: Bytes, s: int, e: int, groups: Positions) -> int:
    """The eight groups of an IPv6 address: an outcome.

    Hexadecimal groups and colons only; dotted tails, zones, mapped addresses and whatever is malformed are LEFT.
    """
    n = 0
    gap = -1
    i = s
    if e - s < 2 or e - s > 39:
        return LEFT
    if data[s] == 58:
        if data[s + 1] != 58:
            return LEFT
        gap = 0
        i = s + 2
    while i < e:
        value = np.int64(0)
        width = 0
        while i < e and data[i] != 58:
            c = data[i]
            if width == 4 or _CLASS[c] & 2 == 0:
                return LEFT
            value = value << 4 | (c - 48 if c <= 57 else (c | 32) - 87)
            width += 1
            i += 1
        if n == 8 or width == 0:
            return LEFT
        groups[n] = value
        n += 1
        if i == e:
            break
        i += 1
        if i == e:
            return LEFT
        if data[i] == 58:
            if gap >= 0:
                return LEFT
            gap = n
            i += 1
    if gap >= 0:
        if n == 8:
            return LEFT
        moved = n - gap
        for k in range(1, moved + 1):
            groups[8 - k] = groups[n - k]
        for k in range(gap, 8 - moved):
            groups[k] = 0
    elif n != 8:
        return LEFT
    if groups[0] == 0:
        return LEFT  # perhaps IPv4-mapped
    if groups[0] >> 13 != 1:
        return _NOT_ROUTABLE
    high = np.uint64(groups[0] << 16 | groups[1]) << np.uint64(32) | np.uint64(groups[2] << 16 | groups[3])
    for k in range(len(_CLOSED6)):
        if high >= _CLOSED6[k, 0] and high <= _CLOSED6[k, 1]:
            return _NOT_ROUTABLE
    return 0


@compiled
def write_v6(groups: Positions, out: Bytes, o: int) -> int:
    """RFC 5952: lower case, no leading zeros, the first longest run of two zero groups or more as `::`."""
    best, width = -1, 1
    k = 0
    while k < 8:
        run = 0
        while k + run < 8 and groups[k + run] == 0:
            run += 1
        if run > width:
            best, width = k, run
        k += run + 1
    w = o
    k = 0
    while k < 8:
        if k == best:
            out[w] = 58
            w += 1
            k += width
            if k == 8:
                out[w] = 58
                w += 1
            continue
        if k > 0:
            out[w] = 58
            w += 1
        begun = False
        for shift in (12, 8, 4, 0):
            digit = groups[k] >> shift & 15
            if digit or begun or shift == 0:
                out[w] = digit + 48 if digit < 10 else digit + 87
                w += 1
                begun = True
        k += 1
    return w - o


_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


@compiled
def scan_instants(
    data: Bytes,
    start: Positions,
    end: Positions,
    instant: Positions,
    good: npt.NDArray[np.bool_],
    left: npt.NDArray[np.bool_],
) -> None:
    """`YYYY-MM-DD`, and with `HH:MM:SS` after a space or T, and `Z` or ` UTC` after that; the rest is left."""
    for at in range(len(start)):
        s, e = start[at], end[at]
        n = e - s
        named = n == 23 and data[e - 4] == 32 and data[e - 3] == 85 and data[e - 2] == 84 and data[e - 1] == 67
        if named or (n == 20 and data[s + 19] == 90):
            n = 19
        if n != 19 and n != 10:
            left[at] = True
            continue
        shape = data[s + 4] == 45 and data[s + 7] == 45
        if n == 19:
            shape = shape and (data[s + 10] == 32 or data[s + 10] == 84) and data[s + 13] == 58 and data[s + 16] == 58
        for k in range(11 if n == 19 else n, n):
            if k != 13 and k != 16 and (data[s + k] < 48 or data[s + k] > 57):
                shape = False
        if not shape or not _has_digits(data, s):
            left[at] = True
            continue
        day = day_number(data, s)
        if day < 0:
            continue
        hour = minute = second = np.int64(0)
        if n == 19:
            hour, minute, second = _digits(data, s + 11, 2), _digits(data, s + 14, 2), _digits(data, s + 17, 2)
        if hour > 23 or minute > 59 or second > 59:
            continue
        instant[at] = (day * 86400 + hour * 3600 + minute * 60 + second) * 1_000_000
        good[at] = True


@compiled
def _has_digits(data: Bytes, s: int) -> bool:
    """Are the characters of `YYYY-MM-DD` digits, the hyphens apart?"""
    digits = True
    for k in range(10):
        if k != 4 and k != 7 and (data[s + k] < 48 or data[s + k] > 57):
            digits = False
    return digits


@compiled
def day_number(data: Bytes, s: int) -> np.int64:
    """Days since 1970 of the `YYYY-MM-DD` at `data[s]`, 1970 to 2100; -1 where there is no such day."""
    if data[s + 4] != 45 or data[s + 7] != 45 or not _has_digits(data, s):
        return np.int64(-1)
    year = _digits(data, s, 4)
    month = _digits(data, s + 5, 2)
    day = _digits(data, s + 8, 2)
    if year < 1970 or year > 2100 or month < 1 or month > 12 or day < 1:
        return np.int64(-1)
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > _DAYS[month] + (1 if leap else 0):
        return np.int64(-1)
    # Fliegel and Van Flandern, Communications of the ACM 11 (1968), 657
    a = (14 - month) // 12
    y = year + 4800 - a
    julian = day + (153 * (month + 12 * a - 3) + 2) // 5 + 365 * y + y // 4 - y // 100 + y // 400 - 32045
    return julian - 2440588


@compiled
def _digits(data: Bytes, s: int, n: int) -> np.int64:
    value = np.int64(0)
    for k in range(n):
        value = value * 10 + np.int64(data[s + k]) - 48
    return value
