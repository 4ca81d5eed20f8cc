"""Scoring a run against the truth of its simulation: what was found, missed, wrongly accused, and miscounted.

    score(truth.json, folder of the run) -> Score

Everything that a faultless run can know must come out equal; what differs is named as a `Mismatch`. The accusations
that only the story knows to be wrong (a low-grade source's) are no mismatch: they are what precision is measured by.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from accord.training.address_score import AddressScore, score_addresses
from accord.training.outcome import Row, RunAccount, read_partials, read_report, read_rows, read_summary
from accord.training.plot import Nature
from accord.training.sheets import DeliveryTruth, FindingTruth, TruthSheet, read_truth
from accord.training.tallies import Mismatch, Tally, abridged
from accord.training.telling import home
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.roles import Role

Key = tuple[str, str, str]
"""Type, value, role."""

POSSIBLE = 0.3
"""From this confidence on a report says 'possible' or more; below it, 'weak'."""

Normalise = Callable[[str], str]
"""A family's name as the run writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryScore:
    """One country's findings against the truth."""

    country: str
    servers: Tally
    websites: Tally
    infected: Tally
    government: Tally
    """Compromised websites that were told to be the government's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A run against the truth of its simulation."""

    countries: tuple[CountryScore, ...]
    servers: Tally
    """Of all countries."""
    possible: Tally
    """The same, of findings with a confidence of at least POSSIBLE: what trusting the words of the report gives."""
    websites: Tally
    government: Tally
    infected: Tally
    machines: int | None
    """Infected systems behind the true addresses, where the story knows more of them."""
    deliveries: int
    deliveries_equal: int
    """Deliveries whose account is the truth's, reason by reason."""
    planted_wrong: int
    """False accusations among `servers.wrong` that nothing in the deliveries gives away."""
    mismatches: tuple[Mismatch, ...]

    @property
    def faultless(self) -> bool:
        """Everything that the deliveries say was found and accounted for."""
        return not self.mismatches


def score(truth_path: Path, run_dir: Path, normalise: Normalise | None = None) -> Score:
    """Compare a run's folder (`summary.json`, `hub/findings.parquet`, `reports/<CC>/findings.csv`) with the truth.

    `normalise` gives the name that the run uses for a reported family name; without it only the reported names are
    compared, by their letters and digits (a file name cannot hold every character).
    Raises UnreadableError when a file is missing, SettingsError when it is not what a run writes.
    """
    truth = read_truth(truth_path)
    # infected systems that have a file of their own are compared there: they may be millions
    without = None if truth.addresses is None else Role.INFECTED_SYSTEM
    rows = read_rows(run_dir / "hub" / "findings.parquet", without=without)
    account = read_summary(run_dir / "summary.json")
    comparison = _Comparison(truth, rows, normalise)
    delivered = _deliveries(truth.deliveries, account)
    if any(one.partial_by_reason for one in truth.deliveries):
        delivered += _partials(truth.deliveries, read_partials(run_dir / "rejects.csv"))

    def place(country: str) -> Path:
        return run_dir / "reports" / country / "findings.csv"

    reports = [
        mismatch
        for country in truth.countries
        for mismatch in _report(truth, country, read_report(place(country), without=without))
    ]
    victims = None
    if truth.addresses is not None:
        family = _one_family(truth, normalise)
        codes = sorted(truth.countries)
        victims = score_addresses(truth_path.with_name(truth.addresses.file), run_dir, codes, family)
    servers = comparison.tally(Role.C2_SERVER)
    return Score(
        countries=tuple(comparison.country(code, victims) for code in sorted(truth.countries)),
        servers=servers,
        possible=comparison.tally(Role.C2_SERVER, least=POSSIBLE),
        websites=comparison.tally(Role.SYSTEM_COMPROMISE),
        government=comparison.government(None),
        infected=comparison.tally(Role.INFECTED_SYSTEM) if victims is None else victims.infected,
        machines=None if truth.addresses is None else truth.addresses.machines,
        deliveries=len(truth.deliveries),
        deliveries_equal=len(truth.deliveries) - len({one.where for one in delivered if one.what == _ACCOUNT}),
        planted_wrong=comparison.planted_wrong(),
        mismatches=(
            *abridged(comparison.mismatches()),
            *delivered,
            *abridged(reports),
            *(victims.mismatches if victims else ()),
        ),
    )


