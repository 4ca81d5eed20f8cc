"""The gate through which deliveries come in: only under an agreement in force, and only with an entry in the ledger.

A delivery and what the database says of it (an entry in the ledger, a row in the log of consultations) lie in two
places, and a command can be killed between any two steps. The order in which it takes them:

1. The delivery is written beside the others, and its bytes reach the disk.
2. A transaction begins: nobody else writes to the database, and no agreement can be ended. If one in force covers the
   data set now, the account is written, and the folder gets the name `.sha256=HEX`, by which nobody sees it: it waits.
3. Entry and row are added, and the transaction is committed.
4. The folder gets its own name.

Whoever works in the workspace next meets at most one delivery that waits. If the ledger has its entry, the command was
killed after 3, and the delivery gets its name; if not, before, and the folder is removed. So no delivery is there
without an entry, and none has two: bytes that were entered for a data set and come again (somebody moved the folder
away) are not entered again, unless they were purged.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, insert, select

from accord.access.consultations import Processing, record
from accord.agreements.agreement import Agreement
from accord.agreements.declarations import Dataset
from accord.agreements.naming import public_name
from accord.agreements.passing import permit_intake
from accord.agreements.register import load_register
from accord.cli.acting import Actor
from accord.cli.deliveries.recalled import kept_from, reference, refuse_recalled
from accord.intake.delivery import Delivery
from accord.journal.book import append, moment, referring
from accord.journal.facts import Fact, Kind
from accord.release.erased import AGAIN, KeptOut, erased_values
from accord.release.notices import RecallKind
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import AccordError
from accord.workspace.database import Database
from accord.workspace.schema import DELIVERED_CONTENTS, JOURNAL_ENTRIES
from accord.workspace.settings import words
from accord.workspace.store import Workspace


def read_purpose(said: str) -> Purpose:
    """A purpose as an option says it. Raises SettingsError."""
    return words({"purpose": said}).choice("purpose", Purpose)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What intake asks before it takes anything in, and what is written down of it."""

    database: Database
    settings: str
    """Where data sets are declared, for errors."""
    key: bytes
    """The hub's, for public names."""
    purpose: Purpose | None
    """What the data are taken in for; None: whatever the agreements are for at that moment."""
    actor: Actor
    clock: Callable[[], datetime]
    draw: Callable[[int], bytes]
    """Random bytes."""
    beside: Callable[[Connection], None] | None = None
    """What else is written down in the transaction that lets a delivery in."""

    def ask(self, dataset: Dataset) -> tuple[Agreement, ...]:
        """The agreements that let a data set in now. Raises NotAgreedError, SettingsError, OutputError."""
        with self.database.reading() as connection:
            return self._permit(connection, dataset, moment(connection, self.clock()))

    def refuse_recalled(self, workspace: Workspace, dataset: Dataset, delivery: Delivery, file: Path) -> None:
        """Raise RefusedFileError when a delivery, or what it holds, was recalled for its data set."""
        with self.database.reading() as connection:
            refuse_recalled(connection, workspace, dataset.id, (delivery.sha256, *delivery.contents), str(file))

    def kept_from(self, dataset: Dataset, delivery: Delivery, file: Path) -> datetime | None:
        """When what a delivery holds was first taken in for its data set; None: never.

        Raises RefusedFileError when it may be kept no longer, NotAgreedError, SettingsError, OutputError.
        """
        with self.database.reading() as connection:
            at = moment(connection, self.clock())
            agreements = self._permit(connection, dataset, at)
            digests = (delivery.sha256, *delivery.contents)
            return kept_from(connection, dataset, digests, agreements, at, str(file))

    def erased(self) -> Mapping[str, KeptOut]:
        """HMACs of values that were erased or corrected, and are not taken in."""
        with self.database.reading() as connection:
            return erased_values(connection)

    def enter(
        self,
        workspace: Workspace,
        dataset: Dataset,
        delivery: Delivery,
        folder: Path,
        account: Mapping[str, object],
        erased: Sequence[tuple[str, int, RecallKind]] = (),
    ) -> tuple[Agreement, ...]:
        """Let a delivery in: its folder gets its account, and appears, with its entry; under these agreements.

        `erased`: what was erased or corrected before and was taken out of it, as the log names it, each with its
        number of records, and which of both.

        Raises NotAgreedError, SettingsError, OutputError; then nothing has come in.
        """
        workspace.flush(folder)
        try:
            with self.database.writing() as connection:
                at = moment(connection, self.clock())
                agreements = self._permit(connection, dataset, at)
                under = {
                    "agreements": [one.id for one in agreements],
                    "purpose": self.purpose,
                    "purposes": self._bound(agreements),
                }
                text = json.dumps({**account, **under}, ensure_ascii=False, indent=2)
                (folder / "account.json").write_text(text + "\n", "utf-8")
                workspace.flush(folder)
                waiting = workspace.lay_down(folder, dataset.id, delivery.sha256)
                self._write_down(connection, dataset, delivery, agreements, at)
                self._write_erased(connection, dataset, delivery, erased, at)
                if self.beside is not None:
                    self.beside(connection)
        except (AccordError, OSError):
            # what a commit came to that nobody has confirmed, only the database knows; the next command asks again
            with suppress(AccordError, OSError):
                settle(workspace, self.database)
            raise
        workspace.reveal(waiting)
        return agreements

    def _bound(self, agreements: tuple[Agreement, ...]) -> list[Purpose]:
        """What the data may be used for from then on: what they are taken in for, whatever is agreed later."""
        covered = {each for one in agreements for each in one.purposes} if self.purpose is None else {self.purpose}
        return [one for one in Purpose if one in covered]

    def _permit(self, connection: Connection, dataset: Dataset, at: datetime) -> tuple[Agreement, ...]:
        return permit_intake(load_register(connection), dataset, self.purpose, at, settings=self.settings)

    def _write_down(
        self,
        connection: Connection,
        dataset: Dataset,
        delivery: Delivery,
        agreements: tuple[Agreement, ...],
        at: datetime,
    ) -> None:
        about = reference(dataset.id, delivery.sha256)
        bound = self._bound(agreements)
        if not _is_entered(connection, dataset.id, delivery.sha256):
            fact = Fact(
                kind=Kind.DELIVERY,
                at=at,
                agreement=" ".join(one.id for one in agreements),
                dataset=public_name(dataset, self.key),
                origin=dataset.origin,
                partner=dataset.partner.id,
                purpose=bound[0] if len(bound) == 1 else None,
                marking=dataset.marking,
                count=delivery.accepted,
                digest=delivery.sha256,
            )
            append(connection, [fact], draw=self.draw, opens_at=at, reference=about)
        self._note_contents(connection, dataset, delivery)
        record(
            connection,
            Processing.COLLECTION,
            person=self.actor.person,
            justification=self.actor.justification or self._what_for(agreements),
            object=about,
            now=at,
        )

    def _write_erased(
        self,
        connection: Connection,
        dataset: Dataset,
        delivery: Delivery,
        erased: Sequence[tuple[str, int, RecallKind]],
        at: datetime,
    ) -> None:
        """An entry that says how many records, and a row of the log for each value."""
        if not erased:
            return
        fact = Fact(
            kind=Kind.ERASURE,
            at=at,
            dataset=public_name(dataset, self.key),
            origin=dataset.origin,
            partner=dataset.partner.id,
            marking=dataset.marking,
            count=sum(records for _, records, _ in erased),
        )
        about = f"returned {dataset.id} {delivery.sha256}"
        append(connection, [fact], draw=self.draw, opens_at=at, reference=about)
        why = f"{AGAIN}: {reference(dataset.id, delivery.sha256)}"
        for name, _, kind in erased:
            record(
                connection,
                Processing.ALTERATION if kind is RecallKind.CORRECTED else Processing.ERASURE,
                person=self.actor.person,
                justification=why,
                object=name,
                now=at,
            )

    def _note_contents(self, connection: Connection, dataset: Dataset, delivery: Delivery) -> None:
        table = DELIVERED_CONTENTS.c
        here = table.dataset == dataset.id, table.delivery == delivery.sha256
        noted = {*connection.execute(select(table.content).where(*here)).scalars()}
        rows = [
            {"dataset": dataset.id, "content": one, "delivery": delivery.sha256}
            for one in delivery.contents
            if one not in noted
        ]
        if rows:
            connection.execute(insert(DELIVERED_CONTENTS), rows)

    def _what_for(self, agreements: tuple[Agreement, ...]) -> str:
        """What stands for a reason where none was given: what lets the data in, and what for."""
        ids = ", ".join(one.id for one in agreements)
        return f"agreement {ids}: {', '.join(self._bound(agreements))}"


