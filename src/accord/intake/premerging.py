"""One delivery's sightings on the short way: lines into merged groups, the rest kept for the format itself."""

import threading
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.premerge import Groups, Premerger, Taken
from accord.columns.reading import Chunk, Context, Part, Shortcut
from accord.intake.labelling import Labeller
from accord.intake.parts import Parts
from accord.intake.spool import SPOOL

LEFT_LINES = 1 << 14
"""Lines that wait for the format's own reading: it is much cheaper for many at once."""

LEFT_BYTES = 16 << 20

LEFT_AT_ONCE = 1 << 17
"""Lines that the format reads at once, at most: a piece may hold four million of two bytes each."""

_PIECE_BITS = 24
"""A piece has fewer than 2**24 lines. Until all are counted a line is numbered by its piece and its place in it."""

_LABEL_LINE = 1 << 30
"""Numbers of the lines that stand for labels begin here, past any header."""

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How one member's lines are read."""

    module: ModuleType
    layout: object
    shortcut: Shortcut
    path: str


@dataclass(slots=True)
class _Bench:
    """One worker's groups, and the lines that it has left so far, all of one member."""

    premerger: Premerger
    member: int = -1
    data: list[bytes] = field(default_factory=list)
    numbers: list[Positions] = field(default_factory=list)
    ends: list[Positions] = field(default_factory=list)
    held: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Lines that the format reads itself."""

    member: int
    module: ModuleType
    chunk: Chunk


class Premerging:
    """The short way of one delivery; its methods may run in several threads at once."""

    def __init__(self, parts: Parts, labeller: Labeller, context: Context, as_of_us: int, name: str) -> None:
        """`name`: how the delivery's parts begin."""
        self._parts = parts
        self._labeller = labeller
        self._context = context
        self._as_of_us = as_of_us
        self._name = name
        self._ways: dict[int, Way] = {}
        self._idle: list[_Bench] = []
        self._lines: dict[int, dict[int, int]] = {}
        self._lock = threading.Lock()
        self._written = 0

    def open(self, member: int, way: Way) -> None:
        """Say how a member is read, before its first piece."""
        self._ways[member] = way
        self._lines[member] = {}

    def take(self, member: int, sequence: int, data: npt.NDArray[np.uint8], size: int) -> tuple[Taken, list[Rest]]:
        """Read piece `sequence` (from 0) of a member, and what has been left if it is worth while."""
        bench = self._bench()
        try:
            taken = bench.premerger.take(data, 0, size, member, self._ways[member].shortcut)
            self._lines[member][sequence] = taken.lines
            rest = self._cleared(bench) if bench.member != member else []
            for begin in range(0, len(taken.start), LEFT_AT_ONCE):
                self._leave(bench, member, sequence, data, taken, slice(begin, begin + LEFT_AT_ONCE))
                if bench.lines >= LEFT_LINES or bench.held >= LEFT_BYTES:
                    rest += self._cleared(bench)
        finally:
            self._idle.append(bench)
        return taken, rest

    def finish(self) -> list[Rest]:
        """Hand on all groups; what has been left and not yet read."""
        rest = []
        for bench in self._idle:
            bench.premerger.flush()
            rest += self._cleared(bench)
        self._idle.clear()
        return rest

    def number(self, member: npt.NDArray[np.int32], record: Positions) -> Positions:
        """The numbers of lines within their members, now that all pieces are counted."""
        numbered = record.copy()
        for one, counts in self._lines.items():
            mine = np.flatnonzero(member == one)
            if len(mine):
                lines = np.array([counts[at] for at in range(len(counts))], np.int64)
                base = np.cumsum(lines) - lines
                numbered[mine] = base[record[mine] >> _PIECE_BITS] + (record[mine] & ((1 << _PIECE_BITS) - 1))
        return numbered

    def _bench(self) -> _Bench:
        try:
            return self._idle.pop()
        except IndexError:
            return _Bench(Premerger(self._as_of_us, self._keep))

    def _leave(
        self, bench: _Bench, member: int, sequence: int, data: npt.NDArray[np.uint8], taken: Taken, which: slice
    ) -> None:
        bench.member = member
        spans = zip(taken.start[which].tolist(), taken.end[which].tolist(), strict=True)
        pieces = [data[s:e].tobytes() for s, e in spans]
        if pieces[-1][-1:] != b"\n":
            pieces[-1] += b"\n"
        ends = np.cumsum([len(piece) for piece in pieces])
        bench.data += pieces
        bench.ends.append(bench.held + ends)
        bench.numbers.append(sequence << _PIECE_BITS | taken.number[which])
        bench.held += int(ends[-1])
        bench.lines += len(pieces)

    def _cleared(self, bench: _Bench) -> list[Rest]:
        if not bench.lines:
            return []
        way = self._ways[bench.member]
        number, end = np.concatenate(bench.numbers), np.concatenate(bench.ends)
        # lines that follow each other are one part
        first = np.flatnonzero(np.append(True, np.diff(number) != 1))
        stop = end[np.append(first[1:], len(end)) - 1]
        start = np.append(0, stop[:-1])
        chunk = Chunk(
            data=np.frombuffer(b"".join(bench.data), np.uint8),
            parts=tuple(
                Part(member=bench.member, path=way.path, start=s, end=e, first_line=n, layout=way.layout)
                for s, e, n in zip(start.tolist(), stop.tolist(), number[first].tolist(), strict=True)
            ),
        )
        rest = Rest(member=bench.member, module=way.module, chunk=chunk)
        bench.member, bench.held, bench.lines = -1, 0, 0
        bench.data, bench.numbers, bench.ends = [], [], []
        return [rest]

    def _keep(self, groups: Groups) -> None:
        """Find out what the labels mean, and put the groups on disk."""
        meaning = self._meaning(groups)
        with self._lock:
            self._written += 1
            name = f"{self._name}-groups-{self._written:06d}"
        role, family, marking = (meaning[column].to_numpy() for column in ("role", "family", "marking"))
        self._parts.write_groups(name, groups, role, family, marking)

    def _meaning(self, groups: Groups) -> pa.RecordBatch:
        """One observation for each label, as the format and the data set's declaration make it."""
        batches, places = [], []
        members = groups.label_member
        for module in {id(way.module): way.module for way in self._ways.values()}.values():
            mine = [at for at, one in enumerate(members.tolist()) if self._ways[one].module is module]
            lines = [groups.label_line[at] + b"\n" for at in mine]
            ends = np.cumsum([len(line) for line in lines]).tolist()
            parts = tuple(
                Part(
                    member=int(members[at]),
                    path=self._ways[int(members[at])].path,
                    start=end - len(line),
                    end=end,
                    first_line=_LABEL_LINE + at,
                    layout=self._ways[int(members[at])].layout,
                )
                for at, line, end in zip(mine, lines, ends, strict=True)
            )
            data = np.frombuffer(b"".join(lines), np.uint8)
            observations = module.parse(Chunk(data=data, parts=parts), self._context).observations
            paths = {part.member: part.path for part in parts}
            places.append(observations["record"].to_numpy() - _LABEL_LINE)
            batches.append(self._labeller.label(observations, paths).observations)
        place = np.concatenate(places)
        if len(place) != len(members) or (np.sort(place) != np.arange(len(members))).any():
            raise AssertionError("a format's shortcut takes lines that do not give one observation each")
        together = pa.Table.from_batches(batches, schema=SPOOL)
        if len(together) != len(members):
            raise AssertionError("a line that stands for a label lies after as_of")
        return together.take(pa.array(np.argsort(place))).combine_chunks()
