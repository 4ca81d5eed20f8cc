"""What many findings may tell many audiences: each policy class is judged once, and rows of evidence follow it.

How a hub that keeps agreements has all rules applied to a case:

    terms = workspace_terms(operation, register, purpose=..., at=..., came_in=...)
    case = Case(operation=operation, ..., terms=terms)

Without `terms` a case is under `run_terms`: what a run of an operation file by itself keeps to, where nothing is signed
that could be asked. Both need no clock: the moment is an argument, and of a run the operation's `as_of`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from accord.agreements.agreement import AgreementId, Register, RegisteredDataset
from accord.agreements.declarations import Dataset, DatasetId
from accord.agreements.networks import Network
from accord.agreements.passing import registered
from accord.fusion.evidence import begins
from accord.operations.declaration import Operation
from accord.release.question import NO_REGISTER, Audience, Embargo, Item, Release, Rule, TakenIn, taken_in_under
from accord.release.reviews import lets_go
from accord.release.rules import RULES, RUN_RULES, decide
from accord.release.waiting import Reviewed
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.indicators import INDICATOR_TYPES, IndicatorType
from accord.vocabulary.markings import MARKINGS, strictest
from accord.vocabulary.roles import ROLES, Role

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

PERSONAL_ROLES = frozenset({Role.INFECTED_SYSTEM})
"""Behind an infected machine's address is a person, whatever its data set is declared as (Court of Justice of the
European Union, C-582/14)."""

PERSONAL_TYPES = frozenset({IndicatorType.EMAIL})

_PERSONAL_ROLE = np.array([role in PERSONAL_ROLES for role in ROLES])
_PERSONAL_TYPE = np.array([kind in PERSONAL_TYPES for kind in INDICATOR_TYPES])


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which rules a case is released, and what they need to know of its data sets."""

    rules: tuple[Rule, ...]
    release: Release
    datasets: Mapping[DatasetId, RegisteredDataset]
    """As they are registered, by id. One that is missing reaches nobody where agreements are asked for."""
    came_in: Mapping[DatasetId, frozenset[tuple[AgreementId, ...]]]
    """Of each data set the agreements under which its deliveries came in (`came_in`), each set of them once. The
    rules must hold for all: evidence does not say of every part from which delivery it is."""
    embargo: Embargo | None
    bound: Mapping[DatasetId, frozenset[Purpose]]
    """Of each data set the purposes for which all its deliveries were taken in (`bound_to`)."""
    decided: Mapping[str, frozenset[str]]
    """Findings on warning lists that an analyst has let go, by id, each with the names of the lists that it may stand
    on (`release.reviews.let_go`)."""
    corrected: Mapping[str, frozenset[Role]]
    """Values that are wrong in these roles, by their HMACs (`release.erased.wrong_roles`)."""

    @property
    def keeps_reviews(self) -> bool:
        """Does what is in review stay in the hub? A run by itself shows it, flagged."""
        return any(isinstance(rule, Reviewed) for rule in self.rules)

    def lets_go(self, finding: str, lists: Collection[str]) -> bool:
        """Has an analyst let a finding on these lists go?"""
        return lets_go(self.decided, finding, lists)

    def items(
        self, dataset: Dataset, marking: int, *, personal: bool, in_review: bool, networks: tuple[Network, ...] = ()
    ) -> tuple[Item, ...]:
        """The policy classes of evidence from a data set; all must be permitted. `marking`: its code; `networks`: of a
        network owner, in which of its own it was seen."""
        held = self.datasets.get(dataset.id) or registered(dataset)
        return tuple(
            Item(
                dataset=held,
                marking=strictest(MARKINGS[marking], held.marking),
                came_in=came_in,
                personal=personal or held.personal or dataset.personal,
                in_review=in_review,
                embargo=self.embargo,
                purposes=self.bound.get(dataset.id),
                networks=networks,
            )
            for came_in in sorted(self.came_in.get(dataset.id) or {()})
        )

    def grid(self, datasets: Sequence[Dataset], audience: Audience) -> Mask:
        """`grid[data set, marking, personal, in review, own]`: may the audience see such evidence? `own`: it is in the
        networks of the network owner that the audience is."""
        shape = (len(datasets), len(MARKINGS), 2, 2, 2)
        classes = [
            self.items(
                datasets[at],
                marking,
                personal=bool(personal),
                in_review=bool(in_review),
                networks=audience.networks if own else (),
            )
            for at, marking, personal, in_review, own in np.ndindex(shape)
        ]
        flat = [item for items in classes for item in items]
        (allowed,) = permitted(flat, [audience], self.release, self.rules)
        ends = np.cumsum([0, *map(len, classes)])
        grid = [bool(allowed[begin:end].all()) for begin, end in pairwise(ends)]
        return np.array(grid, np.bool_).reshape(shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one audience gets."""

    findings: Positions
    """The numbers of the findings that it gets, ascending."""
    rows: Positions
    """The places of the rows of evidence that it may see, ascending: what these findings are merged from."""


def permitted(
    items: Sequence[Item], audiences: Sequence[Audience], release: Release, rules: Sequence[Rule] = RULES
) -> Mask:
    """`permitted[audience, item]`; items that are equal are judged once."""
    allowed = np.zeros((len(audiences), len(items)), np.bool_)
    for at, audience in enumerate(audiences):
        answers: dict[Item, bool] = {}
        for item in items:
            if item not in answers:
                answers[item] = decide(item, audience, release, rules).permitted
        allowed[at] = [answers[item] for item in items]
    return allowed


def shares(finding: Positions, policy: Positions, allowed: Mask) -> Iterator[Share]:
    """What each audience gets of rows of evidence, in the order of `allowed` (`permitted`).

    `finding`: the number of each row's finding, ascending; `policy`: the place of its class among the items.
    """
    for mine in allowed:
        rows = np.flatnonzero(mine[policy])
        owner = finding[rows]
        yield Share(findings=owner[begins(owner)], rows=rows)


def personal_findings(kind: npt.NDArray[np.int8], role: npt.NDArray[np.int8]) -> Mask:
    """Which findings are personal data by what they are, from the codes of their types and roles."""
    return np.asarray(_PERSONAL_TYPE[kind] | _PERSONAL_ROLE[role])


def came_in(register: Register, received: Iterable[TakenIn]) -> dict[DatasetId, frozenset[tuple[AgreementId, ...]]]:
    """`Terms.came_in`, of what was received.

    What is recorded or ended later changes nothing of it. Where it was not written down, those count that are in force
    at that moment by what is recorded now.
    """
    found: defaultdict[DatasetId, set[tuple[AgreementId, ...]]] = defaultdict(set)
    for one in received:
        under = taken_in_under(register, one.dataset, one.at) if one.under is None else tuple(sorted(one.under))
        found[one.dataset].add(under)
    return {dataset: frozenset(one) for dataset, one in found.items()}


def bound_to(received: Iterable[TakenIn]) -> dict[DatasetId, frozenset[Purpose]]:
    """`Terms.bound`, of what was received. What an older Accord took in without writing it down binds nothing."""
    found: dict[DatasetId, frozenset[Purpose]] = {}
    for one in received:
        if one.purposes is not None:
            found[one.dataset] = found.get(one.dataset, one.purposes) & one.purposes
    return found


def run_terms(operation: Operation) -> Terms:
    """What a run of an operation file by itself keeps to: TLP, the data sets' lists, and its own embargo."""
    return Terms(
        rules=RUN_RULES,
        release=Release(register=NO_REGISTER, purpose=None, at=operation.scope.as_of, legal_area=frozenset()),
        datasets={one.id: registered(one) for one in operation.datasets},
        came_in={},
        bound={},
        embargo=embargo_of(operation),
        decided={},
        corrected={},
    )


def workspace_terms(
    operation: Operation,
    register: Register,
    *,
    purpose: Purpose | None,
    at: datetime,
    came_in: Mapping[DatasetId, frozenset[tuple[AgreementId, ...]]],
    bound: Mapping[DatasetId, frozenset[Purpose]] | None = None,
    decided: Mapping[str, frozenset[str]] | None = None,
    corrected: Mapping[str, frozenset[Role]] | None = None,
) -> Terms:
    """All rules, asked of what is registered; what the operation file declares can make it stricter and never wider."""
    return Terms(
        rules=RULES,
        release=Release(register=register, purpose=purpose, at=at, legal_area=operation.hub.legal_area),
        datasets=register.datasets,
        came_in=came_in,
        bound={} if bound is None else bound,
        embargo=embargo_of(operation),
        decided={} if decided is None else decided,
        corrected={} if corrected is None else corrected,
    )


def embargo_of(operation: Operation) -> Embargo | None:
    """An operation's embargo; None: it has none."""
    if operation.embargo is None:
        return None
    return Embargo(
        operation=operation.name,
        until=operation.embargo,
        recipients=frozenset(one.partner.id for one in operation.recipients),
    )
