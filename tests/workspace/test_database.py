"""A workspace's database: made, brought up, opened or refused in words; readers and writers beside each other."""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from accord.release.policies import Policies, PolicyClass
from accord.vocabulary.errors import AccordError, BusyError, OutputError, SettingsError, UnreadableError
from accord.workspace import database as workspace_database
from accord.workspace.database import Database, Place, insert_rows, migrate_database, open_database, place_of
from accord.workspace.schema import (
    ACTION_GROUPS,
    ACTIONS,
    DISCLOSURES,
    JOURNAL_ENTRIES,
    METADATA,
    PARTNERS,
    REVISION,
    Hundredths,
    Instant,
)
from tests import copied_schema

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
HUB = "0d6f9c2e-5f0b-4b57-9b1c-6c1f0a4c7e11"

# What stands in a database of each revision, and must stand in it after every later one.
ROWS: dict[str, tuple[str, ...]] = {
    "0001": (f"INSERT INTO hub (row, namespace, made_at) VALUES (1, '{HUB}', '2026-11-27T08:00:00.000000Z')",),
    "0002": tuple(
        """
        INSERT INTO partners (id, name, kind) VALUES ('vendor', 'A vendor', 'vendor');
        INSERT INTO datasets (id, title, partner, origin, legal_basis, marking, grade, retention, personal_data,
            name_partner, share_limited) VALUES ('sinkhole', 'Machines', 'vendor', 'sinkhole', 'contract', 'amber',
            'b', 'P1Y', true, false, true);
        INSERT INTO dataset_sharing (dataset, partner) VALUES ('sinkhole', 'vendor');
        INSERT INTO agreements (id, title, marking, onward_sharing, ended_at, end_reason, end_recorded_at)
            VALUES ('old', 'Of 2014', 'amber', 'forbidden', '2018-01-01T00:00:00.000000Z', 'Notice',
            '2017-10-01T00:00:00.000000Z');
        INSERT INTO agreements (id, title, predecessor, marking, onward_sharing) VALUES ('new', 'Of 2019',
            'old', 'amber', 'forbidden');
        INSERT INTO agreement_signatories (agreement, position, name) VALUES ('old', 0, 'A. Director');
        INSERT INTO agreement_terms (agreement, position, signed, document, starts, ends) VALUES ('old', 0,
            '2014-06-02', 'aa', '2014-07-01', '2019-06-30');
        INSERT INTO agreement_ieps (agreement, encrypt_in_transit) VALUES ('old', 'must');
        INSERT INTO agreement_purposes (agreement, purpose) VALUES ('old', 'training');
        INSERT INTO agreement_handling (agreement, code) VALUES ('old', 'H1');
        INSERT INTO agreement_transfers (agreement, ground) VALUES ('old', 'adequacy');
        INSERT INTO agreement_datasets (agreement, direction, dataset) VALUES ('old', 'in', 'sinkhole');
        INSERT INTO commitments (agreement, id, party, kind, what, amount) VALUES ('old', 'analyst', 'vendor',
            'staff', 'An analyst', 6000);
        INSERT INTO fulfilments (agreement, commitment, day, amount, recorded_at) VALUES ('old', 'analyst',
            '2016-01-31', 150, '2016-02-01T00:00:00.000000Z');
        INSERT INTO changes (at, noun, id, after) VALUES ('2016-02-01T00:00:00.000000Z', 'partner', 'vendor',
            '{"id": "vendor"}')
        """.split(";")
    ),
    "0003": tuple(
        """
        INSERT INTO journal_entries (number, at, kind, entry, openings) VALUES (0, 'T', 'delivery', '', '');
        INSERT INTO journal_sums (bundle, sums) VALUES (-1, '[]');
        INSERT INTO journal_checkpoints (size, root, note, signed_at) VALUES (1, '', '', 'T');
        INSERT INTO disclosures (id, made_at, recipient, country, purpose, marking, findings, first_entry, entries)
            VALUES ('d', 'T', 'vendor', 'TH', 'prevention', 'clear', 1, 0, 1);
        INSERT INTO disclosure_sources (disclosure, dataset, delivery, findings) VALUES ('d', 'sinkhole', 'bb', 1);
        INSERT INTO recalls (id, at, kind, reason, due) VALUES ('r', 'T', 'withdrawn', 'wrong', 'T');
        INSERT INTO recall_notices (recall, disclosure, entry, notice) VALUES ('r', 'd', 0, 'n');
        INSERT INTO consultations (number, at, processing, person, justification, object, recipients, digest)
            VALUES (0, 'T', 'disclosure', 'a', 'b', 'c', '', 'dd');
        INSERT INTO jobs (kind, arguments, state, queued_at, not_before, attempts)
            VALUES ('purge', '{}', 'waiting', 'T', 'T', 0)
        """.replace("'T'", "'2016-02-01T00:00:00.000000Z'").split(";")
    ),
    "0004": tuple(
        """
        INSERT INTO action_groups (number, disclosure, role, in_review, simulated)
            VALUES (1, 'd', 'c2-server', false, false);
        INSERT INTO actions (finding, action_group) VALUES ('f', 1);
        INSERT INTO outcome_reports (number, partner, received_at, digest, records, accepted, ignored, rejected,
            first_entry, entries) VALUES (1, 'vendor', 'T', 'cc', 1, 1, 0, 0, 0, 1);
        INSERT INTO outcomes (digest, report, finding, outcome, day) VALUES ('o', 1, 'f', 'done', '2016-02-01')
        """.replace("'T'", "'2016-02-01T00:00:00.000000Z'").split(";")
    ),
    "0005": tuple(
        """
        INSERT INTO channels (id, collection, title, purpose, encrypted) VALUES ('c', 'u', 'A channel', 'prevention',
            FALSE);
        INSERT INTO channel_members (channel, partner, country, persons, since) VALUES ('c', 'vendor', 'TH', '[]', 1);
        INSERT INTO channel_batches (number, channel, made_at, entries_end) VALUES (1, 'c', 'T', 1);
        INSERT INTO channel_policies (number, classes) VALUES (1, '[[]]');
        INSERT INTO channel_findings (channel, finding, policy, generation, live) VALUES ('c', 'f', 1, 0, TRUE);
        INSERT INTO channel_sources (channel, finding, dataset, delivery) VALUES ('c', 'f', 'sinkhole', 'bb');
        INSERT INTO channel_shared (channel, object, finding) VALUES ('c', 'o', 'f');
        INSERT INTO channel_objects (number, channel, batch, object, type, version, policy, told, revoked, content)
            VALUES (1, 'c', 1, 'o', 'indicator', 'v', 1, 1, FALSE, '{}')
        """.replace("'T'", "'2016-02-01T00:00:00.000000Z'").split(";")
    ),
    "0006": tuple(
        """
        INSERT INTO reviews (at, finding, answer, lists, person, justification)
            VALUES ('2016-02-01T00:00:00.000000Z', 'ff', 'release', '[]', 'a', 'b')
        """.split(";")
    ),
    # columns alone
    "0007": (),
    "0008": tuple(
        """
        INSERT INTO tokens (id, digest, partner, name, scopes, made_at, expires_at) VALUES ('t', 'ee', 'vendor',
            'desk', 'read', 'T', 'T')
        """.replace("'T'", "'2016-02-01T00:00:00.000000Z'").split(";")
    ),
    "0009": (
        "INSERT INTO channel_remains (channel, object, type, version, told, content) VALUES ('c', 'm', 't', '', 1, '')",
    ),
    # columns alone
    "0010": (),
    "0011": tuple(
        """
        INSERT INTO notifications (id, recipient, address, made_at, marking, token, digest, state, changed_at)
            VALUES ('n', 'vendor', 'desk@vendor.example', 'T', 'clear', 't', 'ff', 'sent', 'T');
        INSERT INTO notification_disclosures (notification, disclosure) VALUES ('n', 'd')
        """.replace("'T'", "'2016-02-01T00:00:00.000000Z'").split(";")
    ),
    "0012": (
        "INSERT INTO users (name, partner, scopes, password, made_at) VALUES ('s', 'vendor', 'read', '', '2016-02-01')",
    ),
    "0013": tuple(
        """
        INSERT INTO pulls (dataset, collection, added, at) VALUES ('sinkhole', 'u', 1, 'T');
        INSERT INTO pulled (dataset, collection, object) VALUES ('sinkhole', 'u', 'o');
        INSERT INTO pushes (number, collection, channel, partner, at, state)
            VALUES (1, 'u', 'c', 'vendor', 'T', 'done');
        INSERT INTO pushed (push, added) VALUES (1, 1)
        """.replace("'T'", "'2016-02-01T00:00:00.000000Z'").split(";")
    ),
    "0014": tuple(
        """
        INSERT INTO check_versions (name, made_at, digest, recipient, addresses, mailboxes, marking, classes, person,
            first_entry, entries) VALUES ('v', 'T', 'ff', 'vendor', 1, 0, 'amber', '[]', 'p', 0, 1);
        INSERT INTO check_sources (version, dataset, delivery, erasures) VALUES ('v', 'sinkhole', 'aa', 0)
        """.replace("'T'", "'2016-02-01T00:00:00.000000Z'").split(";")
    ),
    # columns alone
    "0015": (),
    "0016": tuple(
        """
        INSERT INTO psi_sessions (id, organisation, epoch, ends, budget, spent, document, entry, disclosure, operation)
            VALUES ('s', 'vendor', 1, 'T', 9, 1, '{}', 0, 'd', 'o');
        INSERT INTO psi_requests (session, request, digest, elements, at) VALUES ('s', 'q', 'ff', 1, 'T')
        """.replace("'T'", "'2016-02-01T00:00:00.000000Z'").split(";")
    ),
    "0017": tuple(
        """
        INSERT INTO delivered_contents (dataset, content, delivery) VALUES ('sinkhole', 'cc', 'aa');
        INSERT INTO erased_values (mac, at, kind) VALUES ('ff', 'T', 'erased')
        """.replace("'T'", "'2016-02-01T00:00:00.000000Z'").split(";")
    ),
    # what the database refuses alone
    "0018": (),
    "0019": tuple(
        """
        INSERT INTO recalls (id, at, kind, reason, due, replaced_by, roles) VALUES ('c', 'T', 'corrected', 'wrong', 'T',
            'bb', 'c2-server');
        INSERT INTO erased_values (mac, at, kind, roles) VALUES ('fe', 'T', 'corrected', 'c2-server');
        INSERT INTO supplier_notices (recall, partner, id, entry, notice, supplied) VALUES ('c', 'vendor', 'u', 0, 'n',
            's')
        """.replace("'T'", "'2016-02-01T00:00:00.000000Z'").split(";")
    ),
    "0020": ("INSERT INTO notification_notices (notification, recall, disclosure) VALUES ('n', 'r', 'd')",),
    # a column alone
    "0021": (),
}

