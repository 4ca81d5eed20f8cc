"""`accord package`: what a recipient does, offline and without a workspace, with what a hub hands over."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Packages that a hub handed over: look, verify, open.", rich_markup_mode=None
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The package.")]
Handover = Annotated[Path, typer.Argument(metavar="HANDOVER", help="The handover that followed it.")]
PolicyFile = Annotated[
    Path,
    typer.Option(
        "--policy", metavar="FILE", help="The ledger and the witnesses that you rely on; not the package's own."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
At = Annotated[str | None, typer.Option("--at", metavar="URL", help="The hub, where it serves.")]
TokenFile = Annotated[
    Path | None, typer.Option("--token-file", help="With --at: a file with your token; by default ACCORD_TOKEN has it.")
]
CaFile = Annotated[
    Path | None, typer.Option("--ca-file", help="With --at: certificates that are trusted, in PEM; else the system's.")
]


@app.callback()
def packages() -> None:
    """Packages that a hub handed over: look, verify, open."""


@app.command("keys", short_help="Make your keys, and print what the hub needs of them.")
def make_keys(
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What the key for receipts is called, such as your domain.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A folder for the secret keys: keep them secret.")],
) -> None:
    """Make your keys: one that opens packages, one that signs receipts.

    The public lines are printed: give them to the hub, by a way on which nobody can change them.

    Example: accord package keys --name csirt.example --out keys
    """
    from accord.cli.releases.packages import make

    make(name, out)


@app.command("show", short_help="Say what a package is, and how to handle it.")
def show(file: File, as_json: AsJson = False) -> None:
    """Say what a package is, for whom, why and how to handle it; no key is needed.

    Whether it stands in the ledger is not known before `accord package verify`.

    Example: accord package show october.package
    """
    from accord.cli.releases.packages import show as show_package

    show_package(file, as_json=as_json)


@app.command("verify", short_help="Verify that a package stands in the ledger.")
def verify(file: File, handover: Handover, policy: PolicyFile, as_json: AsJson = False) -> None:
    """Verify that a package stands in the hub's ledger, as your policy demands; no key is needed.

    Example: accord package verify october.package october.handover --policy policy
    """
    from accord.cli.releases.packages import verify as verify_package

    verify_package(file, handover, policy, as_json=as_json)


@app.command("open", short_help="Open a package, and sign a receipt.")
def open_(
    file: File,
    handover: Handover,
    keys: Annotated[Path, typer.Option("--keys", metavar="DIR", help="Where `accord package keys` put your keys.")],
    policy: PolicyFile,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new or empty folder.")],
) -> None:
    """Open a package, once everything that it says is proven, and sign a receipt.

    The files are in content/; send the file `receipt` back to the hub. Where anything is not proven nothing is written.

    Example: accord package open october.package october.handover --keys keys --policy policy --out october
    """
    from accord.cli.releases.packages import open_ as open_package

    open_package(file, handover, keys, policy, out)


@app.command("acknowledge", short_help="Sign your answer to a notice of a recall.")
def acknowledge(
    notice: Annotated[Path, typer.Argument(metavar="NOTICE", help="The notice's folder, or the file `notice` in it.")],
    keys: Annotated[Path, typer.Option("--keys", metavar="DIR", help="Where `accord package keys` put your keys.")],
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What you did, or why you refuse.")],
    done: Annotated[
        bool, typer.Option("--done/--refused", help="You no longer hold or use it; or you refuse.", show_default=False)
    ],
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="The ledger that you rely on: the notice must be proven in it."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to write the answer.")] = None,
    at: At = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> None:
    """Answer a hub's notice that something in a package was withdrawn, corrected or erased.

    With --out it is done offline: send the file back to the hub. With --at the hub gets it at once; a token with the
    scope `report` opens that, such as the one that came with the mail.

    Example: accord package acknowledge recall-3f6a2c51 --keys keys --done --note "Removed." --out answer
    """
    from contextlib import nullcontext
    from datetime import UTC, datetime

    from accord.cli.deliveries.mine import asked_hub
    from accord.cli.rights.answering import write_answer

    with nullcontext() if at is None else asked_hub(at, token_file, ca_file) as hub:
        write_answer(notice, keys, policy, note, out, done=done, now=datetime.now(UTC), hub=hub)


@app.command("notice", short_help="Say what a notice says, and open what is sealed in it.")
def notice(
    file: Annotated[Path, typer.Argument(metavar="NOTICE", help="The notice's folder, or the file `notice` in it.")],
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="DIR", help="Your keys: they open the value that is sealed.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="The ledger that you rely on: the notice must be proven in it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a notice says; offline. Where it is about a value that you had supplied, your keys open it.

    Example: accord package notice recall-3f6a2c51 --keys keys --policy policy
    """
    from accord.cli.rights.answering import show_notice

    show_notice(file, keys, policy, as_json=as_json)


@app.command("notices", short_help="Fetch the notices of recalls that you have still to answer.")
def notices(
    at: At = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write each into a folder of its own in here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a hub which notices of recalls you have still to answer, and fetch them.

    A token with the scope `report` opens that. `accord package acknowledge` answers each.

    Example: accord package notices --at https://hub.example --token-file token --out recalls
    """
    from accord.cli.deliveries.mine import asked_hub
    from accord.cli.rights.answering import list_mine

    with asked_hub(at, token_file, ca_file) as hub:
        list_mine(hub, out, as_json=as_json)
