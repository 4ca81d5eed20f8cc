"""`accord release`: handing over what the rules let out, and what became of it."""

from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person, Why, WhyAsked

app = typer.Typer(
    no_args_is_help=True, help="Releases: what is handed over, to whom, under which rules.", rich_markup_mode=None
)

In = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.callback()
def releases() -> None:
    """Releases: what is handed over, to whom, under which rules."""


@app.command("make", short_help="Seal an operation's reports for its recipients.")
def make(
    file: Annotated[Path, typer.Argument(metavar="OPERATION.toml", help="The operation file.")],
    folder: In = Path(),
    purpose: Annotated[
        str | None, typer.Option("--purpose", help="What for, unless the operation file says so.")
    ] = None,
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="PARTNER", help="Only this recipient; may be given again.")
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option("--channel", help="Put the findings into this channel as objects, instead of sealing reports."),
    ] = None,
    person: Person = None,
    why: Why = None,
    as_json: AsJson = False,
) -> None:
    """Seal an operation's reports for each of its recipients, and hand over what opens them.

    Only what every rule permits is in them. Each package is an entry in the ledger before anybody can open it; where
    witnesses have yet to cosign, it waits for `accord release hand-over`. The same files do not go to the same
    recipient twice.

    The exit code is 1 when no country gets anything, and 7 when something waits for witnesses. Of a country that gets
    nothing a line for each rule says how many data sets it keeps back.

    With --channel the findings become objects in a channel (docs/channels.md): what all of its members may have, as far
    as it is new there.

    Example: accord release make october.toml --in hub --why "Case 2026/114"
    """
    from accord.cli.releases.telling import put, release_made

    if channel is not None:
        if to:
            raise typer.BadParameter("a channel's members all get the same", param_hint="--to")
        put(folder, file, channel, purpose=purpose, person=person, why=why, as_json=as_json)
        return
    release_made(folder, file, purpose=purpose, to=to or [], person=person, why=why, as_json=as_json)


@app.command("hand-over", short_help="Hand over what stands sealed and is witnessed by now.")
def hand_over(folder: In = Path(), person: Person = None, as_json: AsJson = False) -> None:
    """Hand over what stands sealed, as far as the ledger's witnesses have cosigned it by now.

    Every rule is asked again by what holds now. What one does not permit any more is refused, and never handed over.

    The exit code is 7 when something still waits for witnesses.

    Example: accord release hand-over --in hub
    """
    from accord.cli.releases.telling import waiting_handed

    waiting_handed(folder, person=person, as_json=as_json)


@app.command("push", short_help="Feed a member's own TAXII collection from its channel.")
def push(
    peer: Annotated[str, typer.Argument(metavar="PEER", help="The id of a [[peer]] that the workspace declares.")],
    folder: In = Path(),
    person: Person = None,
    why: Why = None,
    as_json: AsJson = False,
) -> None:
    """Hand to a member's own TAXII 2.1 collection what is new for it in its channel: what it would find if it polled.

    Every rule is asked again; what was revoked goes there as revoked. What was handed over is not handed over again,
    whenever it is ended: call it as often as you like.

    The exit code is 3 when the server did not take something.

    Example: accord release push csirt-th-taxii --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.acting import acting
    from accord.cli.channels import pushing

    code = pushing.push(folder, peer, acting(person, why), clock=lambda: datetime.now(UTC), as_json=as_json)
    if code:
        raise typer.Exit(code)


@app.command("receipt", short_help="Take in a recipient's signed receipt.")
def receipt(
    file: Annotated[Path, typer.Argument(metavar="RECEIPT", help="What `accord package open` wrote.")],
    folder: In = Path(),
    person: Person = None,
) -> None:
    """Take in a recipient's signed receipt: it becomes an entry in the ledger.

    Example: accord release receipt receipt --in hub
    """
    from accord.cli.releases.telling import receipt_taken

    receipt_taken(folder, file, person=person)


@app.command("list", short_help="List what was handed over.")
def list_releases(folder: In = Path(), as_json: AsJson = False) -> None:
    """List what was sealed and handed over: to whom, what for, and whether it was confirmed.

    Example: accord release list --in hub
    """
    from accord.cli.releases.telling import listed

    listed(folder, as_json=as_json)


@app.command("show", short_help="Show one release and what it rests on.")
def show(
    release: Annotated[str, typer.Argument(metavar="RELEASE", help="Its id, or the beginning of it.")],
    folder: In = Path(),
    as_json: AsJson = False,
) -> None:
    """Show one release: its entries in the ledger, the data sets and deliveries that it rests on, and where it lies.

    Example: accord release show 0f4c9a52 --in hub
    """
    from accord.cli.releases.telling import shown

    shown(folder, release, as_json=as_json)


@app.command("explain", short_help="Say what every rule says of handing it over.")
def explain(
    object_: Annotated[
        str,
        typer.Argument(
            metavar="OBJECT", help="An indicator, defanged or not, or the id of a data set, release or object."
        ),
    ],
    to: Annotated[str, typer.Option("--to", metavar="PARTNER", help="The partner that would get it.")],
    purpose: Annotated[
        str | None,
        typer.Option("--purpose", help="For what; by default what the operation says, else none, which refuses."),
    ] = None,
    operation: Annotated[
        Path | None,
        typer.Option(
            "--operation",
            metavar="FILE",
            help="The operation that it belongs to: its embargo, and what it says of this recipient.",
        ),
    ] = None,
    named: Annotated[
        list[str] | None,
        typer.Option("--named", metavar="NAME", help="A person whom the partner named, for red; several times."),
    ] = None,
    encrypted: Annotated[bool, typer.Option("--encrypted", help="It would be encrypted on its way.")] = False,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="When; by default now.")] = None,
    folder: In = Path(),
    person: Person = None,
    why: WhyAsked = None,
    as_json: AsJson = False,
) -> None:
    """Say what every release rule says of handing something to a partner, and what comes of it. Nothing is handed over.

    Of an indicator, that is told for each policy class (docs/release.md) of the evidence behind it in the newest
    snapshot, and who asks is written into the log of consultations. Of a release by its id, and of an object of a
    channel by its own (`indicator--...`), it is told for each class that it rests on, by what holds now.

    The exit code is 0 when at least a part of it may leave, 1 when nothing may.

    Example: accord release explain 203.0.113[.]7 --to csirt-th --purpose victim-notification --in hub
    """
    from accord.cli.acting import asking
    from accord.cli.releases.explaining import NOTHING_LEAVES, ask, tell

    explanation = ask(
        folder,
        object_,
        to,
        purpose=purpose,
        operation=operation,
        named=tuple(named or ()),
        encrypted=encrypted,
        at=at,
        actor=asking(person, why),
    )
    tell(explanation, as_json=as_json)
    if not explanation.permitted:
        raise typer.Exit(NOTHING_LEAVES)
