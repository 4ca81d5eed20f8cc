"""Many values at once: spans of bytes to canonical indicators, by the rules of `columns.values`."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.reading import Context
from accord.columns.values import read_value
from accord.vocabulary.indicators import INDICATOR_TYPES, TYPE_CODES, IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]

OUTCOMES: tuple[Ignored | Rejected | None, ...] = (None, *Ignored, *Rejected)
"""`OUTCOMES[code]` is what an outcome code stands for; code 0: the value was taken."""

OUTCOME_CODES: dict[Ignored | Rejected | None, int] = {outcome: code for code, outcome in enumerate(OUTCOMES)}


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
    data: Bytes,
    start: Positions,
    end: Positions,
    context: Context,
    expected: npt.NDArray[np.int16] | None = None,
) -> Values:
    """Read the values at `data[start[i]:end[i]]` (white space around them is not part of them).

    `expected[i]`: an `expectation` bit set, or 0 for any type. Bytes that are not UTF-8 give ENCODING.
    """
    outcome = np.zeros(len(start), np.int8)
    kind = np.full(len(start), -1, np.int8)
    port = np.zeros(len(start), np.int32)
    values = [""] * len(start)
    for at in range(len(start)):
        try:
            text = data[start[at] : end[at]].tobytes().decode("utf-8")
        except UnicodeDecodeError:
            outcome[at] = OUTCOME_CODES[Rejected.ENCODING]
            continue
        bits = 0 if expected is None else int(expected[at])
        permitted = {k for code, k in enumerate(INDICATOR_TYPES) if bits >> code & 1} or None
        read = read_value(text, context.is_public_suffix, permitted)
        if isinstance(read, (Ignored, Rejected)):
            outcome[at] = OUTCOME_CODES[read]
        else:
            kind[at], values[at], port[at] = TYPE_CODES[read.kind], read.value, read.port or 0
    return Values(outcome=outcome, kind=kind, value=pa.array(values, pa.string()), port=port)


def read_instants(data: Bytes, start: Positions, end: Positions) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Read the times at `data[start[i]:end[i]]` by `columns.instants`: microseconds, and which were times."""
    from accord.columns.instants import read_instant

    read = [read_instant(data[s:e].tobytes().decode("utf-8", "replace")) for s, e in zip(start, end, strict=True)]
    return (
        np.array([0 if instant is None else instant for instant in read], np.int64),
        np.array([instant is not None for instant in read], np.bool_),
    )
