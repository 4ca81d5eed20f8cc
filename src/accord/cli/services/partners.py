"""What partners' systems ask of a workspace over HTTP beside TAXII: `exchange.partners.server`, wired."""

import asyncio
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.parquet as pq
from sqlalchemy import Connection, Row, func, select

from accord.access.clients import Client
from accord.access.consultations import Processing, record
from accord.agreements.declarations import DatasetId, PartnerId
from accord.cli.acting import Actor
from accord.cli.deliveries.given_up import GIVEN_UP_KEPT, given_up_in_words
from accord.cli.deliveries.kept import names_of, read_account
from accord.cli.deliveries.recalled import reference
from accord.cli.deliveries.receipts import receipt_of
from accord.cli.deliveries.settling import working
from accord.cli.deliveries.uploads import Uploads, place_of_upload
from accord.cli.deliveries.waiting import place_of
from accord.cli.hub import opened_hub
from accord.cli.operations.answering import answer_told, take_answer
from accord.cli.rights.noticed import Noticed
from accord.cli.services.opened import Opened
from accord.exchange.partners.server import Answer, Question, answer, greet
from accord.exchange.partners.uploads import Upload, Wanted
from accord.formats.catalogue import FORMATS
from accord.journal.book import later, referring
from accord.journal.facts import FEW
from accord.journal.keeping import open_ledger
from accord.operations.declaration import read_workspace
from accord.operations.outcome_files import read_outcomes
from accord.release.recall import recall_of
from accord.vocabulary.errors import AccordError, RefusedFileError
from accord.vocabulary.outcomes import Outcome
from accord.vocabulary.reasons import EXPLANATIONS
from accord.web import asgi
from accord.web.entrance import Entrance
from accord.web.problems import MEDIA_TYPE as PROBLEM
from accord.web.problems import ProblemError, problem
from accord.web.unread import WAIT_S, WORDS, Unread
from accord.workspace.database import Database
from accord.workspace.jobs import ATTEMPTS, JobKind, JobState
from accord.workspace.schema import (
    ACTION_GROUPS,
    ACTIONS,
    DISCLOSURE_SOURCES,
    DISCLOSURES,
    JOBS,
    JOURNAL_ENTRIES,
    OUTCOME_REPORTS,
    OUTCOMES,
)
from accord.workspace.store import DeliveryFolder, Workspace

THREADS = 4
"""Requests that are answered at a time."""

LOOK = timedelta(minutes=15)
"""Pages that a client asks for within it are one look, which is logged once."""
MOST_LOOKS = 10_000
"""That are remembered; one more, and the oldest is forgotten, and would be logged again."""

MOST_BODIES = 32
"""Of requests that are read at a time, a MiB each."""
MOST_OF_ONE = 4
"""Of them of one client: who sends slowly holds up nobody else."""

