"""The settings of the check's own service: a file of its own, so that its machine knows nothing else of the hub.

[check]
hub = "Fusion Centre"
contact = "check@fusion.example"
data = "check"
pepper_file = "check.pepper"
proxies = ["127.0.0.1"]

[hosts]
names = ["check.fusion.example"]
ipv4 = "v4.check.fusion.example"
ipv6 = "v6.check.fusion.example"

[limits]
address_a_minute = 10
network_a_minute = 30000
connections = 4096

[alarm]
hit_percent = 20
answers = 200
day_addresses = 20000

[[report]]
country = "ID"
name = "National CSIRT"
url = "https://csirt.example/report"
mail = "report@csirt.example"
phone = "+62 21 000 000"
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from accord.check.mailing.settings import MailSettings, read_mail_settings
from accord.vocabulary.countries import COUNTRY_CODES
from accord.web.addresses import Network, read_network
from accord.workspace.settings import SettingsTable, read_settings

_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII
)
_PHONE = re.compile(r"[+0-9][0-9 ()/.-]{1,38}[0-9]", re.ASCII)
_URL = re.compile(r"https?://[!-~]{1,500}", re.ASCII)
MOST_CONTACTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Where people of one country report a crime, or find help."""

    country: str
    """ISO 3166-1 alpha-2."""
    name: str
    url: str | None = None
    mail: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """Under which names the check is reached."""

    names: tuple[str, ...] = ()
    ipv4: str | None = None
    """One that has an IPv4 address only: whoever asks there is asked about by their IPv4 address."""
    ipv6: str | None = None

    @property
    def all(self) -> tuple[str, ...]:
        """Every name, once."""
        return tuple(dict.fromkeys([*self.names, *(one for one in (self.ipv4, self.ipv6) if one is not None)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is borne."""

    address_a_minute: int = 10
    """Of one IPv4 address, or one IPv6 /64."""
    network_a_minute: int = 30_000
    """Of one network (AS)."""
    connections: int = 4096
    """Open at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSettings:
    """When so many who ask were seen that it looks as if somebody went through addresses."""

    hit_percent: int = 20
    answers: int = 200
    """Within a minute, or addresses within a day; fewer say nothing."""
    day_addresses: int = 20_000
    """Of one network (AS) within a day; more look as if somebody went through them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSettings:
    """What the service is told."""

    hub: str
    contact: str
    data: Path
    pepper_file: Path
    proxies: tuple[Network, ...]
    """Whose word on who asks is believed."""
    hosts: Hosts
    bounds: Bounds
    alarm: AlarmSettings
    contacts: tuple[Contact, ...]
    mail: MailSettings | None = None
    """How it writes to mail addresses; None: it does not."""


def read_check_settings(path: Path) -> CheckSettings:
    """Read the service's settings. Raises SettingsError and UnreadableError."""
    whole = read_settings(path)
    own = whole.table("check")
    settings = CheckSettings(
        hub=own.title("hub"),
        contact=own.mail("contact"),
        data=path.parent / own.text("data"),
        pepper_file=path.parent / own.text("pepper_file"),
        proxies=tuple(_network(own, one) for one in own.texts("proxies")),
        hosts=_hosts(whole.table("hosts")) if whole.offers("hosts") else Hosts(),
        bounds=_bounds(whole.table("limits")) if whole.offers("limits") else Bounds(),
        alarm=_alarm(whole.table("alarm")) if whole.offers("alarm") else AlarmSettings(),
        contacts=tuple(_contact(one) for one in whole.tables("report")),
        mail=read_mail_settings(whole.table("mail"), path.parent) if whole.offers("mail") else None,
    )
    own.done()
    whole.done()
    if len(settings.contacts) > MOST_CONTACTS:
        raise whole.wrong("report", f"at most {MOST_CONTACTS} tables [[report]]", len(settings.contacts))
    return settings


def _hosts(table: SettingsTable) -> Hosts:
    ipv4, ipv6 = table.optional_text("ipv4"), table.optional_text("ipv6")
    hosts = Hosts(
        names=tuple(_host(table, "names", one) for one in table.texts("names")),
        ipv4=None if ipv4 is None else _host(table, "ipv4", ipv4),
        ipv6=None if ipv6 is None else _host(table, "ipv6", ipv6),
    )
    if hosts.ipv4 is not None and hosts.ipv4 == hosts.ipv6:
        raise table.wrong("ipv6", "another name than that for IPv4: each has addresses of one kind only", ipv6)
    table.done()
    return hosts


def _bounds(table: SettingsTable) -> Bounds:
    bounds = Bounds(
        address_a_minute=table.whole_number("address_a_minute", least=1, most=1_000_000, default=10),
        network_a_minute=table.whole_number("network_a_minute", least=1, most=100_000_000, default=30_000),
        connections=table.whole_number("connections", least=128, most=100_000, default=4096),
    )
    table.done()
    return bounds


def _alarm(table: SettingsTable) -> AlarmSettings:
    alarm = AlarmSettings(
        hit_percent=table.whole_number("hit_percent", least=1, most=100, default=20),
        answers=table.whole_number("answers", least=1, most=1_000_000, default=200),
        day_addresses=table.whole_number("day_addresses", least=1, most=100_000_000, default=20_000),
    )
    table.done()
    return alarm


def _contact(table: SettingsTable) -> Contact:
    country = table.text("country")
    if country not in COUNTRY_CODES:
        raise table.wrong("country", "a country by ISO 3166-1 alpha-2, such as ID", country)
    url, phone = table.optional_text("url"), table.optional_text("phone")
    mail = table.mail("mail") if table.offers("mail") else None
    if url is not None and (_URL.fullmatch(url) is None or not urlsplit(url).hostname):
        raise table.wrong("url", "a web address that begins with https:// or http://", url)
    if phone is not None and _PHONE.fullmatch(phone) is None:
        raise table.wrong("phone", "a telephone number of digits and blanks, such as +62 21 000 000", phone)
    contact = Contact(country=country, name=table.title("name"), url=url, mail=mail, phone=phone)
    if url is mail is phone is None:
        raise table.wrong("url", "a url, a mail or a phone by which it is reached", None)
    table.done()
    return contact


def _host(table: SettingsTable, name: str, host: str) -> str:
    if _HOST.fullmatch(host) is None:
        raise table.wrong(name, "host names in lower case, without https:// and without a port", host)
    return host


def _network(table: SettingsTable, text: str) -> Network:
    try:
        network = read_network(text)
    except ValueError:
        raise table.wrong("proxies", "addresses of proxies, such as 127.0.0.1 or 10.0.0.0/24", text) from None
    if network.prefixlen == 0:
        raise table.wrong("proxies", "your own proxies: whoever asks could say that they are anybody", text)
    return network
