"""The table [mail] of the check's settings: by which server it writes, and how much.

[mail]
state = "state"
host = "mail.fusion.example"
port = 587
security = "starttls"
user = "check"
password_file = "/etc/accord/check.mail"
from = "check@fusion.example"
link = "https://check.fusion.example"
least_delay_s = 30
most_delay_s = 900
mails_an_hour = 1000
"""

import re
from dataclasses import dataclass
from pathlib import Path

from accord.workspace.mail import Security
from accord.workspace.settings import SettingsTable

_ADDRESS = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?", re.ASCII)
_LINK = re.compile(r"https?://[a-z0-9.-]{1,253}(?::[0-9]{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """How the check writes."""

    state: Path
    """The folder in which it remembers whom it wrote today, as HMACs, and which links it gave, as hashes."""
    host: str
    port: int
    security: Security
    ca_file: Path | None
    user: str | None
    password_file: Path | None
    sender: str
    link: str
    """How links to the check begin."""
    least_delay_s: int
    most_delay_s: int
    """A mail goes out so long after it was asked for, at random."""
    mails_an_hour: int
    asked_a_minute: int
    """Of one IPv4 address or IPv6 /64."""
    network_a_minute: int
    all_a_minute: int

    @property
    def domain(self) -> str:
        """Of the sender's address."""
        return self.sender.partition("@")[2]


def read_mail_settings(table: SettingsTable, folder: Path) -> MailSettings:
    """The table [mail]; `folder` is where its relative paths begin. Raises SettingsError."""
    security = table.choice("security", Security, Security.STARTTLS)
    ca_file, password_file = table.optional_text("ca_file"), table.optional_text("password_file")
    sender, link = table.text("from"), table.text("link")
    settings = MailSettings(
        state=folder / table.text("state"),
        host=table.text("host"),
        port=table.whole_number("port", least=1, most=65535, default=587 if security is Security.STARTTLS else 465),
        security=security,
        ca_file=None if ca_file is None else folder / ca_file,
        user=table.optional_text("user"),
        password_file=None if password_file is None else folder / password_file,
        sender=sender,
        link=link,
        least_delay_s=table.whole_number("least_delay_s", least=0, most=3600, default=30),
        most_delay_s=table.whole_number("most_delay_s", least=1, most=86_400, default=900),
        mails_an_hour=table.whole_number("mails_an_hour", least=1, most=1_000_000, default=1000),
        asked_a_minute=table.whole_number("asked_a_minute", least=1, most=1_000_000, default=3),
        network_a_minute=table.whole_number("network_a_minute", least=1, most=1_000_000, default=300),
        all_a_minute=table.whole_number("all_a_minute", least=1, most=1_000_000, default=1000),
    )
    table.done()
    if _ADDRESS.fullmatch(sender) is None or ".." in sender:
        raise table.wrong("from", "one mail address in ASCII, without a name", sender)
    if _LINK.fullmatch(link) is None:
        raise table.wrong("link", "https:// and a name of the check, without a path", link)
    if settings.most_delay_s <= settings.least_delay_s:
        raise table.wrong("most_delay_s", "more than least_delay_s", settings.most_delay_s)
    return settings
