"""The table [serve] of a workspace's settings: what its services bear."""

from dataclasses import dataclass

from accord.workspace.settings import SettingsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What services bear."""

    requests_a_minute: int = 3000
    """Of one client that has said who it is, in each process that answers."""


def read_serving(table: SettingsTable) -> Serving:
    """The table [serve], which may be missing. Raises SettingsError."""
    if not table.offers("serve"):
        return Serving()
    own = table.table("serve")
    serving = Serving(
        requests_a_minute=own.whole_number("requests_a_minute", least=1, most=1_000_000, default=3000),
    )
    own.done()
    return serving
