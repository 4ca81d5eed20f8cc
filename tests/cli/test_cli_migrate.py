"""`accord init` makes a workspace's database, and `accord migrate` brings one up, on both databases."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, text

from accord.workspace.database import migrate_database, place_of
from tests.cli.rights import entries


def test_a_new_workspace_has_its_database_and_migrating_it_again_changes_nothing(
    accord_here, tmp_path: Path, database_url: str
) -> None:
    hub = tmp_path / "hub"
    accord_here("init", hub, "--database", database_url)
    assert (hub / "accord.db").exists() == database_url.startswith("sqlite")
    assert "already" in accord_here("migrate", "--in", hub).stdout


def test_a_workspace_of_an_older_accord_gets_its_database(accord_here, tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    accord_here("init", hub)
    (hub / "accord.db").unlink()
    assert f"{hub / 'accord.db'}: made, revision" in accord_here("migrate", "--in", hub).stdout
    assert (hub / "accord.db").stat().st_mode & 0o777 == 0o600


def test_a_workspace_whose_server_is_away_is_made_and_gets_its_database_later(accord_here, tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    said = accord_here("init", hub, "--database", "postgresql://accord@127.0.0.1:1/accord", expect=5).stderr
    assert "127.0.0.1" in said
    assert "[database]" in said
    settings = hub / "workspace.toml"
    settings.write_text(
        settings.read_text("utf-8").replace("postgresql://accord@127.0.0.1:1/accord", "sqlite:///accord.db"), "utf-8"
    )
    assert "made, revision" in accord_here("migrate", "--in", hub).stdout
    assert "accord init" in accord_here("migrate", "--in", tmp_path, expect=4).stderr


# As an Accord of revision 0002 kept it: signed in 2014, renewed in 2018, ended in 2019; then another one.
BEFORE_THE_LEDGER = """
INSERT INTO partners (id, name, kind) VALUES ('vendor', 'A vendor', 'vendor');
INSERT INTO agreements (id, title, marking, onward_sharing, ended_at, end_reason, end_recorded_at)
    VALUES ('old', 'Of 2014', 'amber', 'forbidden', '2019-06-01T00:00:00.000000Z', 'Notice',
    '2019-05-01T08:00:00.000000Z');
INSERT INTO agreements (id, title, predecessor, marking, onward_sharing)
    VALUES ('new', 'Of 2019', 'old', 'amber', 'forbidden');
INSERT INTO agreement_signatories (agreement, position, party, name) VALUES ('old', 0, NULL, 'A. Director');
INSERT INTO agreement_signatories (agreement, position, party, name) VALUES ('old', 1, 'vendor', 'B. Chief');
INSERT INTO agreement_signatories (agreement, position, party, name) VALUES ('new', 0, NULL, 'A. Director');
INSERT INTO agreement_signatories (agreement, position, party, name) VALUES ('new', 1, 'vendor', 'B. Chief');
INSERT INTO agreement_terms (agreement, position, signed, document, starts, ends)
    VALUES ('old', 0, '2014-06-02', '{a}', '2014-07-01', '2018-06-30');
INSERT INTO agreement_terms (agreement, position, signed, document, starts, ends)
    VALUES ('old', 1, '2018-06-02', '{b}', '2018-07-01', NULL);
INSERT INTO agreement_terms (agreement, position, signed, document, starts, ends)
    VALUES ('new', 0, '2019-04-02', '{c}', '2019-06-01', '2026-01-31');
INSERT INTO agreement_purposes (agreement, purpose) VALUES ('old', 'training');
INSERT INTO agreement_purposes (agreement, purpose) VALUES ('new', 'training');
INSERT INTO changes (at, noun, id, after) VALUES ('2014-06-03T09:00:00.000000Z', 'agreement', 'old', '{{}}');
INSERT INTO changes (at, noun, id, before, after)
    VALUES ('2018-06-03T09:00:00.000000Z', 'agreement', 'old', '{{}}', '{{}}');
