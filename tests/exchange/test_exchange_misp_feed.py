"""A feed's files, from drawn findings: what they say is what our own MISP format and PyMISP read out of them again."""

import json
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymisp import MISPAttribute, MISPEvent

from accord.columns.reading import Context, Document
from accord.columns.values import HASHES
from accord.exchange.misp import feed
from accord.exchange.misp.attributes import ROLE_TAGS, Attribute, Entry, Tag, entry_of
from accord.exchange.misp.feed import Feed, write_feed
from accord.formats import misp
from accord.formats.misp.labels import role_of
from accord.reports import stix
from accord.reports.bundle import CRIMINAL_ROLES
from accord.vocabulary.indicators import INDICATOR_TYPES, IndicatorType
from accord.vocabulary.roles import ROLES, Role

NAMESPACE = UUID("2c7f2f4e-4d55-4d0b-a3e1-7d2b4a9f0c11")
FEED = Feed(namespace=NAMESPACE, hub="A hub", channel="open", title="What is open", at_s=1_793_491_200)
CONTEXT = Context(is_public_suffix=lambda name: name in {"com", "net"}, has_known_suffix=lambda _: True)
START = datetime(2026, 10, 1, 10, 0, 37, tzinfo=UTC)

LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=9)
HOSTS = st.tuples(LETTERS, st.sampled_from(["com", "net"])).map(".".join)
VALUES = {
    IndicatorType.IPV4: st.integers(1, 254).map(lambda last: f"110.164.10.{last}"),
    IndicatorType.IPV6: st.integers(1, 65535).map(lambda last: f"2001:4860::{last:x}"),
    IndicatorType.CIDR: st.integers(0, 255).map(lambda part: f"110.164.{part}.0/24"),
    IndicatorType.DOMAIN: HOSTS,
    IndicatorType.URL: st.tuples(HOSTS, st.sampled_from(["/a?b=c,d", "/it's", "/%7C", "/x\\y"])).map(
        lambda pair: stix.uri(f"http://{pair[0]}{pair[1]}")
    ),
    IndicatorType.EMAIL: st.tuples(LETTERS, HOSTS).map("@".join),
    IndicatorType.ASN: st.integers(1, 60_000).map(str),
    IndicatorType.MD5: st.text("0123456789abcdef", min_size=32, max_size=32),
    IndicatorType.SHA1: st.text("0123456789abcdef", min_size=40, max_size=40),
    IndicatorType.SHA256: st.text("0123456789abcdef", min_size=64, max_size=64),
}
EXAMPLES = {
    IndicatorType.IPV4: "110.164.10.1",
    IndicatorType.IPV6: "2001:4860::1",
    IndicatorType.CIDR: "110.164.1.0/24",
    IndicatorType.DOMAIN: "a.com",
    IndicatorType.URL: "http://a.com/b",
    IndicatorType.EMAIL: "a@b.com",
    IndicatorType.ASN: "64500",
    IndicatorType.MD5: "a" * 32,
    IndicatorType.SHA1: "a" * 40,
    IndicatorType.SHA256: "a" * 64,
}
Finding = tuple[IndicatorType, str, Role, tuple[str, ...], int, int]
FINDINGS: st.SearchStrategy[Finding] = st.sampled_from(sorted(VALUES)).flatmap(
    lambda kind: st.tuples(
        st.just(kind),
        VALUES[kind],
        st.sampled_from(ROLES),
        st.lists(st.sampled_from(["Emotet", "QakBot", "Gamut Botnet"]), max_size=2, unique=True).map(
            lambda names: tuple(sorted(names))
        ),
        st.integers(0, 5),
        st.integers(0, 10**9),
    )
)


