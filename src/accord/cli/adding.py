"""What a person meets when deliveries are taken into a workspace: the words around `cli.delivering`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer

from accord.agreements.declarations import Dataset
from accord.cli.delivering import Receipt, collected, read_account, take_delivery
from accord.cli.operation import COMPLETE_WITH_REFUSED
from accord.cli.places import reference_in_use
from accord.cli.readying import cores, keep_memory
from accord.cli.snapshotting import in_words, make_snapshot, told
from accord.cli.terminal import progress_bar, say, say_json, show_error, show_table, talk
from accord.columns.instants import read_instant
from accord.formats.catalogue import FORMATS
from accord.operations.declaration import read_workspace
from accord.release.summary import account_of
from accord.vocabulary.errors import RefusedFileError, SettingsError
from accord.workspace.store import Workspace, open_workspace

_COLUMNS = [
    ("file", False),
    *((word, True) for word in ("records", "accepted", "ignored", "rejected", "refused")),
]


def add_files(
    folder: Path, dataset: str, files: Sequence[Path], collected_at: str | None, *, snapshot: bool, as_json: bool
) -> None:
    """Take files for a data set, one after the other; leaves by exit code 3 when something was refused whole."""
    keep_memory()
    workspace = open_workspace(folder)
    now = datetime.now(UTC)
    declared = collected(_declared(workspace, dataset), now if collected_at is None else _time(collected_at))
    reference = reference_in_use()
    receipts: list[Receipt] = []
    refused: list[RefusedFileError] = []
    with workspace.working(), progress_bar() as progress:
        for file in files:
            try:
                receipt = take_delivery(
                    workspace,
                    declared,
                    file,
                    received_at=now,
                    reference=reference,
                    workers=cores(),
                    progress=progress,
                )
            except RefusedFileError as error:
                refused.append(error)
            else:
                receipts.append(receipt)
        made = None
        if snapshot:
            made = make_snapshot(workspace, as_of=now, reference=reference, workers=cores(), progress=progress)
    if as_json:
        accounts = [account_of(one.delivery) | {"delivered_before": one.known} for one in receipts]
        say_json({"deliveries": accounts, "snapshot": None if made is None else told(made)})
    else:
        _tell(receipts)
        if snapshot:
            say(in_words(made, workspace))
        elif not all(receipt.known for receipt in receipts):
            say(f"`accord snapshot make --in {folder}` merges what is new into what was found.")
    for refusal in refused:
        show_error(refusal)
    if refused or any(receipt.delivery.refused for receipt in receipts):
        raise typer.Exit(COMPLETE_WITH_REFUSED)


def _declared(workspace: Workspace, name: str) -> Dataset:
    declared = read_workspace(workspace.settings, FORMATS)
    dataset = declared.dataset(name)
    if dataset is None:
        raise SettingsError(
            "There is no such data set.",
            where=str(workspace.settings),
            expected="one of "
            + (", ".join(one.id for one in declared.datasets) or "none: no data set is declared yet"),
            got=name,
            remedy="declare it in a [[dataset]] table",
        )
    return dataset


def _time(text: str) -> datetime:
    instant = read_instant(text)
    if instant is None:
        raise SettingsError(
            "The time of collection is no time.",
            where="--collected-at",
            expected="a date or a time in UTC, such as 2026-11-23 or 2026-11-23T08:00:00Z",
            got=text,
        )
    return datetime.fromtimestamp(instant / 1_000_000, UTC)


def _tell(receipts: Sequence[Receipt]) -> None:
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
        if one.known:
            talk(f"delivered before, byte for byte, and passed over: {one.delivery.file}")
    for delivery in fresh:
        for refusal in delivery.refused[:5]:
            talk(f"refused: {delivery.file}!/{refusal.member}: {refusal.reason}")
        for note in delivery.notes:
            talk(f"note: {delivery.file}: {note}")


def list_accounts(folder: Path, *, as_json: bool) -> None:
    """Print the account of every delivery."""
    accounts = [read_account(delivery) for delivery in open_workspace(folder).deliveries()]
    accounts.sort(key=lambda account: (account["received_at"], account["dataset"], account["file"], account["sha256"]))
    if as_json:
        say_json(accounts)
    elif not accounts:
        say(f"No delivery yet. `accord delivery add DATASET FILE --in {folder}` takes one.")
    else:
        show_table(
            [("data set", False), ("received (UTC)", False), *_COLUMNS[:-1]],
            [
                (
                    account["dataset"],
                    f"{datetime.fromisoformat(str(account['received_at'])):%Y-%m-%d %H:%M}",
                    account["file"],
                    *(account[name] for name in ("records", "accepted", "ignored", "rejected")),
                )
                for account in accounts
            ],
            wide=True,
        )
