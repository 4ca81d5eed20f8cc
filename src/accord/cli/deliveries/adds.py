"""What partners' clients add by TAXII: kept on the disk before it is accepted, and taken in as a delivery by a job.

    adds/dataset=ID/DIGEST      the body as it came; DIGEST is its SHA-256, by which the delivery will be known

The file is on the disk, and its job in the database, before a client is told that it was accepted. Whoever is killed
leaves an add that was not accepted, which the next command removes, or one that the job takes in; the job may be done
twice, because a delivery that is there is passed over, and then the file goes. Where the job has failed for good, the
file stays for a while (`given_up`); added again meanwhile, it gets a job in the failed one's stead, in one transaction.
"""

import hashlib
import hmac
import json
import os
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.parquet as pq
from sqlalchemy import Connection, Row, delete, select

from accord.access.clients import Client
from accord.agreements.declarations import Dataset
from accord.agreements.passing import permit_intake
from accord.agreements.register import load_register
from accord.cli.deliveries.given_up import GIVEN_UP_KEPT, given_up, given_up_in_words
from accord.cli.deliveries.recalled import refuse_returned
from accord.cli.deliveries.uploads import untaken
from accord.cli.deliveries.waiting import UNDONE, demand_delivered, place_of
from accord.columns.instants import EPOCH, microseconds
from accord.exchange.taxii.adds import LONGEST_BODY, Added, Target
from accord.exchange.taxii.messages import TaxiiError
from accord.formats.catalogue import FORMATS
from accord.journal.book import later
from accord.operations.declaration import read_workspace
from accord.vocabulary.errors import NotAgreedError, OutputError, RefusedFileError, SettingsError
from accord.vocabulary.reasons import EXPLANATIONS
from accord.workspace.database import Database
from accord.workspace.jobs import ATTEMPTS, JobKind, JobState, queue
from accord.workspace.keys import hub_key
from accord.workspace.schema import JOBS
from accord.workspace.store import ADDS, Workspace, errors_named, open_workspace

FORMAT = "stix"

MOST_WAITING, MOST_WAITING_BYTES = 2000, 1 << 30
"""Adds of a partner that are not taken in yet, and their bytes."""
GIVEN_UP_ROOMS = 8
"""How often as many that were given up: as many bytes as a partner's uploads may have."""
WAIT_S = 60
"""Seconds after which one who has too many there asks again."""

_NOT_AGREED = "No agreement in force covers what is added here."
_NAME = re.compile(r"([a-z0-9._-]+)\.([0-9a-f]{64})")


