"""`accord dataset`: what partners collect, as agreements name it."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Data sets: what one partner collects in one way.", rich_markup_mode=None)

InWorkspace = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
File = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="A TOML file (docs/agreements.md); by default the workspace's own settings."),
]
CheckOnly = Annotated[bool, typer.Option("--check", help="Only look: show what would change, and write nothing.")]


@app.callback()
def datasets() -> None:
    """Data sets: what one partner collects in one way."""


@app.command("add")
def add(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="The id by which others name it.")],
    title: Annotated[str, typer.Option("--title", help="What it is, in words.")],
    partner: Annotated[str, typer.Option("--partner", help="The id of the partner that collects it.")],
    origin: Annotated[
        str, typer.Option("--origin", help="How it is collected: sinkhole, honeypot, telemetry, scan ...")
    ],
    legal_basis: Annotated[str, typer.Option("--legal-basis", help="Why the partner may hand it over.")],
    marking: Annotated[str, typer.Option("--marking", help="TLP label of what is in it, at least.")],
    grade: Annotated[str, typer.Option("--grade", help="Admiralty source grade, a to g.")],
    retention: Annotated[str, typer.Option("--retention", help="How long it may be kept, such as P1Y.")],
    personal_data: Annotated[
        bool, typer.Option("--personal-data/--no-personal-data", help="Is there personal data in it?")
    ],
    name_partner: Annotated[bool, typer.Option("--name-partner", help="Reports may name the partner.")] = False,
    share_with: Annotated[
        list[str] | None,
        typer.Option("--share-with", help="A partner that alone may get it; several times for several."),
    ] = None,
    upstream: Annotated[str | None, typer.Option("--upstream", help="Who collected it, if it is passed on.")] = None,
    folder: InWorkspace = Path(),
    as_json: AsJson = False,
) -> None:
    """Record a data set: what one partner collects in one way.

    How its files are read is not recorded here.

    Example: accord dataset add vendor-sinkhole --title "Infected machines" --partner vendor --origin sinkhole
    --legal-basis legitimate-interest --marking amber --grade b --retention P1Y --personal-data --in hub
    """
    from accord.cli.register.registering import add_one

    content = {
        "id": dataset,
        "title": title,
        "partner": partner,
        "origin": origin,
        "legal_basis": legal_basis,
        "marking": marking,
        "grade": grade,
        "retention": retention,
        "personal_data": personal_data,
        "name_partner": name_partner,
        "share_with": share_with,
        "upstream": upstream,
    }
    add_one(folder, "dataset", content, as_json=as_json)


@app.command("show")
def show(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Its id.")],
    folder: InWorkspace = Path(),
    as_json: AsJson = False,
) -> None:
    """Show a data set as it is recorded, and what became of it.

    Example: accord dataset show vendor-sinkhole --in hub
    """
    from accord.cli.register.registering import show_one

    show_one(folder, "dataset", dataset, as_json=as_json)


@app.command("list")
def list_datasets(folder: InWorkspace = Path(), as_json: AsJson = False) -> None:
    """List the data sets that are recorded.

    Each is shown with the agreements under which it may pass now.

    Example: accord dataset list --in hub
    """
    from accord.cli.register.registering import list_all

    list_all(folder, "dataset", as_json=as_json)


@app.command("apply")
def apply(file: File = None, folder: InWorkspace = Path(), check: CheckOnly = False, as_json: AsJson = False) -> None:
    """Take over data sets and their partners from a file.

    All that it declares is taken over, or none of it.

    What differs from what is recorded is shown before and after; what the file does not name stays. Doing it again
    changes nothing.

    Example: accord dataset apply agreements.toml --in hub
    """
    from accord.cli.register.registering import apply_file

    apply_file(folder, "dataset", file, check=check, as_json=as_json)
