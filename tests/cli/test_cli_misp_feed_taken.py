"""A MISP feed as one delivery: events are read, and what lists them is held against them, in words."""

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pymisp import MISPEvent
from pymisp.tools import feed_meta_generator

from accord.columns.reading import Context, Document
from accord.formats import misp
from accord.intake.feeds import pack_feed
from accord.vocabulary.errors import RefusedFileError

CONTEXT = Context(is_public_suffix=lambda name: name in {"com", "net"}, has_known_suffix=lambda _: True)
FIRST, SECOND, THIRD = (f"5f6c1c5e-0000-4000-8000-00000000000{last}" for last in (1, 2, 3))


def event(uuid: str, *values: tuple[str, str], info: str = "made up") -> bytes:
    attributes = [
        {"uuid": f"{uuid[:-2]}{at}{uuid[-1]}", "type": kind, "category": "Network activity", "value": value,
         "to_ids": True, "timestamp": "1793491200"}
        for at, (kind, value) in enumerate(values)
    ]  # fmt: skip
    told = {
        "uuid": uuid,
        "info": info,
        "date": "2026-11-01",
        "analysis": "2",
        "threat_level_id": "4",
        "published": True,
        "timestamp": "1793491200",
        "publish_timestamp": "1793491200",
        "Orgc": {"name": "A hub", "uuid": THIRD},
        "Tag": [{"name": "tlp:clear"}],
        "Attribute": attributes,
    }
    return json.dumps({"Event": told}).encode()


EVENTS = {
    f"{FIRST}.json": event(FIRST, ("ip-dst", "110.164.10.1"), ("ip-dst|port", "110.164.10.2|443")),
    f"{SECOND}.json": event(SECOND, ("domain", "a.com"), ("domain|ip", "b.com|110.164.10.3")),
}


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    """Two events, and the manifest and hashes that PyMISP makes of them."""
    folder = tmp_path / "feed"
    folder.mkdir()
    for name, data in EVENTS.items():
        (folder / name).write_bytes(data)
    feed_meta_generator(folder)
    return folder


def notes(folder: Path) -> list[str]:
    asides = [
        misp.parse(Document(member=at, path=f"feed.zip!/{path.name}", data=path.read_bytes()), CONTEXT).aside
        for at, path in enumerate(sorted(folder.iterdir()))
    ]
    return list(misp.hold_together(asides))


def test_what_pymisp_makes_of_events_agrees_with_them(feed: Path) -> None:
    assert len((feed / "hashes.csv").read_text().splitlines()) == 6
    assert notes(feed) == []


def test_neither_manifest_nor_hashes_hold_a_record(feed: Path) -> None:
    for name in ("manifest.json", "hashes.csv"):
        data = (feed / name).read_bytes()
        assert misp.recognises(data, name)
        parsed = misp.parse(Document(member=0, path=name, data=data), CONTEXT)
        assert (parsed.records, parsed.observations.num_rows, parsed.rejects.num_rows, dict(parsed.ignored)) == (
            0,
            0,
            0,
            {},
        )


def test_what_does_not_agree_is_named_in_words(feed: Path) -> None:
    (feed / f"{SECOND}.json").rename(feed.parent / "kept")
    assert notes(feed) == [
        f"1 event in the feed's manifest and not in the delivery: {SECOND}",
        f"1 event in the feed's hashes.csv and not in the delivery: {SECOND}",
    ]
    (feed.parent / "kept").rename(feed / f"{SECOND}.json")
    (feed / f"{THIRD}.json").write_bytes(event(THIRD, ("domain", "c.com")))
    assert notes(feed) == [
        f"1 event in the delivery and not in the feed's manifest: {THIRD}",
        f"1 event with values whose hashes are not in the feed's hashes.csv: {THIRD}",
    ]
    (feed / f"{THIRD}.json").unlink()
    (feed / f"{FIRST}.json").write_bytes(event(FIRST, ("ip-dst", "110.164.10.9"), ("ip-dst|port", "110.164.10.2|443")))
    assert notes(feed) == [
        f"1 event with hashes in the feed's hashes.csv that none of its values has: {FIRST}",
        f"1 event with values whose hashes are not in the feed's hashes.csv: {FIRST}",
    ]
    (feed / "hashes.csv").unlink()
    assert notes(feed) == []


