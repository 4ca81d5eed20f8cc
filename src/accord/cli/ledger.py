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
def publish(folder: In = Path()) -> None:
    """Bring the ledger's files up to its database: tiles, a signed checkpoint, openings that are due.

    Commands that add entries do it by themselves. It is for when witnesses could not be reached, when an embargo has
    ended, or when files were lost: what is missing is made anew.

    Example: accord ledger publish --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.ledgering import in_words, opened_ledger
    from accord.cli.ledgering import publish as publish_ledger
    from accord.cli.terminal import say
    from accord.vocabulary.errors import LedgerError

    with opened_ledger(folder) as ledger:
        published = publish_ledger(ledger, datetime.now(UTC))
    say(in_words(published))
    if not published.whole:
        raise typer.Exit(LedgerError.exit_code)
