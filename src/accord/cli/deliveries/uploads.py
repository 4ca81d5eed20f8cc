"""What partners upload over HTTPS: on the disk piece by piece, and taken in as a delivery by a job once it is whole.

    uploads/ID/upload.json      for whom, for which data set, and what its bytes must be
              part              the bytes that have come, each piece on the disk before the client is told so
              file/NAME         the same, from when the job has begun

That an upload is whole and will be taken in stands in the database, as its job, before a client is told. What is not
whole a day after it was begun is removed by a job that was queued with it: clients that vanish leave nothing for ever.
"""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path

from sqlalchemy import Connection, delete, select

from accord.access.clients import Client
from accord.agreements.declarations import Dataset
from accord.agreements.passing import permit_intake
from accord.agreements.register import load_register
from accord.cli.deliveries.recalled import refuse_returned
from accord.cli.deliveries.waiting import demand_delivered
from accord.exchange.partners.uploads import ChecksumError, Upload, Wanted
from accord.formats.catalogue import FORMATS
from accord.journal.book import later
from accord.operations.declaration import read_workspace
from accord.vocabulary.errors import NotAgreedError, RefusedFileError, SettingsError
from accord.web.problems import ProblemError
from accord.workspace.database import Database, open_database
from accord.workspace.jobs import JobKind, JobState, queue
from accord.workspace.schema import JOBS
from accord.workspace.store import Workspace, errors_named, open_workspace

FOLDER = "uploads"
KEPT = timedelta(days=1)
"""For which an upload may go on."""
MOST_OPEN = 8
"""Uploads of a partner that are not taken in yet."""

