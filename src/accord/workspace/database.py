"""A workspace's database: SQLite in a file beside the settings, or PostgreSQL by its URL.

On both, whoever reads sees one moment, and one at a time writes: what a block of `writing` reads does not change before
it ends, and the block takes effect whole or not at all.
"""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    LargeBinary,
    Table,
    Transaction,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    pool,
    select,
    table,
    text,
    update,
)
from sqlalchemy import column as named
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.types import TypeEngine

from accord.vocabulary.errors import AccordError, BusyError, OutputError, SettingsError, UnreadableError
from accord.workspace import marks
from accord.workspace.copying import copied
from accord.workspace.schema import HUB, REVISION, Instant
from accord.workspace.settings import TABLES, SettingsTable, read_settings

FILE = "accord.db"
"""The default, in the workspace's folder."""

BUSY_S = 10
"""Seconds that a writer waits for another one to end, and a connection for an answer."""

_SQLITE, _POSTGRESQL = "sqlite", "postgresql"
_BEGIN = "accord_begin"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 0))"
_FORM = "postgresql://USER@HOST/DATABASE, or sqlite:///FILE with a path relative to the workspace"
_VERSION = table("alembic_version", named("version_num"))
_BULK = ("cache_size = -65536", "wal_autocheckpoint = 16384")
"""64 MiB of pages in memory, and as many in the log before they are moved into the file."""
_FEW = 100
"""Rows from which on PostgreSQL takes them as a copy, several times as fast as one by one."""
_NOT_OURS = frozenset({"42501", "3F000"})
"""SQLSTATEs of PostgreSQL (appendix A) that come as ProgrammingError and are no fault of ours: insufficient_privilege,
and invalid_schema_name, when the URL's search_path names a schema that is not there."""
_WAITED = frozenset({"55P03", "40P01", "40001"})
"""SQLSTATEs of PostgreSQL that say that others were in the way: lock_not_available, deadlock_detected,
serialization_failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a workspace's database is, and whose it must be."""

    url: URL
    hub: UUID
    settings: Path

    @property
    def file(self) -> Path | None:
        """SQLite's file; None: a server."""
        return Path(str(self.url.database)) if self.url.get_backend_name() == _SQLITE else None

    def __str__(self) -> str:
        """For people: the file, or the URL without its password."""
        return str(self.file) if self.file is not None else self.url.set(query={}).render_as_string(hide_password=True)

    @property
    def migrate(self) -> str:
        """The command that makes this database, or brings it up."""
        return f"`accord migrate --in {self.settings.parent}`"


def read_database(settings: SettingsTable, hub: UUID) -> Place:
    """Where `[database]` of a workspace's settings says that the database is. Raises SettingsError."""
    folder = settings.file.resolve().parent
    url = URL.create(_SQLITE, database=str(folder / FILE))
    if settings.offers("database"):
        table = settings.table("database")
        url = _read_url(table, folder)
        table.done()
    return Place(url=url, hub=hub, settings=settings.file)


def place_of(settings: Path) -> Place:
    """Where the database of the workspace with this settings file is; who delivers what is not looked at.

    Raises SettingsError and UnreadableError.
    """
    whole = read_settings(settings)
    whole.pass_over(*TABLES)
    hub = whole.table("hub")
    namespace = hub.text("namespace")
    try:
        place = read_database(whole, UUID(namespace))
    except ValueError:
        raise hub.wrong("namespace", "a UUID that is this hub's own", namespace) from None
    whole.done()
    return place


def _read_url(table: SettingsTable, folder: Path) -> URL:
    written = table.text("url")
    try:
        url = make_url(written)
        backend = url.drivername
    except (ArgumentError, ValueError):
        # what is no URL may hold a password all the same, and is not shown
        raise table.wrong("url", _FORM, "something else") from None
    if backend == _SQLITE:
        if url.query or not url.database or url.database == ":memory:" or url.host:
            raise table.wrong("url", _FORM, url.render_as_string(hide_password=True))
        return url.set(database=str(folder / url.database))
    if backend in {_POSTGRESQL, f"{_POSTGRESQL}+psycopg"} and url.database:
        return url.set(drivername=f"{_POSTGRESQL}+psycopg")
    raise table.wrong("url", _FORM, url.render_as_string(hide_password=True))


