"""Free text: notes, appendices, mails; every physical line is a record and may state several indicators.

    The loader fetched hxxp://files[.]example[.]com/a.exe from 203[.]0[.]113[.]9:8080.
    - From: "Orders" <orders@shop[.]example>

docs/formats/freetext.md says what is taken, and what is left out because free text is never guessed at.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.builder import shorten
from accord.columns.kernel import Positions, Values, read_spans
from accord.columns.lines import cut, looks_like_text
from accord.columns.reading import Chunk, Context, Parsed
from accord.columns.schema import OBSERVATIONS, REJECTS
from accord.formats.freetext import doubts
from accord.formats.freetext.lines import host_of, is_file, read_line
from accord.vocabulary.indicators import TYPE_CODES, Indicator, IndicatorType
from accord.vocabulary.markings import Marking, read_marking, strictest
from accord.vocabulary.reasons import Rejected

NAME = "freetext"
TITLE = "free text with defanged values"
GRAIN = "lines"

_TLP = re.compile(r"\bTLP\s?:\s?(RED|AMBER\s?\+\s?STRICT|AMBER|GREEN|CLEAR|WHITE)\b", re.IGNORECASE)
_SCHEME = re.compile(rb"\s*([A-Za-z][A-Za-z0-9+.-]*)://")

_HXXP = re.compile(rb"^hxxp(s?):", re.IGNORECASE | re.MULTILINE)

_SIMPLE = np.zeros(256, np.bool_)
_SIMPLE[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/-[]?=&%~+")] = True
_EDGE = np.zeros(256, np.bool_)
_EDGE[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")] = True


@dataclass(slots=True, kw_only=True)
class _Rows:
    """Columns of the observations and the rejects, as they grow."""

    member: list[int] = field(default_factory=list)
    record: list[int] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    value: list[str] = field(default_factory=list)
    port: list[int | None] = field(default_factory=list)
    marking: list[int | None] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    rejects: list[dict[str, object]] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)

    def reject(self, member: int, record: int, reason: Rejected, text: str, *, partial: bool) -> None:
        """Add one reject."""
        self.rejects.append(
            {
                "member": member,
                "record": record,
                "pointer": None,
                "column": None,
                "reason": reason.value,
                "partial": partial,
                "text": shorten(text),
            }
        )


def recognises(head: bytes, path: str) -> bool:
    """Any text is free text: the last format to be asked."""
    del path
    return looks_like_text(head)


def layout(head: bytes, path: str, context: Context) -> Marking | None:
    """The narrowest TLP label that stands in the text's beginning: it holds for all of its lines."""
    del path, context
    return _label(head.decode("utf-8", "replace"))


def parse(chunk: Chunk, context: Context) -> Parsed:
    """Read a chunk of lines. A line that is one value and nothing else goes the fast way, with the same result."""
    start, end, owner, number = cut(chunk)
    rows = _Rows()
    quick = _read_simple(chunk, start, end, context)
    data = chunk.data.tobytes()
    members = [part.member for part in chunk.parts]
    markings = [part.layout if isinstance(part.layout, Marking) else None for part in chunk.parts]
    taken = np.zeros(len(start), np.bool_)
    taken[quick.lines] = True
    for at in np.flatnonzero(~taken).tolist():
        part = int(owner[at])
        _read_slowly(data[start[at] : end[at]], members[part], int(number[at]), markings[part], context, rows)
    observations = _observations(chunk, quick, owner, number, members, markings, rows, context)
    return Parsed(
        records=len(start),
        observations=observations,
        rejects=pa.RecordBatch.from_pylist(rows.rejects, schema=REJECTS),
        ignored=dict(rows.ignored),
    )


def _label(text: str) -> Marking | None:
    labels = [read_marking(re.sub(r"\s", "", match[0])) for match in _TLP.finditer(text)]
    said = [label for label in labels if label is not None]
    return strictest(*said) if said else None


