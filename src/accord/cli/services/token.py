"""`accord token`: by what a partner's systems are known."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Tokens: by what partners' systems are known.", rich_markup_mode=None)

In = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.callback()
def tokens() -> None:
    """Tokens: by what partners' systems are known."""


@app.command("make", short_help="Make a token for a partner's system.")
def make(
    partner: Annotated[str, typer.Argument(metavar="PARTNER", help="Whose it is.")],
    name: Annotated[str, typer.Option("--name", help="What it is for, as people know it.")],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="What it lets do: read (by default), write, report, check; several times."),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=730, help="After so many days it opens nothing.")] = 365,
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", help="A certificate in PEM that stands for it: there is no secret then."),
    ] = None,
    folder: In = Path(),
    as_json: AsJson = False,
) -> None:
    """Make a token by which a partner's system is known, and print it, this once.

    The hub keeps only its digest. Hand it over as you would a password; who has lost it gets another. With
    --certificate nothing is printed to be kept secret: who shows that certificate to a proxy that the settings trust
    is known by it, at most until it ends.

    Example: accord token make csirt-th --name "MISP of the CSIRT" --in hub
    """
    from accord.cli.services.tokening import admit_one, make_one

    if certificate is None:
        make_one(folder, partner, name, scope or ["read"], days, as_json=as_json)
    else:
        admit_one(folder, partner, name, scope or ["read"], days, certificate, as_json=as_json)


@app.command("list", short_help="List the tokens that were made.")
def list_tokens(folder: In = Path(), as_json: AsJson = False) -> None:
    """List the tokens that were made: whose they are, and until when they count.

    Example: accord token list --in hub
    """
    from accord.cli.services.tokening import list_all

    list_all(folder, as_json=as_json)


@app.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, or the beginning of it.")],
    folder: In = Path(),
) -> None:
    """Let a token open nothing from now on.

    Example: accord token revoke 7e57d004 --in hub
    """
    from accord.cli.services.tokening import revoke_one

    revoke_one(folder, token)
