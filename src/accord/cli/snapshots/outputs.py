"""Output folders that are asked: an operation's that was run in a workspace answers only whom its log names."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pyarrow.parquet as pq

from accord.cli.acting import Actor, log, unlogged
from accord.formats.catalogue import FORMATS
from accord.operations.declaration import Declared, read_workspace
from accord.vocabulary.errors import AccordError, SettingsError, UnreadableError
from accord.vocabulary.indicators import Indicator
from accord.workspace.keys import hub_key
from accord.workspace.store import open_workspace

HUB_TABLE = "hub/findings.parquet"
"""The hub's table, in an output folder."""

_MADE_IN = b"accord.workspace"
"""What the table says of where it was made: the namespace of the workspace's hub."""


def made_in(hub: UUID) -> dict[bytes, bytes]:
    """What the table of a run in a workspace says of itself."""
    return {_MADE_IN: str(hub).encode("ascii")}


def log_holder(table: Path, workspace: Path | None) -> Declared | None:
    """The workspace in whose log it is written who asks a table; None: nobody keeps one.

    Raises SettingsError when the table was made in a workspace and none, or another one, was named; UnreadableError
    when it is no table.
    """
    hub = _made_in(table)
    if workspace is None:
        if hub is None:
            return None
        raise SettingsError(
            "This was made in a workspace, whose log of consultations keeps who asks.",
            where=str(table.parent.parent),
            expected="the workspace in which `accord operation run` made it",
            got="none",
            remedy="name it with --log, and say with --why what you need it for",
        )
    declared = read_workspace(open_workspace(workspace).settings, FORMATS)
    if hub is not None and declared.hub.namespace != hub:
        raise SettingsError(
            "This was made in another hub's workspace.",
            where="--log",
            expected=f"the workspace of the hub with the namespace {hub}",
            got=f"that of {declared.hub.name}, {declared.hub.namespace}",
        )
    return declared


def log_asked(declared: Declared, asked: Iterable[Indicator], actor: Actor, now: datetime) -> None:
    """Write into a workspace's log who asks for what, a row a value, before anything is answered.

    Raises AccordError: what cannot be logged is not answered.
    """
    # who asks an output folder of no workspace does not wait for the database's library
    from accord.access.consultations import Processing, value_object
    from accord.workspace.database import open_database

    named: Mapping[str, Indicator] = {one.value: one for one in asked}
    if not named:
        return
    actor.demand_reason()
    key = hub_key(declared.hub.key_file)
    try:
        database = open_database(declared.database)
    except AccordError as error:
        raise unlogged(error) from error
    with database:
        objects = [value_object(named[value], key) for value in sorted(named)]
        log(database, actor, Processing.CONSULTATION, objects, now=now)


def _made_in(table: Path) -> UUID | None:
    try:
        said = (pq.read_schema(table).metadata or {}).get(_MADE_IN)
        return None if said is None else UUID(said.decode("ascii"))
    except (OSError, ValueError) as error:
        raise UnreadableError(
            "The hub's table cannot be read.",
            where=str(table),
            expected="a Parquet file that `accord operation run` wrote",
            remedy="run the operation again",
        ) from error
