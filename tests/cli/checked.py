"""A hub that publishes check data, for tests: settings, deliveries of sightings, and a reader of what is published."""

import hmac
import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from accord.check.pepper import check_pepper
from accord.check.snapshot import CheckData

SETTINGS = """
[check]
folder = "check"
pepper_file = "check.pepper"
encrypted = true
carrier_nat = ["198.51.100.0/24"]

[[partner]]
id = "vendor"
name = "A vendor"
country = "JP"

[[partner]]
id = "other"
name = "Another vendor"
country = "US"

[[partner]]
id = "victims"
name = "Whom it is about"
kind = "concerned"

{datasets}
[[agreement]]
id = "vendor-2026"
title = "With the vendor"
signatory = [{{ party = "hub", name = "A" }}, {{ party = "vendor", name = "B" }}]
signed = 2026-01-02
document = "1f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
from = 2026-01-02
purposes = ["victim-notification", "network-defence"]
in = ["sinkhole"]
[agreement.limits]
marking = "red"
onward_sharing = "permitted"
{limits}
[[agreement]]
id = "other-2026"
title = "With the other vendor"
signatory = [{{ party = "hub", name = "A" }}, {{ party = "other", name = "B" }}]
signed = 2026-01-02
document = "2f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
from = 2026-01-02
purposes = ["victim-notification", "network-defence"]
in = ["other-sinkhole"]
[agreement.limits]
marking = "red"
onward_sharing = "permitted"
{other_limits}
"""

DATASET = """
[[dataset]]
id = "{id}"
title = "{id}"
partner = "{partner}"
format = "csv"
origin = "sinkhole"
legal_basis = "public-task"
marking = "clear"
grade = "b"
retention = "{retention}"
personal_data = true
{more}

[[dataset.csv]]
indicators = {{ value = "any" }}
role = "role"
family = "family"
seen_at = "seen"
marking = "tlp"
"""

HEAD = "value,role,family,seen,tlp\n"
TODAY = datetime.now(UTC).date()
Row = tuple[str, str, int]
"""Address, family and age in days."""


def day(age: int) -> date:
    return TODAY - timedelta(days=age)


def lines(rows: Sequence[Row], *, marking: str = "amber", role: str = "infected-system") -> str:
    return "".join(f"{value},{role},{family},{day(age)}T00:00:01Z,{marking}\n" for value, family, age in rows)


class CheckHub:
    """A hub with two sinkholes' data sets."""

    def __init__(
        self,
        accord: Callable[..., Any],
        beside: Path,
        *init: str,
        limits: str = "",
        other_limits: str = "",
        retention: str = "P1Y",
        more: str = "",
    ) -> None:
        self.accord, self.folder, self.beside = accord, beside / "hub", beside
        self("init", self.folder, "--ledger", "hub.example/ledger", *init)
        self.settings = self.folder / "workspace.toml"
        text = self.settings.read_text("utf-8").replace("\nnamespace", '\ncountry = "FR"\nnamespace', 1)
        datasets = DATASET.format(id="sinkhole", partner="vendor", retention=retention, more=more)
        datasets += DATASET.format(id="other-sinkhole", partner="other", retention="P1Y", more="")
        text += SETTINGS.format(datasets=datasets, limits=limits, other_limits=other_limits)
        self.settings.write_text(text, "utf-8")
        self("agreement", "apply", "--in", self.folder)
        self.check = self.folder / "check"

    def __call__(self, *words: str | Path, code: int = 0) -> str:
        done = self.accord(*words, expect=code)
        return str(done.stdout + done.stderr)

    def json(self, *words: str | Path, code: int = 0) -> Any:
        return json.loads(self.accord(*words, "--json", "--in", self.folder, expect=code).stdout)

    def change(self, before: str, after: str) -> None:
        """Change the settings, and take over what they say of agreements."""
        text = self.settings.read_text("utf-8")
        assert before in text
        self.settings.write_text(text.replace(before, after), "utf-8")
        self("agreement", "apply", "--in", self.folder)

    def deliver(self, name: str, rows: str, dataset: str = "sinkhole", *more: str) -> None:
        (self.beside / name).write_text(HEAD + rows, "utf-8")
        self("delivery", "add", dataset, self.beside / name, "--in", self.folder, *more)

    def publish(self, code: int = 0) -> Any:
        return self.json("check", "publish", code=code)

    def open(self) -> CheckData:
        return CheckData.open(self.check, check_pepper(self.folder / "check.pepper"))

    def told(self, *addresses: str) -> dict[str, tuple[tuple[str, ...], int]]:
        """Of those of these addresses that were seen: families, and how many days ago."""
        data = self.open()
        found = {}
        for one in addresses:
            seen = data.seen(ip_address(one).packed)
            if seen is not None:
                names = tuple(data.families[at].name for at in seen.families)
                found[one] = (names, (data.day - seen.last_seen).days)
        data.close()
        return found

    def families(self) -> list[str]:
        data = self.open()
        names = [one.name for one in data.families]
        data.close()
        return names

    def versions(self) -> list[str]:
        return sorted(path.name for path in (self.check / "versions").iterdir())

    def entries(self, kind: str = "check-data") -> list[dict[str, Any]]:
        """What the ledger's entries of a kind say."""
        listed = self.json("ledger", "list")
        return [one for one in listed if one["kind"] == kind]

    def holds(self, address: str) -> list[Path]:
        """The files below the check's folder that hold an address's record, under whatever name."""
        pepper = check_pepper(self.folder / "check.pepper")
        packed = ip_address(address).packed
        spelled = b"\x04" + packed if len(packed) == 4 else b"\x06" + packed[:8]
        key = hmac.digest(pepper, spelled, "sha256")[:16]
        return [path for path in self.check.rglob("*.records") if key in path.read_bytes()]
