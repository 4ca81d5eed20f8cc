"""Receiving deliveries: open, tell the format by content, parse, label, account for every record.

One thread reads and cuts; workers parse, which is where the compiled kernels let go of the interpreter's lock.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from accord.agreements.declarations import TYPE_FIELD, Dataset
from accord.columns.instants import microseconds
from accord.columns.premerge import SLACK
from accord.columns.reading import (
    DOCUMENT_LIMIT,
    DOCUMENT_VALUES,
    HEAD_LIMIT,
    Chunk,
    Context,
    Document,
    Parsed,
    Part,
    Shortcut,
    grain_of,
    values_in,
)
from accord.intake.collector import collecting_seldom
from accord.intake.delivery import Delivery, RefusedMember
from accord.intake.labelling import FamilyNames, Labeller
from accord.intake.opening import Custody, Member, Opening
from accord.intake.parts import Parts
from accord.intake.paths import expand, writable_name
from accord.intake.premerging import Premerging, Rest, Way
from accord.intake.rejects import DeliveryRejects, RejectBatch, RejectLines, RejectSpool
from accord.intake.resolutions import DATED_RESOLUTIONS, RESOLUTION_SOURCES
from accord.intake.spool import Spool
from accord.intake.unpacking import Limits
from accord.vocabulary.errors import AccordError, RefusedFileError
from accord.vocabulary.reasons import Ignored
from accord.vocabulary.roles import SERVER_ROLES, Role

CHUNK_BYTES = 4 << 20
"""Bytes of lines that are parsed at once; small members travel together."""

CHUNK_LINES = 1 << 17
"""Lines that are parsed at once. Of usual ones CHUNK_BYTES hold fewer; of two bytes each, and all rejected, as many as
those bytes hold would take a gigabyte."""

PIECE_BYTES = 8 << 20
"""Bytes of lines that are merged while they are read, at once."""

LINE_LIMIT = 16 << 20
"""Bytes of the longest line; a member with a longer one is no list of lines."""

IN_FLIGHT = 6
"""Chunks that may wait for a worker: what bounds memory."""

Progress = Callable[[str, int, int], None]
"""Told the file, its bytes read so far, and the bytes of all files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Everything that intake hands on."""

    deliveries: tuple[Delivery, ...]
    rejects: RejectLines
    """In the order of deliveries, members and records."""
    resolutions: pa.Table
    """RESOLUTION_SOURCES."""
    families: Sequence[str]
    """Reported family names by the codes that the spool uses."""
    refused_members: tuple[tuple[int, ...], ...]
    """For each delivery the numbers of its refused members, whose groups in the parts do not count."""


@dataclass(slots=True, kw_only=True)
class _Outcome:
    """What one chunk or document gave."""

    members: tuple[int, ...]
    """Those that it came from; it falls with any of them."""
    telling: tuple[int, ...] = ()
    """Those of them that say something."""
    records: int = 0
    accepted: int = 0
    ignored: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    rejects: RejectBatch | None = None
    after_as_of: int = 0
    observations: int = 0
    spooled: str | None = None
    resolutions: pa.Table | None = None
    aside: object = None
    """What other members are held against; of a document alone."""
    refused: RefusedFileError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One file to receive."""

    dataset: Dataset
    """With the time at which this file was collected."""
    dataset_index: int
    """The place of its data set among those of the run."""
    path: Path
    """Where it lies."""
    name: str
    """How its partner named it, with `/`: what rules and people see."""


@dataclass(slots=True, kw_only=True)
class _Job:
    """A chunk or document on its way: which members it holds, and what will come of it."""

    members: tuple[int, ...]
    future: Future[list[_Outcome]]


