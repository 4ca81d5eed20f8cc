"""Telling a scenario: chance draws servers, websites and victims, and who sees which of them when."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from accord.training.dice import Dice
from accord.training.landscape import Landscape
from accord.training.names import Namer
from accord.training.plot import Nature, Plot, Resolution, Statement, Subject
from accord.training.scenario import Activity, CountryPlan, DatasetPlan, Family, Scenario
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.markings import Marking
from accord.vocabulary.roles import Role

DAY_S = 86_400
SERVICE_PORTS = (443, 80, 8080, 8443, 4443, 53, 6667, 23, 447, 449, 995, 1443, 9001)
GENERIC_SUFFIXES = ("com", "net", "org", "info", "biz")
ABROAD: tuple[CountryCode, ...] = (CountryCode("US"), CountryCode("SG"), CountryCode("JP"), CountryCode("DE"))
REPEATED_SHARE = 0.03
"""Share of a delivery's statements that it makes twice."""
EARLY_SHARE = 0.04
"""Share of the dated statements whose period begins before the window."""
RESOLVED_SHARE = 0.8
"""Share of the domains with a registry country whose address passive DNS knows; of the others all."""


def scaled(count: int, scale: float) -> int:
    """`count` at this scale; what is there at all stays at least 1."""
    return max(1, round(count * scale)) if count else 0


def tell(
    scenario: Scenario, dice: Dice, scale: float, landscape: Landscape, progress: Callable[[str, int, int], None]
) -> Plot:
    """Draw the whole plot; `progress(what, done, total)` is called after each country."""
    cast = Cast(scenario, dice.stream("cast"), scale, landscape)
    for number, country in enumerate(scenario.countries, start=1):
        cast.country(country)
        progress("drawing servers and victims", number, len(scenario.countries))
    cast.elsewhere()
    witnesses = Witnesses(scenario, dice.stream("witnesses"))
    for role in (Role.C2_SERVER, Role.SYSTEM_COMPROMISE, Role.MALWARE_DISTRIBUTION):
        witnesses.share_out([one for one in cast.subjects if one.nature is Nature.TRUE and one.role is role])
    for subject in cast.subjects:
        witnesses.single(subject)
    return Plot(
        subjects=tuple(cast.subjects),
        statements=witnesses.testimony(),
        resolutions=_resolve(scenario, dice.stream("resolutions"), cast.subjects),
    )


