"""The account of a line format: each line is accepted, ignored or rejected, and every reason is kept.

What `columns.builder` does for documents, record by record, this does for all lines of a chunk at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.builder import shorten
from accord.columns.fields import Bytes, Mask, Positions, are_equal, begin_with, constant, gather, split, trim
from accord.columns.kernel import OUTCOME_CODES, OUTCOMES
from accord.columns.lines import cut
from accord.columns.reading import Chunk, Parsed
from accord.columns.schema import INSTANT, OBSERVATIONS, REJECTS, RESOLUTIONS
from accord.vocabulary.reasons import Ignored, Rejected

Codes = npt.NDArray[np.int8]

_REJECTIONS = np.array([isinstance(outcome, Rejected) for outcome in OUTCOMES])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """n lines that are read in one way: those of the parts of a chunk that have equal layouts."""

    layout: object
    data: Bytes
    start: Positions
    end: Positions
    """Without the line end."""
    member: npt.NDArray[np.int32]
    number: Positions
    """Number of the line within its member, from 1."""

    def __len__(self) -> int:
        """How many lines there are."""
        return len(self.start)


def lines_by_layout(chunk: Chunk) -> list[Lines]:
    """The lines of a chunk; parts that have equal layouts are read together."""
    start, end, owner, number = cut(chunk)
    layouts: list[object] = []
    group = np.zeros(len(chunk.parts), np.int64)
    for index, part in enumerate(chunk.parts):
        if part.layout not in layouts:
            layouts.append(part.layout)
        group[index] = layouts.index(part.layout)
    member = np.array([part.member for part in chunk.parts], np.int32)
    if len(layouts) == 1:
        return [Lines(layout=layouts[0], data=chunk.data, start=start, end=end, member=member[owner], number=number)]
    found = []
    for index, layout in enumerate(layouts):
        of = np.flatnonzero(group[owner] == index)
        found.append(
            Lines(
                layout=layout,
                data=chunk.data,
                start=start[of],
                end=end[of],
                member=member[owner[of]],
                number=number[of],
            )
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """n observations, position by position; several may belong to one line."""

    row: Positions
    """Index of the line that said it."""
    kind: Codes
    value: pa.StringArray
    role: pa.DictionaryArray
    family: pa.DictionaryArray
    seen_at_us: Positions
    """Microseconds since 1970 in UTC, where `dated`."""
    dated: Mask
    count: Positions
    port: npt.NDArray[np.int32]
    """0: none said."""
    marking: Codes
    """-1: none said."""
    fields: Mapping[str, pa.DictionaryArray] = field(default_factory=dict)
    """What the record says in each of the context's rule fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """n resolutions, each seen at one instant."""

    row: Positions
    domain: pa.StringArray
    address: pa.StringArray
    seen_at_us: Positions