@dataclass(slots=True, kw_only=True)
class _Open:
    """One delivery while it is being read."""

    dataset: Dataset
    labeller: Labeller
    context: Context
    candidates: Sequence[ModuleType]
    """The data set's formats, in the catalogue's order."""
    file: str
    collected_at_us: int
    dataset_index: int
    delivery_index: int
    names: list[str | None] = field(default_factory=list)
    jobs: list[_Job] = field(default_factory=list)
    refused: dict[int, RefusedFileError] = field(default_factory=dict)
    formats: dict[int, str] = field(default_factory=dict)
    contents: dict[int, str] = field(default_factory=dict)
    """SHA-256 of what packed members unpack to, where bytes are kept."""
    notes: set[str] = field(default_factory=set)
    premerging: Premerging | None = None

    def possible_roles(self, shortcut: Shortcut) -> set[Role]:
        """Roles that lines read by the shortcut may have."""
        if shortcut.role is not None:
            return {Role(shortcut.role)}
        ruled = {rule.role for rule in self.dataset.rules if rule.role is not None}
        return ruled | {self.dataset.role or Role.UNDETERMINED}

    def path(self, member: int) -> str:
        """The member's path as rules see it."""
        name = self.names[member]
        return self.file if name is None else f"{self.file}!/{name}"


