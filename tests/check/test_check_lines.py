"""The table of networks against what `ipaddress` and a look at every range say."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.check.lines import HOSTING, VPN, network_lines
from accord.check.networks import NETWORK_KINDS, NetworkKind
from accord.check.place import CheckPlace, read_check_place
from accord.check.writing import NetworkLine
from accord.reference.addresses import pair
from accord.reference.flattening import Ranges
from accord.reference.ranges import RangeTable
from accord.reference.store import load
from accord.reference.warningclasses import WarningClass
from accord.reference.warningindex import ListSheet, WarningIndex
from accord.reference.warninglists import WarningLists
from accord.vocabulary.errors import SettingsError
from accord.workspace.settings import read_settings

SLUGS = ("vpn-ipv4", "amazon-aws", "microsoft-office365-ip", "rfc1918")
MEANT = (NetworkKind.VPN, NetworkKind.HOSTING, NetworkKind.SHARED, NetworkKind.ORDINARY)
WEAKEST_FIRST = (NetworkKind.ORDINARY, NetworkKind.SHARED, NetworkKind.HOSTING, NetworkKind.VPN)


def table(rows: Sequence[tuple[str, int]], numbers: list[int]) -> RangeTable:
    """A table of networks; a row's label is a place in `numbers`."""
    ends = [(pair(ip_network(network)[0]), pair(ip_network(network)[-1]), label) for network, label in rows]
    columns = [np.array([one[side][word] for one in ends], np.uint64) for side in (0, 1) for word in (0, 1)]
    ranges = Ranges(
        start_high=columns[0],
        start_low=columns[1],
        end_high=columns[2],
        end_low=columns[3],
        label=np.array([label for *_, label in ends], np.int32),
    )
    return RangeTable.build(ranges, pa.array([str(one) for one in numbers], pa.string()), np.array(numbers, np.int64))


def warning_lists(rows: Sequence[tuple[str, int]]) -> WarningLists:
    """Lists of the names SLUGS; a row says which set of them holds a network, as bits."""
    sheets = tuple(ListSheet(slug=slug, name=slug, version=1, types=("ipv4", "ipv6"), entries=1) for slug in SLUGS)
    index = WarningIndex(
        lists=sheets,
        blob=np.zeros(0, np.uint8),
        slots=np.zeros(1, np.uint64),
        entries=np.zeros((1, 4), np.int32),
        sets=np.arange(16, dtype=np.uint64).reshape(-1, 1),
        ranges=table(rows, list(range(16))),
    )
    return WarningLists.of(index)


def place(**said: dict[str, NetworkKind]) -> CheckPlace:
    return CheckPlace(
        folder=Path("check"),
        pepper_file=Path("pepper"),
        encrypted=True,
        networks=tuple((ip_network(network), kind) for network, kind in said.get("networks", {}).items()),
        asns=tuple((int(asn), kind) for asn, kind in said.get("asns", {}).items()),
    )


def told(lines: tuple[NetworkLine, NetworkLine], address: str) -> tuple[int, NetworkKind]:
    one = ip_address(address)
    line = lines[one.version == 6]
    number = int(one) >> 64 if one.version == 6 else int(one)
    row = max(at for at, start in enumerate(line.starts.tolist()) if start <= number)
    return int(line.asns[row]), NETWORK_KINDS[int(line.kinds[row])]


# few places, so that networks meet and nest
v4 = st.builds(lambda low, bits: str(ip_network((int(ip_address("192.0.2.0")) + low, bits), strict=False)),
               st.integers(0, 15), st.integers(28, 32))  # fmt: skip
v6 = st.builds(lambda low, bits: str(ip_network(((0x20010DB8 << 96) + (low << 62), bits), strict=False)),
               st.integers(0, 31), st.integers(61, 66))  # fmt: skip


