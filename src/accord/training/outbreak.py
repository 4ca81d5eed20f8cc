"""What a story of one botnet's victims is: how many machines stand in which country, and when it was broken up."""

from dataclasses import dataclass

from accord.training.scenario import Family, Setting
from accord.vocabulary.countries import CountryCode


@dataclass(frozen=True, slots=True, kw_only=True)
class VictimCountry:
    """The victims of one country, at scale 1."""

    code: CountryCode
    machines: int
    offset_h: int
    """Hours that its clocks are ahead of UTC, roughly: people switch their machines on by them."""
    six: int
    """Of a thousand machines, how many have IPv6 beside IPv4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbreak(Setting):
    """A story of so many machines that its sinkhole logs are streamed."""

    countries: tuple[VictimCountry, ...]
    family: Family
    servers: tuple[tuple[CountryCode, int], ...]
    """How many C2 servers were seized where, at any scale."""
    days: int
    """From `window_start` on."""
    takedown_day: int
    """From this day on (0: the first) all of the botnet's domains lead to the sinkhole."""
    growth_days: int
    """How long before the first day the botnet began to grow."""
    events: int
    """Rows of the logs at scale 1, unless somebody asks for more or fewer."""
    dataset: str
    """The data set that the logs are delivered for."""

    @property
    def machines(self) -> int:
        """Infected systems at scale 1."""
        return sum(one.machines for one in self.countries)