_ABOUT, _PART, _FILE = "upload.json", "part", "file"
_GONE = ".gone-"
_NONE = "There is no such upload, or it was taken in."
_UNDONE = (JobState.WAITING, JobState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """What is kept of an upload beside its bytes."""

    partner: str
    person: str
    why: str
    dataset: str
    file: str
    sha256: str
    size: int
    begun_at: str

    def told(self, name: str, offset: int, *, whole: bool) -> Upload:
        """As its client hears of it."""
        return Upload(
            id=name,
            size=self.size,
            offset=offset,
            expires_at=datetime.fromisoformat(self.begun_at) + KEPT,
            delivery=f"{self.dataset}.{self.sha256}" if whole else None,
        )


class Uploads:
    """The uploads of a workspace."""

    def __init__(self, workspace: Workspace, database: Database) -> None:
        self._workspace, self._database = workspace, database
        self._root = workspace.root / FOLDER

    def begin(self, wanted: Wanted, client: Client, now: datetime) -> Upload:
        """Begin an upload. Raises ProblemError, OutputError."""
        dataset = self._dataset(wanted.dataset, client)
        with self._database.reading() as connection:
            try:
                refuse_returned(connection, self._workspace, dataset, wanted.sha256, now)
            except RefusedFileError as refusal:
                raise ProblemError(HTTPStatus.FORBIDDEN, f"Not taken again: {refusal.what}.") from refusal
        begun = _Begun(
            partner=client.partner,
            person=client.person,
            why=f"upload, {client.name}",
            dataset=dataset.id,
            file=wanted.file,
            sha256=wanted.sha256,
            size=wanted.size,
            begun_at=now.isoformat(),
        )
        name = secrets.token_hex(16)
        # as a writer, of whom there is one at a time: two at once are not let over the bound
        with self._database.writing() as connection, errors_named(self._workspace.root):
            if sum(one.partner == client.partner for one in self._open(connection)) >= MOST_OPEN:
                raise ProblemError(
                    HTTPStatus.TOO_MANY_REQUESTS, f"{MOST_OPEN} uploads are open: end them, or remove some."
                )
            self._permit(connection, dataset, now)
            queue(connection, JobKind.EXPIRE, {"upload": name}, now=now, not_before=now + KEPT)
            self._make(name, begun)
        return begun.told(name, 0, whole=False)

    def find(self, name: str, client: Client, now: datetime) -> Upload:
        """An upload as far as it has come; a whole one that a killed server has left is taken in."""
        place, begun = self._mine(name, client)
        if (place / _FILE).exists():
            return begun.told(name, begun.size, whole=True)
        with self._alone(place) as part:
            offset = os.fstat(part).st_size
            if offset == begun.size:
                self._end(name, begun, part, now)
            return begun.told(name, offset, whole=offset == begun.size)

    def write(self, name: str, offset: int, piece: bytes, client: Client, now: datetime) -> Upload:
        """Add a piece. Raises ProblemError, ChecksumError, OutputError."""
        place, begun = self._mine(name, client)
        with self._alone(place) as part:
            if (have := os.fstat(part).st_size) != offset:
                raise ProblemError(HTTPStatus.CONFLICT, f"The next byte is {have}.")
            if offset == begun.size:
                # HEAD says what became of it
                raise ProblemError(HTTPStatus.CONFLICT, "It is whole: there is no next byte.")
            if offset + len(piece) > begun.size:
                raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "That is more than Upload-Length said.")
            with errors_named(self._workspace.root):
                try:
                    _append(part, piece)
                except OSError:
                    # what is not on the disk whole is not told of later
                    os.ftruncate(part, offset)
                    raise
            offset += len(piece)
            if offset == begun.size:
                self._end(name, begun, part, now)
        return begun.told(name, offset, whole=offset == begun.size)

    def drop(self, name: str, client: Client) -> None:
        """Remove an upload that is not whole. Raises ProblemError."""
        place, _ = self._mine(name, client)
        with self._database.writing() as connection:
            # what the hub has given up it does not hold against its partner's will
            if name in _names(connection, JobKind.UPLOAD, JobState.WAITING, JobState.DONE, holding=name):
                raise ProblemError(HTTPStatus.CONFLICT, "It was taken: what was delivered is taken back by a recall.")
            _forget_expiry(connection, name)
            remove_upload(place)

    def _end(self, name: str, begun: _Begun, part: int, now: datetime) -> None:
        """Queue that a whole upload is taken in, unless it is."""
        with self._database.reading() as connection:
            if _is_queued(connection, name):
                return
        with os.fdopen(os.dup(part), "rb") as file:
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != begun.sha256:
            with self._database.writing() as connection:
                _forget_expiry(connection, name)
                remove_upload(self._root / name)
            raise ChecksumError
        with self._database.writing() as connection:
            if _is_queued(connection, name):
                return
            # whoever removes one is a writer too: what is there now stays
            if not _is_at(part, self._root / name / _PART):
                raise ProblemError(HTTPStatus.NOT_FOUND, _NONE)
            mine = (one for one in self._datasets() if (one.id, one.partner.id) == (begun.dataset, begun.partner))
            dataset = next(mine, None)
            if dataset is None:
                raise ProblemError(HTTPStatus.FORBIDDEN, "The data set is declared as yours no more.")
            self._permit(connection, dataset, now)
            arguments = {"upload": name, "dataset": begun.dataset, "sha256": digest, "file": begun.file}
            queue(connection, JobKind.UPLOAD, arguments, now=now)
            _forget_expiry(connection, name)

    def _permit(self, connection: Connection, dataset: Dataset, now: datetime) -> None:
        try:
            register, at = load_register(connection), later(connection, now)
            permit_intake(register, dataset, None, at, settings=str(self._workspace.settings))
        except (NotAgreedError, SettingsError) as refusal:
            raise ProblemError(HTTPStatus.FORBIDDEN, "No agreement in force covers what is uploaded here.") from refusal

    def _datasets(self) -> tuple[Dataset, ...]:
        return read_workspace(self._workspace.settings, FORMATS).datasets

    def _dataset(self, name: str, client: Client) -> Dataset:
        for one in self._datasets():
            if one.id == name and one.partner.id == client.partner:
                return one
        raise ProblemError(HTTPStatus.NOT_FOUND, "You have no such data set.")

    def _open(self, connection: Connection) -> Iterator[_Begun]:
        """The uploads that were begun; what others who were killed have left goes."""
        if not self._root.is_dir():
            return
        known = _names(connection, JobKind.EXPIRE, JobState.WAITING) | _names(connection, JobKind.UPLOAD, *_UNDONE)
        for place in self._root.iterdir():
            if place.name.startswith(_GONE):
                # whoever removed it was killed
                shutil.rmtree(place, ignore_errors=True)
            elif place.name not in known:
                # whoever began it was: nobody was told of it
                remove_upload(place)
            elif (found := _read(place)) is not None:
                yield found

    def _mine(self, name: str, client: Client) -> tuple[Path, _Begun]:
        place = self._root / name
        begun = _read(place)
        if begun is None or begun.partner != client.partner:
            raise ProblemError(HTTPStatus.NOT_FOUND, _NONE)
        return place, begun

    def _make(self, name: str, begun: _Begun) -> None:
        self._root.mkdir(mode=0o700, exist_ok=True)
        place = self._root / name
        place.mkdir(mode=0o700)
        (place / _PART).touch(mode=0o600)
        (place / _ABOUT).write_text(json.dumps(asdict(begun)), "utf-8")
        self._workspace.flush(place)
        _flush(self._root)
        _flush(self._workspace.root)

    @contextmanager
    def _alone(self, place: Path) -> Iterator[int]:
        """The bytes that have come, for one request at a time."""
        try:
            part = os.open(place / _PART, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            raise ProblemError(HTTPStatus.NOT_FOUND, _NONE) from None
        try:
            try:
                fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ProblemError(HTTPStatus.LOCKED, "Another request is at it.") from None
            yield part
        finally:
            os.close(part)


def take_uploaded(folder: Path, arguments: Mapping[str, object]) -> str:
    """Do a job that takes in an upload. Raises RefusedFileError when it is refused whole: then it is gone; and when it
    is gone without being delivered.
    """
    from accord.cli.deliveries.adding import import_file

    workspace = open_workspace(folder)
    place = workspace.root / FOLDER / str(arguments["upload"])
    begun = _read(place)
    if begun is None:
        remove_upload(place)
        demand_delivered(workspace, arguments, where=str(arguments["file"]), remedy="upload it anew")
        return f"taken in before: {arguments['file']} of {arguments['dataset']}"
    file = place / _FILE / begun.file
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        (place / _PART).rename(file)
    told = {
        "dataset": begun.dataset,
        "file": str(file),
        "collected_at": begun.begun_at,
        "purpose": None,
        "person": begun.person,
        "why": begun.why,
        "snapshot": False,
    }
    try:
        said = import_file(folder, told)
    except RefusedFileError as refusal:
        remove_upload(place)
        # its partner reads this
        raise RefusedFileError(refusal.what, where=begun.file, remedy=refusal.remedy) from refusal
    remove_upload(place)
    return said


def expire_upload(folder: Path, arguments: Mapping[str, object]) -> str:
    """Do a job that removes an upload whose time is over, unless it is whole."""
    workspace = open_workspace(folder)
    name = str(arguments["upload"])
    place = workspace.root / FOLDER / name
    declared = read_workspace(workspace.settings, FORMATS)
    with open_database(declared.database) as database, database.writing() as connection:
        there = place.exists()
        if there and _is_queued(connection, name):
            return "it is whole, and waits to be taken in"
        remove_upload(place)
        if not there:
            return "it was taken in, or removed"
    return "an upload that its partner did not go on with was removed"


def place_of_upload(workspace: Workspace, name: str) -> Path:
    """Where an upload lies until it is taken in."""
    return workspace.root / FOLDER / name


def file_of_upload(workspace: Workspace, arguments: Mapping[str, object]) -> Path:
    """Where the bytes of a whole upload lie, by the arguments of its job."""
    place = place_of_upload(workspace, str(arguments["upload"]))
    file = place / _FILE / str(arguments["file"])
    return file if file.exists() else place / _PART


def untaken(workspace: Workspace, connection: Connection) -> list[Path]:
    """Uploads that were accepted and wait to be taken in."""
    root = workspace.root / FOLDER
    names = _names(connection, JobKind.UPLOAD, JobState.WAITING)
    return [root / name for name in sorted(names) if _read(root / name)]


def _is_queued(connection: Connection, name: str) -> bool:
    return name in _names(connection, JobKind.UPLOAD, *JobState, holding=name)


def _names(connection: Connection, kind: JobKind, *states: JobState, holding: str = "") -> set[str]:
    """The uploads that jobs are about; with `holding`, of those alone in whose arguments it stands anywhere."""
    wanted = select(JOBS.c.arguments).where(
        JOBS.c.kind == kind.value,
        JOBS.c.state.in_([one.value for one in states]),
        JOBS.c.arguments.contains(holding, autoescape=True),
    )
    return {str(json.loads(said)["upload"]) for said in connection.execute(wanted).scalars()}


def _forget_expiry(connection: Connection, name: str) -> None:
    """What is over needs no job that ends it."""
    mine = JOBS.c.arguments == json.dumps({"upload": name})
    connection.execute(
        delete(JOBS).where(JOBS.c.kind == JobKind.EXPIRE.value, JOBS.c.state == JobState.WAITING.value, mine)
    )


def _is_at(part: int, place: Path) -> bool:
    """An open file is the one that stands there."""
    try:
        return os.path.samestat(os.fstat(part), place.stat())
    except FileNotFoundError:
        return False


def _read(place: Path) -> _Begun | None:
    if place.name.startswith("."):
        return None
    try:
        return _Begun(**json.loads((place / _ABOUT).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def remove_upload(place: Path) -> None:
    """Remove a folder, and what a remover that was killed has left of it."""
    gone = place.with_name(_GONE + place.name)
    with suppress(FileNotFoundError):
        place.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _append(part: int, piece: bytes) -> None:
    os.lseek(part, 0, os.SEEK_END)
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(part, rest) :]
    os.fsync(part)


def _flush(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(held)
    finally:
        os.close(held)