def apart(rows: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Those that overlap none before them: tables are disjoint."""
    found: list[tuple[str, int]] = []
    for network, label in rows:
        if not any(ip_network(network).overlaps(ip_network(other)) for other, _ in found
                   if ip_network(other).version == ip_network(network).version):  # fmt: skip
            found.append((network, label))
    return found


disjoint = st.lists(st.tuples(v4 | v6, st.integers(0, 3)), max_size=8).map(apart)
listed = st.lists(st.tuples(v4 | v6, st.integers(1, 15)), max_size=8).map(apart)
kinds = st.sampled_from(NetworkKind)
own = st.dictionaries(v4 | v6.filter(lambda one: ip_network(one).prefixlen <= 64), kinds, max_size=4)
NUMBERS = [-1, 64500, 64501, 4294967295]


@given(disjoint, listed, own, st.dictionaries(st.sampled_from([64500, 64501]), kinds))
def test_every_address_is_told_of_as_a_look_at_all_ranges_tells(networks, lists, said, asns):
    lines = network_lines(table(networks, NUMBERS), warning_lists(lists), place(networks=said, asns=asns))
    asked = [str(ip_address(int(ip_address("192.0.1.254")) + at)) for at in range(20)]
    asked += [str(ip_address((0x20010DB8 << 96) + (at << 64))) for at in range(10)]

    def listed_as(whole):
        holding = [bits for network, bits in lists
                   if ip_network(network).version == whole.version and ip_network(network).overlaps(whole)]  # fmt: skip
        names = [MEANT[at] for bits in holding for at in range(4) if bits >> at & 1]
        return max(names, key=WEAKEST_FIRST.index, default=NetworkKind.ORDINARY)

    hosting = set()
    for number in (64500, 64501, 4294967295):
        its = [address for network, label in networks if NUMBERS[label] == number and ":" not in network
               for address in ip_network(network)]  # fmt: skip
        held = [one for one in its if listed_as(ip_network(one)) in {NetworkKind.HOSTING, NetworkKind.VPN}]
        if its and 4 * len(held) >= 3 * len(its):
            hosting.add(number)
    for address in asked:
        # a /64 is announced by whoever announces its first address, and held by a list that holds any of it
        whole = ip_network(f"{address}/{64 if ':' in address else 32}")
        asn = next(
            (
                NUMBERS[label]
                for network, label in networks
                if ip_network(network).version == whole.version and ip_address(address) in ip_network(network)
            ),
            -1,
        )
        kind = listed_as(whole)
        if asn in hosting:
            kind = max(kind, NetworkKind.HOSTING, key=WEAKEST_FIRST.index)
        kind = asns.get(asn, kind)
        narrowest = max(
            (ip_network(network).prefixlen, each)
            for network, each in [("0.0.0.0/0", kind), *said.items()]
            if network == "0.0.0.0/0"
            or (ip_network(network).version == whole.version and ip_network(network).supernet_of(whole))
        )
        assert told(lines, address) == (max(asn, 0), narrowest[1])


def test_what_lists_hold_most_of_by_ipv4_is_hosting_as_a_whole_by_ipv6_too():
    """Of AS64500 three quarters are listed, of AS64501 the half; the hub's own word counts before that."""
    networks = table(
        [("192.0.2.0/24", 1), ("198.51.100.0/24", 2), ("2001:db8:1::/48", 1), ("2001:db8:2::/48", 2)], NUMBERS
    )
    lists = warning_lists([("192.0.2.0/25", 1), ("192.0.2.128/26", 2), ("192.0.2.192/28", 4), ("198.51.100.0/25", 1)])
    lines = network_lines(networks, lists, place())
    asked = ("192.0.2.1", "192.0.2.129", "192.0.2.193", "192.0.2.255", "2001:db8:1::")
    assert [told(lines, one)[1] for one in asked] == [NetworkKind.VPN, *[NetworkKind.HOSTING] * 4]
    assert [told(lines, one)[1] for one in ("198.51.100.1", "198.51.100.129", "2001:db8:2::")] == [
        NetworkKind.VPN, NetworkKind.ORDINARY, NetworkKind.ORDINARY
    ]  # fmt: skip
    said = place(asns={64500: NetworkKind.ORDINARY}, networks={"192.0.2.255/32": NetworkKind.CARRIER_NAT})
    lines = network_lines(networks, lists, said)
    assert [told(lines, one)[1] for one in ("192.0.2.1", "2001:db8:1::", "192.0.2.255")] == [
        NetworkKind.ORDINARY, NetworkKind.ORDINARY, NetworkKind.CARRIER_NAT
    ]  # fmt: skip


# by Apple's list of where its Private Relay goes out, and what Cloudflare and Fastly say of their networks
RELAYS = ("104.28.0.1", "104.28.200.7", "172.224.224.1", "146.75.222.1", "2606:54c0::1", "2a09:bac0::1", "2a04:4e41::1")
# of companies with customers at home: True, Deutsche Telekom, Comcast, Orange; again by IPv6
HOMES = ("171.96.0.7", "79.192.0.1", "24.0.0.1", "90.0.0.1", "2003::1", "2001:fb0::1", "2a01:cb00::1")


def test_relays_are_told_from_homes_by_the_lists_that_come_along() -> None:
    reference = load(None)
    assert {one.slug for one in reference.warning_lists.index.lists} >= HOSTING | VPN
    v4, v6 = network_lines(reference.network, reference.warning_lists, place())

    def kind(address: str) -> NetworkKind:
        one = ip_address(address)
        line, place = (v4, int(one)) if one.version == 4 else (v6, int(one) >> 64)
        return NETWORK_KINDS[line.kinds[np.searchsorted(line.starts, np.array(place, line.starts.dtype), "right") - 1]]

    assert {kind(one) for one in RELAYS} == {NetworkKind.HOSTING, NetworkKind.VPN}
    assert {one: kind(one) for one in HOMES} == dict.fromkeys(HOMES, NetworkKind.ORDINARY)


def test_addresses_between_carriers_and_customers_are_theirs_without_being_named():
    lines = network_lines(table([], NUMBERS), warning_lists([]), place())
    assert told(lines, "100.64.0.1")[1] is NetworkKind.CARRIER_NAT
    assert told(lines, "100.63.255.255")[1] is NetworkKind.ORDINARY
    assert told(lines, "100.128.0.0")[1] is NetworkKind.ORDINARY
    assert [len(line.starts) for line in lines] == [3, 1]


def test_the_operators_own_class_of_a_list_counts():
    lists = warning_lists([("192.0.2.0/24", 8)])
    assert told(network_lines(table([], NUMBERS), lists, place()), "192.0.2.1")[1] is NetworkKind.ORDINARY
    shared = WarningLists.of(lists.index, {"rfc1918": WarningClass.SHARED})
    assert told(network_lines(table([], NUMBERS), shared, place()), "192.0.2.1")[1] is NetworkKind.SHARED


def read(folder: Path, text: str) -> CheckPlace:
    file = folder / "workspace.toml"
    file.write_text(text, "utf-8")
    return read_check_place(read_settings(file), folder)


def test_the_table_is_read_as_it_is_written(tmp_path):
    found = read(
        tmp_path,
        '[check]\nfolder = "check"\npepper_file = "/etc/pepper"\nencrypted = true\n'
        'carrier_nat = ["AS64500", "192.0.2.0/24"]\nordinary = ["2001:db8::/32"]\n',
    )
    assert found == CheckPlace(
        folder=tmp_path / "check",
        pepper_file=Path("/etc/pepper"),
        encrypted=True,
        networks=(
            (ip_network("2001:db8::/32"), NetworkKind.ORDINARY),
            (ip_network("192.0.2.0/24"), NetworkKind.CARRIER_NAT),
        ),
        asns=((64500, NetworkKind.CARRIER_NAT),),
    )


GOOD = '[check]\nfolder = "check"\npepper_file = "pepper"\n'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "publishes no check data"),
        (GOOD + 'vpn = ["192.0.2.1/24"]', "check.vpn"),
        (GOOD + 'vpn = ["2001:db8::/65"]', "at most /64"),
        (GOOD + 'vpn = ["AS0"]', "check.vpn"),
        (GOOD + 'vpn = ["AS4294967296"]', "32 bits"),
        (GOOD + 'vpn = ["AS1"]\nhosting = ["AS1"]', "each once"),
        (GOOD + 'vpn = ["192.0.2.1"]\nhosting = ["192.0.2.1/32"]', "each network once"),
        (GOOD + 'vnp = ["AS1"]', "did you mean 'vpn'"),
        ('[check]\nfolder = "check"\npepper_file = "check/pepper"\n', "outside the folder"),
        ('[check]\nfolder = "check"\n', "check.pepper_file"),
    ],
)
def test_a_mistake_is_named(tmp_path, text, what):
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    assert what in str(caught.value)
