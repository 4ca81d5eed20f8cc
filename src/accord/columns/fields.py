"""Fields of delimited lines: where they stand, whether they are sound, and the names and numbers in them.

A line is split by RFC 4180, with one rule more: a quote never spans lines, so that one unclosed quote costs one
record and not the rest of the file. Or it is split at the delimiter alone (Zeek's tab-separated files).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.kernel import OUTCOME_CODES, compiled
from accord.vocabulary.reasons import Rejected

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

QUOTED, DOUBLED = 1, 2
"""Bits of `Fields.flags`: the field stood in quotes; it held doubled quotes (undone in what its span points at)."""

COUNT_LIMIT = 999_999_999
"""Sightings that one record may stand for. As many as no run can add up past 64 bits: it would take nine billion."""

NAME = pa.dictionary(pa.int32(), pa.string())
"""The Arrow type of a column of names."""

_QUOTE = 34
_ENCODING = OUTCOME_CODES[Rejected.ENCODING]
_QUOTING = OUTCOME_CODES[Rejected.QUOTING]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The wanted fields of n lines. `start`, `end` and `flags` have the shape (wanted columns, n)."""

    data: Bytes
    """What the spans point into: the bytes that were split, and behind them the fields with doubled quotes undone."""
    start: Positions
    end: Positions
    """The field without its quotes; an empty span where the line has no such column, or `outcome` is not 0."""
    flags: npt.NDArray[np.uint8]
    columns: npt.NDArray[np.int32]
    """Columns of each line (an empty line has one, an empty one); 0 where `outcome` is not 0."""
    outcome: npt.NDArray[np.int8]
    """0, or the code in `kernel.OUTCOMES` of ENCODING (the line is not UTF-8) or QUOTING."""


def split(
    data: Bytes,
    start: Positions,
    end: Positions,
    wanted: Sequence[int],
    delimiter: str,
    *,
    quoting: bool = True,
    trimmed: bool = False,
) -> Fields:
    """Split the lines `data[start[i]:end[i]]` and give the fields at the `wanted` column indexes.

    `wanted` are distinct and 0-based; `delimiter` is one ASCII character, no quote. With `quoting`, RFC 4180
    section 2 holds in any field: an unclosed quote, a quote inside an unquoted field and text after a closing quote
    are QUOTING. Every line is checked to be UTF-8 (RFC 3629), which comes before QUOTING. `trimmed`: the spans are
    without ASCII white space at their ends (cheaper here than by `trim` later, as the bytes are at hand).
    """
    if not is_delimiter(delimiter):
        raise ValueError(f"a delimiter is one ASCII character that is no quote and no line end, not {delimiter!r}")
    if len(set(wanted)) != len(wanted):
        raise ValueError("a column is wanted twice")
    slots = np.full(max(wanted, default=-1) + 1, -1, np.int32)
    slots[list(wanted)] = np.arange(len(wanted), dtype=np.int32)
    shape = (len(wanted), len(start))
    field_start, field_end, flags = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.uint8)
    columns, outcome = np.zeros(len(start), np.int32), np.zeros(len(start), np.int8)
    doubled = _split(
        data,
        start,
        end,
        slots,
        ord(delimiter),
        _QUOTE if quoting else -1,
        trimmed,
        field_start,
        field_end,
        flags,
        columns,
        outcome,
    )
    if doubled:
        side = np.empty(doubled, np.uint8)
        _undouble(data, field_start.reshape(-1), field_end.reshape(-1), flags.reshape(-1), side)
        data = np.concatenate((data, side))
    return Fields(data=data, start=field_start, end=field_end, flags=flags, columns=columns, outcome=outcome)


def is_delimiter(text: str) -> bool:
    """Can `text` part the columns of a line: one ASCII character, no quote, no line end?"""
    return len(text) == 1 and text.isascii() and text not in '"\r\n'


def split_line(line: bytes, delimiter: str, *, quoting: bool = True) -> tuple[str, ...] | Rejected:
    """All fields of one line, as `split` has them, or why it has none."""
    data = np.frombuffer(line, np.uint8)
    start, end = np.zeros(1, np.int64), np.array([len(line)], np.int64)
    counted = split(data, start, end, (), delimiter, quoting=quoting)
    if counted.outcome[0]:
        return Rejected.ENCODING if counted.outcome[0] == _ENCODING else Rejected.QUOTING
    fields = split(data, start, end, range(int(counted.columns[0])), delimiter, quoting=quoting)
    text = gather(fields.data, fields.start.reshape(-1), fields.end.reshape(-1))
    return tuple(text.to_pylist())


