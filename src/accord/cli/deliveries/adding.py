"""What a person meets when deliveries are taken into a workspace: the words around `cli.deliveries.delivering`."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer
from sqlalchemy import Connection

from accord.agreements.declarations import Dataset
from accord.cli.acting import Actor, combining
from accord.cli.deliveries.delivering import Before, Receipt, collected, take_delivery
from accord.cli.deliveries.entering import Gate, read_purpose, settle
from accord.cli.deliveries.kept import read_account
from accord.cli.ledgers.opening import bring_up, demand_standing
from accord.cli.places import reference_in_use
from accord.cli.readying import Progress, cores, keep_memory
from accord.cli.snapshots.snapshotting import Manifest, in_words, make_snapshot, told
from accord.cli.terminal import (
    COMPLETE_WITH_REFUSED,
    counted,
    progress_bar,
    say,
    say_json,
    show_error,
    show_table,
    talk,
)
from accord.columns.instants import read_instant
from accord.formats.catalogue import FORMATS
from accord.intake.feeds import is_feed
from accord.operations.declaration import Declared, read_workspace
from accord.release.summary import account_of
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import RefusedFileError, SettingsError, UnreadableError
from accord.workspace.database import open_database
from accord.workspace.keys import hub_key
from accord.workspace.store import Workspace, open_workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A file that is not on the disk yet."""

    name: str
    content: bytes


_COLUMNS = [
    ("file", False),
    *((word, True) for word in ("records", "accepted", "ignored", "rejected", "refused")),
]


PATIENCE_S = 20
"""Seconds that a job waits for whoever works in the workspace; a person who calls a command is told at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of some files."""

    receipts: tuple[Receipt, ...]
    refused: tuple[RefusedFileError, ...]
    """Those that were refused whole."""
    snapshot: Manifest | None


def add_files(
    folder: Path,
    dataset: str,
    files: Sequence[Path],
    collected_at: str | None,
    purpose: str | None,
    actor: Actor,
    *,
    clock: Callable[[], datetime],
    snapshot: bool,
    as_json: bool,
) -> None:
    """Take files for a data set, one after the other; leaves by exit code 3 when something was refused whole."""
    workspace = open_workspace(folder)
    with progress_bar() as progress:
        taken = take(
            workspace,
            dataset,
            files,
            None if collected_at is None else _time(collected_at, clock()),
            None if purpose is None else read_purpose(purpose),
            actor,
            clock=clock,
            snapshot=snapshot,
            progress=progress,
        )
    if as_json:
        accounts = [
            account_of(one.delivery)
            | {"agreements": list(one.agreements), "erased": one.erased}
            | {"delivered_before": one.known, "before": _before(one.before)}
            for one in taken.receipts
        ]
        say_json({"deliveries": accounts, "snapshot": None if taken.snapshot is None else told(taken.snapshot)})
    else:
        tell(taken.receipts)
        if snapshot:
            say(in_words(taken.snapshot, workspace))
        elif not all(receipt.known for receipt in taken.receipts):
            say(f"`accord snapshot make --in {folder}` merges what is new into what was found.")
    for refusal in taken.refused:
        show_error(refusal)
    if taken.refused or any(receipt.delivery.refused for receipt in taken.receipts):
        raise typer.Exit(COMPLETE_WITH_REFUSED)


