"""What the README shows is what a reader gets: its commands are called here, and print what it says."""

import csv
import importlib.util
import json
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from accord.formats.catalogue import FORMATS

if TYPE_CHECKING:
    from tests.docs.conftest import Demo, FirstRun

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def assert_shown(shown: str, printed: str) -> None:
    """`shown` is `printed`, with whole lines left out only where a line `...` stands, and at the two ends."""
    lines = [line.rstrip() for line in printed.splitlines()]
    at = 0
    for piece in re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE):
        wanted = [line.rstrip() for line in piece.splitlines()]
        places = [place for place in range(at, len(lines) + 1) if lines[place : place + len(wanted)] == wanted]
        assert places, f"not printed any more:\n{piece}\nprinted:\n{printed}"
        at = places[0] + len(wanted)


@pytest.mark.parametrize(
    ("shown", "holds"),
    [
        ("a\nb\n", True),
        ("b\n...\nd\n", True),
        ("...\nb\n", True),
        ("a\nc\n", False),
        ("d\n...\na\n", False),
        ("x\n", False),
    ],
)
def test_the_comparison_lets_nothing_pass_that_was_not_printed_in_this_order(shown: str, holds: bool) -> None:
    if holds:
        assert_shown(shown, "a\nb  \nc\nd\n")
    else:
        with pytest.raises(AssertionError):
            assert_shown(shown, "a\nb  \nc\nd\n")


