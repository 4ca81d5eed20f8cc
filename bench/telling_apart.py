"""Whether two classes of measurements can be told apart: Welch's t, as dudect uses it.

|t| above 4.5 says that they can (Reparaz, Balasch and Verbauwhede: Dude, is my code constant time?, 2017). It is looked
for over all measurements, and over those below each of some percentiles of all: the longest are those in which the
machine did something else.
"""

import math

import numpy as np

BOUND = 4.5
PERCENTILES = (10, 25, 50, 75, 90, 95, 99, 100)


def largest_t(taken: np.ndarray, which: np.ndarray) -> float:
    """The largest |t| of the classes 0 and 1 of measurements."""
    shares = (taken <= np.percentile(taken, one) for one in PERCENTILES)
    return max(welch_t(taken[near], which[near]) for near in shares)


def welch_t(taken: np.ndarray, which: np.ndarray) -> float:
    """|t| of the classes 0 and 1 of measurements, whose variances may differ (Welch, 1947).

    Of a class of fewer than two nothing can be said: where all the shortest are of one class, more of them tell.
    """
    one, other = taken[which == 0].astype(float), taken[which == 1].astype(float)
    if min(len(one), len(other)) < 2:
        return 0.0
    spread = math.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
    return abs(one.mean() - other.mean()) / spread if spread else 0.0
