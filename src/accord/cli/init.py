"""`accord init`: make a workspace."""

from pathlib import Path
from typing import Annotated

import typer

_SETTINGS = """# An Accord workspace: docs/workspace.md. Every key is explained in docs/operations.md.

[hub]
name = {name}
contact = {contact}
namespace = "{namespace}"   # this hub's own; never change it
key_file = "hub.key"                                 # finding ids are made from it: keep it, and keep it secret

# The database is accord.db beside this file, or what is named here (a password has its place in ~/.pgpass):
{database}
# The ledger's name, which no other log has and which never changes, and where its key and policy lie:
{ledger}
# Who delivers, and what. Take the marks away and say what is true:

# [[partner]]
# id = "vendor"
# name = "A vendor"

# [[dataset]]
# id = "vendor-sinkhole"
# title = "Infected machines that speak to the vendor's sinkhole"
# partner = "vendor"
# format = "shadowserver"          # `accord format list`
# origin = "sinkhole"
# legal_basis = "legitimate-interest"
# marking = "amber"
# grade = "b"
# retention = "P1Y"
# personal_data = true

# Under which agreement (docs/agreements.md). `accord agreement apply` records all of this, and again what you change:

# [[agreement]]
# id = "vendor-2026"
# title = "Agreement on sharing data about botnets"
# signatory = [{{ party = "hub", name = "A. Director" }}, {{ party = "vendor", name = "B. Chief" }}]
# signed = 2026-09-01
# document = "what `sha256sum signed.pdf` prints"
# from = 2026-09-01
# to = 2031-08-31
# purposes = ["victim-notification", "network-defence"]
# in = ["vendor-sinkhole"]
# limits = {{ marking = "amber" }}
"""

_NOBODY = "desk@hub.example"
"""What stands for the contact until somebody says it."""

_OPTIONS = {"hub": "", "ledger": "", "database": "", "origin": "--ledger", "url": "--database"}
"""Where what is wrong was typed: there is no file yet."""

_OWN_DATABASE = """# [database]
# url = "postgresql://accord@db.example/accord"
"""


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    name: Annotated[str, typer.Option("--name", help="How the hub is called.")] = "This hub",
    contact: Annotated[
        str | None, typer.Option("--contact", metavar="MAIL", help="Where partners write to: a mail address.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="URL", help="Its database, if not SQLite: postgresql://USER@HOST/DATABASE."),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option("--ledger", metavar="NAME", help="The ledger's name, such as fusion.example/ledger."),
    ] = None,
) -> None:
    """Make a workspace: a folder that keeps deliveries, their evidence, and snapshots of what was found.

    It gets a settings file to fill in, a secret key from which finding ids are made, a ledger with its key, and a
    database. When the database cannot be made, `accord migrate` makes it later.

    Example: accord init hub --name "National fusion centre" --contact desk@fusion.example
    """
    import json
    import tomllib
    from datetime import UTC, datetime
    from uuid import uuid4

    from accord.cli.terminal import say, talk
    from accord.formats.catalogue import FORMATS
    from accord.journal.place import ledger_key, ledger_policy, read_ledger
    from accord.operations.declaration import read_workspace
    from accord.workspace.database import migrate_database, read_database
    from accord.workspace.keys import hub_key
    from accord.workspace.settings import SettingsTable
    from accord.workspace.store import SETTINGS, make_workspace

    # a JSON string is a TOML basic string
    table = _OWN_DATABASE if database is None else f"[database]\nurl = {json.dumps(database)}\n"
    namespace = uuid4()
    log = f'# [ledger]\n# origin = "accord/{namespace}"\n'
    if origin is not None:
        log = f"[ledger]\norigin = {json.dumps(origin)}\n"
    settings = _SETTINGS.format(
        name=json.dumps(name),
        contact=json.dumps(_NOBODY if contact is None else contact),
        namespace=namespace,
        database=table,
        ledger=log,
    )
    # what was typed is looked at before anything is made
    typed = SettingsTable(file=folder / SETTINGS, path="", content=tomllib.loads(settings), options=_OPTIONS)
    hub = typed.table("hub")
    hub.title("name")
    hub.mail("contact")
    read_ledger(typed, namespace)
    read_database(typed, namespace)
    workspace = make_workspace(folder, settings)
    declared = read_workspace(workspace.settings, FORMATS)
    hub_key(declared.hub.key_file, make=True)
    ledger_policy(declared.ledger, ledger_key(declared.ledger, make=True))
    migrate_database(declared.database, now=datetime.now(UTC))
    if contact is None:
        talk(f"note: partners are told to write to {_NOBODY}, which is nobody's: say `contact` in {workspace.settings}")
    say(f"Declare partners, data sets and agreements in {workspace.settings}, then:")
    say(f"accord agreement apply --in {folder}")
    say(f"accord delivery add DATASET FILE --in {folder}")
