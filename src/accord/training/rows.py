"""The compiled writer of sinkhole rows: pairs and times in, bytes of CSV out, good lines and broken ones."""

import numpy as np
import numpy.typing as npt

from accord.columns.kernel import compiled
from accord.training.activity import Flags, Words
from accord.training.draws import below, drawn, mixed
from accord.training.population import Numbers, Small
from accord.vocabulary.reasons import Rejected

Bytes = npt.NDArray[np.uint8]

FAULTS = (
    Rejected.COLUMN_COUNT,
    Rejected.TIME,
    Rejected.ADDRESS,
    Rejected.ADDRESS_NOT_ROUTABLE,
    Rejected.QUOTING,
    Rejected.ENCODING,
    Rejected.EMPTY_VALUE,
    Rejected.PORT,
)
"""The kinds of broken lines. In each eight that follow each other in a log, every kind comes once. A line with a bad
port is a good one but for its port."""

GOOD = len(FAULTS)
"""The kind of a line that is not broken."""

ROOM = 2048
"""Bytes that a line, with a broken one before it, never fills."""

_COLUMNS, _TIME, _ADDRESS, _NOT_ROUTABLE, _QUOTING, _ENCODING, _EMPTY, _PORT = range(GOOD)
_NETWORK, _UNCLOSED, _NOT_UTF8, _SECTOR, _SENSOR, _SENSOR6, _TAIL, _UNCLOSED_TAIL, _CLIENT, _TIMES, _PORTS = range(11)
_PROTOCOL = np.frombuffer(b"tcp", np.uint8)
_EXTRA = np.frombuffer(b',"one more"', np.uint8)
_FIVE_OCTETS = np.frombuffer(b"256.", np.uint8)
_NO_GROUP = np.frombuffer(b":fffff", np.uint8)
_HOST = np.frombuffer(b"host-", np.uint8)
_PROVIDER = np.frombuffer(b".sim-isp.example", np.uint8)
_PATH = np.frombuffer(b"/sim/gate.php?id=", np.uint8)
_LINK_LOCAL = np.uint64(0xFE80 << 48)
_QUOTE, _COMMA, _LINE_END = 34, 44, 10


@compiled
def write_rows(
    turn: tuple[int, int],
    times: tuple[Small, Small, Small],
    pairs: tuple[Words, Words, Words, Small, Flags],
    pieces: tuple[Bytes, Numbers, tuple[int, ...]],
    style: tuple[Bytes, bool, int, tuple[int, int, int, int]],
    chance: tuple[np.uint64, np.uint64],
    totals: Numbers,
    state: Numbers,
    out: npt.NDArray[np.uint8],
    used: Numbers,
    counts: Numbers,
) -> int:
    """Write the rows from the first to before the second place of `turn`, as many as there is room for; the next place.

    `times`: pair, second of the day, and number among its pair's calls, of each call. `pairs`: key, address (high and
    low word), block, and whether it is IPv6. `style`: the date with its blank, whether every field is quoted, of 256
    rows those in the HTTP layout, and which of the outputs takes plain, HTTP, IPv6 plain and IPv6 HTTP rows.
    `totals[six]`: good and broken lines of the whole log. `state[six]`: good and broken lines so far, and the good one
    that the next broken one stands before. `out[output]`, `used[output]`: bytes. `counts[output, kind]`: lines.
    """
    owner, second, number = times
    key, high, low, block, six = pairs
    date, quoted, share, outputs = style
    for at in range(turn[0], turn[1]):
        pair = owner[at]
        family = 1 if six[pair] else 0
        call = drawn(key[pair], 1 + np.int64(number[at]))
        http = np.int64(call & np.uint64(255)) < share
        output = outputs[2 * family + (1 if http else 0)]
        if used[output] + ROOM > out.shape[1]:
            return at
        where = (high[pair], low[pair], block[pair], second[at], family, http)
        kind = GOOD
        while state[family, 1] < totals[family, 1] and state[family, 2] == state[family, 0]:
            fault = kind_of(chance[0], state[family, 1])
            if fault == _PORT:
                kind = _PORT
            else:
                used[output] = _line(
                    out[output], used[output], fault, mixed(call), where, key[pair], date, quoted, pieces
                )
                counts[output, fault] += 1
            state[family, 1] += 1
            state[family, 2] = place_of(chance[1], state[family, 1], totals[family, 0], totals[family, 1])
        used[output] = _line(out[output], used[output], kind, call, where, key[pair], date, quoted, pieces)
        counts[output, kind] += 1
        state[family, 0] += 1
    return turn[1]


