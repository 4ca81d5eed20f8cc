"""Policies: on what it depends who sees something in a channel, as far as the rules may know it.

A policy is policy classes, a row of `channel_policies` for each that is in use:

    [["sinkhole", "amber", ["vendor-2026"], true, null]]

Of what is for a network owner its networks stand behind that: `["AS64500", "192.0.2.0/24"]`.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, exists, func, insert, or_, select

from accord.agreements.agreement import AgreementId, Register
from accord.agreements.declarations import DatasetId, PartnerId
from accord.agreements.networks import Network
from accord.release.channels import UNFINISHED
from accord.release.question import Embargo, Item
from accord.vocabulary.markings import Marking, strictest
from accord.workspace.schema import CHANNEL_BATCHES, CHANNEL_FINDINGS, CHANNEL_OBJECTS, CHANNEL_POLICIES, CHANNEL_SHARED

Classes = frozenset["PolicyClass"]
"""The policy classes that something rests on: all must be permitted."""

EVERY_MEMBER: Classes = frozenset()
"""The policy of what tells of no finding."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class PolicyClass:
    """What the rules may know of a part of an object, without what is registered of its data set by then."""

    dataset: str
    marking: str
    came_in: tuple[str, ...]
    personal: bool
    embargo: tuple[str, str, tuple[str, ...]] | None
    """An operation, until when it is secret, and for whom it is not."""
    networks: tuple[str, ...] = ()
    """Of what is for a network owner, in which of its networks it was seen."""

    @classmethod
    def of(cls, item: Item) -> "PolicyClass":
        """That of an item that stands in no review."""
        secret = item.embargo
        return cls(
            dataset=item.dataset.id,
            marking=item.marking.value,
            came_in=tuple(item.came_in),
            personal=item.personal,
            embargo=None
            if secret is None
            else (secret.operation, secret.until.isoformat(), tuple(sorted(secret.recipients))),
            networks=tuple(item.networks),
        )

    def item(self, register: Register) -> Item | None:
        """What the rules are asked now; None: its data set is not registered any more."""
        held = register.datasets.get(DatasetId(self.dataset))
        if held is None:
            return None
        return Item(
            dataset=held,
            # what was taken for amber may be called red by now
            marking=strictest(Marking(self.marking), held.marking),
            came_in=tuple(map(AgreementId, self.came_in)),
            personal=self.personal or held.personal,
            in_review=False,
            embargo=None
            if self.embargo is None
            else Embargo(
                operation=self.embargo[0],
                until=datetime.fromisoformat(self.embargo[1]),
                recipients=frozenset(map(PartnerId, self.embargo[2])),
            ),
            networks=tuple(map(Network, self.networks)),
        )


@dataclass(slots=True)
class Policies:
    """Policies by their numbers; one that is new gets the next."""

    connection: Connection
    _numbers: dict[Classes, int] = field(default_factory=dict)

    def number(self, classes: Classes) -> int:
        """The number of a policy."""
        if classes not in self._numbers:
            text = encode(classes)
            digest = hashlib.sha256(text.encode()).hexdigest()
            wanted = select(CHANNEL_POLICIES.c.number).where(CHANNEL_POLICIES.c.digest == digest)
            number = self.connection.execute(wanted).scalar_one_or_none()
            if number is None:
                number = newest(self.connection) + 1
                self.connection.execute(insert(CHANNEL_POLICIES).values(number=number, digest=digest, classes=text))
            self._numbers[classes] = number
        return self._numbers[classes]


def newest(connection: Connection) -> int:
    """The greatest number of a policy, which grows with each new one; 0: there is none."""
    return connection.execute(select(func.max(CHANNEL_POLICIES.c.number))).scalar_one() or 0


def policies(connection: Connection) -> Iterator[tuple[int, Classes]]:
    """All of them, by their numbers."""
    for row in connection.execute(select(CHANNEL_POLICIES).order_by(CHANNEL_POLICIES.c.number)):
        yield row.number, decode(row.classes)


def remove_unused(connection: Connection) -> None:
    """Remove policies to which nothing refers, but for the newest: so no number is ever given to another one.

    While a batch is being made, in several transactions, all stay: it may come to refer to any of them.
    """
    making = select(CHANNEL_BATCHES.c.number).where(CHANNEL_BATCHES.c.entries_end == UNFINISHED).limit(1)
    if connection.execute(making).one_or_none() is not None:
        return
    number = CHANNEL_POLICIES.c.number
    used = or_(
        *(exists().where(each.c.policy == number) for each in (CHANNEL_OBJECTS, CHANNEL_FINDINGS, CHANNEL_SHARED))
    )
    connection.execute(delete(CHANNEL_POLICIES).where(number < newest(connection), ~used))


def encode(classes: Classes) -> str:
    """Classes as JSON in their only spelling."""
    listed = (
        [one.dataset, one.marking, one.came_in, one.personal, one.embargo, *([one.networks] if one.networks else [])]
        for one in classes
    )
    return json.dumps(sorted(listed, key=json.dumps), ensure_ascii=False)


def decode(text: str) -> Classes:
    """What `encode` has written."""
    return frozenset(
        PolicyClass(
            dataset=dataset,
            marking=marking,
            came_in=tuple(came_in),
            personal=personal,
            embargo=None if embargo is None else (embargo[0], embargo[1], tuple(embargo[2])),
            networks=tuple(networks[0]) if networks else (),
        )
        for dataset, marking, came_in, personal, embargo, *networks in json.loads(text)
    )
