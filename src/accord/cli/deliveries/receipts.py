"""The receipt of a delivery: its entry in the ledger, opened as far as it is its partner's own (docs/partners.md)."""

from collections.abc import Collection
from pathlib import Path

from sqlalchemy import Connection

from accord.cli.deliveries.recalled import reference
from accord.cli.ledgers.handing import write_new
from accord.cli.ledgers.opening import opened_ledger
from accord.cli.terminal import say
from accord.formats.catalogue import FORMATS
from accord.journal.book import kept, referring
from accord.journal.facts import Kind
from accord.journal.keeping import Ledger
from accord.journal.proving import OWN, OpenedProof, is_about, pick_fields
from accord.operations.declaration import read_workspace
from accord.vocabulary.errors import SettingsError
from accord.workspace.store import open_workspace


def receipt_of(ledger: Ledger, dataset: str, sha256: str, partner: str) -> OpenedProof | None:
    """The receipt of a delivery for the partner that its entry names; None: the ledger has no such entry.

    The newest entry counts, where the same bytes came again after they were purged. A delivery that was purged, erased
    or recalled had its entry all the same. What was destroyed is left closed. Raises UnprovenError when the entry is
    under no published checkpoint yet.
    """
    with ledger.database.reading() as connection:
        found = [
            one
            for one in kept(connection, referring(connection, reference(dataset, sha256)))
            if one.kind is Kind.DELIVERY and is_about(one, partner)
        ]
    if not found:
        return None
    left = {one.name for one in found[-1].openings}
    openings = pick_fields(found[-1], [name for name in OWN if name in left], partner)
    proof = OpenedProof(entry=found[-1].entry, openings=openings, proof=ledger.prove(found[-1].number))
    proof.verify(ledger.policy)
    return proof


def write_receipt(folder: Path, wanted: str, out: Path) -> None:
    """Write the receipt of a delivery, named as `show` names it or as `DATASET.SHA256`. Raises AccordError."""
    declared = read_workspace(open_workspace(folder).settings, FORMATS)
    partners = {one.id: one.partner.id for one in declared.datasets}
    with opened_ledger(folder) as ledger:
        with ledger.database.reading() as connection:
            dataset, sha256 = _named(connection, wanted, partners, folder)
        found = receipt_of(ledger, dataset, sha256, partners[dataset])  # type: ignore[index]
    if found is None:
        raise SettingsError(
            "The ledger has no entry of that delivery that names its partner.",
            got=wanted,
            remedy="`accord ledger list` says what it has",
        )
    write_new(out, found.encode())
    say(str(out))


def _named(connection: Connection, wanted: str, datasets: Collection[str], folder: Path) -> tuple[str, str]:
    dataset, _, sha256 = wanted.rpartition(".")
    # what was purged or erased has its entry, and no folder by which it would be found
    if dataset in datasets and referring(connection, reference(dataset, sha256.lower())):
        return dataset, sha256.lower()
    from accord.cli.deliveries.showing import named_delivery

    workspace = open_workspace(folder)
    found = named_delivery((*workspace.deliveries(), *workspace.withdrawn()), wanted)
    return found.dataset, found.sha256