@dataclass(slots=True)
class TaxiiDesk:
    """The data sets of a workspace as collections to which their partners add: those whose formats hold STIX."""

    workspace: Workspace
    database: Database
    _read: tuple[int, tuple[Dataset, ...], bytes] | None = field(default=None)
    _sizes: dict[Path, dict[str, int]] = field(default_factory=dict)
    """By folder and name, the sizes of the adds that lay there lately."""

    def targets(self, partner: str) -> Sequence[Target]:
        """The collections to which a partner's clients may add."""
        datasets, key = self._declared()
        return [
            Target(
                id=collection_of(one.id, key),
                # no channel is called so
                alias=f"dataset:{one.id}",
                title=f"Adds to {one.id}: {one.title}",
                dataset=one.id,
            )
            for one in datasets
            if one.partner.id == partner and FORMAT in one.formats
        ]

    def accept(self, target: Target, body: bytes, client: Client, now: datetime) -> Added:
        """Keep an add for good, and queue that it is taken in. Raises TaxiiError (403, 429), OutputError."""
        (dataset,) = (one for one in self._declared()[0] if one.id == target.dataset)
        digest = hashlib.sha256(body).hexdigest()
        self._refuse_returned(dataset, digest, now)
        known = self.find(client.partner, f"{dataset.id}.{digest}")
        if known is not None and not known.pending and known.refused is None:
            return known
        place = place_of(self.workspace, dataset.id, digest)
        added = Added(name=f"{dataset.id}.{digest}", at=now, body=body, pending=True, failed={})
        with self.database.writing() as connection:
            before = _undone(connection, dataset.id, digest)
            if place.exists() and any(one.state == JobState.WAITING for one in before):
                # without a job it was left by a server that was killed
                return added if known is None or known.refused is not None else known
            try:
                register, at = load_register(connection), later(connection, now)
                permit_intake(register, dataset, None, at, settings=str(self.workspace.settings))
            except (NotAgreedError, SettingsError) as refusal:
                raise TaxiiError(HTTPStatus.FORBIDDEN, _NOT_AGREED) from refusal
            with errors_named(self.workspace.root):
                self._demand_room(connection, client.partner, place, len(body))
                keep(place, body, now)
            # it is tried anew: a job that has failed at the same bytes is not there to begin anew as well
            connection.execute(delete(JOBS).where(JOBS.c.number.in_([one.number for one in before])))
            arguments = {
                "dataset": dataset.id,
                "sha256": digest,
                "collected_at": now.isoformat(),
                "person": client.person,
                "why": f"TAXII, {client.name}",
            }
            queue(connection, JobKind.ADD, arguments, now=now)
        return added

    def _refuse_returned(self, dataset: Dataset, digest: str, now: datetime) -> None:
        """Raise TaxiiError (403) for what was recalled, or may be kept no longer."""
        with self.database.reading() as connection:
            try:
                refuse_returned(connection, self.workspace, dataset, digest, now)
            except RefusedFileError as refusal:
                raise TaxiiError(HTTPStatus.FORBIDDEN, f"Not taken again: {refusal.what}.") from refusal

    def find(self, partner: str, name: str) -> Added | None:
        """An add of a partner's, as far as it has come; None: there is none, or it is kept no longer."""
        found = _NAME.fullmatch(name)
        if found is None or all(one.dataset != found[1] for one in self.targets(partner)):
            return None
        dataset, digest = found.groups()
        delivered, waiting = self.workspace.place(dataset, digest), place_of(self.workspace, dataset, digest)
        for _ in range(2):
            try:
                if delivered.exists():
                    file = delivered / "delivered"
                    # what is longer came otherwise than as an add
                    if not _is_short(file):
                        return None
                    body, at, failed = file.read_bytes(), _asked_at(delivered), _failed(delivered)
                    return Added(name=name, at=at, body=body, pending=False, failed=failed)
                added = _waits(name, waiting)
                # the longer jobs wait, the longer it takes to look through them: what is new is not asked for there
                refused = self._refused(dataset, digest)
                return added if refused is None else replace(added, pending=False, refused=refused)
            except FileNotFoundError:
                # it was taken in between the two looks
                continue
        return None

    def _refused(self, dataset: str, digest: str) -> str | None:
        """Why an add is not taken in; None: it may be yet."""
        with self.database.reading() as connection:
            undone = _undone(connection, dataset, digest)
        if not undone or any(one.state != JobState.FAILED for one in undone):
            return None
        last = max(undone, key=lambda one: one.ended_at)
        if last.attempts < ATTEMPTS:
            return f"It was not taken in: ask the hub, for delivery {digest} of {dataset}."
        return given_up_in_words(JobKind.ADD, last.ended_at + GIVEN_UP_KEPT)

    def _demand_room(self, connection: Connection, partner: str, place: Path, size: int) -> None:
        """Raise TaxiiError (429) where too much of a partner's lies there already, beside what is put into its place.

        What was given up has room of its own, so that it takes none from what comes, and is bounded all the same.
        """
        mine = [one.id for one in self._declared()[0] if one.partner.id == partner]
        folders = [self.workspace.root / ADDS / f"dataset={one}" for one in mine]
        lying = {folder: self._lying(folder) for folder in folders}
        # it may have been given up there
        lying[place.parent].pop(place.name, None)
        if _fits([one for each in lying.values() for one in each.values()], size):
            return
        sizes = {folder / name: size for folder, each in lying.items() for name, size in each.items()}
        ended = {one.place: sizes[one.place] for one in given_up(self.workspace, connection) if one.place in sizes}
        waiting = {file: size for file, size in sizes.items() if file not in ended}
        for some, rooms, what in (waiting, 1, "wait to be taken in"), (ended, GIVEN_UP_ROOMS, "could not be taken in"):
            if not _fits(some.values(), size, rooms):
                raise TaxiiError(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    f"{len(some):,} adds of yours, of {sum(some.values()):,} bytes, {what}: add again later.",
                    {"retry-after": str(WAIT_S)},
                )

    def _lying(self, folder: Path) -> dict[str, int]:
        """The sizes of what lies in a folder, by name; of thousands, only what is new there is looked at.

        A name is a digest, or drawn for one file: what bears it is never longer or shorter than before.
        """
        names = os.listdir(folder) if folder.is_dir() else ()  # noqa: PTH208 -- thousands of names, and no paths
        before = self._sizes.get(folder, {})
        sizes = {name: before[name] for name in names if name in before}
        for name in set(names) - set(sizes):
            # a job that has taken one in removes it at any time
            with suppress(FileNotFoundError):
                sizes[name] = (folder / name).stat().st_size
        self._sizes[folder] = sizes
        return dict(sizes)

    def _declared(self) -> tuple[tuple[Dataset, ...], bytes]:
        """What the settings declare by now; they are read when they have changed."""
        changed = self.workspace.settings.stat().st_mtime_ns
        if self._read is None or self._read[0] != changed:
            declared = read_workspace(self.workspace.settings, FORMATS)
            self._read = changed, tuple(declared.datasets), hub_key(declared.hub.key_file)
        return self._read[1:]