# Two findings that hold and one that was taken away share a family. It was told of with the first, then with the
# second, which is not visible yet. Policies: everybody, of one data set, of another, of either, and one of nothing.
CHANNELS = tuple(
    row
    for row in """
    INSERT INTO channel_policies (number, classes) VALUES (2, '[[["a", "amber", [], true, null]]]');
    INSERT INTO channel_policies (number, classes) VALUES (3, '[[["a", "amber", [], true, null]],
        [["b", "amber", [], true, null]]]');
    INSERT INTO channel_policies (number, classes) VALUES (4, '[[["b", "amber", [], true, null]]]');
    INSERT INTO channel_policies (number, classes) VALUES (5, '[[["c", "amber", [], true, null]]]');
    INSERT INTO channel_batches (number, channel, made_at, entries_end) VALUES (2, 'c', 'T', 1);
    INSERT INTO channel_batches (number, channel, made_at, entries_end) VALUES (3, 'c', 'T', 1);
    INSERT INTO channel_findings (channel, finding, policy, generation, live) VALUES ('c', 'f1', 2, 0, TRUE);
    INSERT INTO channel_findings (channel, finding, policy, generation, live) VALUES ('c', 'f2', 4, 0, TRUE);
    INSERT INTO channel_findings (channel, finding, policy, generation, live) VALUES ('c', 'f3', 5, 1, FALSE);
    INSERT INTO channel_shared (channel, object, finding) VALUES ('c', 'm', 'f1');
    INSERT INTO channel_shared (channel, object, finding) VALUES ('c', 'm', 'f2');
    INSERT INTO channel_shared (channel, object, finding) VALUES ('c', 'm', 'f3');
    INSERT INTO channel_sources (channel, finding, dataset, delivery) VALUES ('c', 'f1', 'sinkhole', 'bb')
    """.replace("'T'", "'2016-02-01T00:00:00.000000Z'").split(";")
) + tuple(
    "INSERT INTO channel_objects (number, channel, batch, object, type, version, added, policy, told, finding, revoked,"
    f" content) VALUES ({row})"
    for row in (
        "11, 'c', 1, 'o1', 'indicator', 'v1', 10, 2, 1, 'f1', FALSE, '{1}'",
        "12, 'c', 2, 'o1', 'indicator', 'v2', 20, 2, 2, 'f1', FALSE, '{2}'",
        "13, 'c', 3, 'o2', 'indicator', 'v1', NULL, 4, 3, 'f2', FALSE, '{3}'",
        "14, 'c', 1, 'm', 'malware', 'v1', 11, 2, 1, NULL, FALSE, '{4}'",
        "15, 'c', 2, 'm', 'malware', 'v2', 21, 3, 2, NULL, FALSE, '{5}'",
        "16, 'c', 2, 'r', 'indicator', 'v9', 22, 1, 2, NULL, TRUE, '{6}'",
    )
)


