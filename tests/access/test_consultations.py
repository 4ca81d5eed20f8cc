"""The log of consultations: numbered without a gap, chained as its page says, refused to be changed, and whole."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, text, update
from sqlalchemy.exc import DBAPIError

from accord.access.consultations import (
    BEGINNING,
    Consultation,
    Processing,
    consultations,
    record,
    record_each,
    value_object,
    verify_chain,
)
from accord.vocabulary.errors import OutputError, UnprovenError
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.workspace.database import Database, migrate_database, open_database, place_of
from accord.workspace.schema import CONSULTATIONS

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path, database_url: str) -> Iterator[Database]:
    file = tmp_path / "workspace.toml"
    file.write_text(
        '[hub]\nname = "Hub"\ncontact = "desk@hub.example"\nnamespace = "0d6f9c2e-5f0b-4b57-9b1c-6c1f0a4c7e11"\n'
        f'key_file = "hub.key"\n[database]\nurl = "{database_url}"\n',
        "utf-8",
    )
    place = place_of(file)
    migrate_database(place, now=NOW)
    with open_database(place) as opened:
        yield opened


def log(database: Database, *persons: str, at: datetime = NOW, **said: object) -> list[int]:
    row = {"justification": "case 4711", "object": "ipv4 ab", "now": at, "processing": Processing.CONSULTATION} | said
    with database.writing() as connection:
        return [record(connection, person=person, **row) for person in persons]  # type: ignore[arg-type]


def page(database: Database, **filters: object) -> tuple[Consultation, ...]:
    with database.reading() as connection:
        return consultations(connection, **filters)  # type: ignore[arg-type]


def test_the_digest_is_that_of_the_netstrings_that_the_page_names(database: Database) -> None:
    with database.writing() as connection:
        record(
            connection,
            Processing.DISCLOSURE,
            person="Ñ",
            justification="",
            object="release 7",
            recipients=("csirt-th", "csirt-vn"),
            now=NOW,
        )
    (row,) = page(database)
    # put together by hand
    said = (
        "64:" + "0" * 64 + ",1:1,27:2026-11-27T08:00:00.000000Z,10:disclosure,2:Ñ,0:,9:release 7,17:csirt-th csirt-vn,"
    )
    assert row.digest == hashlib.sha256(said.encode()).hexdigest()
    assert (row.number, row.recipients, row.at) == (1, ("csirt-th", "csirt-vn"), NOW)


def test_rows_that_are_added_together_go_on_with_the_chain_one_after_the_other(database: Database) -> None:
    said = {"person": "a", "justification": "", "recipients": ("csirt-th",), "now": NOW}
    log(database, "before")
    with database.writing() as connection:
        assert record_each(connection, Processing.DISCLOSURE, objects=["x", "y", "x"], **said) == range(2, 5)  # type: ignore[arg-type]
        assert record_each(connection, Processing.DISCLOSURE, objects=[], **said) == range(5, 5)  # type: ignore[arg-type]
    log(database, "after")
    rows = page(database)
    assert [(one.number, one.person, one.object) for one in rows] == [
        (1, "before", "ipv4 ab"), (2, "a", "x"), (3, "a", "y"), (4, "a", "x"), (5, "after", "ipv4 ab")
    ]  # fmt: skip
    # put together by hand
    third = f"64:{rows[1].digest},1:3,27:2026-11-27T08:00:00.000000Z,10:disclosure,1:a,0:,1:y,8:csirt-th,"
    assert rows[2].digest == hashlib.sha256(third.encode()).hexdigest()
    with database.reading() as connection:
        assert verify_chain(connection, kept=rows[3].digest).rows == 5


def test_a_value_is_in_the_log_only_as_an_hmac_of_the_hub_s_key() -> None:
    # HMAC as RFC 2104 writes it
    key = bytes(range(32))
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key.ljust(64, b"\0")) + b"consultation\x00192.0.2.1").digest()
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key.ljust(64, b"\0")) + inner).hexdigest()
    assert value_object(Indicator(kind=IndicatorType.IPV4, value="192.0.2.1"), key) == f"ipv4 {outer}"


def test_numbers_have_no_gap_however_many_write_at_once(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = sorted(
            number for numbers in pool.map(lambda one: log(database, one, one), "abcdefgh") for number in numbers
        )
    assert found == list(range(1, 17))
    with database.reading() as connection:
        assert verify_chain(connection).rows == 16


def test_the_log_is_paged_and_asked_by_time_person_processing_and_object(database: Database) -> None:
    log(database, "a", "b", "a")
    log(database, "a", at=NOW + timedelta(hours=1), processing=Processing.ERASURE)
    log(database, "b", at=NOW + timedelta(hours=2), object="ipv4 cd")
    assert [one.number for one in page(database, limit=2)] == [1, 2]
    assert [one.number for one in page(database, after=2, limit=2)] == [3, 4]
    assert page(database, after=5) == ()
    assert [one.number for one in page(database, person="a")] == [1, 3, 4]
    assert [one.number for one in page(database, processing=Processing.ERASURE)] == [4]
    assert [one.number for one in page(database, about="ipv4 cd")] == [5]
    between = {"since": NOW + timedelta(hours=1), "until": NOW + timedelta(hours=2)}
    assert [one.number for one in page(database, **between)] == [4]


def test_the_database_refuses_to_change_or_delete_a_row(database: Database) -> None:
    log(database, "a")
    for act in (update(CONSULTATIONS).values(person="b"), delete(CONSULTATIONS)):
        with pytest.raises((DBAPIError, OutputError), match="only added to"), database.writing() as connection:
            connection.execute(act)
    assert [one.person for one in page(database)] == ["a"]


def free(database: Database) -> None:
    """Do what somebody with the database's own rights could do: take the triggers away."""
    with database.writing() as connection:
        if connection.dialect.name == "sqlite":
            for event in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER keep_consultations_{event}"))
        else:
            connection.execute(text("ALTER TABLE consultations DISABLE TRIGGER USER"))


