"""`accord operation`: run an operation file."""

from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person, Why
from accord.cli.terminal import COMPLETE_WITH_REFUSED

app = typer.Typer(
    no_args_is_help=True, help="Operations: from deliveries to Cyber Activity Reports.", rich_markup_mode=None
)


@app.callback()
def operations() -> None:
    """Operations: from deliveries to Cyber Activity Reports."""


@app.command("run", short_help="Write every country's Cyber Activity Reports.")
def run(
    file: Annotated[Path, typer.Argument(metavar="OPERATION.toml", help="The operation file.")],
    out: Annotated[Path, typer.Option("--out", help="The output folder; replaced whole when the run is complete.")],
    since: Annotated[
        Path | None, typer.Option("--since", help="An earlier output: reports then say what is new, gone and changed.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, max=64, help="Processes and threads; by default one a core.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--in", help="A workspace: read what it keeps, and ask its agreements what may be shown to whom."),
    ] = None,
    purpose: Annotated[
        str | None, typer.Option("--purpose", help="In a workspace: what for, unless the operation file says so.")
    ] = None,
    person: Person = None,
    why: Why = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json instead of tables.")] = False,
) -> None:
    """Read an operation's deliveries and write every country's Cyber Activity Reports.

    The exit code is 0 when everything was taken, 3 when the run is complete but files were refused. With --in it is a
    workspace's deliveries that are read, and reports show what agreements in force permit; `accord release make` hands
    them over.

    Example: accord operation run examples/public-feeds.toml --out out
    """
    from datetime import UTC, datetime

    from accord.cli.operations.running import run_operation
    from accord.cli.operations.telling import tell_ahead, tell_run
    from accord.cli.places import reference_in_use
    from accord.cli.readying import cores
    from accord.cli.terminal import progress_bar, say_json
    from accord.formats.catalogue import FORMATS
    from accord.operations.declaration import read_operation
    from accord.vocabulary.errors import SettingsError

    if since is not None and not (since / "summary.json").is_file():
        raise SettingsError(
            "The earlier output is none.",
            where=str(since),
            expected="a folder that `accord operation run` wrote",
            got="a folder without summary.json" if since.is_dir() else "no such folder",
            remedy="correct --since, or leave it out",
        )
    if folder is None:
        for option, said in (("--purpose", purpose), ("--why", why)):
            if said is not None:
                raise SettingsError(f"{option} has a meaning in a workspace only.", where=option, remedy="add --in DIR")
        operation, terms = read_operation(file, FORMATS), None
        with progress_bar() as progress:
            sheet = run_operation(
                operation,
                out,
                reference=reference_in_use(),
                since=since,
                workers=workers or cores(),
                progress=progress,
            )
    else:
        from accord.cli.operations.gathering import run_inside

        operation, sheet, terms = run_inside(folder, file, out, purpose=purpose, since=since, workers=workers,
                                             person=person, why=why)  # fmt: skip
    if as_json:
        say_json(sheet.summary)
    else:
        tell_run(sheet, operation, terms)
    tell_ahead(operation, datetime.now(UTC))
    if sheet.refused:
        raise typer.Exit(COMPLETE_WITH_REFUSED)


@app.command("score", short_help="Say how much of an operation was done.")
def score(
    operation: Annotated[str, typer.Argument(metavar="OPERATION", help="Its name, as the operation file has it.")],
    folder: Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")] = Path(),
    role: Annotated[
        list[str] | None,
        typer.Option(
            "--role", metavar="ROLE", help="Count this role; may be given again. By default what servers are."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it as a page with charts, too (HTML).")
    ] = None,
    language: Annotated[str, typer.Option("--language", help="Of the page: en, fr, es, ar or de.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say which share of the servers of an operation was acted on, by country, network and week.

    It is what recipients report (`accord outcome import`): done, of what was handed over and nobody calls wrong.

    Example: accord operation score october-2026 --in hub --out score.html
    """
    from accord.cli.operations.scoring import tell_score

    tell_score(folder, operation, role or [], out, language, as_json=as_json)