def settings_file(folder: Path, database: str = "", hub: str = HUB) -> Path:
    file = folder / "workspace.toml"
    table = f'[database]\nurl = "{database}"\n' if database else ""
    file.write_text(
        f'[hub]\nname = "Hub"\ncontact = "desk@hub.example"\nnamespace = "{hub}"\nkey_file = "hub.key"\n{table}',
        "utf-8",
    )
    return file


@pytest.fixture(autouse=True)
def _truly_migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere tests take copies of what the migrations make."""
    monkeypatch.setattr(workspace_database, "_upgrade", copied_schema.migrated)


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Place:
    return place_of(settings_file(tmp_path, database_url))


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    migrate_database(place, now=NOW)
    with open_database(place) as opened:
        yield opened


def test_a_copied_schema_is_what_the_migrations_make(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made() -> object:
        migrate_database(place, now=NOW)
        if place.file is not None:
            with sqlite3.connect(place.file) as plain:
                plain.execute("DELETE FROM hub")
                # where Alembic makes a table anew, it writes the constraints in any order
                return sorted(sorted(one.replace(",", "\n").splitlines()) for one in plain.iterdump())
        with open_database(place) as opened, opened.reading() as connection:
            shape = connection.execute(text(copied_schema.SHAPE)).scalar_one()
            defined = (
                "SELECT replace(indexdef, current_schema(), '') FROM pg_indexes WHERE schemaname = current_schema()"
            )
            return shape, sorted(connection.execute(text(defined)).scalars())

    truly = made()
    if place.file is not None:
        place.file.unlink()
    else:
        with open_database(place, to_write=True) as opened, opened.alone() as connection:
            own = connection.execute(text("SELECT current_schema()")).scalar_one()
            connection.execute(text(f"DROP SCHEMA {own} CASCADE"))
            connection.execute(text(f"CREATE SCHEMA {own}"))
    (tmp_path / ".mark").unlink()
    monkeypatch.setattr(workspace_database, "_upgrade", copied_schema.upgrade)
    assert made() == truly


def revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", "accord.workspace:migrations")
    config.set_main_option("path_separator", "os")
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]


def test_revisions_are_numbered_without_gaps_up_to_the_one_that_the_schema_names() -> None:
    assert revisions() == [f"{number:04}" for number in range(1, int(REVISION) + 1)]
    assert set(ROWS) == set(revisions()), "what must stand through every later revision"
    held = {row.split()[2] for rows in ROWS.values() for row in rows}
    assert held | {"hub"} == {*METADATA.tables}, "every table has rows that stand"


def differences(database: Database) -> list[object]:
    with database.reading() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)


def constraints(database: Database) -> set[object]:
    """What Alembic does not compare: checks and the names of keys."""
    with database.reading() as connection:
        looked = inspect(connection)
        return {
            (name, kind, one["name"])
            for name in METADATA.tables
            for kind, found in (
                ("check", looked.get_check_constraints(name)),
                ("key", [looked.get_pk_constraint(name)]),
                ("foreign", looked.get_foreign_keys(name)),
                ("unique", looked.get_unique_constraints(name)),
            )
            for one in found
        }


def test_what_the_migrations_make_is_what_the_schema_says(database: Database, tmp_path: Path) -> None:
    assert differences(database) == []
    declared = tmp_path / "declared.db"
    declared.touch(0o600)
    with sqlite3.connect(declared) as plain:
        plain.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        plain.execute("INSERT INTO alembic_version VALUES (?)", (REVISION,))
        plain.execute("CREATE TABLE hub (row INTEGER, namespace TEXT, made_at TEXT)")
        plain.execute("INSERT INTO hub VALUES (1, ?, '')", (HUB,))
    plain.close()
    with open_database(place_of(settings_file(tmp_path, "sqlite:///declared.db"))) as other:
        with other.alone() as connection:
            connection.execute(text("DROP TABLE hub"))
            METADATA.create_all(connection)
        assert constraints(database) == constraints(other)


@pytest.mark.parametrize("revision", revisions())
def test_a_database_of_every_revision_is_brought_up_with_what_it_holds(place: Place, revision: str) -> None:
    migrate_database(place, now=NOW, revision="0001")
    for earlier in revisions()[1 : revisions().index(revision) + 1]:
        fill(place, earlier, migrate_database(place, now=NOW, revision=earlier))
    held = {earlier: ROWS[earlier] for earlier in revisions() if earlier <= revision}
    names = {row.split()[2] for rows in held.values() for row in rows}
    before = {name: read(place, name) for name in names}
    assert migrate_database(place, now=NOW) == (revision, REVISION)
    with open_database(place) as database:
        assert differences(database) == []
        with database.reading() as connection:
            for name in names:
                wanted = sum(row.split()[2] == name for rows in held.values() for row in rows)
                assert connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() == wanted
        for name in names:
            after = read(place, name)
            stays = (before[name][0].keys() & after[0].keys()) - REWRITTEN.get(name, set())
            assert kept(before[name], stays) == kept(after, stays), name
        with database.reading() as connection:
            assert connection.execute(text("SELECT namespace FROM hub")).scalar_one() == HUB
    assert migrate_database(place, now=NOW) == (REVISION, REVISION)


def test_what_is_in_channels_is_brought_over_by_what_it_means(place: Place) -> None:
    migrate_database(place, now=NOW, revision="0001")
    for earlier in revisions()[1:8]:
        fill(place, earlier, migrate_database(place, now=NOW, revision=earlier))
    write(place, CHANNELS)
    migrate_database(place, now=NOW)
    with open_database(place) as database, database.writing() as connection:
        found = {
            name: [tuple(row) for row in connection.execute(text(f"SELECT {what} FROM {name} ORDER BY 1, 2, 3"))]
            for name, what in (
                ("channel_policies", "number, classes, digest"),
                ("channel_findings", "finding, policy, generation"),
                ("channel_shared", "object, finding, told, policy"),
                ("channel_objects", "number, policy, told, finding, version, added, revoked, content"),
                ("channel_sources", "finding, delivery, batch"),
                ("channel_members", "channel, partner, clients"),
            )
        }
        # what is put next is known by what is there
        of_a = PolicyClass(dataset="a", marking="amber", came_in=(), personal=True, embargo=None)
        assert Policies(connection).number(frozenset({of_a})) == 2
    assert [row[:2] for row in found["channel_policies"]] == [
        (1, "[]"),
        (2, '[["a", "amber", [], true, null]]'),
        (4, '[["b", "amber", [], true, null]]'),
    ]
    # printf '[]' | sha256sum
    assert found["channel_policies"][0][2] == "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
    assert found["channel_findings"] == [("f", 1, 0), ("f1", 2, 0), ("f2", 4, 0), ("f3", None, 1)]
    assert found["channel_shared"] == [("m", "f1", 2, 2), ("m", "f2", 3, 4), ("o", "f", 1, 1)]
    assert found["channel_objects"] == [
        (1, None, 1, None, "v", None, False, "{}"),
        (11, 2, 1, "f1", "v1", 10, False, "{1}"),
        (12, 2, 2, "f1", "v2", 20, False, "{2}"),
        (13, 4, 3, "f2", "v1", None, False, "{3}"),
        (15, None, 2, None, "v2", 21, False, "{5}"),
        (16, 1, 2, None, "v9", 22, True, "{6}"),
    ]
    assert found["channel_sources"] == [("f", "bb", 3), ("f1", "bb", 3)]
    # nobody could say of a member that its clients read the channel
    assert found["channel_members"] == [("c", "vendor", False)]


def fill(place: Place, revision: str, _migrated: tuple[str | None, str]) -> None:
    """Write a revision's rows as they stand here."""
    write(place, ROWS[revision])


