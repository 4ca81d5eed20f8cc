"""What the README and the page on workspaces tell a reader to do, done once: the least operation, the demo, a hub."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
AGREEMENTS = (ROOT / "docs/agreements.md").read_text("utf-8")
RELEASE = (ROOT / "docs/release.md").read_text("utf-8")
HANDING_OVER = (ROOT / "docs/handing-over.md").read_text("utf-8")
CHANNELS = (ROOT / "docs/channels.md").read_text("utf-8")
OUTCOMES = (ROOT / "docs/outcomes.md").read_text("utf-8")
WORKSPACE = (ROOT / "docs/workspace.md").read_text("utf-8")

Once = Callable[[str, Callable[[Path], object]], Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRun:
    """The README's own operation in a folder of its own, and what each of its commands printed, in order."""

    folder: Path
    printed: tuple[tuple[str, str, str], ...]
    """The command line, what the README shows for it, and what it printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What `make demo` does once everything is installed."""

    folder: Path
    printed: str


def blocks(kind: str, page: str = README) -> list[str]:
    """Fenced blocks of a page, by what stands behind the fence."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def environment(folder: Path) -> dict[str, str]:
    """The commands of this virtual environment, and the bundled reference data whatever was imported here."""
    commands = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # who reads the page has set no variable of ours
    plain = {name: value for name, value in os.environ.items() if name != "ACCORD_WHY"}
    return {**plain, "PATH": commands, "ACCORD_REFERENCE": str(folder / "nothing-imported")}


def printed_by(line: str, folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def first_run(once: Once) -> FirstRun:
    """Write the files that the README shows, and call the commands that it shows."""

    def make(folder: Path) -> None:
        (operation,), (delivery,) = blocks("toml"), blocks("csv")
        (folder / "operation.toml").write_text(operation, "utf-8")
        mapping = operation.partition("[[dataset.csv]]")[2]
        (folder / "mapping.toml").write_text(f"[[csv]]{mapping}", "utf-8")
        (folder / "deliveries").mkdir()
        (folder / "deliveries/indicators.csv").write_text(delivery, "utf-8")
        printed = []
        for block in blocks("console"):
            line, _, shown = block.removeprefix("$ ").partition("\n")
            printed.append((line, shown, printed_by(line, folder)))
        (folder / "printed.json").write_text(json.dumps(printed), "utf-8")

    folder = once("first", make)
    printed = json.loads((folder / "printed.json").read_text("utf-8"))
    return FirstRun(folder=folder, printed=tuple((line, shown, told) for line, shown, told in printed))


@pytest.fixture(scope="session")
def workspace_run(once: Once) -> FirstRun:
    """Do what the page on workspaces says, in its order."""

    def make(folder: Path) -> None:
        (settings,), (delivery,) = blocks("toml", WORKSPACE), blocks("csv", WORKSPACE)
        (folder / "2026-10-01-event4_sinkhole-th.csv").write_text(delivery, "utf-8")
        printed = []
        for block in blocks("console", WORKSPACE):
            line, _, shown = block.removeprefix("$ ").partition("\n")
            printed.append((line, shown, printed_by(line, folder)))
            if line.startswith("accord init"):
                with (folder / "hub/workspace.toml").open("a", encoding="utf-8") as file:
                    file.write(settings)
        (folder / "printed.json").write_text(json.dumps(printed), "utf-8")

    folder = once("workspace", make)
    printed = json.loads((folder / "printed.json").read_text("utf-8"))
    return FirstRun(folder=folder, printed=tuple((line, shown, told) for line, shown, told in printed))


@pytest.fixture(scope="session")
def agreements_run(once: Once) -> FirstRun:
    """Do what the page on agreements says, in a new workspace."""

    def make(folder: Path) -> None:
        (agreements,) = blocks("toml", AGREEMENTS)
        (folder / "agreements.toml").write_text(agreements, "utf-8")
        printed_by("accord init hub", folder)
        printed = []
        for block in blocks("console", AGREEMENTS):
            for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                line, _, shown = piece.partition("\n")
                printed.append((line, shown, printed_by(line, folder)))
        (folder / "printed.json").write_text(json.dumps(printed), "utf-8")

    folder = once("agreements", make)
    printed = json.loads((folder / "printed.json").read_text("utf-8"))
    return FirstRun(folder=folder, printed=tuple((line, shown, told) for line, shown, told in printed))


@pytest.fixture(scope="session")
def release_run(once: Once) -> FirstRun:
    """Ask what the page on releases asks, of the agreements that it shows."""

    def make(folder: Path) -> None:
        (agreements,) = blocks("toml", RELEASE)
        (folder / "release.toml").write_text(agreements, "utf-8")
        printed_by("accord init hub && accord agreement apply release.toml --in hub", folder)
        printed = []
        for block in blocks("console", RELEASE):
            line, _, shown = block.removeprefix("$ ").partition("\n")
            printed.append((line, shown, printed_by(line, folder)))
        (folder / "printed.json").write_text(json.dumps(printed), "utf-8")

    folder = once("release", make)
    printed = json.loads((folder / "printed.json").read_text("utf-8"))
    return FirstRun(folder=folder, printed=tuple((line, shown, told) for line, shown, told in printed))


@pytest.fixture(scope="session")
def handing_over_run(once: Once) -> FirstRun:
    """Furnish a workspace as the page on handing over says, with a recipient's own keys, and call what it calls."""

    def make(folder: Path) -> None:
        (settings, operation), (delivery,) = blocks("toml", HANDING_OVER), blocks("csv", HANDING_OVER)
        printed_by("accord init hub", folder)
        keys = printed_by("accord package keys --name csirt-th.example --out keys", folder)
        shown = 'age = "age1..."\nreceipts = "csirt-th.example+..."\n'
        assert shown in settings
        file = folder / "hub/workspace.toml"
        told = file.read_text("utf-8").replace("\nnamespace", '\ncountry = "FR"\nnamespace', 1)
        file.write_text(told + settings.replace(shown, keys), "utf-8")
        (folder / "october.toml").write_text(operation, "utf-8")
        name = "2026-10-01-event4_sinkhole-th.csv"
        assert f"`{name}`" in HANDING_OVER
        (folder / name).write_text(delivery, "utf-8")
        printed_by(f"accord agreement apply --in hub && accord delivery add vendor-sinkhole {name} --in hub", folder)
        (channels,) = blocks("toml", CHANNELS)
        (folder / "channels.toml").write_text(channels, "utf-8")
        printed = []
        for block in blocks("console", HANDING_OVER) + blocks("console", CHANNELS):
            line, _, shown = block.removeprefix("$ ").partition("\n")
            printed.append((line, shown, printed_by(line, folder)))
        (folder / "printed.json").write_text(json.dumps(printed), "utf-8")

    folder = once("handing-over", make)
    printed = json.loads((folder / "printed.json").read_text("utf-8"))
    return FirstRun(folder=folder, printed=tuple((line, shown, told) for line, shown, told in printed))


