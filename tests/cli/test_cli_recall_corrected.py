"""A partner's corrected delivery takes the place of the one that is recalled, and recipients learn of it."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from accord.cli.hub import opened_hub
from accord.journal.book import referring
from accord.release.notices import read_notice
from tests.cli.rights import NEIGHBOUR, VICTIM, disclosed, entries, finding_id, made_hub, said, sha256, sinkhole
from tests.cli.test_cli_acknowledgements import Ask, asking

__all__ = ["asking"]

RIGHT = "45.1.1.9"


@pytest.fixture
def hub(accord_here, tmp_path: Path, database_url: str) -> Path:
    """A delivery of which the CSIRT got a finding."""
    hub = made_hub(accord_here, tmp_path, database_url)
    wrong = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-a.csv", [VICTIM, NEIGHBOUR])
    accord_here("delivery", "add", "sinkhole", wrong, "--snapshot", "--in", hub)
    with opened_hub(hub) as opened:
        disclosed(
            opened, 1, "csirt-th", "TH", [(finding_id(opened, "ipv4", VICTIM, "infected-system"), "sinkhole",
                                           sha256(wrong))]
        )  # fmt: skip
    return hub


def corrected(accord_here, hub: Path, wrong: str, right: str, *more: object, expect: int = 0):
    words = ("--kind", "corrected", "--delivery", wrong, "--replaced-by", right, "--why", "The clock was wrong.")
    return accord_here("recall", "make", "--dataset", "sinkhole", *words, *more, "--in", hub, expect=expect)


def test_a_correction_takes_the_place_and_its_contents_are_told_to_nobody_by_the_notice(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    wrong = sha256(tmp_path / "2026-10-01-event4_sinkhole-a.csv")
    right = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-b.csv", [RIGHT])
    accord_here("delivery", "add", "sinkhole", right, "--in", hub)
    out = tmp_path / "out"
    made = corrected(accord_here, hub, wrong[:12], sha256(right)[:12], "--out", out)
    assert f"Delivery {sha256(right)[:12]} takes its place" in made.stdout
    (told,) = said(accord_here("recall", "list", "--json", "--in", hub))
    assert (told["delivery"], told["replaced_by"], told["kind"]) == (wrong, sha256(right), "corrected")
    assert f"replaced by: delivery {sha256(right)}" in accord_here("recall", "show", told["recall"], "--in", hub).stdout
    (own, theirs) = entries(hub, "recall")
    with opened_hub(hub) as opened:
        with opened.database.reading() as connection:
            (entry,) = referring(connection, f"delivery sinkhole {sha256(right)}")
        (folder,) = (out / "csirt-th").iterdir()
        notice = (folder / "notice").read_bytes()
        read = read_notice(notice, opened.ledger.key.verifier)
    assert (own["refers"], own["count"]) == (str(entry), "2")
    assert (read.correction, read.kind, read.findings) == (entry, "corrected", 1)
    assert f"\nkind corrected\ncorrection {entry}\nfindings 1 ".encode() in notice
    for path in folder.iterdir():
        data = path.read_bytes()
        assert RIGHT.encode() not in data, path
        assert sha256(right).encode() not in data, path
    assert theirs["partner"] == "csirt-th"
    # the package itself was never made
    audited = accord_here("ledger", "audit", "--in", hub, expect=1).stdout
    assert [line.split()[0] for line in audited.partition("have not:")[2].strip().splitlines()] == ["release"]
    # what it says is used, what was wrong is not
    accord_here("snapshot", "make", "--in", hub)
    accord_here("lookup", RIGHT, "--in", hub)
    accord_here("lookup", VICTIM, "--in", hub, expect=1)


def test_the_partner_s_own_look_at_what_was_recalled_names_what_takes_its_place(
    accord_here, hub: Path, asking: Callable[..., Ask], tmp_path: Path
) -> None:
    wrong = sha256(tmp_path / "2026-10-01-event4_sinkhole-a.csv")
    right = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-b.csv", [RIGHT])
    accord_here("delivery", "add", "sinkhole", right, "--in", hub)
    vendor = asking("vendor", "write")
    look = f"/deliveries/sinkhole.{wrong}"
    assert "replaced_by" not in json.loads(vendor("GET", look).body)
    corrected(accord_here, hub, wrong, sha256(right))
    told = json.loads(vendor("GET", look).body)
    assert (told["state"], told["replaced_by"]) == ("recalled", f"sinkhole.{sha256(right)}")
    assert json.loads(vendor("GET", f"/deliveries/{told['replaced_by']}").body)["state"] == "taken in"


def test_a_correction_that_comes_after_the_recall_is_told_to_all_who_were_told(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    wrong = sha256(tmp_path / "2026-10-01-event4_sinkhole-a.csv")
    plain = ("--kind", "corrected", "--delivery", wrong, "--why", "wrong", "--json", "--in", hub)
    first = said(accord_here("recall", "make", "--dataset", "sinkhole", *plain))
    assert first["replaced_by"] is None
    right = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-b.csv", [RIGHT])
    accord_here("delivery", "add", "sinkhole", right, "--in", hub)
    second = said(corrected(accord_here, hub, wrong, sha256(right), "--json"))
    assert second["new"] is True
    assert [one["recipient"] for one in second["notices"]] == ["csirt-th"]
    again = said(corrected(accord_here, hub, wrong, sha256(right), "--json"))
    assert (again["recall"], again["new"]) == (second["recall"], False)
    # nothing goes out of use twice
    assert [one["count"] for one in entries(hub, "recall") if "country" not in one] == ["2", "0"]
    assert len(said(accord_here("recall", "list", "--json", "--in", hub))) == 2


def test_what_was_recalled_stays_refused_in_every_packing_and_what_is_no_correction_is_refused(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    file = tmp_path / "2026-10-01-event4_sinkhole-a.csv"
    wrong = sha256(file)
    right = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-b.csv", [RIGHT])
    assert "no such correction" in corrected(accord_here, hub, wrong, sha256(right), expect=2).stderr
    assert "no such correction" in corrected(accord_here, hub, wrong, wrong, expect=2).stderr
    accord_here("delivery", "add", "sinkhole", right, "--in", hub)
    words = ("recall", "make", "--dataset", "sinkhole", "--replaced-by", sha256(right), "--why", "wrong", "--in", hub)
    assert "--kind corrected" in accord_here(*words, "--kind", "withdrawn", "--delivery", wrong, expect=2).stderr
    assert "--delivery" in accord_here(*words, "--kind", "corrected", expect=2).stderr
    assert said(accord_here("recall", "list", "--json", "--in", hub)) == []
    corrected(accord_here, hub, wrong, sha256(right))
    again = tmp_path / "2026-10-01-event4_sinkhole-a.csv.gz"
    again.write_bytes(gzip.compress(file.read_bytes(), mtime=0))
    for one in (file, again):
        assert "The clock was wrong." in accord_here("delivery", "add", "sinkhole", one, "--in", hub, expect=3).stderr
    # the correction turns out wrong as well, and is recalled in its turn
    third = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-c.csv", [NEIGHBOUR])
    accord_here("delivery", "add", "sinkhole", third, "--in", hub)
    corrected(accord_here, hub, sha256(right), sha256(third))
    assert [one["sha256"] for one in said(accord_here("delivery", "list", "--json", "--in", hub))] == [sha256(third)]
