"""The main job: an operation file in, an output folder with every country's reports out."""

import json
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from accord.attribution.locating import locate
from accord.cli.readying import Progress, keep_memory, reading_context
from accord.cli.snapshots.outputs import HUB_TABLE, made_in
from accord.cli.terminal import counted, talk
from accord.columns.formulas import disarmed
from accord.columns.instants import microseconds
from accord.columns.schema import FINDINGS
from accord.formats.catalogue import FORMATS
from accord.fusion.engines.duckdb import EvidenceEngine
from accord.fusion.evidence import Restriction
from accord.fusion.merging import FamilySheet
from accord.fusion.rowfile import RowFile
from accord.intake.delivery import Delivery
from accord.intake.receiving import Arrival, Received, Receiver
from accord.intake.rejects import REJECT_LINES
from accord.intake.spool import Spool
from accord.operations.declaration import Operation, Scope, Theme
from accord.reference.store import Reference
from accord.release.case import Case
from accord.release.erased import wrong_findings
from accord.release.policy import Terms
from accord.release.question import Audience
from accord.release.summary import SUMMARISED, summarise
from accord.release.view import StoredView, View, store
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.errors import OutputError
from accord.vocabulary.reasons import Ignored
from accord.workspace.folders import replaced_folder
from accord.workspace.keys import hub_key

if TYPE_CHECKING:  # only the processes that write reports need what it imports
    from accord.reports.publish import PublishedReport

ENDINGS = (signal.SIGINT, signal.SIGTERM)

REPORTS_WAITING = 3
"""Views that may wait for a worker: what bounds the room that they take on the disk."""

HUB_ROWS = 1 << 16
"""Findings of the hub's table that are merged and written at a time."""

HUB_DISTINCT = frozenset({"finding_id", "value", "host", "registered_domain"})
"""Columns of the hub's table in which hardly a value comes twice."""


