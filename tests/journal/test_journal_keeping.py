"""Keeping the log: tiles, checkpoints, witnesses, openings; and a history that was taken back is noticed."""

import json
import secrets
import shutil
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from accord.journal import book
from accord.journal.checking import check_log
from accord.journal.facts import PUBLIC, Kind
from accord.journal.files import LedgerFiles
from accord.journal.keeping import Ledger, PublicAccount, page_is_behind
from accord.journal.place import ledger_key
from accord.journal.witnesses import post
from accord.ledger.checkpoints import parse_checkpoint
from accord.ledger.commitments import parse_entry, parse_opened
from accord.ledger.notes import parse_note
from accord.ledger.policies import parse_policy
from accord.ledger.tiles import EntryBundle, tiles_of_growth
from accord.ledger.witness import Answer
from accord.vocabulary.errors import OutputError, SettingsError, UnprovenError, UnreadableError
from tests.journal.conftest import NOW, OpenLedger, copied, fact, later
from tests.ledger.conftest import Twin
from tests.simulators.witness import Witness, served


def nobody(url: str, body: bytes) -> Answer:
    raise AssertionError(f"{url} was asked")


def add(ledger: Ledger, count: int, **said: object) -> None:
    with ledger.database.writing() as connection:
        opens_at = said.pop("opens_at", None)
        book.append(connection, [fact(**said)] * count, draw=secrets.token_bytes, opens_at=opens_at)  # type: ignore[arg-type]


def held(ledger: Ledger) -> list[bytes]:
    with ledger.database.reading() as connection:
        return [one for batch in book.entries(connection, 0, book.size(connection)) for one in batch]


def paths(ledger: Ledger) -> set[str]:
    root = ledger.files.root
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.name != ".lock"}


