"""`accord agreement`: what the hub and its partners signed, promised and delivered."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Agreements: what was signed, promised and delivered.", rich_markup_mode=None
)

InWorkspace = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
File = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="A TOML file (docs/agreements.md); by default the workspace's own settings."),
]
CheckOnly = Annotated[bool, typer.Option("--check", help="Only look: show what would change, and write nothing.")]


@app.callback()
def agreements() -> None:
    """Agreements: what was signed, promised and delivered."""


Signed = Annotated[str, typer.Option("--signed", metavar="DATE", help="The day on which it was signed.")]
Document = Annotated[Path, typer.Option("--document", metavar="FILE", help="What was signed: its SHA-256 is recorded.")]
Starts = Annotated[str, typer.Option("--from", metavar="DATE", help="First day of the term, in UTC.")]
Ends = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last day of the term; without it no end.")]


@app.command("add")
def add(
    agreement: Annotated[str, typer.Argument(metavar="AGREEMENT", help="The id by which others name it.")],
    title: Annotated[str, typer.Option("--title", help="What it is called.")],
    signatory: Annotated[
        list[str],
        typer.Option(
            "--signatory", metavar="PARTY=NAME", help="Who signed: PARTY is hub or a partner's id; several times."
        ),
    ],
    signed: Signed,
    document: Document,
    starts: Starts,
    purposes: Annotated[list[str], typer.Option("--purpose", help="What data may be used for; several times.")],
    marking: Annotated[str, typer.Option("--marking", help="The strictest TLP label that data under it may have.")],
    ends: Ends = None,
    data_in: Annotated[
        list[str] | None, typer.Option("--data-in", help="A data set that may be taken in; several times.")
    ] = None,
    data_out: Annotated[
        list[str] | None, typer.Option("--data-out", help="A data set that may be handed out; several times.")
    ] = None,
    predecessor: Annotated[str | None, typer.Option("--predecessor", help="The agreement that it follows.")] = None,
    folder: InWorkspace = Path(),
    as_json: AsJson = False,
) -> None:
    """Record an agreement.

    Limits beside the marking, and commitments, are declared in a file (accord agreement apply).

    Example: accord agreement add vendor-2026 --title "Data on botnets" --signatory "hub=A. Director"
    --signatory "vendor=B. Chief" --signed 2026-09-01 --document signed.pdf --from 2026-09-01 --to 2031-08-31
    --purpose victim-notification --data-in vendor-sinkhole --marking amber --in hub
    """
    from accord.cli.register.registering import add_one, digest, signatories

    content = {
        "id": agreement,
        "title": title,
        "predecessor": predecessor,
        "signatory": signatories(signatory),
        "signed": signed,
        "document": digest(document),
        "from": starts,
        "to": ends,
        "purposes": purposes,
        "in": data_in,
        "out": data_out,
        "limits": {"marking": marking},
    }
    add_one(folder, "agreement", content, as_json=as_json)


@app.command("show")
def show(
    agreement: Annotated[str, typer.Argument(metavar="AGREEMENT", help="Its id.")],
    folder: InWorkspace = Path(),
    as_json: AsJson = False,
) -> None:
    """Show an agreement as it is recorded, and what became of it.

    Example: accord agreement show vendor-2026 --in hub
    """
    from accord.cli.register.registering import show_one

    show_one(folder, "agreement", agreement, as_json=as_json)


@app.command("list")
def list_agreements(folder: InWorkspace = Path(), as_json: AsJson = False) -> None:
    """List the agreements, and which of them are in force.

    Example: accord agreement list --in hub
    """
    from accord.cli.register.registering import list_all

    list_all(folder, "agreement", as_json=as_json)


@app.command("apply")
def apply(file: File = None, folder: InWorkspace = Path(), check: CheckOnly = False, as_json: AsJson = False) -> None:
    """Take over agreements, data sets and partners from a file.

    All that it declares is taken over, or none of it.

    What differs from what is recorded is shown before and after; what the file does not name stays. Doing it again
    changes nothing.

    Example: accord agreement apply agreements.toml --in hub
    """
    from accord.cli.register.registering import apply_file

    apply_file(folder, "agreement", file, check=check, as_json=as_json)


@app.command("renew")
def renew(
    agreement: Annotated[str, typer.Argument(metavar="AGREEMENT", help="Its id.")],
    signed: Signed,
    document: Document,
    starts: Starts,
    ends: Ends = None,
    folder: InWorkspace = Path(),
) -> None:
    """Record that an agreement was renewed.

    It is on the same conditions, and the earlier terms stay recorded.

    Example: accord agreement renew vendor-2014 --signed 2019-06-03 --document renewal.pdf --from 2019-07-01
    --to 2024-06-30 --in hub
    """
    from accord.cli.register.registering import digest, renew_agreement

    content = {"signed": signed, "document": digest(document), "from": starts, "to": ends}
    renew_agreement(folder, agreement, content)


@app.command("end")
def end(
    agreement: Annotated[str, typer.Argument(metavar="AGREEMENT", help="Its id.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, in words.")],
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="From when on it is not in force; by default now.")
    ] = None,
    folder: InWorkspace = Path(),
) -> None:
    """Record that an agreement is ended early.

    It stays recorded, and is not in force from that moment on.

    Example: accord agreement end vendor-2026 --why "Notice of 1 March" --at 2027-06-01 --in hub
    """
    from accord.cli.register.registering import end_agreement

    end_agreement(folder, agreement, at, why)


@app.command("deliver")
def deliver(
    agreement: Annotated[str, typer.Argument(metavar="AGREEMENT", help="Its id.")],
    commitment: Annotated[str, typer.Argument(metavar="COMMITMENT", help="The id of what was promised.")],
    amount: Annotated[
        str, typer.Option("--amount", help="How much, in the commitment's unit; below 0 to correct an entry.")
    ],
    on: Annotated[str | None, typer.Option("--on", metavar="DATE", help="When; by default today.")] = None,
    note: Annotated[str | None, typer.Option("--note", help="What it was, in words.")] = None,
    folder: InWorkspace = Path(),
    as_json: AsJson = False,
) -> None:
    """Record what was delivered against a commitment.

    Example: accord agreement deliver vendor-2026 analyst --amount 1.5 --on 2026-10-31 --note "October" --in hub
    """
    from accord.cli.register.registering import deliver as record

    record(folder, agreement, commitment, {"amount": amount, "on": on, "note": note}, as_json=as_json)


@app.command("check")
def check_passage(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Its id.")],
    direction: Annotated[str, typer.Option("--direction", help="in: taken from a partner; out: handed to one.")] = "in",
    purpose: Annotated[str | None, typer.Option("--purpose", help="What for; by default anything.")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="When; by default now.")] = None,
    folder: InWorkspace = Path(),
) -> None:
    """Say under which agreements a data set may pass.

    When there is none, what each says against it; the exit code is then 1.

    Example: accord agreement check vendor-sinkhole --direction in --purpose victim-notification --in hub
    """
    from accord.cli.register import registering

    registering.check_passage(folder, dataset, direction, purpose, at)


@app.command("report")
def report(
    agreement: Annotated[str | None, typer.Argument(metavar="[AGREEMENT]", help="Its id; by default all.")] = None,
    folder: InWorkspace = Path(),
    as_json: AsJson = False,
) -> None:
    """Show what was promised, and what was delivered against it.

    Example: accord agreement report vendor-2026 --in hub
    """
    from accord.cli.register import registering

    registering.report(folder, agreement, as_json=as_json)