@dataclass(slots=True)
class Clock:
    """How long the steps of a run took, in seconds of wall time."""

    steps: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a block under a name; blocks of one name add up."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.steps[name] = round(self.steps.get(name, 0.0) + time.perf_counter() - begun, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the recipients of one report see."""

    sheet: View
    """Without rows in its tables."""
    folder: Path
    """The report, relative to the output."""
    traces: Path | None
    """`release.case.TRACES`, relative to the output; None: they were not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSheet:
    """What a run ended with."""

    out: Path
    deliveries: tuple[Delivery, ...]
    summary: dict[str, object]
    reports: tuple["PublishedReport", ...]
    shown: tuple["Shown", ...]
    """What each report was made from; the longest first."""
    seconds: float

    @property
    def refused(self) -> int:
        """Files and members that were refused whole."""
        return sum(len(delivery.refused) for delivery in self.deliveries)


def run_operation(
    operation: Operation,
    out: Path,
    *,
    reference: Reference,
    since: Path | None,
    workers: int,
    progress: Progress,
    traced: bool = False,
    arrivals: Sequence[Arrival] | None = None,
    terms: Terms | None = None,
) -> RunSheet:
    """Do the main job; `out` is replaced in one step when everything is written.

    `since`: an earlier output, for what is new, gone and changed. `traced`: keep on what each finding of each report
    rests. `arrivals`: the files to receive; None: those at the data sets' paths. `terms`: under which rules
    the reports are made; None: those of a run by itself. Raises AccordError.
    """
    begun = time.perf_counter()
    clock = Clock()
    keep_memory()
    _keep_apart(operation, out)
    # who runs an operation by itself has no other moment to make one
    key = hub_key(operation.hub.key_file, make=arrivals is None)
    with replaced_folder(out, is_ours=_is_output, what="accord operation run") as folder:
        spool = Spool(folder / "spool")
        with ThreadPoolExecutor(1, "ahead") as ahead:
            # what attribution will ask is read while deliveries are; if it fails, it fails where it is asked
            ahead.submit(lambda: (reference.country, reference.country_second, reference.network))
            received = _receive(operation, arrivals, spool, reference, workers, progress, clock)
        case, evidence, sightings = _fuse(operation, received, spool, reference, key, terms, workers, progress, clock)
        clock.steps["before-reports"] = round(time.perf_counter() - begun, 3)
        with (
            closing(evidence),
            closing(sightings),
            clock.step("reports"),
            # nobody starts what would have no report to write
            _publishers(max(1, min(workers, _reports(operation)))) as publishers,
            ThreadPoolExecutor(1, "hub") as beside,
        ):
            # the hub's own table is written while other processes write the reports
            hub = beside.submit(_write_hub, folder, operation, received, case, in_workspace=arrivals is not None)
            reports, shown = _publish(case, sightings, spool.folder, folder, since, publishers, progress, traced=traced)
            summary = hub.result()
        shutil.rmtree(spool.folder)
        clock.steps["total"] = round(time.perf_counter() - begun, 3)
        _write_json(folder / "timings.json", clock.steps)
    return RunSheet(
        out=out,
        deliveries=received.deliveries,
        summary=summary,
        reports=reports,
        shown=shown,
        seconds=time.perf_counter() - begun,
    )


@contextmanager
def channel_views(
    operation: Operation,
    scratch: Path,
    *,
    channel: str,
    audience: Audience,
    reference: Reference,
    workers: int,
    progress: Progress,
    arrivals: Sequence[Arrival],
    terms: Terms,
) -> Iterator[tuple[tuple[StoredView, Path], ...]]:
    """What the members of a channel may all see of an operation, country by country, each with its TRACES.

    They lie in `scratch`, which should be empty. Raises AccordError.
    """
    clock = Clock()
    keep_memory()
    spool = Spool(scratch / "spool")
    received = _receive(operation, arrivals, spool, reference, workers, progress, clock)
    key = hub_key(operation.hub.key_file)
    case, evidence, sightings = _fuse(operation, received, spool, reference, key, terms, workers, progress, clock)
    with closing(evidence), closing(sightings):
        views = []
        for country in operation.scope.countries:
            shelf = scratch / country
            shelf.mkdir()
            traces = shelf / "traces.parquet"
            view = case.view(country, None, sightings, shelf, traces, (channel, audience))
            views.append((store(view, shelf), traces))
    yield tuple(views)


def _keep_apart(operation: Operation, out: Path) -> None:
    """Refuse an output that would take the operation's own files with it when it is replaced."""
    for what, path in (
        ("the operation file", operation.file),
        ("the deliveries", operation.root),
        ("the hub's key", operation.hub.key_file),
    ):
        if path.resolve().is_relative_to(out.resolve()):
            raise OutputError(
                f"The output folder holds {what}, which every run would delete.",
                where=str(out),
                expected="a folder for the output alone",
                got=str(path),
                remedy="choose another --out",
            )


def _receive(
    operation: Operation,
    arrivals: Sequence[Arrival] | None,
    spool: Spool,
    reference: Reference,
    workers: int,
    progress: Progress,
    clock: Clock,
) -> Received:
    with clock.step("intake"):
        receiver = Receiver(
            root=operation.root,
            spool=spool,
            formats=FORMATS,
            context=reading_context(reference),
            as_of_us=microseconds(operation.scope.as_of),
            workers=workers,
            progress=lambda file, done, total: progress(f"reading {file}", done, total),
        )
        received = receiver.receive(operation.datasets) if arrivals is None else receiver.receive_all(arrivals)
    late = sum(one.ignored.get(Ignored.AFTER_AS_OF, 0) for one in received.deliveries)
    if late and not any(one.accepted for one in received.deliveries):
        # whoever set the date too early is told: nothing else says why nothing is found
        talk(
            f"all that was delivered is later than `as_of`, {operation.scope.as_of:%Y-%m-%d %H:%M} UTC, in "
            f"{operation.file}, and does not count: {counted(late, 'record')}"
        )
    return received


