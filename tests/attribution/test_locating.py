"""Where findings are, against slow twins: `ipaddress`, `urllib` and a search through every range of the raw tables."""

import random
from datetime import UTC, datetime
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.attribution.locating import PLACES, locate, resolve
from accord.columns.values import read_value
from accord.reference.addresses import pair
from accord.reference.ranges import RangeTable
from accord.reference.store import Reference, load
from accord.vocabulary.indicators import TYPE_CODES, Indicator, IndicatorType

REFERENCE = load(None)
TABLES = ("country", "country_second", "network")


@cache
def raw(table: str) -> list[tuple[int, int, str | None, int | None]]:
    """Every range of a table as two numbers, with its name and AS number; IPv4 stands where RFC 4291 maps it."""
    ranges: RangeTable = getattr(REFERENCE, table)
    flat = ranges.ranges
    columns = (flat.start_high, flat.start_low, flat.end_high, flat.end_low, flat.label)
    names, numbers = ranges.names.to_pylist(), None if ranges.numbers is None else ranges.numbers.tolist()
    return [
        (a << 64 | b, c << 64 | d, names[label], None if numbers is None or numbers[label] < 0 else numbers[label])
        for a, b, c, d, label in zip(*(column.tolist() for column in columns), strict=True)
    ]


def slow(table: str, address: IPv4Address | IPv6Address | None) -> tuple[str | None, int | None]:
    """The twin: look at every range."""
    if address is None:
        return None, None
    high, low = pair(address)
    number = high << 64 | low
    for start, end, name, asn in raw(table):
        if start <= number <= end:
            return name, asn
    return None, None


def expected(address: str | None) -> dict:
    """What both sources and the network table say of one address."""
    place = None if address is None else ip_address(address)
    country, second = slow("country", place)[0], slow("country_second", place)[0]
    owner, asn = slow("network", place)
    return {
        "country": country,
        "country_second": second,
        # where one source is silent, nothing contradicts the other
        "country_conflict": country is not None and second is not None and country != second,
        "countries": [] if country is None else [country],
        "asn": asn,
        "network_owner": owner,
    }


def places(*values: str, reference: Reference = REFERENCE) -> pa.Table:
    """PLACES of values, which must be canonical already."""
    read = [read_value(value, reference.suffixes.is_public_suffix) for value in values]
    assert [one.value if isinstance(one, Indicator) else one for one in read] == [
        value.removeprefix("AS") for value in values
    ]
    types = np.array([TYPE_CODES[one.kind] for one in read], np.int8)
    return locate(types, pa.array([one.value for one in read], pa.string()), reference)


def only(value: str, *names: str) -> tuple:
    (row,) = places(value).to_pylist()
    return tuple(row[name] for name in names)


def random_addresses(seed: int, count: int) -> list[str]:
    """Routable addresses: drawn evenly, drawn inside ranges of the table, and their first and last."""
    dice = random.Random(seed)
    ranges = raw("country")
    drawn: list[str] = []
    while len(drawn) < count:
        start, end, _, _ = dice.choice(ranges)
        number = dice.choice([start, end, dice.randint(start, end), dice.choice([end + 1, start - 1])])
        text = (
            str(IPv4Address(number & 0xFFFFFFFF)) if number >> 32 == 0xFFFF else str(IPv6Address(number % (1 << 128)))
        )
        if dice.random() < 0.2:
            text = str(IPv4Address(dice.getrandbits(32)))
        found = read_value(text, REFERENCE.suffixes.is_public_suffix)
        if isinstance(found, Indicator):
            drawn.append(found.value)
    return drawn


@cache
def drawn_addresses() -> list[str]:
    return random_addresses(2017, 60)


def as_url_host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


@pytest.fixture(scope="module")
def truth() -> dict[str, dict]:
    return {address: expected(address) for address in set(drawn_addresses())}


