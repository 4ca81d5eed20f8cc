"""The closed lists by which an agreement limits what is done with data.

Sources: FIRST Information Exchange Policy 2.0; MISP Permissible Actions Protocol; Europol's handling codes; Directive
(EU) 2016/680, Articles 35 to 38.
"""

from enum import StrEnum
from functools import cache


class Direction(StrEnum):
    """Which way a data set goes under an agreement: from a partner to the hub, or from the hub to a partner."""

    IN = "in"
    OUT = "out"


class Pap(StrEnum):
    """Permissible Actions Protocol: what may be done with the data, the widest first."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    RED = "red"

    @property
    def label(self) -> str:
        """The label as people write it, for example `PAP:AMBER`."""
        return f"PAP:{self.value.upper()}"


@cache
def strictest_pap(*said: Pap | None) -> Pap | None:
    """The narrowest of what is said; None: nothing is."""
    return max((one for one in said if one is not None), key=tuple(Pap).index, default=None)


class HandlingCode(StrEnum):
    """Handling codes of police exchange."""

    H0 = "H0"
    """Only to prevent and combat crime."""
    H1 = "H1"
    """Not as evidence in court without the provider's leave."""
    H2 = "H2"
    """Not passed on without leave."""
    H3 = "H3"
    """Other limits, in words."""


class OnwardSharing(StrEnum):
    """May a recipient pass the data on?"""

    FORBIDDEN = "forbidden"
    WITH_CONSENT = "with-consent"
    PERMITTED = "permitted"


class TransferGround(StrEnum):
    """On which ground personal data may leave the hub's legal area (Directive (EU) 2016/680, Articles 36, 37, 38)."""

    ADEQUACY = "adequacy"
    SAFEGUARDS = "safeguards"
    DEROGATION = "derogation"


class EncryptInTransit(StrEnum):
    """IEP 2.0, `encrypt_in_transit`."""

    MUST = "must"
    MAY = "may"


class PermittedActions(StrEnum):
    """IEP 2.0, `permitted_actions`."""

    NONE = "none"
    CONTACT_FOR_INSTRUCTION = "contact-for-instruction"
    INTERNALLY_VISIBLE = "internally-visible-actions"
    EXTERNALLY_VISIBLE_INDIRECT = "externally-visible-indirect-actions"
    EXTERNALLY_VISIBLE_DIRECT = "externally-visible-direct-actions"


class MayOrMustNot(StrEnum):
    """IEP 2.0, `affected_party_notifications` and `unmodified_resale`."""

    MAY = "may"
    MUST_NOT = "must-not"


class ProviderAttribution(StrEnum):
    """IEP 2.0, `provider_attribution`."""

    MAY = "may"
    MUST = "must"
    MUST_NOT = "must-not"