def told(finding: Finding) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """A finding as a channel has it: its own objects, and those that others share."""
    kind, value, role, families, days, spread = finding
    first, last = START + timedelta(days=days), START + timedelta(days=days, microseconds=spread // 1000 * 1000)
    now, name = "2026-11-01T00:00:00.000Z", str(uuid5(NAMESPACE, f"{kind}\0{value}\0{role}"))
    common = {"created": now, "modified": now, "created_by_ref": f"identity--{NAMESPACE}", "object_marking_refs": ()}
    malware = [stix.Malware(id=f"malware--{uuid5(NAMESPACE, one)}", name=one, **common) for one in families]
    thing = stix.observable(kind, value) if kind is not IndicatorType.ASN else stix.autonomous_system(int(value), None)
    own: list[Any]
    if role in CRIMINAL_ROLES:
        told = stix.Indicator(
            id=f"indicator--{name}", labels=(role,), name=f"x {value}", description="Told by one.",
            indicator_types=("malicious-activity",), pattern=stix.pattern(kind, value), valid_from=stix.stamp(first),
            **common,
        )  # fmt: skip
        seen = stix.Sighting(
            id=f"sighting--{name}", first_seen=stix.stamp(first), last_seen=stix.stamp(last), count=1,
            sighting_of_ref=told.id, **common,
        )  # fmt: skip
        related = [
            stix.Relationship(id=f"relationship--{uuid5(NAMESPACE, name + one.id)}", relationship_type="indicates",
                              source_ref=told.id, target_ref=one.id, **common)
            for one in malware
        ]  # fmt: skip
        own = [told, seen, *related]
    else:
        told = stix.ObservedData(
            id=f"observed-data--{name}", labels=(role,), first_observed=stix.stamp(first),
            last_observed=stix.stamp(last), number_observed=1, object_refs=(thing.id,), **common,
        )  # fmt: skip
        own = [told] + [
            stix.Sighting(id=f"sighting--{uuid5(NAMESPACE, name + one.id)}", first_seen=stix.stamp(first),
                          last_seen=stix.stamp(last), count=1, sighting_of_ref=one.id, **common)
            for one in malware
        ]  # fmt: skip
    read = [json.loads(stix.encode(one)) for one in own]
    shared = [json.loads(stix.encode(one)) for one in (thing, *malware)]
    return read, {one["id"]: one for one in shared}


def entry(finding: Finding) -> Entry:
    found = entry_of(*told(finding), changed_s=FEED.at_s + finding[4])
    assert found is not None
    return found


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    count = 0

    def written(entries: Any, before: Path | None = None) -> Path:
        nonlocal count
        count += 1
        folder, scratch = tmp_path / f"feed-{count}", tmp_path / f"scratch-{count}"
        folder.mkdir()
        scratch.mkdir()
        write_feed(FEED, entries, folder, scratch, tmp_path / "none" if before is None else before)
        return folder

    return written


def read_again(folder: Path) -> list[tuple[str, str, str | None, str | None, datetime]]:
    """What our own format takes of a feed's events: type, value, role, family and time."""
    rows = []
    for path in sorted(folder.glob("????????-*.json")):
        parsed = misp.parse(Document(member=0, path=path.name, data=path.read_bytes()), CONTEXT)
        assert parsed.rejects.num_rows == 0, parsed.rejects.to_pylist()
        rows += [
            (INDICATOR_TYPES[row["type"]].value, row["value"], row["role"], row["family"], row["seen_at"])
            for row in parsed.observations.to_pylist()
        ]
    return rows


@given(findings=st.lists(FINDINGS, max_size=12, unique_by=lambda one: one[:3]))
def test_what_is_written_and_taken_again_are_the_same_values_types_roles_families_and_times(
    findings: list[Finding], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, scratch = tmp_path_factory.mktemp("feed"), tmp_path_factory.mktemp("scratch")
    write_feed(FEED, [entry(one) for one in findings], folder, scratch, folder / "none")
    expected = []
    for kind, value, role, families, days, spread in findings:
        if role not in CRIMINAL_ROLES:
            # not for detection: whoever takes a feed leaves it out
            continue
        said = role.value
        if kind in HASHES and role not in {Role.MALWARE_DISTRIBUTION, Role.MALWARE_CONFIGURATION, Role.PHISHING,
                                           Role.SPAM, Role.EXPLOIT}:  # fmt: skip
            said = None  # a file is no server
        times = {START + timedelta(days=days), START + timedelta(days=days, microseconds=spread // 1000 * 1000)}
        expected += [(kind.value, value, said, family, at) for family in families or (None,) for at in times]
    assert sorted(read_again(folder), key=str) == sorted(expected, key=str)
    # and all of them stand in it, as PyMISP reads it
    events = [MISPEvent() for _ in folder.glob("????????-*.json")]
    for event, path in zip(events, sorted(folder.glob("????????-*.json")), strict=True):
        event.load_file(str(path))
    assert sorted(one.value for event in events for one in event.attributes) == sorted(one[1] for one in findings)
    assert {one.uuid for event in events for one in event.attributes if one.to_ids} == {
        str(uuid5(NAMESPACE, f"{kind}\0{value}\0{role}"))
        for kind, value, role, *_ in findings
        if role in CRIMINAL_ROLES
    }
    hashes = [f"{each},{event.uuid}" for event in events for each in event.attributes_hashes("md5")]
    assert (folder / "hashes.csv").read_text("ascii").splitlines() == hashes
    assert json.loads((folder / "manifest.json").read_text("utf-8")) == {
        uuid: one for event in events for uuid, one in event.manifest.items()
    }


def test_every_attribute_that_is_written_is_one_that_misp_knows_in_that_category() -> None:
    known = MISPAttribute().describe_types
    for kind in VALUES:
        for role in (Role.C2_SERVER, Role.SCANNER, Role.SYSTEM_COMPROMISE):
            one = entry((kind, EXAMPLES[kind], role, (), 0, 0)).attribute
            assert one.type in known["category_type_mappings"][one.category], one


def test_every_role_has_its_machine_tag_of_rsit_and_is_read_from_it() -> None:
    assert {role: role_of(tag) for role, tag in ROLE_TAGS.items()} == {role: role for role in Role}
    assert ROLE_TAGS[Role.C2_SERVER] == 'rsit:malicious-code="c2-server"'
    assert ROLE_TAGS[Role.DATA_LEAK] == 'rsit:information-content-security="data-leak"'


def many(count: int) -> Iterator[Entry]:
    for number in range(count):
        yield Entry(
            day=date(2026, 11, 1 + number % 7),
            role=Role.C2_SERVER,
            simulated=False,
            changed_s=1_793_491_200,
            attribute=Attribute(
                category="Network activity",
                comment="Reported by 2 independent partners.",
                first_seen=START.isoformat(),
                last_seen=START.isoformat(),
                timestamp="1793491200",
                to_ids=True,
                type="domain",
                uuid=str(UUID(int=number)),
                value=f"host-{number}.com",
                tags=(Tag(name=ROLE_TAGS[Role.C2_SERVER]), Tag(name='misp-galaxy:malpedia="Emotet"')),
            ),
        )


def test_memory_holds_no_more_of_a_feed_than_is_written_at_once(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "_HELD", 100_000)
    tracemalloc.start()
    try:
        folder = write(many(10_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(path.stat().st_size for path in folder.iterdir()) > 5_000_000
    assert peak < 1_500_000
    assert len((folder / "hashes.csv").read_text("ascii").splitlines()) == 10_000
    events = [json.loads(path.read_bytes())["Event"] for path in folder.glob("????????-*.json")]
    assert sum(len(one["Attribute"]) for one in events) == 10_000


def test_an_event_keeps_its_timestamp_while_it_says_the_same_and_is_newer_when_something_of_it_goes(write: Any) -> None:
    everything = list(many(14))
    first = write(everything)
    listed = json.loads((first / "manifest.json").read_bytes())
    assert len(listed) == 7
    assert write(everything, first).joinpath("manifest.json").read_bytes() == (first / "manifest.json").read_bytes()
    second = write(everything[1:], first)
    after = json.loads((second / "manifest.json").read_bytes())
    (gone,) = [uuid for uuid in listed if after[uuid] != listed[uuid]]
    assert (listed[gone]["date"], after[gone]["timestamp"] - listed[gone]["timestamp"]) == ("2026-11-01", 1)
    # an event of which nothing is left is gone
    third = write([one for one in everything[1:] if one.day != date(2026, 11, 1)], second)
    assert json.loads((third / "manifest.json").read_bytes()).keys() == listed.keys() - {gone}
    assert not (third / f"{gone}.json").exists()


def test_what_was_simulated_says_so_in_the_title_of_an_event_of_its_own(write: Any) -> None:
    things, shared = told((IndicatorType.IPV4, "110.164.10.1", Role.C2_SERVER, (), 0, 0))
    for one in things:
        one["labels"] = [*one.get("labels", []), "simulated"]
    found = entry_of(things, shared, changed_s=0)
    real = entry((IndicatorType.IPV4, "110.164.10.2", Role.C2_SERVER, (), 0, 0))
    folder = write([found, real])
    titles = sorted(one["info"] for one in json.loads((folder / "manifest.json").read_bytes()).values())
    assert titles == [
        "SIMULATED: What is open: c2-server, new on 2026-11-01",
        "What is open: c2-server, new on 2026-11-01",
    ]


def test_a_damaged_manifest_of_before_is_as_none(write: Any) -> None:
    plain = write(many(3))
    expected = {path.name: path.read_bytes() for path in plain.iterdir()}
    for damage in (b"", b"[]", b'{"x": 1}', b'{"x": {"timestamp": "soon"}}', b"\xff"):
        (plain / "manifest.json").write_bytes(damage)
        assert {path.name: path.read_bytes() for path in write(many(3), plain).iterdir()} == expected


def test_what_says_no_value_that_is_seen_is_in_no_feed() -> None:
    things, _ = told((IndicatorType.IPV4, "110.164.10.1", Role.SYSTEM_COMPROMISE, (), 0, 0))
    assert entry_of(things, {}, changed_s=0) is None
    assert entry_of([], {}, changed_s=0) is None
