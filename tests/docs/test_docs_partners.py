"""The page for partners: its example of an upload is called as it stands, at a hub that is really asked."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.released import SIGHTINGS, furnish
from tests.cli.test_cli_serve import free_port
from tests.docs.conftest import ROOT, blocks, environment, printed_by

PAGE = (ROOT / "docs/partners.md").read_text("utf-8")
HUB, FILE = "https://ledger.fusion.example", "2026-11-27-sinkhole.csv.gz"
DELIVERED = "2026-10-01-event4_sinkhole-th.csv"
PIECE = 1 << 20


@contextmanager
def served(folder: Path, port: int) -> Iterator[None]:
    words = [sys.executable, "-m", "accord.cli.main", "serve", "--in", "hub", "--port", str(port)]
    with subprocess.Popen(
        words, cwd=folder, env=environment(folder), stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout.readline().startswith("Serving")
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            assert process.wait(60) == 0


def test_the_example_of_an_upload_sends_a_file_of_several_pieces_as_it_stands(tmp_path: Path) -> None:
    (script,) = [one for one in blocks("sh", PAGE) if "upload-length" in one.lower()]
    printed_by("accord init hub", tmp_path)
    furnish(tmp_path / "hub", "")
    printed_by("accord agreement apply --in hub", tmp_path)
    made = printed_by("accord token make vendor --name desk --scope write --json --in hub", tmp_path)
    (tmp_path / "hub.token").write_text(json.loads(made)["token"] + "\n", "utf-8")
    # one piece is not enough, and the last one is smaller
    first, *rows = SIGHTINGS.splitlines(keepends=True)
    data = (first + "".join(rows) * 6000).encode()
    assert len(data) > PIECE
    assert len(data) % PIECE
    (tmp_path / DELIVERED).write_bytes(data)
    port = free_port()
    for shown, meant in ((HUB, f"http://127.0.0.1:{port}"), (FILE, DELIVERED)):
        assert script.count(shown) == 1
        script = script.replace(shown, meant)
    with served(tmp_path, port):
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    digest = hashlib.sha256(data).hexdigest()
    assert (told["name"], told["file"]) == (f"sinkhole.{digest}", DELIVERED)
    # the server may have taken it in by itself before it ended
    printed_by("accord job work --in hub", tmp_path)
    listed = printed_by("accord delivery list --in hub", tmp_path)
    assert re.search(rf"{digest[:12]} +{re.escape(DELIVERED)} +18,001 +18,000 ", listed), listed
