"""`accord check`: the public learns whether it is infected, and nobody learns anything else."""

from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person, Why

app = typer.Typer(no_args_is_help=True, help="The public victim check.", rich_markup_mode=None)

In = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.callback()
def check() -> None:
    """The public victim check."""


@app.command("publish", short_help="Publish what each of the persons concerned may be told.")
def publish(folder: In = Path(), person: Person = None, why: Why = None, as_json: AsJson = False) -> None:
    """Publish check data: for each address that was seen as infected, the families and the last day, and no more.

    It is a release to the persons concerned, for victim notification: the release rules are asked, and the ledger has
    its entries before anybody can see it. With witnesses it appears once enough of them have cosigned, by the next
    command or by `accord serve`. What is older than a month, or than may be kept, is left out: so call it every day.

    The exit code is 1 when it tells nobody anything, because nothing was seen or the rules keep all of it back.

    Example: accord check publish --in hub
    """
    from accord.cli.check.telling import publish_told

    publish_told(folder, person=person, why=why, as_json=as_json)


@app.command("show", short_help="Show which check data is published.")
def show(folder: In = Path(), as_json: AsJson = False) -> None:
    """Show which check data is published, what it rests on, and which versions there were.

    Example: accord check show --in hub
    """
    from accord.cli.check.telling import show_versions

    show_versions(folder, as_json=as_json)


@app.command("withdraw", short_help="Let what is published tell nothing of anybody.")
def withdraw(
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, for the log of consultations.")],
    folder: In = Path(),
    person: Person = None,
    as_json: AsJson = False,
) -> None:
    """Let what is published tell nothing of anybody from now on, and destroy what it told.

    A version without any address takes the place of the one that counts, with its entry in the ledger, and waits for no
    witness. The service goes on, and answers everybody that it cannot be told: take it off, too, if that is not wanted.

    Example: accord check withdraw --why "The agreement ends today." --in hub
    """
    from accord.cli.check.telling import withdraw_told

    withdraw_told(folder, person=person, why=why, as_json=as_json)


@app.command("serve", short_help="Run the check's service, from published data.")
def serve(
    settings: Annotated[Path, typer.Option("--settings", help="The service's own settings.")] = Path("check.toml"),
    host: Annotated[
        str, typer.Option("--host", help="The address to listen at; others than loopback ones need names in [hosts].")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The port to listen at.")] = 8090,
) -> None:
    """Run the check's service until Ctrl-C or SIGTERM: a page where anybody learns about their own address.

    It reads published check data and its own settings, knows no workspace, and takes a new version up within seconds
    of its publication. It says on standard output when it answers. How it is set up: docs/check.md.

    Example: accord check serve --settings /etc/accord/check.toml --port 8090
    """
    from accord.cli.check.serving import serve_check

    serve_check(settings, host=host, port=port)