REWRITTEN = {"channel_policies": {"classes"}, "channel_objects": {"policy"}, "hub": {"mark"}}
"""What a migration writes anew by its meaning, as the next test says; and the mark of the last command."""


def read(place: Place, name: str) -> list[dict[str, object]]:
    """A table's rows as the database has them, past the code that would refuse an older one."""
    if place.file is not None:
        with closing(sqlite3.connect(place.file)) as plain:
            plain.row_factory = sqlite3.Row
            return [dict(row) for row in plain.execute(f"SELECT * FROM {name}")]
    import psycopg
    from psycopg.rows import dict_row

    url = place.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, row_factory=dict_row) as server:
        return server.execute(f"SELECT * FROM {name}").fetchall()  # type: ignore[arg-type]


def kept(rows: Sequence[Mapping[str, object]], columns: Collection[str]) -> list[str]:
    """What stands in these columns, in whatever order the rows are."""
    return sorted(repr([(name, row[name]) for name in sorted(columns)]) for row in rows)


def write(place: Place, rows: Sequence[str]) -> None:
    """Write rows past the code that would refuse an older database."""
    if place.file is not None:
        plain = sqlite3.connect(place.file)
        with plain:
            for row in rows:
                plain.execute(row)
        plain.close()
        return
    import psycopg

    url = place.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as server:
        for row in rows:
            server.execute(row)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE consultations SET person = 'z'",
        "DELETE FROM consultations",
        "UPDATE journal_entries SET entry = ''",
        "UPDATE journal_entries SET opens_at = NULL",
        "DELETE FROM journal_entries",
        "UPDATE outcomes SET day = '2016-02-02'",
    ],
)
def test_what_is_only_added_to_is_kept_by_the_database_itself(place: Place, change: str) -> None:
    migrate_database(place, now=NOW, revision="0002")
    fill(place, "0002", migrate_database(place, now=NOW, revision="0002"))
    fill(place, "0003", migrate_database(place, now=NOW, revision="0003"))
    fill(place, "0004", migrate_database(place, now=NOW, revision="0004"))
    migrate_database(place, now=NOW)
    with open_database(place) as database:
        with pytest.raises(DBAPIError, match="is only added to"), database.writing() as connection:
            connection.execute(text(change))
        with database.writing() as connection:
            # what opens a field can be destroyed
            assert connection.execute(text("UPDATE journal_entries SET openings = '', opened_at = NULL")).rowcount == 1