class Database:
    """An open database; as a context it is closed at the end."""

    def __init__(self, engine: Engine, place: Place, *, to_write: bool = False) -> None:
        """`open_database` makes one."""
        self._engine = engine
        self._place = place
        self._unread: type[AccordError] = OutputError if to_write else UnreadableError
        self._taking_turn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def expect_bulk(self) -> None:
        """Let connections keep more of SQLite's file in memory, and its log grow longer, for hundreds of thousands of
        rows: pages of its indexes are written once then, not again and again.

        For a command's own database; a service's connections would each take that much. PostgreSQL is set up for it.
        """
        if self._place.file is not None:
            event.listen(self._engine, "connect", _settle_bulk)
            # those that are open have what they were opened with
            self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection on which all questions are answered from one moment. Raises UnreadableError, and OutputError
        where the database was opened to be written."""
        with self._errors_named(self._unread), self._engine.connect() as plain:
            # said with the transaction's beginning: each question of its own is waited for
            at_once: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            connection = plain.execution_options(**at_once) if plain.dialect.name == _POSTGRESQL else plain
            with connection.begin():
                yield connection

    @contextmanager
    def asking(self) -> Iterator[Connection]:
        """As `reading`, for one question: on PostgreSQL nothing is waited for but its answer."""
        if self._place.file is not None:
            with self.reading() as connection:
                yield connection
            return
        with self._errors_named(self._unread), self._engine.connect() as plain:
            yield plain.execution_options(isolation_level="AUTOCOMMIT")

    def take_turn(self) -> None:
        """Let what is kept next give folder and database a new mark: a copy of either is refused from then on.

        Raises as `writing`: nothing needs to be made before it is known that they belong together.
        """
        with self.writing(keep=False):
            self._taking_turn = True

    @contextmanager
    def writing(self, *, keep: bool = True) -> Iterator[Connection]:
        """A connection that no other writer has at the same time; kept whole, or undone. Raises OutputError, and
        UnprovenError where folder and database do not belong together (`workspace.marks`).

        Without `keep` it is undone in any case: what would be done was only tried.
        """
        folder = self._place.settings.parent
        with self._turn(keep=keep) as (connection, mark):
            marks.demand(folder, mark, str(self._place))
            yield connection
            turned = keep and self._taking_turn
            if turned:
                set_mark(connection, folder, mark)
        if turned:
            self._taking_turn = False
            self._forget_mark_before(folder)

    def _forget_mark_before(self, folder: Path) -> None:
        """Let the folder know the mark that was committed and none before it, so that a copy from before is refused.

        What was done stands: if this is not reached or not possible, whoever takes the next turn comes to it.
        """
        with suppress(AccordError), self._turn() as (_, mark):
            if mark is not None and marks.known(folder)[-1:] == (mark,):
                marks.keep(folder, [mark])

    @contextmanager
    def alone(self, *, keep: bool = True) -> Iterator[Connection]:
        """As `writing`, whether folder and database belong together or not."""
        with self._errors_named(OutputError), self._begun() as (connection, transaction):
            if connection.dialect.name == _POSTGRESQL:
                connection.execute(text(_LOCK))
            yield connection
            if not keep:
                transaction.rollback()

    @contextmanager
    def _begun(self) -> Iterator[tuple[Connection, Transaction]]:
        with self._engine.connect() as plain:
            # a transaction that began as a reader's could not become a writer's after another has written
            connection = plain.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
            with connection.begin() as transaction:
                yield connection, transaction

    @contextmanager
    def _turn(self, *, keep: bool = True) -> Iterator[tuple[Connection, str | None]]:
        """As `alone`, with the mark that the database has."""
        with self._errors_named(OutputError), self._begun() as (connection, transaction):
            if connection.dialect.name == _POSTGRESQL:
                mark = _locked(connection)
            else:
                mark = connection.execute(select(HUB.c.mark)).scalar_one_or_none()
            yield connection, mark
            if not keep:
                transaction.rollback()

    def forget(self) -> None:
        """Let go of what was deleted: SQLite's log of writes is emptied into its file, whose freed pages are zeros.

        PostgreSQL does it by itself, in time.
        """
        if self._place.file is None:
            return
        with self._errors_named(OutputError), self._engine.connect() as connection:
            # of the driver itself: SQLAlchemy would begin a transaction, in which there is no checkpoint
            cursor = connection.connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.fetchall()
            cursor.close()

    @contextmanager
    def _errors_named(self, kind: type[AccordError]) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as error:
            if isinstance(error, ProgrammingError) and getattr(error.orig, "sqlstate", None) not in _NOT_OURS:
                raise
            said = str(error.orig).strip().splitlines()
            if kind is OutputError and _is_busy(error):
                raise BusyError(
                    "Somebody else is writing into the database; nothing was changed.",
                    where=str(self._place),
                    expected=f"a turn within {BUSY_S} seconds",
                    got=said[0] if said else type(error.orig).__name__,
                    remedy="wait until it has ended",
                ) from error
            raise kind(
                "The database does not do what it is asked; nothing was changed.",
                where=str(self._place),
                got=said[0] if said else type(error.orig).__name__,
                remedy="see that it runs, has room, and that nobody holds it; where it is stands in "
                f"{self._place.settings} under [database]",
            ) from error


def _locked(connection: Connection) -> str | None:
    """PostgreSQL's one writer's turn, and the database's mark then: each of two statements sees what is there when it
    begins, and both are waited for once."""
    statement = f"{_LOCK}; SELECT mark FROM {connection.dialect.identifier_preparer.format_table(HUB)}"
    driver: Any = connection.dialect.loaded_dbapi
    cursor: Any = connection.connection.cursor()
    try:
        with cursor:
            # two statements are never prepared as one
            cursor.execute(statement, prepare=False)
            cursor.nextset()
            found = cursor.fetchone()
    except driver.Error as error:
        # as SQLAlchemy names what it calls itself
        raise DBAPIError.instance(statement, None, error, driver.Error, dialect=connection.dialect) from error
    return None if found is None else found[0]


def _is_busy(error: DBAPIError) -> bool:
    """Were others in the way for too long?"""
    if isinstance(error.orig, sqlite3.Error):
        # the lower byte is the code without what it extends
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return getattr(error.orig, "sqlstate", None) in _WAITED


def set_mark(connection: Connection, folder: Path, before: str | None) -> None:
    """Give folder and database a new mark, on a writer's connection. Raises OutputError."""
    mark = marks.fresh()
    marks.keep(folder, [mark] if before is None else [before, mark])
    connection.execute(update(HUB).values(mark=mark))


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows that all have the same columns, at nearly the driver's own speed.

    SQLAlchemy's own way makes a dictionary of each row, then another one, and on PostgreSQL psycopg a tuple of that;
    here a column's values are bound together, and for a copy written together. Types are the table's own.
    """
    if not rows:
        return
    dialect, names = connection.dialect, tuple(rows[0])
    quoted = ", ".join(map(dialect.identifier_preparer.quote, names))
    places = ", ".join(["%s" if dialect.name == _POSTGRESQL else "?"] * len(names))
    bound: Iterable[Sequence[object]] = map(_values(names), rows)
    columns = {name: each for name in names if (each := _bound(table.c[name].type, dialect, rows, name)) is not None}
    if columns:
        bound = zip(*(columns.get(name) or [row[name] for row in rows] for name in names), strict=True)
    into = f"{dialect.identifier_preparer.format_table(table)} ({quoted})"
    if dialect.name == _POSTGRESQL and len(rows) > _FEW:
        statement = f"COPY {into} FROM STDIN"
        lines = copied([columns.get(name) or [row[name] for row in rows] for name in names])
        driver: Any = dialect.loaded_dbapi
        cursor: Any = connection.connection.cursor()
        try:
            with cursor, cursor.copy(statement) as copy:
                if lines is not None:
                    copy.write(lines)
                else:
                    for row in bound:
                        copy.write_row(row)
        except driver.Error as error:
            # as SQLAlchemy names what it calls itself
            raise DBAPIError.instance(statement, None, error, driver.Error, dialect=dialect) from error
        return
    connection.exec_driver_sql(f"INSERT INTO {into} VALUES ({places})", list(bound))


def _values(names: Sequence[str]) -> Callable[[Mapping[str, object]], Sequence[object]]:
    """What takes a row's values, in this order, as a tuple."""
    if len(names) == 1:
        return lambda row: (row[names[0]],)
    return itemgetter(*names)


