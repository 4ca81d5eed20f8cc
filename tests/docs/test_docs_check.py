"""Every command of the pages on the check prints what they show, at a service that is really asked; units are units."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.test_cli_serve import free_port
from tests.docs.conftest import ROOT, blocks, environment, printed_by
from tools.check_pictures import PICTURES

GUIDE = (ROOT / "docs/check.md").read_text("utf-8")
DATA = (ROOT / "docs/check-data.md").read_text("utf-8")
PORT = "8090"


def commands(page: str) -> list[tuple[str, str]]:
    """Each command of a page, and what it shows for it."""
    return [one for block in blocks("console", page) for one in re.findall(r"^\$ (.*)\n((?:[^$\n].*\n)*)", block, re.M)]


def plain(text: str) -> list[str]:
    """Lines without what differs by the day and the machine."""
    text = re.sub(r"\d{8}T\d{6}Z-[0-9a-f]{8}", "VERSION", text)
    text = re.sub(r"\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2})?", "DAY", text)
    return [" ".join(line.split()) for line in text.splitlines()]


def assert_shown(line: str, shown: str, told: str) -> None:
    """What is shown stands among what was told, from its beginning unless that is left out."""
    begun, _, end = shown.partition("...\n")
    expected, got = plain(begun), plain(told)
    assert got[: len(expected)] == expected, line
    if "...\n" in shown:
        tail = plain(end)
        assert got[len(got) - len(tail) :] == tail, line
    else:
        assert got == expected, line


@contextmanager
def served(folder: Path, port: int) -> Iterator[str]:
    """The service as the page begins it; what it says of itself."""
    words = [sys.executable, "-m", "accord.cli.main", "check", "serve", "--settings", "check.toml", "--port", str(port)]
    with subprocess.Popen(
        words, cwd=folder, env=environment(folder), stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process.stdout.readline().replace(str(port), PORT)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            assert process.wait(60) == 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl: the page asks by it")
def test_the_check_is_tried_on_one_machine_as_the_page_says(tmp_path: Path) -> None:
    workspace, service = blocks("toml", GUIDE)[:2]
    lines = commands(GUIDE)
    (begun,) = (shown for line, shown in lines if line.startswith("accord check serve"))
    asked = 0
    port = free_port()
    for line, shown in lines[: lines.index(("accord check serve --settings check.toml &", begun))]:
        assert_shown(line, shown, printed_by(line, tmp_path))
        if line == "accord init hub":
            with (tmp_path / "hub/workspace.toml").open("a", encoding="utf-8") as file:
                file.write(workspace)
    (tmp_path / "check.toml").write_text(service, "utf-8")
    with served(tmp_path, port) as said:
        assert said == begun
        for line, shown in lines:
            if line.startswith("curl"):
                told = printed_by(f"NO_PROXY='*' {line.replace(PORT, str(port))}", tmp_path)
                assert_shown(line, shown, told)
                asked += 1
    assert asked == 4


def test_every_command_of_the_page_on_check_data_prints_what_it_shows(tmp_path: Path) -> None:
    """At the workspace of the guide, with the tables that this page has for its own."""
    workspace, (settings,) = blocks("toml", GUIDE)[0], blocks("toml", DATA)
    victims = re.search(r"^\[\[partner\]\]\nid = \"victims\"\n.*?\n\n", workspace, re.M | re.S)
    assert victims is not None
    workspace = workspace.replace(victims[0], "").partition("[check]")[0] + settings
    furnished = 0
    for line, _ in commands(GUIDE):
        if line.startswith(("accord init", "echo", "accord agreement", "accord delivery")):
            printed_by(line, tmp_path)
            furnished += 1
        if line == "accord init hub":
            with (tmp_path / "hub/workspace.toml").open("a", encoding="utf-8") as file:
                file.write(workspace)
    assert furnished == 7
    lines = commands(DATA)
    for line, shown in lines:
        assert_shown(line, shown, printed_by(line, tmp_path))
    assert len(lines) == 5


def test_every_test_that_the_page_on_threats_names_is_there() -> None:
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", (ROOT / "docs/check-threats.md").read_text("utf-8")))
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_[a-z0-9_]+)\(", path.read_text("utf-8"), re.M)
    }
    assert named - there == set()
    assert len(named) > 50


def test_the_guide_shows_each_picture_that_is_made_for_it_and_no_other() -> None:
    made = {f"check-{what}.{language}.{look}.png" for what, language, look, _ in PICTURES}
    assert made == {path.name for path in (ROOT / "docs/images").glob("check-*")}
    assert sorted(made) == sorted(re.findall(r"!\[[^\]]+\]\(images/(check-[^)]+)\)", GUIDE))
    assert {language for _, language, _, _ in PICTURES} == {"en", "fr", "es", "ar", "de"}
    assert {look for *_, look, _ in PICTURES} == {"screen", "phone", "dark", "forced", "contrast", "printed"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze: it reads units")
def test_systemd_reads_the_units_without_a_complaint(tmp_path: Path) -> None:
    (service,) = blocks("ini", GUIDE)
    publish, timer, copied = blocks("ini", DATA)
    units = {
        "accord-check.service": service,
        "accord-check-publish.service": publish.replace("Nice=10", copied + "Nice=10"),
        "accord-check-publish.timer": timer,
    }
    for name, text in units.items():
        own = text.replace("/opt/accord/bin/accord", sys.executable).replace("/usr/bin/rsync", sys.executable)
        (tmp_path / name).write_text(own, "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", *(tmp_path / name for name in units)],
        capture_output=True,
        text=True,
        check=False,
    )
    # of the machine's own units it may say something, too
    assert [line for line in (done.stdout + done.stderr).splitlines() if "accord-check" in line] == []
    calendar = re.search("^OnCalendar=(.*)$", timer, re.M)
    assert calendar is not None
    read = subprocess.run(["systemd-analyze", "calendar", calendar[1]], capture_output=True, text=True, check=True)
    assert "Normalized form: *-*-* 03:00:00 UTC" in read.stdout