@compiled
def kind_of(start: np.uint64, fault: int) -> int:
    """The kind of a log's broken line number `fault`."""
    return (fault + below(drawn(start, fault // GOOD), GOOD)) % GOOD


@compiled
def place_of(start: np.uint64, fault: int, good: int, broken: int) -> int:
    """Before which good line broken line number `fault` stands: one somewhere in each of `broken` equal parts."""
    if fault >= broken:
        return -1
    begin, end = fault * good // broken, (fault + 1) * good // broken
    return begin + below(drawn(start, fault), end - begin)


@compiled
def _line(
    out: Bytes,
    at: int,
    kind: int,
    call: np.uint64,
    where: tuple[np.uint64, np.uint64, int, int, int, bool],
    key: np.uint64,
    date: Bytes,
    quoted: bool,
    pieces: tuple[Bytes, Numbers, tuple[int, ...]],
) -> int:
    high, low, block, second, family, http = where
    sections = pieces[2]
    pick = np.int64(mixed(call) >> np.uint64(33))
    variant = pick & 1
    at = _mark(out, at, quoted)
    if kind == _TIME:
        at = _piece(out, at, pieces, sections[_TIMES] + pick % (sections[_TIMES + 1] - sections[_TIMES]))
    else:
        at = _time(out, _copy(out, at, date), second)
    at = _between(out, at, quoted)
    at = _copy(out, at, _PROTOCOL)
    at = _between(out, at, quoted)
    if kind != _EMPTY:
        at = _source(out, at, kind, variant, family, high, low)
    at = _between(out, at, quoted)
    if kind == _PORT:
        at = _piece(out, at, pieces, sections[_PORTS] + pick % (sections[_PORTS + 1] - sections[_PORTS]))
    else:
        at = _decimal(out, at, 1024 + below(call, 64_512))
    at = _mark(out, at, quoted)
    if kind == _COLUMNS and variant == 0:
        out[at] = _LINE_END
        return at + 1
    if kind == _QUOTING and pick % 3:
        at = _piece(out, at, pieces, sections[_UNCLOSED] + pick % 3 - 1)
    elif kind == _ENCODING:
        at = _piece(out, at, pieces, sections[_NOT_UTF8] + pick % (sections[_NOT_UTF8 + 1] - sections[_NOT_UTF8]))
    else:
        at = _piece(out, at, pieces, sections[_NETWORK] + block)
    at = _between_next(out, at, quoted)
    if family == 0 and key & np.uint64(7) == 0:
        at = _copy(out, at, _HOST)
        at = _decimal(out, at, np.int64(low & np.uint64(0xFFFF)))
        at = _copy(out, at, _PROVIDER)
    at = _mark(out, at, quoted)
    at = _piece(out, at, pieces, sections[_SECTOR] + block % (sections[_SECTOR + 1] - sections[_SECTOR]))
    first = sections[_SENSOR6] if family else sections[_SENSOR]
    last = sections[_SENSOR6 + 1] if family else sections[_SENSOR + 1]
    at = _piece(out, at, pieces, first + np.int64(call >> np.uint64(8) & np.uint64(0xFF)) % (last - first))
    at = _between_next(out, at, quoted)
    at = _hexadecimal(out, at, mixed(call ^ key), 16)
    at = _mark(out, at, quoted)
    if http:
        at = _between_next(out, at, quoted)
        at = _copy(out, at, _PATH)
        at = _hexadecimal(out, at, key, 8)
        at = _mark(out, at, quoted)
        client = np.int64(key >> np.uint64(8) & np.uint64(0xFF)) % (sections[_CLIENT + 1] - sections[_CLIENT])
        at = _piece(out, at, pieces, sections[_CLIENT] + client)
        if kind == _QUOTING and pick % 3 == 0:
            # the last field's closing quote is lost; unquoted, a quote opens behind the last comma
            if quoted:
                at -= 1
            else:
                out[at] = _QUOTE
                at += 1
    else:
        lost = kind == _QUOTING and pick % 3 == 0
        at = _piece(out, at, pieces, sections[_UNCLOSED_TAIL] if lost else sections[_TAIL])
    if kind == _COLUMNS:
        at = _copy(out, at, _EXTRA)
    out[at] = _LINE_END
    return at + 1


@compiled
def _source(out: Bytes, at: int, kind: int, variant: int, family: int, high: np.uint64, low: np.uint64) -> int:
    if kind == _NOT_ROUTABLE:
        if family:
            # link-local (RFC 4291) or unique local (RFC 4193)
            high = _LINK_LOCAL if variant else np.uint64(0xFD) << np.uint64(56) | high >> np.uint64(8)
        else:
            # RFC 1918 or RFC 6598
            private = np.uint64(10 << 24) if variant else np.uint64(100 << 24 | 64 << 16)
            kept = np.uint64(0xFFFFFF) if variant else np.uint64(0xFFFF)
            low = np.uint64(0xFFFF_0000_0000) | private | low & kept
    elif kind == _ADDRESS and family == 0:
        at = _copy(out, at, _FIVE_OCTETS)
    at = write_address(out, at, high, low)
    if kind == _ADDRESS and family:
        at = _copy(out, at, _NO_GROUP)
    return at


@compiled
def write_address(out: Bytes, at: int, high: np.uint64, low: np.uint64) -> int:
    """The canonical text of an address as `reference.addresses` has it; where it ends."""
    if high == 0 and low >> np.uint64(32) == 0xFFFF:
        for shift in (24, 16, 8, 0):
            at = _decimal(out, at, np.int64(low >> np.uint64(shift) & np.uint64(255)))
            if shift:
                out[at] = 46
                at += 1
        return at
    return _write_six(out, at, high, low)


@compiled
def _write_six(out: Bytes, at: int, high: np.uint64, low: np.uint64) -> int:
    # RFC 5952, section 4: the first of the longest runs of two or more zero groups is left out
    best, width, run = -1, 1, 0
    for group in range(8):
        run = run + 1 if _group(high, low, group) == 0 else 0
        if run > width:
            best, width = group - run + 1, run
    for group in range(8):
        if best <= group < best + width and best >= 0:
            if group == best:
                out[at] = 58
                at += 1
                if group == 0:
                    out[at] = 58
                    at += 1
            continue
        at = _hexadecimal(out, at, np.uint64(_group(high, low, group)), 0)
        if group < 7:
            out[at] = 58
            at += 1
    return at


@compiled
def _group(high: np.uint64, low: np.uint64, group: int) -> np.int64:
    word = high if group < 4 else low
    return np.int64(word >> np.uint64(48 - 16 * (group & 3)) & np.uint64(0xFFFF))


@compiled
def _mark(out: Bytes, at: int, quoted: bool) -> int:
    """A field begins or ends."""
    out[at] = _QUOTE
    return at + 1 if quoted else at


@compiled
def _between(out: Bytes, at: int, quoted: bool) -> int:
    """A field ends and the next begins."""
    at = _mark(out, at, quoted)
    return _between_next(out, at, quoted)


@compiled
def _between_next(out: Bytes, at: int, quoted: bool) -> int:
    """The next field begins."""
    out[at] = _COMMA
    return _mark(out, at + 1, quoted)


@compiled
def _piece(out: Bytes, at: int, pieces: tuple[Bytes, Numbers, tuple[int, ...]], number: int) -> int:
    blob, bounds = pieces[0], pieces[1]
    for place in range(bounds[number], bounds[number + 1]):
        out[at] = blob[place]
        at += 1
    return at


@compiled
def _copy(out: Bytes, at: int, text: Bytes) -> int:
    for place in range(len(text)):
        out[at] = text[place]
        at += 1
    return at


@compiled
def _time(out: Bytes, at: int, second: int) -> int:
    """`hh:mm:ss`."""
    for number in (second // 3600, second // 60 % 60, second % 60):
        out[at] = 48 + number // 10
        out[at + 1] = 48 + number % 10
        out[at + 2] = 58
        at += 3
    return at - 1


@compiled
def _decimal(out: Bytes, at: int, number: int) -> int:
    digits = 1
    limit = 10
    while number >= limit:
        digits += 1
        limit *= 10
    for place in range(digits - 1, -1, -1):
        out[at + place] = 48 + number % 10
        number //= 10
    return at + digits


@compiled
def _hexadecimal(out: Bytes, at: int, number: np.uint64, digits: int) -> int:
    """The last `digits` digits; 0: as many as it has."""
    if digits == 0:
        digits = 1
        while digits < 16 and number >> np.uint64(4 * digits) != 0:
            digits += 1
    for place in range(digits - 1, -1, -1):
        digit = np.int64(number & np.uint64(15))
        out[at + place] = 48 + digit if digit < 10 else 87 + digit
        number >>= np.uint64(4)
    return at + digits
