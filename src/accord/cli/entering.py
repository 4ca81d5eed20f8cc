"""The gate through which deliveries come in: only under an agreement in force, whatever the clock says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from accord.agreements.agreement import Agreement
from accord.agreements.declarations import Dataset
from accord.agreements.passing import permit_intake
from accord.agreements.register import load_register
from accord.vocabulary.datasets import Purpose
from accord.workspace.database import Database
from accord.workspace.settings import SettingsTable

_WORDS = Path("the command's words")
"""Where errors say that an option stands: options are read as a file's keys are."""


def read_purpose(said: str) -> Purpose:
    """A purpose as an option says it. Raises SettingsError."""
    return SettingsTable(file=_WORDS, path="", content={"purpose": said}).choice("purpose", Purpose)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What intake asks before it takes anything in."""

    database: Database
    settings: str
    """Where data sets are declared, for errors."""
    purpose: Purpose | None
    """What the data are taken in for; None: whatever the agreements are for."""
    clock: Callable[[], datetime]

    def ask(self, dataset: Dataset) -> tuple[Agreement, ...]:
        """The agreements that let a data set in now. Raises NotAgreedError, SettingsError."""
        with self.database.reading() as connection:
            register = load_register(connection)
        return permit_intake(register, dataset, self.purpose, self.clock(), settings=self.settings)

    @contextmanager
    def letting_in(self, dataset: Dataset) -> Iterator[tuple[Agreement, ...]]:
        """The agreements that let a data set in; as long as the block lasts nobody can change that.

        Raises NotAgreedError, SettingsError.
        """
        with self.database.writing() as connection:
            register = load_register(connection)
            yield permit_intake(register, dataset, self.purpose, self.clock(), settings=self.settings)