def add_later(
    folder: Path,
    dataset: str,
    files: Sequence[Path],
    collected_at: str | None,
    purpose: str | None,
    actor: Actor,
    *,
    clock: Callable[[], datetime],
    snapshot: bool,
    as_json: bool,
) -> None:
    """Queue a job for each file; they must still be there when it is done. Raises UnreadableError when one is not."""
    # whoever takes files at once needs no jobs
    from accord.workspace.jobs import JobKind, queue

    workspace = open_workspace(folder)
    declared = read_workspace(workspace.settings, FORMATS)
    _dataset(workspace, declared, dataset)
    now = clock()
    wanted = None if purpose is None else read_purpose(purpose)
    moment = now if collected_at is None else _time(collected_at, now)
    for file in files:
        if not file.is_file() and not is_feed(file):
            raise UnreadableError(
                "There is no such file.",
                where=str(file),
                expected="one file; an archive is one, and a MISP feed's folder, with its manifest.json",
                got="a folder" if file.is_dir() else None,
                remedy="check the path",
            )
    with open_database(declared.database, to_write=True) as database, database.writing() as connection:
        numbers = [
            queue(
                connection,
                JobKind.IMPORT,
                {
                    "dataset": dataset,
                    "file": str(file.absolute()),
                    "collected_at": moment.isoformat(),
                    "purpose": wanted,
                    "person": actor.person,
                    "why": actor.justification,
                    "snapshot": snapshot,
                },
                now=now,
            )
            for file in files
        ]
    if as_json:
        say_json({"jobs": numbers})
    else:
        say(
            f"Queued: {counted(len(numbers), 'job')}. `accord job work --in {folder}`, or `accord serve`, takes them; "
            "leave the files where they are until then."
        )


def import_file(folder: Path, arguments: Mapping[str, object]) -> str:
    """Do a job that `add_later` queued. Raises RefusedFileError when the file is refused whole."""
    purpose = arguments["purpose"]
    with progress_bar() as progress:
        taken = take(
            open_workspace(folder),
            str(arguments["dataset"]),
            [Path(str(arguments["file"]))],
            datetime.fromisoformat(str(arguments["collected_at"])),
            None if purpose is None else Purpose(str(purpose)),
            Actor(person=str(arguments["person"]), justification=str(arguments["why"])),
            clock=lambda: datetime.now(UTC),
            snapshot=bool(arguments["snapshot"]),
            progress=progress,
            patience_s=PATIENCE_S,
        )
    for refusal in taken.refused:
        raise refusal
    (receipt,) = taken.receipts
    one = receipt.delivery
    if receipt.before is not None:
        return _passed_over(one.file, receipt.before)
    refused = f", {counted(len(one.refused), 'member')} refused" if one.refused else ""
    return f"{one.file}: {counted(one.records, 'record')}, {one.accepted:,} accepted{refused}"


def take(
    workspace: Workspace,
    dataset: str,
    files: Sequence[Path | Held],
    collected_at: datetime | None,
    purpose: Purpose | None,
    actor: Actor,
    *,
    clock: Callable[[], datetime],
    snapshot: bool,
    progress: Progress,
    patience_s: float = 0,
    beside: Callable[[Connection], None] | None = None,
) -> Taken:
    """Take files one after the other, with `beside` in the transaction that lets one in. Raises AccordError."""
    keep_memory()
    now = clock()
    hub = read_workspace(workspace.settings, FORMATS)
    declared = collected(_dataset(workspace, hub, dataset), collected_at or now)
    reference = reference_in_use()
    receipts: list[Receipt] = []
    refused: list[RefusedFileError] = []
    with workspace.working(patience_s=patience_s), open_database(hub.database, to_write=True) as database:
        settle(workspace, database)
        database.take_turn()
        demand_standing(hub.ledger, database)
        gate = Gate(
            database=database,
            settings=str(workspace.settings),
            key=hub_key(hub.hub.key_file),
            purpose=purpose,
            actor=actor,
            clock=clock,
            draw=secrets.token_bytes,
            beside=beside,
        )
        # before anything is read; and again when it was
        gate.ask(declared)
        for file in files:
            try:
                with _on_disk(file, workspace) as path:
                    receipt = take_delivery(
                        workspace,
                        declared,
                        path,
                        gate=gate,
                        received_at=now,
                        reference=reference,
                        workers=cores(),
                        progress=progress,
                    )
            except RefusedFileError as error:
                refused.append(error)
            else:
                receipts.append(receipt)
        # also where nothing is new: a command that was killed may have entered something and not come to this
        bring_up(hub.ledger, database, clock())
        made = None
        if snapshot:
            made = make_snapshot(
                workspace,
                as_of=now,
                reference=reference,
                workers=cores(),
                progress=progress,
                combining=combining(database, actor, clock),
            )
    return Taken(receipts=tuple(receipts), refused=tuple(refused), snapshot=made)