def _fuse(
    operation: Operation,
    received: Received,
    spool: Spool,
    reference: Reference,
    key: bytes,
    terms: Terms | None,
    workers: int,
    progress: Progress,
    clock: Clock,
) -> tuple[Case, RowFile, RowFile]:
    """The case, what its evidence lies in, and the single sightings of the findings in scope."""
    families = FamilySheet(reported=received.families, normalised=reference.families.normalise(received.families))
    restriction = _restriction(operation.scope, families, reference)
    engine = EvidenceEngine(spool, spool.folder, workers)
    try:
        with clock.step("fusion"):
            progress("fusing observations", 0, 0)
            evidence = engine.merge(restriction)
        with clock.step("attribution"):
            progress("locating findings", 0, 0)
            findings = evidence.findings
            places = locate(findings["type"].to_numpy(), findings["value"].combine_chunks(), reference)
            case = Case(
                operation=operation,
                deliveries=received.deliveries,
                evidence=evidence,
                families=families,
                key=key,
                threads=workers,
                places=places,
                resolutions=_in_window(received.resolutions, restriction),
                reference=reference,
                terms=terms,
                wrong=wrong_findings(
                    findings, {} if terms is None else terms.corrected, key, reference.suffixes.is_public_suffix
                ),
            )
        with clock.step("fusion"):
            return case, evidence.rows, engine.sightings(case.in_scope, case.families.ranks)
    finally:
        # its memory is wanted by those who write the reports
        engine.close()


def _restriction(scope: Scope, families: FamilySheet, reference: Reference) -> Restriction:
    codes = None
    if scope.families:
        wanted = {one.casefold() for one in reference.families.normalise(scope.families)}
        codes = frozenset(code for code, one in enumerate(families.normalised) if one.casefold() in wanted)
    return Restriction(
        start_us=None if scope.window_start is None else microseconds(scope.window_start),
        end_us=None if scope.window_end is None else microseconds(scope.window_end),
        roles=frozenset(scope.roles),
        families=codes,
    )


def _in_window(resolutions: pa.Table, restriction: Restriction) -> pa.Table:
    """Resolutions whose period touches the window."""
    if restriction.start_us is not None:
        resolutions = resolutions.filter(pc.greater_equal(resolutions["last_seen"], restriction.start_us))
    if restriction.end_us is not None:
        resolutions = resolutions.filter(pc.less_equal(resolutions["first_seen"], restriction.end_us))
    return resolutions


def _write_hub(
    folder: Path, operation: Operation, received: Received, case: Case, *, in_workspace: bool
) -> dict[str, object]:
    """Write hub/findings.parquet piece by piece, rejects.csv and summary.json."""
    (folder / "hub").mkdir(exist_ok=True)
    pieces = []
    schema = FINDINGS.with_metadata(made_in(operation.hub.namespace)) if in_workspace else FINDINGS
    with pq.ParquetWriter(
        folder / HUB_TABLE,
        schema,
        compression="lz4",
        use_dictionary=[name for name in FINDINGS.names if name not in HUB_DISTINCT],
        write_statistics=["value"],
    ) as writer:
        for piece in case.hub_findings(HUB_ROWS):
            writer.write_table(piece.cast(schema))
            pieces.append(piece.select(SUMMARISED).combine_chunks())
    findings = pa.concat_tables([FINDINGS.empty_table().select(SUMMARISED), *pieces])
    with pa.csv.CSVWriter(folder / "rejects.csv", REJECT_LINES) as lines:
        for table in received.rejects:
            lines.write_table(_disarmed(table))
    summary = summarise(operation, received.deliveries, findings)
    _write_json(folder / "summary.json", summary)
    return summary


