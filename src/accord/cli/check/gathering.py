"""What check data may be made from: the deliveries that count, and what the rules say of each data set."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from accord.agreements.agreement import Register
from accord.agreements.declarations import Dataset, DatasetId, Partner, PartnerKind
from accord.agreements.register import load_register
from accord.agreements.retention import after, due
from accord.check.layout import OLDEST
from accord.check.place import CheckPlace
from accord.cli.deliveries.kept import read_account, taken_in
from accord.cli.hub import OpenHub
from accord.operations.declaration import Declared, Operation, Recipient, Scope
from accord.release.channels import EVERYWHERE
from accord.release.check_versions import CheckSource
from accord.release.decisions import load_decisions
from accord.release.embargoes import embargoes
from accord.release.policies import Classes, PolicyClass
from accord.release.policy import Terms, bound_to, came_in, workspace_terms
from accord.release.question import Audience, Embargo, Item, Release, TakenIn
from accord.release.reviews import Answer, Decision, let_go, standing
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.markings import MARKINGS, Marking
from accord.workspace.store import DeliveryFolder, Workspace
from accord.workspace.translations import LANGUAGES

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """A delivery that counts."""

    folder: DeliveryFolder
    source: CheckSource
    dataset: int
    """Its place in `Gathered.datasets`."""
    oldest: int
    """Sightings of more days ago are told no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What check data may be made from at a moment."""

    at: datetime
    register: Register
    recipient: Recipient
    audience: Audience
    datasets: tuple[Dataset, ...]
    deliveries: tuple[Counting, ...]
    sheet: Operation
    """No operation: all that the workspace holds."""
    base: Terms
    """Under which rules it is told, but for embargoes."""
    secret: Mapping[DatasetId, Embargo]
    """Of data sets on which an operation rests that is secret still."""
    decisions: tuple[Decision, ...]
    withheld: frozenset[str]
    """Findings that analysts keep back, by their ids."""

    @property
    def release(self) -> Release:
        """What the rules are asked of everything."""
        return self.base.release

    @property
    def sources(self) -> frozenset[CheckSource]:
        """The deliveries, as they are now."""
        return frozenset(one.source for one in self.deliveries)

    def terms(self, dataset: DatasetId) -> Terms:
        """Under which rules a data set is told, and what they need to know of it."""
        return replace(self.base, embargo=self.secret.get(dataset))

    def lets_go(self, finding: str, lists: Collection[str]) -> bool:
        """Has an analyst let a finding on these lists go?"""
        return self.base.lets_go(finding, lists)

    def allowed(self) -> Mask:
        """`allowed[data set, marking, in review]`: may each of the persons concerned be told? All is personal data."""
        found = np.zeros((len(self.datasets), len(MARKINGS), 2), np.bool_)
        for at, dataset in enumerate(self.datasets):
            found[at] = self.terms(dataset.id).grid([dataset], self.audience)[0, :, 1, :, 0]
        return found

    def items(self, at: int, marking: Marking) -> tuple[Item, ...]:
        """What the rules are asked of a data set, by its place, with a marking, where nothing waits for an analyst."""
        dataset = self.datasets[at]
        return self.terms(dataset.id).items(dataset, marking.code, personal=True, in_review=False)

    def classes(self, told: Collection[tuple[int, Marking]]) -> Classes:
        """The policy classes of what is told of data sets, by their places, with a marking."""
        return frozenset(
            PolicyClass.of(item)
            for at, marking in told
            for item in self.terms(self.datasets[at].id).items(
                self.datasets[at], marking.code, personal=True, in_review=False
            )
        )


def concerned(register: Register) -> Partner:
    """Who stands for the persons concerned. Raises SettingsError unless it is one partner."""
    found = [one for one in register.partners.values() if one.kind is PartnerKind.CONCERNED]
    if len(found) != 1:
        raise SettingsError(
            "Nobody stands for the persons concerned." if not found else "Several partners stand for them.",
            where="partner.kind",
            expected="one partner of the kind 'concerned', to whom check data is disclosed",
            got=", ".join(sorted(one.id for one in found)) or None,
            remedy="declare it in [[partner]], then `accord partner apply` (docs/check-data.md)",
        )
    return found[0]


def audience_of(partner: Partner, place: CheckPlace) -> Audience:
    """The persons concerned, each of whom is told of their own address alone."""
    recipient = Recipient(partner=partner, country=EVERYWHERE, persons=(), languages=(), encrypted=place.encrypted)
    return Audience(recipients=(recipient,), encrypted=place.encrypted, each_own=True)


def gather_check(
    hub: OpenHub, connection: Connection, place: CheckPlace, at: datetime, only: Collection[CheckSource] | None = None
) -> Gathered:
    """See what check data may be made from; nothing is read of it yet.

    `only`: from these deliveries, as far as they are still there. Raises AccordError.
    """
    register = load_register(connection)
    audience = audience_of(concerned(register), place)
    decisions = load_decisions(connection)
    folders = _counting(hub, register, at, only)
    received = [taken for _, taken in folders]
    sheet = _sheet(hub.workspace, hub.declared, register, at)
    terms = workspace_terms(
        sheet,
        register,
        purpose=Purpose.VICTIM_NOTIFICATION,
        at=at,
        came_in=came_in(register, received),
        bound=bound_to(received),
        decided=let_go(decisions, at),
    )
    datasets = tuple(hub.declared.datasets)
    return Gathered(
        at=at,
        register=register,
        recipient=audience.recipients[0],
        audience=audience,
        datasets=datasets,
        deliveries=tuple(counting for counting, _ in folders),
        sheet=sheet,
        base=terms,
        secret=embargoes(connection, at),
        decisions=decisions,
        withheld=frozenset(
            name for name, one in standing(decisions).items() if one.answer is Answer.WITHHOLD or not one.counts(at)
        ),
    )


def _counting(
    hub: OpenHub, register: Register, at: datetime, only: Collection[CheckSource] | None
) -> list[tuple[Counting, TakenIn]]:
    """The deliveries that may be kept still and were taken in for victims to be told, by data set and SHA-256."""
    places = {one.id: number for number, one in enumerate(hub.declared.datasets)}
    wanted = None if only is None else {(one.dataset, one.delivery) for one in only}
    found = []
    for folder in hub.workspace.deliveries():
        if folder.dataset not in {*places} or (wanted is not None and (folder.dataset, folder.sha256) not in wanted):
            continue
        account = read_account(folder)
        taken = taken_in(folder, account)
        if taken.purposes is not None and Purpose.VICTIM_NOTIFICATION not in taken.purposes:
            continue
        limits = limits_of(register, hub.declared.datasets[places[taken.dataset]], taken)
        if due(taken.at, [(one, "agreed") for one in limits]).at <= at:
            continue
        erased = account.get("erased")
        source = CheckSource(
            dataset=taken.dataset,
            delivery=folder.sha256,
            erasures=len(erased) if isinstance(erased, list) else 0,
        )
        counting = Counting(folder=folder, source=source, dataset=places[taken.dataset], oldest=oldest_age(at, limits))
        found.append((counting, taken))
    return found


def limits_of(register: Register, dataset: Dataset, taken: TakenIn) -> list[str]:
    """How long a delivery may be kept, by its data set and by the agreements that let it in: ISO 8601 durations."""
    held = register.datasets.get(dataset.id)
    agreements = [register.agreements[one] for one in taken.under or () if one in register.agreements]
    # an older Accord did not write down under which it came in: then all that cover the data set count
    agreements = agreements or [one for one in register.agreements.values() if dataset.id in one.data_in]
    limits = [one.limits.retention for one in agreements if one.limits.retention is not None]
    return [*limits, dataset.retention, *([] if held is None else [held.retention])]


def oldest_age(at: datetime, limits: Sequence[str]) -> int:
    """The greatest age in days of a sighting that is told still, however it came in; -1: none is."""
    today = at.astimezone(UTC).date()
    for age in range(OLDEST + 1):
        seen = datetime.combine(today - timedelta(days=age), time(), UTC)
        if any(after(seen, one) <= at for one in limits):
            return age - 1
    return OLDEST


def _sheet(workspace: Workspace, declared: Declared, register: Register, at: datetime) -> Operation:
    """No operation: all that the workspace holds."""
    return Operation(
        file=workspace.settings,
        name="check",
        title=declared.hub.name,
        simulated=False,
        languages=LANGUAGES[:1],
        answer_by=None,
        root=workspace.root,
        hub=declared.hub,
        scope=Scope(countries=(), roles=(), families=(), window_start=None, window_end=None, as_of=at),
        partners=register.partners,
        datasets=declared.datasets,
        recipients=(),
        themes=(),
    )


def strictest_of(markings: Mapping[int, set[Marking]]) -> dict[int, Marking]:
    """The strictest marking of each data set."""
    return {at: max(found, key=MARKINGS.index) for at, found in markings.items()}


def grouped(pairs: Collection[tuple[int, Marking]]) -> dict[int, set[Marking]]:
    """Markings by data set."""
    found: defaultdict[int, set[Marking]] = defaultdict(set)
    for at, marking in pairs:
        found[at].add(marking)
    return dict(found)
