"""A package and its log, held against each other by `accord ledger check`."""

import json
import shutil
from pathlib import Path

import pytest

from accord.cli.ledgers.verifying import Member, check
from accord.vocabulary.errors import SettingsError, UnprovenError
from tests.simulators.log import write_log

NOBODY = Member(account=None, objects=(), own=None)


def test_a_package_stands_in_this_very_log_or_is_refused(hub, make, tmp_path: Path, capsys) -> None:
    ledger = hub()
    handed = make(ledger=ledger)
    policy = tmp_path / "policy"
    policy.write_bytes(ledger.policy_text)
    root = write_log(tmp_path / "log", ledger.entries, ledger.log, policy=ledger.policy_text, note=ledger.checkpoint())
    check(str(root), policy, None, [handed.package, handed.handover], NOBODY, [], as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["packages"] == [{"package": str(handed.package), "entries": [1, 2]}]
    assert said["witnesses"] == ["north", "south"]
    assert (said["size"], said["figures"]["closed"]) == (5, 5)
    check(str(root), policy, root / "checkpoint", [handed.package, handed.handover], NOBODY, [], as_json=False)
    told = capsys.readouterr().out
    assert "5 entries, each verified" in told
    assert "2 entries (1, 2) in this log" in told
    assert "the checkpoint that you kept is one of its history" in told
    with pytest.raises(SettingsError, match="comes with its handover"):
        check(str(root), policy, None, [handed.package], NOBODY, [], as_json=False)
    # the log goes back behind the package's entries, or has others in their place
    for entries, message in ((ledger.entries[:2], "shorter than the package"), ([b"x"] * 9, "another entry")):
        shutil.rmtree(root)
        whole, ledger.entries = ledger.entries, entries
        write_log(root, entries, ledger.log, policy=ledger.policy_text, note=ledger.checkpoint())
        ledger.entries = whole
        with pytest.raises(UnprovenError, match=message) as found:
            check(str(root), policy, None, [handed.package, handed.handover], NOBODY, [], as_json=False)
        assert "contradicts it" in (found.value.remedy or "")