class _Comparison:
    """The hub's table beside the true findings."""

    def __init__(self, truth: TruthSheet, rows: Mapping[Key, Row], normalise: Normalise | None) -> None:
        self._rows = rows
        self._normalise = normalise
        self._truth = {one.key: one for one in truth.findings}
        self._true = {key: one for key, one in self._truth.items() if one.nature == Nature.TRUE.value}
        self._acted = {key: row for key, row in rows.items() if not row.review}

    def country(self, code: str, victims: AddressScore | None) -> CountryScore:
        """One country's tallies."""
        return CountryScore(
            country=code,
            servers=self.tally(Role.C2_SERVER, country=code),
            websites=self.tally(Role.SYSTEM_COMPROMISE, country=code),
            infected=victims.by_country[code] if victims else self.tally(Role.INFECTED_SYSTEM, country=code),
            government=self.government(code),
        )

    def tally(self, role: Role, *, country: str | None = None, least: float = 0.0) -> Tally:
        """Findings of a role; None: of all countries. `least`: only those with at least this confidence count."""
        true = {k for k, one in self._true.items() if one.role == role and country in {None, home(one)}}
        acted = {k for k, row in self._acted.items() if row.role == role and (row.confidence or 0.0) >= least}
        wrong = {k for k in acted - set(self._true) if country in {None, self._rows[k].home}}
        return self._counted(true, acted, wrong)

    def government(self, country: str | None) -> Tally:
        """Government websites: found means told as the government's."""
        true = {k for k, one in self._true.items() if one.government and country in {None, home(one)}}
        acted = {k for k, row in self._acted.items() if row.government and row.role == Role.SYSTEM_COMPROMISE}
        wrong = {k for k in acted - true if country in {None, self._rows[k].home}}
        if country is not None:
            wrong -= {k for k, one in self._true.items() if one.government}
        return self._counted(true, acted, wrong)

    def planted_wrong(self) -> int:
        """False accusations that were found to act on, as planned."""
        return sum(self._nature(key) == Nature.WRONG for key in self._acted)

    def mismatches(self) -> list[Mismatch]:
        """Every finding that is not as the deliveries say."""
        found = [one for key, finding in self._truth.items() for one in self._finding(key, finding)]
        for key in sorted(set(self._rows) - set(self._truth)):
            found.append(_mismatch("a finding from nowhere", key, "no such finding", "one"))
        return found

    def _counted(self, true: set[Key], acted: set[Key], wrong: set[Key]) -> Tally:
        return Tally(
            true=len(true),
            found=len(true & acted),
            held=sum(key in self._rows and bool(self._rows[key].review) for key in true),
            missed=len(true - acted) - sum(key in self._rows and bool(self._rows[key].review) for key in true),
            wrong=len(wrong),
        )

    def _finding(self, key: Key, truth: FindingTruth) -> Iterable[Mismatch]:
        row = self._rows.get(key)
        nature = Nature(truth.nature)
        if nature in {Nature.STALE, Nature.FUTURE}:
            if row is not None:
                yield _mismatch(f"a {nature} finding", key, "none: no sighting within the window", "one")
            return
        if row is None:
            yield _mismatch("a missed finding", key, "a finding", "none")
            return
        if nature is Nature.LISTED:
            if not row.review:
                yield _mismatch("a warning-listed finding", key, "held for review", "one to act on")
            return
        if row.review:
            yield _mismatch("a finding held back", key, "one to act on", f"review for {', '.join(row.review)}")
        yield from self._content(key, truth, row)

    def _content(self, key: Key, truth: FindingTruth, row: Row) -> Iterable[Mismatch]:
        if truth.hosting is not None and truth.hosting not in row.countries:
            yield _mismatch("a hosting country", key, truth.hosting, " ".join(row.countries) or "none")
        if truth.type == IndicatorType.IPV4.value and truth.conflict != row.conflict:
            yield _mismatch("the mark 'country sources disagree'", key, str(truth.conflict), str(row.conflict))
        if truth.registry is not None and truth.registry != row.registry:
            yield _mismatch("a registry country", key, truth.registry, row.registry or "none")
        if truth.government != row.government:
            yield _mismatch("the mark 'government'", key, str(truth.government), str(row.government))
        if (truth.first_seen, truth.last_seen) != (row.first_seen, row.last_seen):
            yield _mismatch(
                "the period", key, f"{truth.first_seen} to {truth.last_seen}", f"{row.first_seen} to {row.last_seen}"
            )
        if len(truth.partners) != row.partners:
            yield _mismatch("the number of partners", key, str(len(truth.partners)), str(row.partners))
        lost = {_squeezed(one) for one in truth.reported} - {_squeezed(one) for one in row.reported}
        if lost:
            yield _mismatch("a reported family", key, ", ".join(truth.reported), ", ".join(row.reported) or "none")
        named = {self._normalise(one) for one in truth.reported} if self._normalise else set()
        if not named <= set(row.families):
            yield _mismatch("the family", key, ", ".join(sorted(named)), ", ".join(row.families) or "none")

    def _nature(self, key: Key) -> Nature | None:
        return Nature(self._truth[key].nature) if key in self._truth else None


