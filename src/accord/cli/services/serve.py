"""`accord serve`: run the services of a workspace."""

from pathlib import Path
from typing import Annotated

import typer


def serve(
    folder: Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")] = Path(),
    host: Annotated[
        str, typer.Option("--host", help="The address to listen at; others than loopback ones need --name.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The port to listen at.")] = 8080,
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="A name under which others reach it; several times for several."),
    ] = None,
) -> None:
    """Run the services of a workspace until Ctrl-C or SIGTERM: the public page, the ledger, health; and do its jobs.

    It listens at loopback only, for a reverse proxy on the same machine, unless something else is asked for. It says
    on standard output when it answers. What it serves, and how it is set up: docs/serving.md.

    Example: accord serve --in hub --port 8080 --name ledger.fusion.example
    """
    from accord.cli.services.serving import serve_workspace

    serve_workspace(folder, host=host, port=port, names=names or [])