class Account:
    """What becomes of each of `lines`.

    A line that an observation or a resolution came from is accepted, and its faults are partial. Else its first
    fault counts it as rejected, and the others are partial. Else it is ignored, for the first reason given.
    """

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.open: Mask = np.ones(len(lines), np.bool_)
        """Which lines are still to be read: neither ignored nor refused as a whole."""
        self._ignored: Codes = np.zeros(len(lines), np.int8)
        self._remarks: list[tuple[Mask, Rejected, str, Spans]] = []
        self._faults: list[tuple[Positions, Codes, str | None, Bytes, Positions, Positions]] = []

    def ignore(self, which: Mask, reason: Ignored) -> None:
        """Those of `which` that are still open make no claim about an indicator."""
        which = which & self.open
        self._ignored[which] = OUTCOME_CODES[reason]
        self.open &= ~which

    def refuse(
        self, which: Mask, reason: Rejected | Codes, column: str | None = None, *, spans: "Spans | None" = None
    ) -> None:
        """Those of `which` that are still open are rejected whole; `spans` (one a line) are what stood there."""
        rows = np.flatnonzero(which & self.open)
        if not len(rows):
            return
        spans = spans or Spans(data=self.lines.data, start=self.lines.start, end=self.lines.end)
        code = np.full(len(rows), OUTCOME_CODES[reason], np.int8) if isinstance(reason, Rejected) else reason[rows]
        self._faults.append((rows, code, column, spans.data, spans.start[rows], spans.end[rows]))
        self.open[rows] = False

    def remark(self, which: Mask, reason: Rejected, column: str, spans: "Spans") -> None:
        """A minor part of `which` cannot be taken; `spans` (one a line) are what stood there.

        Remarks stand behind the faults of their lines, and fall away where a line is ignored or refused whole.
        """
        self._remarks.append((which, reason, column, spans))

    def blame(self, rows: Positions, outcome: Rejected | Codes, column: str | None, spans: "Spans") -> None:
        """Parts of the lines `rows` cannot be taken: `spans[i]` of line `rows[i]`, for `outcome[i]` (0: no fault)."""
        code = np.full(len(rows), OUTCOME_CODES[outcome], np.int8) if isinstance(outcome, Rejected) else outcome
        said = np.flatnonzero(_REJECTIONS[code])
        if len(said):
            self._faults.append((rows[said], code[said], column, spans.data, spans.start[said], spans.end[said]))
        passed = np.flatnonzero((code != 0) & ~_REJECTIONS[code])
        fresh = passed[self._ignored[rows[passed]] == 0]
        self._ignored[rows[fresh]] = code[fresh]

    def close(self, observed: Observed, resolved: Resolved | None = None, rule_fields: Sequence[str] = ()) -> Parsed:
        """Everything that the lines gave."""
        for which, reason, column, spans in self._remarks:
            rows = np.flatnonzero(which & self.open)
            self.blame(rows, reason, column, spans.at(rows))
        accepted = np.zeros(len(self.lines), np.bool_)
        accepted[observed.row] = True
        if resolved is not None:
            accepted[resolved.row] = True
        rejected, rejects = self._rejects(accepted)
        passed = ~accepted & ~rejected
        if not self._ignored[passed].all():
            line = int(self.lines.number[np.flatnonzero(passed & (self._ignored == 0))[0]])
            raise AssertionError(f"line {line} was neither taken nor refused")
        counts = np.bincount(self._ignored[passed], minlength=len(OUTCOMES))
        return Parsed(
            records=len(self.lines),
            observations=self._observations(observed, rule_fields),
            resolutions=self._resolutions(resolved),
            rejects=rejects,
            ignored={str(OUTCOMES[code]): int(counts[code]) for code in np.flatnonzero(counts).tolist()},
        )

    def _rejects(self, accepted: Mask) -> tuple[Mask, pa.RecordBatch]:
        rejected = np.zeros(len(self.lines), np.bool_)
        rows: list[tuple[int, int, str | None, str]] = []
        for row, code, column, data, start, end in self._faults:
            text = (data[s:e].tobytes() for s, e in zip(start.tolist(), end.tolist(), strict=True))
            for at, outcome, raw in zip(row.tolist(), code.tolist(), text, strict=True):
                # No more than 4 bytes a character: what is cut off here would not be kept either.
                rows.append((at, outcome, column, shorten(raw[:2048].decode("utf-8", "replace"))))
        rows.sort(key=lambda one: one[0])
        partial = []
        for at, _, _, _ in rows:
            partial.append(bool(accepted[at] or rejected[at]))
            rejected[at] = True
        place = np.array([at for at, *_ in rows], np.int64)
        return rejected & ~accepted, pa.RecordBatch.from_arrays(
            [
                pa.array(self.lines.member[place]),
                pa.array(self.lines.number[place]),
                pa.nulls(len(rows), pa.string()),
                pa.array([column for _, _, column, _ in rows], pa.string()),
                pa.array([str(OUTCOMES[code]) for _, code, _, _ in rows], pa.string()),
                pa.array(partial, pa.bool_()),
                pa.array([text for *_, text in rows], pa.string()),
            ],
            schema=REJECTS,
        )

    def _observations(self, seen: Observed, rule_fields: Sequence[str]) -> pa.RecordBatch:
        columns = {
            "member": pa.array(self.lines.member[seen.row]),
            "record": pa.array(self.lines.number[seen.row]),
            "type": pa.array(seen.kind),
            "value": seen.value,
            "role": seen.role,
            "family": seen.family,
            "seen_at": pa.array(seen.seen_at_us, pa.int64(), mask=~seen.dated).cast(INSTANT),
            "count": pa.array(seen.count, pa.int64()),
            "port": pa.array(seen.port, pa.int32(), mask=seen.port == 0),
            "marking": pa.array(seen.marking, pa.int8(), mask=seen.marking < 0),
        } | {f"field:{name}": seen.fields.get(name, constant(None, len(seen.row))) for name in rule_fields}
        schema = pa.schema([*OBSERVATIONS, *(pa.field(name, columns[name].type) for name in list(columns)[10:])])
        return pa.RecordBatch.from_arrays(list(columns.values()), schema=schema)

    def _resolutions(self, seen: Resolved | None) -> pa.RecordBatch:
        if seen is None:
            return pa.RecordBatch.from_pylist([], schema=RESOLUTIONS)
        instant = pa.array(seen.seen_at_us, pa.int64()).cast(INSTANT)
        return pa.RecordBatch.from_arrays(
            [
                pa.array(self.lines.member[seen.row]),
                pa.array(self.lines.number[seen.row]),
                seen.domain,
                seen.address,
                instant,
                instant,
                pa.nulls(len(seen.row), pa.int8()),
            ],
            schema=RESOLUTIONS,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """n spans of bytes."""

    data: Bytes
    start: Positions
    end: Positions

    def __len__(self) -> int:
        """How many spans there are."""
        return len(self.start)

    def at(self, rows: Positions) -> "Spans":
        """The spans at these positions."""
        return Spans(data=self.data, start=self.start[rows], end=self.end[rows])

    @property
    def filled(self) -> Mask:
        """Which spans are not empty."""
        return self.end > self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The wanted columns of all lines of an account."""

    data: Bytes
    columns: npt.NDArray[np.int32]
    """Columns of each line; 0 where it was not sound."""
    by_column: Mapping[int, Spans]

    def spans(self, column: int) -> Spans:
        """A wanted column's cells, one a line, without white space around them."""
        return self.by_column[column]

    def names(self, column: int | None) -> pa.DictionaryArray:
        """A wanted column's cells as names, null where empty; None: nulls."""
        if column is None:
            return constant(None, len(self.columns))
        spans = self.by_column[column]
        return gather(spans.data, spans.start, spans.end, spans.filled).dictionary_encode()


def read_cells(account: Account, wanted: Sequence[int], delimiter: str, *, quoting: bool = True) -> Cells:
    """Split the lines into columns (`fields.split`); an open line that is not sound is refused."""
    lines = account.lines
    fields = split(lines.data, lines.start, lines.end, wanted, delimiter, quoting=quoting, trimmed=True)
    account.refuse(fields.outcome != 0, fields.outcome)
    by_column = {
        column: Spans(data=fields.data, start=fields.start[at], end=fields.end[at]) for at, column in enumerate(wanted)
    }
    return Cells(data=fields.data, columns=fields.columns, by_column=by_column)


def ignore_headers(account: Account, header_line: int, header: bytes) -> None:
    """Ignore the header, its repetitions (files that were joined), and blank lines."""
    lines = account.lines
    same = are_equal(lines.data, lines.start, lines.end, header)
    account.ignore((lines.number == header_line) | same, Ignored.HEADER)
    start, end = trim(lines.data, lines.start, lines.end)
    account.ignore(end == start, Ignored.BLANK)


def ignore_comments(account: Account, mark: bytes) -> None:
    """Ignore the lines that begin with `mark`."""
    lines = account.lines
    account.ignore(begin_with(lines.data, lines.start, lines.end, mark), Ignored.COMMENT)


def join(parts: Sequence[Parsed], rule_fields: Sequence[str] = ()) -> Parsed:
    """What several groups of lines gave, as one."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        extra = [pa.field(f"field:{name}", OBSERVATIONS.field("role").type) for name in rule_fields]
        return Parsed(records=0, observations=pa.RecordBatch.from_pylist([], schema=pa.schema([*OBSERVATIONS, *extra])))
    ignored: dict[str, int] = {}
    for part in parts:
        for reason, count in part.ignored.items():
            ignored[reason] = ignored.get(reason, 0) + count
    return Parsed(
        records=sum(part.records for part in parts),
        observations=pa.concat_batches([part.observations for part in parts]),
        resolutions=pa.concat_batches([part.resolutions for part in parts]),
        rejects=pa.concat_batches([part.rejects for part in parts]),
        ignored=ignored,
    )