def gather(data: Bytes, start: Positions, end: Positions, present: Mask | None = None) -> pa.StringArray:
    """The texts at `data[start[i]:end[i]]`, which are UTF-8; null where `present` is given and false.

    Together they are shorter than 2 GiB (Arrow's 32-bit offsets), as any chunk is; ValueError beyond.
    """
    length = end - start
    if present is not None:
        length = np.where(present, length, 0)
    total = int(length.sum())
    if total >= 2**31:
        raise ValueError(f"texts of {total} bytes do not fit into one array of strings")
    offsets = np.zeros(len(start) + 1, np.int32)
    np.cumsum(length, out=offsets[1:])
    text = np.empty(total, np.uint8)
    _copy(data, start, offsets, text)
    bitmap = None if present is None else pa.py_buffer(np.packbits(present, bitorder="little"))
    return pa.StringArray.from_buffers(len(start), pa.py_buffer(offsets), pa.py_buffer(text), bitmap)


def trim(data: Bytes, start: Positions, end: Positions) -> tuple[Positions, Positions]:
    """The spans without ASCII white space at their ends; an all-white span becomes an empty one."""
    trimmed_start, trimmed_end = start.copy(), end.copy()
    _trim(data, trimmed_start, trimmed_end)
    return trimmed_start, trimmed_end


def names(data: Bytes, start: Positions, end: Positions) -> pa.DictionaryArray:
    """The spans (valid UTF-8) as names, without white space around them; null where nothing is left."""
    start, end = trim(data, start, end)
    return gather(data, start, end, end > start).dictionary_encode()


def distinct(column: pa.DictionaryArray) -> tuple[npt.NDArray[np.int32], list[str]]:
    """A name column as codes (-1: null) and the name of each code, so that work is done once a name."""
    codes: npt.NDArray[np.int32] = (
        column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    )
    return codes, column.dictionary.to_pylist()


def constant(name: str | None, length: int) -> pa.DictionaryArray:
    """A name column of one name, or of nulls."""
    if name is None:
        return pa.DictionaryArray.from_arrays(pa.nulls(length, pa.int32()), pa.array([], pa.string()))
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(length, np.int32)), pa.array([name], pa.string()))


def read_numbers(data: Bytes, start: Positions, end: Positions) -> npt.NDArray[np.int64]:
    """The decimal numbers in the spans, white space around them apart; -1 where there is none, -2 in an empty span.

    A number is `0`, or at most 12 ASCII digits that do not begin with 0.
    """
    numbers = np.empty(len(start), np.int64)
    _numbers(data, start, end, numbers)
    return numbers


def read_counts(data: Bytes, start: Positions, end: Positions) -> npt.NDArray[np.int64]:
    """The numbers of sightings in the spans, as `read_numbers` has them; -1 also above COUNT_LIMIT."""
    count = read_numbers(data, start, end)
    count[count > COUNT_LIMIT] = -1
    return count


def read_ports(data: Bytes, start: Positions, end: Positions) -> npt.NDArray[np.int32]:
    """The ports in the spans: 1 to 65535; 0 where a span is empty or white, -1 where it holds no port."""
    number = read_numbers(data, start, end)
    port = np.where((number >= 1) & (number <= 65_535), number, -1)
    return np.where(number == -2, 0, port).astype(np.int32)


def are_equal(data: Bytes, start: Positions, end: Positions, text: bytes) -> Mask:
    """Which spans hold exactly `text`."""
    same = np.zeros(len(start), np.bool_)
    _equal(data, start, end, np.frombuffer(text, np.uint8), same)
    return same


def begin_with(data: Bytes, start: Positions, end: Positions, text: bytes) -> Mask:
    """Which spans begin with `text`."""
    return are_equal(data, start, np.minimum(end, start + len(text)), text)


def contain(data: Bytes, start: Positions, end: Positions, character: str) -> Mask:
    """Which spans hold the ASCII `character`."""
    found = np.zeros(len(start), np.bool_)
    _contain(data, start, end, ord(character), found)
    return found