def test_what_is_written_in_a_block_that_fails_is_undone_tables_included(database: Database) -> None:
    extra = Table("extra", MetaData(), Column("number", Integer))

    def write() -> None:
        with database.writing() as connection:
            extra.create(connection)
            connection.execute(insert(extra).values(number=1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    with database.reading() as connection:
        assert not inspect(connection).has_table("extra")


def test_writers_wait_for_each_other_and_lose_nothing(database: Database) -> None:
    counter = Table("counter", MetaData(), Column("number", Integer))
    with database.writing() as connection:
        counter.create(connection)
        connection.execute(insert(counter).values(number=0))

    def count(_: int) -> None:
        with database.writing() as connection:
            number = connection.execute(select(counter.c.number)).scalar_one()
            connection.execute(update(counter).values(number=number + 1))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(40)))
    with database.reading() as connection:
        assert connection.execute(select(counter.c.number)).scalar_one() == 40


def test_that_others_write_for_too_long_is_told_apart_from_what_is_wrong(
    place: Place, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accord.workspace.database.BUSY_S", 0.05)
    with (
        open_database(place) as other,
        database.writing(),
        pytest.raises(BusyError, match="Somebody else is writing") as told,
        other.writing(),
    ):
        raise AssertionError("two at once")
    assert "lock" in (told.value.got or "")
    with open_database(place) as other, pytest.raises(OutputError) as told, other.writing():
        raise OperationalError("x", {}, sqlite3.OperationalError("disk I/O error"))
    assert type(told.value) is OutputError


def test_a_reader_sees_one_moment_while_others_write(database: Database) -> None:
    notes = Table("notes", MetaData(), Column("number", Integer))
    with database.writing() as connection:
        notes.create(connection)
    with database.reading() as reader:
        assert reader.execute(select(notes)).all() == []
        with database.writing() as writer:
            writer.execute(insert(notes).values(number=1))
        assert reader.execute(select(notes)).all() == []
    with database.reading() as reader:
        assert reader.execute(select(notes)).all() == [(1,)]


def test_a_reader_s_connection_writes_nothing_on_a_server(database: Database, place: Place) -> None:
    if place.file is not None:
        return  # SQLite has no such promise: a reader is one because it does not write
    with pytest.raises(UnreadableError, match="read-only"), database.reading() as connection:
        connection.execute(text("DELETE FROM hub"))


def test_sqlite_is_durable_checks_references_and_is_nobody_else_s(tmp_path: Path) -> None:
    place = place_of(settings_file(tmp_path))
    migrate_database(place, now=NOW)
    assert place.file == tmp_path / "accord.db"
    with open_database(place) as database, database.reading() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
        assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("accord.db*")} == dict.fromkeys(
            ("accord.db", "accord.db-wal", "accord.db-shm"), 0o600
        )
    assert [path.name for path in tmp_path.glob("accord.db*")] == ["accord.db"]
    place.file.chmod(0o640)
    with pytest.raises(SettingsError, match="can be read by others"):
        open_database(place)