class Receiver:
    """Receives the deliveries of data sets into a spool.

    `formats` are the catalogue's modules in its order, by name. `context` has the reference data's answers;
    mapping and rule fields are added for each data set.
    """

    def __init__(
        self,
        *,
        root: Path,
        spool: Spool,
        formats: Mapping[str, ModuleType],
        context: Context,
        as_of_us: int,
        workers: int,
        limits: Limits | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._root = root
        self._spool = spool
        self._formats = formats
        self._context = context
        self._as_of_us = as_of_us
        self._workers = workers
        self._limits = limits
        self._progress = progress
        self._families = FamilyNames()
        self._parts = spool if isinstance(spool, Parts) else None
        self._rejects = RejectSpool(spool.folder)
        self._running: deque[Future[list[_Outcome]]] = deque()
        self._spooled = count()

    def receive(self, datasets: Sequence[Dataset]) -> Received:
        """Receive all files of all data sets, in their order."""
        root = self._root.resolve()
        return self.receive_all(
            [
                Arrival(
                    dataset=dataset,
                    dataset_index=index,
                    path=path,
                    name=writable_name(path.relative_to(root).as_posix()),
                )
                for index, dataset in enumerate(datasets)
                for path in expand(self._root, dataset.paths)
            ]
        )

    def receive_file(self, dataset: Dataset, path: Path, copy: Callable[[bytes], object]) -> Received:
        """Receive one file below the root; `copy` is given its bytes as they lie on disk, in their order."""
        name = writable_name(path.relative_to(self._root.resolve()).as_posix())
        return self.receive_all([Arrival(dataset=dataset, dataset_index=0, path=path, name=name)], copy)

    def receive_all(self, arrivals: Sequence[Arrival], copy: Callable[[bytes], object] | None = None) -> Received:
        """Receive these files, in their order; a delivery's number is its place among them."""
        total = sum(_size(one.path) for one in arrivals)
        deliveries: list[Delivery] = []
        rejects: list[DeliveryRejects] = []
        resolutions: list[pa.Table] = []
        read: list[tuple[_Open, Custody, RefusedFileError | None]] = []
        with collecting_seldom(), ThreadPoolExecutor(self._workers, thread_name_prefix="parse") as pool:
            for number, arrival in enumerate(arrivals):
                opened = self._begin(arrival, number)
                read.append((opened, *self._read_file(opened, arrival.path, pool, total, copy)))
            # only now, so that the workers never run dry between two small files
            for number, (opened, custody, whole) in enumerate(read):
                outcomes = self._settle(opened, refused_whole=whole is not None)
                delivery, bad, resolved = self._account(opened, outcomes, whole, custody.sha256, custody.size)
                deliveries.append(delivery)
                rejects.append(bad)
                resolutions.extend(_from_delivery(one, number) for one in resolved)
        return Received(
            deliveries=tuple(deliveries),
            rejects=RejectLines(deliveries=tuple(rejects)),
            resolutions=pa.concat_tables([RESOLUTION_SOURCES.empty_table(), *resolutions]),
            families=self._families.names,
            refused_members=tuple(tuple(sorted(opened.refused)) for opened, _, _ in read),
        )

    def _begin(self, arrival: Arrival, delivery_index: int) -> _Open:
        dataset, dataset_index = arrival.dataset, arrival.dataset_index
        collected_at_us = microseconds(dataset.collected_at)
        return _Open(
            dataset=dataset,
            labeller=Labeller(dataset, dataset_index, delivery_index, self._families, collected_at_us, self._as_of_us),
            context=Context(
                is_public_suffix=self._context.is_public_suffix,
                has_known_suffix=self._context.has_known_suffix,
                are_public_suffixes=self._context.are_public_suffixes,
                columns=dataset.columns,
                rule_fields=tuple(name for name in dataset.rule_fields if name != TYPE_FIELD),
            ),
            candidates=[module for name, module in self._formats.items() if name in dataset.formats],
            file=arrival.name,
            collected_at_us=collected_at_us,
            dataset_index=dataset_index,
            delivery_index=delivery_index,
        )

    def _read_file(
        self,
        opened: _Open,
        path: Path,
        pool: ThreadPoolExecutor,
        total: int,
        copy: Callable[[bytes], object] | None,
    ) -> tuple[Custody, RefusedFileError | None]:
        """Read one file to its end, handing its members to the workers; what it is refused for, if it is, whole."""
        whole: RefusedFileError | None = None
        with Opening(path, where=opened.file, limits=self._limits, copy=copy) as opening:
            packer = _Packer(self, opened, pool)
            try:
                for member in opening:
                    self._receive_member(opened, member, packer)
                    if self._progress:
                        self._progress(opened.file, opening.bytes_read, total)
                packer.flush()
            except RefusedFileError as error:
                whole = error
            custody = opening.finish()
            if self._progress:
                self._progress(opened.file, custody.size, total)
        if opened.premerging is not None:
            self._finish_premerging(opened, pool)
        return custody, whole

    def _receive_member(self, opened: _Open, member: Member, packer: "_Packer") -> None:
        number = len(opened.names)
        opened.names.append(member.name)
        try:
            head = member.head(HEAD_LIMIT)
            module = self._recognise(opened, head, number)
            if grain_of(module, head) == "document":
                packer.document(module, _document(number, opened.path(number), member))
            else:
                layout = module.layout(head, opened.path(number), opened.context)
                note = getattr(layout, "note", None)
                if note:
                    opened.notes.add(note)
                shortcut = self._shortcut(opened, module, layout)
                if shortcut is None:
                    packer.lines(module, number, layout, member.blocks())
                else:
                    way = Way(module=module, layout=layout, shortcut=shortcut, path=opened.path(number))
                    packer.sightings(number, way, member.blocks())
            opened.formats[number] = module.NAME
            if member.digest is not None:
                opened.contents[number] = member.digest
        except RefusedFileError as error:
            opened.refused[number] = error

    def _recognise(self, opened: _Open, head: bytes, number: int) -> ModuleType:
        path = opened.path(number)
        candidates = opened.candidates
        if len(candidates) == 1:
            # nothing to choose: the format itself says best what is wrong with a member
            return candidates[0]
        for module in candidates:
            if module.recognises(head, path):
                return module
        raise RefusedFileError(
            "the content is of none of the data set's formats",
            where=path,
            expected=", ".join(module.NAME for module in candidates),
            got=_glimpse(head),
            remedy="correct the data set's `format`, or leave the file out of its `paths`",
        )

    def _shortcut(self, opened: _Open, module: ModuleType, layout: object) -> Shortcut | None:
        """How lines are merged while they are read: where evidence is wanted and the format knows a short way."""
        offer = getattr(module, "shortcut", None)
        if self._parts is None or offer is None:
            return None
        shortcut: Shortcut | None = offer(layout, opened.context)
        if shortcut is None or (shortcut.port is not None and opened.possible_roles(shortcut) & SERVER_ROLES):
            return None  # a server's ports are evidence, and groups have none
        if opened.premerging is None:
            name = f"{opened.delivery_index:06d}"
            opened.premerging = Premerging(self._parts, opened.labeller, opened.context, self._as_of_us, name)
        return shortcut

    def premerge(
        self, opened: _Open, pool: ThreadPoolExecutor, member: int, sequence: int, data: np.ndarray, size: int
    ) -> None:
        """Give a worker one piece of sightings."""
        premerging = opened.premerging
        assert premerging is not None  # noqa: S101 -- made with the shortcut

        def work() -> list[_Outcome]:
            taken, rest = premerging.take(member, sequence, data, size)
            sound = _Outcome(
                members=(member,),
                telling=(member,) if taken.taken else (),
                records=taken.taken + taken.late,
                accepted=taken.taken,
                after_as_of=taken.late,
                observations=taken.taken,
            )
            return [sound, *self._read_rest(opened, rest)]

        self._submit(opened, pool, (member,), work)

    def _finish_premerging(self, opened: _Open, pool: ThreadPoolExecutor) -> None:
        """When all pieces are read, let a worker read what has been left."""
        premerging = opened.premerging
        assert premerging is not None  # noqa: S101 -- the caller has looked
        for job in opened.jobs:
            job.future.exception()
        self._submit(opened, pool, (), lambda: self._read_rest(opened, premerging.finish()))

    def _read_rest(self, opened: _Open, rest: Sequence[Rest]) -> list[_Outcome]:
        return [self._work(opened, (one.member,), partial(one.module.parse, one.chunk, opened.context)) for one in rest]

    def submit(
        self, opened: _Open, pool: ThreadPoolExecutor, members: tuple[int, ...], work: Callable[[], Parsed]
    ) -> None:
        """Give a worker one chunk or document."""
        self._submit(opened, pool, members, lambda: [self._work(opened, members, work)])

    def _submit(
        self, opened: _Open, pool: ThreadPoolExecutor, members: tuple[int, ...], work: Callable[[], list[_Outcome]]
    ) -> None:
        """Give a worker something to do; waits while IN_FLIGHT others are under way."""
        while len(self._running) >= IN_FLIGHT:
            self._running.popleft().exception()
        future = pool.submit(work)
        self._running.append(future)
        opened.jobs.append(_Job(members=members, future=future))

    def _work(self, opened: _Open, members: tuple[int, ...], work: Callable[[], Parsed]) -> _Outcome:
        try:
            parsed = work()
        except RefusedFileError as error:
            return _Outcome(members=members, refused=error)
        # a name that no other thread has: next() of a counter is one step
        name = f"{opened.delivery_index:06d}-{next(self._spooled):08d}"
        paths = {member: opened.path(member) for member in _members(parsed)}
        labelled = opened.labeller.label(parsed.observations, paths)
        self._spool.write(name, labelled.observations)
        resolutions, timely = self._date(opened, parsed.resolutions)
        said = _count_records(parsed.observations, parsed.resolutions)
        accepted = said
        if labelled.kept is not None or timely is not None:
            accepted = _count_records(
                _filtered(parsed.observations, labelled.kept), _filtered(parsed.resolutions, timely)
            )
        return _Outcome(
            members=members,
            telling=tuple({*paths, *pc.unique(parsed.resolutions["member"]).to_pylist()}),
            records=parsed.records,
            accepted=accepted,
            ignored=parsed.ignored,
            rejected=_whole_rejects(parsed.rejects),
            rejects=self._rejects.keep(parsed.rejects) if parsed.rejects.num_rows else None,
            after_as_of=said - accepted,
            observations=labelled.observations.num_rows,
            spooled=name if labelled.observations.num_rows else None,
            resolutions=resolutions,
            aside=parsed.aside,
        )

    def _date(self, opened: _Open, resolutions: pa.RecordBatch) -> tuple[pa.Table | None, pa.BooleanArray | None]:
        """Resolutions with times, markings and their data set, and which of them lie before `as_of` (None: all)."""
        if not resolutions.num_rows:
            return None, None
        first = pc.fill_null(resolutions["first_seen"].cast(pa.int64()), opened.collected_at_us)
        last = pc.max_element_wise(
            pc.fill_null(resolutions["last_seen"].cast(pa.int64()), opened.collected_at_us), first
        )
        marking = pc.max_element_wise(resolutions["marking"], pa.scalar(opened.dataset.marking.code, pa.int8()))
        table = pa.table(
            [
                pa.array(np.full(resolutions.num_rows, opened.dataset_index, np.int32)),
                resolutions["domain"],
                resolutions["address"],
                first,
                pc.min_element_wise(last, self._as_of_us),
                marking,
            ],
            schema=DATED_RESOLUTIONS,
        )
        timely = pc.less_equal(first, self._as_of_us)
        return (table, None) if pc.all(timely).as_py() else (table.filter(timely), timely)

    def _settle(self, opened: _Open, *, refused_whole: bool) -> list[_Outcome]:
        """Wait for the delivery's workers; drop what belongs to refused members, from the spool too."""
        outcomes = [outcome for job in opened.jobs for outcome in job.future.result()]
        for outcome in outcomes:
            if outcome.refused is not None:
                opened.refused.setdefault(outcome.members[0], outcome.refused)
        kept = []
        for outcome in outcomes:
            if outcome.refused is not None:
                continue
            if refused_whole or any(member in opened.refused for member in outcome.members):
                if outcome.spooled is not None:
                    self._spool.discard(outcome.spooled)
                if outcome.rejects is not None:
                    self._rejects.discard(outcome.rejects)
                continue
            kept.append(outcome)
        return kept

    def _held_together(self, asides: Mapping[str, Sequence[object]]) -> Iterator[str]:
        for name, told in asides.items():
            yield from self._formats[name].hold_together(told)

    def _account(
        self, opened: _Open, outcomes: Iterable[_Outcome], whole: RefusedFileError | None, sha256: str, size: int
    ) -> tuple[Delivery, DeliveryRejects, list[pa.Table]]:
        records = accepted = observations = resolutions = 0
        ignored: Counter[str] = Counter()
        rejected: Counter[str] = Counter()
        bad: list[RejectBatch] = []
        resolved: list[pa.Table] = []
        asides: defaultdict[str, list[object]] = defaultdict(list)
        telling: set[int] = set()
        for outcome in outcomes:
            telling.update(outcome.telling)
            records += outcome.records
            accepted += outcome.accepted
            observations += outcome.observations
            ignored.update(outcome.ignored)
            ignored[Ignored.AFTER_AS_OF.value] += outcome.after_as_of
            rejected.update(outcome.rejected)
            if outcome.rejects is not None:
                bad.append(outcome.rejects)
            if outcome.aside is not None:
                asides[opened.formats[outcome.members[0]]].append(outcome.aside)
            if outcome.resolutions is not None:
                resolutions += outcome.resolutions.num_rows
                resolved.append(outcome.resolutions)
        if accepted + ignored.total() + rejected.total() != records:
            raise AssertionError(
                f"{opened.file}: {records} records, but {accepted} accepted, {ignored.total()} ignored, "
                f"{rejected.total()} rejected"
            )
        refused = [_refusal(None, whole)] if whole else []
        if whole is None:
            refused = [_refusal(opened.names[number], error) for number, error in sorted(opened.refused.items())]
        delivery = Delivery(
            partner=opened.dataset.partner.id,
            dataset=opened.dataset.id,
            dataset_index=opened.dataset_index,
            file=opened.file,
            sha256=sha256,
            size=size,
            formats=() if whole else _formats_read(opened),
            records=records,
            accepted=accepted,
            ignored={reason: count for reason, count in sorted(ignored.items()) if count},
            rejected=dict(sorted(rejected.items())),
            refused=tuple(refused),
            observations=observations,
            resolutions=resolutions,
            notes=tuple(sorted({*opened.notes, *self._held_together(asides)})),
            contents=tuple(sorted({opened.contents[one] for one in telling & opened.contents.keys()})),
        )
        rejects = DeliveryRejects(
            partner=delivery.partner,
            dataset=delivery.dataset,
            file=delivery.file,
            names=opened.names,
            batches=bad,
            numbering=None if opened.premerging is None else opened.premerging.number,
        )
        return delivery, rejects, resolved


class _Packer:
    """Packs a delivery's lines into chunks: small members together, large ones cut at line ends."""

    def __init__(self, receiver: Receiver, opened: _Open, pool: ThreadPoolExecutor) -> None:
        self._receiver = receiver
        self._opened = opened
        self._pool = pool
        self._module: ModuleType | None = None
        self._pieces: list[bytes] = []
        self._parts: list[Part] = []
        self._held = self._lines = 0

    def document(self, module: ModuleType, document: Document) -> None:
        """Pass on one document."""
        context = self._opened.context
        self._receiver.submit(self._opened, self._pool, (document.member,), lambda: module.parse(document, context))

    def lines(self, module: ModuleType, member: int, layout: object, blocks: Iterator[bytes]) -> None:
        """Take one member's lines. What was passed on of it is dropped later if `blocks` refuses it after all."""
        line = 1
        carry = b""
        for block in blocks:
            carry = carry + block if carry else block
            if len(carry) < CHUNK_BYTES:
                continue
            cut = carry.rfind(b"\n") + 1
            if not cut:
                self._verify_line(member, carry)
                continue
            piece, carry = carry[:cut], carry[cut:]
            self.flush()
            line = self._add(module, member, layout, piece, line)
            self.flush()
        if carry:
            is_large = line > 1
            if is_large:
                self.flush()
            self._add(module, member, layout, carry, line)
            if is_large:
                self.flush()

    def sightings(self, member: int, way: Way, blocks: Iterator[bytes]) -> None:
        """Take one member's lines on the short way."""
        premerging = self._opened.premerging
        assert premerging is not None  # noqa: S101 -- made with the shortcut
        premerging.open(member, way)
        sequence = 0
        held: list[bytes] = []
        size = unended = 0
        for block in blocks:
            cut = block.rfind(b"\n") + 1
            held.append(block)
            size += len(block)
            unended = len(block) - cut if cut else unended + len(block)
            if unended > LINE_LIMIT:
                raise self._long_line(member, unended)
            if size < PIECE_BYTES or not cut:
                continue
            held[-1] = block[:cut]
            self._pass_on(member, sequence, held, size - len(block) + cut)
            sequence += 1
            held, size = [block[cut:]], len(block) - cut
        if size:
            self._pass_on(member, sequence, held, size)

    def _pass_on(self, member: int, sequence: int, held: Sequence[bytes], size: int) -> None:
        data = np.empty(size + SLACK, np.uint8)
        at = 0
        for block in held:
            data[at : at + len(block)] = np.frombuffer(block, np.uint8)
            at += len(block)
        self._receiver.premerge(self._opened, self._pool, member, sequence, data, size)

    def flush(self) -> None:
        """Pass on what is packed."""
        if not self._parts:
            return
        module, context = self._module, self._opened.context
        data, parts = b"".join(self._pieces), tuple(self._parts)
        self._pieces, self._parts, self._held, self._lines = [], [], 0, 0
        chunk = Chunk(data=np.frombuffer(data, np.uint8), parts=parts)
        assert module is not None  # noqa: S101 -- parts are added with their module
        self._receiver.submit(
            self._opened, self._pool, tuple(part.member for part in parts), lambda: module.parse(chunk, context)
        )

    def _add(self, module: ModuleType, member: int, layout: object, lines: bytes, line: int) -> int:
        """Take lines of a member, of which the first has number `line`; the number of the next one."""
        for piece, lines_of in _few_lines(lines):
            self._add_piece(module, member, layout, piece, line, lines_of)
            line += lines_of
        return line

    def _add_piece(self, module: ModuleType, member: int, layout: object, piece: bytes, line: int, count: int) -> None:
        full = self._held + len(piece) > CHUNK_BYTES or self._lines + count > CHUNK_LINES
        if self._module is not module or full:
            self.flush()
        self._module = module
        self._parts.append(
            Part(
                member=member,
                path=self._opened.path(member),
                start=self._held,
                end=self._held + len(piece),
                first_line=line,
                layout=layout,
            )
        )
        self._pieces.append(piece)
        self._held += len(piece)
        self._lines += count

    def _verify_line(self, member: int, carry: bytes) -> None:
        if len(carry) > LINE_LIMIT:
            raise self._long_line(member, len(carry))

    def _long_line(self, member: int, size: int) -> RefusedFileError:
        return RefusedFileError(
            "a line is too long",
            where=self._opened.path(member),
            expected=f"lines of at most {LINE_LIMIT:,} bytes",
            got=f"{size:,} bytes without a line end",
            remedy="check that the file is text with line ends",
        )


def _few_lines(lines: bytes) -> Iterator[tuple[bytes, int]]:
    """Whole lines in pieces of at most CHUNK_LINES; and how many each has."""
    count = lines.count(b"\n")
    if count <= CHUNK_LINES:
        yield lines, count + (not lines.endswith(b"\n"))
        return
    ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == ord("\n"))[CHUNK_LINES - 1 :: CHUNK_LINES] + 1
    for begin, end in pairwise([0, *ends.tolist(), len(lines)]):
        if end > begin:
            piece = lines[begin:end]
            yield piece, piece.count(b"\n") + (not piece.endswith(b"\n"))