class Cast:
    """Draws the subjects of a telling, country by country."""

    def __init__(self, scenario: Scenario, dice: Dice, scale: float, landscape: Landscape) -> None:
        self._scenario = scenario
        self._dice = dice
        self._scale = scale
        self._landscape = landscape
        self._namer = Namer(dice.stream("names"))
        self.subjects: list[Subject] = []

    def country(self, plan: CountryPlan) -> None:
        """Everything that the story puts into one country."""
        servers = scaled(plan.servers, self._scale)
        domains = round(servers * self._scenario.domain_share)
        for address, conflict in self._addresses(plan.code, servers - domains):
            self._server(plan.code, address, conflict, Nature.TRUE)
        for address, conflict in self._addresses(plan.code, domains):
            self._named_server(plan, address, conflict)
        self._websites(plan)
        for address, conflict in self._addresses(plan.code, scaled(plan.infected, self._scale)):
            self._add(
                Subject(
                    kind=IndicatorType.IPV4,
                    value=address,
                    role=Role.INFECTED_SYSTEM,
                    nature=Nature.TRUE,
                    family=self._dice.one(self._scenario.families),
                    country=plan.code,
                    conflict=conflict,
                )
            )

    def elsewhere(self) -> None:
        """What is drawn over all countries: payloads, samples, and what is stale, wrong, listed or misdated."""
        story = self._scenario
        for country, share in self._spread(story.payloads):
            for address, conflict in self._addresses(country, share):
                self._payload(country, address, conflict)
        for _ in range(scaled(story.samples, self._scale)):
            self._add(
                Subject(
                    kind=IndicatorType.SHA256,
                    value=f"{self._dice.bits(256):064x}",
                    role=Role.MALWARE_DISTRIBUTION,
                    nature=Nature.TRUE,
                )
            )
        for count, nature in ((story.stale, Nature.STALE), (story.wrong, Nature.WRONG), (story.future, Nature.FUTURE)):
            for country, share in self._spread(count):
                for address, conflict in self._addresses(country, share):
                    self._server(country, address, conflict, nature)
        for kind, value, listed_country in story.listed:
            self._add(
                Subject(
                    kind=IndicatorType(kind),
                    value=value,
                    role=Role.C2_SERVER,
                    nature=Nature.LISTED,
                    country=listed_country,
                )
            )

    def _websites(self, plan: CountryPlan) -> None:
        websites = scaled(plan.websites, self._scale)
        government = min(scaled(plan.government, self._scale), websites)
        shared: tuple[CountryCode, str, bool] | None = None
        for number in range(websites):
            host = CountryCode(self._dice.one(ABROAD)) if self._dice.chance(0.25) else plan.code
            # a tenth shares its server with the site before, as on shared hosting
            if shared is None or not self._dice.chance(0.1):
                ((address, conflict),) = self._addresses(host, 1)
                shared = (host, address, conflict)
            official = number < government
            suffix = self._dice.one(plan.government_suffixes if official else plan.suffixes)
            self._add(
                Subject(
                    kind=IndicatorType.DOMAIN,
                    value=self._namer.office(suffix) if official else self._namer.domain(suffix),
                    role=Role.SYSTEM_COMPROMISE,
                    nature=Nature.TRUE,
                    country=shared[0],
                    conflict=shared[2],
                    address=shared[1],
                    registry=plan.code,
                    government=official,
                    port=80,
                )
            )

    def _server(self, country: CountryCode, address: str, conflict: bool, nature: Nature) -> None:
        activity, family = self._family()
        self._add(
            Subject(
                kind=IndicatorType.IPV4,
                value=address,
                role=Role.C2_SERVER,
                nature=nature,
                family=family,
                activity=activity,
                country=country,
                conflict=conflict,
                port=self._dice.one(SERVICE_PORTS),
            )
        )

    def _named_server(self, plan: CountryPlan, address: str, conflict: bool) -> None:
        activity, family = self._family()
        generic = self._dice.chance(0.6)
        self._add(
            Subject(
                kind=IndicatorType.DOMAIN,
                value=self._namer.domain(self._dice.one(GENERIC_SUFFIXES if generic else plan.suffixes)),
                role=Role.C2_SERVER,
                nature=Nature.TRUE,
                family=family,
                activity=activity,
                country=plan.code,
                conflict=conflict,
                address=address,
                registry=None if generic else plan.code,
                port=self._dice.one(SERVICE_PORTS),
            )
        )

    def _payload(self, country: CountryCode, address: str, conflict: bool) -> None:
        self._add(
            Subject(
                kind=IndicatorType.URL,
                value=f"http://{address}{self._namer.path()}",
                role=Role.MALWARE_DISTRIBUTION,
                nature=Nature.TRUE,
                country=country,
                conflict=conflict,
                address=address,
            )
        )

    def _family(self) -> tuple[Activity, Family]:
        activities, shares = zip(*self._scenario.activities, strict=True)
        activity = self._dice.weighted(activities, shares)
        families = [one for one in self._scenario.families if one.activity is activity]
        return activity, self._dice.weighted(families, [one.weight for one in families])

    def _spread(self, count: int) -> list[tuple[CountryCode, int]]:
        """So many at this scale, drawn over the countries by their number of servers."""
        countries = self._scenario.countries
        weights = [one.servers for one in countries]
        drawn = Counter(self._dice.weighted(countries, weights).code for _ in range(scaled(count, self._scale)))
        return [(one.code, drawn[one.code]) for one in countries if drawn[one.code]]

    def _addresses(self, country: CountryCode, count: int) -> list[tuple[str, bool]]:
        conflicts = sum(self._dice.chance(self._scenario.conflict_share) for _ in range(count))
        drawn = self._landscape.draw(self._dice, country, count - conflicts, conflicts)
        self._dice.shuffle(drawn)
        return drawn

    def _add(self, subject: Subject) -> None:
        self.subjects.append(subject)