@pytest.mark.parametrize(
    "form",
    [
        "{host}",
        "http://{host}/",
        "https://{host}:8443/x?y=1#z",
        "http://user:pass@{host}/x",
        "http://a@b@{host}/",
        "http://{host}",
        "http://{host}?q=http://8.8.8.8/",
        "http://{host}#@8.8.8.8",
        "ftp://{host}\\@8.8.8.8/",
    ],
)
def test_addresses_and_urls_on_addresses_are_where_every_range_says(form: str, truth: dict[str, dict]) -> None:
    plain = form == "{host}"
    values = [form.format(host=address if plain else as_url_host(address)) for address in drawn_addresses()]
    for address, row in zip(drawn_addresses(), places(*values).to_pylist(), strict=True):
        assert row["address"] == address
        assert {name: row[name] for name in truth[address]} == truth[address], address
        assert row["host"] is None
        assert (row["registry_country"], row["government"], row["resolved"]) == (None, False, [])


def test_both_families_conflicts_and_gaps_were_among_the_drawn(truth: dict[str, dict]) -> None:
    assert {ip_address(address).version for address in truth} == {4, 6}
    assert any(one["country_conflict"] for one in truth.values())
    assert any(one["asn"] is None for one in truth.values())
    assert any(one["country"] is None for one in truth.values())


