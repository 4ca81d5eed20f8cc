"""Checking a log by its files alone: whatever is changed, cut off or taken back is found."""

import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from accord.journal import book
from accord.journal.checking import Checked, check_log
from accord.journal.facts import Fact, Kind
from accord.journal.fetching import FetchedLedger
from accord.journal.figures import encode_figures
from accord.journal.files import LedgerFiles
from accord.journal.keeping import Ledger
from accord.ledger.commitments import commit_encoded, encode_opened, parse_opened
from accord.ledger.notes import Note, SignatureType, SigningKey, parse_note
from accord.ledger.policies import Policy, parse_policy
from accord.ledger.witness import Answer
from accord.vocabulary.errors import AccordError, LedgerError, SettingsError, UnprovenError, UnreadableError
from tests.journal.conftest import NOW, OpenLedger, fact, later
from tests.simulators.log import write_log


def nobody(url: str, body: bytes) -> Answer:
    raise AssertionError(f"{url} was asked")


def add(ledger: Ledger, facts: list[Fact], *, opened: bool = True) -> None:
    with ledger.database.writing() as connection:
        book.append(connection, facts, draw=secrets.token_bytes, opens_at=NOW if opened else None)


def some(count: int) -> list[Fact]:
    """Deliveries and what came of them, with large counts and small ones."""
    kinds = (Kind.DELIVERY, Kind.DISCLOSURE, Kind.RECEIPT)
    return [
        fact(kind=kinds[at % 3], count=at if at % 5 else at * 1000, country="" if at % 3 == 0 else "TH")
        for at in range(count)
    ]


@pytest.fixture
def log(open_ledger: OpenLedger) -> Ledger:
    """Five hundred entries and more, of which nearly all are opened."""
    ledger = open_ledger()
    add(ledger, some(530))
    add(ledger, some(7), opened=False)
    ledger.publish(now=NOW, post=nobody)
    return ledger


def policy(root: Path) -> Policy:
    return parse_policy((root / "policy").read_bytes())


def check(root: Path, against: Note | None = None) -> Checked:
    return check_log(LedgerFiles(root), policy(root), against=against, follow=lambda *_: None)


def kept(root: Path) -> Note:
    return parse_note((root / "checkpoint").read_bytes())


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file() and path.name not in {"policy", ".lock"})


def test_a_whole_log_is_checked_and_its_figures_are_those_that_the_hub_has_published(log: Ledger) -> None:
    checked = check(log.files.root)
    assert (checked.figures.size, checked.figures.opened, checked.figures.closed) == (537, 530, 7)
    assert checked.published == 537
    told = (log.files.root / "figures.json").read_bytes()
    assert encode_figures(checked.figures, checked.checkpoint) == told
    (year,) = checked.figures.years
    deliveries = [one for one in some(530) if one.kind is Kind.DELIVERY]
    (held,) = year.held
    assert held.deliveries == len(deliveries)
    assert held.records.least <= sum(one.count or 0 for one in deliveries) <= held.records.most


