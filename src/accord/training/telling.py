"""The truth of a telling: what a faultless run must find, must not find, and must account for."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from accord.training.deliveries.account import stamp
from accord.training.plot import Nature, Plot, Statement, Subject, partners_of
from accord.training.scenario import DatasetPlan, Setting
from accord.training.sheets import CountryTruth, DeliveryTruth, FindingTruth, StatementTruth, TruthSheet
from accord.training.story import seconds
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSheet:
    """What a simulation wrote, and where."""

    scenario: str
    seed: int
    scale: float
    out: Path
    truth: TruthSheet

    @property
    def operation(self) -> Path:
        """The operation file to run."""
        return self.out / "operation.toml"

    @property
    def truth_path(self) -> Path:
        """The truth to score the run against."""
        return self.out / "truth.json"


def truth_of(
    scenario: Setting,
    countries: Sequence[CountryCode],
    plot: Plot,
    deliveries: tuple[DeliveryTruth, ...],
    seed: int,
    scale: float,
    reference: tuple[str, ...],
) -> TruthSheet:
    """Put the truth of a telling together."""
    teller = _Teller(scenario, plot)
    findings = tuple(sorted((teller.finding(one) for one in plot.subjects), key=lambda one: one.key))
    true = [one for one in findings if one.nature == Nature.TRUE.value]
    sole = {one.partner: one.country for one in scenario.recipients}
    return TruthSheet(
        scenario=scenario.name,
        simulated=True,
        seed=seed,
        scale=scale,
        as_of=stamp(seconds(scenario.as_of)),
        window=(stamp(seconds(scenario.window_start)), stamp(seconds(scenario.as_of))),
        reference=reference,
        named_persons=tuple(sorted({one.country for one in scenario.recipients if one.persons})),
        shared_with={
            dataset.id: tuple(sorted(sole[partner] for partner in dataset.share_with if partner in sole))
            for dataset in scenario.datasets
            if dataset.share_with is not None
        },
        totals=_count(true),
        countries={code: _count([one for one in true if home(one) == code]) for code in countries},
        seen_by={
            str(partners): count
            for partners, count in sorted(
                Counter(len(one.partners) for one in true if one.role == Role.C2_SERVER.value).items()
            )
        },
        deliveries=deliveries,
        findings=findings,
    )


def home(finding: FindingTruth) -> str | None:
    """The country that counts a finding: a website's registry, else where it stands, else its registry."""
    if finding.role == Role.SYSTEM_COMPROMISE.value:
        return finding.registry or finding.hosting
    return finding.hosting or finding.registry


def _count(findings: Iterable[FindingTruth]) -> CountryTruth:
    findings = tuple(findings)
    roles = Counter(one.role for one in findings)
    return CountryTruth(
        servers=roles[Role.C2_SERVER.value],
        websites=roles[Role.SYSTEM_COMPROMISE.value],
        government=sum(one.government for one in findings),
        infected=roles[Role.INFECTED_SYSTEM.value],
    )


class _Teller:
    """Says of each subject what the deliveries say of it."""

    def __init__(self, scenario: Setting, plot: Plot) -> None:
        self._window = seconds(scenario.window_start), seconds(scenario.as_of)
        self._datasets = {one.id: one for one in scenario.datasets}
        self._partners = partners_of(plot, scenario.datasets)
        self._said: dict[Subject, list[tuple[DatasetPlan, Statement]]] = {}
        for dataset, statements in plot.statements.items():
            for statement in statements:
                self._said.setdefault(statement.subject, []).append((self._datasets[dataset], statement))
        self._resolved = {one.domain for one in plot.resolutions}

    def finding(self, subject: Subject) -> FindingTruth:
        """The truth about one subject."""
        said = self._said.get(subject, [])
        merged = self._merged(said)
        reported = tuple(sorted({one.spelling for _, one in said if one.spelling is not None}))
        known = subject.kind is not IndicatorType.DOMAIN or self._address_known(subject, said)
        return FindingTruth(
            type=subject.kind.value,
            value=subject.value,
            role=subject.role.value,
            nature=subject.nature.value,
            family=subject.family.name if subject.family is not None and reported else None,
            reported=reported,
            activity=None if subject.activity is None else subject.activity.value,
            hosting=subject.country if known else None,
            registry=subject.registry,
            conflict=subject.conflict and known,
            government=subject.government,
            partners=self._partners.get(subject, ()),
            first_seen=min((one.first_seen for one in merged), default=None),
            last_seen=max((one.last_seen for one in merged), default=None),
            statements=merged,
        )

    def _address_known(self, subject: Subject, said: Sequence[tuple[DatasetPlan, Statement]]) -> bool:
        """Does a delivery say which address the domain has? The daily reports name a website's address too."""
        return subject.value in self._resolved or any(dataset.format == "shadowserver" for dataset, _ in said)

    def _merged(self, said: Sequence[tuple[DatasetPlan, Statement]]) -> tuple[StatementTruth, ...]:
        begin, end = self._window
        moments: dict[tuple[str, str], list[int]] = {}
        for dataset, statement in said:
            marking = max(dataset.marking, statement.marking or dataset.marking, key=lambda one: one.code)
            ends = (statement.first_s, statement.last_s)
            seen = [seconds(dataset.collected_at) if one is None else one for one in ends]
            moments.setdefault((dataset.id, marking.value), []).extend(one for one in seen if begin <= one <= end)
        return tuple(
            StatementTruth(dataset=dataset, marking=marking, first_seen=stamp(min(times)), last_seen=stamp(max(times)))
            for (dataset, marking), times in sorted(moments.items())
            if times
        )
