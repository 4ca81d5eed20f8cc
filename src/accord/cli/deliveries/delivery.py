"""`accord delivery`: what would become of a file, what a workspace takes, and what became of that."""

from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person, Why, WhyAsked

app = typer.Typer(no_args_is_help=True, help="Deliveries: what partners hand over.", rich_markup_mode=None)


@app.callback()
def deliveries() -> None:
    """Deliveries: what partners hand over."""


@app.command("check", short_help="See offline what would become of a file, and why.")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to check; nothing is sent anywhere.")],
    format_names: Annotated[
        list[str], typer.Option("--format", help="Format to read it as; give it several times for mixed archives.")
    ],
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", help="For csv: a TOML file with the [[csv]] tables that the data set will declare."),
    ] = None,
    rejects: Annotated[int, typer.Option("--rejects", min=0, help="How many rejected records to show.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """See offline what of a file would be accepted, ignored and rejected, and why.

    The exit code is 0 when the file can be read, 3 when it or one of its members is refused whole.

    Example: accord delivery check feed.csv.gz --format csv --mapping feed.toml
    """
    from accord.cli.deliveries.checking import checked_file, resembled, tell_check

    with checked_file(file, format_names, mapping) as received:
        tell_check(received, rejects, resembled(file, format_names), as_json=as_json)


@app.command("add", short_help="Take deliveries into a workspace.")
def add(
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", help="The id of a data set that the workspace declares.")
    ],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="What the partner handed over.")],
    folder: Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")] = Path(),
    collected_at: Annotated[
        str | None,
        typer.Option(
            "--collected-at",
            metavar="TIME",
            help="When the partner collected it: the time of records that name none. By default now.",
        ),
    ] = None,
    purpose: Annotated[
        str | None,
        typer.Option(
            "--purpose", help="What it is taken in for, and used for alone; by default what the agreements say."
        ),
    ] = None,
    snapshot: Annotated[
        bool, typer.Option("--snapshot", help="Make a snapshot of what is new, as `accord snapshot make` does.")
    ] = False,
    person: Person = None,
    why: Why = None,
    later: Annotated[
        bool, typer.Option("--later", help="Only queue it, as a job for `accord serve` or `accord job work`.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Take deliveries into a workspace: the bytes are kept, every record is accounted for, evidence is merged.

    Nothing is taken in unless an agreement that is in force now covers the data set: else the exit code is 8. Each file
    that is taken has an entry in the ledger, and a row in the log of consultations.

    A file that was delivered before is passed over. A file that is refused whole is named and not kept, and the
    others go on: the exit code is then 3.

    Example: accord delivery add vendor-sinkhole 2026-11-2*.csv.gz --in hub --snapshot
    """
    from datetime import UTC, datetime

    from accord.cli.acting import acting
    from accord.cli.deliveries.adding import add_files, add_later

    (add_later if later else add_files)(
        folder,
        dataset,
        files,
        collected_at,
        purpose,
        acting(person, why),
        clock=lambda: datetime.now(UTC),
        snapshot=snapshot,
        as_json=as_json,
    )


@app.command("pull", short_help="Take what is new in a partner's TAXII collection.")
def pull(
    peer: Annotated[str, typer.Argument(metavar="PEER", help="The id of a [[peer]] that the workspace declares.")],
    folder: Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")] = Path(),
    person: Person = None,
    why: Why = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Take what is new in a partner's TAXII 2.1 collection, as deliveries of the data set that the peer names.

    Nothing is lost and nothing is taken twice, whenever it is ended: the next call goes on after the last delivery.
    Call it as often as you like.

    What opens the server stands in a file or a variable that the settings name (docs/partners.md).

    Example: accord delivery pull vendor-taxii --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.acting import acting
    from accord.cli.deliveries import pulling

    code = pulling.pull(folder, peer, acting(person, why), clock=lambda: datetime.now(UTC), as_json=as_json)
    if code:
        raise typer.Exit(code)


@app.command("list", short_help="List deliveries, with what became of each.")
def list_deliveries(
    folder: Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")] = Path(),
    mine: Annotated[
        bool, typer.Option("--mine", help="For a partner: its own deliveries, asked for at a hub.")
    ] = False,
    at: Annotated[str | None, typer.Option("--at", metavar="URL", help="With --mine: the hub.")] = None,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="With --mine: a file with the token; by default ACCORD_TOKEN has it."),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option("--ca-file", help="With --mine: certificates that are trusted, in PEM; else the system's."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the deliveries of a workspace, with the account of each.

    With --mine a partner that has no workspace asks a hub what became of its own: what was accepted and rejected, to
    which countries it went, and what came of it, as far as the hub may tell (docs/partners.md).

    Example: accord delivery list --in hub
    """
    if mine:
        from accord.cli.deliveries.mine import list_mine

        list_mine(at, token_file, ca_file, as_json=as_json)
        return
    from accord.cli.deliveries.adding import list_accounts

    list_accounts(folder, as_json=as_json)


@app.command("show", short_help="Show what became of a delivery's records, and why.")
def show(
    delivery: Annotated[
        str, typer.Argument(metavar="DELIVERY", help="The name of its file, or the beginning of its SHA-256.")
    ],
    folder: Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")] = Path(),
    rejects: Annotated[int, typer.Option("--rejects", min=0, help="How many rejected records to show.")] = 20,
    person: Person = None,
    why: WhyAsked = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what became of a delivery's records: what was accepted, ignored and rejected, and why.

    Rejected records are shown as they were delivered, so that is written into the log of consultations; with
    `--rejects 0` none is shown, and nothing is logged.

    Example: accord delivery show 2026-11-23-event4_sinkhole-th.csv --in hub
    """
    from accord.cli.acting import asking
    from accord.cli.deliveries.showing import show_delivery

    show_delivery(folder, delivery, rejects, asking(person, why), as_json=as_json)


@app.command("receipt", short_help="Write a delivery's receipt, for its partner.")
def receipt(
    delivery: Annotated[
        str,
        typer.Argument(metavar="DELIVERY", help="Its file, the beginning of its SHA-256, or DATASET.SHA256."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to: a new file.")],
    folder: Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")] = Path(),
) -> None:
    """Write the receipt of a delivery: its entry in the ledger, what of it is its partner's own, and the proof.

    The partner verifies it offline, with `accord ledger check --proof`. At a hub that serves, it asks for it itself
    (docs/partners.md).

    Example: accord delivery receipt 2026-11-23-event4_sinkhole-th.csv --in hub --out sinkhole.receipt
    """
    from accord.cli.deliveries.receipts import write_receipt

    write_receipt(folder, delivery, out)