def _document(number: int, path: str, member: Member) -> Document:
    """A member, whole. Raises RefusedFileError when it is more than can be held."""
    data = member.read(DOCUMENT_LIMIT)
    values = values_in(data) if len(data) > DOCUMENT_VALUES else 0
    if values > DOCUMENT_VALUES:
        raise RefusedFileError(
            "the document holds too many values",
            where=path,
            expected=f"at most about {DOCUMENT_VALUES:,}",
            got=f"about {values:,}",
            remedy="deliver it in several smaller files, or one object a line where the format has that",
        )
    return Document(member=number, path=path, data=data)


def _size(path: Path) -> int:
    """Bytes of a file, for the bar alone; one that has vanished is missed where it is opened."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _formats_read(opened: _Open) -> tuple[str, ...]:
    return tuple(sorted({name for number, name in opened.formats.items() if number not in opened.refused}))


def _members(parsed: Parsed) -> list[int]:
    return list(pc.unique(parsed.observations["member"]).to_pylist())


def _from_delivery(resolutions: pa.Table, number: int) -> pa.Table:
    """RESOLUTION_SOURCES, of DATED_RESOLUTIONS."""
    place = pa.array(np.full(len(resolutions), number, np.int32))
    return pa.table([*resolutions.columns, place], schema=RESOLUTION_SOURCES)


def _count_records(observations: pa.RecordBatch, resolutions: pa.RecordBatch) -> int:
    """Distinct records of observations and resolutions together."""
    parts = [
        batch["member"].to_numpy().astype(np.int64) << 40 | batch["record"].to_numpy()
        for batch in (observations, resolutions)
        if batch.num_rows
    ]
    if not parts:
        return 0
    keys = np.concatenate(parts)
    steps = np.diff(keys)
    if len(steps) and steps.min() < 0:
        steps = np.diff(np.sort(keys))
    return 1 + int(np.count_nonzero(steps))


def _filtered(batch: pa.RecordBatch, kept: pa.BooleanArray | None) -> pa.RecordBatch:
    return batch if kept is None else batch.filter(kept)


def _whole_rejects(rejects: pa.RecordBatch) -> dict[str, int]:
    """Reason -> records that were rejected whole."""
    counted = pc.value_counts(rejects["reason"].filter(pc.invert(rejects["partial"])))
    return {one["values"]: one["counts"] for one in counted.to_pylist()}


def _refusal(member: str | None, error: AccordError) -> RefusedMember:
    reason = error.what
    if error.expected:
        reason += f"; expected {error.expected}"
    if error.got:
        reason += f"; got {error.got}"
    return RefusedMember(member=member, reason=reason, remedy=error.remedy)


def _glimpse(head: bytes) -> str:
    shown = head[:60].decode("utf-8", "replace")
    return "bytes that begin with " + ascii(shown)
