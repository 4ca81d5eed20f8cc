"""What one indicator is said to be: each role and family that its object and its relationships name, with a marking."""

from collections.abc import Sequence
from itertools import product

import msgspec

from accord.formats.stix.relations import NOTHING_LEARNT, Learnt, Said
from accord.vocabulary.markings import Marking, strictest
from accord.vocabulary.roles import Role


class Statement(msgspec.Struct, frozen=True):
    """One observation's role, family and marking."""

    role: Role | None
    family: str | None
    marking: Marking | None


class Statements(msgspec.Struct, frozen=True):
    """An object's statements, and the roles and families that could not be said."""

    said: tuple[Statement, ...]
    withheld: tuple[str, ...]
    """Families and roles learnt from marked objects about one without a marking: how far they may go is unknown."""


def statements_for(own: Marking | None, roles: Sequence[Role], learnt: Learnt) -> Statements:
    """Combine an object's marking, the roles that it says itself, and what was learnt of it.

    One statement for each role and family. What was learnt from a stricter object stands in statements of its own,
    beside those at the object's marking, so that a recipient of the object alone gets what it says, and no more.
    """
    if learnt is NOTHING_LEARNT and not roles:
        return Statements((Statement(None, None, own),), ())
    all_roles = [*(Said(role.value, None) for role in roles), *learnt.roles]
    free_roles, strict_roles = _apart(all_roles, own)
    free_families, strict_families = _apart(learnt.families, own)
    said = dict.fromkeys(
        Statement(role, family, own) for role, family in product(_roles(free_roles), _families(free_families))
    )
    withheld: list[str] = []
    if strict_roles or strict_families:
        if own is None:
            withheld = [one.what for one in (*strict_roles, *strict_families)]
        else:
            said.update(_strict(own, free_roles, strict_roles, free_families, strict_families))
    return Statements(tuple(said), tuple(withheld))


def _strict(
    own: Marking,
    free_roles: Sequence[Said],
    strict_roles: Sequence[Said],
    free_families: Sequence[Said],
    strict_families: Sequence[Said],
) -> dict[Statement, None]:
    nothing = [Said("", None)]
    found: dict[Statement, None] = {}
    roles = [*free_roles, *strict_roles] or nothing
    families = [*free_families, *strict_families] or nothing
    for role, family in product(roles, families):
        if role in strict_roles or family in strict_families:
            marking = strictest(own, role.marking or own, family.marking or own)
            found[Statement(Role(role.what) if role.what else None, family.what or None, marking)] = None
    return found


def _apart(all_said: Sequence[Said], own: Marking | None) -> tuple[list[Said], list[Said]]:
    """What may go as far as the object itself, and what may not."""
    free: list[Said] = []
    strict: list[Said] = []
    for one in all_said:
        reach = own if own is not None else Marking.CLEAR
        wider = one.marking is None or strictest(reach, one.marking) is reach
        (free if wider else strict).append(one)
    names = {one.what for one in free}
    return free, [one for one in strict if one.what not in names]


def _roles(said: Sequence[Said]) -> list[Role | None]:
    return [Role(one.what) for one in said] or [None]


def _families(said: Sequence[Said]) -> list[str | None]:
    return [one.what for one in said] or [None]
