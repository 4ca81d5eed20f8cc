"""How a recipient must handle what it gets: the limits of all agreements that it rests on, the strictest of each."""

from collections.abc import Iterable, Sequence, Set
from datetime import date, datetime
from typing import TypeVar

from accord.agreements.agreement import Agreement, Iep, Limits, Register
from accord.agreements.declarations import DatasetId, PartnerId
from accord.agreements.retention import due
from accord.release.channels import Channel, Member, recipient
from accord.release.disclosures import Disclosure
from accord.release.package.manifest import Handling
from accord.release.question import Audience, Item, Release, taken_in_under
from accord.release.rules import RULES, decide
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.durations import shortest
from accord.vocabulary.handling import (
    EncryptInTransit,
    MayOrMustNot,
    OnwardSharing,
    Pap,
    PermittedActions,
    ProviderAttribution,
    strictest_pap,
)
from accord.vocabulary.markings import Marking

_T = TypeVar("_T")

# The strictest last.
_ENCRYPT = (EncryptInTransit.MAY, EncryptInTransit.MUST)
_ACTIONS = tuple(reversed(PermittedActions))
_MAY = (MayOrMustNot.MAY, MayOrMustNot.MUST_NOT)
_ONWARD = tuple(reversed(OnwardSharing))
# who must be named by one and must not be by the other is not named: a name that is out cannot be taken back
_ATTRIBUTION = (ProviderAttribution.MAY, ProviderAttribution.MUST, ProviderAttribution.MUST_NOT)


def binding_on(register: Register, recipient: PartnerId, resting: Set[DatasetId], purpose: Purpose) -> list[Agreement]:
    """Every agreement whose limits bind a recipient: those that let the data sets in, and those that let them out."""
    return [
        one
        for one in register.agreements.values()
        if purpose in one.purposes
        and (resting & {*one.data_in} or (recipient in one.partners and resting & {*one.data_out}))
    ]


def handling_of(register: Register, recipient: PartnerId, resting: Set[DatasetId], purpose: Purpose) -> Handling:
    """What a recipient is told of how to handle what rests on these data sets. At least one agreement binds it."""
    return combined(
        [one.limits for one in binding_on(register, recipient, resting, purpose)],
        [register.datasets[one].retention for one in sorted(resting)],
    )


def channel_handling(channel: Channel, member: Member, release: Release) -> Handling | None:
    """What a member is told of how to handle what may come through a channel to it; None: nothing may.

    `release`: for the channel's purpose. What may come is whatever data set the rules let through as it is registered.
    """
    register = release.register
    reader = Audience(recipients=(recipient(channel, member, register),), encrypted=channel.encrypted, by_token=True)
    resting = set[DatasetId]()
    for name, held in register.datasets.items():
        item = Item(
            dataset=held,
            marking=held.marking,
            came_in=taken_in_under(register, name, release.at),
            personal=held.personal,
            in_review=False,
            embargo=None,
        )
        if decide(item, reader, release, RULES).permitted:
            resting.add(name)
    return handling_of(register, member.partner, resting, channel.purpose) if resting else None


def permissible(release: Release, audience: Audience, datasets: Iterable[DatasetId]) -> dict[str, Pap]:
    """By data set the strictest PAP label of the agreements that bind a reader; missing where none says one."""
    found = dict[str, Pap]()
    purpose = release.purpose
    if purpose is None:
        return found
    for name in datasets:
        pap = strictest_pap(
            *(
                agreed.limits.pap
                for one in audience.recipients
                for agreed in binding_on(release.register, one.partner.id, {name}, purpose)
            )
        )
        if pap is not None:
            found[name] = pap
    return found


def kept_until(register: Register, disclosure: Disclosure, resting: Set[DatasetId]) -> datetime:
    """Until when a recipient may keep a disclosure that rests on these data sets, as far as is agreed; CAP at most."""
    agreed = binding_on(register, disclosure.recipient, resting, disclosure.purpose)
    limits = [one.limits.retention for one in agreed if one.limits.retention is not None]
    limits += [register.datasets[one].retention for one in resting if one in register.datasets]
    return due(disclosure.handed_over_at or disclosure.made_at, [(one, "agreed") for one in limits]).at


def combined(limits: Sequence[Limits], retentions: Iterable[str]) -> Handling:
    """The limits of several agreements as one, and the shortest of all retentions. At least one agreement."""
    ieps = [one.iep for one in limits if one.iep is not None]
    texts = [one.handling_text for one in limits if one.handling_text is not None]
    kept = [*retentions, *(one.retention for one in limits if one.retention is not None)]
    return Handling(
        pap=strictest_pap(*(one.pap for one in limits)),
        iep=_iep(ieps) if ieps else None,
        codes=tuple(sorted({code for one in limits for code in one.handling})),
        text="\n".join(dict.fromkeys(texts)) or None,
        onward_sharing=max((one.onward_sharing for one in limits), key=_ONWARD.index),
        retention=shortest(kept) if kept else None,
    )


def _iep(ieps: Sequence[Iep]) -> Iep:
    one = ieps[0] if len({*ieps}) == 1 else None
    return Iep(
        # two policies together are neither of them
        iep_id=None if one is None else one.iep_id,
        description=None if one is None else one.description,
        start_date=_day([each.start_date for each in ieps], latest=True),
        end_date=_day([each.end_date for each in ieps], latest=False),
        encrypt_in_transit=_last(_ENCRYPT, [each.encrypt_in_transit for each in ieps]),
        permitted_actions=_last(_ACTIONS, [each.permitted_actions for each in ieps]),
        affected_party_notifications=_last(_MAY, [each.affected_party_notifications for each in ieps]),
        tlp=_last(tuple(Marking), [each.tlp for each in ieps]),
        provider_attribution=_last(_ATTRIBUTION, [each.provider_attribution for each in ieps]),
        unmodified_resale=_last(_MAY, [each.unmodified_resale for each in ieps]),
    )


def _last(order: Sequence[_T], said: Iterable[_T | None]) -> _T | None:
    found = [one for one in said if one is not None]
    return max(found, key=order.index) if found else None


def _day(days: Iterable[date | None], *, latest: bool) -> date | None:
    found = [one for one in days if one is not None]
    if not found:
        return None
    return max(found) if latest else min(found)