_TOLD = (
    "dataset",
    "file",
    "sha256",
    "formats",
    "bytes",
    "records",
    "accepted",
    "ignored",
    "ignored_by_reason",
    "rejected",
    "rejected_by_reason",
    "refused",
    "observations",
    "received_at",
    "collected_at",
    "agreements",
    "purposes",
)
"""Of an account, what its partner is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Undone:
    """A delivery that is no delivery yet, or was refused."""

    state: JobState
    why: str
    file: str | None
    """What its partner called it; an add has no name."""


class PartnerDesk:
    """Does what partners ask for."""

    def __init__(self, workspace: Workspace, database: Database, entrance: Entrance) -> None:
        """`entrance`: who is let in."""
        self._workspace, self._database, self._entrance = workspace, database, entrance
        self._uploads = Uploads(workspace, database)
        self._taking = threading.Lock()
        self._noticed = Noticed(workspace, database, self._taking)
        self._looking = threading.Lock()
        # until when a client's look at a delivery goes on; the newest stands last
        self._looks: dict[tuple[str, str], datetime] = {}

    def now(self) -> datetime:
        """The clock; one that was set back brings back no agreement that has ended, and no token."""
        with self._database.reading() as connection:
            return later(connection, datetime.now(UTC))

    def enter(self, headers: Mapping[str, str], address: str, now: datetime) -> Client:
        """Who asks."""
        return self._entrance.enter(headers, address, now)

    def begin(self, wanted: Wanted, client: Client, now: datetime) -> Upload:
        """Begin an upload."""
        return self._uploads.begin(wanted, client, now)

    def find_upload(self, upload: str, client: Client, now: datetime) -> Upload:
        """An upload."""
        return self._uploads.find(upload, client, now)

    def write(self, upload: str, offset: int, piece: bytes, client: Client, now: datetime) -> Upload:
        """Add a piece."""
        return self._uploads.write(upload, offset, piece, client, now)

    def drop(self, upload: str, client: Client, now: datetime) -> None:
        """Remove an upload."""
        del now
        self._uploads.drop(upload, client)

    def deliveries(self, client: Client, after: str, limit: int, now: datetime) -> tuple[list[dict[str, object]], bool]:
        """A page of a partner's deliveries, by name."""
        mine = self._mine(client)
        names = {
            f"{one.dataset}.{one.sha256}"
            for one in (*self._workspace.deliveries(), *self._workspace.withdrawn())
            if one.dataset in mine
        }
        with self._database.reading() as connection:
            undone = self._undone(connection)
        names.update(name for name in undone if name.rpartition(".")[0] in mine)
        page = sorted(name for name in names if name > after)
        told = []
        for name in page[:limit]:
            dataset, _, sha256 = name.rpartition(".")
            found = self._found(dataset, sha256, now, undone)
            if found is not None:
                told.append(found)
        return told, len(page) > limit

    def delivery(self, dataset: str, sha256: str, client: Client, now: datetime) -> dict[str, object]:
        """What became of one delivery."""
        found = self._found(dataset, sha256, now) if dataset in self._mine(client) else None
        if found is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, "There is no such delivery.")
        return found

    def rejects(
        self, dataset: str, sha256: str, client: Client, after: int, limit: int, now: datetime
    ) -> tuple[list[dict[str, object]], bool]:
        """Records of a delivery that were not taken; who sees them is logged."""
        place = self._workspace.place(dataset, sha256)
        if dataset not in self._mine(client) or not place.exists():
            raise ProblemError(HTTPStatus.NOT_FOUND, "There is no such delivery.")
        rows = _rows(place / "rejects.parquet", after, limit + 1)
        if rows:
            self._log_look(reference(dataset, sha256), client, now)
        words = {str(reason): text for reason, text in EXPLANATIONS.items()}
        told = [{**one, "explanation": words.get(str(one["reason"]), "")} for one in rows[:limit]]
        return told, len(rows) > limit

    def receipt(self, dataset: str, sha256: str, client: Client) -> bytes:
        """The receipt of a delivery, also of one that is gone."""
        declared = read_workspace(self._workspace.settings, FORMATS)
        found = None
        if dataset in self._mine(client):
            found = receipt_of(open_ledger(declared.ledger, self._database), dataset, sha256, client.partner)
        if found is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, "The ledger has no entry of such a delivery of yours.")
        return found.encode()

    def _log_look(self, what: str, client: Client, now: datetime) -> None:
        """Log that a client sees something, once a look, before it sees anything."""
        look = client.person, what
        with self._looking:
            if now < self._looks.get(look, now):
                return
            with self._database.writing() as connection:
                record(
                    connection,
                    Processing.CONSULTATION,
                    person=client.person,
                    justification=f"its own delivery, {client.name}",
                    object=what,
                    recipients=[client.partner],
                    now=now,
                )
            self._looks.pop(look, None)
            self._looks[look] = now + LOOK
            if len(self._looks) > MOST_LOOKS:
                del self._looks[next(iter(self._looks))]

    def take_outcomes(self, body: bytes, client: Client) -> dict[str, object]:
        """Take in what a partner says became of what it was handed."""
        try:
            said = read_outcomes(body, "the body")
        except RefusedFileError as refusal:
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, refusal.what) from refusal
        if not said.records:
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "It says nothing of any finding.")
        # who reports holds the workspace one at a time, and whoever works there waits for one and not for all of them
        with self._taking, opened_hub(self._workspace.root, to_write=True) as hub, working(hub.workspace, hub.database):
            actor = Actor(person=client.person, justification=f"outcomes of {client.partner}, {client.name}")
            recorded = take_answer(hub, PartnerId(client.partner), said, actor)
        return answer_told(said, recorded)

    def notices(self, client: Client, after: str, limit: int, now: datetime) -> tuple[list[dict[str, object]], bool]:
        """A page of the notices that a partner has still to answer."""
        return self._noticed.waiting(client, after, limit, now)

    def notice(self, recall: UUID, package: UUID, client: Client, now: datetime) -> bytes:
        """One of them with its files."""
        return self._noticed.fetch(recall, package, client, now)

    def take_acknowledgement(self, body: bytes, client: Client) -> dict[str, object]:
        """Take in what a partner has signed."""
        return self._noticed.answer(body, client)

    def _mine(self, client: Client) -> frozenset[str]:
        declared = read_workspace(self._workspace.settings, FORMATS)
        return frozenset(one.id for one in declared.datasets if one.partner.id == client.partner)

    def _found(
        self, dataset: str, sha256: str, now: datetime, undone: Mapping[str, _Undone] | None = None
    ) -> dict[str, object] | None:
        """`undone`: what waits, where that is known."""
        for state, place in (
            ("taken in", self._workspace.place(dataset, sha256)),
            ("recalled", self._workspace.withdrawn_place(dataset, sha256)),
        ):
            if place.exists():
                folder = DeliveryFolder(dataset=dataset, sha256=sha256, path=place)
                account = read_account(folder)
                told = {name: account[name] for name in _TOLD if name in account}
                with self._database.reading() as connection:
                    entries = list(referring(connection, reference(dataset, sha256)))
                    uses = _uses(connection, dataset, names_of(folder), now)
                    recall = recall_of(connection, DatasetId(dataset), sha256) if state == "recalled" else None
                if recall is not None and recall.replaced_by is not None:
                    told["replaced_by"] = f"{dataset}.{recall.replaced_by}"
                return {"name": f"{dataset}.{sha256}", "state": state, **told, "entries": entries, **uses}
        if undone is None:
            with self._database.reading() as connection:
                undone = self._undone(connection)
        job = undone.get(f"{dataset}.{sha256}")
        if job is None and not place_of(self._workspace, dataset, sha256).exists():
            return None
        told = {"name": f"{dataset}.{sha256}", "dataset": dataset, "sha256": sha256}
        if job is not None and job.file is not None:
            told["file"] = job.file
        if job is not None and job.state is JobState.FAILED:
            return {**told, "state": "refused", "why": job.why}
        return {**told, "state": "waiting"}

    def _undone(self, connection: Connection) -> dict[str, _Undone]:
        """What waits to be taken in, or was not, by name; the last job counts."""
        wanted = (
            select(JOBS)
            .where(
                JOBS.c.kind.in_([JobKind.ADD.value, JobKind.UPLOAD.value]),
                JOBS.c.state.in_([JobState.WAITING.value, JobState.FAILED.value]),
            )
            .order_by(JOBS.c.number)
        )
        found = {}
        for row in connection.execute(wanted):
            said = _arguments(row.arguments)
            state = JobState(row.state)
            why = self._why(JobKind(row.kind), said, row) if state is JobState.FAILED else ""
            found[f"{said['dataset']}.{said['sha256']}"] = _Undone(state=state, why=why, file=said.get("file"))
        return found

    def _why(self, kind: JobKind, said: Mapping[str, str], row: Row[Any]) -> str:
        """What the partner is told of what was not taken in."""
        if row.attempts < ATTEMPTS:
            return "It was not taken in: ask the hub." if kind is JobKind.ADD else row.outcome or ""
        # what is given up after many attempts failed for reasons of the hub's own
        if kind is JobKind.ADD:
            place = place_of(self._workspace, said["dataset"], said["sha256"])
        else:
            place = place_of_upload(self._workspace, said["upload"])
        return given_up_in_words(kind, row.ended_at + GIVEN_UP_KEPT if place.exists() else None)


