"""`accord consultation`: the log of who did what with personal data, and why."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Consultations: who did what with personal data, and why.", rich_markup_mode=None
)

InWorkspace = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="From this time on, in UTC.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before this time, in UTC.")]
By = Annotated[str | None, typer.Option("--by", metavar="PERSON", help="Only what this person did.")]
Kind = Annotated[
    str | None,
    typer.Option("--processing", help="Only collection, alteration, consultation, disclosure, combination or erasure."),
]
About = Annotated[
    str | None, typer.Option("--value", help="Only what concerns this indicator; the log itself does not hold it.")
]


@app.callback()
def consultations() -> None:
    """Consultations: who did what with personal data, and why."""


@app.command("list", short_help="List the log of consultations, a page at a time.")
def list_consultations(
    folder: InWorkspace = Path(),
    since: Since = None,
    until: Until = None,
    by: By = None,
    processing: Kind = None,
    value: About = None,
    after: Annotated[int, typer.Option("--after", min=0, help="Only rows with a higher number.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many rows.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the log of consultations, the oldest first, a page at a time.

    Example: accord consultation list --in hub --by j.tan --since 2026-11-01
    """
    from accord.cli.rights.consulting import list_page, wanted

    list_page(folder, wanted(folder, since, until, by, processing, value), after, limit, as_json=as_json)


@app.command("export", short_help="Verify the log of consultations, and write it out as CSV or JSON.")
def export(
    folder: InWorkspace = Path(),
    since: Since = None,
    until: Until = None,
    by: By = None,
    processing: Kind = None,
    value: About = None,
    kept: Annotated[
        str | None,
        typer.Option("--kept", metavar="DIGEST", help="The digest that an earlier export told: it must still hold."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON with what was verified, instead of CSV.")] = False,
) -> None:
    """Verify the log of consultations, and write it to standard output as CSV.

    The whole log is verified, also where only some of it is wanted: that no row was changed, taken out or put in. When
    that does not hold, nothing is written, and the exit code is 7. Keep the digest that is told: with it, whoever
    exports later also knows that nothing was taken off the end.

    Example: accord consultation export --in hub --since 2026-11-01 > november.csv
    """
    from accord.cli.rights.consulting import export_log, wanted

    export_log(folder, wanted(folder, since, until, by, processing, value), kept, as_json=as_json)