def test_one_bit_changed_in_any_file_is_found(log: Ledger) -> None:
    check(log.files.root)
    for path in files(log.files.root):
        whole = path.read_bytes()
        for at in {0, len(whole) // 3, len(whole) // 2, len(whole) - 2}:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(LedgerError):
                check(log.files.root)
        path.write_bytes(whole)
    check(log.files.root)


def test_a_file_that_is_cut_off_or_missing_is_found(log: Ledger) -> None:
    for path in files(log.files.root):
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(AccordError):
            check(log.files.root)
        path.unlink()
        if path.name == "figures.json":
            assert check(log.files.root).published is None
        elif path.parent.name == "opened":
            # whoever opens less than before says so in figures that differ
            with pytest.raises(UnprovenError, match="published figures"):
                check(log.files.root)
        else:
            with pytest.raises((UnreadableError, UnprovenError)):
                check(log.files.root)
        path.write_bytes(whole)


def test_an_opening_that_says_something_else_is_found_and_named(log: Ledger) -> None:
    path = log.files.root / "opened/001"
    opened = parse_opened(path.read_bytes())
    swapped = dict(opened)
    swapped[300], swapped[301] = opened[301], opened[300]
    path.write_bytes(encode_opened(swapped))
    with pytest.raises(UnprovenError, match=r"opened/001: entry 300"):
        check(log.files.root)


def test_figures_that_say_something_else_are_named_by_row(log: Ledger) -> None:
    path = log.files.root / "figures.json"
    path.write_bytes(path.read_bytes().replace(b'"deliveries": 177', b'"deliveries": 178'))
    with pytest.raises(
        UnprovenError, match="held Infected machines sinkhole deliveries: the file says 178, the log 177"
    ):
        check(log.files.root)


def test_figures_of_the_log_as_it_was_a_moment_ago_are_right(log: Ledger) -> None:
    before = (log.files.root / "figures.json").read_bytes()
    add(log, some(40))
    log.publish(now=later(1), post=nobody)
    (log.files.root / "figures.json").write_bytes(before)
    checked = check(log.files.root)
    assert (checked.published, checked.figures.size, checked.figures.opened) == (537, 577, 570)


def test_a_log_that_is_published_on_while_it_is_read_is_no_fault(log: Ledger) -> None:
    class Moving(LedgerFiles):
        """Entries are added to the same bundle once the checkpoint was read."""

        def read_opened(self, index: int) -> bytes | None:
            if index == 2 and not self.moved:
                self.moved = True
                add(log, some(4))
                log.publish(now=later(1), post=nobody)
            return super().read_opened(index)

        moved = False

    root = log.files.root
    assert check_log(Moving(root), policy(root), against=None, follow=lambda *_: None).figures.size == 537
    assert check(root).figures.size == 541


def test_an_embargo_that_ends_while_the_log_is_read_is_told_apart_from_wrong_figures(log: Ledger) -> None:
    with log.database.writing() as connection:
        book.append(connection, some(3), draw=secrets.token_bytes, opens_at=later(60))
    log.publish(now=later(1), post=nobody)

    class Moving(LedgerFiles):
        """What was closed is opened after the figures were read."""

        def read_opened(self, index: int) -> bytes | None:
            if index == 2:
                log.publish(now=later(60), post=nobody)
            return super().read_opened(index)

    root = log.files.root
    with pytest.raises(UnreadableError, match="published anew while it was read"):
        check_log(Moving(root), policy(root), against=None, follow=lambda *_: None)
    assert check(root).figures.opened == 533


def test_a_checkpoint_that_was_kept_is_a_part_of_the_log_for_ever(log: Ledger) -> None:
    seen = kept(log.files.root)
    check(log.files.root, seen)
    add(log, some(300))
    log.publish(now=later(1), post=nobody)
    check(log.files.root, seen)


def test_a_log_that_was_cut_back_is_found_by_a_checkpoint_that_was_kept(log: Ledger, tmp_path: Path) -> None:
    shutil.copytree(log.files.root, tmp_path / "before")
    add(log, some(3))
    log.publish(now=later(1), post=nobody)
    seen = kept(log.files.root)
    with pytest.raises(UnprovenError, match="shorter than it was") as found:
        check(tmp_path / "before", seen)
    assert "keep both checkpoints" in (found.value.remedy or "")


def test_a_log_with_two_histories_is_found_by_a_checkpoint_that_was_kept(log: Ledger, tmp_path: Path) -> None:
    seen = kept(log.files.root)
    # the same key signs another history, of more entries
    entries = [entry for entry, _ in commit_encoded([one.values() for one in some(600)], secrets.token_bytes)]
    root = write_log(tmp_path / "other", entries, log.key)
    check(root)
    with pytest.raises(UnprovenError, match="two histories") as found:
        check(root, seen)
    assert "keep both checkpoints" in (found.value.remedy or "")


def test_a_checkpoint_of_another_log_says_nothing_of_this_one(log: Ledger) -> None:
    note = (log.files.root / "checkpoint").read_bytes().replace(b"hub.example/ledger", b"hub.example/other")
    with pytest.raises(UnprovenError, match="not one that this log has signed"):
        check(log.files.root, parse_note(note))


def test_a_log_that_the_policy_does_not_name_is_refused(log: Ledger) -> None:
    other = SigningKey(name="hub.example/ledger", type=SignatureType.ED25519, seed=bytes(32))
    relied = parse_policy(f"log {other.verifier}\nquorum none\n".encode())
    with pytest.raises(UnprovenError, match="No known key"):
        check_log(LedgerFiles(log.files.root), relied, against=None, follow=lambda *_: None)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(root: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_log_is_checked_where_it_is_served(log: Ledger) -> None:
    root = log.files.root
    with served(root) as url, FetchedLedger(url) as fetched:
        checked = check_log(fetched, policy(root), against=kept(root), follow=lambda *_: None)
        assert checked == check(root)
        path = root / "tile/entries/001"
        path.write_bytes(path.read_bytes().replace(b"dataset A", b"dataset B").replace(b"kind B", b"kind A"))
        path.write_bytes(path.read_bytes()[:-2] + b"A=")
        with pytest.raises(LedgerError):
            check_log(fetched, policy(root), against=None, follow=lambda *_: None)
        (root / "checkpoint").write_bytes(b"x" * 2_000_000)
        with pytest.raises(UnreadableError, match="too large"):
            fetched.checkpoint()
    with FetchedLedger(url) as gone, pytest.raises(UnreadableError, match="cannot be fetched"):
        gone.checkpoint()


@pytest.mark.parametrize("url", ["ftp://hub.example/ledger", "http://", "http://[::1/"])
def test_what_is_no_url_of_a_ledger_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        FetchedLedger(url)


def test_checking_loads_neither_a_database_nor_an_engine() -> None:
    code = (
        "import sys, accord.cli.main, accord.cli.ledgers.verifying; "
        "print(sorted({name.split('.')[0] for name in sys.modules} & "
        "{'sqlalchemy', 'duckdb', 'pyarrow', 'numba', 'numpy', 'sqlite3', 'psycopg', 'httpx', 'jinja2', 'babel'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
