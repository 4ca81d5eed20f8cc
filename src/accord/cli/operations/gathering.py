"""An operation inside a workspace: its kept deliveries under their own names, and all rules over what is signed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from accord.access.consultations import Processing
from accord.agreements.agreement import Register
from accord.agreements.declarations import DatasetId
from accord.agreements.register import load_register
from accord.cli.acting import acting, log
from accord.cli.deliveries.kept import DELIVERED, read_account, taken_in, verify_delivery
from accord.cli.operations.running import RunSheet, run_operation
from accord.cli.places import reference_in_use
from accord.cli.readying import cores
from accord.cli.terminal import progress_bar, talk
from accord.formats.catalogue import FORMATS
from accord.intake.receiving import Arrival
from accord.operations.declaration import (
    Declared,
    Operation,
    demand_come,
    read_workspace,
    read_workspace_operation,
)
from accord.release.decisions import load_decisions
from accord.release.erased import wrong_roles
from accord.release.policy import Terms, bound_to, came_in, workspace_terms
from accord.release.question import TakenIn
from accord.release.reviews import Decision, let_go
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.roles import Role
from accord.workspace.database import Database, open_database
from accord.workspace.store import DeliveryFolder, Workspace, open_workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What a run inside a workspace is made from."""

    operation: Operation
    purpose: Purpose
    register: Register
    arrivals: tuple[Arrival, ...]
    received: tuple[TakenIn, ...]
    """When each delivery was received, under which agreements and what for."""
    decisions: tuple[Decision, ...]
    """What analysts decided of findings on warning lists."""
    corrected: Mapping[str, frozenset[Role]]
    """Values that are wrong in these roles, by their HMACs."""

    def terms(self, register: Register, at: datetime) -> Terms:
        """All release rules over a register at a moment."""
        return workspace_terms(
            self.operation,
            register,
            purpose=self.purpose,
            at=at,
            came_in=came_in(register, self.received),
            bound=bound_to(self.received),
            decided=let_go(self.decisions, at),
            corrected=self.corrected,
        )


def gather(
    workspace: Workspace,
    database: Database,
    file: Path,
    purpose: Purpose | None,
    *,
    of: str = "--purpose",
    out_at: datetime | None,
) -> Gathered:
    """Read an operation file for a workspace and see what it is made from; nothing is decided yet.

    `of`: whose the purpose is, for errors. `out_at`: the time at which something of it is to leave the hub; None:
    nothing does.

    Raises SettingsError, also when no purpose is stated, or when what leaves would be dated ahead; UnreadableError when
    a delivery is not whole.
    """
    declared = read_workspace(workspace.settings, FORMATS)
    with database.reading() as connection:
        register = load_register(connection)
        decisions = load_decisions(connection)
        corrected = wrong_roles(connection)
    operation = read_workspace_operation(file, declared, register.partners)
    if out_at is not None:
        demand_come(operation, out_at)
    stated = purpose or operation.purpose
    if stated is None:
        raise SettingsError(
            "It is not said what for.",
            where=f"{file}: operation.purpose",
            expected="one of " + ", ".join(Purpose),
            remedy="state it there, or with --purpose",
        )
    if purpose is not None and operation.purpose not in {None, purpose}:
        raise SettingsError(
            "The operation is for another purpose.",
            where=f"{file}: operation.purpose",
            expected=f"{purpose}, the purpose of {of}",
            got=operation.purpose,
            remedy="name what is for the same purpose: what is found for one does not go out for another",
        )
    arrivals, received = _arrivals(workspace, declared, operation, stated)
    return Gathered(
        operation=operation,
        purpose=stated,
        register=register,
        arrivals=tuple(arrivals),
        received=tuple(received),
        decisions=decisions,
        corrected=corrected,
    )


def _arrivals(
    workspace: Workspace, declared: Declared, operation: Operation, purpose: Purpose
) -> tuple[list[Arrival], list[TakenIn]]:
    """The deliveries that are used; what was taken in for other purposes is not, as if it were not there."""
    places = {one.id: (at, one) for at, one in enumerate(operation.datasets)}
    arrivals: list[Arrival] = []
    received: list[TakenIn] = []
    for folder in _in_order(workspace.deliveries(), declared):
        if folder.dataset not in places:
            continue
        verify_delivery(folder)
        account = read_account(folder)
        if not (folder.path / DELIVERED).exists():
            # its bytes were erased whole, and the account says so
            continue
        taken = taken_in(folder, account)
        if taken.purposes is not None and purpose not in taken.purposes:
            talk(f"left out: {account['file']} was taken in for {', '.join(sorted(taken.purposes))}, not for {purpose}")
            continue
        index, dataset = places[DatasetId(folder.dataset)]
        collected_at = datetime.fromisoformat(str(account["collected_at"]))
        arrivals.append(
            Arrival(
                dataset=replace(dataset, collected_at=collected_at),
                dataset_index=index,
                path=folder.path / DELIVERED,
                name=str(account["file"]),
            )
        )
        received.append(taken)
    return arrivals, received


def _in_order(deliveries: Sequence[DeliveryFolder], declared: Declared) -> list[DeliveryFolder]:
    """By the order in which data sets are declared, then by SHA-256: the same whoever delivered first."""
    order = {one.id: at for at, one in enumerate(declared.datasets)}
    return sorted(deliveries, key=lambda one: (order.get(DatasetId(one.dataset), len(order)), one.sha256))


def run_inside(
    folder: Path,
    file: Path,
    out: Path,
    *,
    purpose: str | None,
    since: Path | None,
    workers: int | None,
    person: str | None,
    why: str | None,
) -> tuple[Operation, RunSheet, Terms]:
    """`accord operation run --in`: nothing leaves the hub by it, and it is logged. Raises AccordError."""
    actor = acting(person, why)
    workspace = open_workspace(folder)
    declared = read_workspace(workspace.settings, FORMATS)
    now = datetime.now(UTC)
    with open_database(declared.database) as database:
        gathered = gather(workspace, database, file, read_purpose(purpose), out_at=None)
        log(database, actor, Processing.COMBINATION, [f"operation {gathered.operation.name}"], now=now)
    terms = gathered.terms(gathered.register, now)
    with progress_bar() as progress:
        sheet = run_operation(
            gathered.operation,
            out,
            reference=reference_in_use(),
            since=since,
            workers=workers or cores(),
            progress=progress,
            arrivals=gathered.arrivals,
            terms=terms,
        )
    return gathered.operation, sheet, terms


def read_purpose(said: str | None) -> Purpose | None:
    """What --purpose says. Raises SettingsError."""
    if said is None:
        return None
    try:
        return Purpose(said)
    except ValueError as error:
        raise SettingsError(
            "There is no such purpose.", where="--purpose", expected="one of " + ", ".join(Purpose), got=said
        ) from error


def now_permitted(connection: Connection, gathered: Gathered, at: datetime) -> Terms:
    """The rules over what is signed at this very moment, on a connection that is about to record a disclosure."""
    return gathered.terms(load_register(connection), at)
