"""What a hub hands out of its ledger: the proof of one entry, and a copy for everybody."""

from pathlib import Path

from accord.cli.ledgers.opening import bring_page_up, opened_ledger
from accord.cli.terminal import counted, say
from accord.journal.book import kept
from accord.journal.copying import copy_log
from accord.vocabulary.errors import OutputError
from accord.workspace.folders import replaced_folder


def prove(folder: Path, number: int, out: Path) -> None:
    """Write an entry's proof, and the entry beside it. Raises AccordError."""
    with opened_ledger(folder) as ledger:
        with ledger.database.reading() as connection:
            (one,) = kept(connection, [number])
        proof = ledger.prove(number)
        proof.verify(one.entry, ledger.policy)
    entry = out.with_name(f"{out.name}.entry")
    write_new(out, proof.encode())
    write_new(entry, one.entry)
    say(str(out))
    say(str(entry))


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