# The expected order is that of the instants themselves.
instants = st.datetimes(
    datetime(1970, 1, 1),
    datetime(2100, 12, 31),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-11))]),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.lists(instants, min_size=1, max_size=12, unique=True))
def test_instants_come_back_as_they_went_in_and_in_their_order(database: Database, wanted: list[datetime]) -> None:
    times = Table("times", MetaData(), Column("at", Instant))
    with database.writing() as connection:
        times.drop(connection, checkfirst=True)
        times.create(connection)
        connection.execute(insert(times), [{"at": one} for one in wanted])
    with database.reading() as connection:
        found = connection.execute(select(times.c.at).order_by(times.c.at)).scalars().all()
    assert found == sorted(wanted)
    assert {one.tzinfo for one in found if one is not None} == {UTC}


def test_amounts_have_two_decimals_and_are_exact(database: Database) -> None:
    amounts = Table("amounts", MetaData(), Column("amount", Hundredths))
    wanted = [Decimal("0.01"), Decimal("-1.5"), Decimal("999999999.99"), Decimal(1_000_000_000)]
    with database.writing() as connection:
        amounts.create(connection)
        connection.execute(insert(amounts), [{"amount": one} for one in wanted])
        assert list(connection.execute(select(amounts.c.amount)).scalars()) == wanted
    with pytest.raises(Exception, match="more than two decimals"), database.writing() as connection:
        connection.execute(insert(amounts).values(amount=Decimal("0.001")))