def purge_reference(dataset: str, sha256: str, received_at: datetime) -> str:
    """How the entry about a delivery's being purged names it: the same bytes may be taken and purged again."""
    return f"purge {dataset} {sha256} {received_at.isoformat()}"


def settle(workspace: Workspace, database: Database) -> None:
    """Let deliveries that wait appear if they were entered, and remove them if not; the workspace must be held."""
    waiting = workspace.waiting()
    if not waiting:
        return
    # as a writer, so that a transaction of a killed command that the server has not ended yet is over
    with database.writing(keep=False) as connection:
        entered = [_is_entered(connection, one.dataset, one.sha256) for one in waiting]
    for one, is_entered in zip(waiting, entered, strict=True):
        if is_entered and not workspace.place(one.dataset, one.sha256).exists():
            workspace.reveal(one)
        else:
            workspace.withdraw(one.path)


def _is_entered(connection: Connection, dataset: str, sha256: str) -> bool:
    numbers = referring(connection, reference(dataset, sha256))
    if not numbers:
        return False
    purged = select(JOURNAL_ENTRIES.c.number).where(
        JOURNAL_ENTRIES.c.number > numbers[-1],
        JOURNAL_ENTRIES.c.reference.startswith(f"purge {dataset} {sha256} ", autoescape=True),
    )
    return connection.execute(purged.limit(1)).first() is None