INSERT INTO changes (at, noun, id, after) VALUES ('2019-04-03T09:00:00.000000Z', 'agreement', 'new', '{{}}');
INSERT INTO changes (at, noun, id, before, after)
    VALUES ('2019-05-01T08:00:00.000000Z', 'agreement', 'old', '{{}}', '{{}}')
""".format(a="a" * 64, b="b" * 64, c="c" * 64)

ENTERED = [
    ("2014-06-03T09:00:00.000000Z", "agreement-signed", "old", "a" * 64),
    ("2019-04-03T09:00:00.000000Z", "agreement-signed", "new", "c" * 64),
    ("2019-05-01T08:00:00.000000Z", "agreement-changed", "old", "b" * 64),
    ("2019-05-01T08:00:00.000000Z", "agreement-ended", "old", "b" * 64),
]


@pytest.fixture
def early(accord_here, tmp_path: Path, database_url: str) -> Path:
    """A workspace whose database is of before there was a ledger, with agreements in it."""
    hub = tmp_path / "hub"
    accord_here("init", hub, "--ledger", "hub.example/ledger", "--database", database_url)
    if database_url.startswith("sqlite"):
        (hub / "accord.db").unlink()
    else:
        with create_engine(place_of(hub / "workspace.toml").url, poolclass=NullPool).begin() as server:
            for (name,) in server.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")):
                server.execute(text(f'DROP TABLE "{name}" CASCADE'))
            for (name,) in server.execute(text("SELECT proname FROM pg_proc WHERE pronamespace = "
                                               "current_schema()::regnamespace")):  # fmt: skip
                server.execute(text(f'DROP FUNCTION "{name}" CASCADE'))
    (hub / ".mark").unlink()
    place = place_of(hub / "workspace.toml")
    migrate_database(place, now=datetime(2014, 1, 1, tzinfo=UTC), revision="0002")
    with create_engine(place.url, poolclass=NullPool).begin() as server:
        for statement in BEFORE_THE_LEDGER.split(";"):
            server.execute(text(statement))
    return hub


def told(hub: Path) -> list[tuple[str, str, str, str]]:
    found = [one for kind in ("agreement-signed", "agreement-changed", "agreement-ended") for one in entries(hub, kind)]
    return sorted((one["at"], one["kind"], one["agreement"], one["digest"]) for one in found)


def renew(accord_here, hub: Path) -> None:
    document = hub.parent / "renewal.pdf"
    document.write_bytes(b"signed")
    accord_here("agreement", "renew", "new", "--signed", "2026-01-02", "--document", document, "--from", "2026-02-01",
                "--in", hub)  # fmt: skip


def test_what_was_agreed_before_there_was_a_ledger_is_entered_once_with_its_time(accord_here, early: Path) -> None:
    said = accord_here("migrate", "--in", early).stdout
    assert "2 agreements from before there was a ledger: entered in it" in said
    assert told(early) == sorted(ENTERED)
    assert {one["partner"] for one in entries(early, "agreement-signed")} == {"vendor"}
    assert "entered" not in accord_here("migrate", "--in", early).stdout
    accord_here("ledger", "publish", "--in", early)
    renew(accord_here, early)
    assert len(told(early)) == len(ENTERED) + 1
    assert {*ENTERED} < {*told(early)}
    assert json.loads(accord_here("ledger", "verify", "--json", "--in", early).stdout)


@pytest.mark.parametrize("then", ["publish", "renew"])
def test_where_it_was_not_entered_when_migrating_the_next_command_does_it(accord_here, early: Path, then: str) -> None:
    # killed in between
    migrate_database(place_of(early / "workspace.toml"), now=datetime(2026, 1, 1, tzinfo=UTC))
    if then == "publish":
        accord_here("ledger", "publish", "--in", early)
    else:
        renew(accord_here, early)
    assert {*ENTERED} <= {*told(early)}
    assert len(told(early)) == len(ENTERED) + (then == "renew")
    accord_here("ledger", "publish", "--in", early)
    assert len(told(early)) == len(ENTERED) + (then == "renew")
