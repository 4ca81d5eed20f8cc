"""Whether a declared data set may be taken in: the agreements in force that let it, or the refusal in words."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from accord.agreements.agreement import Agreement, Register, RegisteredDataset, Standing, covering
from accord.agreements.declarations import Dataset
from accord.agreements.telling import dataset_told, differences
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import NotAgreedError, SettingsError
from accord.vocabulary.handling import Direction

_SHOWN = 5
"""Agreements of which it is said what they say; a hub may have a hundred."""


def registered(dataset: Dataset) -> RegisteredDataset:
    """A data set as agreements name it, from its declaration."""
    return RegisteredDataset(
        id=dataset.id,
        title=dataset.title,
        partner=dataset.partner.id,
        origin=dataset.origin,
        legal_basis=dataset.legal_basis,
        marking=dataset.marking,
        grade=dataset.grade,
        retention=dataset.retention,
        personal=dataset.personal,
        name_partner=dataset.name_partner,
        share_with=None if dataset.share_with is None else tuple(sorted({*dataset.share_with})),
        upstream=dataset.upstream,
    )


def permit_intake(
    register: Register, dataset: Dataset, purpose: Purpose | None, at: datetime, *, settings: str
) -> tuple[Agreement, ...]:
    """The agreements under which a data set may be taken in now, for a purpose or (None) for any; at least one.

    `settings`: where it is declared. Raises SettingsError when it is registered otherwise or not at all, and
    NotAgreedError when no agreement in force covers it.
    """
    refuse_unregistered(register, dataset, settings=settings)
    found = covering(register.agreements.values(), dataset.id, Direction.IN, purpose, at)
    if found:
        return found
    raise NotAgreedError(
        f"No agreement lets data set {dataset.id} be taken in.",
        where=f"data set {dataset.id}, direction '{Direction.IN}', on {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        expected="an agreement in force that covers it" + ("" if purpose is None else f" and is for {purpose}"),
        got=_refusals(register.agreements.values(), dataset, purpose, at),
        remedy="; ".join(_remedies(register.agreements.values(), dataset, purpose, at)),
    )


def refuse_unregistered(register: Register, dataset: Dataset, *, settings: str) -> None:
    """Raise SettingsError unless a data set is registered as it is declared."""
    held = register.datasets.get(dataset.id)
    where = f"{settings}: dataset ({dataset.id})"
    if held is None:
        raise SettingsError(
            "The data set is declared, and not recorded.",
            where=where,
            expected="a data set that an agreement covers",
            remedy="`accord agreement apply` takes over what the settings declare, and agreements with it",
        )
    differing = differences(dataset_told(held), dataset_told(registered(dataset)))
    if differing:
        raise SettingsError(
            "The data set is declared otherwise than it is recorded.",
            where=where,
            expected=", ".join(f"{key} = {before or 'nothing'}" for key, before, _ in differing) + ", as recorded",
            got=", ".join(f"{key} = {after or 'nothing'}" for key, _, after in differing),
            remedy="correct the settings, or have the change recorded: `accord dataset apply`, or `accord agreement "
            "apply` where an agreement changes with it",
        )


def _remedies(
    agreements: Iterable[Agreement], dataset: Dataset, purpose: Purpose | None, at: datetime
) -> Iterator[str]:
    """What can be done, by what stands against it."""
    covered = [one for one in agreements if dataset.id in one.datasets(Direction.IN)]
    standing = {one.standing(at) for one in covered}
    if not covered:
        yield "record what was signed: `accord agreement apply`"
    begins = [day for one in covered if one.standing(at) is not Standing.ENDED and (day := one.begins_after(at))]
    if begins:
        yield (
            f"take it in from {min(begins)} on (if that day is wrong, record what was signed as another agreement: "
            "`from` never changes once it is recorded)"
        )
    if not standing.isdisjoint({Standing.EXPIRED, Standing.BETWEEN}):
        yield "`accord agreement renew` for a term that ran out"
    if Standing.ENDED in standing:
        yield "record another agreement (`accord agreement apply`), with the one that was ended as its `predecessor`"
    if Standing.IN_FORCE in standing:
        yield f"take it in for what an agreement is for, or record that one is for {purpose}: `accord agreement apply`"


def _refusals(agreements: Iterable[Agreement], dataset: Dataset, purpose: Purpose | None, at: datetime) -> str:
    covered = [one for one in agreements if dataset.id in one.datasets(Direction.IN)]
    if not covered:
        return "no agreement covers it"
    said = [f"{one.id}: {one.refusal(dataset.id, Direction.IN, purpose, at)}" for one in covered[:_SHOWN]]
    more = len(covered) - len(said)
    return "; ".join(said) + (f"; and {more} more" if more else "")