def test_many_events_are_counted_and_some_named_and_feeds_in_two_folders_are_two() -> None:
    listed = {f"5f6c1c5e-0000-4000-8000-{number:012d}": {"info": "x"} for number in range(5)}
    manifest = json.dumps(listed).encode()
    asides = [
        misp.parse(Document(member=0, path="a.zip!/one/manifest.json", data=manifest), CONTEXT).aside,
        misp.parse(Document(member=1, path=f"a.zip!/two/{FIRST}.json", data=EVENTS[f"{FIRST}.json"]), CONTEXT).aside,
    ]
    (note,) = misp.hold_together(asides)
    assert (
        note
        == "5 events in the feed's manifest and not in the delivery: " + ", ".join(sorted(listed)[:3]) + " and more"
    )


def test_a_hashes_csv_with_another_line_is_refused_and_says_which() -> None:
    line = f"{hashlib.md5(b'x', usedforsecurity=False).hexdigest()},{FIRST}\n".encode()
    assert misp.parse(Document(member=0, path="hashes.csv", data=line * 2 + line.rstrip()), CONTEXT).records == 0
    with pytest.raises(RefusedFileError, match="line 2") as caught:
        misp.parse(Document(member=0, path="hashes.csv", data=line + b"x,y\n"), CONTEXT)
    assert "the events can be read without" in str(caught.value)


def test_a_folder_is_packed_to_the_same_bytes_whenever_it_is(feed: Path, tmp_path: Path) -> None:
    (feed / ".hidden").write_text("x")
    (feed / "deeper").mkdir()
    (feed / "link.json").symlink_to(tmp_path / "elsewhere")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    first = pack_feed(feed, tmp_path / "one")
    (feed / "manifest.json").touch()
    assert pack_feed(feed, tmp_path / "two").read_bytes() == first.read_bytes()
    assert first.name == "feed.tar"
    with tarfile.open(first) as archive:
        assert archive.getnames() == sorted([*EVENTS, "hashes.csv", "manifest.json"])


def odd_feed(folder: Path) -> None:
    """What PyMISP writes of events that publishers do write."""
    folder.mkdir()
    for number, uuid in enumerate((FIRST, SECOND)):
        made = MISPEvent()
        made.from_dict(uuid=uuid, info="odd", date="2026-11-01", published=True, timestamp=1793491200)
        made.add_tag("tlp:clear")
        made.add_tag('misp-galaxy:malpedia="Emotet"')
        made.add_attribute("ip-dst", f"110.164.10.{number + 1}", to_ids=True)
        made.add_attribute("ip-dst", f"110.164.10.{number + 101}", to_ids=True).delete()
        made.add_attribute("pattern-in-traffic", "evil", to_ids=True)
        made.add_attribute("comment", "nothing")
        thing = made.add_object(name="domain-ip", strict=False)
        thing.add_attribute("domain", value=f"{'ab'[number]}.com", type="domain", to_ids=True)
        gone = made.add_object(name="domain-ip", strict=False)
        gone.add_attribute("domain", value="gone.com", type="domain", to_ids=True)
        gone.delete()
        made.Galaxy = []
        (folder / f"{uuid}.json").write_text(json.dumps({"Event": json.loads(made.to_json())}))


def test_deleted_things_objects_galaxies_and_types_that_are_not_read_are_each_accounted_for(tmp_path: Path) -> None:
    odd_feed(tmp_path / "odd")
    for number, uuid in enumerate((FIRST, SECOND)):
        data = (tmp_path / "odd" / f"{uuid}.json").read_bytes()
        parsed = misp.parse(Document(member=0, path=f"{uuid}.json", data=data), CONTEXT)
        rows = parsed.observations.to_pylist()
        assert {(one["value"], one["family"]) for one in rows} == {
            (f"110.164.10.{number + 1}", "Emotet"),
            (f"{'ab'[number]}.com", "Emotet"),
        }
        # six attributes, of which two are deleted, one says nothing for detection, and one is of no type that is read
        assert (parsed.records, len(rows), sum(parsed.ignored.values()), parsed.rejects.num_rows) == (6, 2, 4, 0)


