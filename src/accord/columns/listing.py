"""Lists of one value a line: what trails and plain lists share."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.builder import shorten
from accord.columns.kernel import OUTCOME_CODES, OUTCOMES, Positions, Values, compiled, read_spans
from accord.columns.lines import cut
from accord.columns.reading import Chunk, Context, Parsed, Part
from accord.columns.schema import OBSERVATIONS, REJECTS
from accord.vocabulary.reasons import Ignored, Rejected

_NAME = pa.dictionary(pa.int32(), pa.string())


def read_listing(
    chunk: Chunk,
    context: Context,
    *,
    comments: bytes,
    family: Callable[[Part], str | None],
    fields: Callable[[Part], Mapping[str, str | None]],
) -> Parsed:
    """One observation a line: the line's value; blank lines and comments are ignored.

    `comments`: the characters that begin a comment line. A `#` after white space ends the value of its line.
    `family` and `fields` say what a member's name tells of all its lines.
    """
    start, end, owner, number = cut(chunk)
    end = end.copy()
    shape = np.zeros(len(start), np.int8)
    _strip_comments(chunk.data, start, end, shape, np.frombuffer(comments, np.uint8))
    lines = np.flatnonzero(shape == 0)
    values = read_spans(chunk.data, start[lines], end[lines], context)
    ignored = {
        reason.value: int((shape == code).sum())
        for code, reason in ((_BLANK, Ignored.BLANK), (_COMMENT, Ignored.COMMENT))
        if (shape == code).any()
    }
    path_only = int((values.outcome == OUTCOME_CODES[Ignored.PATH_WITHOUT_HOST]).sum())
    if path_only:
        ignored[Ignored.PATH_WITHOUT_HOST.value] = path_only
    members = np.array([part.member for part in chunk.parts], np.int32)
    return Parsed(
        records=len(start),
        observations=_observations(chunk.parts, members, owner[lines], number[lines], values, context, family, fields),
        rejects=_rejects(chunk, start[lines], end[lines], members[owner[lines]], number[lines], values),
        ignored=ignored,
    )


def _observations(
    parts: Sequence[Part],
    members: npt.NDArray[np.int32],
    owner: npt.NDArray[np.int32],
    number: Positions,
    values: Values,
    context: Context,
    family: Callable[[Part], str | None],
    fields: Callable[[Part], Mapping[str, str | None]],
) -> pa.RecordBatch:
    taken = np.flatnonzero(values.outcome == 0)
    owner = owner[taken]
    port = values.port[taken]
    said = [dict(fields(part)) for part in parts]
    columns = {
        "member": pa.array(members[owner]),
        "record": pa.array(number[taken]),
        "type": pa.array(values.kind[taken]),
        "value": values.value if len(taken) == len(values.outcome) else values.value.take(pa.array(taken)),
        "role": pa.nulls(len(taken), _NAME),
        "family": _by_part([family(part) for part in parts], owner),
        "seen_at": pa.nulls(len(taken), OBSERVATIONS.field("seen_at").type),
        "count": pa.array(np.ones(len(taken), np.int64)),
        "port": pa.array(port, mask=port == 0),
        "marking": pa.nulls(len(taken), pa.int8()),
    } | {f"field:{name}": _by_part([one.get(name) for one in said], owner) for name in context.rule_fields}
    return pa.RecordBatch.from_pydict(columns)


def _by_part(names: Sequence[str | None], owner: npt.NDArray[np.int32]) -> pa.DictionaryArray:
    words = sorted({name for name in names if name is not None})
    place = {word: at for at, word in enumerate(words)}
    index = np.array([-1 if name is None else place[name] for name in names], np.int32)[owner]
    return pa.DictionaryArray.from_arrays(pa.array(index, mask=index < 0), pa.array(words, pa.string()))


def _rejects(
    chunk: Chunk,
    start: Positions,
    end: Positions,
    member: npt.NDArray[np.int32],
    number: Positions,
    values: Values,
) -> pa.RecordBatch:
    rows = [
        {
            "member": int(member[at]),
            "record": int(number[at]),
            "pointer": None,
            "column": None,
            "reason": reason.value,
            "partial": False,
            "text": shorten(chunk.data[start[at] : end[at]].tobytes().decode("utf-8", "replace")),
        }
        for at in np.flatnonzero(values.outcome).tolist()
        if isinstance(reason := OUTCOMES[values.outcome[at]], Rejected)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=REJECTS)


_BLANK, _COMMENT = 1, 2


@compiled
def _strip_comments(
    data: npt.NDArray[np.uint8],
    start: Positions,
    end: Positions,
    shape: npt.NDArray[np.int8],
    marks: npt.NDArray[np.uint8],
) -> None:
    """Mark blank and comment lines in `shape`, and move `end` before a trailing comment."""
    for at in range(len(start)):
        s, e = start[at], end[at]
        while s < e and data[s] <= 32:
            s += 1
        if s == e:
            shape[at] = _BLANK
            continue
        for mark in marks:
            if data[s] == mark:
                shape[at] = _COMMENT
        for i in range(s + 1, e):
            if data[i] == 35 and (data[i - 1] == 32 or data[i - 1] == 9):
                end[at] = i
                break