def test_the_published_tree_is_that_of_the_specification_at_every_size(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    assert ledger.publish(now=NOW, post=nobody).checkpoint is None
    for count in (1, 1, 254, 1, 300, 5, 512):
        add(ledger, count)
        published = ledger.publish(now=NOW, post=nobody)
        entries = held(ledger)
        assert published.checkpoint is not None
        assert (published.size, published.checkpoint.size) == (len(entries), len(entries))
        assert published.checkpoint.root == Twin.mth(entries)
        tree = ledger.tree()
        for index in range(-(-len(entries) // 256)):
            bundle = EntryBundle(index=index, width=min(256, len(entries) - 256 * index))
            part = entries[256 * index : 256 * (index + 1)]
            assert tree.entries(bundle, ledger.files.read_bundle(bundle)) == part
        for number in {0, len(entries) // 2, len(entries) - 1}:
            proof = ledger.prove(number)
            assert list(proof.hashes) == Twin.path(number, entries)
            assert proof.verify(entries[number], ledger.policy) == published.checkpoint
    # what a full tile has made superfluous is gone, and nothing else
    full = {tile.path for tile in tiles_of_growth(0, len(entries)) if tile.width == 256}
    assert not any(path.startswith(f"{one}.p/") for one in full for path in paths(ledger))


def test_a_log_that_has_grown_past_a_whole_tile_of_tiles_is_read_from_its_files(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    moment = "2026-11-27T08:00:00.000000Z"
    with ledger.database.writing() as connection:
        # entries of one byte: what counts is how many they are
        put = text("INSERT INTO journal_entries (number, at, kind, entry, openings) VALUES (:n, :at, 'recall', :e, :e)")
        connection.execute(put, [{"n": n, "at": moment, "e": bytes([n % 251])} for n in range(66_000)])
    ledger.publish(now=NOW, post=nobody)
    entries = held(ledger)
    assert ledger.tree().root == Twin.mth(entries)
    for proof in ledger.proofs([0, 65_535, 65_536, 65_999]):
        assert list(proof.hashes) == Twin.path(proof.index, entries)


def test_publishing_again_changes_no_byte_and_a_lost_folder_is_made_anew(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    add(ledger, 300, opens_at=NOW)
    ledger.publish(now=NOW, post=nobody)
    before = {path: (ledger.files.root / path).read_bytes() for path in paths(ledger)}
    ledger.publish(now=later(60), post=nobody)
    assert {path: (ledger.files.root / path).read_bytes() for path in paths(ledger)} == before
    shutil.rmtree(ledger.files.root)
    ledger.publish(now=later(60), post=nobody)
    assert {path: (ledger.files.root / path).read_bytes() for path in paths(ledger)} == before
    for path in before:
        if path != "checkpoint":
            (ledger.files.root / path).write_bytes(b"damaged")
    ledger.publish(now=later(60), post=nobody, anew=True)
    assert {path: (ledger.files.root / path).read_bytes() for path in paths(ledger)} == before


def one_page(account: PublicAccount) -> dict[str, bytes]:
    return {"index.html": f"{account.figures.size} entries".encode()}


def test_the_public_page_is_left_behind_unless_it_is_asked_for_and_figures_never_are(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    page, figures = ledger.files.root / "index.html", ledger.files.root / "figures.json"
    assert not page_is_behind(ledger.files, ledger.place), "nothing was published that it could tell of"
    add(ledger, 1, opens_at=NOW)
    ledger.publish(now=NOW, post=nobody)
    assert (page_is_behind(ledger.files, ledger.place), page.exists()) == (True, False)
    ledger.publish(now=NOW, post=nobody, pages=one_page)
    assert (page_is_behind(ledger.files, ledger.place), page.read_bytes()) == (False, b"1 entries")
    add(ledger, 2, opens_at=NOW)
    ledger.publish(now=NOW, post=nobody)
    assert json.loads(figures.read_bytes())["size"] == 3
    assert (page_is_behind(ledger.files, ledger.place), page.read_bytes()) == (True, b"1 entries")
    add(ledger, 1)
    assert ledger.tell(one_page).size == 4
    assert (page_is_behind(ledger.files, ledger.place), page.read_bytes()) == (False, b"3 entries"), (
        "of what is published, and no more"
    )
    page.write_bytes(b"changed")
    ledger.publish(now=NOW, post=nobody, pages=one_page, anew=True)
    assert page.read_bytes() == b"4 entries"
    page.unlink()
    assert page_is_behind(ledger.files, ledger.place)


def test_the_key_and_the_policy_are_made_once_and_the_key_is_its_owner_s_alone(open_ledger: OpenLedger) -> None:
    ledger, again = open_ledger(), open_ledger()
    assert again.key == ledger.key
    assert ledger.place.key_file.stat().st_mode & 0o777 == 0o600
    assert parse_policy(ledger.place.policy_file.read_bytes()).logs[0].key == ledger.key.verifier
    ledger.place.policy_file.write_text("quorum none\n")
    with pytest.raises(SettingsError, match="does not list"):
        open_ledger()
    ledger.place.key_file.chmod(0o644)
    with pytest.raises(SettingsError, match="read by others"):
        open_ledger()


def with_witnesses(ledger: Ledger, open_ledger: OpenLedger, stack: ExitStack) -> tuple[Ledger, list[Witness]]:
    """The ledger under a policy of two out of three witnesses."""
    names = ("north.example", "south.example", "press.example")
    witnesses = [stack.enter_context(served(Witness(name, ledger.key.verifier))) for name in names]
    lines = [f"witness w{at} {one.key.verifier} {one.url}" for at, one in enumerate(witnesses)]
    policy = [f"log {ledger.key.verifier}", *lines, "group all 2 w0 w1 w2", "quorum all", ""]
    ledger.place.policy_file.write_text("\n".join(policy))
    return open_ledger(), witnesses


def test_openings_that_come_due_and_a_shorter_policy_leave_the_public_page_behind(open_ledger: OpenLedger) -> None:
    with ExitStack() as stack:
        ledger, _ = with_witnesses(open_ledger(), open_ledger, stack)
        add(ledger, 1, opens_at=later(60))
        ledger.publish(now=NOW, post=post, pages=one_page)
        assert not page_is_behind(ledger.files, ledger.place)
        ledger.publish(now=later(60), post=nobody)
        assert page_is_behind(ledger.files, ledger.place), "it tells of as many entries, and one of them is opened now"
        ledger.tell(one_page)
        assert not page_is_behind(ledger.files, ledger.place)
    ledger.place.policy_file.write_text(f"log {ledger.key.verifier}\nquorum none\n")
    ledger = open_ledger()
    ledger.publish(now=later(60), post=nobody)
    assert b"witness" not in (ledger.files.root / "policy").read_bytes()
    assert page_is_behind(ledger.files, ledger.place)
    ledger.tell(one_page)
    assert not page_is_behind(ledger.files, ledger.place)


def test_nothing_is_published_before_the_quorum_and_a_witness_that_lagged_is_caught_up(open_ledger: OpenLedger) -> None:
    with ExitStack() as stack:
        ledger, witnesses = with_witnesses(open_ledger(), open_ledger, stack)
        add(ledger, 3)
        for one in witnesses[1:]:
            one.fault = Answer(status=503, body=b"come back later\n")
        published = ledger.publish(now=NOW, post=post)
        assert published.checkpoint is None
        assert {one.witness: one.reason for one in published.silences} == {
            "w1": "it refuses (503): come back later",
            "w2": "it refuses (503): come back later",
        }
        with pytest.raises(UnprovenError, match="Too few witnesses"):
            published.demand(0)
        witnesses[1].fault = None
        published = ledger.publish(now=later(1), post=post)
        published.demand(2)
        note = parse_note((ledger.files.root / "checkpoint").read_bytes())
        # anybody verifies it by the policy that lies beside it
        policy = parse_policy((ledger.files.root / "policy").read_bytes())
        assert policy.verify(note)[0].size == 3
        assert all(one.url is None for one in policy.witnesses)
        # the third one is asked again when there is more, and needs a proof from nothing; the others from size 3
        witnesses[2].fault = None
        add(ledger, 300)
        assert ledger.publish(now=later(2), post=post).silences == ()
        assert [one.heads["hub.example/ledger"].size for one in witnesses] == [303, 303, 303]
        asked = [one.asked for one in witnesses]
        ledger.publish(now=later(3), post=post)
        assert [one.asked for one in witnesses] == asked


def test_a_policy_that_asks_for_more_holds_for_what_was_published_before_too(open_ledger: OpenLedger) -> None:
    with ExitStack() as stack:
        first = open_ledger()
        add(first, 3)
        assert first.publish(now=NOW, post=nobody).whole
        ledger, witnesses = with_witnesses(first, open_ledger, stack)
        for one in witnesses:
            one.fault = Answer(status=503, body=b"down\n")
        assert ledger.standing().checkpoint is None
        published = ledger.publish(now=later(1), post=post)
        assert len(published.silences) == 3
        with pytest.raises(UnprovenError, match="Too few witnesses"):
            published.demand(0)
        for one in witnesses:
            one.fault = None
        ledger.publish(now=later(2), post=post).demand(2)


def test_witnesses_that_answer_nonsense_or_not_at_all_are_named(open_ledger: OpenLedger) -> None:
    with ExitStack() as stack:
        ledger, witnesses = with_witnesses(open_ledger(), open_ledger, stack)
        add(ledger, 1)
        witnesses[0].fault = Answer(status=200, body=b"\xff\n")
        witnesses[1].fault = Answer(status=200, body=b"x" * 2_000_000)
        witnesses[2].fault = Answer(status=409, body=b"7\n", media_type="text/x.tlog.size")
        silences = {one.witness: one.reason for one in ledger.publish(now=NOW, post=post).silences}
        assert "UTF-8" in silences["w0"]
        assert silences["w1"] == "it does not answer (the answer is too large)"
        assert "restored from an older copy" in silences["w2"]
    silences = {one.witness: one.reason for one in ledger.publish(now=NOW, post=post).silences}
    assert all(one.startswith("it does not answer (no connection") for one in silences.values())


def test_openings_are_published_when_they_are_due_and_show_public_fields_alone(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    add(ledger, 2, opens_at=later(3600))
    add(ledger, 1)
    add(ledger, 256, opens_at=NOW)
    ledger.publish(now=NOW, post=nobody)
    first = parse_opened(ledger.files.read_opened(0) or b"")
    assert set(first) == set(range(3, 256))
    assert set(parse_opened(ledger.files.read_opened(1) or b"")) == {256, 257, 258}
    ledger.publish(now=later(3600), post=nobody)
    opened = parse_opened(ledger.files.read_opened(0) or b"")
    assert set(opened) == set(range(256)) - {2}
    entries = held(ledger)
    for number, openings in opened.items():
        assert {one.name for one in openings} == PUBLIC
        for one in openings:
            parse_entry(entries[number]).verify(one)
    with ledger.database.writing() as connection:
        book.destroy(connection, [5], {"country"})
    ledger.publish(now=later(3601), post=nobody)
    opened = parse_opened(ledger.files.read_opened(0) or b"")
    assert {one.name for one in opened[5]} == PUBLIC - {"country"}


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=3653)])
def test_what_was_opened_stays_open_when_the_clock_is_set_back_and_all_files_are_made_anew(
    open_ledger: OpenLedger, back: timedelta
) -> None:
    ledger = open_ledger()
    add(ledger, 2, opens_at=later(3600))
    ledger.publish(now=later(3599), post=nobody)
    assert ledger.files.read_opened(0) is None
    # what is not open yet does not come to be by a clock that runs back
    ledger.publish(now=later(3599) - back, post=nobody)
    assert ledger.files.read_opened(0) is None
    ledger.publish(now=later(3600), post=nobody)
    opened = ledger.files.read_opened(0)
    assert opened is not None
    assert parse_opened(opened).keys() == {0, 1}
    for lose in (lambda: shutil.rmtree(ledger.files.root), lambda: None):
        lose()
        ledger.publish(now=NOW - back, post=nobody, anew=True)
        assert ledger.files.read_opened(0) == opened


def test_a_copy_of_the_files_that_is_older_is_brought_up_with_all_that_was_opened_since(
    open_ledger: OpenLedger, tmp_path: Path
) -> None:
    ledger = open_ledger()
    add(ledger, 300, opens_at=NOW)
    add(ledger, 1, opens_at=later(60))
    ledger.publish(now=NOW, post=nobody)
    shutil.copytree(ledger.files.root, tmp_path / "older")
    add(ledger, 300, opens_at=later(60))
    ledger.publish(now=later(60), post=nobody)
    opened = [ledger.files.read_opened(index) for index in range(3)]
    newest = ledger.files.checkpoint()
    shutil.rmtree(ledger.files.root)
    shutil.copytree(tmp_path / "older", ledger.files.root)
    assert ledger.files.read_opened(1) != opened[1]
    ledger.publish(now=later(61), post=nobody)
    assert ledger.files.checkpoint() == newest
    assert [ledger.files.read_opened(index) for index in range(3)] == opened
    check_log(ledger.files, ledger.policy, against=newest, follow=lambda *_: None)


def test_a_policy_that_became_shorter_is_published(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    add(ledger, 1)
    ledger.publish(now=NOW, post=nobody)
    (ledger.files.root / "policy").write_bytes(b"# what an earlier policy said at some length\n" * 20)
    ledger.publish(now=NOW, post=nobody)
    assert parse_policy((ledger.files.root / "policy").read_bytes()).quorum is None


def test_a_folder_with_another_key_is_not_the_database_s(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    add(ledger, 1)
    ledger.publish(now=NOW, post=nobody)
    for path in (ledger.place.key_file, ledger.place.policy_file):
        path.unlink()
    shutil.rmtree(ledger.files.root)
    with pytest.raises(UnreadableError, match="is not there"):
        open_ledger()
    ledger_key(ledger.place, make=True)
    with pytest.raises(UnprovenError, match="another's than this folder's"):
        open_ledger().publish(now=NOW, post=nobody)


def test_a_database_restored_from_an_older_copy_publishes_nothing_more(open_ledger: OpenLedger, tmp_path: Path) -> None:
    ledger = open_ledger()
    add(ledger, 3)
    ledger.publish(now=NOW, post=nobody)
    older = copied(ledger, tmp_path / "older")
    add(ledger, 2)
    ledger.publish(now=NOW, post=nobody)
    newer = copied(ledger, tmp_path / "newer")
    before = {path: (ledger.files.root / path).read_bytes() for path in paths(ledger)}
    ledger.database.close()
    older()
    restored = open_ledger()
    with pytest.raises(UnprovenError, match="older than the ledger"):
        restored.publish(now=NOW, post=nobody)
    # nor does it help to go on as if nothing had been: another history of the same length
    add(restored, 2, kind=Kind.RECALL)
    with pytest.raises(UnprovenError, match="older than the ledger"):
        restored.publish(now=NOW, post=nobody)
    assert {path: (ledger.files.root / path).read_bytes() for path in paths(ledger)} == before
    restored.database.close()
    newer()
    published = open_ledger().publish(now=NOW, post=nobody)
    assert published.checkpoint is not None
    assert published.checkpoint.size == 5


def test_when_files_and_database_were_taken_back_together_the_witnesses_know(
    open_ledger: OpenLedger, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        first = open_ledger()
        ledger, witnesses = with_witnesses(first, open_ledger, stack)
        first.database.close()
        add(ledger, 3)
        ledger.publish(now=NOW, post=post)
        older = copied(ledger, tmp_path / "older")
        shutil.copytree(ledger.files.root, tmp_path / "files")
        add(ledger, 2)
        ledger.publish(now=NOW, post=post)
        ledger.database.close()
        older()
        shutil.rmtree(ledger.files.root)
        shutil.copytree(tmp_path / "files", ledger.files.root)
        restored = open_ledger()
        add(restored, 1, kind=Kind.RECALL)
        published = restored.publish(now=NOW, post=post)
        with pytest.raises(UnprovenError, match="restored from an older copy"):
            published.demand(3)
        # and once it is as long again, it is another history
        add(restored, 1, kind=Kind.RECALL)
        published = restored.publish(now=NOW, post=post)
        with pytest.raises(UnprovenError, match="another root was cosigned"):
            published.demand(3)
        assert [one.heads["hub.example/ledger"].size for one in witnesses] == [5, 5, 5]


def test_entries_that_were_changed_behind_our_back_are_not_signed(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    add(ledger, 3)
    ledger.publish(now=NOW, post=nobody)
    with ledger.database.writing() as connection:
        drop = "DROP TRIGGER keep_journal_entries_update"
        if connection.dialect.name == "postgresql":
            drop = "DROP TRIGGER keep_journal_entries ON journal_entries"
        connection.execute(text(drop))
        connection.execute(text("UPDATE journal_entries SET entry = openings WHERE number = 1"))
    add(ledger, 1)
    shutil.rmtree(ledger.files.root / "tile")
    with pytest.raises(UnprovenError, match="not those that were signed"):
        ledger.publish(now=NOW, post=nobody)


def test_a_ledger_that_cannot_be_written_says_so_and_goes_on_later(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    add(ledger, 3)
    ledger.files.root.write_text("a file in the way")
    with pytest.raises(OutputError, match="safe in the database"):
        ledger.publish(now=NOW, post=nobody)
    ledger.files.root.unlink()
    ledger.publish(now=NOW, post=nobody).demand(2)


def test_a_checkpoint_of_somebody_else_is_not_taken_for_ours(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    add(ledger, 1)
    ledger.publish(now=NOW, post=nobody)
    note = (ledger.files.root / "checkpoint").read_bytes()
    (ledger.files.root / "checkpoint").write_bytes(note.replace(b"\n1\n", b"\n2\n", 1))
    with pytest.raises(UnprovenError):
        ledger.publish(now=NOW, post=nobody)
    assert parse_checkpoint(parse_note(note).text).size == 1
    assert isinstance(ledger.files, LedgerFiles)
