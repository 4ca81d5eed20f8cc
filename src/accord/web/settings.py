"""The table [serve] of a workspace's settings: what its services bear, and whom they believe.

[serve]
requests_a_minute = 6000
proxies = ["127.0.0.1"]
certificate_header = "Client-Cert"
"""

import re
from dataclasses import dataclass

from accord.web.addresses import Network, read_network
from accord.workspace.settings import SettingsTable

_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What services bear, and whom they believe."""

    requests_a_minute: int = 3000
    """Of one client that has said who it is, in each process that answers."""
    proxies: tuple[Network, ...] = ()
    """Whose word on who asks is believed."""
    certificate_header: str | None = None
    """In which they say which client's certificate they have verified, lower-case; None: they do not."""


def read_serving(table: SettingsTable) -> Serving:
    """The table [serve], which may be missing. Raises SettingsError."""
    if not table.offers("serve"):
        return Serving()
    own = table.table("serve")
    header = own.optional_text("certificate_header")
    if header is not None and _HEADER.fullmatch(header) is None:
        raise own.wrong("certificate_header", "the name of a header, such as Client-Cert", header)
    serving = Serving(
        requests_a_minute=own.whole_number("requests_a_minute", least=1, most=1_000_000, default=3000),
        proxies=tuple(_network(own, one) for one in own.texts("proxies")),
        certificate_header=None if header is None else header.lower(),
    )
    if header is not None and not serving.proxies:
        raise own.wrong("proxies", "the addresses of the proxies that set certificate_header", None)
    own.done()
    return serving


def _network(table: SettingsTable, text: str) -> Network:
    try:
        return read_network(text)
    except ValueError:
        raise table.wrong("proxies", "addresses of proxies, such as 127.0.0.1 or 10.0.0.0/24", text) from None
