"""Telling an outbreak: the sinkhole's daily reports streamed to files, the list of seized servers, and the truth."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from accord.reference.store import Reference
from accord.training.census import FILE, Census
from accord.training.deliveries import seized
from accord.training.deliveries.account import Order
from accord.training.dice import Dice
from accord.training.ground import Ground
from accord.training.landscape import Landscape
from accord.training.outbreak import Outbreak
from accord.training.pieces import HTTP, PLAIN, header
from accord.training.plot import Nature, Plot, Statement, Subject
from accord.training.population import Numbers, populate
from accord.training.rows import FAULTS, GOOD
from accord.training.sheets import AddressesTruth, CountryTruth, DeliveryTruth, TruthSheet
from accord.training.sinkhole import OUTPUTS, Calls, RowWriter, SinkholeLog
from accord.training.story import DAY_S, seconds
from accord.training.telling import truth_of
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected
from accord.vocabulary.roles import Role

LARGEST_SCALE = 2.0
"""1,540,000 machines."""
MOST_EVENTS = 150
"""Rows for each machine, at most: 115 million at scale 1."""

REPORTS = (
    ("event4_sinkhole", PLAIN),
    ("event4_sinkhole_http", HTTP),
    ("event6_sinkhole", PLAIN),
    ("event6_sinkhole_http", HTTP),
)
"""Report type and columns of each output of a log, as `sinkhole.OUTPUTS` has them."""

_FOLDER = "shadow"

Progress = Callable[[str, int, int], None]


def tell_outbreak(
    folder: Path,
    outbreak: Outbreak,
    seed: int,
    scale: float,
    events: int | None,
    landscape: Landscape,
    reference: Reference,
    progress: Progress,
) -> TruthSheet:
    """Write the deliveries and the addresses' truth into `folder`; the truth of the rest.

    `events`: rows of the logs; None: the outbreak's, at this scale. Raises SettingsError when they are too few or too
    many for so many machines, ReferenceDataError when the tables have no room for them.
    """
    population = populate(outbreak, seed, scale, Ground(reference))
    if events is None:
        events = outbreak.events * len(population) // outbreak.machines
    most = MOST_EVENTS * len(population)
    if events > most:
        raise SettingsError(
            "There are too many events for so few machines.",
            expected=f"at most {most:,} events at this scale",
            got=f"{events:,}",
            remedy="ask for fewer --events, or a larger --scale",
        )
    log = SinkholeLog(outbreak, population, seed, events)
    census = Census(folder / FILE, outbreak, population, reference)
    (folder / "deliveries" / _FOLDER).mkdir(parents=True)
    reports = _Reports(folder / "deliveries", outbreak, log, events, progress)
    accounts: list[DeliveryTruth] = []
    for day in log.days():
        census.add(day)
        accounts += reports.write(day)
    dice = Dice(seed, outbreak.name)
    plot = _plot(outbreak, dice.stream("servers"), landscape)
    accounts.append(_seized(folder / "deliveries", outbreak, plot, dice.stream("deliveries"), scale))
    versions = tuple(f"{one.name} {one.version}" for one in reference.sources)
    codes = [one.code for one in outbreak.countries]
    deliveries = tuple(sorted(accounts, key=lambda one: one.file))
    truth = truth_of(outbreak, codes, plot, deliveries, seed, scale, versions)
    return _with_victims(truth, outbreak, census, census.close(), events)


class _Reports:
    """Writes each day's reports, as many as have rows."""

    def __init__(self, root: Path, outbreak: Outbreak, log: SinkholeLog, events: int, progress: Progress) -> None:
        self._root = root
        self._log = log
        self._events = events
        self._progress = progress
        self._plan = next(one for one in outbreak.datasets if one.id == outbreak.dataset)
        self._writer = RowWriter(log, quoted=True, layouts=True)
        self._done = 0

    def write(self, day: Calls) -> list[DeliveryTruth]:
        """The reports of one day, and what must be accounted for each."""
        date = self._log.date(day.day).strftime("%Y-%m-%d")
        files = [f"{_FOLDER}/{date}-{kind}-simulated.csv" for kind, _ in REPORTS]
        lines = np.zeros((OUTPUTS, GOOD + 1), np.int64)
        for piece in self._writer.rows(day):
            for output, data in enumerate(piece.data):
                if len(data):
                    with (self._root / files[output]).open("ab") as out:
                        if not lines[output].any():
                            out.write(header(REPORTS[output][1], quoted=True))
                        out.write(data)
            lines += piece.lines
            self._done += int(piece.lines.sum())
            self._progress("writing events", self._done, self._events)
        return [self._account(files[output], lines[output]) for output in range(OUTPUTS) if lines[output].any()]

    def _account(self, file: str, lines: Numbers) -> DeliveryTruth:
        by_kind = dict(zip((*FAULTS, None), lines.tolist(), strict=True))
        partial = by_kind.pop(Rejected.PORT)
        rejected = {kind.value: count for kind, count in by_kind.items() if kind is not None and count}
        return DeliveryTruth(
            file=file,
            dataset=self._plan.id,
            partner=self._plan.partner,
            refused=False,
            records=int(lines.sum()) + 1,
            accepted=by_kind[None] + partial,
            ignored=1,
            rejected=sum(rejected.values()),
            ignored_by_reason={Ignored.HEADER.value: 1},
            rejected_by_reason=dict(sorted(rejected.items())),
            planted=(),
            partial_by_reason={Rejected.PORT.value: partial} if partial else {},
        )


