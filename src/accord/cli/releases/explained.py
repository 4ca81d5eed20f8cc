"""What stands in a release or is an object of a channel, as policy classes that the rules are asked of once more."""

import re
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, select

from accord.agreements.agreement import Register
from accord.agreements.declarations import PartnerId
from accord.release.basis import NOT_KEPT, parse_basis
from accord.release.channels import find_channel, load_channels
from accord.release.disclosures import disclosures, load_disclosure
from accord.release.policies import Classes, decode
from accord.release.question import Item
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import SettingsError
from accord.workspace.schema import CHANNEL_OBJECTS, CHANNEL_POLICIES, CHANNEL_SHARED

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BEGINNING = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f-]*)?")
_OBJECT = re.compile(rf"[a-z][a-z0-9-]*--{_UUID.pattern}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was released before, or stands ready to be."""

    items: tuple[tuple[Item, str], ...]
    """Its policy classes as the rules are asked of them now, each with what it is of, in words."""
    purpose: Purpose | None = None
    """For which it was released; None: an object, which has none of its own."""
    recipient: PartnerId | None = None
    persons: tuple[str, ...] = ()
    encrypted: bool = False
    clients: bool = False


def given(connection: Connection, asked: str, register: Register) -> Given | None:
    """A release by its id, or an object of a channel by its own; None: it is the name of neither.

    Raises SettingsError when there is none of that name, or when its data sets are not recorded any more.
    """
    if _UUID.fullmatch(asked):
        return _of_release(connection, asked, register)
    if _BEGINNING.fullmatch(asked):
        # as lists print it; no value looks like this
        found = [str(one.id) for one in disclosures(connection) if str(one.id).startswith(asked)]
        if len(found) == 1:
            return _of_release(connection, found[0], register)
    return _of_object(connection, asked, register) if _OBJECT.fullmatch(asked) else None


def _of_release(connection: Connection, asked: str, register: Register) -> Given:
    one = load_disclosure(connection, UUID(asked))
    persons: tuple[str, ...] = ()
    encrypted = clients = False
    if one.channel is not None:
        member = find_channel(load_channels(connection), one.channel).member(one.recipient)
        clients = member is not None and member.clients
        found = _policies(connection, CHANNEL_OBJECTS.c.batch == one.batch)
        words = f"release {one.id}: put into channel {one.channel} for {one.recipient}"
    elif one.basis is None:
        raise SettingsError("What is in this release cannot be explained.", where="OBJECT", got=NOT_KEPT)
    else:
        basis = parse_basis(one.basis)
        found, persons, encrypted, clients = basis.classes, basis.persons, basis.encrypted, basis.clients
        words = f"release {one.id}: {one.findings:,} findings for {one.recipient}"
    return Given(
        items=_items(found, register, words),
        purpose=one.purpose,
        recipient=one.recipient,
        persons=persons,
        encrypted=encrypted,
        clients=clients,
    )


def _of_object(connection: Connection, asked: str, register: Register) -> Given:
    there = list(
        connection.execute(select(CHANNEL_OBJECTS.c.channel).where(CHANNEL_OBJECTS.c.object == asked).distinct())
        .scalars()
        .all()
    )
    if not there:
        raise SettingsError(
            "No channel has such an object.", where="OBJECT", got=asked, remedy="`accord channel list` lists channels"
        )
    found = _policies(connection, CHANNEL_OBJECTS.c.object == asked)
    return Given(items=_items(found, register, f"{asked}, in channel {', '.join(sorted(there))}"))


def _policies(connection: Connection, which: object) -> Classes:
    """All classes on which objects rest; of what is shared, those of the findings that tell of it."""
    numbers = select(CHANNEL_OBJECTS.c.policy).where(which, CHANNEL_OBJECTS.c.policy.is_not(None))  # type: ignore[arg-type]
    shared = select(CHANNEL_SHARED.c.policy).where(
        CHANNEL_SHARED.c.object.in_(select(CHANNEL_OBJECTS.c.object).where(which))  # type: ignore[arg-type]
    )
    wanted = select(CHANNEL_POLICIES.c.classes).where(
        CHANNEL_POLICIES.c.number.in_(numbers) | CHANNEL_POLICIES.c.number.in_(shared)
    )
    return frozenset(one for text in connection.execute(wanted).scalars() for one in decode(text))


def _items(classes: Classes, register: Register, words: str) -> tuple[tuple[Item, str], ...]:
    gone = sorted({one.dataset for one in classes if one.item(register) is None})
    if gone:
        raise SettingsError(
            "A data set that it rests on is not recorded any more.", where="OBJECT", got=", ".join(gone)
        )
    return tuple((item, words) for one in classes if (item := one.item(register)) is not None)