def _uses(connection: Connection, dataset: str, names: tuple[str, ...], now: datetime) -> dict[str, object]:
    """To which countries it went for what, and what came of it, as far as the ledger's openings tell everybody by now.

    Counts below ten are none, not even in sums: of each disclosure alone it is asked whether it is told. What came of
    it is counted where only this delivery was handed over, else it would tell of others' data, and ten findings of it
    or more, else it would tell of one.
    """
    opened = (
        select(JOURNAL_ENTRIES.c.number)
        .where(
            JOURNAL_ENTRIES.c.number == DISCLOSURES.c.first_entry,
            JOURNAL_ENTRIES.c.opens_at <= now,
        )
        .exists()
    )
    wanted = (
        select(DISCLOSURES.c.id, DISCLOSURES.c.country, DISCLOSURES.c.purpose, func.sum(DISCLOSURE_SOURCES.c.findings))
        .join(DISCLOSURE_SOURCES, DISCLOSURE_SOURCES.c.disclosure == DISCLOSURES.c.id)
        .where(
            DISCLOSURE_SOURCES.c.dataset == dataset,
            DISCLOSURE_SOURCES.c.delivery.in_(names),
            DISCLOSURES.c.handed_over_at.is_not(None),
            opened,
        )
        .group_by(DISCLOSURES.c.id, DISCLOSURES.c.country, DISCLOSURES.c.purpose)
    )
    went: dict[tuple[str, str], list[int]] = defaultdict(list)
    came: dict[tuple[str, str], dict[bytes, str]] = defaultdict(dict)
    for name, country, purpose, findings in connection.execute(wanted):
        went[country, purpose].append(int(findings))
        if findings < FEW:
            continue
        others = select(DISCLOSURE_SOURCES.c.dataset).where(
            DISCLOSURE_SOURCES.c.disclosure == name,
            (DISCLOSURE_SOURCES.c.dataset != dataset) | DISCLOSURE_SOURCES.c.delivery.not_in(names),
        )
        if connection.execute(others.limit(1)).first() is None:
            came[country, purpose] |= _outcomes(connection, name)
    told = []
    for (country, purpose), counts in sorted(went.items()):
        said = list(came[country, purpose].values())
        outcomes = {one.value: _few(said.count(one.value)) for one in Outcome if one.value in said}
        told.append({"country": country, "purpose": purpose, "findings": _sum(counts), "outcomes": outcomes})
    return {"handed_over": told}


