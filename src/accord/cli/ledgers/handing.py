"""What a hub hands out of its ledger: the proof of one entry, and a copy for everybody."""

from collections.abc import Collection
from pathlib import Path

from accord.cli.ledgers.opening import bring_page_up, opened_ledger
from accord.cli.terminal import counted, say
from accord.journal.book import kept
from accord.journal.copying import copy_log
from accord.journal.keeping import Ledger
from accord.journal.proving import OpenedProof, pick_fields
from accord.vocabulary.errors import OutputError
from accord.workspace.folders import replaced_folder


def prove(folder: Path, number: int, out: Path, opened: tuple[str, ...], partner: str | None) -> None:
    """Write an entry's proof: with fields opened, or closed with the entry beside it. Raises AccordError.

    `partner`: who is given it, and so none that is not its own.
    """
    with opened_ledger(folder) as ledger:
        if opened or partner is not None:
            write_new(out, opened_proof(ledger, number, opened, partner).encode())
            say(str(out))
            return
        with ledger.database.reading() as connection:
            (one,) = kept(connection, [number])
        proof = ledger.prove(number)
        proof.verify(one.entry, ledger.policy)
    entry = out.with_name(f"{out.name}.entry")
    write_new(out, proof.encode())
    write_new(entry, one.entry)
    say(str(out))
    say(str(entry))


def opened_proof(ledger: Ledger, number: int, names: Collection[str], partner: str | None) -> OpenedProof:
    """The proof of an entry with fields opened, verified as its reader will. Raises AccordError."""
    with ledger.database.reading() as connection:
        (one,) = kept(connection, [number])
    found = OpenedProof(entry=one.entry, openings=pick_fields(one, names, partner), proof=ledger.prove(number))
    found.verify(ledger.policy)
    return found


def export(folder: Path, out: Path) -> None:
    """Copy the public files of a ledger. Raises AccordError."""
    with (
        opened_ledger(folder) as ledger,
        replaced_folder(out) as new,
    ):
        ledger.verify_standing()
        bring_page_up(ledger.place, ledger.database)
        size = copy_log(ledger.files, new)
    say(f"{out}: {counted(size, 'entry', 'entries')}, for everybody")


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet. Raises OutputError."""
    try:
        with path.open("xb") as file:
            file.write(data)
    except OSError as error:
        raise OutputError(
            "The file cannot be written, or is there already.", where=str(path), got=error.strerror,
            remedy="choose another place",
        ) from error  # fmt: skip