label = st.text("abcdefghij0123456789", min_size=1, max_size=8)
host_names = st.tuples(label, st.sampled_from(["com", "co.id", "go.th", "gov.sg", "vn", "example"])).map(".".join)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["http", "https", "ftp"]),
            st.sampled_from(["", "user@", "user:secret@", "@"]),
            st.one_of(host_names, st.sampled_from(["8.8.4.4", "[2001:4860:4860::8888]"])),
            st.sampled_from(["", ":80", ":8443"]),
            st.sampled_from(["", "/", "/a@b/c:d", "?x=[1]", "#http://8.8.8.8", "/http://other.com/"]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_the_host_of_a_url_is_the_one_that_urllib_finds(parts: list[tuple[str, ...]]) -> None:
    urls = ["{}://{}{}{}{}".format(*part) for part in parts]
    types = np.full(len(urls), TYPE_CODES[IndicatorType.URL], np.int8)
    for url, row in zip(urls, locate(types, pa.array(urls), REFERENCE).to_pylist(), strict=True):
        host = urlsplit(url).hostname
        try:
            wanted = (None, str(ip_address(host)))
        except ValueError:
            wanted = (host, None)
        assert (row["host"], row["address"]) == wanted, url


@pytest.mark.parametrize(
    ("value", "host", "suffix", "registered", "registry", "government"),
    [
        ("www.dinas.go.id", "www.dinas.go.id", "go.id", "dinas.go.id", "ID", True),
        ("http://www.dinas.go.id:8080/x", "www.dinas.go.id", "go.id", "dinas.go.id", "ID", True),
        ("http://u@shop.co.th/", "shop.co.th", "co.th", "shop.co.th", "TH", False),
        ("a.b@mail.moh.gov.sg", "mail.moh.gov.sg", "gov.sg", "moh.gov.sg", "SG", True),
        ("evil.com", "evil.com", "com", "evil.com", None, False),
        ("http://evil.com\\@x.go.id/", "evil.com", "com", "evil.com", None, False),
        ("http://gov.sg.evil.com/", "gov.sg.evil.com", "com", "evil.com", None, False),
    ],
)
def test_names_are_in_the_country_of_their_registry_and_nowhere_else(
    value: str, host: str, suffix: str, registered: str, registry: str | None, *, government: bool
) -> None:
    asked = ("host", "public_suffix", "registered_domain", "registry_country", "government")
    assert only(value, *asked) == (host, suffix, registered, registry, government)
    assert only(value, "address", "country", "countries", "asn") == (None, None, [], None)


@pytest.mark.parametrize("kind", ["sha256", "sha1", "md5"])
def test_a_hash_is_nowhere(kind: str) -> None:
    value = {"sha256": "ab" * 32, "sha1": "ab" * 20, "md5": "ab" * 16}[kind]
    (row,) = places(value).to_pylist()
    assert {name: cell for name, cell in row.items() if cell not in (None, False, [])} == {}


def test_an_as_number_is_its_own_network_and_in_no_country() -> None:
    (row,) = places("AS131353").to_pylist()
    assert row["asn"] == 131353
    assert (row["country"], row["countries"], row["address"], row["host"]) == (None, [], None, None)


def made(country: list[tuple[str, str]], second: list[tuple[str, str]]) -> Reference:
    """Reference data of networks chosen by a test."""

    def table(rows: list[tuple[str, str]], numbers: bool = False) -> RangeTable:
        from accord.reference.flattening import Ranges

        ends = [(ip_network(network)[0], ip_network(network)[-1]) for network, _ in rows]
        names = sorted({name for _, name in rows})
        starts, lasts = [pair(first) for first, _ in ends], [pair(last) for _, last in ends]
        return RangeTable.build(
            Ranges(
                start_high=np.array([one[0] for one in starts], np.uint64),
                start_low=np.array([one[1] for one in starts], np.uint64),
                end_high=np.array([one[0] for one in lasts], np.uint64),
                end_low=np.array([one[1] for one in lasts], np.uint64),
                label=np.array([names.index(name) for _, name in rows], np.int32),
            ),
            pa.array(names, pa.string()),
            np.arange(1, len(names) + 1) if numbers else None,
        )

    reference = load(None)
    reference.__dict__["country"] = table(country)
    reference.__dict__["country_second"] = table(second)
    reference.__dict__["network"] = table(country, numbers=True)
    return reference


@pytest.fixture(scope="module")
def chosen() -> Reference:
    return made(
        [
            ("20.0.0.0/9", "TH"),
            ("20.128.0.0/9", "VN"),
            ("20.1.0.0/16", "MM"),
            ("22.0.0.0/16", "MM"),
            ("22.1.0.0/16", "VN"),
            ("2a00:1::/32", "TH"),
            ("2a00:2::/32", "VN"),
        ],
        [("20.0.0.0/8", "TH"), ("22.0.0.0/15", "TH"), ("2a00:2::/32", "VN")],
    )


@pytest.mark.parametrize(
    ("value", "country", "second", "conflict"),
    [
        ("20.2.0.0/16", "TH", "TH", False),
        ("20.0.0.0/8", None, None, False),
        ("20.64.0.0/10", "TH", "TH", False),
        ("20.192.0.0/10", "VN", "TH", True),
        ("2a00:2::/40", "VN", "VN", False),
        ("2a00:1::/40", "TH", None, False),
        ("2a00::/16", None, None, False),
        ("21.0.0.0/8", None, None, False),
        ("22.0.0.0/16", "MM", "TH", True),
        ("22.0.0.0/15", None, None, False),
        ("20.0.0.0/7", None, None, False),
    ],
)
def test_a_network_is_in_a_country_when_both_its_ends_are(
    chosen: Reference, value: str, country: str | None, second: str | None, *, conflict: bool
) -> None:
    (row,) = places(value, reference=chosen).to_pylist()
    assert (row["country"], row["country_second"], row["country_conflict"]) == (country, second, conflict)
    assert row["countries"] == ([] if country is None else [country])
    assert row["address"] is None, "a network is no address that could be counted"


def test_a_conflict_needs_two_answers_that_differ(chosen: Reference) -> None:
    rows = places("20.2.0.1", "20.1.0.1", "20.130.0.1", "2a00:1::1", reference=chosen).to_pylist()
    assert [(row["country"], row["country_second"], row["country_conflict"]) for row in rows] == [
        ("TH", "TH", False),
        ("MM", "TH", True),
        ("VN", "TH", True),
        ("TH", None, False),
    ]


def said(*rows: tuple[str, str, int]) -> pa.Table:
    """Resolutions: a domain, an address, and the day of January 2026 on which it was last seen."""
    days = [int(datetime(2026, 1, day, tzinfo=UTC).timestamp()) * 1_000_000 for _, _, day in rows]
    return pa.table(
        {
            "domain": pa.array([domain for domain, _, _ in rows], pa.string()),
            "address": pa.array([address for _, address, _ in rows], pa.string()),
            "last_seen": pa.array(days, pa.int64()),
        }
    )


def test_a_name_is_where_its_address_last_was_and_all_its_countries_are_told(chosen: Reference) -> None:
    before = places("a.evil.com", reference=chosen)
    told = said(("a.evil.com", "20.130.0.1", 3), ("a.evil.com", "20.1.0.9", 9), ("a.evil.com", "20.3.0.1", 5))
    (row,) = resolve(before, told, chosen).to_pylist()
    assert row["resolved"] == ["20.1.0.9", "20.130.0.1", "20.3.0.1"]
    assert (row["country"], row["country_second"], row["country_conflict"]) == ("MM", "TH", True)
    assert row["countries"] == ["MM", "TH", "VN"]
    assert (row["asn"], row["network_owner"]) == (1, "MM")
    assert row["address"] is None, "a resolved address is not the finding's own"


def test_every_kind_of_name_is_resolved_and_an_address_of_its_own_is_not_replaced(chosen: Reference) -> None:
    before = places("evil.com", "http://evil.com/x", "who@evil.com", "http://20.3.0.1/", "other.com", reference=chosen)
    rows = resolve(before, said(("evil.com", "20.130.0.1", 3)), chosen).to_pylist()
    assert [row["resolved"] for row in rows] == [["20.130.0.1"]] * 3 + [[], []]
    assert [row["country"] for row in rows] == ["VN", "VN", "VN", "TH", None]
    assert rows[4] == before.to_pylist()[4]


def test_an_address_in_no_country_is_told_and_gives_none(chosen: Reference) -> None:
    (row,) = resolve(places("evil.com", reference=chosen), said(("evil.com", "99.1.1.1", 3)), chosen).to_pylist()
    assert (row["resolved"], row["country"], row["countries"], row["asn"]) == (["99.1.1.1"], None, [], None)


def test_no_resolution_changes_nothing(chosen: Reference) -> None:
    before = places("evil.com", "20.3.0.1", reference=chosen)
    assert resolve(before, said(), chosen).equals(before)
    assert resolve(before, said(("unasked.com", "20.3.0.1", 3)), chosen).equals(before)


names = st.sampled_from(["evil.com", "a.evil.com", "b.org"])
resolutions = st.lists(
    st.tuples(
        names, st.sampled_from(["20.3.0.1", "20.1.0.9", "20.130.0.1", "99.1.1.1", "2a00:1::5"]), st.integers(1, 5)
    ),
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(told=resolutions, seed=st.randoms(use_true_random=False))
def test_resolve_says_what_a_plain_search_says_in_whatever_order_it_is_told(
    chosen: Reference, told: list[tuple[str, str, int]], seed: random.Random
) -> None:
    values = ["evil.com", "http://a.evil.com/x", "20.3.0.1", "b.org", "silent.net"]
    before = places(*values, reference=chosen)
    after = resolve(before, said(*told), chosen)
    shuffled = list(told)
    seed.shuffle(shuffled)
    assert resolve(before, said(*shuffled), chosen).equals(after)
    assert after.schema.equals(PLACES)
    for old, new in zip(before.to_pylist(), after.to_pylist(), strict=True):
        mine = [(day, address) for domain, address, day in told if domain == old["host"]]
        if not mine:
            assert new == old
            continue
        day = max(day for day, _ in mine)
        latest = min(address for seen, address in mine if seen == day)
        by_address = {address: places(address, reference=chosen).to_pylist()[0] for _, address in mine}
        assert new["resolved"] == sorted(by_address)
        assert new["countries"] == sorted({one["country"] for one in by_address.values()} - {None})
        for name in ("country", "country_second", "country_conflict", "asn", "network_owner"):
            assert new[name] == by_address[latest][name]
        untouched = {"host", "address", "public_suffix", "registered_domain", "registry_country", "government"}
        assert {name: new[name] for name in untouched} == {name: old[name] for name in untouched}