def _bound(
    kind: TypeEngine[Any], dialect: Dialect, rows: Sequence[Mapping[str, object]], name: str
) -> list[object] | None:
    """A column's values as the driver takes them; None: it takes them as they are."""
    # both drivers take bytes as they are, and psycopg what is wrapped more slowly
    bind = None if isinstance(kind, LargeBinary) else kind.dialect_impl(dialect).bind_processor(dialect)
    if bind is None:
        return None
    values = [row[name] for row in rows]
    if not isinstance(kind, Instant):
        return list(map(bind, values))
    # rows that are inserted together often have one time
    known = {each: bind(each) for each in set(values)}
    # a time of another zone is another text for SQLite, and the same for psycopg
    return None if dialect.name == _POSTGRESQL else [known[each] for each in values]


def count_rows(connection: Connection, *tables: Table) -> None:
    """Let PostgreSQL count what was written in bulk: until it has, it reads whole tables where an index would do.

    By itself it does so a minute later, or never where autovacuum is off. SQLite plans without.
    """
    if connection.dialect.name == _POSTGRESQL:
        names = map(connection.dialect.identifier_preparer.format_table, tables)
        connection.execute(text(f"ANALYZE {', '.join(names)}"))


def open_database(place: Place, *, to_write: bool = False) -> Database:
    """Open the database of a workspace. Raises UnreadableError when `accord migrate` must make it or bring it up,
    when it was made by a newer Accord, or cannot be reached; SettingsError when it is another hub's or others read it.

    `to_write`: what comes of it is that something cannot be written, so that a database that does not do what it is
    asked is an OutputError.
    """
    if place.file is not None and not place.file.exists():
        raise _no_database(place)
    database = _connect(place, to_write=to_write)
    try:
        _refuse_unfit(database, place)
    except BaseException:
        database.close()
        raise
    return database


