"""`accord check`: the public learns whether it is infected, and nobody learns anything else."""

from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person, Why

app = typer.Typer(no_args_is_help=True, help="The public victim check.", rich_markup_mode=None)

In = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.callback()
def check() -> None:
    """The public victim check."""


@app.command("publish", short_help="Publish what each of the persons concerned may be told.")
def publish(folder: In = Path(), person: Person = None, why: Why = None, as_json: AsJson = False) -> None:
    """Publish check data: for each address that was seen as infected, the families and the last day, and no more.

    It is a release to the persons concerned, for victim notification: the release rules are asked, and the ledger has
    its entries before anybody can see it. With witnesses it appears once enough of them have cosigned, by the next
    command or by `accord serve`. What is older than a month, or than may be kept, is left out: so call it every day.

    Example: accord check publish --in hub
    """
    from accord.cli.check.telling import publish_told

    publish_told(folder, person=person, why=why, as_json=as_json)


@app.command("show", short_help="Show which check data is published.")
def show(folder: In = Path(), as_json: AsJson = False) -> None:
    """Show which check data is published, what it rests on, and which versions there were.

    Example: accord check show --in hub
    """
    from accord.cli.check.telling import show_versions

    show_versions(folder, as_json=as_json)
