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
    from datetime import UTC, datetime

    from accord.cli.terminal import say
    from accord.workspace.database import migrate_database, place_of
    from accord.workspace.store import open_workspace

    place = place_of(open_workspace(folder).settings)
    before, after = migrate_database(place, now=datetime.now(UTC))
    if before is None:
        say(f"{place}: made, revision {after}.")
    elif before == after:
        say(f"{place}: revision {after} already.")
    else:
        say(f"{place}: brought up from revision {before} to {after}.")