@pytest.fixture(scope="session")
def outcomes_run(once: Once, handing_over_run: FirstRun) -> FirstRun:
    """Go on where the page on handing over ends: fill in the recipient's file as the page shows it, and call what it
    calls."""

    def make(folder: Path) -> None:
        shutil.copytree(handing_over_run.folder, folder, dirs_exist_ok=True)
        (package,) = (folder / "hub/releases").glob("*/package")
        printed_by(
            f"accord package open {package} {package.parent / 'handover'} --keys keys --policy hub/ledger/policy "
            "--out opened",
            folder,
        )
        report = (folder / "opened/content/outcomes.csv").read_text("utf-8")
        (filled,) = blocks("csv", OUTCOMES)
        for name, address in (("FIRST", "110.164.10.1"), ("SECOND", "110.164.10.9")):
            found = re.search(rf'^"([0-9a-f]{{64}})","ipv4","{re.escape(address)}"', report, re.MULTILINE)
            assert found is not None
            filled = filled.replace(name, found[1])
        (folder / "outcomes.csv").write_text(filled, "utf-8")
        printed = []
        for block in blocks("console", OUTCOMES):
            line, _, shown = block.removeprefix("$ ").partition("\n")
            printed.append((line, shown, printed_by(line, folder)))
        (folder / "printed.json").write_text(json.dumps(printed), "utf-8")

    folder = once("outcomes", make)
    printed = json.loads((folder / "printed.json").read_text("utf-8"))
    return FirstRun(folder=folder, printed=tuple((line, shown, told) for line, shown, told in printed))


@pytest.fixture(scope="session")
def demo(once: Once) -> Demo:
    """Call what the Makefile's `demo` calls, line by line, in another folder."""

    def make(folder: Path) -> None:
        makefile = (ROOT / "Makefile").read_text("utf-8")
        variables = {"DEMO": ".demo", "BIN": str(Path(sys.executable).parent)}
        recipe = re.search(r"^demo:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
        assert recipe is not None
        assert re.search(r"^DEMO := (.+)$", makefile, re.MULTILINE)[1] == variables["DEMO"]  # type: ignore[index]
        lines = [line.strip().removeprefix("@") for line in recipe[1].splitlines()]
        calls = [re.sub(r"\$\((\w+)\)", lambda name: variables[name[1]], line).replace("$$", "$") for line in lines]
        (folder / "printed.txt").write_text("".join(printed_by(call, folder) for call in calls), "utf-8")

    folder = once("demo", make)
    return Demo(folder=folder / ".demo", printed=(folder / "printed.txt").read_text("utf-8"))
