"""`accord notification`: what was handed over, mailed to its recipients."""

from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person, Why

app = typer.Typer(no_args_is_help=True, help="Notifications: mail to recipients.", rich_markup_mode=None)

In = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.callback()
def all_notifications() -> None:
    """Notifications: mail to recipients."""


@app.command("send", short_help="Mail recipients what was handed over and not yet mailed.")
def send(
    folder: In = Path(),
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="PARTNER", help="Only this recipient; may be given again.")
    ] = None,
    again: Annotated[
        str | None,
        typer.Option(
            "--again", metavar="NOTIFICATION", help="This one too: it failed, or nobody knows whether it went out."
        ),
    ] = None,
    person: Person = None,
    why: Why = None,
    as_json: AsJson = False,
) -> None:
    """Mail recipients what was handed over to them and not yet mailed, as the table [mail] of the settings says.

    One mail a recipient a period, signed, and encrypted to the recipient's certificate; every release rule is asked
    again before. What the mail server does not take is queued, to be tried again (`accord serve`, `accord job work`).

    The exit code is 1 when something was not sent that should have been.

    Example: accord notification send --in hub --why "Case 2026/114"
    """
    from accord.cli.releases.notified import sent

    sent(folder, to=to or [], again=again, person=person, why=why, as_json=as_json)


@app.command("check", short_help="See how mail to each recipient would be signed and encrypted.")
def check(folder: In = Path(), as_json: AsJson = False) -> None:
    """See how mail to each recipient would be signed and encrypted, and until when its certificate is valid.

    Nothing is sent. Call it when a certificate is declared: the exit code is 1 when one is not fit.

    Example: accord notification check --in hub
    """
    from accord.cli.releases.notified import checked

    checked(folder, as_json=as_json)


@app.command("list", short_help="List mails, and what became of each.")
def list_notifications(
    folder: In = Path(),
    overdue: Annotated[
        bool,
        typer.Option("--overdue", help="Only those that failed, bounced, are uncertain, or wait for too long."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List mails to recipients, the oldest first, and what became of each.

    Example: accord notification list --overdue --in hub
    """
    from accord.cli.releases.notified import listed

    listed(folder, overdue=overdue, as_json=as_json)


@app.command("bounces", short_help="Read reports on mail that could not be delivered.")
def bounces(
    place: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="One message, a folder of messages, or a Maildir.")],
    folder: In = Path(),
    as_json: AsJson = False,
) -> None:
    """Read reports on mail that could not be delivered (RFC 3464); the notifications that they name have bounced.

    Files are left where they are. The same again changes nothing.

    Example: accord notification bounces Maildir --in hub
    """
    from accord.cli.releases.notified import bounced

    bounced(folder, place, as_json=as_json)
