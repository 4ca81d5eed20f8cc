"""`accord outcome`: what recipients say became of the findings that they were given."""

from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person, Why, WhyAsked

app = typer.Typer(
    no_args_is_help=True,
    help="Outcomes: what became of what was handed over.",
    rich_markup_mode=None,
)

In = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.callback()
def outcomes() -> None:
    """Outcomes: what became of what was handed over."""


@app.command("import", short_help="Take in an outcomes.csv that a recipient has filled in.")
def import_(
    file: Annotated[Path, typer.Argument(metavar="OUTCOMES.csv", help="The report's file, filled in.")],
    partner: Annotated[str | None, typer.Option("--from", metavar="PARTNER", help="Who sent it.")] = None,
    token: Annotated[
        str | None,
        typer.Option("--token", metavar="TOKEN", help="Instead of --from: the token that came with it; - reads it."),
    ] = None,
    folder: In = Path(),
    person: Person = None,
    why: Why = None,
    as_json: AsJson = False,
) -> None:
    """Take in what a recipient says became of findings that it was given; it becomes an entry in the ledger.

    Every row is accounted for: taken, ignored because nothing is filled in, or rejected with the reason. What is said
    later stands; what was said before is kept. The same file again changes nothing.

    Who sent it is said by --from, or by the token of the mail that it answers (docs/notifications.md).

    The exit code is 3 when rows were rejected and none was taken.

    Example: accord outcome import outcomes.csv --from csirt-th --in hub
    """
    from accord.cli.acting import acting
    from accord.cli.operations.answering import take_outcomes

    take_outcomes(folder, file, partner, token, acting(person, why), as_json=as_json)


@app.command("list", short_help="List what recipients say became of findings.")
def list_(
    partner: Annotated[
        str | None, typer.Option("--from", metavar="PARTNER", help="What this recipient says; by default all.")
    ] = None,
    operation: Annotated[
        str | None, typer.Option("--operation", metavar="NAME", help="About the findings of this operation alone.")
    ] = None,
    whole: Annotated[bool, typer.Option("--history", help="What was said before as well.")] = False,
    folder: In = Path(),
    person: Person = None,
    why: WhyAsked = None,
    as_json: AsJson = False,
) -> None:
    """List the findings of which a recipient has said something, and what stands of it.

    Who asks is written into the log of consultations: notes may tell of persons.

    Example: accord outcome list --from csirt-th --in hub
    """
    from accord.cli.acting import asking
    from accord.cli.operations.answering import list_outcomes

    list_outcomes(folder, partner, operation, asking(person, why), whole=whole, as_json=as_json)