def _plot(outbreak: Outbreak, dice: Dice, landscape: Landscape) -> Plot:
    """The servers, and what the police say of them."""
    (plan,) = (one for one in outbreak.datasets if one.id != outbreak.dataset)
    takedown = seconds(outbreak.window_start) + outbreak.takedown_day * DAY_S
    subjects, statements = [], []
    for country, count in outbreak.servers:
        for address, conflict in landscape.draw(dice, country, count, 0):
            subject = Subject(
                kind=IndicatorType.IPV4,
                value=address,
                role=Role.C2_SERVER,
                nature=Nature.TRUE,
                family=outbreak.family,
                activity=outbreak.family.activity,
                country=country,
                conflict=conflict,
                port=dice.one((80, 443, 8080)),
            )
            subjects.append(subject)
            statements.append(
                Statement(
                    subject=subject,
                    first_s=takedown - dice.between(5 * DAY_S, 60 * DAY_S),
                    last_s=takedown + dice.between(6 * 3600, 12 * 3600),
                    spelling=dice.one(outbreak.family.synonyms),
                    port=subject.port,
                )
            )
    dice.shuffle(statements)
    return Plot(subjects=tuple(subjects), statements={plan.id: tuple(statements)}, resolutions=())


def _seized(root: Path, outbreak: Outbreak, plot: Plot, dice: Dice, scale: float) -> DeliveryTruth:
    ((dataset, statements),) = plot.statements.items()
    plan = next(one for one in outbreak.datasets if one.id == dataset)
    order = Order(
        plan=plan, as_of_s=seconds(outbreak.as_of), statements=statements, resolutions=(), dice=dice, scale=scale
    )
    (delivered,) = seized.write(order)
    path = root / delivered.path
    path.parent.mkdir()
    path.write_bytes(delivered.data)
    return delivered.truth(plan)


def _with_victims(
    truth: TruthSheet, outbreak: Outbreak, census: Census, addresses: AddressesTruth, events: int
) -> TruthSheet:
    """The truth with the infected systems, which the list of findings does not hold."""
    countries: dict[str, CountryTruth] = {}
    for number, plan in enumerate(outbreak.countries):
        victims = census.country(number)
        countries[plan.code] = msgspec.structs.replace(
            truth.countries[plan.code], infected=victims.addresses, machines=victims.machines
        )
    totals = msgspec.structs.replace(
        truth.totals, infected=addresses.ipv4 + addresses.ipv6, machines=addresses.machines
    )
    return msgspec.structs.replace(truth, countries=countries, totals=totals, events=events, addresses=addresses)
