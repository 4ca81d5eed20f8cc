"""Records on their way into a delivered file, each with what must become of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from accord.training.dice import Dice
from accord.training.plot import Resolution, Statement
from accord.training.scenario import DatasetPlan
from accord.training.sheets import DeliveryTruth, PlantedTruth
from accord.vocabulary.reasons import Ignored, Rejected

TEXT_SHOWN = 120
"""Characters of a planted fault that the truth file repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record: a line without its end, or a JSON value."""

    body: bytes
    outcome: Ignored | Rejected | None = None
    """None: it must be accepted."""
    partial: Rejected | None = None
    """A part of it must be rejected, the rest accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a partner is to write for one data set."""

    plan: DatasetPlan
    as_of_s: int
    statements: Sequence[Statement]
    resolutions: Sequence[Resolution]
    dice: Dice
    scale: float

    def times(self, count: int) -> range:
        """`count` at the scale of this telling, at least one."""
        return range(max(1, round(count * self.scale)))

    def statement_entry(self, statement: Statement, body: bytes) -> Entry:
        """The record of a statement: accepted, unless it is dated after `as_of`."""
        late = statement.first_s is not None and statement.first_s > self.as_of_s
        return Entry(body=body, outcome=Ignored.AFTER_AS_OF if late else None)

    def mixed(self, good: Iterable[Entry], faults: Iterable[Entry]) -> list[Entry]:
        """The faults strewn among the good records, which keep their order."""
        entries = list(good)
        strewn: dict[int, list[Entry]] = {}
        for fault in faults:
            strewn.setdefault(self.dice.below(len(entries) + 1), []).append(fault)
        mixed: list[Entry] = []
        for place, entry in enumerate(entries):
            mixed += strewn.get(place, ())
            mixed.append(entry)
        return mixed + strewn.get(len(entries), [])


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredFile:
    """A file of a delivery, and what must be accounted for it."""

    path: str
    """Relative to the operation's root."""
    data: bytes
    entries: tuple[Entry, ...]
    refused: bool = False

    def truth(self, plan: DatasetPlan) -> DeliveryTruth:
        """The account: records = accepted + ignored + rejected."""
        ignored = Counter(one.outcome.value for one in self.entries if isinstance(one.outcome, Ignored))
        rejected = Counter(one.outcome.value for one in self.entries if isinstance(one.outcome, Rejected))
        return DeliveryTruth(
            file=self.path,
            dataset=plan.id,
            partner=plan.partner,
            refused=self.refused,
            records=len(self.entries),
            accepted=len(self.entries) - ignored.total() - rejected.total(),
            ignored=ignored.total(),
            rejected=rejected.total(),
            ignored_by_reason=dict(sorted(ignored.items())),
            rejected_by_reason=dict(sorted(rejected.items())),
            planted=tuple(
                PlantedTruth(
                    reason=fault.value,
                    partial=one.partial is not None,
                    text=one.body.decode("utf-8", "replace")[:TEXT_SHOWN],
                )
                for one in self.entries
                if isinstance(fault := one.outcome or one.partial, Rejected)
            ),
            partial_by_reason=dict(sorted(Counter(one.partial.value for one in self.entries if one.partial).items())),
        )


def lines(entries: Sequence[Entry], end: bytes = b"\n") -> bytes:
    """The records as lines."""
    return b"".join(one.body + end for one in entries)


def stamp(seconds: int) -> str:
    """An instant as RFC 3339 in UTC, such as `2017-04-20T06:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19] + "Z"
