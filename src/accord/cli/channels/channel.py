"""`accord channel`: places where a known audience finds objects."""

from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person, WhyAsked

app = typer.Typer(no_args_is_help=True, help="Channels: where a known audience finds objects.", rich_markup_mode=None)

In = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Name = Annotated[str, typer.Argument(metavar="CHANNEL", help="Its id.")]


@app.callback()
def channels() -> None:
    """Channels: where a known audience finds objects."""


@app.command("apply")
def apply(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A TOML file (docs/channels.md); by default the workspace's settings."),
    ] = None,
    folder: In = Path(),
    check: Annotated[bool, typer.Option("--check", help="Only look: show what would change, write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take over channels and their members from a file.

    All that it declares is taken over, or none of it. Channels that the file does not name stay; of one that it names,
    its members are those that it lists. Who joins is told of what comes after; who leaves sees nothing any more.

    Example: accord channel apply channels.toml --in hub
    """
    from accord.cli.channels.channelling import apply_file

    apply_file(folder, file, check=check, as_json=as_json)


@app.command("list")
def list_channels(folder: In = Path(), as_json: AsJson = False) -> None:
    """List the channels that are recorded.

    Example: accord channel list --in hub
    """
    from accord.cli.channels.channelling import list_all

    list_all(folder, as_json=as_json)


@app.command("show", short_help="Show a channel and its members.")
def show(name: Name, folder: In = Path(), as_json: AsJson = False) -> None:
    """Show a channel: its members, how much is in it, and what became of it.

    Example: accord channel show asean-servers --in hub
    """
    from accord.cli.channels.channelling import show_one

    show_one(folder, name, as_json=as_json)


@app.command("poll", short_help="Show what a member finds in a channel.")
def poll(
    name: Name,
    member: Annotated[str, typer.Option("--for", metavar="PARTNER", help="The member whose eyes are borrowed.")],
    after: Annotated[
        str | None, typer.Option("--after", metavar="TIME", help="Only what was put there after this instant.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many objects.")] = 100,
    folder: In = Path(),
    person: Person = None,
    why: WhyAsked = None,
    as_json: AsJson = False,
) -> None:
    """Show what a member finds in a channel now: a page of objects, in the order in which they appeared.

    Every rule is asked again, so that what an agreement does not cover any more is missing. Who polls, and for whom,
    is written into the log of consultations.

    Example: accord channel poll asean-servers --for csirt-th --in hub
    """
    from accord.cli.acting import asking
    from accord.cli.channels.channelling import poll_for

    poll_for(folder, name, member, after, limit, asking(person, why), as_json=as_json)


@app.command("publish", short_help="Write the feeds of public channels.")
def publish(folder: In = Path(), person: Person = None, as_json: AsJson = False) -> None:
    """Write the feed of each public channel, a folder of MISP events, as the rules let it be now.

    Whatever changes what is in a channel does this too, and `accord serve` when an agreement has ended.

    Example: accord channel publish --in hub
    """
    from accord.cli.acting import acting
    from accord.cli.channels.feeding import publish_feeds

    publish_feeds(folder, acting(person, None).person, as_json=as_json)


@app.command("account", short_help="Write what a member can check its polls with.")
def account(
    name: Name,
    partner: Annotated[str, typer.Option("--to", metavar="PARTNER", help="The member that is told.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A new file.")],
    folder: In = Path(),
    person: Person = None,
    why: WhyAsked = None,
) -> None:
    """Write a file by which a member holds what it polled against the ledger, without the hub.

    It holds what opens the entries of each disclosure to that member, and the lists of objects that they commit to.
    The member calls `accord ledger check` with it.

    Example: accord channel account asean-servers --to csirt-th --out account.json --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.acting import asking
    from accord.cli.channels.account import write_account

    write_account(folder, name, partner, out, asking(person, why), now=datetime.now(UTC))
