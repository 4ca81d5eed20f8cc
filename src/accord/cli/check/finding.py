"""What is published of a value: for whoever is asked what a hub holds of them."""

from dataclasses import dataclass
from datetime import date
from ipaddress import ip_address

from accord.check.mailboxes import normalised
from accord.check.pepper import check_pepper
from accord.check.snapshot import CheckData
from accord.cli.check.publishing import place_of_check
from accord.cli.hub import OpenHub
from accord.cli.terminal import talk
from accord.release.check_versions import shown_version
from accord.vocabulary.errors import AccordError
from accord.vocabulary.indicators import Indicator, IndicatorType

_ADDRESSES = (IndicatorType.IPV4, IndicatorType.IPV6)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedAbout:
    """What the check tells whoever asks from an address, or by a mail address."""

    version: str
    last_seen: date
    families: tuple[str, ...]


def published_about(hub: OpenHub, indicator: Indicator) -> PublishedAbout | None:
    """What is published of a value; None: nothing. Of an IPv6 address it is what is said of its /64.

    What keeps it from being read is said on standard error: nobody's request fails by it.
    """
    with hub.database.reading() as connection:
        if shown_version(connection) is None:
            return None
    try:
        place = place_of_check(hub)
        data = CheckData.open(place.folder, check_pepper(place.pepper_file))
    except AccordError as error:
        talk(f"what is published cannot be read: {error}")
        return None
    try:
        seen = None
        if indicator.kind in _ADDRESSES:
            seen = data.seen(ip_address(indicator.value).packed)
        elif indicator.kind is IndicatorType.EMAIL and (mailbox := normalised(indicator.value)) is not None:
            seen = data.seen_mailbox(mailbox)
        if seen is None:
            return None
        names = tuple(data.families[at].name for at in seen.families)
        return PublishedAbout(version=data.version, last_seen=seen.last_seen, families=tuple(filter(None, names)))
    finally:
        data.close()