def _publish(
    case: Case,
    sightings: RowFile,
    scratch: Path,
    folder: Path,
    since: Path | None,
    publishers: ProcessPoolExecutor,
    progress: Progress,
    *,
    traced: bool,
) -> tuple[tuple["PublishedReport", ...], tuple[Shown, ...]]:
    """Write every country's reports, in worker processes, while the next view is being made."""
    # the longest first, so that no process ends up alone with one
    countries = sorted(case.operation.scope.countries, key=case.size, reverse=True)
    themes: tuple[Theme | None, ...] = case.operation.themes or (None,)
    waiting: list[Future[PublishedReport]] = []
    done: list[PublishedReport] = []
    shown: list[Shown] = []
    if traced:
        (folder / "hub" / "traces").mkdir(parents=True)
    total = _reports(case.operation)
    for country in countries:
        for theme in themes:
            shelf = scratch / f"view-{len(waiting)}"
            shelf.mkdir()
            traces = Path("hub", "traces", f"{len(waiting)}.parquet") if traced else None
            kept = None if traces is None else folder / traces
            view = store(case.view(country, theme, sightings, shelf, kept), shelf)
            place = report_folder(country, theme)
            shown.append(Shown(sheet=view.sheet, folder=place, traces=traces))
            previous = None if since is None else since / place
            languages = case.operation.languages_of(country)
            waiting.append(publishers.submit(_write_report, view, folder / place, previous, languages))
            while len(waiting) - len(done) > REPORTS_WAITING:
                done.append(waiting[len(done)].result())
                progress("writing reports", len(done), total)
    for owner in case.operation.owners:
        shelf = scratch / f"view-{len(waiting)}"
        shelf.mkdir()
        traces = Path("hub", "traces", f"{len(waiting)}.parquet") if traced else None
        kept = None if traces is None else folder / traces
        view = store(case.view(owner.country, None, sightings, shelf, kept, owner=owner), shelf)
        place = owner_folder(owner.partner.id)
        shown.append(Shown(sheet=view.sheet, folder=place, traces=traces))
        waiting.append(publishers.submit(_write_own, view, folder / place, owner.languages or case.operation.languages))
    for future in waiting[len(done) :]:
        done.append(future.result())
        progress("writing reports", len(done), total)
    return tuple(done), tuple(shown)


def _reports(operation: Operation) -> int:
    """How many reports a run writes."""
    return len(operation.scope.countries) * max(1, len(operation.themes)) + len(operation.owners)


def report_folder(country: CountryCode, theme: Theme | None) -> Path:
    """Where a report stands in the output."""
    place = Path("reports") / country
    return place if theme is None else place / theme.name


def owner_folder(owner: str) -> Path:
    """Where what a network owner gets stands in the output."""
    return Path("owners") / owner


def _write_own(view: StoredView, folder: Path, languages: tuple[str, ...]) -> "PublishedReport":
    from accord.reports import publish

    folder.mkdir(parents=True)
    published = publish.write_own(view.load(), folder, languages)
    shutil.rmtree(view.folder)
    return published


def _write_report(
    view: StoredView, folder: Path, previous: Path | None, languages: tuple[str, ...]
) -> "PublishedReport":
    from accord.reports import publish

    folder.mkdir(parents=True)
    published = publish.write(view.load(), folder, previous, languages)
    shutil.rmtree(view.folder)
    return published


@contextmanager
def _publishers(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that write reports; they import what they need while the first view is being made."""
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin_publisher)
    try:
        with _interrupts_withheld():
            for _ in range(workers):
                pool.submit(os.getpid)
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_withheld() -> Iterator[None]:
    """Processes started here heed no signal to their group, not even while they import: who began them ends them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)


def _begin_publisher() -> None:
    for each in ENDINGS:
        signal.signal(each, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import accord.reports.publish  # noqa: F401


def _end_with_parent() -> None:
    """End at once when the run is killed: a pool's process would wait for ever for its next report."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _disarmed(rejects: pa.Table) -> pa.Table:
    """What partners wrote, and how they called their files, as an analyst may open it in a spreadsheet."""
    return pa.table(
        {
            name: disarmed(column.combine_chunks()) if pa.types.is_string(column.type) else column
            for name, column in zip(rejects.column_names, rejects.columns, strict=True)
        },
        schema=REJECT_LINES,
    )


def _is_output(folder: Path) -> bool:
    return (folder / "summary.json").is_file()


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "utf-8")
