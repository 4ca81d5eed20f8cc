"""How sure a finding is: weights by source grade, decay by age, independent partners combined.

    w(evidence) = weight(grade) * max(0, 1 - (age / lifetime) ** (1 / speed))
    confidence  = 1 - product over independent sources of (1 - max of that source's w)

`age` is the time from the last sighting to the operation's `as_of`. Grades f and g are unrated: they carry no weight,
and a finding that rests on them alone has no confidence at all (null), not a middling one.

Sources: Admiralty code (NATO AJP-2.1) for the grades; MISP's polynomial decaying model (Iklody et al., 2018,
"Decaying Indicators of Compromise", section 3) for the decay.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accord.vocabulary.datasets import SourceGrade
from accord.vocabulary.roles import ROLES, Role

WEIGHTS: dict[SourceGrade, float | None] = {
    SourceGrade.A: 0.9,
    SourceGrade.B: 0.7,
    SourceGrade.C: 0.5,
    SourceGrade.D: 0.3,
    SourceGrade.E: 0.1,
    SourceGrade.F: None,
    SourceGrade.G: None,
}

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Decay:
    """How a role's sightings lose weight with age."""

    lifetime_days: float
    speed: float


NETWORK_DECAY = Decay(lifetime_days=120, speed=2)
PHISHING_DECAY = Decay(lifetime_days=3, speed=2.3)


def decay_of(role: Role) -> Decay:
    """The decay that policy gives a role: phishing pages live days, everything else months."""
    return PHISHING_DECAY if role is Role.PHISHING else NETWORK_DECAY


def weights(
    role: npt.NDArray[np.int8],
    last_seen_us: npt.NDArray[np.int64],
    grade_weight: npt.NDArray[np.float64],
    as_of_us: int,
) -> npt.NDArray[np.float64]:
    """The decayed weight of each evidence row; NaN where its source is unrated (NaN in `grade_weight`)."""
    lifetime = np.array([decay_of(one).lifetime_days * DAY_US for one in ROLES])[role]
    speed = np.array([decay_of(one).speed for one in ROLES])[role]
    age = np.clip(as_of_us - last_seen_us, 0, None) / lifetime
    return np.asarray(grade_weight * np.clip(1 - np.minimum(age, 1) ** (1 / speed), 0, 1))


def combine(
    weight: npt.NDArray[np.float64], source_begin: npt.NDArray[np.int64], finding_begin: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Confidence of each finding; NaN where all its sources are unrated.

    Rows are grouped by finding, within it by source: `source_begin` holds the first row of each (finding, source),
    `finding_begin` the first position in `source_begin` of each finding.
    """
    if not len(source_begin):
        return np.zeros(0)
    best = np.fmax.reduceat(weight, source_begin)
    # A source's weights are multiplied in the order of their size, so that equal evidence gives equal bits.
    owner = np.repeat(np.arange(len(finding_begin)), np.diff(np.append(finding_begin, len(best))))
    best = best[np.lexsort((best, owner))]
    doubt = np.multiply.reduceat(np.where(np.isnan(best), 1.0, 1.0 - best), finding_begin)
    rated = np.logical_or.reduceat(~np.isnan(best), finding_begin)
    return np.where(rated, np.round(1 - doubt, 6), np.nan)
