"""Many values at once: spans of bytes to canonical indicators, by the rules of `columns.values`.

One compiled pass takes the common shapes (addresses, host names of plain ASCII labels, hashes, http URLs, each with
a port where that is allowed) and hands every other span, unread, to the exact rules. So the kernel may only ever be
narrower than the rules, never different; a property test holds it to that.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from accord.columns.instants import read_instant
from accord.columns.reading import Context
from accord.columns.scanner import LEFT, OUTCOME_CODES, OUTCOMES, Bytes, Positions, compiled, scan_instants, scan_values
from accord.columns.values import read_value
from accord.vocabulary.indicators import INDICATOR_TYPES, TYPE_CODES, Indicator, IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected

__all__ = [
    "OUTCOMES",
    "OUTCOME_CODES",
    "Bytes",
    "Positions",
    "Values",
    "compiled",
    "expectation",
    "read_instants",
    "read_spans",
]


def expectation(*kinds: IndicatorType) -> int:
    """The bit set of indicator types that a span must be one of; 0: any."""
    return sum(1 << TYPE_CODES[kind] for kind in kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What n spans hold, position by position."""

    outcome: npt.NDArray[np.int8]
    """Code of OUTCOMES; where it is not 0 the other fields say nothing."""
    kind: npt.NDArray[np.int8]
    """Code of INDICATOR_TYPES."""
    value: pa.StringArray
    """Canonical values; the empty string where there is none."""
    port: npt.NDArray[np.int32]
    """The port that the value named; 0: none."""


def read_spans(
    data: Bytes, start: Positions, end: Positions, context: Context, expected: npt.NDArray[np.int16] | None = None
) -> Values:
    """Read the values at `data[start[i]:end[i]]` (white space around them is not part of them).

    `expected[i]`: an `expectation` bit set, or 0 for any type. Bytes that are not UTF-8 give ENCODING.
    """
    count = len(start)
    bits = np.zeros(count, np.int16) if expected is None else expected
    outcome = np.zeros(count, np.int8)
    kind = np.full(count, -1, np.int8)
    port = np.zeros(count, np.int32)
    offset = np.zeros(count + 1, np.int32)
    room = int((end - start).sum()) + 40 * count
    if room >= 2**31:
        raise ValueError("a chunk holds more than 2 GiB of values")
    out = np.empty(room, np.uint8)
    used = scan_values(data, start, end, bits, outcome, kind, port, offset, out)
    value = pa.StringArray.from_buffers(count, pa.py_buffer(offset), pa.py_buffer(out[:used]))
    value = _read_rest(data, start, end, bits, context, outcome, kind, port, value)
    _refuse_public_suffixes(context, outcome, kind, value)
    return Values(outcome=outcome, kind=kind, value=value, port=port)


def _read_rest(
    data: Bytes,
    start: Positions,
    end: Positions,
    bits: npt.NDArray[np.int16],
    context: Context,
    outcome: npt.NDArray[np.int8],
    kind: npt.NDArray[np.int8],
    port: npt.NDArray[np.int32],
    value: pa.StringArray,
) -> pa.StringArray:
    """Read what the compiled pass left (outcome -1) by the exact rules, each distinct text once."""
    left = np.flatnonzero(outcome == LEFT)
    if not len(left):
        return value
    known: dict[tuple[bytes, int], Indicator | Ignored | Rejected] = {}
    texts: list[str] = []
    for at in left.tolist():
        key = (data[start[at] : end[at]].tobytes(), int(bits[at]))
        read = known.get(key)
        if read is None:
            read = known[key] = _read_exactly(*key, context)
        if isinstance(read, Indicator):
            outcome[at], kind[at], port[at] = 0, TYPE_CODES[read.kind], read.port or 0
            texts.append(read.value)
        else:
            outcome[at] = OUTCOME_CODES[read]
            texts.append("")
    mask = np.zeros(len(outcome), np.bool_)
    mask[left] = True
    return pc.replace_with_mask(value, pa.array(mask), pa.array(texts, pa.string()))


def _read_exactly(raw: bytes, bits: int, context: Context) -> Indicator | Ignored | Rejected:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return Rejected.ENCODING
    permitted = {kind for code, kind in enumerate(INDICATOR_TYPES) if bits >> code & 1}
    return read_value(text, context.is_public_suffix, permitted or None)


def _refuse_public_suffixes(
    context: Context, outcome: npt.NDArray[np.int8], kind: npt.NDArray[np.int8], value: pa.StringArray
) -> None:
    domain = (outcome == 0) & (kind == TYPE_CODES[IndicatorType.DOMAIN])
    among = int(np.count_nonzero(domain))
    if not among:
        return
    if among == len(domain):
        outcome[context.public_suffixes(value)] = OUTCOME_CODES[Rejected.PUBLIC_SUFFIX]
    else:
        domains = np.flatnonzero(domain)
        refused = domains[context.public_suffixes(value.take(pa.array(domains)))]
        outcome[refused] = OUTCOME_CODES[Rejected.PUBLIC_SUFFIX]


def read_instants(data: Bytes, start: Positions, end: Positions) -> tuple[Positions, npt.NDArray[np.bool_]]:
    """Read the times at `data[start[i]:end[i]]` by `columns.instants`: microseconds, and which were times."""
    instant = np.zeros(len(start), np.int64)
    good = np.zeros(len(start), np.bool_)
    left = np.zeros(len(start), np.bool_)
    scan_instants(data, start, end, instant, good, left)
    known: dict[bytes, int | None] = {}
    for at in np.flatnonzero(left).tolist():
        raw = data[start[at] : end[at]].tobytes()
        if raw not in known:
            known[raw] = read_instant(raw.decode("utf-8", "replace"))
        read = known[raw]
        if read is not None:
            instant[at], good[at] = read, True
    return instant, good