def _read_slowly(raw: bytes, member: int, record: int, marking: Marking | None, context: Context, rows: _Rows) -> None:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        rows.reject(member, record, Rejected.ENCODING, raw.decode("utf-8", "replace"), partial=False)
        return
    said = read_line(text, context)
    if not said.indicators and not said.rejects:
        rows.ignored[said.ignored.value] += 1
        return
    own = _label(text)
    both = [one for one in (own, marking) if one is not None]
    for indicator in said.indicators:
        rows.member.append(member)
        rows.record.append(record)
        rows.kind.append(TYPE_CODES[indicator.kind])
        rows.value.append(indicator.value)
        rows.port.append(indicator.port)
        rows.marking.append(strictest(*both).code if both else None)
        rows.line.append(shorten(text.strip()))
    for place, (reason, written) in enumerate(said.rejects):
        rows.reject(member, record, reason, written, partial=bool(said.indicators) or place > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quick:
    """Lines that are one value each: their places among the chunk's lines, what they hold, and their own bytes."""

    lines: Positions
    values: Values
    start: Positions
    end: Positions


def _read_simple(chunk: Chunk, start: Positions, end: Positions, context: Context) -> _Quick:
    """The lines that hold one value and nothing else, read all at once; lines that need thought are not among them."""
    data = chunk.data
    simple = np.zeros(0, np.int64)
    start, end = start.copy(), end.copy()
    if len(data):
        for _ in range(3):  # trailing blanks; more of them are read the slow way
            blank = end > start
            blank[blank] = np.isin(data[end[blank] - 1], (9, 32))
            end[blank] -= 1
        odd = np.concatenate([[0], np.cumsum(~_SIMPLE[data])])
        simple = np.flatnonzero((end - start >= 4) & (end - start <= 2048) & (odd[end] == odd[start]))
        simple = simple[_EDGE[data[start[simple]]]]
        last = data[end[simple] - 1]
        simple = simple[_EDGE[last] | (last == ord("/"))]
    values = _read_refanged(data, start[simple], end[simple], context)
    kept = _undoubted(data, start[simple], end[simple], values, context)
    picked = pa.array(kept)
    return _Quick(
        lines=simple[kept],
        values=Values(
            outcome=values.outcome[kept],
            kind=values.kind[kept],
            value=values.value.take(picked),
            port=values.port[kept],
        ),
        start=start[simple[kept]],
        end=end[simple[kept]],
    )


def _read_refanged(data: npt.NDArray[np.uint8], start: Positions, end: Positions, context: Context) -> Values:
    """Read spans after undoing the commonest defanging in all of them at once: the kernel is fast on plain values."""
    raw = data.tobytes()
    text = b"\n".join([raw[s:e] for s, e in zip(start.tolist(), end.tolist(), strict=True)])
    text = text.replace(b"[.]", b".").replace(b"[:]", b":")
    text = _HXXP.sub(rb"http\1:", text) + b"\n" * bool(len(start))
    plain = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(plain == ord("\n")).astype(np.int64)
    starts = np.concatenate([np.zeros(min(len(ends), 1), np.int64), ends[:-1] + 1])
    return read_spans(plain, starts, ends, context)


def _undoubted(
    data: npt.NDArray[np.uint8], start: Positions, end: Positions, values: Values, context: Context
) -> Positions:
    """Which values are beyond doubt: taken, and their host is under a known suffix and is no file's name."""
    keep = values.outcome == 0
    domain = TYPE_CODES[IndicatorType.DOMAIN]
    named = np.isin(values.kind, (domain, TYPE_CODES[IndicatorType.URL])) & keep
    endings: dict[str, bool] = {}
    texts = values.value.to_pylist()
    for at in np.flatnonzero(named).tolist():
        written = data[start[at] : end[at]].tobytes()
        scheme = _SCHEME.match(written)
        host = texts[at] if values.kind[at] == domain else host_of(Indicator(kind=IndicatorType.URL, value=texts[at]))
        ending = host.rpartition(".")[2]
        if not ending.isdigit() and ":" not in host:
            known = endings.get(ending)
            if known is None:
                known = endings[ending] = context.has_known_suffix(host)
            keep[at] = known and (
                scheme is not None
                or ending not in doubts.FILE_ENDINGS
                or b"[" in written
                or not is_file(written.decode("ascii"), context)
            )
        if scheme is not None:
            plain = scheme[1].decode().lower().replace("hxxp", "http").replace("fxp", "ftp")
            keep[at] &= plain in doubts.SCHEMES
    return np.flatnonzero(keep)


def _observations(
    chunk: Chunk,
    quick: _Quick,
    owner: npt.NDArray[np.int32],
    number: Positions,
    members: list[int],
    markings: list[Marking | None],
    rows: _Rows,
    context: Context,
) -> pa.RecordBatch:
    """The quick lines and the others, in the order of their lines."""
    part = owner[quick.lines]
    codes = np.array([-1 if marking is None else marking.code for marking in markings], np.int8)[part]
    member = np.concatenate([np.array(members, np.int32)[part], np.array(rows.member, np.int32)])
    record = np.concatenate([number[quick.lines], np.array(rows.record, np.int64)])
    order = np.lexsort((record, member))
    picked = pa.array(order)
    count = len(order)
    port = quick.values.port

    def merged(first: pa.Array, second: pa.Array) -> pa.Array:
        return pa.concat_arrays([first, second]).take(picked)

    columns: dict[str, pa.Array] = {
        "member": pa.array(member[order]),
        "record": pa.array(record[order]),
        "type": merged(pa.array(quick.values.kind, pa.int8()), pa.array(rows.kind, pa.int8())),
        "value": merged(quick.values.value, pa.array(rows.value, pa.string())),
        "role": pa.nulls(count, OBSERVATIONS.field("role").type),
        "family": pa.nulls(count, OBSERVATIONS.field("family").type),
        "seen_at": pa.nulls(count, OBSERVATIONS.field("seen_at").type),
        "count": pa.array(np.ones(count, np.int64)),
        "port": merged(pa.array(port, pa.int32(), mask=port == 0), pa.array(rows.port, pa.int32())),
        "marking": merged(pa.array(codes, pa.int8(), mask=codes < 0), pa.array(rows.marking, pa.int8())),
    }
    for name in context.rule_fields:
        kind = pa.dictionary(pa.int32(), pa.string())
        if name == "line":
            spans = zip(quick.start.tolist(), quick.end.tolist(), strict=True)
            written = [shorten(chunk.data[s:e].tobytes().decode()) for s, e in spans]
            columns[f"field:{name}"] = (
                merged(pa.array(written, pa.string()), pa.array(rows.line, pa.string())).dictionary_encode().cast(kind)
            )
        else:
            columns[f"field:{name}"] = pa.nulls(count, kind)
    schema = OBSERVATIONS
    for name in context.rule_fields:
        schema = schema.append(pa.field(f"field:{name}", pa.dictionary(pa.int32(), pa.string())))
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=schema)