def test_what_is_only_tried_is_undone(database: Database) -> None:
    notes = Table("notes", MetaData(), Column("number", Integer))
    with database.writing(keep=False) as connection:
        notes.create(connection)
    with database.reading() as connection:
        assert not inspect(connection).has_table("notes")


def test_an_instant_without_its_zone_is_refused(database: Database) -> None:
    from accord.workspace.schema import HUB as TABLE

    with pytest.raises(Exception, match="needs its zone"), database.writing() as connection:
        connection.execute(update(TABLE).values(made_at=datetime(2026, 1, 1)))


def refused(kind: type[AccordError], place: Place, act: Callable[[Place], object] = open_database) -> AccordError:
    with pytest.raises(kind) as caught:
        act(place)
    return caught.value


def bring_up(place: Place) -> None:
    migrate_database(place, now=NOW)


def test_a_workspace_without_a_database_is_told_how_to_make_it(place: Place) -> None:
    error = refused(UnreadableError, place)
    assert "no database yet" in str(error)
    assert f"accord migrate --in {place.settings.parent}" in str(error)


def test_a_database_of_an_older_accord_is_told_how_to_be_brought_up(place: Place) -> None:
    migrate_database(place, now=NOW, revision="0001")
    error = str(refused(UnreadableError, place))
    assert "revision 0001" in error
    assert f"accord migrate --in {place.settings.parent}" in error


def test_a_newer_accord_s_database_is_left_alone(database: Database, place: Place) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for act in (open_database, bring_up):
        assert "newer Accord" in str(refused(UnreadableError, place, act))


def test_another_hub_s_database_is_not_worked_in(
    database: Database, place: Place, tmp_path: Path, database_url: str
) -> None:
    other = place_of(settings_file(tmp_path, database_url, hub=str(UUID(int=7))))
    for act in (open_database, bring_up):
        assert HUB in str(refused(SettingsError, other, act))


def test_what_somebody_else_keeps_in_a_database_stays(place: Place) -> None:
    if place.file is not None:
        plain = sqlite3.connect(place.file)
        plain.execute("CREATE TABLE theirs (x)")
        plain.close()
        place.file.chmod(0o600)
    else:
        import psycopg

        url = place.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url) as server:
            server.execute("CREATE TABLE theirs (x int)")  # type: ignore[arg-type]
    assert "something else" in str(refused(SettingsError, place, bring_up))
    assert "no database yet" in str(refused(UnreadableError, place))


def test_a_file_that_is_no_database_is_said_to_be_none_and_is_kept(tmp_path: Path) -> None:
    place = place_of(settings_file(tmp_path))
    assert place.file is not None
    place.file.write_bytes(b"an old letter, and no database at all" * 100)
    place.file.chmod(0o600)
    assert "file is not a database" in str(refused(UnreadableError, place))
    assert "file is not a database" in str(refused(OutputError, place, bring_up))
    assert place.file.read_bytes().startswith(b"an old letter")
    place.file.unlink()
    place.file.mkdir()
    assert "no regular file" in str(refused(UnreadableError, place))


def test_a_folder_that_may_not_be_written_or_is_not_there_is_named(tmp_path: Path) -> None:
    place = place_of(settings_file(tmp_path, "sqlite:///nowhere/accord.db"))
    assert "nowhere" in str(refused(OutputError, place, bring_up))


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    # port 1 (tcpmux) is nobody's here
    place = place_of(settings_file(tmp_path, "postgresql://accord:s3cret@127.0.0.1:1/accord"))
    for kind, act in ((UnreadableError, open_database), (OutputError, bring_up)):
        said = str(refused(kind, place, act))
        assert "127.0.0.1" in said
        assert "s3cret" not in said


def test_a_schema_that_is_not_there_is_named(tmp_path: Path, database_url: str) -> None:
    if database_url.startswith("sqlite"):
        return  # SQLite has no schemas
    place = place_of(settings_file(tmp_path, f"{database_url}_elsewhere"))
    assert "no schema has been selected" in str(refused(OutputError, place, bring_up))
    assert "no database yet" in str(refused(UnreadableError, place))


