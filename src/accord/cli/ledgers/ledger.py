"""`accord ledger`: the account that all sides can check."""

from pathlib import Path
from typing import Annotated

import typer

from accord.cli.acting import Person

app = typer.Typer(
    help="The ledger: an account that all sides can check.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

In = Annotated[Path, typer.Option("--in", help="The workspace; by default the current folder.")]


@app.command("publish", short_help="Bring the ledger's files up to the database.")
def publish(
    folder: In = Path(),
    anew: Annotated[bool, typer.Option("--anew", help="Make every file again, whatever is there.")] = False,
) -> None:
    """Bring the ledger's files up to its database: tiles, a signed checkpoint, openings that are due, the public page.

    Commands that add entries do it by themselves; intake and agreements leave the page to this command and to `accord
    serve`. It is also for when witnesses could not be reached, when an embargo has ended, or when the folder was lost:
    it is made anew. With --anew everything in it is, also what was damaged.

    Example: accord ledger publish --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.ledgers.opening import in_words, opened_ledger
    from accord.cli.ledgers.opening import publish as publish_ledger
    from accord.cli.terminal import say
    from accord.vocabulary.errors import LedgerError

    with opened_ledger(folder, to_write=True) as ledger:
        ledger.database.take_turn()
        published = publish_ledger(ledger, datetime.now(UTC), anew=anew)
    say(in_words(published))
    if not published.whole:
        raise typer.Exit(LedgerError.exit_code)


@app.command("verify", short_help="Verify a hub's own ledger, database and files.")
def verify(folder: In = Path(), as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Verify that a hub's database, files, checkpoints and figures agree, and that everything kept still opens.

    It finds what `check` finds, and more: it knows what should be there. Exit code 7 when something does not agree. A
    public page that is behind is told, and is no fault.

    Example: accord ledger verify --in hub
    """
    from accord.cli.ledgers.auditing import verify as verify_ledger

    raise typer.Exit(verify_ledger(folder, as_json=as_json))


@app.command("audit", short_help="Hold the ledger against the hub's books.")
def audit(folder: In = Path(), as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Say what each entry says, and what the ledger has and the hub's own books have not, or the other way round.

    Looked at are delivery folders, disclosures, receipts, agreements and recalls. Exit code 1 when something differs.

    Example: accord ledger audit --in hub
    """
    from accord.cli.ledgers.auditing import audit as audit_ledger

    raise typer.Exit(audit_ledger(folder, as_json=as_json))


@app.command("list", short_help="List entries with what they say.")
def list_(
    folder: In = Path(),
    partner: Annotated[str | None, typer.Option(metavar="ID", help="Only what is about this partner.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, all columns.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List entries with what they say; it is for the hub and, with --partner, for that partner.

    Example: accord ledger list --in hub --partner vendor --csv
    """
    from accord.cli.ledgers.auditing import show_list

    show_list(folder, partner, as_csv=as_csv, as_json=as_json)


@app.command("reconcile", short_help="Hold the hub's list against others' own.")
def reconcile(
    hub: Annotated[Path, typer.Option("--hub", metavar="FILE", help="The hub's, from `accord ledger list --csv`.")],
    partners: Annotated[
        list[str] | None,
        typer.Option("--partner", metavar="FILE[=ID]", help="What a partner says that it delivered."),
    ] = None,
    recipients: Annotated[
        list[str] | None,
        typer.Option("--recipient", metavar="FILE[=ID]", help="What a recipient says that it received."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Hold the hub's list against what partners and recipients have written down themselves.

    It names what one side has and the other has not, and counts and dates that differ. docs/ledger.md says what a
    list looks like. A list of headings alone says that there was nothing: name it as FILE=ID, with the id of the
    partner whose it is. Exit code 1 when something differs.

    Example: accord ledger reconcile --hub hub.csv --partner vendor.csv --recipient csirt.csv
    """
    from accord.cli.ledgers.auditing import reconcile as reconcile_lists

    raise typer.Exit(reconcile_lists(hub, partners or [], recipients or [], as_json=as_json))


@app.command("prove", short_help="Write the proof that an entry is in the ledger.")
def prove(
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=0, help="The entry's number.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to; a closed entry goes to FILE.entry.")],
    folder: In = Path(),
    fields: Annotated[
        str | None, typer.Option("--open", metavar="FIELD,...", help="Fields of the entry to open in it.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="PARTNER", help="Who gets it: opens nothing that is not its own.")
    ] = None,
) -> None:
    """Write the proof that an entry is in the ledger, for somebody to take away.

    With --open one file holds the entry, what opens just those fields, and the proof; `accord ledger check --proof`
    takes it. With --to alone all fields are opened that are that partner's own. With neither, the entry stays closed
    and lies beside its proof (C2SP tlog-proof).

    Whoever has it and a policy can verify for ever that the entry is in the ledger, without asking anybody.

    Example: accord ledger prove 17 --open digest,partner,count --in hub --out 17.proof
    """
    from accord.cli.ledgers.handing import prove as prove_entry
    from accord.journal.proving import OWN

    named = tuple(one.strip() for one in fields.split(",")) if fields else ()
    prove_entry(folder, number, out, named or (OWN if to else ()), to)


@app.command("export", short_help="Copy what of the ledger is for everybody.")
def export(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new or empty folder.")],
    folder: In = Path(),
) -> None:
    """Copy what of the ledger is for everybody, and nothing else: whole, also while the hub goes on writing.

    Example: accord ledger export --in hub --out copy
    """
    from accord.cli.ledgers.handing import export as export_ledger

    export_ledger(folder, out)


@app.command("forget", short_help="Destroy what opens a field of an entry.")
def forget(
    number: Annotated[int, typer.Argument(metavar="ENTRY", min=0, help="The entry's number.")],
    field: Annotated[str, typer.Argument(metavar="FIELD", help="One of its fields (docs/ledger.md).")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why it must go, without what it says.")],
    folder: In = Path(),
    person: Person = None,
) -> None:
    """Destroy what opens a field of an entry, for good: the ledger verifies as before, and nobody opens it any more.

    An entry of kind erasure and a row in the log of consultations say that it was done. What everybody may have already
    is refused. Interrupted, call it again.

    Example: accord ledger forget 17 partner --why "order of the court, 2026/114" --in hub
    """
    from datetime import UTC, datetime

    from accord.cli.acting import acting
    from accord.cli.ledgers.closing import forget as forget_field

    forget_field(folder, number, field, acting(person, why), now=datetime.now(UTC))


@app.command("check", short_help="Verify a whole ledger by its files, offline.")
def check(
    log: Annotated[
        str | None,
        typer.Argument(
            metavar="LOG", help="A ledger's folder, or its http:// or https:// URL; not needed for --proof."
        ),
    ] = None,
    packages: Annotated[
        list[Path] | None, typer.Argument(metavar="[PACKAGE HANDOVER]...", help="Packages that must stand in it.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The log and the witnesses that you rely on.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="CHECKPOINT", help="A checkpoint that you kept: the log must go on from it.")
    ] = None,
    account: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What a hub told you of a channel (`accord channel account`)."),
    ] = None,
    objects: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Objects that you polled there; as often as you like.")
    ] = None,
    own: Annotated[
        Path | None, typer.Option("--list", metavar="FILE", help="Write what you polled, for `reconcile`: a new file.")
    ] = None,
    proofs: Annotated[
        list[Path] | None,
        typer.Option(
            "--proof", metavar="FILE", help="A receipt, or a proof of `accord ledger prove`: also without LOG."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Verify a whole ledger: its signatures, every entry, tile and opening, and the figures that it publishes.

    It needs no hub, no workspace and no network: a copy of the ledger's folder will do. Keep the file `checkpoint`
    of today, and name it with --against next time: then nothing can have been taken back in between.

    A member of a channel adds --account and --objects: what was disclosed to it is then held against what it polled.
    Exit code 1 when one side has what the other has not.

    A receipt of a delivery, or another proof, is verified by --proof, and what it opens is shown. Without LOG that
    needs nothing but --policy.

    Example: accord ledger check hub/ledger --policy policy --against checkpoint-2026-11
    """
    from accord.cli.ledgers.verifying import Member
    from accord.cli.ledgers.verifying import check as check_ledger

    if log is None:
        from accord.cli.ledgers.proven import check_alone

        others = (packages, against, account, objects, own)
        check_alone(policy, proofs or [], alone=not any(others), as_json=as_json)
        return
    member = Member(account=account, objects=tuple(objects or ()), own=own)
    raise typer.Exit(check_ledger(log, policy, against, packages or [], member, proofs or [], as_json=as_json))
