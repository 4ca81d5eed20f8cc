"""A recipient whose clients read what it gets: what reaches them, by package, in a channel and as it is explained."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from accord.release.basis import Basis, parse_basis
from accord.release.policies import EVERY_MEMBER
from tests.cli.test_cli_misp_feed import HEAD, OPERATION, SETTINGS

SELLER = """
[[partner]]
id = "seller"
name = "A seller"
kind = "vendor"
country = "TH"

[[agreement]]
id = "seller-2026"
title = "With the seller"
signatory = [{ party = "hub", name = "A" }, { party = "seller", name = "C" }]
signed = 2026-01-02
document = "2f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
from = 2026-01-02
purposes = ["network-defence"]
out = ["servers"]
[agreement.limits]
marking = "amber+strict"
onward_sharing = "permitted"
"""

CHANNEL = """
[[channel]]
id = "servers"
title = "Servers"
purpose = "network-defence"

[[channel.member]]
partner = "seller"
"""

RECIPIENT = """
[[recipient]]
partner = "seller"
country = "TH"
"""

AMBER, STRICT = "110.164.10.1", "110.164.10.2"
ROWS = f"{AMBER},c2-server,,2026-10-01T10:00:37Z,amber\n{STRICT},c2-server,,2026-10-01T10:00:37Z,amber+strict\n"


class Hub:
    """A hub that may hand servers to a seller."""

    def __init__(self, accord: Callable[..., object], folder: Path) -> None:
        self.accord, self.folder, self.beside = accord, folder / "hub", folder
        self("init", self.folder, "--ledger", "hub.example/ledger")
        settings = self.folder / "workspace.toml"
        text = settings.read_text("utf-8").replace("\nnamespace", '\ncountry = "FR"\nnamespace', 1)
        settings.write_text(text + SETTINGS.replace('"amber"', '"amber+strict"') + SELLER, "utf-8")
        self("agreement", "apply", "--in", self.folder)
        delivery = folder / "servers.csv"
        delivery.write_text(HEAD + ROWS, "utf-8")
        self("delivery", "add", "servers", delivery, "--in", self.folder)
        self("snapshot", "make", "--in", self.folder)
        self.operation = folder / "october.toml"

    def __call__(self, *words: str | Path, code: int = 0) -> str:
        done = self.accord(*words, expect=code)
        return done.stdout + done.stderr

    def declare(self, more: str) -> None:
        """Declare the seller as a member, and as an operation's recipient, with more keys."""
        file = self.beside / "channels.toml"
        file.write_text(CHANNEL + more, "utf-8")
        self("channel", "apply", file, "--in", self.folder)
        self.operation.write_text(OPERATION.format(as_of="2026-11-01") + RECIPIENT + more, "utf-8")

    def put(self) -> None:
        self("release", "make", self.operation, "--channel", "servers", "--in", self.folder)

    def found(self) -> set[str]:
        """The addresses that the seller finds in the channel."""
        polled = self("channel", "poll", "servers", "--for", "seller", "--json", "--in", self.folder)
        return {one["object"]["value"] for one in json.loads(polled) if one["object"]["type"] == "ipv4-addr"}

    def refusals(self, value: str, code: int = 1) -> dict[int, str]:
        """The rules by which the recipient of the operation is refused a value, and why."""
        words = ("release", "explain", value, "--to", "seller", "--operation", self.operation, "--json")
        done = self.accord(*words, "--in", self.folder, expect=code)
        (told,) = json.loads(done.stdout)["classes"]
        return {one["rule"]: one["reason"] for one in told["rules"] if not one["permitted"]}


@pytest.fixture
def hub(accord_here: Callable[..., object], tmp_path: Path) -> Hub:
    return Hub(accord_here, tmp_path)


def test_amber_reaches_clients_and_amber_strict_and_what_must_not_be_sold_do_not(hub: Hub) -> None:
    hub.declare("")
    hub.put()
    assert hub.found() == {AMBER, STRICT}
    assert (hub.refusals(AMBER, 0), hub.refusals(STRICT, 0)) == ({}, {})
    # from the moment on at which its clients read the channel
    hub.declare("clients = true\n")
    assert hub.found() == {AMBER}
    assert hub.refusals(AMBER, 0) == {}
    assert hub.refusals(STRICT) == {1: "TLP:AMBER+STRICT stays within A seller, and its clients read this channel"}
    shown = hub("channel", "show", "servers", "--in", hub.folder)
    assert "read it too" in shown
    member = json.loads(hub("channel", "show", "servers", "--json", "--in", hub.folder))["member"]
    assert member == [{"partner": "seller", "country": "TH", "persons": [], "clients": True}]
    words = ("release", "explain", AMBER, "--to", "seller", "--operation", hub.operation, "--in", hub.folder)
    assert f"{AMBER} to A seller and its clients, for network-defence" in hub(*words)
    settings = hub.folder / "workspace.toml"
    text = settings.read_text("utf-8")
    resale = 'pap = "clear"\niep = { unmodified_resale = "must-not" }'
    settings.write_text(text.replace('pap = "clear"', resale, 1), "utf-8")
    hub("agreement", "apply", "--in", hub.folder)
    assert hub.found() == set()
    assert hub.refusals(AMBER) == {
        7: "the exchange policy of vendor-2026 forbids to sell it unmodified, and A seller is a vendor whose clients "
        "read this channel"
    }
    # the seller itself may have it
    hub.declare("")
    assert hub.found() == {AMBER, STRICT}
    assert hub.refusals(AMBER, 0) == {}


def test_what_is_sealed_for_a_recipient_is_asked_about_with_its_clients() -> None:
    for clients in (True, False):
        basis = Basis(classes=EVERY_MEMBER, declared=True, persons=(), encrypted=True, clients=clients)
        assert parse_basis(basis.encode()) == basis
    # as an Accord wrote it that knew of no clients
    text = '{"classes": [], "declared": true, "persons": [], "encrypted": true}'
    assert parse_basis(text).clients is False
