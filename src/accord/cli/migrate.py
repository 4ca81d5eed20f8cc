"""`accord migrate`: make a workspace's database, or bring it up."""

from pathlib import Path
from typing import Annotated

import typer


def migrate(
    folder: Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")] = Path(),
) -> None:
    """Make a workspace's database where there is none, or bring an older Accord's up to this one.

    What it holds stays. It is done in one step: a command that is killed leaves the database as it was.

    Example: accord migrate --in hub
    """
    import secrets
    from datetime import UTC, datetime

    from accord.agreements.register import enter_earlier
    from accord.cli.terminal import counted, say
    from accord.workspace.database import migrate_database, open_database, place_of
    from accord.workspace.store import open_workspace

    place = place_of(open_workspace(folder).settings)
    now = datetime.now(UTC)
    before, after = migrate_database(place, now=now)
    # where this is not reached, the next change of an agreement or publishing does it
    with open_database(place) as database, database.writing() as connection:
        entered = enter_earlier(connection, now=now, draw=secrets.token_bytes)
    if before is None:
        say(f"{place}: made, revision {after}.")
    elif before == after:
        say(f"{place}: revision {after} already.")
    else:
        say(f"{place}: brought up from revision {before} to {after}.")
    if entered:
        say(f"{counted(len(entered), 'agreement')} from before there was a ledger: entered in it.")