class Witnesses:
    """Decides which data sets see a subject, when, and under which name."""

    def __init__(self, scenario: Scenario, dice: Dice) -> None:
        self._scenario = scenario
        self._dice = dice
        self._statements: dict[str, list[Statement]] = {one.id: [] for one in scenario.datasets}
        # a vendor keeps to one name for a family
        self._dialect = {
            (dataset.id, family.name): dice.one((family.name, family.name, *family.synonyms))
            for dataset in scenario.datasets
            for family in scenario.families
        }

    def share_out(self, subjects: list[Subject]) -> None:
        """Let exactly the declared shares of `subjects` be seen by several partners, the rest by one."""
        order = list(subjects)
        self._dice.shuffle(order)
        at = 0
        for partners, share in self._scenario.seen_by:
            upto = at + round(len(order) * share)
            for subject in order[at:upto]:
                self._seen(subject, partners)
            at = upto
        for subject in order[at:]:
            self._seen(subject, 1)

    def single(self, subject: Subject) -> None:
        """Statements on what exactly one data set speaks of."""
        story = self._scenario
        if subject.nature in {Nature.WRONG, Nature.LISTED}:
            self._state(self._dataset(story.wrong_dataset), subject)
        elif subject.nature in {Nature.STALE, Nature.FUTURE}:
            self._state(self._dice.one(self._dated(subject)), subject)
        elif subject.role is Role.INFECTED_SYSTEM:
            for dataset in self._able(subject):
                for _ in range(self._dice.weighted((1, 2, 3, 5), (5, 3, 1, 1))):
                    self._state(dataset, subject)

    def testimony(self) -> dict[str, tuple[Statement, ...]]:
        """All statements by data set in random order, some of them made twice."""
        for statements in self._statements.values():
            once = [one for one in statements if one.subject.role is not Role.INFECTED_SYSTEM]
            statements.extend(self._dice.some(once, round(len(once) * REPEATED_SHARE)))
            self._dice.shuffle(statements)
        return {dataset: tuple(statements) for dataset, statements in self._statements.items()}

    def _seen(self, subject: Subject, partners: int) -> None:
        able = self._able(subject)
        spoken: set[str] = set()
        while able and len(spoken) < partners:
            dataset = self._dice.weighted(able, [dict(one.weights)[subject.role] for one in able])
            self._state(dataset, subject)
            spoken.add(dataset.partner)
            able = [one for one in able if one.partner not in spoken]

    def _able(self, subject: Subject) -> list[DatasetPlan]:
        return [
            one
            for one in self._scenario.datasets
            if subject.role in dict(one.weights)
            # the scan report knows one kind of server only, and telemetry and sinkholes see no files
            and (one.format != "shadowserver" or subject.role is not Role.C2_SERVER or self._scannable(subject))
            and (subject.kind is not IndicatorType.SHA256 or one.format in {"misp", "freetext"})
        ]

    def _dated(self, subject: Subject) -> list[DatasetPlan]:
        # a clock that runs ahead is one vendor's fault; old entries linger in every list that keeps times
        formats = {"csv"} if subject.nature is Nature.FUTURE else {"csv", "misp", "stix"}
        return [one for one in self._able(subject) if one.format in formats]

    def _scannable(self, subject: Subject) -> bool:
        return (
            subject.kind is IndicatorType.IPV4
            and subject.family is not None
            and subject.family.name == self._scenario.red_family
        )

    def _state(self, dataset: DatasetPlan, subject: Subject) -> None:
        first, last = self._period(dataset, subject) if dataset.dated else (None, None)
        names_family = subject.family is not None and dataset.format != "freetext"
        red = (
            dataset.format == "misp" and subject.family is not None and subject.family.name == self._scenario.red_family
        )
        self._statements[dataset.id].append(
            Statement(
                subject=subject,
                first_s=first,
                last_s=last,
                spelling=self._dialect[(dataset.id, subject.family.name)] if names_family and subject.family else None,
                marking=Marking.RED if red else None,
                count=self._dice.between(1, 40) if dataset.format == "csv" else 1,
                port=self._dice.between(1024, 65535) if subject.role is Role.INFECTED_SYSTEM else subject.port,
            )
        )

    def _period(self, dataset: DatasetPlan, subject: Subject) -> tuple[int, int]:
        begin, end = seconds(self._scenario.window_start), seconds(dataset.collected_at)
        if subject.nature is Nature.FUTURE:
            first = seconds(self._scenario.as_of) + self._dice.between(1, 90) * DAY_S + self._dice.below(DAY_S)
            return first, first + self._dice.between(0, 5) * DAY_S
        if subject.nature is Nature.STALE:
            first = begin - self._dice.between(200, 600) * DAY_S + self._dice.below(DAY_S)
            return first, first + self._dice.between(0, 60) * DAY_S
        if subject.role is Role.INFECTED_SYSTEM:
            first = end - self._dice.between(1, 10 * DAY_S)
            return first, first
        last = self._dice.between(begin + 2 * DAY_S, end - 3600)
        if self._dice.chance(EARLY_SHARE):
            return begin - self._dice.between(5, 60) * DAY_S, last
        if self._dice.chance(0.2):
            return last, last
        return max(begin, last - self._dice.between(1, 40) * DAY_S), last

    def _dataset(self, name: str) -> DatasetPlan:
        return next(one for one in self._scenario.datasets if one.id == name)


def _resolve(scenario: Scenario, dice: Dice, subjects: Sequence[Subject]) -> tuple[Resolution, ...]:
    begin, end = seconds(scenario.window_start), seconds(scenario.as_of) - 3 * DAY_S
    found = []
    for subject in subjects:
        if subject.kind is not IndicatorType.DOMAIN or subject.address is None:
            continue
        if subject.registry is not None and not dice.chance(RESOLVED_SHARE):
            continue
        first = dice.between(begin, end - DAY_S)
        found.append(
            Resolution(
                domain=subject.value,
                address=subject.address,
                first_s=first,
                last_s=dice.between(first, end),
                count=dice.between(1, 5000),
            )
        )
    return tuple(found)


def seconds(instant: datetime) -> int:
    """An aware instant as whole seconds since 1970."""
    return int(instant.timestamp())
