"""Sightings of addresses, merged while they are read: one compiled pass from bytes of whole lines to groups.

A sinkhole's log says the same again and again: this address, this family, today. The pass takes the lines that look as
such lines nearly always look, checks all of each (quoting, UTF-8, columns, time, address, port, count), and keeps one
group for an address, a label and a day with first and last time, count and number of lines. Every other line is left,
unread, to the format's own exact reading: so the pass may only ever be narrower than the format, never different, and
a property test holds it to that.

What a line says besides address and time (role, family, marking) is not understood here. Its bytes in the label columns
are the *label*; one whole line of each is kept, and the format's own reading of that line says what the label means.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accord.columns.fields import COUNT_LIMIT, is_utf8, read_number
from accord.columns.reading import Shortcut
from accord.columns.scanner import Bytes, Positions, compiled, day_number, is_open_v4, read_v6, v4_number
from accord.columns.words import BLOCK, equal_mask, high_mask, load_word, ones, trailing_zeros

SLACK = 2 * BLOCK
"""Bytes that an array must have behind the last one that is to be read."""

GROUPS = 1 << 18
"""Groups that are held before they are handed on: 16 MB, and 4 MB for finding them. Logs are in the order of time, and
the same is said again within hours; four times as many are merged no better and no longer fit a processor's cache."""

LABELS = 1 << 14
_LABEL_BYTES = 4 << 20
_LINE_BYTES = 8 << 20
_BATCH = 512
"""Lines that are looked up together, so that the memory's answers overlap."""

LEFT_LIMIT = 1 << 16
"""Lines that one call leaves at most."""

_HIGH, _LOW, _LABEL_AND_DAY, _FIRST, _LAST, _COUNT, _LINES, _WIDTH = 0, 1, 2, 3, 4, 5, 6, 8
_POS, _LINE, _GROUPS, _LABELS, _LEFT, _TAKEN, _LATE, _FULL = range(8)
"""Places of the counters that the compiled pass moves on."""

_DAY_US = 86_400_000_000

Words = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """n groups sorted by address, position by position, and the m labels that they refer to."""

    high: Words
    low: Words
    """The address, as `reference.addresses` has it: IPv4 stands at ::ffff:0:0/96."""
    label: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]
    """Days since 1970 in UTC."""
    first_us: Positions
    last_us: Positions
    count: Positions
    lines: Positions
    """How many lines were merged."""
    label_member: npt.NDArray[np.int32]
    """Member of each label's line."""
    label_line: tuple[bytes, ...]
    """A whole line (without its end) that has the label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of the lines of one piece."""

    lines: int
    """All of them."""
    taken: int
    late: int
    """Sound lines whose time lies after `as_of`."""
    start: Positions
    end: Positions
    number: Positions
    """The lines that were left: first byte, end (behind the line end), and number in the piece from 1."""


