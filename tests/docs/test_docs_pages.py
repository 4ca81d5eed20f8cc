"""The pages hold together: links resolve, decisions have their form, lists agree with what they list."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from configparser import ConfigParser
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DECISIONS = ROOT / "docs/decisions"
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@cache
def tracked(*patterns: str) -> tuple[Path, ...]:
    """Files that are in the repository, or would be with the next commit."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return tuple(path for name in sorted(listed.split("\0")) if name and (path := ROOT / name).is_file())


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text("utf-8"))


def slugs(page: Path) -> set[str]:
    """Anchors of a page's headings, as forges make them."""
    found = set()
    for heading in re.findall(r"^#{1,6}\s+(.*)$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading).strip().lower()
        found.add(re.sub(r"[^\w\- ]", "", text).replace(" ", "-"))
    return found


def relative_links() -> Iterator[tuple[Path, str]]:
    for page in tracked("*.md"):
        for groups in LINK.findall(prose(page)):
            target = groups[0] or groups[1]
            if not re.match(r"[a-z]+:", target):
                yield page, target


def test_every_relative_link_leads_to_a_tracked_file_and_heading() -> None:
    known = set(tracked())
    folders = {parent for path in known for parent in path.parents}
    broken = []
    for page, target in relative_links():
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if path not in known and path not in folders:
            broken.append(f"{page.relative_to(ROOT)}: {target}")
        elif anchor and (path.suffix != ".md" or anchor not in slugs(path)):
            broken.append(f"{page.relative_to(ROOT)}: no heading for {target}")
    assert broken == []


def decisions() -> list[Path]:
    return sorted(DECISIONS.glob("[0-9]*.md"))


def sections(page: Path) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


@pytest.mark.parametrize("page", decisions(), ids=lambda page: page.stem)
def test_a_decision_has_its_four_parts_and_names_what_is_bad_about_it(page: Path) -> None:
    found = sections(page)
    assert list(found) == ["Status", "Context", "Decision", "Consequences"]
    assert re.match(r"(Proposed|Accepted|Superseded by \[\d{4}\])", found["Status"])
    good, bad = re.fullmatch(r"Good:\n\n(.*)\n\nBad:\n\n(.*)", found["Consequences"], re.DOTALL).groups()  # type: ignore[union-attr]
    assert good.startswith("- ")
    assert bad.startswith("- ")
    assert len(page.read_text("utf-8").splitlines()) <= 80, "one page"


def test_decisions_are_numbered_without_gaps_and_listed_with_title_and_status() -> None:
    index = (DECISIONS / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| \[(\d{4})\]\((.+?)\) \| (.+?) \| (.+?) \|$", index, re.MULTILINE)
    expected = []
    for place, page in enumerate(decisions(), start=1):
        number, title = re.match(r"# (\d+)\. (.+)\n", page.read_text("utf-8")).groups()  # type: ignore[union-attr]
        assert int(number) == int(page.name[:4]) == place
        expected.append((page.name[:4], page.name, title, sections(page)["Status"].rstrip(".").lower()))
    assert listed == expected


def test_the_changelog_has_entries_for_what_is_released_and_what_is_next() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert heads[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", head) for head in heads[1:])
    for head in heads[1:]:
        body = text.split(f"## {head}", 1)[1].split("\n## ", 1)[0]
        assert re.search(r"^- .{20,}", body, re.MULTILINE), head
    released = {head.split()[0] for head in heads[1:]}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    unreleased = text.split("## Unreleased", 1)[1].split("\n## ", 1)[0]
    assert version in released or re.search(r"^- .{20,}", unreleased, re.MULTILINE)


def declared(name: str) -> set[str]:
    lines = (ROOT / "requirements" / name).read_text("utf-8").splitlines()
    return {re.split(r"[<>=!~;]", line)[0].strip() for line in lines if line.strip() and line[0] not in "#-"}


def rows(page: Path, heading: str) -> dict[str, str]:
    table = page.read_text("utf-8").split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| (?!package |-)(.+?) \| (.+?) \|$", table, re.MULTILINE))


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("runtime.in", "What Accord runs on"),
        ("dev.in", "What it is built and tested with"),
        ("fuzz.in", "What it is fuzzed with"),
        ("bench.in", "What it is measured beside"),
        ("taxii.in", "What its TAXII server is measured beside"),
        ("psi.in", "What its private set intersection is measured beside"),
    ],
)
def test_every_dependency_has_a_line_with_its_reason_and_no_line_is_left_over(name: str, heading: str) -> None:
    listed = rows(ROOT / "docs/dependencies.md", heading)
    assert set(listed) == declared(name)
    assert all(len(reason) >= 10 for reason in listed.values())


def test_the_project_declares_what_it_runs_on_as_the_lock_does() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    built_with = {"hatchling", "editables"}
    assert set(project["project"]["dependencies"]) == declared("runtime.in") - built_with


@pytest.mark.parametrize("name", ["runtime", "dev", "fuzz", "bench", "taxii", "psi"])
def test_a_lock_pins_every_package_by_version_and_hash_and_names_no_place(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^--?(?:index|extra|find|trusted|i\b)", text, re.MULTILINE)
    entries = re.split(r"\n(?=\S)", text.strip())
    unpinned = [
        e.splitlines()[0] for e in entries if not re.match(r"[\w.-]+==\S+.*\\\n\s+--hash=sha256:[0-9a-f]{64}", e)
    ]
    assert unpinned == []
    locked = {re.sub(r"[-_.]+", "-", entry.split("==")[0]).lower() for entry in entries}
    wanted = declared(f"{name}.in") | (declared("runtime.in") if name == "dev" else set())
    assert {re.sub(r"[-_.]+", "-", each).lower() for each in wanted} <= locked


def contract_layers() -> list[str]:
    parser = ConfigParser()
    parser.read(ROOT / ".importlinter")
    return [
        line.replace("(", "").replace(")", "").strip()
        for line in parser["importlinter:contract:one-way"]["layers"].strip().splitlines()
    ]


def test_the_architecture_draws_the_layers_that_the_contract_checks() -> None:
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    drawn = re.search(r"^## Layers\n.*?^```\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert drawn is not None
    assert drawn[1].strip().splitlines() == contract_layers()


def test_the_architecture_describes_every_package_that_exists() -> None:
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    described = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    exist = {path.parent.name for path in (ROOT / "src/accord").glob("*/__init__.py")}
    assert exist - described == set()
    assert described <= {name.strip() for line in contract_layers() for name in line.split("|")}


def test_make_help_lists_the_commands_that_the_pages_name() -> None:
    helped = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        target
        for page in tracked("*.md", ".ci/run")
        for target in re.findall(r"(?:`|^ {4}|step )make ([a-z]+)\b", page.read_text("utf-8"), re.MULTILINE)
    }
    assert {"demo", "test", "check", "bench", "lock", "wheel", "clean"} <= helped
    assert named - helped <= {"contracts"}
