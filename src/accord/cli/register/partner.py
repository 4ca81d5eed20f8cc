"""`accord partner`: organisations that contribute or receive."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Partners: organisations that contribute or receive.", rich_markup_mode=None
)

InWorkspace = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
File = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="A TOML file (docs/agreements.md); by default the workspace's own settings."),
]
CheckOnly = Annotated[bool, typer.Option("--check", help="Only look: show what would change, and write nothing.")]


@app.callback()
def partners() -> None:
    """Partners: organisations that contribute or receive."""


@app.command("add")
def add(
    partner: Annotated[str, typer.Argument(metavar="PARTNER", help="The id by which others name it.")],
    name: Annotated[str, typer.Option("--name", help="As people know it.")],
    kind: Annotated[
        str, typer.Option("--kind", help="vendor, csirt, police, auditor, network-owner or public.")
    ] = "vendor",
    country: Annotated[str | None, typer.Option("--country", help="Where it sits, such as TH.")] = None,
    age: Annotated[
        str | None, typer.Option("--age", metavar="KEY", help="The age key to which its packages are opened.")
    ] = None,
    receipts: Annotated[
        str | None, typer.Option("--receipts", metavar="KEY", help="The verifier key of its receipts.")
    ] = None,
    networks: Annotated[
        list[str] | None,
        typer.Option("--network", metavar="AS|PREFIX", help="A network owner's own; may be given again."),
    ] = None,
    folder: InWorkspace = Path(),
    as_json: AsJson = False,
) -> None:
    """Record an organisation that contributes or receives.

    Example: accord partner add vendor --name "A vendor" --country JP --in hub
    """
    from accord.cli.register.registering import add_one

    content = {
        "id": partner,
        "name": name,
        "kind": kind,
        "country": country,
        "age": age,
        "receipts": receipts,
        "networks": networks,
    }
    add_one(folder, "partner", content, as_json=as_json)


@app.command("show")
def show(
    partner: Annotated[str, typer.Argument(metavar="PARTNER", help="Its id.")],
    folder: InWorkspace = Path(),
    as_json: AsJson = False,
) -> None:
    """Show a partner as it is recorded, and what became of it.

    Example: accord partner show vendor --in hub
    """
    from accord.cli.register.registering import show_one

    show_one(folder, "partner", partner, as_json=as_json)


@app.command("list")
def list_partners(folder: InWorkspace = Path(), as_json: AsJson = False) -> None:
    """List the partners that are recorded.

    Example: accord partner list --in hub
    """
    from accord.cli.register.registering import list_all

    list_all(folder, "partner", as_json=as_json)


@app.command("apply")
def apply(file: File = None, folder: InWorkspace = Path(), check: CheckOnly = False, as_json: AsJson = False) -> None:
    """Take over partners from a file.

    All that it declares is taken over, or none of it.

    What differs from what is recorded is shown before and after; what the file does not name stays. Doing it again
    changes nothing.

    Example: accord partner apply agreements.toml --in hub
    """
    from accord.cli.register.registering import apply_file

    apply_file(folder, "partner", file, check=check, as_json=as_json)
