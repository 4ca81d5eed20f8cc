"""`accord format`: which formats deliveries are read in."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Formats that deliveries are read in.", rich_markup_mode=None)


@app.callback()
def formats() -> None:
    """Formats that deliveries are read in."""


@app.command("list", short_help="List the formats by their names.")
def list_formats(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """List the formats by the names that `format = "..."` and `--format` take.

    Example: accord format list
    """
    from accord.cli.terminal import say_json, show_table
    from accord.formats.catalogue import FORMATS

    rows = [(name, str(module.TITLE)) for name, module in FORMATS.items()]
    if as_json:
        say_json([{"name": name, "title": title} for name, title in rows])
    else:
        show_table([("format", False), ("what it is", False)], rows)
