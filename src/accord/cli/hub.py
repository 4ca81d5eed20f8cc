"""A hub's workspace with all that changes of it need: settings, database, ledger, key, and who may be named."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from accord.agreements.agreement import Register, RegisteredDataset
from accord.agreements.declarations import Dataset, DatasetId, PartnerId
from accord.agreements.naming import public_name
from accord.agreements.register import load_register
from accord.check.place import read_check_place
from accord.columns.instants import read_instant
from accord.formats.catalogue import FORMATS
from accord.journal.keeping import Ledger, open_ledger
from accord.operations.declaration import Declared, read_workspace
from accord.vocabulary.errors import SettingsError
from accord.workspace.database import Database, open_database
from accord.workspace.keys import hub_key
from accord.workspace.settings import read_settings
from accord.workspace.store import DeliveryFolder, Workspace, open_workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHub:
    """A hub, open."""

    workspace: Workspace
    declared: Declared
    ledger: Ledger
    key: bytes
    register: Register

    @property
    def database(self) -> Database:
        """Its database."""
        return self.ledger.database

    def dataset(self, name: str) -> Dataset | RegisteredDataset | None:
        """A data set as it is registered, else as the settings declare it; None: there is none."""
        return self.register.datasets.get(DatasetId(name)) or self.declared.dataset(name)

    def called(self, name: str) -> str:
        """A data set's public name; empty for one that nobody knows any more."""
        found = self.dataset(name)
        return "" if found is None else public_name(found, self.key)

    def partner_of(self, dataset: Dataset | RegisteredDataset) -> PartnerId:
        """Who delivers a data set."""
        return dataset.partner.id if isinstance(dataset, Dataset) else dataset.partner

    def kept(self) -> Sequence[DeliveryFolder]:
        """All deliveries that are kept, those that were recalled too."""
        return [*self.workspace.deliveries(), *self.workspace.withdrawn()]


def declared_in(workspace: Workspace) -> Declared:
    """What a workspace's settings declare; of the check, too, it is told when they are read. Raises SettingsError."""
    declared = read_workspace(workspace.settings, FORMATS)
    table = read_settings(workspace.settings)
    if table.offers("check"):
        read_check_place(table, workspace.root)
    return declared


@contextmanager
def opened_hub(folder: Path, *, to_write: bool = False) -> Iterator[OpenHub]:
    """The hub of the workspace in a folder; `to_write` as `open_database` has it. Raises AccordError."""
    workspace = open_workspace(folder)
    declared = declared_in(workspace)
    with open_database(declared.database, to_write=to_write) as database:
        with database.reading() as connection:
            register = load_register(connection)
        yield OpenHub(
            workspace=workspace,
            declared=declared,
            ledger=open_ledger(declared.ledger, database),
            key=hub_key(declared.hub.key_file),
            register=register,
        )


def read_time(text: str | None, option: str, now: datetime) -> datetime:
    """A time as an option says it; None: now. Raises SettingsError."""
    if text is None:
        return now
    instant = read_instant(text)
    if instant is None:
        raise SettingsError(
            "This is no time.",
            where=option,
            expected="a date or a time in UTC, such as 2026-11-23 or 2026-11-23T08:00:00Z",
            got=text,
        )
    return datetime.fromtimestamp(instant / 1_000_000, UTC)
