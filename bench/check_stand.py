"""A service of the public check over victims drawn by chance, on a core of its own where there are two."""

import hmac
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import numpy as np
from measuring import ROOT, accord, tree

from accord.check.layout import RECORD_BYTES, Family
from accord.check.networks import NETWORK_KINDS, NetworkKind
from accord.check.writing import Content, NetworkLine, Sightings, show_version, version_name, write_version

PEPPER = bytes(range(32))
FAMILIES = tuple(Family(name=name, platforms=("win",)) for name in ("Simda", "Emotet", "QakBot", "Ramnit", "Necurs"))
HOST = "check.fusion.example"
TICKS = os.sysconf("SC_CLK_TCK")
FIRST, LAST = int(IPv4Address("11.0.0.0")), int(IPv4Address("99.255.255.255"))
"""Victims and others are drawn from here, so that both are spelt alike."""
NETWORKS = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Who may ask."""

    victims: np.ndarray
    others: np.ndarray
    """Addresses as numbers; none stands in both."""

    def few(self, number: int, seed: int) -> tuple[list[str], list[str]]:
        """So many of each, drawn by chance, as text."""
        draw = np.random.default_rng(seed)
        return tuple(
            [str(IPv4Address(int(one))) for one in draw.choice(those, number)] for those in (self.victims, self.others)
        )


def draw_crowd(victims: int) -> Crowd:
    draw = np.random.default_rng(7)
    drawn = np.unique(draw.integers(FIRST, LAST, victims + victims // 4 + 1_200_000, dtype=np.uint32))
    drawn = draw.permutation(drawn)
    return Crowd(victims=drawn[:victims], others=drawn[victims : victims + 1_000_000])


def write_data(folder: Path, crowd: Crowd, versions: int) -> list[str]:
    """Versions of data about the same victims; the last one counts. Their names."""
    count = len(crowd.victims)
    packed = crowd.victims.astype(">u4").tobytes()
    digests = bytearray(RECORD_BYTES * count)
    for place in range(count):
        spelled = b"\x04" + packed[4 * place : 4 * place + 4]
        digest = hmac.digest(PEPPER, spelled, "sha256")[:RECORD_BYTES]
        digests[RECORD_BYTES * place : RECORD_BYTES * (place + 1)] = digest
    now = datetime.now(UTC)
    starts = np.linspace(0, 2**32, NETWORKS, endpoint=False).astype(np.uint32)
    names = []
    for _ in range(versions):
        content = Content(
            made_at=now,
            day=now.date(),
            families=FAMILIES,
            sets=[(one,) for one in range(len(FAMILIES))],
            addresses=Sightings(
                digests=np.frombuffer(bytes(digests), np.uint8).reshape(-1, RECORD_BYTES),
                ages=(np.arange(count) % 31).astype(np.uint8),
                sets=(np.arange(count) % len(FAMILIES)).astype(np.uint32),
            ),
            mailboxes=Sightings.none(),
            v4=_line(starts),
            v6=_line(np.zeros(1, np.uint64)),
        )
        names.append(version_name(now))
        write_version(folder, names[-1], content, PEPPER)
    show_version(folder, names[-1])
    return names


def _line(starts: np.ndarray) -> NetworkLine:
    ordinary = NETWORK_KINDS.index(NetworkKind.ORDINARY)
    asns = (np.arange(len(starts)) % 70_000 + 1).astype(np.uint32)
    return NetworkLine(starts=starts, asns=asns, kinds=np.full(len(starts), ordinary, np.uint8))


@dataclass(slots=True, kw_only=True)
class Served:
    """A service that answers."""

    process: subprocess.Popen[str]
    port: int
    folder: Path
    said: list[str] = field(default_factory=list)

    def cpu_s(self) -> float:
        return sum(cpu_s(pid) for pid in tree(self.process.pid))

    def held_mb(self) -> float:
        """Memory of its processes, pages that they share counted once, without the mapped data."""
        return sum(held_beside_kb(pid, str(self.folder)) for pid in tree(self.process.pid)) / 1024


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve the data in `folder`/data, to a proxy on this machine."""
    port = free_port()
    pepper, settings = folder / "check.pepper", folder / "check.toml"
    if not pepper.exists():
        pepper.touch(0o600)
        pepper.write_text(PEPPER.hex() + "\n")
    settings.write_text(
        '[check]\nhub = "Hub"\ncontact = "check@hub.example"\ndata = "data"\npepper_file = "check.pepper"\n'
        f'proxies = ["127.0.0.1"]\n[hosts]\nnames = ["{HOST}"]\n'
        "[limits]\naddress_a_minute = 1000000\nnetwork_a_minute = 100000000\n"
        "[alarm]\nhit_percent = 100\nanswers = 1000000\n"
    )
    words = [*on_core(0), *accord("check", "serve", "--settings", settings, "--port", str(port))]
    process = subprocess.Popen(
        list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", cwd=ROOT
    )
    one = Served(process=process, port=port, folder=folder)
    threading.Thread(target=lambda: one.said.extend(process.stderr), daemon=True).start()
    if "Serving" not in process.stdout.readline():
        raise SystemExit("".join(one.said))
    try:
        yield one
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def on_core(number: int) -> list[str]:
    """The words that keep a command on one core: server and asker do not take each other's."""
    if shutil.which("taskset") is None or (os.cpu_count() or 1) < 2:
        return []
    return ["taskset", "--cpu-list", str(number)]


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def held_beside_kb(pid: int, folder: str) -> float:
    held, counts = 0.0, True
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, _, rest = line.partition(":")
        if "-" in name.partition(" ")[0] and " " in name:
            counts = folder not in line
        elif name == "Pss" and counts:
            held += int(rest.split()[0])
    return held