def _outcomes(connection: Connection, disclosure: str) -> dict[bytes, str]:
    """What its recipient says of the findings of a disclosure; what it said last stands."""
    wanted = (
        select(OUTCOMES.c.finding, OUTCOMES.c.outcome)
        .join(OUTCOME_REPORTS, OUTCOME_REPORTS.c.number == OUTCOMES.c.report)
        .join(ACTIONS, ACTIONS.c.finding == OUTCOMES.c.finding)
        .join(ACTION_GROUPS, ACTION_GROUPS.c.number == ACTIONS.c.action_group)
        .join(DISCLOSURES, DISCLOSURES.c.id == ACTION_GROUPS.c.disclosure)
        .where(DISCLOSURES.c.id == disclosure, OUTCOME_REPORTS.c.partner == DISCLOSURES.c.recipient)
        .order_by(OUTCOMES.c.day, OUTCOME_REPORTS.c.number)
    )
    return {bytes(finding): outcome for finding, outcome in connection.execute(wanted)}


def _sum(counts: Sequence[int]) -> int | str:
    """Counts added up, each as the public page tells it: where some are below ten, at least and at most."""
    told = [one for one in counts if one >= FEW]
    few = len(counts) - len(told)
    if not few:
        return sum(told)
    return f"{sum(told)} to {sum(told) + few * (FEW - 1)}" if told or few > 1 else _few(1)


def _few(count: int) -> int | str:
    """A count as the public page tells it."""
    return count if count >= FEW else f"<{FEW}"


