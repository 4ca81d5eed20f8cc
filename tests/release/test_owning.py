"""What is not in a network owner's own networks never changes one byte of what it gets."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.agreements.declarations import Partner, PartnerKind
from accord.attribution.owning import OwnNetworks
from accord.operations.declaration import Recipient
from accord.reference.store import Reference, load
from accord.reports import publish
from accord.vocabulary.indicators import TYPE_CODES, IndicatorType
from accord.vocabulary.markings import MARKINGS, Marking
from accord.vocabulary.roles import ROLES, Role
from tests.release.test_audience import AS_OF_US, DAY_US, contents, view_of

ADDRESSES = ["203.150.1.1", "203.150.1.2", "202.28.1.1", "171.96.0.7", "2403:6200::7"]
"""All in Thailand by the bundled range data: AS4618 has the first two, AS17823 the third, AS7470 the fourth, and
AS17552 the last."""
HOLDINGS = {
    ("203.150.1.1/32",): ["203.150.1.1"],
    ("AS4618",): ["203.150.1.1", "203.150.1.2"],
    ("2403:6200::/32", "202.28.0.0/16"): ["202.28.1.1", "2403:6200::7"],
    ("AS7470", "203.150.1.2/32"): ["203.150.1.2", "171.96.0.7"],
}
"""Networks, and by hand what is in them."""
NAMES = ["resolved.net", "evil.example.co.th"]
HOSTS = [(IndicatorType.IPV6 if ":" in one else IndicatorType.IPV4, one) for one in ADDRESSES]
NETWORKS = [("203.150.1.0/31", 2), ("202.28.0.0/17", 2), ("171.96.0.0/18", 2)]

_row = st.fixed_dictionaries(
    {
        "delivery": st.integers(0, 1),
        "dataset": st.sampled_from([0, 0, 1]),
        "role": st.sampled_from([ROLES.index(role) for role in (Role.C2_SERVER, Role.INFECTED_SYSTEM)]),
        "family": st.integers(-1, 2),
        "seen_at": st.integers(AS_OF_US - 100 * DAY_US, AS_OF_US),
        "undated": st.booleans(),
        "count": st.integers(1, 3),
        "port": st.sampled_from([0, 80, 443]),
        "marking": st.integers(0, 4),
    }
)
_value = st.sampled_from(
    [
        *HOSTS,
        *((IndicatorType.DOMAIN, one) for one in NAMES),
        *((IndicatorType.URL, f"http://{one}/x") for one in ADDRESSES[:4]),
        *((IndicatorType.CIDR, one) for one, _ in NETWORKS),
        *((IndicatorType.ASN, one) for one in ("4618", "7470")),
    ]
)
_resolution = st.fixed_dictionaries(
    {
        "dataset": st.sampled_from([0, 0, 1]),
        "delivery": st.integers(2, 3),
        "domain": st.sampled_from(NAMES),
        "address": st.sampled_from([*ADDRESSES, "8.8.8.8"]),
        "first_seen": st.just(AS_OF_US - 100 * DAY_US),
        "last_seen": st.integers(AS_OF_US - 50 * DAY_US, AS_OF_US),
        "marking": st.integers(0, 4),
    }
)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load(None)


def owner(networks: tuple[str, ...]) -> Recipient:
    """A provider that sits in Singapore, and has these networks in Thailand."""
    partner = Partner(id="isp", name="The provider", kind=PartnerKind.NETWORK_OWNER, country="SG", networks=networks)
    return Recipient(partner=partner, country="SG", persons=(), languages=())


def may_see(row: dict) -> bool:
    """By hand: the second data set names somebody else, and nobody is named for red."""
    return row["dataset"] == 0 and MARKINGS[row["marking"]] is not Marking.RED


def inside(row: dict, networks: tuple[str, ...], held: list[str], named: set[str]) -> bool:
    """By hand: an address among those held, a name with a visible address among them, a network in a prefix.

    An AS number is in no country, so that it is in no scope.
    """
    value = row["value"]
    if row["type"] == TYPE_CODES[IndicatorType.ASN]:
        return False
    if row["type"] == TYPE_CODES[IndicatorType.CIDR]:
        return (value, networks) == ("202.28.0.0/17", ("2403:6200::/32", "202.28.0.0/16"))
    return value in named or value.removeprefix("http://").removesuffix("/x") in held


@given(
    st.lists(st.tuples(_value, _row), min_size=1, max_size=25),
    st.lists(_resolution, max_size=6),
    st.sampled_from(list(HOLDINGS)),
)
@settings(max_examples=25, deadline=None)
def test_data_outside_its_networks_never_changes_one_byte_of_a_network_owner_s_files(
    reference: Reference, drawn: list, resolutions: list[dict], networks: tuple[str, ...]
) -> None:
    held = HOLDINGS[networks]
    rows = [{"type": TYPE_CODES[kind], "value": value, **row} for (kind, value), row in drawn]
    resolved = [one for one in resolutions if may_see(one) and one["address"] in held]
    named = {one["domain"] for one in resolved}
    own = [one for one in rows if may_see(one) and inside(one, networks, held, named)]
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, told, addresses in (("whole", rows, resolutions), ("own", own, resolved)):
            view = view_of(reference, told, addresses, folder / f"of-{name}", owner(networks))
            publish.write_own(view, folder / name, ("en",))
            assert set(view.findings["value"].to_pylist()) == {one["value"] for one in own}, name
        assert contents(folder / "whole") == contents(folder / "own")


def test_what_another_owner_declares_is_in_no_as_of_somebody_else(reference: Reference) -> None:
    # when they were declared the range data had them apart
    asked = pa.array([*ADDRESSES[:2], None, "no address"])
    assert OwnNetworks(("AS4618",), reference).hold(asked).tolist() == [True, True, False, False]
    held = OwnNetworks(("AS4618",), reference, ("203.150.1.2/32", "AS7470")).hold(asked)
    assert held.tolist() == [True, False, False, False]


def test_each_sighting_in_a_prefix_stands_there_with_its_time_and_port(reference: Reference, tmp_path: Path) -> None:
    row = {"type": TYPE_CODES[IndicatorType.IPV4], "dataset": 0, "delivery": 0, "family": 0, "undated": False}
    row |= {"role": ROLES.index(Role.INFECTED_SYSTEM), "count": 1, "marking": 2}
    times = {1769702400_000000: 40001, 1769706061_000000: 40002}
    rows = [
        {**row, "value": value, "seen_at": at, "port": port}
        for value in ("203.150.1.1", "203.150.1.2")
        for at, port in times.items()
    ]
    view = view_of(reference, rows, [], tmp_path / "of", owner(("203.150.1.1/32",)))
    publish.write_own(view, tmp_path / "own", ("en",))
    lines = (tmp_path / "own/by-network/AS4618.csv").read_text("utf-8").splitlines()
    told = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    assert [(one["value"].strip('"'), one["seen_at"].strip('"'), one["source_port"]) for one in told] == [
        ("203.150.1.1", "2026-01-29T16:00:00Z", "40001"),
        ("203.150.1.1", "2026-01-29T17:01:01Z", "40002"),
    ]


def test_each_address_by_itself_is_told_to_who_declares_its_network(reference: Reference, tmp_path: Path) -> None:
    """What the property above draws seldom: a view of nothing else."""
    row = {"delivery": 0, "dataset": 0, "role": 0, "family": 0, "seen_at": AS_OF_US, "undated": False, "count": 1}
    for number, (networks, held) in enumerate(HOLDINGS.items()):
        for place, (kind, value) in enumerate(HOSTS):
            told = [row | {"type": TYPE_CODES[kind], "value": value, "port": 0, "marking": 0}]
            view = view_of(reference, told, [], tmp_path / f"{number}-{place}", owner(networks))
            assert view.findings["value"].to_pylist() == [one for one in held if one == value]