class Premerger:
    """The groups of one worker. Not to be shared between threads."""

    def __init__(self, as_of_us: int, on_full: Callable[[Groups], None], capacity: int = GROUPS) -> None:
        """`on_full` gets the groups whenever there is no room for more; the rest comes by `flush`."""
        self._as_of_us = as_of_us
        self._on_full = on_full
        self._groups = np.empty((capacity, _WIDTH), np.uint64)
        self._slots = np.full(1 << (2 * capacity - 1).bit_length(), -1, np.int64)
        self._batch = np.empty((_BATCH, 6), np.uint64)
        self._hashes = np.empty(_BATCH, np.uint64)
        self._label_slots = np.full(4 * LABELS, -1, np.int32)
        self._label_place = np.zeros((LABELS, 5), np.int64)
        self._label_bytes = np.empty(_LABEL_BYTES + SLACK, np.uint8)
        self._line_bytes = np.empty(_LINE_BYTES, np.uint8)
        self._left = np.empty((LEFT_LIMIT, 3), np.int64)
        self._state = np.zeros(8, np.int64)

    def take(self, data: Bytes, start: int, stop: int, member: int, shortcut: Shortcut) -> Taken:
        """Read the whole lines in `data[start:stop]`; the array is writable and has SLACK bytes more behind `stop`.

        `data[stop]` is overwritten by a line feed, which ends a last line that has none.
        """
        if len(data) < stop + SLACK:
            raise ValueError(f"the array needs {SLACK} bytes behind the last line")
        data[stop] = 10
        wanted, spans = _plan(shortcut)
        state, left = self._state, []
        state[[_POS, _LINE, _LEFT, _TAKEN, _LATE]] = start, 0, 0, 0, 0
        while state[_POS] < stop:
            _scan(
                data,
                stop,
                member,
                np.uint8(ord(shortcut.delimiter)),
                shortcut.columns,
                wanted,
                spans,
                self._as_of_us,
                self._groups,
                self._slots,
                self._batch,
                self._hashes,
                self._label_slots,
                self._label_place,
                self._label_bytes,
                self._line_bytes,
                self._left,
                state,
            )
            if state[_LEFT]:
                left.append(self._left[: state[_LEFT]].copy())
                state[_LEFT] = 0
            if state[_FULL]:
                self._hand_on()
        rows = np.concatenate(left) if left else np.zeros((0, 3), np.int64)
        return Taken(
            lines=int(state[_LINE]),
            taken=int(state[_TAKEN]),
            late=int(state[_LATE]),
            start=rows[:, 0],
            end=rows[:, 1],
            number=rows[:, 2],
        )

    def flush(self) -> None:
        """Hand on what is held."""
        if self._state[_GROUPS]:
            self._hand_on()

    def _hand_on(self) -> None:
        held, labels = self._groups[: self._state[_GROUPS]], self._label_place[: self._state[_LABELS]]
        count = len(held)
        high, low = np.empty(count, np.uint64), np.empty(count, np.uint64)
        label, day = np.empty(count, np.int32), np.empty(count, np.int32)
        first_us, last_us, sightings, lines = (np.empty(count, np.int64) for _ in range(4))
        _unpack(held, _by_address(held), high, low, label, day, first_us, last_us, sightings, lines)
        self._on_full(
            Groups(
                high=high,
                low=low,
                label=label,
                day=day,
                first_us=first_us,
                last_us=last_us,
                count=sightings,
                lines=lines,
                label_member=(labels[:, 4] >> 1).astype(np.int32),
                label_line=tuple(
                    self._line_bytes[begin : begin + length].tobytes() for begin, length in labels[:, 2:4].tolist()
                ),
            )
        )
        self._slots.fill(-1)
        self._label_slots.fill(-1)
        self._state[[_GROUPS, _LABELS, _FULL]] = 0


def _by_address(held: Words) -> Positions:
    """The positions of groups sorted by address."""
    wide = held[:, _HIGH] != 0
    if not wide.any():
        return np.argsort(held[:, _LOW])
    short, long = np.flatnonzero(~wide), np.flatnonzero(wide)
    return np.concatenate(
        (short[np.argsort(held[short, _LOW])], long[np.lexsort((held[long, _LOW], held[long, _HIGH]))])
    )


def _plan(shortcut: Shortcut) -> tuple[Positions, Positions]:
    """The delimiters that end or begin a wanted column (numbered from 1, ascending), and where each column's stand.

    Row k of the second: the places in the first of the delimiter before and behind column k (-1: the line's beginning,
    -2: its end); the time, the address, the count, the port (-3: none), and then each run of label columns.
    """
    last = shortcut.columns - 1
    single = [shortcut.timestamp, shortcut.address, shortcut.count, shortcut.port]
    runs = [(-1, -1) if column is None else (column, column) for column in single]
    for column in sorted(shortcut.labels):
        if len(runs) > len(single) and runs[-1][1] == column - 1:
            runs[-1] = (runs[-1][0], column)
        else:
            runs.append((column, column))
    bounds = {first for first, _ in runs if first > 0} | {end + 1 for _, end in runs if 0 <= end < last}
    order = sorted(bounds)
    place = {bound: at for at, bound in enumerate(order)}
    spans = [
        (-3, -3) if first < 0 else (-1 if first == 0 else place[first], -2 if end == last else place[end + 1])
        for first, end in runs
    ]
    return np.array(order, np.int64), np.array(spans, np.int64)