@pytest.mark.parametrize(
    "url",
    [
        "accord.db",
        "mysql://accord:s3cret@db.example/accord",
        "postgresql+asyncpg://accord:s3cret@db.example/accord",
        "postgresql://accord:s3cret@db.example",
        "postgresql://accord:s3cret@db.example:port/accord",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:accord.db?mode=memory&uri=true",
        "sqlite://host/accord.db",
    ],
)
def test_a_url_of_no_database_that_accord_knows_is_refused_without_its_password(tmp_path: Path, url: str) -> None:
    file = settings_file(tmp_path, url)
    with pytest.raises(SettingsError, match=r"database\.url") as caught:
        place_of(file)
    assert "postgresql://USER@HOST/DATABASE" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_misspelt_table_is_not_taken_for_the_default(tmp_path: Path) -> None:
    file = settings_file(tmp_path)
    file.write_text(file.read_text("utf-8") + '[databse]\nurl = "sqlite:///x.db"\n', "utf-8")
    with pytest.raises(SettingsError, match="did you mean 'database'"):
        place_of(file)
    file.write_text("[hub]\nnamespace = 7\n", "utf-8")
    with pytest.raises(SettingsError, match=r"hub\.namespace"):
        place_of(file)


def test_rows_that_are_inserted_together_are_as_if_one_by_one(database: Database) -> None:
    def rows(*numbers: int) -> list[dict[str, object]]:
        late = NOW.astimezone(timezone(timedelta(hours=5)))
        return [
            {
                "number": number,
                "at": late,
                "kind": "delivery",
                "reference": None if number % 2 else "it's 100%",
                "entry": bytes([0, number, 255]),
                "openings": b"",
                "opens_at": None,
                "opened_at": NOW,
            }
            for number in numbers
        ]

    with database.writing() as connection:
        insert_rows(connection, JOURNAL_ENTRIES, rows(0, 1))
        insert_rows(connection, JOURNAL_ENTRIES, [])
        for one in rows(2, 3):
            connection.execute(insert(JOURNAL_ENTRIES).values(**one))
        found = connection.execute(select(JOURNAL_ENTRIES).order_by(JOURNAL_ENTRIES.c.number)).mappings().all()
    assert [dict(one) for one in found] == [one | {"at": NOW} for one in rows(0, 1, 2, 3)]


ODD = ("", "\\", "\\N", "\\.", "a\tb", "a\nb", "a\r\nb", "\\t", "\x01\x7f", "İ ﷽ \U0001f512", "NULL", "'", '"', "%s")
"""Texts that a copy of PostgreSQL's (COPY, "Text Format") must write otherwise, or must not."""


@pytest.mark.parametrize("odd", [True, False])
def test_many_rows_come_back_as_they_were_whatever_their_texts_and_bytes(database: Database, odd: bool) -> None:
    rows = [
        {
            "number": number,
            "at": (NOW + timedelta(microseconds=number % 3)).astimezone(timezone(timedelta(hours=number % 5 - 2))),
            "kind": "delivery",
            "reference": None if number % 7 == 0 else ODD[number % len(ODD)] if odd else f"delivery {number}",
            "entry": bytes(range(number % 256, 256)),
            "openings": b"\\x\n" * (number % 2),
            "opens_at": None,
            "opened_at": None if number % 2 else NOW,
        }
        for number in range(500)
    ]
    with database.writing() as connection:
        insert_rows(connection, JOURNAL_ENTRIES, rows)
        found = connection.execute(select(JOURNAL_ENTRIES).order_by(JOURNAL_ENTRIES.c.number)).mappings().all()
    assert [dict(one) for one in found] == rows


def test_many_rows_of_which_one_is_there_already_are_refused_as_few_would_be(database: Database) -> None:
    rows = [{"finding": number.to_bytes(32), "action_group": 1} for number in range(1000)]
    group = {"number": 1, "disclosure": "d", "role": "phishing", "in_review": False, "simulated": False}
    for many in (rows[:50], rows):
        with database.writing(keep=False) as connection:
            connection.execute(insert(PARTNERS).values(id="p", name="P", kind="csirt"))
            connection.execute(
                insert(DISCLOSURES).values(
                    id="d", made_at=NOW, recipient="p", country="TH", purpose="training", marking="clear",
                    findings=1, first_entry=0, entries=1,
                )
            )  # fmt: skip
            insert_rows(connection, ACTION_GROUPS, [group])
            insert_rows(connection, ACTIONS, many)
            assert connection.execute(select(func.count()).select_from(ACTIONS)).scalar_one() == len(many)
            with pytest.raises(IntegrityError):
                insert_rows(connection, ACTIONS, many)
