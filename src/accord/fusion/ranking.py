"""Worst first: a stated formula, so that two readers of one report can agree why a line is on top.

    severity = 100 * (0.45 role + 0.20 government + 0.20 confidence + 0.10 recency + 0.05 victims)

role: how much harm the role does by itself (ROLE_HARM); government: 1 on a government system; confidence: as in
`fusion.confidence`, unrated counts 0; recency: 1 on the day of `as_of`, falling in a straight line to 0 at 180 days;
victims: log10(1 + n) / 6, at most 1, n being the infected systems of the finding's families that the same audience
sees (a million victims weigh full).
"""

import numpy as np
import numpy.typing as npt

from accord.fusion.confidence import DAY_US
from accord.vocabulary.roles import ROLES, Role

ROLE_HARM: dict[Role, float] = {
    Role.C2_SERVER: 1.0,
    Role.MALWARE_DISTRIBUTION: 0.8,
    Role.SYSTEM_COMPROMISE: 0.8,
    Role.PHISHING: 0.7,
    Role.MALWARE_CONFIGURATION: 0.7,
    Role.DATA_LEAK: 0.6,
    Role.INFECTED_SYSTEM: 0.5,
    Role.DDOS: 0.5,
    Role.EXPLOIT: 0.5,
    Role.BRUTE_FORCE: 0.4,
    Role.SPAM: 0.4,
    Role.SCANNER: 0.2,
}
"""Roles that are not named here weigh OTHER_HARM."""

OTHER_HARM = 0.3
RECENCY_DAYS = 180


def severity(
    role: npt.NDArray[np.int8],
    government: npt.NDArray[np.bool_],
    confidence: npt.NDArray[np.float64],
    last_seen_us: npt.NDArray[np.int64],
    victims: npt.NDArray[np.int64],
    as_of_us: int,
) -> npt.NDArray[np.float64]:
    """Severity of each finding, 0 to 100, rounded to a thousandth."""
    harm = np.array([ROLE_HARM.get(one, OTHER_HARM) for one in ROLES])[role]
    recency = np.clip(1 - np.clip(as_of_us - last_seen_us, 0, None) / (RECENCY_DAYS * DAY_US), 0, 1)
    known = np.where(np.isnan(confidence), 0.0, confidence)
    crowd = np.minimum(np.log10(1.0 + victims) / 6, 1)
    return np.asarray(
        np.round(100 * (0.45 * harm + 0.20 * government + 0.20 * known + 0.10 * recency + 0.05 * crowd), 3)
    )
