"""`accord user`: people of partners, by name and password."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Users: people of partners, known by name and password.", rich_markup_mode=None
)

In = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]


@app.callback()
def users() -> None:
    """Users: people of partners, known by name and password."""


@app.command("make", short_help="Let a person of a partner in, by name and password.")
def make(
    name: Name,
    partner: Annotated[str, typer.Option("--partner", help="Whose they are.")],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="What they may do: read (by default), write; several times."),
    ] = None,
    folder: In = Path(),
) -> None:
    """Let a person of a partner in, by name and password.

    The password is asked for, twice, or read from the first line of standard input where that is no terminal. The
    hub keeps what cannot be turned back into it.

    Example: accord user make somchai --partner csirt-th --in hub
    """
    from accord.cli.services.users import make_one

    make_one(folder, name, partner, scope or ["read"])


@app.command("password", short_help="Give a user another password.")
def password(name: Name, folder: In = Path()) -> None:
    """Give a user another password, which is asked for as by `accord user make`; the old one opens nothing any more.

    Example: accord user password somchai --in hub
    """
    from accord.cli.services.users import change_one

    change_one(folder, name)


@app.command("list", short_help="List the users.")
def list_users(folder: In = Path(), as_json: AsJson = False) -> None:
    """List the users: whose they are, and what they may do.

    Example: accord user list --in hub
    """
    from accord.cli.services.users import list_all

    list_all(folder, as_json=as_json)


@app.command("close", short_help="Let a user in no more.")
def close(name: Name, folder: In = Path()) -> None:
    """Let a user in no more. Nobody else gets the name: it stands in the log of consultations.

    Example: accord user close somchai --in hub
    """
    from accord.cli.services.users import close_one

    close_one(folder, name)