def test_the_demo_prints_what_the_readme_shows(demo: "Demo") -> None:
    (shown,) = re.findall(r"^<!-- the demo, shortened.*?-->\n```\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert_shown(shown, demo.printed)
    opened = re.search(r"^Open (\S+)", shown, re.MULTILINE)
    assert opened is not None
    assert (demo.folder.parent / opened[1]).is_file()


def test_every_command_of_the_readme_prints_what_it_shows(first_run: "FirstRun") -> None:
    assert [line.split()[1] for line, _, _ in first_run.printed] == ["operation", "delivery", "lookup"]
    for _, shown, printed in first_run.printed:
        assert_shown(shown, printed)


def test_every_command_of_the_page_on_workspaces_prints_what_it_shows(workspace_run: "FirstRun") -> None:
    called = [line.split()[1] for line, _, _ in workspace_run.printed]
    assert called == ["init", "agreement", "delivery", "delivery", "snapshot", "lookup"]
    for _, shown, printed in workspace_run.printed:
        assert_shown(shown, printed)


def test_every_command_of_the_pages_on_handing_over_and_channels_prints_what_it_shows(
    handing_over_run: "FirstRun",
) -> None:
    assert [line.split()[2] for line, _, _ in handing_over_run.printed] == ["make", "list", "apply", "make", "poll"]
    for _, shown, printed in handing_over_run.printed:
        assert_alike(shown, printed)


def test_every_command_of_the_page_on_outcomes_prints_what_it_shows(outcomes_run: "FirstRun") -> None:
    assert [line.split()[2] for line, _, _ in outcomes_run.printed] == ["import", "list", "score"]
    for _, shown, printed in outcomes_run.printed:
        assert_alike(shown, printed)


def assert_alike(shown: str, printed: str) -> None:
    """What is drawn or told by a clock stands as dots within a line, whatever width it takes; whole lines as well."""
    wanted, told = (["".join(f"{word} " for word in line.split()) for line in one.splitlines()]
                    for one in (shown, printed))  # fmt: skip
    pattern = "\n".join("(?s:.+)" if line == "... " else re.escape(line).replace(r"\.\.\.", ".+?") for line in wanted)
    assert re.search(rf"^{pattern}$", "\n".join(told), re.MULTILINE)


def test_every_command_of_the_page_on_agreements_prints_what_it_shows(agreements_run: "FirstRun") -> None:
    verbs = ["apply", "apply", "list", "check", "deliver", "deliver", "report"]
    assert [line.split()[2] for line, _, _ in agreements_run.printed] == verbs
    for _, shown, printed in agreements_run.printed:
        assert_shown(shown, printed)


def test_every_command_of_the_page_on_releases_prints_what_it_shows(release_run: "FirstRun") -> None:
    assert [line.split()[1:3] for line, _, _ in release_run.printed] == [["release", "explain"]] * 2
    for _, shown, printed in release_run.printed:
        assert_shown(shown, printed)


def test_a_workspace_holds_the_files_that_its_page_names(workspace_run: "FirstRun") -> None:
    page = (ROOT / "docs/workspace.md").read_text("utf-8")
    drawn = re.search(r"^```\nhub/\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert drawn is not None
    named = set(re.findall(r"[\w-]+\.(?:toml|key|policy|db|json|parquet)|\bdelivered\b(?= )", drawn[1]))
    hub = workspace_run.folder / "hub"
    # the files of the ledger are told on a page of their own
    files = {path for path in hub.rglob("*") if path.is_file() and path.parts[len(hub.parts)] != "ledger"}
    assert ".mark " in drawn[1]
    found = {path.name for path in files} - {".lock", ".mark"}
    # no server and no resolution was delivered
    assert named - found == {"evidence-others.parquet", "resolutions.parquet"}
    assert found <= named


def test_the_first_operation_s_findings_are_what_the_readme_says_of_them(first_run: "FirstRun") -> None:
    with (first_run.folder / "out/reports/TH/findings.csv").open(encoding="utf-8", newline="") as file:
        found = {row["value"]: (row["families"], row["families_reported"]) for row in csv.DictReader(file)}
    assert found == {"sim-panel.co.th": ("Emotet", "Emotet"), "http://sim-gate.in.th/gate.php": ("Emotet", "Heodo")}
    with (first_run.folder / "out/rejects.csv").open(encoding="utf-8", newline="") as file:
        assert [(row["text"], row["reason"]) for row in csv.DictReader(file)] == [
            ("203.0.113.7", "address-not-routable")
        ]


def test_the_readme_names_every_format_and_its_page() -> None:
    for page, folder in ((README, "docs/formats"), ((ROOT / "docs/README.md").read_text("utf-8"), "formats")):
        table = page.split("## Formats\n", 1)[1].split("\n## ", 1)[0]
        rows = [line for line in table.splitlines() if line.startswith("| ") and "](" in line]
        named = [re.search(r"`([a-z0-9-]+)`", row)[1] for row in rows]  # type: ignore[index]
        assert sorted(named) == sorted(FORMATS)
        for name, row in zip(named, rows, strict=True):
            assert f"]({folder}/{name}.md)" in row


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("picture", ROOT / "tools/picture.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_there_is_small_and_is_said_to_be_simulated() -> None:
    (source,), (alt,) = re.findall(r'<img src="([^"]+)"', README), re.findall(r'alt="([^"]+)"', README)
    assert (ROOT / source).read_bytes().startswith(b"\x89PNG\r\n")
    assert "simulated" in alt
    assert "simulated" in README.split(alt, 1)[1].split("\n## ", 1)[0]
    assert sum(path.stat().st_size for path in (ROOT / "docs/images").iterdir()) < 550_000


def needs_poppler() -> None:
    for tool in ("pdftoppm", "pdftotext"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}: draws the picture")


def test_the_picture_is_drawn_equal_twice_from_a_simulated_report(demo: "Demo", tmp_path: Path) -> None:
    needs_poppler()
    report = demo.folder / "out/reports/ID/car.en.pdf"
    drawn = []
    for name in ("once.png", "twice.png"):
        assert load_tool().main([str(report), str(tmp_path / name)]) == 0
        drawn.append((tmp_path / name).read_bytes())
    assert drawn[0].startswith(b"\x89PNG\r\n")
    assert drawn[0] == drawn[1]


def test_no_picture_is_drawn_from_a_report_that_is_not_simulated(first_run: "FirstRun", tmp_path: Path) -> None:
    needs_poppler()
    summary = json.loads((first_run.folder / "out/summary.json").read_text("utf-8"))
    assert summary["simulated"] is False
    report = first_run.folder / "out/reports/TH/car.en.pdf"
    assert load_tool().main([str(report), str(tmp_path / "picture.png")]) == 1
    assert not (tmp_path / "picture.png").exists()
