"""What the hub has given up and never taken in, as far as it holds a value: it is found, and removed whole."""

from accord.cli.deliveries.given_up import GivenUp, given_up
from accord.cli.hub import OpenHub
from accord.cli.rights.holders import Subject, find_in
from accord.reference.store import Reference
from accord.vocabulary.errors import UnreadableError
from accord.workspace.jobs import naming


def held_given_up(hub: OpenHub, subject: Subject, reference: Reference) -> tuple[GivenUp, ...]:
    """What was given up that holds a subject. Of what is wrong in a role alone it stays as it was delivered."""
    if subject.roles is not None:
        return ()
    with hub.database.reading() as connection:
        some = given_up(hub.workspace, connection)
        named = {one.number for one in naming(connection, subject.held)} if some else set()
    return tuple(one for one in some if one.job in named or _is_in(hub, one, subject, reference))


def _is_in(hub: OpenHub, one: GivenUp, subject: Subject, reference: Reference) -> bool:
    try:
        return find_in(one.file, hub.declared.dataset(one.dataset), subject, reference, read=True) is not None
    except (FileNotFoundError, UnreadableError):
        if one.file.exists():
            raise
        # its partner has removed it meanwhile
        return False