def _refuse_unfit(database: Database, place: Place) -> None:
    with database.reading() as connection:
        found = _revision(connection)
        if found is None:
            raise _no_database(place)
        _refuse_newer(found, place)
        if found != REVISION:
            raise UnreadableError(
                "The workspace's database is an older Accord's.",
                where=str(place),
                expected=f"revision {REVISION}",
                got=f"revision {found}",
                remedy=f"{place.migrate} brings it up",
            )
        _refuse_foreign(connection, place)


def migrate_database(
    place: Place, *, now: datetime, revision: str = "head", adopt: bool = False, clock_is_right: bool = False
) -> tuple[str | None, str]:
    """Make the database, or bring it up to a revision, in one step; the revisions before and after.

    With `adopt` it goes on with this folder, though it was last used with another, or is an older copy; with
    `clock_is_right` entries may be a year after `now`, however long there was none. Raises as `open_database`, and
    OutputError when it cannot be written.
    """
    if place.file is not None:
        _make_file(place.file)
    with _connect(place) as database, database.alone() as connection:
        before = _revision(connection)
        if before is None and (inspect(connection).get_table_names()):
            raise SettingsError(
                "The database holds something else, and is left as it is.",
                where=str(place),
                expected="an empty one, or one that Accord made",
                remedy=f"name another in {place.settings} under [database]",
            )
        if before is not None:
            _refuse_newer(before, place)
            _refuse_foreign(connection, place)
        _upgrade(connection, revision)
        if before is None:
            connection.execute(insert(HUB).values(row=1, namespace=str(place.hub), made_at=now))
        after = str(_revision(connection))
        if after == REVISION:
            mark = connection.execute(select(HUB.c.mark)).scalar_one()
            if before is None or adopt or (mark is None and not marks.known(place.settings.parent)):
                set_mark(connection, place.settings.parent, mark)
            if clock_is_right:
                connection.execute(update(HUB).values(clock_at=now))
        return before, after


