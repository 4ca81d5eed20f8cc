"""`accord retention`: how long deliveries are kept."""

from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person, Why

app = typer.Typer(
    no_args_is_help=True, help="Retention: how long deliveries are kept, and no longer.", rich_markup_mode=None
)

In = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="As of this date or time in UTC; by default now.")]


@app.callback()
def retention() -> None:
    """Retention: how long deliveries are kept, and no longer."""


@app.command("list", short_help="List deliveries with when each is due.")
def list_(folder: In = Path(), at: At = None, as_json: AsJson = False) -> None:
    """List deliveries with when each is due: by its data set, its agreements, or the cap of five years.

    Example: accord retention list --in hub --at 2027-01-01
    """
    from datetime import UTC, datetime

    from accord.cli.rights.retaining import list_retained

    list_retained(folder, at, now=datetime.now(UTC), as_json=as_json)


@app.command("run", short_help="Purge the deliveries that are due.")
def run(
    folder: In = Path(),
    at: At = None,
    daily: Annotated[
        bool, typer.Option("--daily", help="Only queue it, for every day, as jobs for `accord job work`.")
    ] = False,
    person: Person = None,
    why: Why = None,
    as_json: AsJson = False,
) -> None:
    """Purge the deliveries that are due: bytes, evidence, rejects; snapshots are made without them.

    `accord serve` does it every day by itself; --daily is for who runs `accord job work` instead.

    Example: accord retention run --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.acting import acting
    from accord.cli.rights.retaining import begin_daily
    from accord.cli.rights.retaining import run as purge

    if daily:
        begin_daily(folder, acting(person, why), now=datetime.now(UTC))
        return
    purge(folder, at, acting(person, why), now=datetime.now(UTC), as_json=as_json)
