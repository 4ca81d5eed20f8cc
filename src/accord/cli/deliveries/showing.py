"""One delivery of a workspace, as it was accounted for: what was ignored, rejected and refused, and why."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from accord.agreements.declarations import DatasetId, PartnerId
from accord.cli.acting import Actor, log, unlogged
from accord.cli.deliveries.checking import tell_account
from accord.cli.deliveries.kept import AGAIN, damage_named, read_account, verify_delivery
from accord.cli.terminal import counted, say, say_json
from accord.intake.delivery import Delivery, RefusedMember
from accord.vocabulary.errors import AccordError, SettingsError, UnreadableError
from accord.workspace.store import DeliveryFolder, Workspace, open_workspace

_DIGEST = re.compile(r"[0-9a-f]{6,64}")
"""Enough of a SHA-256 to name a delivery by."""

REJECTS = "rejects.parquet"


def show_delivery(folder: Path, wanted: str, shown: int, actor: Actor, *, as_json: bool) -> None:
    """Print the account of one delivery and the first of its rejected records, once it is logged who sees these.

    `wanted`: the name of its file, or the beginning of its SHA-256. Raises SettingsError when that names no delivery
    or several, UnreadableError when the delivery is damaged.
    """
    workspace = open_workspace(folder)
    found = _in_use(workspace, wanted)
    verify_delivery(found)
    account = read_account(found)
    rows, total = _rejects(found.path / REJECTS, shown)
    if rows:
        _log(workspace, found, actor)
    if as_json:
        say_json(account | {"rejects": rows})
        return
    times = [f"{name} {_time(account[f'{name}_at'])}" for name in ("received", "collected")]
    say(f"data set {account['dataset']}, {', '.join(times)}")
    say(_under(account))
    erased = account.get("erased")
    for one in erased if isinstance(erased, list) else ():
        say(_erased(one))
    tell_account(_delivery(account), rows, total)


def _in_use(workspace: Workspace, wanted: str) -> DeliveryFolder:
    """The delivery that is named. Raises SettingsError when there is none, naming the recall where it was recalled."""
    try:
        return named_delivery(workspace.deliveries(), wanted)
    except SettingsError:
        try:
            gone = named_delivery(workspace.withdrawn(), wanted)
        except SettingsError:
            gone = None
        if gone is None:
            raise
    from accord.release.recall import recall_of
    from accord.workspace.database import open_database, place_of

    with open_database(place_of(workspace.settings)) as database, database.reading() as connection:
        recall = recall_of(connection, DatasetId(gone.dataset), gone.sha256)
    raise SettingsError(
        "The delivery was recalled, and is used for nothing.",
        where=f"data set {gone.dataset}, SHA-256 {gone.sha256}",
        got=None if recall is None else f"recall {recall.id} of {recall.at:%Y-%m-%d}, {recall.kind}: {recall.reason}",
        remedy="see `accord recall list`" if recall is None else f"see `accord recall show {recall.id}`",
    )


def _log(workspace: Workspace, delivery: DeliveryFolder, actor: Actor) -> None:
    # sums are shown without the database and its library
    from accord.access.consultations import Processing
    from accord.workspace.database import open_database, place_of

    try:
        database = open_database(place_of(workspace.settings))
    except AccordError as error:
        raise unlogged(error) from error
    with database:
        about = f"delivery {delivery.dataset} {delivery.sha256}"
        log(database, actor, Processing.CONSULTATION, [about], now=datetime.now(UTC))


def named_delivery(deliveries: Sequence[DeliveryFolder], wanted: str) -> DeliveryFolder:
    """A delivery by the name of its file or the beginning of its SHA-256. Raises SettingsError unless it is one."""
    found = []
    if _DIGEST.fullmatch(wanted.lower()):
        found = [one for one in deliveries if one.sha256.startswith(wanted.lower())]
    if not found:
        found = [one for one in deliveries if read_account(one)["file"] == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        raise SettingsError(
            "There are several such deliveries.",
            expected="one of " + ", ".join(f"{one.sha256[:12]} (data set {one.dataset})" for one in found),
            got=wanted,
            remedy="name one by its SHA-256, of which the beginning will do",
        )
    raise SettingsError(
        "There is no such delivery.",
        expected="the name of a file that was delivered, or the beginning of its SHA-256, 6 digits or more",
        got=wanted,
        remedy="see `accord delivery list`",
    )


def _rejects(path: Path, wanted: int) -> tuple[list[dict[str, object]], int]:
    """The first rejected records, and how many there are; a Parquet file that would have no rows is not there."""
    if not path.exists():
        return [], 0
    rows: list[dict[str, object]] = []
    with damage_named(path, AGAIN), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(min(max(wanted, 1), 1 << 16)):
            if len(rows) >= wanted:
                break
            rows += batch.slice(0, wanted - len(rows)).to_pylist()
        return rows, file.metadata.num_rows


def _time(written: object) -> str:
    return f"{datetime.fromisoformat(str(written)):%Y-%m-%d %H:%M} UTC"


def _under(account: Mapping[str, Any]) -> str:
    # an older Accord asked for no agreement, and wrote none down
    if not account.get("agreements"):
        return "no agreement is known under which it was taken in"
    stated = account.get("purpose")
    purposes = account.get("purposes") or ([stated] if stated else [])
    under = f"taken in under {', '.join(account['agreements'])}"
    return f"{under} for {', '.join(purposes)}" if purposes else under


def _erased(noted: Mapping[str, Any]) -> str:
    """What went since, of which the account's other numbers say nothing."""
    if "roles" in noted:
        roles = ", ".join(noted["roles"])
        return (
            f"corrected {_time(noted['at'])}, not {roles}: {counted(noted['records'], 'sighting')}, "
            f"{counted(noted['evidence'], 'row')} of evidence; the file is as it was delivered"
        )
    of_file = {
        "lines": "cut out of the file as it was delivered",
        "as it was": "none of it in the file as it was delivered",
        "destroyed": "the file as it was delivered is destroyed",
    }
    return (
        f"erased {_time(noted['at'])}: {counted(noted['records'], 'record')}, "
        f"{counted(noted['evidence'], 'row')} of evidence; {of_file[noted['delivered']]}"
    )


def _delivery(account: Mapping[str, Any]) -> Delivery:
    try:
        return Delivery(
            partner=PartnerId(account["partner"]),
            dataset=DatasetId(account["dataset"]),
            dataset_index=0,
            file=account["file"],
            sha256=account["sha256"],
            size=account["bytes"],
            formats=tuple(account["formats"]),
            records=account["records"],
            accepted=account["accepted"],
            ignored=account["ignored_by_reason"],
            rejected=account["rejected_by_reason"],
            refused=tuple(
                RefusedMember(member=one["member"], reason=one["reason"], remedy=None) for one in account["refused"]
            ),
            observations=account["observations"],
            resolutions=account["resolutions"],
            notes=tuple(account["notes"]),
        )
    except (KeyError, TypeError) as error:
        raise UnreadableError(
            "A delivery's account cannot be read.",
            where=str(account["file"]),
            got="something else, or a part of one",
            remedy=AGAIN,
        ) from error
