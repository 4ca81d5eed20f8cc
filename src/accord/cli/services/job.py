"""`accord job`: what is to be done later, and what came of it."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Jobs: what is to be done later.", rich_markup_mode=None)

InWorkspace = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.callback()
def jobs() -> None:
    """Jobs: what is to be done later."""


@app.command("list", short_help="List jobs, the newest first, a page at a time.")
def list_jobs(
    folder: InWorkspace = Path(),
    state: Annotated[str | None, typer.Option("--state", help="Only waiting, done or failed ones.")] = None,
    before: Annotated[int | None, typer.Option("--before", min=1, help="Only jobs with a lower number.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first, a page at a time: what is to be done, by whom, and what came of it.

    Example: accord job list --in hub --state failed
    """
    from accord.cli.services.jobbing import list_page

    list_page(folder, state, before, limit, as_json=as_json)


@app.command("work", short_help="Do the jobs that are due, and end.")
def work(folder: InWorkspace = Path(), as_json: AsJson = False) -> None:
    """Do the jobs that are due, one after the other, end sessions of private set intersection that are over, bring
    the public page up, and end. `accord serve` does all that as it comes.

    A job that fails is tried again later, at growing intervals; after eight times it has failed. One that meets
    somebody else at work is put off for some seconds. The exit code is 1 when a job was not done.

    Example: accord job work --in hub
    """
    from accord.cli.services.jobbing import work_all

    if not work_all(folder, as_json=as_json):
        raise typer.Exit(1)


@app.command("retry", short_help="Let a job that has failed begin anew.")
def retry(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Its number, as `accord job list` shows it.")],
    folder: InWorkspace = Path(),
    as_json: AsJson = False,
) -> None:
    """Let a job that has failed begin anew, when what was in its way is mended.

    Example: accord job retry 7 --in hub
    """
    from accord.cli.services.jobbing import retry_one

    retry_one(folder, number, as_json=as_json)