@compiled
def _split(
    data: Bytes,
    line_start: Positions,
    line_end: Positions,
    slots: npt.NDArray[np.int32],
    delimiter: int,
    quote: int,
    trimmed: bool,
    start: Positions,
    end: Positions,
    flags: npt.NDArray[np.uint8],
    columns: npt.NDArray[np.int32],
    outcome: npt.NDArray[np.int8],
) -> int:
    # Returns how many bytes the wanted fields with doubled quotes take once they are undone (at most).
    doubled = 0
    for line in range(len(line_start)):
        at, stop = line_start[line], line_end[line]
        seen = np.uint8(0)
        column = 0
        sound = True
        while True:
            flag = 0
            if at < stop and data[at] == quote:
                flag = QUOTED
                at += 1
                first = at
                sound = False
                while at < stop:
                    byte = data[at]
                    seen |= byte
                    if byte == quote:
                        if at + 1 < stop and data[at + 1] == quote:
                            flag = QUOTED | DOUBLED
                            at += 2
                            continue
                        sound = True
                        break
                    at += 1
                last = at
                at += 1
                if at < stop and data[at] != delimiter:
                    sound = False
            else:
                first = at
                while at < stop:
                    byte = data[at]
                    if byte == delimiter:
                        break
                    if byte == quote:
                        sound = False
                        break
                    seen |= byte
                    at += 1
                last = at
            if not sound:
                break
            if column < len(slots) and slots[column] >= 0:
                slot = slots[column]
                if trimmed:
                    while first < last and (data[first] == 32 or 9 <= data[first] <= 13):
                        first += 1
                    while first < last and (data[last - 1] == 32 or 9 <= data[last - 1] <= 13):
                        last -= 1
                start[slot, line], end[slot, line], flags[slot, line] = first, last, flag
                if flag & DOUBLED:
                    doubled += last - first
            column += 1
            if at >= stop:
                break
            at += 1
        if (not sound or seen >= 128) and not is_utf8(data, line_start[line], stop):
            outcome[line] = _ENCODING
        elif not sound:
            outcome[line] = _QUOTING
        if outcome[line]:
            for slot in range(start.shape[0]):
                start[slot, line], end[slot, line], flags[slot, line] = 0, 0, 0
        else:
            columns[line] = column
    return doubled


@compiled
def is_utf8(data: Bytes, at: int, stop: int) -> bool:
    """Are the bytes `data[at:stop]` UTF-8?"""
    # RFC 3629, section 4: no overlong forms, no surrogates, nothing past U+10FFFF.
    while at < stop:
        lead = data[at]
        if lead < 0x80:
            at += 1
            continue
        low, high = 0x80, 0xBF
        if 0xC2 <= lead <= 0xDF:
            more = 1
        elif 0xE0 <= lead <= 0xEF:
            more = 2
            if lead == 0xE0:
                low = 0xA0
            elif lead == 0xED:
                high = 0x9F
        elif 0xF0 <= lead <= 0xF4:
            more = 3
            if lead == 0xF0:
                low = 0x90
            elif lead == 0xF4:
                high = 0x8F
        else:
            return False
        if at + more >= stop:
            return False
        if data[at + 1] < low or data[at + 1] > high:
            return False
        for place in range(2, more + 1):
            if data[at + place] & 0xC0 != 0x80:
                return False
        at += more + 1
    return True


@compiled
def _undouble(data: Bytes, start: Positions, end: Positions, flags: npt.NDArray[np.uint8], side: Bytes) -> None:
    # Positions in `side` are said as if it followed `data`.
    base = len(data)
    used = 0
    for field in range(len(start)):
        if flags[field] & DOUBLED:
            at, stop = start[field], end[field]
            start[field] = base + used
            while at < stop:
                side[used] = data[at]
                used += 1
                at += 2 if data[at] == _QUOTE else 1
            end[field] = base + used


@compiled
def _copy(data: Bytes, start: Positions, offsets: npt.NDArray[np.int32], text: Bytes) -> None:
    for field in range(len(start)):
        source = start[field]
        for target in range(offsets[field], offsets[field + 1]):
            text[target] = data[source]
            source += 1


@compiled
def _trim(data: Bytes, start: Positions, end: Positions) -> None:
    for field in range(len(start)):
        first, last = start[field], end[field]
        while first < last and (data[first] == 32 or 9 <= data[first] <= 13):
            first += 1
        while first < last and (data[last - 1] == 32 or 9 <= data[last - 1] <= 13):
            last -= 1
        start[field], end[field] = first, last


@compiled
def _numbers(data: Bytes, start: Positions, end: Positions, numbers: Positions) -> None:
    for field in range(len(start)):
        numbers[field] = read_number(data, start[field], end[field])


@compiled
def read_number(data: Bytes, first: int, last: int) -> np.int64:
    """As `read_numbers`, one span."""
    while first < last and (data[first] == 32 or 9 <= data[first] <= 13):
        first += 1
    while first < last and (data[last - 1] == 32 or 9 <= data[last - 1] <= 13):
        last -= 1
    number = np.int64(-1 if first < last else -2)
    if first < last <= first + 12 and (data[first] != 48 or last == first + 1):
        number = np.int64(0)
        for at in range(first, last):
            if not 48 <= data[at] <= 57:
                return np.int64(-1)
            number = number * 10 + (data[at] - 48)
    return number


@compiled
def _equal(data: Bytes, start: Positions, end: Positions, text: Bytes, same: Mask) -> None:
    for field in range(len(start)):
        if end[field] - start[field] == len(text):
            alike = True
            for place in range(len(text)):
                if data[start[field] + place] != text[place]:
                    alike = False
                    break
            same[field] = alike


@compiled
def _contain(data: Bytes, start: Positions, end: Positions, character: int, found: Mask) -> None:
    for field in range(len(start)):
        for at in range(start[field], end[field]):
            if data[at] == character:
                found[field] = True
                break
