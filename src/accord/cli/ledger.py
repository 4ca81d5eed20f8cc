"""`accord ledger`: the account that all sides can check."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="The ledger: an account that all sides can check.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

In = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]


@app.command("publish", short_help="Bring the ledger's files up to the database.")
def publish(
    folder: In = Path(),
    anew: Annotated[bool, typer.Option("--anew", help="Make every file again, whatever is there.")] = False,
) -> None:
    """Bring the ledger's files up to its database: tiles, a signed checkpoint, openings that are due.

    Commands that add entries do it by themselves. It is for when witnesses could not be reached, when an embargo has
    ended, or when the folder was lost: it is made anew. With --anew everything in it is, also what was damaged.

    Example: accord ledger publish --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.ledgering import in_words, opened_ledger
    from accord.cli.ledgering import publish as publish_ledger
    from accord.cli.terminal import say
    from accord.vocabulary.errors import LedgerError

    with opened_ledger(folder) as ledger:
        published = publish_ledger(ledger, datetime.now(UTC), anew=anew)
    say(in_words(published))
    if not published.whole:
        raise typer.Exit(LedgerError.exit_code)


@app.command("check", short_help="Verify a whole ledger by its files, offline.")
def check(
    log: Annotated[str, typer.Argument(metavar="LOG", help="A ledger's folder, or its http:// or https:// URL.")],
    packages: Annotated[
        list[Path] | None, typer.Argument(metavar="[PACKAGE HANDOVER]...", help="Packages that must stand in it.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The log and the witnesses that you rely on.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="CHECKPOINT", help="A checkpoint that you kept: the log must go on from it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Verify a whole ledger: its signatures, every entry, tile and opening, and the figures that it publishes.

    It needs no hub, no workspace and no network: a copy of the ledger's folder will do. Keep the file `checkpoint`
    of today, and name it with --against next time: then nothing can have been taken back in between.

    Example: accord ledger check hub/ledger --policy policy --against checkpoint-2026-11
    """
    from accord.cli.ledgerchecking import check as check_ledger

    check_ledger(log, policy, against, packages or [], as_json=as_json)