@compiled
def _scan(
    data: Bytes,
    stop: int,
    member: int,
    delimiter: np.uint8,
    columns: int,
    wanted: Positions,
    spans: Positions,
    as_of_us: int,
    groups: Words,
    slots: Positions,
    batch: Words,
    hashes: Words,
    label_slots: npt.NDArray[np.int32],
    label_place: Positions,
    label_bytes: Bytes,
    line_bytes: Bytes,
    left: Positions,
    state: Positions,
) -> None:
    """Read lines until `stop`, or until an output is full (state[_FULL]: the groups or labels are)."""
    one, none = np.uint64(1), np.uint64(0)
    at, line, left_count = state[_POS], state[_LINE], state[_LEFT]
    taken = late = np.int64(0)
    held = 0
    place = np.zeros(len(wanted), np.int64)
    parts = np.zeros(8, np.int64)
    known_date = none
    known_tail = none
    known_day = np.int64(-1)
    while at < stop:
        if state[_GROUPS] + held + 1 > len(groups):
            state[_FULL] = 1
            break
        if left_count == len(left):
            break
        # Where the line's delimiters, quotes and end are, 64 bytes at a time.
        base = at
        column = 0
        target = 0
        inside = none  # all ones inside quotes
        begins = one  # bit 0: the last byte was a delimiter
        closes = none  # bit 0: the last byte closed a quote
        fault = none
        high = none
        end = np.int64(0)
        while True:
            feed = equal_mask(data, base, np.uint8(10))
            quote = equal_mask(data, base, np.uint8(34))
            comma = equal_mask(data, base, delimiter)
            other = high_mask(data, base)
            reach = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
            ending = none
            if feed:
                width = trailing_zeros(feed)
                end = base + width
                if width > 0 and data[end - 1] == 13:
                    width -= 1
                ending = one << np.uint64(width)
                below = ending - one
                reach = below | ending
                quote &= below
                comma &= below
                other &= below
            high |= other
            # after each byte: is it inside quotes?
            parity = quote ^ (quote << one)
            parity ^= parity << np.uint64(2)
            parity ^= parity << np.uint64(4)
            parity ^= parity << np.uint64(8)
            parity ^= parity << np.uint64(16)
            parity ^= parity << np.uint64(32)
            parity ^= inside
            before = (parity << one) | (inside & one)
            opening = quote & ~before
            closing = quote & before
            comma &= ~before
            after = (closing << one) | closes
            # RFC 4180: a quote opens at a column's beginning or right behind a closing one (then both stand for
            # one quote); behind a closing one comes a delimiter, the line's end or an opening one
            fault |= opening & ~((comma << one) | begins | after)
            fault |= after & ~(comma | opening | ending) & reach
            inside = none - (parity >> np.uint64(63))
            closes = closing >> np.uint64(63)
            begins = comma >> np.uint64(63)
            found = ones(comma)
            rest = comma
            seen = column
            while target < len(wanted) and wanted[target] <= column + found:
                while seen < wanted[target] - 1:
                    rest &= rest - one
                    seen += 1
                place[target] = base + trailing_zeros(rest)
                target += 1
            column += found
            if feed:
                break
            base += BLOCK
        begin = at
        at = end + 1
        line += 1
        stopped = end - 1 if end > begin and data[end - 1] == 13 else end
        left_count += 1  # taken back where the line is taken
        left[left_count - 1, 0], left[left_count - 1, 2] = begin, line
        left[left_count - 1, 1] = at if at < stop else stop
        if fault or inside or column != columns - 1:
            continue
        if high and not is_utf8(data, begin, stopped):
            continue
        # the time
        s = begin if spans[0, 0] < 0 else place[spans[0, 0]] + 1
        e = stopped if spans[0, 1] < 0 else place[spans[0, 1]]
        if e - s >= 2 and data[s] == 34:
            s += 1
            e -= 1
        if e - s == 20 and data[s + 19] == 90:
            e -= 1
        if e - s != 19:
            continue
        date, tail = load_word(data, s), load_word(data, s + 8) & np.uint64(0xFFFF)
        if date != known_date or tail != known_tail:
            known_day = day_number(data, s)
            known_date, known_tail = date, tail
        if known_day < 0:
            continue
        if (data[s + 10] != 32 and data[s + 10] != 84) or data[s + 13] != 58 or data[s + 16] != 58:
            continue
        hour = _pair(data, s + 11)
        minute = _pair(data, s + 14)
        second = _pair(data, s + 17)
        if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
            continue
        seen_us = known_day * _DAY_US + (hour * 3600 + minute * 60 + second) * 1_000_000
        # the address
        s = begin if spans[1, 0] < 0 else place[spans[1, 0]] + 1
        e = stopped if spans[1, 1] < 0 else place[spans[1, 1]]
        if e - s >= 2 and data[s] == 34:
            s += 1
            e -= 1
        address = v4_number(data, s, e)
        if address >= 0:
            if not is_open_v4(address):
                continue
            upper, lower = none, np.uint64(0xFFFF_0000_0000) | np.uint64(address)
            owner = member << 1
        else:
            if read_v6(data, s, e, parts) != 0:
                continue
            upper = np.uint64(parts[0] << 16 | parts[1]) << np.uint64(32) | np.uint64(parts[2] << 16 | parts[3])
            lower = np.uint64(parts[4] << 16 | parts[5]) << np.uint64(32) | np.uint64(parts[6] << 16 | parts[7])
            owner = member << 1 | 1  # a rule may look at the type
        # count and port
        count = np.int64(1)
        if spans[2, 0] != -3:
            s = begin if spans[2, 0] < 0 else place[spans[2, 0]] + 1
            e = stopped if spans[2, 1] < 0 else place[spans[2, 1]]
            if e - s >= 2 and data[s] == 34:
                s += 1
                e -= 1
            count = read_number(data, s, e)
            if count == -2:
                count = np.int64(1)
            if count < 1 or count > COUNT_LIMIT:
                continue
        if spans[3, 0] != -3:
            s = begin if spans[3, 0] < 0 else place[spans[3, 0]] + 1
            e = stopped if spans[3, 1] < 0 else place[spans[3, 1]]
            if e - s >= 2 and data[s] == 34:
                s += 1
                e -= 1
            port = read_number(data, s, e)
            if port != -2 and (port < 1 or port > 65_535):
                continue
        if seen_us > as_of_us:
            late += 1
            left_count -= 1
            continue
        label = _label(
            data, begin, stopped, owner, spans, place, label_slots, label_place, label_bytes, line_bytes, state
        )
        if label == -1:
            continue  # no room would ever be enough for it
        if label == -2:
            # full: this line is the first of the next round
            state[_FULL] = 1
            left_count -= 1
            line -= 1
            at = begin
            break
        left_count -= 1
        taken += 1
        batch[held, 0], batch[held, 1] = upper, lower
        batch[held, 2] = np.uint64(label) << np.uint64(32) | np.uint64(known_day)
        batch[held, 3], batch[held, 4] = np.uint64(seen_us), np.uint64(count)
        held += 1
        if held == len(batch):
            _group(batch, held, hashes, groups, slots, state)
            held = 0
    _group(batch, held, hashes, groups, slots, state)
    state[_POS], state[_LINE], state[_LEFT] = at, line, left_count
    state[_TAKEN] += taken
    state[_LATE] += late


