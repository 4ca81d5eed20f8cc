"""A hub's own look at its ledger: every file and every row that does not agree is named."""

import secrets
from pathlib import Path

import pytest
from sqlalchemy import text

from accord.journal import book
from accord.journal.copying import copy_log
from accord.journal.keeping import Ledger
from accord.journal.verifying import VerifiedLedger, verify_ledger
from accord.ledger.witness import Answer
from tests.journal.conftest import NOW, OpenLedger, later
from tests.journal.test_journal_checking import add, check, files, some


def nobody(url: str, body: bytes) -> Answer:
    raise AssertionError(f"{url} was asked")


@pytest.fixture
def log(open_ledger: OpenLedger) -> Ledger:
    ledger = open_ledger()
    add(ledger, some(530))
    ledger.publish(now=NOW, post=nobody)
    add(ledger, some(7), opened=False)
    ledger.publish(now=NOW, post=nobody)
    return ledger


def verify(ledger: Ledger) -> VerifiedLedger:
    return verify_ledger(ledger, pages=None, follow=lambda *_: None)


def faults(ledger: Ledger) -> list[str]:
    return [f"{one.where}: {one.what}" for one in verify(ledger).faults]


def behind_our_back(ledger: Ledger, *statements: str) -> None:
    with ledger.database.writing() as connection:
        drop = "DROP TRIGGER keep_journal_entries_update"
        if connection.dialect.name == "postgresql":
            drop = "DROP TRIGGER keep_journal_entries ON journal_entries"
        for one in (drop, *statements):
            connection.execute(text(one))


def test_a_ledger_that_agrees_has_no_fault(log: Ledger) -> None:
    found = verify(log)
    assert found.faults == ()
    assert (found.entries, found.opened) == (537, 530)
    # entries that are not published yet are no fault
    add(log, some(3))
    assert verify(log).faults == ()


def test_one_bit_changed_in_any_file_is_found_and_made_good(log: Ledger) -> None:
    root = log.files.root
    earlier = [root / one.path for one in log.files.earlier_partials(537)]
    assert len(earlier) == 2
    # those of an earlier size first: they are cleared away when all is made anew
    for path in [*earlier, *(path for path in files(root) if path not in earlier), root / "policy"]:
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :])
        assert faults(log)
        path.write_bytes(whole)
        if path.name not in {"checkpoint", "figures.json", "policy"} and path not in earlier:
            path.unlink()
            assert faults(log)
            log.publish(now=later(1), post=nobody, anew=True)
            assert path.read_bytes() == whole
    assert verify(log).faults == ()


def test_openings_that_were_changed_in_the_database_are_named_by_entry(log: Ledger) -> None:
    behind_our_back(
        log,
        "UPDATE journal_entries SET openings = (SELECT openings FROM journal_entries WHERE number = 4) "
        "WHERE number = 3",
    )
    assert "entry 3 in the database: A field's opening is not what the entry committed to." in faults(log)


def test_entries_that_were_changed_in_the_database_are_named(log: Ledger) -> None:
    behind_our_back(
        log, "UPDATE journal_entries SET entry = (SELECT entry FROM journal_entries WHERE number = 4) WHERE number = 3"
    )
    assert any("000: entry 3: the published entry is another than the database's" in one for one in faults(log))


def test_sums_that_were_changed_are_named(log: Ledger) -> None:
    with log.database.writing() as connection:
        connection.execute(text("UPDATE journal_sums SET sums = '[]' WHERE bundle = 1"))
    assert faults(log) == ["sums of bundle 1: not what its openings add up to"]
    with log.database.writing() as connection:
        connection.execute(text("UPDATE journal_sums SET sums = '[]' WHERE bundle = -1"))
    assert "sums of all bundles: not what the openings add up to" in faults(log)
    log.publish(now=NOW, post=nobody, anew=True)
    assert verify(log).faults == ()


def test_a_checkpoint_of_another_history_in_the_database_is_named(log: Ledger) -> None:
    with log.database.writing() as connection:
        connection.execute(
            text("UPDATE journal_checkpoints SET root = (SELECT root FROM journal_checkpoints WHERE size = 537)")
        )
    assert any("checkpoint of 530 entries in the database: it is of another history" in one for one in faults(log))


def test_what_was_destroyed_is_gone_from_the_files_once_it_is_published(log: Ledger) -> None:
    with log.database.writing() as connection:
        assert book.destroy(connection, [300], ["dataset", "count"]) == 2
    assert any("opened/001: it opens something else" in one for one in faults(log))
    log.publish(now=NOW, post=nobody)
    assert verify(log).faults == ()
    figures = check(log.files.root).figures
    assert (figures.opened, figures.closed) == (529, 8)


def test_a_copy_holds_what_is_for_everybody_and_nothing_else(log: Ledger, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    assert copy_log(log.files, copy) == 537
    assert check(copy) == check(log.files.root)
    ours = {path.relative_to(log.files.root) for path in [*files(log.files.root), log.files.root / "policy"]}
    assert {path.relative_to(copy) for path in copy.rglob("*") if path.is_file()} <= ours


def test_sums_are_the_same_whether_they_grew_or_were_made_at_once(log: Ledger, open_ledger: OpenLedger) -> None:
    for seconds in range(1, 4):
        with log.database.writing() as connection:
            for wait in (0, 10):
                book.append(connection, some(130), draw=secrets.token_bytes, opens_at=later(seconds + wait))
        log.publish(now=later(seconds), post=nobody)
    log.publish(now=later(12), post=nobody)
    before = (log.files.root / "figures.json").read_bytes()
    check(log.files.root)
    log.publish(now=later(12), post=nobody, anew=True)
    assert (log.files.root / "figures.json").read_bytes() == before
    assert verify(log).faults == ()
