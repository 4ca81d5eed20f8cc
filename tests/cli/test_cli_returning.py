"""What was recalled, erased, or could be kept no longer does not come back with the next delivery."""

import gzip
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard

from tests.cli.rights import NEIGHBOUR, VICTIM, entries, made_hub, said, sha256, sinkhole
from tests.cli.test_cli_retention import aged

FILE = "2026-10-01-event4_sinkhole-a.csv"


def withdrawn(accord_here, hub: Path, *words: object) -> str:
    done = accord_here(
        "recall",
        "make",
        "--dataset",
        "sinkhole",
        "--kind",
        "withdrawn",
        "--why",
        "wrong",
        *(words or ("--all",)),
        "--json",
        "--in",
        hub,
    )
    return str(said(done)["recall"])


def packed(data: bytes, name: str, *others: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for each, content in ((name, data), *others):
            archive.writestr(each, content)
    return file.getvalue()


def test_what_was_recalled_is_refused_also_when_retention_has_purged_it(
    accord_here, tmp_path: Path, database_url: str
) -> None:
    hub = made_hub(accord_here, tmp_path, database_url)
    file = sinkhole(tmp_path / FILE, [VICTIM])
    accord_here("delivery", "add", "sinkhole", file, "--in", hub)
    recall = withdrawn(accord_here, hub, "--delivery", sha256(file)[:12])
    aged(hub, sha256(file), "2024-02-29T12:00:00+00:00", "withdrawn")
    accord_here("retention", "run", "--in", hub)
    assert not (hub / f"withdrawn/dataset=sinkhole/sha256={sha256(file)}").exists()
    assert recall in accord_here("delivery", "add", "sinkhole", file, "--in", hub, expect=3).stderr
    assert said(accord_here("delivery", "list", "--json", "--in", hub)) == []


def test_what_was_recalled_is_refused_in_every_packing_and_what_came_after_is_taken(
    accord_here, tmp_path: Path, database_url: str
) -> None:
    hub = made_hub(accord_here, tmp_path, database_url)
    file = sinkhole(tmp_path / FILE, [VICTIM])
    other = sinkhole(tmp_path / "2026-10-02-event4_sinkhole-b.csv.gz", [NEIGHBOUR], 2)
    accord_here("delivery", "add", "sinkhole", file, other, "--in", hub)
    recall = withdrawn(accord_here, hub)
    new = sinkhole(tmp_path / "new.csv", ["45.1.1.9"], 3).read_bytes()
    unpacked = gzip.decompress(other.read_bytes())
    header = file.read_bytes().splitlines(keepends=True)[0]
    for name, data in (
        ("2026-10-01-event4_sinkhole-a.csv.gz", gzip.compress(file.read_bytes(), mtime=7)),
        ("2026-10-01-event4_sinkhole-a.csv.zst", zstandard.compress(file.read_bytes())),
        ("2026-10-02-event4_sinkhole-b.csv", unpacked),
        (
            "2026-10-03.zip",
            packed(unpacked, "2026-10-02-event4_sinkhole-b.csv", ("2026-10-03-event4_sinkhole.csv", new)),
        ),
    ):
        again = tmp_path / name
        again.write_bytes(data)
        assert recall in accord_here("delivery", "add", "sinkhole", again, "--in", hub, expect=3).stderr, name
    assert said(accord_here("delivery", "list", "--json", "--in", hub)) == []
    # a member that says nothing makes nothing known again
    fresh = tmp_path / "2026-10-04.zip"
    fresh.write_bytes(packed(header, "2026-10-04-event4_sinkhole.csv", ("2026-10-03-event4_sinkhole.csv", new)))
    accord_here("delivery", "add", "sinkhole", fresh, "--in", hub)
    assert [one["file"] for one in said(accord_here("delivery", "list", "--json", "--in", hub))] == [fresh.name]


def test_what_retention_has_purged_does_not_come_back_and_a_longer_term_counts_from_the_first_day(
    accord_here, tmp_path: Path, database_url: str
) -> None:
    hub = made_hub(accord_here, tmp_path, database_url)
    file = sinkhole(tmp_path / FILE, [VICTIM])
    accord_here("delivery", "add", "sinkhole", file, "--in", hub)
    aged(hub, sha256(file), "2024-02-29T12:00:00+00:00")
    accord_here("retention", "run", "--in", hub)
    again = tmp_path / (FILE + ".gz")
    again.write_bytes(gzip.compress(file.read_bytes(), mtime=0))
    for one in (file, again):
        refused = accord_here("delivery", "add", "sinkhole", one, "--in", hub, expect=3).stderr
        assert "2024-02-29" in refused
        assert "2025-02-28" in refused
    assert said(accord_here("delivery", "list", "--json", "--in", hub)) == []
    settings = hub / "workspace.toml"
    settings.write_text(settings.read_text().replace('retention = "P1Y"', 'retention = "P4Y"'))
    accord_here("agreement", "apply", "--in", hub)
    accord_here("delivery", "add", "sinkhole", again, "--in", hub)
    (due,) = said(accord_here("retention", "list", "--json", "--in", hub))
    assert (due["sha256"], due["due_at"]) == (sha256(again), "2028-02-29T12:00:00+00:00")


def test_what_was_erased_does_not_come_back_in_another_file_until_it_is_allowed(
    accord_here, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = made_hub(accord_here, tmp_path, database_url)
    first = sinkhole(tmp_path / FILE, [VICTIM, NEIGHBOUR])
    accord_here("delivery", "add", "sinkhole", first, "--snapshot", "--in", hub)
    accord_here("subject", "erase", VICTIM, "--why", "asked for", "--in", hub)
    second = sinkhole(tmp_path / "2026-10-02-event4_sinkhole-b.csv.gz", ["45.1.1.9", VICTIM, NEIGHBOUR], 2)
    (told,) = said(accord_here("delivery", "add", "sinkhole", second, "--snapshot", "--json", "--in", hub))[
        "deliveries"
    ]
    assert told["erased"] == 1
    kept = hub / f"deliveries/dataset=sinkhole/sha256={sha256(second)}/delivered"
    lines = gzip.decompress(second.read_bytes()).splitlines(keepends=True)
    assert gzip.decompress(kept.read_bytes()) == b"".join([lines[0], lines[1], lines[3]])
    accord_here("lookup", VICTIM, "--in", hub, expect=1)
    accord_here("lookup", NEIGHBOUR, "--in", hub)
    assert said(accord_here("subject", "find", VICTIM, "--json", "--why", "asked", "--in", hub))["deliveries"] == []
    log = said(accord_here("consultation", "list", "--json", "--processing", "erasure", "--in", hub))
    assert [sha256(second) in one["justification"] for one in log].count(True) == 1
    assert [one["count"] for one in entries(hub, "erasure")] == ["1", "1"]
    for path in hub.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert VICTIM.encode() not in (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).replace(
                NEIGHBOUR.encode(), b""
            ), path
    since = f"{datetime.now(UTC):%Y-%m-%d}"
    with monkeypatch.context() as without:
        without.delenv("ACCORD_WHY")
        assert "no reason was given" in accord_here("subject", "allow", VICTIM, "--in", hub, expect=2).stderr
    assert said(accord_here("subject", "find", VICTIM, "--json", "--in", hub))["kept_out"]["kind"] == "erased"
    allow = ("subject", "allow", VICTIM, "--why", "asked for again", "--person", "A. Clerk", "--in", hub)
    told = accord_here(*allow).stdout
    assert told == f"It was kept out since {since}; from now on it is taken in.\n"
    assert "nothing changes" in accord_here(*allow).stdout
    found = said(accord_here("subject", "find", VICTIM, "--json", "--in", hub))
    assert [(one["at"][:10], one["person"], one["why"]) for one in found["allowed"]] == [
        (since, "A. Clerk", "asked for again")
    ]
    assert found["kept_out"] is None
    shown = accord_here("subject", "find", VICTIM, "--in", hub).stdout
    assert f"allowed again on {since} by A. Clerk: asked for again" in shown
    third = sinkhole(tmp_path / "2026-10-03-event4_sinkhole-c.csv", [VICTIM], 3)
    accord_here("delivery", "add", "sinkhole", third, "--snapshot", "--in", hub)
    accord_here("lookup", VICTIM, "--in", hub)


def test_an_address_that_rejects_alone_hold_is_found_erased_and_kept_out(
    accord_here, tmp_path: Path, database_url: str
) -> None:
    hub = made_hub(accord_here, tmp_path, database_url)
    private = "192.168.7.9"
    for number, name in enumerate((FILE, "2026-10-02-event4_sinkhole-b.csv"), 1):
        file = sinkhole(tmp_path / name, [private, NEIGHBOUR], number)
        accord_here("delivery", "add", "sinkhole", file, "--in", hub)
        found = said(accord_here("subject", "find", private, "--json", "--why", "asked", "--in", hub))["deliveries"]
        assert [one["rejects"] for one in found] == ([1] if number == 1 else [])
        kept = hub / f"deliveries/dataset=sinkhole/sha256={sha256(file)}/delivered"
        accord_here("subject", "erase", private, "--why", "asked for", "--in", hub)
        assert private not in kept.read_text()
        assert NEIGHBOUR in kept.read_text()