def test_an_event_in_two_files_is_told_and_its_hashes_are_those_of_both(feed: Path) -> None:
    again = f"{FIRST}-again.json"
    (feed / again).write_bytes(event(FIRST.upper(), ("domain", "c.com")))
    with (feed / "hashes.csv").open("a") as hashes:
        hashes.write(f"{hashlib.md5(b'c.com', usedforsecurity=False).hexdigest()},{FIRST.upper()}\n")
    assert notes(feed) == [f"1 event more than once in the delivery, each time counted: {FIRST}"]


def test_a_manifest_that_names_files_outside_leads_nowhere(feed: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_bytes(event(THIRD, ("domain", "secret.com")))
    outside = json.dumps({"../secret": {"info": "x"}, "/etc/passwd": {"info": "x"}, FIRST: {"info": "x"}}).encode()
    (feed / "manifest.json").write_bytes(outside)
    with tarfile.open(pack_feed(feed, tmp_path)) as archive:
        assert archive.getnames() == sorted([*EVENTS, "hashes.csv", "manifest.json"])
    with pytest.raises(RefusedFileError):
        misp.parse(Document(member=0, path="feed.tar!/manifest.json", data=outside), CONTEXT)


SETTINGS = """
[[partner]]
id = "osint"
name = "A publisher"

[[dataset]]
id = "feed"
title = "A feed"
partner = "osint"
format = ["misp", "freetext"]
origin = "open-source"
legal_basis = "legitimate-interest"
marking = "clear"
grade = "c"
retention = "P1Y"
personal_data = false

[[agreement]]
id = "osint-2026"
title = "With the publisher"
signatory = [{ party = "hub", name = "A" }, { party = "osint", name = "B" }]
signed = 2026-01-02
document = "1f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
from = 2026-01-02
purposes = ["network-defence"]
in = ["feed"]
limits = { marking = "clear" }
"""


def packed(feed: Path, kind: str) -> Path:
    path = feed.parent / f"packed.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for one in sorted(feed.iterdir()):
                archive.write(one, f"feed/{one.name}")
    else:
        with tarfile.open(path, "w:gz") as archive:
            for one in sorted(feed.iterdir()):
                entry = tarfile.TarInfo(one.name)
                entry.size = one.stat().st_size
                archive.addfile(entry, io.BytesIO(one.read_bytes()))
    return path


def test_folder_zip_and_tar_of_a_feed_are_taken_with_the_same_exact_account(
    accord_here: Callable, feed: Path, tmp_path: Path
) -> None:
    hub = tmp_path / "hub"
    accord_here("init", hub)
    with (hub / "workspace.toml").open("a", encoding="utf-8") as file:
        file.write(SETTINGS)
    accord_here("agreement", "apply", "--in", hub)
    (feed / f"{SECOND}.json").write_bytes(event(SECOND, ("domain", "a.com")))
    add = ("delivery", "add", "feed", "--in", hub)
    accounts = []
    for file in (feed, packed(feed, "zip"), packed(feed, "tar.gz")):
        (account,) = json.loads(accord_here(*add, file, "--json").stdout)["deliveries"]
        accounts.append(account)
    for one in accounts:
        # 2 and 1 attributes; manifest and hashes count none, and nothing is refused
        assert (one["records"], one["accepted"], one["ignored"], one["rejected"]) == (3, 3, 0, 0)
        assert (one["refused"], one["formats"]) == ([], ["misp"])
        assert one["notes"] == [f"1 event with hashes in the feed's hashes.csv that none of its values has: {SECOND}"]
    assert [one["file"] for one in accounts] == ["feed.tar", "packed.zip", "packed.tar.gz"]
    # the same folder is the same delivery
    assert "delivered before" in accord_here(*add, feed).stderr
    assert "with its manifest.json" in accord_here(*add, tmp_path, expect=4).stderr