def collection_of(dataset: str, key: bytes) -> UUID:
    """The collection of a data set: a UUIDv4 of pseudo-random bits (RFC 9562, 5.4) that only the hub's key gives."""
    drawn = hmac.new(key, b"taxii collection\0" + dataset.encode(), hashlib.sha256).digest()
    return UUID(bytes=drawn[:16], version=4)


def keep(place: Path, body: bytes, at: datetime) -> None:
    """Write a file whole, and have it on the disk, under its name and as of when it came. Raises OSError."""
    for folder in (place.parent.parent, place.parent):
        folder.mkdir(mode=0o700, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".", dir=place.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.utime(file.fileno(), ns=(microseconds(at) * 1000,) * 2)
            os.fsync(file.fileno())
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    for folder in (place.parent, place.parent.parent, place.parent.parent.parent):
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(held)
        finally:
            os.close(held)


def demand_taken(workspace: Workspace, database: Database) -> None:
    """Raise OutputError while an add waits: what is in it would be missed."""
    with database.reading() as connection:
        waiting = [*_waiting(workspace, connection), *untaken(workspace, connection)]
    if waiting:
        raise OutputError(
            "What partners have added waits to be taken in, and would be missed.",
            where=str(waiting[0]),
            expected="no add that waits",
            got=str(len(waiting)),
            remedy="`accord job work` takes it in; what fails eight times is waited for no more",
        )


def take_added(folder: Path, arguments: Mapping[str, object]) -> str:
    """Do a job that takes in what was added. Raises RefusedFileError when it is refused whole."""
    from accord.cli.deliveries.adding import import_file

    workspace = open_workspace(folder)
    dataset, digest = str(arguments["dataset"]), str(arguments["sha256"])
    place = place_of(workspace, dataset, digest)
    if not place.exists():
        demand_delivered(workspace, arguments, where=f"delivery {digest} of {dataset}", remedy="add it anew")
        return f"taken in before: delivery {digest} of {dataset}"
    told = import_file(folder, {**arguments, "file": str(place), "purpose": None, "snapshot": False})
    place.unlink(missing_ok=True)
    return told


def _undone(connection: Connection, dataset: str, digest: str) -> list[Row[Any]]:
    """The jobs that take in an add and are not done."""
    table = JOBS.c
    wanted = select(JOBS).where(
        table.state.in_(UNDONE),
        table.kind == JobKind.ADD.value,
        table.arguments.contains(digest, autoescape=True),
    )
    told = ((one, json.loads(one.arguments)) for one in connection.execute(wanted))
    return [one for one, said in told if (said["dataset"], said["sha256"]) == (dataset, digest)]


def _waiting(workspace: Workspace, connection: Connection) -> list[Path]:
    """Where adds lie whose jobs wait."""
    wanted = select(JOBS.c.arguments).where(JOBS.c.kind == JobKind.ADD.value, JOBS.c.state == JobState.WAITING.value)
    told = map(json.loads, connection.execute(wanted).scalars())
    places = {place_of(workspace, each["dataset"], each["sha256"]) for each in told}
    return sorted(one for one in places if one.exists())


def _fits(sizes: Collection[int], size: int, rooms: int = 1) -> bool:
    """Is there room for one more among files of these sizes?"""
    return len(sizes) < rooms * MOST_WAITING and sum(sizes) + size <= rooms * MOST_WAITING_BYTES


def _is_short(file: Path) -> bool:
    return file.stat().st_size <= LONGEST_BODY


def _waits(name: str, file: Path) -> Added:
    with file.open("rb") as opened:
        at = EPOCH + timedelta(microseconds=os.fstat(opened.fileno()).st_mtime_ns // 1000)
        return Added(name=name, at=at, body=opened.read(), pending=True, failed={})


def _asked_at(delivery: Path) -> datetime:
    """When what was delivered was collected, which of an add is when it was asked for."""
    account = json.loads((delivery / "account.json").read_text("utf-8"))
    return datetime.fromisoformat(account["collected_at"])


def _failed(delivery: Path) -> dict[int, str]:
    """The objects of a delivery that were rejected, by their places from 1."""
    file = delivery / "rejects.parquet"
    if not file.exists():
        return {}
    rows = pq.read_table(file, columns=["record", "reason", "partial"]).to_pylist()
    return {one["record"]: EXPLANATIONS.get(one["reason"], one["reason"]) for one in rows if not one["partial"]}