_ACCOUNT = "the account of a delivery"


def _deliveries(truth: Sequence[DeliveryTruth], account: RunAccount) -> list[Mismatch]:
    found = []
    run = {one.file: one for one in account.deliveries}
    for expected in truth:
        got = run.pop(expected.file, None)
        if got is None:
            found.append(Mismatch(what=_ACCOUNT, where=expected.file, expected="an account", got="none"))
            continue
        pairs: list[tuple[str, object, object]] = [
            (name, getattr(expected, name), getattr(got, name))
            for name in ("records", "accepted", "ignored", "rejected", "ignored_by_reason", "rejected_by_reason")
        ]
        pairs.append(("refused", expected.refused, bool(got.refused)))
        found += [
            Mismatch(what=_ACCOUNT, where=expected.file, expected=f"{name} {wanted}", got=f"{name} {had}")
            for name, wanted, had in pairs
            if wanted != had
        ]
    found += [Mismatch(what="a delivery from nowhere", where=name, expected="none", got="one") for name in sorted(run)]
    return found


def _partials(truth: Sequence[DeliveryTruth], found: Mapping[str, Mapping[str, int]]) -> list[Mismatch]:
    """Parts of accepted records that were rejected, by file and reason."""
    return [
        Mismatch(
            what=_ACCOUNT,
            where=one.file,
            expected=f"partial {one.partial_by_reason}",
            got=f"partial {dict(found.get(one.file, {}))}",
        )
        for one in truth
        if not one.refused and one.partial_by_reason != found.get(one.file, {})
    ]


def _one_family(truth: TruthSheet, normalise: Normalise | None) -> str | None:
    """The name that a run gives an outbreak's one family."""
    named = {one.family for one in truth.findings if one.family is not None}
    return normalise(named.pop()) if normalise is not None and len(named) == 1 else None


def _report(truth: TruthSheet, country: str, keys: frozenset[Key]) -> list[Mismatch]:
    """What a country's recipients got, against what they may read."""
    place = f"reports/{country}"
    by_key = {one.key: one for one in truth.findings}
    found = []
    for key in sorted(keys & set(by_key)):
        if not _may_read(truth, country, by_key[key]):
            found.append(Mismatch(what="a leak", where=place, expected="nothing of it", got=" ".join(key)))
    for finding in truth.findings:
        belongs = country in {finding.hosting, finding.registry}
        if finding.nature == Nature.TRUE.value and belongs and _may_read(truth, country, finding):
            if finding.key not in keys:
                found.append(
                    Mismatch(what="missing from a report", where=place, expected=" ".join(finding.key), got="nothing")
                )
        elif finding.key in keys and not belongs and finding.nature == Nature.TRUE.value:
            found.append(
                Mismatch(what="in the wrong report", where=place, expected="nothing", got=" ".join(finding.key))
            )
    return found


def _may_read(truth: TruthSheet, country: str, finding: FindingTruth) -> bool:
    """Is there a statement that this country's recipients may read?"""
    return any(
        (one.marking != "red" or country in truth.named_persons)
        and country in truth.shared_with.get(one.dataset, (country,))
        for one in finding.statements
    )


def _mismatch(what: str, key: Key, expected: str, got: str) -> Mismatch:
    kind, value, role = key
    return Mismatch(what=what, where=f"{kind} {value} ({role})", expected=expected, got=got)


def _squeezed(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())
