"""`accord snapshot`: what was found in all deliveries of a workspace."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person, Why, WhyAsked

app = typer.Typer(
    no_args_is_help=True,
    help="Snapshots: what all deliveries of a workspace say so far.",
    rich_markup_mode=None,
)

InWorkspace = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.callback()
def snapshots() -> None:
    """Snapshots: what all deliveries of a workspace say so far."""


@app.command("make", short_help="Merge what is new into what was found.")
def make(folder: InWorkspace = Path(), person: Person = None, why: Why = None, as_json: AsJson = False) -> None:
    """Merge the deliveries that are new into what the last snapshot holds. Readers see the old one or the new one.

    That data sets are combined is written into the log of consultations before it is done.

    Example: accord snapshot make --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.acting import acting, combining
    from accord.cli.deliveries.settling import working
    from accord.cli.places import reference_in_use
    from accord.cli.readying import cores, keep_memory
    from accord.cli.snapshots.snapshotting import in_words, make_snapshot, told
    from accord.cli.terminal import progress_bar, say, say_json
    from accord.workspace.database import open_database, place_of
    from accord.workspace.store import open_workspace

    keep_memory()
    actor, now = acting(person, why), datetime.now(UTC)
    workspace = open_workspace(folder)
    with (
        open_database(place_of(workspace.settings), to_write=True) as database,
        working(workspace, database),
        progress_bar() as progress,
    ):
        manifest = make_snapshot(
            workspace,
            as_of=now,
            reference=reference_in_use(),
            workers=cores(),
            progress=progress,
            combining=combining(database, actor, lambda: now),
        )
    if as_json:
        say_json(None if manifest is None else told(manifest))
    else:
        say(in_words(manifest, workspace))


@app.command("list")
def list_snapshots(folder: InWorkspace = Path(), as_json: AsJson = False) -> None:
    """List the snapshots, the newest last. The newest is what `accord lookup` answers from.

    Example: accord snapshot list --in hub
    """
    from accord.cli.snapshots.snapshotting import read_manifest
    from accord.cli.terminal import say, say_json, show_table
    from accord.workspace.store import open_workspace

    manifests = [read_manifest(one) for one in open_workspace(folder).snapshots()]
    if as_json:
        say_json(
            [
                {
                    "number": one.number,
                    "as_of": one.as_of.isoformat(),
                    "deliveries": len(one.deliveries),
                    "findings": one.findings,
                    "by_role": one.by_role,
                }
                for one in manifests
            ]
        )
    elif not manifests:
        say(f"No snapshot yet. `accord snapshot make --in {folder}` makes one of all deliveries.")
    else:
        show_table(
            [("snapshot", True), ("made (UTC)", False), ("deliveries", True), ("findings", True)],
            [(one.number, f"{one.as_of:%Y-%m-%d %H:%M}", len(one.deliveries), one.findings) for one in manifests],
        )


@app.command("diff", short_help="Count what is new, gone and changed between two snapshots.")
def diff(
    old: Annotated[int, typer.Argument(metavar="OLD", help="Number of the earlier snapshot.")],
    new: Annotated[
        int | None, typer.Argument(metavar="NEW", help="Number of the later one; by default the newest.")
    ] = None,
    folder: InWorkspace = Path(),
    as_csv: Annotated[
        bool,
        typer.Option("--csv", help="Print every finding that differs, as CSV, in place of counts."),
    ] = False,
    person: Person = None,
    why: WhyAsked = None,
    as_json: AsJson = False,
) -> None:
    """Count by country what is new, gone and changed from one snapshot to another, or list it.

    The country is where a finding is hosted, else that of its registry. Who lists values is written into the log of
    consultations.

    Example: accord snapshot diff 1 2 --in hub
    """
    from accord.cli.snapshots.comparing import compare, write_differing
    from accord.cli.terminal import counted, say, say_json, show_table
    from accord.vocabulary.errors import SettingsError
    from accord.workspace.store import open_workspace

    if as_csv and as_json:
        raise SettingsError("--csv and --json are two answers.", expected="one of them", remedy="leave one out")
    workspace = open_workspace(folder)
    earlier, later = workspace.snapshot(old), workspace.snapshot(new)
    if as_csv:
        from datetime import UTC, datetime

        from accord.access.consultations import Processing
        from accord.cli.acting import asking, log
        from accord.cli.register.registering import opened

        # every value is read, so that it is written down as it is for one
        about = [f"snapshots {earlier.number} and {later.number}"]
        with opened(folder) as database:
            log(database, asking(person, why), Processing.CONSULTATION, about, now=datetime.now(UTC))
        write_differing(earlier, later, sys.stdout.buffer)
        return
    difference = compare(earlier, later)
    if as_json:
        say_json(
            {
                "old": earlier.number,
                "new": later.number,
                "findings": {"new": difference.new, "gone": difference.gone, "changed": difference.changed},
                "countries": [
                    {"country": place or None, "new": fresh, "gone": gone, "changed": changed}
                    for place, fresh, gone, changed in difference.by_country
                ],
            }
        )
        return
    say(
        f"From snapshot {earlier.number} to {later.number}: "
        f"{counted(difference.new, 'finding is', 'findings are')} new, "
        f"{counted(difference.gone, 'is', 'are')} gone, {difference.changed:,} changed."
    )
    if difference.by_country:
        show_table(
            [("country", False), ("new", True), ("gone", True), ("changed", True)],
            [(place or "none known", fresh, gone, changed) for place, fresh, gone, changed in difference.by_country],
        )


@app.command("drop")
def drop(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The snapshot to remove.")],
    folder: InWorkspace = Path(),
) -> None:
    """Remove a snapshot. Deliveries and their evidence stay, and the next one is made from them.

    Example: accord snapshot drop 1 --in hub
    """
    from accord.cli.deliveries.settling import working
    from accord.cli.terminal import say
    from accord.workspace.store import open_workspace

    workspace = open_workspace(folder)
    with working(workspace):
        workspace.withdraw(workspace.snapshot(number).path)
    say(f"Snapshot {number} is gone.")