def _upgrade(connection: Connection, revision: str) -> None:
    # Alembic takes a quarter of a second to load, and is needed by no other command
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "accord.workspace:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalar_one_or_none()


def _no_database(place: Place) -> UnreadableError:
    return UnreadableError("The workspace has no database yet.", where=str(place), remedy=f"{place.migrate} makes it")


def _refuse_newer(found: str, place: Place) -> None:
    # revisions are numbered, four digits each
    if found > REVISION:
        raise UnreadableError(
            "The workspace's database is a newer Accord's.",
            where=str(place),
            expected=f"revision {REVISION} or older",
            got=f"revision {found}",
            remedy="use the Accord that brought it up, or a newer one",
        )


def _refuse_foreign(connection: Connection, place: Place) -> None:
    namespace = connection.execute(select(HUB.c.namespace)).scalar_one_or_none()
    if namespace != str(place.hub):
        raise SettingsError(
            "The database belongs to another hub.",
            where=str(place),
            expected=f"namespace {place.hub}",
            got=f"namespace {namespace}",
            remedy=f"name this hub's own in {place.settings} under [database]; a namespace never changes",
        )


def _make_file(file: Path) -> None:
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise OutputError(
            "The database cannot be written.",
            where=str(file),
            expected="room and permission to write",
            got=error.strerror or type(error).__name__,
        ) from error


def _refuse_open(file: Path) -> None:
    try:
        found = file.stat()
    except OSError as error:
        raise UnreadableError(
            "The database cannot be read.", where=str(file), got=error.strerror or type(error).__name__
        ) from error
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableError("The database is no regular file.", where=str(file))
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise SettingsError(
            "The database can be read by others.",
            where=str(file),
            expected="mode 0600",
            got=f"mode {mode:04o}",
            remedy=f"chmod 600 {file}",
        )


def _connect(place: Place, *, to_write: bool = False) -> Database:
    if place.file is None:
        timeout = {} if "connect_timeout" in place.url.query else {"connect_timeout": BUSY_S}
        engine = create_engine(place.url, poolclass=pool.QueuePool, connect_args=timeout)
        event.listen(engine, "connect", _settle_postgresql)
        return Database(engine, place, to_write=to_write)
    _refuse_open(place.file)
    engine = create_engine(place.url, poolclass=pool.QueuePool, connect_args={"timeout": BUSY_S})
    event.listen(engine, "connect", _settle_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return Database(engine, place, to_write=to_write)


def _settle_postgresql(connection: DBAPIConnection, _record: object) -> None:
    # once a connection: each question that a writer asks before its own costs as much as a hundred rows
    cursor = connection.cursor()
    cursor.execute(f"SET lock_timeout = '{BUSY_S}s'")
    cursor.close()
    connection.commit()


def _settle_sqlite(connection: DBAPIConnection, _record: object) -> None:
    # sqlite3 would begin transactions when it thinks fit, and none around changes of tables
    connection.isolation_level = None
    cursor = connection.cursor()
    # readers beside a writer; what is committed is on the disk; what refers to nothing is refused; what is deleted is
    # overwritten
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "secure_delete = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _settle_bulk(connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in _BULK:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