@compiled
def _unpack(
    held: Words,
    order: Positions,
    high: Words,
    low: Words,
    label: npt.NDArray[np.int32],
    day: npt.NDArray[np.int32],
    first_us: Positions,
    last_us: Positions,
    count: Positions,
    lines: Positions,
) -> None:
    """Groups as columns, in an order. Row by row: one row is one line of the processor's cache."""
    for at in range(len(order)):
        row = order[at]
        high[at], low[at] = held[row, _HIGH], held[row, _LOW]
        label[at] = np.int32(held[row, _LABEL_AND_DAY] >> np.uint64(32))
        day[at] = np.int32(held[row, _LABEL_AND_DAY] & np.uint64(0xFFFF_FFFF))
        first_us[at], last_us[at] = np.int64(held[row, _FIRST]), np.int64(held[row, _LAST])
        count[at], lines[at] = np.int64(held[row, _COUNT]), np.int64(held[row, _LINES])


@compiled
def _pair(data: Bytes, at: int) -> np.int64:
    """Two decimal digits; negative where one is none."""
    tens, units = np.int64(data[at]) - 48, np.int64(data[at + 1]) - 48
    if tens < 0 or tens > 9 or units < 0 or units > 9:
        return np.int64(-1)
    return tens * 10 + units


@compiled
def _label(
    data: Bytes,
    begin: int,
    stopped: int,
    owner: int,
    spans: Positions,
    place: Positions,
    slots: npt.NDArray[np.int32],
    known: Positions,
    label_bytes: Bytes,
    line_bytes: Bytes,
    state: Positions,
) -> np.int64:
    """The number of the line's label; -1: it could never be held, -2: there is no more room for a new one."""
    mixer = np.uint64(0x9E3779B97F4A7C15)
    hashed = np.uint64(owner) * mixer
    length = 0
    for k in range(4, len(spans)):
        s = begin if spans[k, 0] < 0 else place[spans[k, 0]] + 1
        e = stopped if spans[k, 1] < 0 else place[spans[k, 1]]
        length += e - s + 1
        while s < e:
            word = load_word(data, s)
            if e - s < 8:
                word &= (np.uint64(1) << np.uint64(8 * (e - s))) - np.uint64(1)
            hashed = (hashed ^ word) * mixer
            hashed ^= hashed >> np.uint64(29)
            s += 8
        hashed = (hashed ^ np.uint64(0xFF)) * mixer
    hashed ^= hashed >> np.uint64(32)
    mask = np.int64(len(slots) - 1)
    slot = np.int64(hashed & np.uint64(mask))
    while slots[slot] >= 0:
        number = slots[slot]
        if known[number, 1] == length and known[number, 4] == owner:
            at = known[number, 0]
            same = True
            for k in range(4, len(spans)):
                s = begin if spans[k, 0] < 0 else place[spans[k, 0]] + 1
                e = stopped if spans[k, 1] < 0 else place[spans[k, 1]]
                while s < e and same:
                    word = load_word(data, s) ^ load_word(label_bytes, at)
                    if e - s < 8:
                        word &= (np.uint64(1) << np.uint64(8 * (e - s))) - np.uint64(1)
                        at += e - s
                    else:
                        at += 8
                    same = word == 0
                    s += 8
                # what ends a column's bytes is no byte of UTF-8
                same = same and label_bytes[at] == 0xFF
                at += 1
                if not same:
                    break
            if same:
                return np.int64(number)
        slot = (slot + 1) & mask
    number = state[_LABELS]
    used = known[number - 1, 0] + known[number - 1, 1] if number else np.int64(0)
    written = known[number - 1, 2] + known[number - 1, 3] if number else np.int64(0)
    size = stopped - begin
    if length > _LABEL_BYTES or size > len(line_bytes):
        return np.int64(-1)
    if number == len(known) or used + length > _LABEL_BYTES or written + size > len(line_bytes):
        return np.int64(-2)
    known[number, 0], known[number, 1], known[number, 4] = used, length, owner
    known[number, 2], known[number, 3] = written, size
    for k in range(4, len(spans)):
        s = begin if spans[k, 0] < 0 else place[spans[k, 0]] + 1
        e = stopped if spans[k, 1] < 0 else place[spans[k, 1]]
        for i in range(s, e):
            label_bytes[used + i - s] = data[i]
        used += e - s
        label_bytes[used] = 0xFF
        used += 1
    for i in range(size):
        line_bytes[written + i] = data[begin + i]
    slots[slot] = number
    state[_LABELS] = number + 1
    return number