@contextmanager
def _on_disk(file: Path | Held, workspace: Workspace) -> Iterator[Path]:
    if isinstance(file, Path):
        yield file
        return
    with workspace.staging() as staging:
        path = staging / file.name
        path.write_bytes(file.content)
        yield path


def _dataset(workspace: Workspace, declared: Declared, name: str) -> Dataset:
    dataset = declared.dataset(name)
    if dataset is None:
        raise SettingsError(
            "There is no such data set.",
            where=str(workspace.settings),
            expected="one of "
            + (", ".join(one.id for one in declared.datasets) or "none: no data set is declared yet"),
            got=name,
            remedy="declare there in a [[dataset]] table how its files are read, also when what is agreed of it "
            "is recorded already",
        )
    return dataset


def _time(text: str, now: datetime) -> datetime:
    """When something was collected, as an option says it; a day is left to whose clock or zone is another."""
    instant = read_instant(text)
    if instant is None:
        raise SettingsError(
            "The time of collection is no time.",
            where="--collected-at",
            expected="a date or a time in UTC, such as 2026-11-23 or 2026-11-23T08:00:00Z",
            got=text,
        )
    moment = datetime.fromtimestamp(instant / 1_000_000, UTC)
    if moment > now + timedelta(days=1):
        raise SettingsError(
            "The time of collection has not come yet.",
            where="--collected-at",
            expected=f"a time no later than a day after now, {now:%Y-%m-%d %H:%M} UTC",
            got=text,
            remedy="say when the partner collected it; without --collected-at it is taken as collected now",
        )
    return moment


def tell(receipts: Sequence[Receipt]) -> None:
    """Show what became of some files."""
    fresh = [one.delivery for one in receipts if not one.known]
    if fresh:
        show_table(
            _COLUMNS,
            [
                (
                    one.file,
                    one.records,
                    one.accepted,
                    sum(one.ignored.values()),
                    sum(one.rejected.values()),
                    len(one.refused),
                )
                for one in fresh
            ],
            wide=True,
        )
    for one in receipts:
        if one.before is not None:
            talk(_passed_over(one.delivery.file, one.before))
    for one in receipts:
        if one.erased:
            talk(f"{counted(one.erased, 'record')} left out of {one.delivery.file}: erased or corrected before")
    for delivery in fresh:
        for refusal in delivery.refused[:5]:
            talk(f"refused: {delivery.file}!/{refusal.member}: {refusal.reason}")
        for note in delivery.notes:
            talk(f"note: {delivery.file}: {note}")


def _before(before: Before | None) -> dict[str, str] | None:
    return None if before is None else {"file": before.file, "received_at": before.at.isoformat()}


def _passed_over(file: str, before: Before) -> str:
    return (
        f"delivered before, byte for byte, as {before.file} at {before.at:%Y-%m-%d %H:%M} UTC, and passed over: {file}"
    )


def list_accounts(folder: Path, *, as_json: bool) -> None:
    """Print the account of every delivery."""
    workspace = open_workspace(folder)
    accounts = [read_account(delivery) for delivery in workspace.deliveries()]
    recalled = len(workspace.withdrawn())
    accounts.sort(key=lambda account: (account["received_at"], account["dataset"], account["file"], account["sha256"]))
    if as_json:
        say_json(accounts)
        return
    if not accounts and not recalled:
        say(f"No delivery yet. `accord delivery add DATASET FILE --in {folder}` takes one.")
    elif accounts:
        show_table(
            [("data set", False), ("received (UTC)", False), ("SHA-256", False), *_COLUMNS[:-1]],
            [
                (
                    account["dataset"],
                    f"{datetime.fromisoformat(str(account['received_at'])):%Y-%m-%d %H:%M}",
                    str(account["sha256"])[:12],
                    account["file"],
                    *(account[name] for name in ("records", "accepted", "ignored", "rejected")),
                )
                for account in accounts
            ],
            wide=True,
        )
    if recalled:
        none = "" if accounts else "No delivery is in use. "
        say(f"{none}{counted(recalled, 'delivery was', 'deliveries were')} recalled: `accord recall list`.")
