"""`accord recall`: data that turned out wrong, or are taken back, and who was told."""

from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person

app = typer.Typer(
    no_args_is_help=True,
    help="Recalls: data taken out of use, and past recipients told.",
    rich_markup_mode=None,
)

In = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="As of this date or time in UTC; by default now.")]


@app.callback()
def recalls() -> None:
    """Recalls: data taken out of use, and past recipients told."""


@app.command("make", short_help="Take data out of use, and tell past recipients.")
def make(
    dataset: Annotated[str, typer.Option("--dataset", metavar="ID", help="The data set.")],
    kind: Annotated[str, typer.Option("--kind", metavar="withdrawn|corrected", help="What the partner says.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason; recipients read it.")],
    delivery: Annotated[
        str | None,
        typer.Option("--delivery", metavar="SHA256", help="One delivery, or the beginning of it."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All deliveries of the data set so far.")] = False,
    replaced_by: Annotated[
        str | None,
        typer.Option("--replaced-by", metavar="SHA256", help="The delivery that puts it right, or the beginning."),
    ] = None,
    due: Annotated[int, typer.Option("--due", min=1, max=365, help="Days until recipients should answer.")] = 14,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Copy the notices here, a folder a recipient.")
    ] = None,
    person: Person = None,
    folder: In = Path(),
    as_json: AsJson = False,
) -> None:
    """Take what a partner withdraws or corrects out of use, and make a signed notice for everybody who was given it.

    It cannot be undone, and is of one delivery or of all: say which. Calling it again sends nothing new, and ends what
    was interrupted. A delivery that puts right what was wrong is taken in first, as any other; with --replaced-by
    recipients are told that there is one, also when they were told of the recall before.

    Example: accord recall make --dataset vendor-sinkhole --all --kind withdrawn --why "The clock was wrong" --in hub

    Example: accord recall make --dataset vendor-sinkhole --kind corrected --delivery 60303ae2 --replaced-by 7d865e95
    --why "The clock was wrong" --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.acting import acting
    from accord.cli.rights.recalling import make as make_recall

    actor = acting(person, None)
    make_recall(
        folder,
        dataset,
        delivery,
        kind,
        replaced_by,
        why,
        due,
        out,
        actor,
        every=every,
        now=datetime.now(UTC),
        as_json=as_json,
    )


@app.command("list", short_help="List recalls, and what recipients have answered.")
def list_(folder: In = Path(), at: At = None, as_json: AsJson = False) -> None:
    """List recalls and their notices: answered, overdue, or neither yet.

    Example: accord recall list --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.rights.recalling import list_recalls

    list_recalls(folder, at, late=False, now=datetime.now(UTC), as_json=as_json)


@app.command("show", short_help="Show one recall.")
def show(
    recall: Annotated[str, typer.Argument(metavar="RECALL", help="Its id, or the beginning of it.")],
    folder: In = Path(),
    as_json: AsJson = False,
) -> None:
    """Show one recall: why, who was told, what they answered.

    Example: accord recall show 3f6a2c51 --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.rights.recalling import show as show_recall

    show_recall(folder, recall, now=datetime.now(UTC), as_json=as_json)


@app.command("acknowledge", short_help="Take in what a recipient answers.")
def acknowledge(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The signed answer; unsigned: the notice.")],
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="Record it without a signature, for a partner without a key.")
    ] = False,
    token: Annotated[
        str | None,
        typer.Option("--token", metavar="TOKEN", help="Unsigned, with the token of the mail that told it; - reads it."),
    ] = None,
    refused: Annotated[bool, typer.Option("--refused", help="Unsigned: the partner refuses.")] = False,
    why: Annotated[
        str | None, typer.Option("--why", metavar="TEXT", help="Unsigned: what it says, or how it is known.")
    ] = None,
    folder: In = Path(),
    as_json: AsJson = False,
) -> None:
    """Verify a recipient's signed answer to a notice, and record it in the ledger.

    What a partner without a key has written is recorded with the token of the mail that brought it the notice, or by
    hand; what is signed takes its place.

    Example: accord recall acknowledge answer --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.rights.recalling import acknowledge as take_in

    take_in(folder, file, why, by_hand=by_hand, token=token, refused=refused, now=datetime.now(UTC), as_json=as_json)


@app.command("overdue", short_help="List notices that nobody has answered in time.")
def overdue(folder: In = Path(), at: At = None, as_json: AsJson = False) -> None:
    """List the notices whose answers are late; the exit code is 1 when there are any.

    Example: accord recall overdue --in hub --at 2026-12-24
    """
    from datetime import UTC, datetime

    from accord.cli.rights.recalling import list_recalls

    list_recalls(folder, at, late=True, now=datetime.now(UTC), as_json=as_json)
