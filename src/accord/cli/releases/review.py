"""`accord review`: what analysts decide of findings that stand on warning lists."""

from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person, WhyAsked

app = typer.Typer(
    no_args_is_help=True, help="Reviews: findings on warning lists, and who let them go.", rich_markup_mode=None
)

In = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.callback()
def reviews() -> None:
    """Reviews: findings on warning lists, and who let them go."""


@app.command("list", short_help="List findings on warning lists that wait for a decision.")
def list_(
    folder: In = Path(),
    every: Annotated[bool, typer.Option("--all", help="Those too that were decided.")] = False,
    role: Annotated[str | None, typer.Option("--role", help="Only findings of this role.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 100,
    person: Person = None,
    why: WhyAsked = None,
    as_json: AsJson = False,
) -> None:
    """List the findings of the newest snapshot that stand on a warning list and wait for an analyst's decision.

    Until then no release holds them, and no request asks anybody to act on them. Who asks is written into the log of
    consultations.

    Example: accord review list --role c2-server --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.acting import asking
    from accord.cli.releases.reviewing import list_reviews

    list_reviews(
        folder, asking(person, why), every=every, role=role, limit=limit, now=datetime.now(UTC), as_json=as_json
    )


@app.command("decide", short_help="Let a finding on a warning list go, or keep it in the hub.")
def decide(
    values: Annotated[list[str], typer.Argument(metavar="VALUE...", help="Indicators, defanged or not.")],
    release: Annotated[
        bool, typer.Option("--release/--withhold", help="It is right, and may be released; or it stays in the hub.")
    ],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, without the value; it is kept.")],
    role: Annotated[
        str | None, typer.Option("--role", help="In which role; needed where it has several that wait.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="From this time on (UTC) it waits again.")
    ] = None,
    folder: In = Path(),
    person: Person = None,
    as_json: AsJson = False,
) -> None:
    """Decide of a finding that stands on warning lists: release it as if it stood on none, or keep it in the hub.

    The decision is about this value in this role, and the lists on which it stands now; on another list it waits
    again. Nothing is ever taken back: decide anew, and the newest counts. It is written into the log of consultations.

    Example: accord review decide 203.0.113[.]7 --release --why "Case 2026/114: seized, and not the vendor's" --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.acting import acting
    from accord.cli.releases.reviewing import decide_reviews
    from accord.release.reviews import Answer

    decide_reviews(
        folder,
        values,
        Answer.RELEASE if release else Answer.WITHHOLD,
        acting(person, why),
        role=role,
        until=until,
        now=datetime.now(UTC),
        as_json=as_json,
    )
