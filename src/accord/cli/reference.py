"""`accord reference`: the outside world's data, shown and replaced."""

import typer

app = typer.Typer(
    no_args_is_help=True, help="Reference data: countries, networks, warning lists.", rich_markup_mode=None
)


@app.callback()
def references() -> None:
    """Reference data: countries, networks, warning lists, contacts."""
