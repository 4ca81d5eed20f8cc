"""`accord lookup`: what is known about an indicator."""

from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person, WhyAsked

NOT_KNOWN = 1
"""Exit code when none of the values is known."""


def look_up(
    values: Annotated[list[str], typer.Argument(metavar="VALUE...", help="Indicators, defanged or not.")],
    folder: Annotated[
        Path,
        typer.Option(
            "--in", help="A workspace, or an output folder of `accord operation run`; by default the current."
        ),
    ] = Path(),
    log_in: Annotated[
        Path | None,
        typer.Option(
            "--log",
            metavar="WORKSPACE",
            help="With an output folder: the workspace in whose log it is written who asks. "
            "What was made in a workspace needs it.",
        ),
    ] = None,
    person: Person = None,
    why: WhyAsked = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what a workspace or an output folder knows about indicators: the hub's view, never to be handed out.

    A workspace answers from its newest snapshot. A network or an AS number is looked up as such: of what stands in it,
    only its own address, name or URL tells.

    What is asked of a workspace, or of an output folder that was made in one, is written into the workspace's log of
    consultations (`accord consultation list`): who asked, when, why, and for what. What cannot be logged is not
    answered. Who asks the output of an operation that was run by itself leaves no trace.

    The exit code is 0 when a value is known, 1 when none is.

    Example: accord lookup --in hub --why "case 4711" 203.0.113[.]7 hxxp://evil[.]example/panel
    """
    from accord.cli.acting import asking
    from accord.cli.snapshots.looking import find, tell, tell_unmerged

    answers = find(values, folder, log_in, asking(person, why))
    tell(answers, as_json=as_json)
    tell_unmerged(folder)
    if not any(answer.findings for answer in answers):
        raise typer.Exit(NOT_KNOWN)