def _rows(file: Path, after: int, limit: int) -> list[dict[str, object]]:
    if not file.exists():
        return []
    found: list[dict[str, object]] = []
    with pq.ParquetFile(file) as opened:
        skipped = 0
        for number in range(opened.num_row_groups):
            size = opened.metadata.row_group(number).num_rows
            if skipped + size <= after:
                skipped += size
                continue
            columns = ["member", "record", "pointer", "column", "reason", "partial", "text"]
            for batch in opened.iter_batches(1000, [number], columns):
                begin = max(after - skipped, 0)
                skipped += len(batch)
                found += batch.slice(begin, limit - len(found)).to_pylist() if begin < len(batch) else []
                if len(found) >= limit:
                    return found
    return found


def _arguments(text: str) -> dict[str, str]:
    return {name: str(value) for name, value in json.loads(text).items()}


class Partners:
    """The desk of a workspace, which is opened by who asks first."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._lock = threading.Lock()
        self._desk: PartnerDesk | None = None

    def __call__(self, asked: Question) -> Answer:
        """The answer to a request."""
        desk = self._at()
        return answer(asked, desk) if isinstance(desk, PartnerDesk) else desk

    def greet(self, asked: Question) -> Client | Answer:
        """Who asks, or the answer to whoever may not."""
        desk = self._at()
        return greet(asked, desk) if isinstance(desk, PartnerDesk) else desk

    def _at(self) -> PartnerDesk | Answer:
        try:
            with self._lock:
                if self._desk is None:
                    shared = self._opened.get()
                    self._desk = PartnerDesk(shared.workspace, shared.database, shared.entrance)
                return self._desk
        except AccordError:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            return Answer(status=status, body=problem(status), headers={"retry-after": "30"}, media_type=PROBLEM)


def mounted(partners: Partners) -> Callable[[str], asgi.App]:
    """What answers questions, as ASGI applications that are mounted at roots of their own.

    A body is kept once it is known who sends it, and few are at a time: what others send is read and forgotten. Nor may
    one client let many long answers wait until it reads them. It counts in all of them together.
    """
    threads = ThreadPoolExecutor(THREADS, "partners")
    reading, unread = Counter[str](), Unread()

    async def answered(asked: Question, receive: asgi.Receive) -> Answer:
        loop = asyncio.get_running_loop()
        if asked.method not in {"POST", "PATCH"}:
            done = await loop.run_in_executor(threads, partners, asked)
            return _come_again(WAIT_S, WORDS) if unread.is_too_much(done.person, len(done.body)) else done
        client = await loop.run_in_executor(threads, partners.greet, asked)
        if isinstance(client, Answer):
            await asgi.forget(receive)
            return client
        if unread.is_full(client.person):
            # before anything is done of which nothing would be told
            await asgi.forget(receive)
            return _come_again(WAIT_S, WORDS)
        if reading[client.person] == MOST_OF_ONE or reading.total() == MOST_BODIES:
            await asgi.forget(receive)
            return _come_again(10)
        reading[client.person] += 1
        try:
            whole = replace(asked, client=client, body=await asgi.read(receive))
            return await loop.run_in_executor(threads, partners, whole)
        finally:
            reading[client.person] -= 1
            if not reading[client.person]:
                del reading[client.person]

    async def answer_at(root: str, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        asked = Question(
            method=scope["method"],
            path=root + "/" + str(scope["path"]).removeprefix(root).lstrip("/"),
            query=bytes(scope["query_string"]),
            headers=asgi.single_headers(scope),
            address=(scope.get("client") or ("",))[0],
        )
        try:
            done = await answered(asked, receive)
        except ConnectionError:
            # nobody is there who would read an answer; what is on the disk is gone on with
            return
        told = {"cache-control": "no-store", "vary": "authorization", **done.headers}
        if done.media_type is not None:
            told["content-type"] = done.media_type
        with unread.told(done.person, len(done.body)):
            await asgi.answer(send, int(done.status), asgi.headers_of(told), done.body)

    def mounted_at(root: str) -> asgi.App:
        async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
            await answer_at(root, scope, receive, send)

        return app

    return mounted_at


def _come_again(wait_s: int, words: str | None = None) -> Answer:
    status = HTTPStatus.TOO_MANY_REQUESTS
    headers = {"retry-after": str(wait_s)}
    return Answer(status=status, body=problem(status, words), headers=headers, media_type=PROBLEM)
