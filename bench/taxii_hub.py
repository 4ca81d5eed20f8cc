"""A hub whose partner adds indicators by TAXII, and whose member polls what was put into a channel; all by commands."""

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import places
import taxii_objects
from measuring import accord, measure, tree
from taxii_asking import Client, answering, cpu_s

API_ROOT = "/taxii2/hub/"
IN_A_FILE = 100_000
SPARE = 100
OBJECTS_OF_A_FINDING = 6
"""Of a server: indicator, infrastructure, address, sighting, and two relationships."""

SETTINGS = """
[[partner]]
id = "vendor"
name = "A vendor"

[[partner]]
id = "csirt"
name = "A CSIRT"
kind = "csirt"
country = "US"

[[dataset]]
id = "indicators"
title = "Servers of criminals"
partner = "vendor"
format = "stix"
role = "c2-server"
origin = "report"
legal_basis = "legitimate-interest"
marking = "green"
grade = "b"
retention = "P1Y"
personal_data = false
share_with = ["csirt"]

# by default a client may ask 3,000 times a minute, which is less than is measured here
[serve]
requests_a_minute = 1000000
"""

AGREEMENT = """
[[agreement]]
id = "{party}-{direction}"
title = "With {party}"
signatory = [{{ party = "hub", name = "A" }}, {{ party = "{party}", name = "B" }}]
signed = 2026-01-02
document = "0000000000000000000000000000000000000000000000000000000000000000"
from = 2026-01-02
purposes = ["network-defence"]
{direction} = ["indicators"]
limits = {{ marking = "green", pap = "clear", onward_sharing = "with-consent", transfers = ["safeguards"] }}
"""

CHANNEL = """
[[channel]]
id = "servers"
title = "Servers of criminals"
purpose = "network-defence"
encrypted = true

[[channel.member]]
partner = "csirt"
"""

OPERATION = """
[operation]
name = "servers"
title = "Servers of criminals"
as_of = 2026-11-20
countries = ["US"]
purpose = "network-defence"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A workspace."""

    folder: Path

    def __call__(self, *words: str | Path) -> str:
        return measure(accord(*words, "--in", self.folder)).stdout

    def token(self, partner: str, scope: str) -> str:
        """The secret of a new token."""
        made = json.loads(self("token", "make", partner, "--name", "measured", "--scope", scope, "--json"))
        return str(made["token"])

    def fill(self, objects: int) -> None:
        """Put so many objects into the channel, from indicators that were delivered as files."""
        # some of the addresses stand on a warning list, and wait for a review
        findings = objects // OBJECTS_OF_A_FINDING + SPARE
        files = []
        for first in range(0, findings, IN_A_FILE):
            file = self.folder.parent / f"indicators-{first}.json"
            file.write_bytes(taxii_objects.envelope(range(first, min(first + IN_A_FILE, findings))))
            files.append(file)
        self("delivery", "add", "indicators", *files)
        operation = self.folder.parent / "operation.toml"
        operation.write_text(OPERATION)
        done = json.loads(self("release", "make", operation, "--channel", "servers", "--json"))
        if done["objects"] < objects:
            raise SystemExit(f"{done['objects']} objects of {done['findings']} findings were put into the channel")


@contextmanager
def made(kind: str, scratch: Path) -> Iterator[Hub]:
    """A hub on a database of this kind, gone afterwards."""
    scratch.mkdir()
    folder = scratch / "hub"
    with ExitStack() as stack:
        database = () if kind == "sqlite" else ("--database", stack.enter_context(places.schema()))
        measure(accord("init", folder, "--ledger", "hub.example/ledger", *database))
        settings = folder / "workspace.toml"
        written = settings.read_text().replace("\nnamespace", '\ncountry = "FR"\nnamespace', 1)
        agreements = [
            AGREEMENT.format(party=party, direction=way) for party, way in (("vendor", "in"), ("csirt", "out"))
        ]
        settings.write_text(written + SETTINGS + "".join(agreements))
        hub = Hub(folder=folder)
        hub("agreement", "apply")
        channel = scratch / "channel.toml"
        channel.write_text(CHANNEL)
        hub("channel", "apply", channel)
        yield hub


class Served:
    """`accord serve` with one process that answers and one that does jobs."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.port = port
        self.pid = process.pid
        self.answers = 0
        """The process that answers, once a client has asked."""

    def client(self, collection: str, token: str) -> Client:
        """A client for a collection, with a token."""
        asking = Client(self.port, f"{API_ROOT}collections/{collection}/", {"authorization": f"Bearer {token}"})
        # whoever asks first waits until the database is open
        asking.look()
        self.answers = answering(tree(self.pid), self.port, asking.own_port)
        return asking

    def answering_cpu_s(self) -> float:
        """CPU seconds of the process that answers."""
        return cpu_s([self.answers])

    def working_cpu_s(self) -> float:
        """Those of all others: the job worker's."""
        return cpu_s(one for one in tree(self.pid) if one != self.answers)


@contextmanager
def served(hub: Hub) -> Iterator[Served]:
    """Serve a hub."""
    port = free_port()
    with (hub.folder.parent / "served.txt").open("w") as talk:
        process = subprocess.Popen(
            list(map(str, accord("serve", "--in", hub.folder, "--port", str(port)))),
            stdout=subprocess.PIPE,
            stderr=talk,
            text=True,
        )
        try:
            if process.stdout is None or not process.stdout.readline():
                raise SystemExit("accord serve did not begin")
            yield Served(process, port)
        finally:
            process.terminate()
            process.wait()


def free_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])
