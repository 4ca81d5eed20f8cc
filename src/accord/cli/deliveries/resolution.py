"""`accord resolution`: ask a name server where names point, and keep what it says as a data set's file."""

from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person, WhyAsked

app = typer.Typer(
    no_args_is_help=True, help="Resolutions: addresses of names, asked of a name server.", rich_markup_mode=None
)

NOTHING_FOUND = 1
"""Exit code when no address came back, and so no file was written."""


@app.callback()
def resolutions() -> None:
    """Resolutions: addresses of names, asked of a name server."""


@app.command("collect", short_help="Ask a name server for the addresses of findings' names.")
def collect(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="An output folder of `accord operation run`.")],
    name_server: Annotated[
        str,
        typer.Option(
            "--nameserver",
            metavar="ADDRESS[:PORT]",
            help="Whom to ask. It learns every name; there is no default, and the machine's own is not taken.",
        ),
    ],
    to: Annotated[
        Path, typer.Option("--to", metavar="FILE.jsonl", help="The file to write; one that exists is left as it is.")
    ],
    countries: Annotated[
        list[str] | None,
        typer.Option("--country", metavar="CC", help="Only names of this country's registry; may be given again."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1_000_000, help="Names to ask for, worst first.")
    ] = 10_000,
    timeout_s: Annotated[float, typer.Option("--timeout", min=0.05, max=60, help="Seconds to wait for an answer.")] = 3,
    parallel: Annotated[int, typer.Option("--parallel", min=1, max=64, help="Names asked for at the same time.")] = 16,
    log_in: Annotated[
        Path | None,
        typer.Option(
            "--log",
            metavar="WORKSPACE",
            help="The workspace in whose log it is written who asks. What was made in a workspace needs it.",
        ),
    ] = None,
    person: Person = None,
    why: WhyAsked = None,
    as_json: Annotated[bool, typer.Option("--json", help="The account for programs.")] = False,
) -> None:
    """Ask a name server for the addresses of names among an output folder's findings, and write them as passive DNS.

    No other command sends anything, and no command runs this one. Asking gives something away: whoever runs the name
    server learns every name that the hub looks at, and so may whoever listens on the way; a resolver hands the
    question on to the name servers of each name, which are often the criminals' own, and they learn that somebody
    asks, from where and when. Use a resolver that you trust and that does not show who you are.

    Asked for are domains and hosts of URLs that have no address yet. Never asked for: hashes, addresses, mail
    addresses, names with a finding in review, and findings marked amber+strict or red. The file is declared as a data
    set like any other (docs/resolving.md); a run with it gives the same bytes every time.

    The exit code is 0 when the file was written, 1 when no address came back.

    Example: accord resolution collect out --nameserver 192.0.2.53 --to deliveries/resolved.jsonl --country TH
    """
    from datetime import UTC, datetime

    from accord.attribution.resolver import Patience, read_name_server
    from accord.cli.acting import asking
    from accord.cli.deliveries.resolving import collect_resolutions, tell_collection
    from accord.cli.terminal import progress_bar

    server = read_name_server(name_server)
    with progress_bar() as progress:
        collection = collect_resolutions(
            folder,
            to,
            log_in,
            asking(person, why),
            server=server,
            patience=Patience(timeout_s=timeout_s),
            parallel=parallel,
            countries=countries or [],
            limit=limit,
            now=lambda: datetime.now(UTC),
            progress=progress,
        )
    tell_collection(collection, as_json=as_json)
    if collection.file is None:
        raise typer.Exit(NOTHING_FOUND)