SAID = st.fixed_dictionaries(
    {
        "person": st.sampled_from(["a", "b", "1:a,"]),
        "justification": st.sampled_from(["", "0:,", "case 1", "case 12"]),
        "object": st.sampled_from(["ipv4 ab", "ipv4 a", "b"]),
        "recipients": st.sampled_from([(), ("a",), ("a", "b")]),
        "processing": st.sampled_from(list(Processing)),
        "now": st.sampled_from([NOW, NOW + timedelta(microseconds=1)]),
    }
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(SAID, min_size=1, max_size=6), draw=st.data())
def test_whatever_is_changed_taken_out_or_put_in_shows(
    database: Database, rows: list[dict[str, object]], draw: st.DataObject
) -> None:
    with database.writing(keep=False) as connection:
        numbers = [record(connection, **said) for said in rows]  # type: ignore[arg-type]
        kept = verify_chain(connection)
        assert kept.rows == len(rows)
        free_here = (
            [f"DROP TRIGGER keep_consultations_{event}" for event in ("update", "delete")]
            if connection.dialect.name == "sqlite"
            else ["ALTER TABLE consultations DISABLE TRIGGER USER"]
        )
        for each in free_here:
            connection.execute(text(each))
        number = draw.draw(st.sampled_from(numbers))
        mine = CONSULTATIONS.c.number == number
        how = draw.draw(st.sampled_from(["person", "justification", "object", "recipients", "at", "delete", "insert"]))
        if how == "delete":
            connection.execute(delete(CONSULTATIONS).where(mine))
        elif how == "insert":
            connection.execute(
                insert(CONSULTATIONS).values(
                    number=len(rows) + 1,
                    at=NOW,
                    processing="erasure",
                    person="a",
                    justification="",
                    object="b",
                    recipients="",
                    digest=BEGINNING,
                )
            )
        else:
            other = NOW + timedelta(hours=1) if how == "at" else "something else"
            connection.execute(update(CONSULTATIONS).where(mine).values(**{how: other}))
        # off the end nothing shows but to whoever has kept a digest
        with pytest.raises(UnprovenError):
            verify_chain(connection, kept=kept.digest)


def test_an_export_verifies_the_whole_log_and_refuses_one_that_was_changed(database: Database) -> None:
    log(database, "a", "b")
    with database.reading() as connection:
        chain = verify_chain(connection)
        assert verify_chain(connection, kept=chain.digest) == chain
        with pytest.raises(UnprovenError, match="none of the log's"):
            verify_chain(connection, kept="ff" * 32)
    free(database)
    with database.writing() as connection:
        connection.execute(update(CONSULTATIONS).where(CONSULTATIONS.c.number == 1).values(person="c"))
    with database.reading() as connection, pytest.raises(UnprovenError, match="was changed") as caught:
        verify_chain(connection)
    assert "row 1" in str(caught.value)


def test_rows_keep_their_order_and_their_chain_when_the_clock_is_set_back(database: Database) -> None:
    for back in (timedelta(0), timedelta(hours=1), timedelta(days=3653), timedelta(0)):
        log(database, "A. Analyst", at=NOW - back)
    with database.reading() as connection:
        assert verify_chain(connection).rows == 4
        assert [one.number for one in consultations(connection)] == [1, 2, 3, 4]
        assert [one.number for one in consultations(connection, since=NOW)] == [1, 4]