@compiled
def _group(batch: Words, held: int, hashes: Words, groups: Words, slots: Positions, state: Positions) -> None:
    """Put lines into their groups. Three short loops, so that the waits for memory overlap."""
    mask = np.uint64(len(slots) - 1)
    count = state[_GROUPS]
    touched = np.uint64(0)
    for k in range(held):
        hashed = batch[k, 0] * np.uint64(0x9E3779B97F4A7C15)
        hashed ^= batch[k, 1] * np.uint64(0xC2B2AE3D27D4EB4F)
        hashed ^= batch[k, 2] * np.uint64(0x165667B19E3779F9)
        hashed ^= hashed >> np.uint64(31)
        hashes[k] = hashed * np.uint64(0x9E3779B97F4A7C15)
    for k in range(held):
        found = slots[np.int64(hashes[k] >> np.uint64(20) & mask)]
        if found >= 0:
            touched ^= groups[found & 0xFFFF_FFFF, _HIGH]
    for k in range(held):
        hashed = hashes[k]
        slot = np.int64(hashed >> np.uint64(20) & mask)
        # a slot holds 31 bits of the hash and the group's number: most strangers are told apart without a look
        tag = np.int64(hashed & np.uint64(0x7FFF_FFFF)) << 32
        high, low, key, seen, more = batch[k, 0], batch[k, 1], batch[k, 2], batch[k, 3], batch[k, 4]
        while True:
            found = slots[slot]
            if found < 0:
                slots[slot] = tag | count
                groups[count, _HIGH], groups[count, _LOW], groups[count, _LABEL_AND_DAY] = high, low, key
                groups[count, _FIRST], groups[count, _LAST] = seen, seen
                groups[count, _COUNT], groups[count, _LINES] = more, np.uint64(1)
                count += 1
                break
            if (found ^ tag) >> 32 == 0:
                row = found & 0xFFFF_FFFF
                if groups[row, _LOW] == low and groups[row, _HIGH] == high and groups[row, _LABEL_AND_DAY] == key:
                    groups[row, _FIRST] = min(groups[row, _FIRST], seen)
                    groups[row, _LAST] = max(groups[row, _LAST], seen)
                    groups[row, _COUNT] += more
                    groups[row, _LINES] += np.uint64(1)
                    break
            slot = (slot + 1) & np.int64(mask)
    # the second loop must not be optimised away: its reads are what brings the groups near
    hashes[0] = touched
    state[_GROUPS] = count
