"""Every command of the page on private set intersection prints what it shows, at a hub that is really asked."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.released import SIGHTINGS
from tests.cli.test_cli_serve import free_port
from tests.docs.conftest import ROOT, blocks, environment, printed_by

PAGE = (ROOT / "docs/psi.md").read_text("utf-8")
PORT = "8083"


@contextmanager
def served(folder: Path, port: int) -> Iterator[None]:
    words = [sys.executable, "-m", "accord.cli.main", "psi", "serve", "--in", "hub", "--port", str(port)]
    with subprocess.Popen(
        words, cwd=folder, env=environment(folder), stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout.readline().startswith("Serving")
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            assert process.wait(60) == 0


def plain(text: str) -> list[str]:
    """Lines without what is drawn anew each time: ids, digests, keys and times."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID", text)
    text = re.sub(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}", "TIME", text)
    return [" ".join(re.sub(r"[0-9a-f]{64}|\.\.\.$", "HEX", line).split()) for line in text.splitlines()]


def test_every_command_of_the_page_prints_what_it_shows(tmp_path: Path) -> None:
    settings, operation = blocks("toml", PAGE)
    (customers,) = blocks("csv", PAGE)
    printed_by("accord init hub", tmp_path)
    file = tmp_path / "hub/workspace.toml"
    text = file.read_text("utf-8").replace("\nnamespace", '\ncountry = "FR"\nnamespace', 1)
    file.write_text(text + settings, "utf-8")
    (tmp_path / "october.toml").write_text(operation, "utf-8")
    (tmp_path / "CUSTOMERS.csv").write_text(customers, "utf-8")
    (tmp_path / "2026-10-01-event4_sinkhole-th.csv").write_text(SIGHTINGS, "utf-8")
    token, port, told = "", free_port(), {}
    lines = [
        one for block in blocks("console", PAGE) for one in re.findall(r"^\$ (.*)\n((?:[^$\n].*\n)*)", block, re.M)
    ]
    for line, shown in lines:
        if line.startswith("accord psi check"):
            (tmp_path / "policy").write_bytes((tmp_path / "hub/ledger/policy").read_bytes())
            with served(tmp_path, port):
                command = line.replace(PORT, str(port))
                told[line] = printed_by(f"ACCORD_TOKEN={token} {command} 2>/dev/null", tmp_path)
        elif "token make" in line:
            told[line] = printed_by(f"{line} --json", tmp_path)
            token = json.loads(told[line])["token"]
        else:
            told[line] = printed_by(line, tmp_path)
        if shown.strip() != "...":
            expected = plain(shown)
            got = plain(told[line])
            assert got[: len(expected) - (expected[-1] == "HEX")] == [one for one in expected if one != "HEX"], line
    assert len(told) == 6
