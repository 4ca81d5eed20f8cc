"""`accord subject`: what is held about one value, and the rights of the person behind it."""

from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person, WhyAsked

app = typer.Typer(
    no_args_is_help=True,
    help="Persons' rights: what is held about a value; erase it.",
    rich_markup_mode=None,
)

Value = Annotated[str, typer.Argument(metavar="VALUE", help="An address, mail address, ...; defanged or not.")]
Reason = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, without the value; recipients read it.")]
In = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
Due = Annotated[int, typer.Option("--due", min=1, max=365, help="Days until recipients should answer.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Copy the notices here, a folder a recipient.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.callback()
def subjects() -> None:
    """Persons' rights: what is held about a value; erase it."""


@app.command("find", short_help="Say what is held about a value, and who was given it.")
def find(
    value: Value, why: WhyAsked = None, person: Person = None, folder: In = Path(), as_json: AsJson = False
) -> None:
    """Say what is held about a value: in deliveries, evidence, snapshots, rejects, resolutions; and who was given it.

    It is written into the log of consultations.

    Example: accord subject find 203.0.113[.]7 --why "request of 27 November" --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.acting import asking
    from accord.cli.rights.subjects import find as find_subject

    find_subject(folder, value, asking(person, why), now=datetime.now(UTC), as_json=as_json)


@app.command("correct", short_help="Take what is wrong about a value out of use, and tell recipients.")
def correct(
    value: Value,
    why: Reason,
    right: Annotated[str, typer.Option("--right", metavar="TEXT", help="What is right instead.")],
    wrong: Annotated[
        list[str] | None,
        typer.Option("--wrong", metavar="ROLE", help="As what it is wrong, such as c2-server; by default all. Again."),
    ] = None,
    due: Due = 14,
    out: Out = None,
    person: Person = None,
    folder: In = Path(),
    as_json: AsJson = False,
) -> None:
    """Take what is said of a value out of use because it is wrong, and tell past recipients what is right.

    It stays: whoever delivers the same again, it is not used, until `accord subject allow`. With --wrong what else is
    said of the value stays in use, and what was delivered stays as it is.

    Example: accord subject correct 203.0.113.7 --why "never infected" --right "a scanner of the owner" --in hub

    Example: accord subject correct 203.0.113.7 --wrong c2-server --why "shared host" --right "a broken-in site"
    --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.acting import acting
    from accord.cli.rights.subjects import erase as erase_subject
    from accord.release.notices import RecallKind

    actor, now, reason = acting(person, None), datetime.now(UTC), f"{why} Right is: {right}"
    erase_subject(
        folder, value, RecallKind.CORRECTED, reason, due, out, actor, now=now, as_json=as_json, wrong=wrong or ()
    )


@app.command("erase", short_help="Erase what is held about a value, and tell recipients.")
def erase(
    value: Value,
    why: Reason,
    due: Due = 14,
    out: Out = None,
    person: Person = None,
    folder: In = Path(),
    as_json: AsJson = False,
) -> None:
    """Erase what is held about a value, in the delivered bytes too, and tell past recipients to do the same.

    Lines are cut out of files of lines; what cannot be cut is destroyed whole. Interrupted, call it again.

    Example: accord subject erase 203.0.113.7 --why "request of 27 November" --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.acting import acting
    from accord.cli.rights.subjects import erase as erase_subject
    from accord.release.notices import RecallKind

    actor, now = acting(person, None), datetime.now(UTC)
    erase_subject(folder, value, RecallKind.ERASED, why, due, out, actor, now=now, as_json=as_json)


@app.command("allow", short_help="Let a value be taken in again that was erased or corrected.")
def allow(value: Value, why: WhyAsked = None, person: Person = None, folder: In = Path()) -> None:
    """Let a value be taken in again that was erased or corrected: the person asks for it, or it was a mistake.

    Example: accord subject allow 203.0.113.7 --why "asked for on 3 December" --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.acting import asking
    from accord.cli.rights.returning import allow as allow_subject

    allow_subject(folder, value, asking(person, why), now=datetime.now(UTC))
