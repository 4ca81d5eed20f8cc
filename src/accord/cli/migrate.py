"""`accord migrate`: make a workspace's database, or bring it up."""

from pathlib import Path
from typing import Annotated

import typer


def migrate(
    folder: Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")] = Path(),
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="Go on with this folder and this database, though they were last used apart."),
    ] = False,
    clock_is_right: Annotated[
        bool,
        typer.Option(
            "--clock-is-right", help="The clock is right, and nothing was entered for a year and more, or ever."
        ),
    ] = False,
) -> None:
    """Make a workspace's database where there is none, or bring an older Accord's up to this one.

    What it holds stays. It is done in one step: a command that is killed leaves the database as it was.

    Folder and database each know by a mark which command changed both last. Where one was restored from an older copy,
    or another folder was used with the database, nothing is changed until the newest of both are together again; where
    those are lost, --adopt goes on with these. `accord ledger audit` says what is missing.

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
    before, after = migrate_database(place, now=now, adopt=adopt, clock_is_right=clock_is_right)
    if adopt:
        say(f"{place}: goes on with {folder}, and with no other folder.")
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
