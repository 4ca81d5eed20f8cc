"""Opening a workspace's ledger, and what a person is told of how far it is published."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from accord.agreements.register import enter_earlier, unentered
from accord.cli.kinds import WORKSPACE, taking
from accord.cli.terminal import counted, talk
from accord.formats.catalogue import FORMATS
from accord.journal import book
from accord.journal.files import LedgerFiles
from accord.journal.keeping import (
    Ledger,
    Pages,
    PublicAccount,
    Published,
    open_ledger,
    page_is_behind,
    policy_text,
)
from accord.journal.place import LedgerPlace, read_ledger
from accord.journal.witnesses import post
from accord.operations.declaration import read_workspace
from accord.release.check_versions import enter_never_shown, never_shown_unentered
from accord.release.disclosures import enter_refusals, refusals_unentered
from accord.vocabulary.errors import AccordError, BusyError
from accord.workspace.database import Database, open_database, place_of
from accord.workspace.settings import read_settings
from accord.workspace.store import open_workspace


def ledger_of(settings: Path) -> LedgerPlace:
    """Where the ledger of the workspace with this settings file is. Raises SettingsError, UnreadableError."""
    return read_ledger(read_settings(settings), place_of(settings).hub)


@contextmanager
def opened_ledger(folder: Path, *, to_write: bool = False) -> Iterator[Ledger]:
    """The ledger of the workspace in a folder, with its database. Raises AccordError."""
    with taking((folder, WORKSPACE)):
        workspace = open_workspace(folder)
    declared = read_workspace(workspace.settings, FORMATS)
    with open_database(declared.database, to_write=to_write) as database:
        yield open_ledger(declared.ledger, database)


def publish(ledger: Ledger, now: datetime, *, anew: bool = False) -> Published:
    """Publish, the public page and what was agreed before there was a ledger too.

    Witnesses that have not cosigned are told. Raises AccordError.
    """
    return _publish(ledger, now, pages=pages_of(ledger), anew=anew)


def demand_standing(place: LedgerPlace, database: Database) -> None:
    """Raise LedgerError when database and published ledger tell two histories, before anything is entered, and
    UnreadableError when the key is gone. What else is wrong with key or policy stops no intake: it is told when the
    ledger is brought up."""
    try:
        ledger = open_ledger(place, database)
    except AccordError:
        if not place.key_file.exists():
            raise
        return
    ledger.verify_standing()


def bring_up(place: LedgerPlace, database: Database, now: datetime) -> None:
    """Publish what was just entered: it stands in the database, so that what comes of this is told, and no more.

    The public page is left behind: it takes longer than all the rest, and who takes in much would make it again and
    again before anybody looks.
    """
    try:
        _publish(open_ledger(place, database), now, pages=None)
    except AccordError as error:
        talk(
            f"note: entered, and the ledger's files are not brought up: {error.what} {error.got or ''}".rstrip()
            + " (`accord ledger publish` does it, or says what is wrong)"
        )


def bring_page_up(place: LedgerPlace, database: Database) -> None:
    """Let the public page tell of what is published, where it is behind. Raises AccordError."""
    if page_is_behind(LedgerFiles(place.folder), place):
        ledger = open_ledger(place, database)
        checkpoint = ledger.tell(pages_of(ledger)).checkpoint
        if checkpoint is not None:
            talk(f"the public page tells of {counted(checkpoint.size, 'entry', 'entries')} now")


def keep_page(folder: Path, database: Database, told: str | None = None) -> str | None:
    """Bring the public page up; what keeps it behind, which is said unless it is what was told before."""
    try:
        bring_page_up(ledger_of(open_workspace(folder).settings), database)
    except BusyError:
        # whoever is at it, or the next look, brings it up
        return told
    except AccordError as error:
        if str(error) != told:
            talk(f"the public page stays behind: {error}")
        return str(error)
    return None


def _publish(ledger: Ledger, now: datetime, *, pages: Pages | None, anew: bool = False) -> Published:
    with ledger.database.reading() as connection:
        missing = unentered(connection)
    if missing:
        with ledger.database.writing() as connection:
            enter_earlier(connection, now=now, draw=secrets.token_bytes)
    _take_earlier_back(ledger.database, now)
    published = ledger.publish(now=now, post=post, pages=pages, anew=anew)
    for one in published.silences:
        talk(f"witness {one.witness} has not cosigned: {one.reason}")
    return published


def _take_earlier_back(database: Database, now: datetime) -> None:
    """Take back the entries of what an older Accord refused, or never showed, and did not enter as that."""
    with database.reading() as connection:
        refused, unshown = refusals_unentered(connection), never_shown_unentered(connection)
    if not refused and not unshown:
        return
    with database.writing() as connection:
        at = book.later(connection, now)
        enter_refusals(connection, at, person="accord", draw=secrets.token_bytes)
        enter_never_shown(connection, at, person="accord", draw=secrets.token_bytes)


def pages_of(ledger: Ledger) -> Pages:
    """What makes the public page, in every language that Accord speaks."""
    policy = policy_text(ledger.policy, ledger.key).decode("utf-8", "backslashreplace")

    def pages(account: PublicAccount) -> dict[str, bytes]:
        # templates and catalogues take half a second to load, and no command that does not publish needs them
        from accord.reports.ledger_page import STYLE, Keeper, compose_ledger
        from accord.reports.page import ledger_style, render_ledger
        from accord.workspace.translations import LANGUAGES

        keeper = Keeper(hub=ledger.place.hub, contact=ledger.place.contact, day=account.day)
        page = compose_ledger(account.figures, account.checkpoint, policy, keeper)
        made = {f"index.{one}.html": render_ledger(page, one).encode() for one in LANGUAGES}
        return {STYLE: ledger_style().encode()} | made | {"index.html": made[f"index.{LANGUAGES[0]}.html"]}

    return pages


def in_words(published: Published) -> str:
    """How far the ledger is published, in a sentence."""
    shown = 0 if published.checkpoint is None else published.checkpoint.size
    entries = f"{published.size:,} {'entry' if published.size == 1 else 'entries'}"
    if shown == published.size:
        return f"The ledger has {entries}, and everybody can verify them."
    return f"The ledger has {entries}, of which everybody can verify {shown:,}."
