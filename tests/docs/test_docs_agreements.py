"""What a signatory recomputes by the page on agreements is what the ledger has, also of terms that changed since."""

import json
import subprocess
import sys
from pathlib import Path

from tests.docs.conftest import AGREEMENTS, blocks, environment, printed_by


def test_what_the_page_recomputes_of_each_state_is_the_digest_of_its_entry(tmp_path: Path) -> None:
    declared, (recomputing,) = blocks("toml", AGREEMENTS)[0], blocks("python", AGREEMENTS)
    printed_by("accord init hub", tmp_path)
    file = tmp_path / "agreements.toml"
    narrow, wide = (
        '["victim-notification", "network-defence"]',
        '["victim-notification", "network-defence", "research"]',
    )
    assert declared.count(narrow) == 1
    for terms in (declared, declared.replace(narrow, wide), declared):
        file.write_text(terms, "utf-8")
        printed_by("accord agreement apply agreements.toml --in hub", tmp_path)
    printed = subprocess.run(
        [sys.executable, "-c", recomputing], cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, check=True
    ).stdout.decode()
    recomputed = [line.split()[-1] for line in printed.splitlines()]
    entries = json.loads(printed_by("accord ledger list --json --in hub", tmp_path))
    assert {one["digest"] for one in entries} <= {*recomputed}
    assert [one["kind"] for one in entries][-2:] == ["agreement-changed"] * 2
    # the same terms again have the same digest, and what was in force between them another
    assert entries[-1]["digest"] != entries[-2]["digest"]
    assert "say the same" in printed_by("accord ledger audit --in hub", tmp_path)
