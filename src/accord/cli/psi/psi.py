"""`accord psi`: organisations learn which of their own values were seen, and the hub how many they asked about."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person, Why

app = typer.Typer(
    no_args_is_help=True, help="Private set intersection with organisations.",
    rich_markup_mode=None,
)  # fmt: skip

In = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.callback()
def intersections() -> None:
    """Private set intersection with organisations: which of their own values were seen."""


@app.command("open", short_help="At the hub: make a session for an organisation.")
def open_(
    operation: Annotated[Path, typer.Argument(metavar="OPERATION", help="The operation file: what is in the set.")],
    to: Annotated[str, typer.Option("--to", metavar="PARTNER", help="The organisation: a recipient of the operation.")],
    budget: Annotated[int, typer.Option("--budget", min=1, help="How many values it may ask about.")],
    days: Annotated[int, typer.Option("--days", min=1, max=31, help="How long the session lasts.")] = 7,
    purpose: Annotated[
        str | None, typer.Option("--purpose", help="victim-notification or network-defence; else the operation's.")
    ] = None,
    folder: In = Path(),
    person: Person = None,
    why: Why = None,
    as_json: AsJson = False,
) -> None:
    """Make a session: a key, the set of what the organisation may be told of, and the ledger's entry that commits to
    both and to the budget.

    What goes into the set is decided by the release rules, as for anything that is handed over: values of the operation
    with the days on which they were seen. It is a disclosure. The organisation can ask once the ledger's witnesses have
    cosigned the entry.

    Example: accord psi open october.toml --to bank-th --budget 20000 --in hub
    """
    from accord.cli.psi.opening import open_session

    open_session(
        folder,
        operation,
        to=to,
        budget=budget,
        lasts=timedelta(days=days),
        purpose=purpose,
        person=person,
        why=why,
        as_json=as_json,
    )


@app.command("serve", short_help="At the hub: answer organisations that have a session.")
def serve(
    folder: In = Path(),
    host: Annotated[
        str, typer.Option("--host", help="The address to listen at; others than loopback ones need --name.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The port to listen at.")] = 8083,
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="A name under which others reach it; several times for several."),
    ] = None,
) -> None:
    """Answer organisations until Ctrl-C or SIGTERM, and destroy the keys of sessions that have ended.

    It is a process and a port of its own. It listens at loopback, for a reverse proxy that speaks TLS. Organisations
    are known by tokens of the scope `check` (docs/psi.md).

    Example: accord psi serve --in hub --port 8083 --name psi.fusion.example
    """
    from accord.cli.psi.serving import serve_sessions

    serve_sessions(folder, host=host, port=port, names=names or [])


@app.command("list", short_help="At the hub: list sessions.")
def list_sessions(folder: In = Path(), as_json: AsJson = False) -> None:
    """List sessions: whose, until when, and how much of each budget is spent.

    Example: accord psi list --in hub
    """
    from accord.cli.psi.closing import list_all

    list_all(folder, as_json=as_json)


@app.command("close", short_help="At the hub: end a session, and destroy its key.")
def close(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="Its id, or the beginning of it.")],
    folder: In = Path(),
    person: Person = None,
    why: Why = None,
) -> None:
    """End a session now: its key is overwritten and removed, and nothing of it is answered any more.

    The ledger's entries about it verify as before.

    Example: accord psi close 7e57d004 --in hub
    """
    from accord.cli.psi.closing import close_one

    close_one(folder, session, person=person, why=why)


@app.command("check", short_help="At an organisation: which of its own values were seen?")
def check(
    customers: Annotated[
        Path, typer.Argument(metavar="CUSTOMERS.csv", help="Its values: columns type, value and day, and any others.")
    ],
    at: Annotated[str, typer.Option("--at", metavar="URL", help="The hub's service, as https://psi.hub.example.")],
    policy: Annotated[Path, typer.Option("--policy", help="Whose signatures count for the hub's ledger.")],
    organisation: Annotated[
        str | None,
        typer.Option("--as", metavar="PARTNER", help="As whom the hub knows you: no other's session."),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="A file with the token; else the variable ACCORD_TOKEN.")
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option("--ca-file", help="Certificates that are trusted, in PEM; else the system's.")
    ] = None,
    state: Annotated[
        Path, typer.Option("--state", help="Where it is kept to what the hub has committed in each epoch.")
    ] = Path("accord-psi.json"),
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the rows that match there, as CSV; else they are printed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the rows of a file whose values a hub has seen on their days, without telling the hub any of them.

    The hub learns how many values were asked about. What it committed to in its ledger is verified first, by the policy
    that you keep, and so is everything that it answers; what does not hold is refused.

    Example: accord psi check CUSTOMERS.csv --at https://psi.hub.example --policy policy --out matches.csv
    """
    from accord.cli.psi.checking import check_file

    check_file(
        customers,
        at,
        policy,
        organisation=organisation,
        token_file=token_file,
        ca_file=ca_file,
        state=state,
        out=out,
        as_json=as_json,
    )
