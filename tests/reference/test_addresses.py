"""Address texts against the standard library's `ipaddress`."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.reference.addresses import MAPPED, pair, parse_addresses, string_buffers, text


def expected(value: str) -> tuple[int, int]:
    try:
        address = ip_address(value)
    except ValueError:
        return 0, 0
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return 0, 0
    number = int(address) | (MAPPED if isinstance(address, IPv4Address) else 0)
    return number >> 64, number & (1 << 64) - 1


def parsed(values: list[str | None]) -> list[tuple[int, int]]:
    high, low = parse_addresses(pa.array(values, pa.string()))
    return list(zip(high.tolist(), low.tolist(), strict=True))


pieces = st.sampled_from(
    ["", ":", "::", ".", "0", "1", "00", "255", "256", "ffff", "FfFf", "10000", "g", "%", "/", " "]
)


@given(
    st.lists(
        st.one_of(
            st.ip_addresses().map(str),
            st.ip_addresses(v=6).map(lambda address: address.exploded.upper()),
            st.integers(0, (1 << 32) - 1).map(lambda n: f"::ffff:{IPv4Address(n)}"),
            st.lists(pieces, max_size=12).map("".join),
            st.lists(st.sampled_from(["0", "1", "ab", "", "1.2.3.4"]), min_size=2, max_size=9).map(":".join),
            st.text(max_size=20),
        ),
        max_size=40,
    )
)
@settings(max_examples=300, deadline=None)
def test_a_text_is_read_exactly_as_ipaddress_reads_it(values):
    assert parsed(values) == [expected(value) for value in values]


@pytest.mark.parametrize(
    "value",
    ["010.020.030.040", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4 ", "+1.2.3.4", "1..2.3", "", "fe80::1%eth0",
     "1::2::3", ":1::2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "::1.2.3.04", "1:2:3:4:5:6:7:1.2.3.4"],
)  # fmt: skip
def test_what_is_no_address_is_none(value):
    assert parsed([value]) == [(0, 0)]


def test_a_mapped_address_is_the_ipv4_address():
    assert parsed(["::ffff:192.0.2.1", "::FFFF:c000:201"]) == parsed(["192.0.2.1"]) * 2


def test_nulls_and_slices_keep_their_places():
    values = pa.array(["192.0.2.9", None, "192.0.2.1", "2001:db8::1"])[1:]
    high, low = parse_addresses(values)
    assert [text(h, v) for h, v in zip(high.tolist(), low.tolist(), strict=True)] == ["::", "192.0.2.1", "2001:db8::1"]


@given(st.ip_addresses())
@settings(max_examples=200, deadline=None)
def test_a_pair_is_written_as_it_was_read(address):
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    assert text(*pair(address)) == str(address)


def test_another_type_than_string_is_refused():
    with pytest.raises(TypeError, match="large_string"):
        string_buffers(pa.array(["a"], pa.large_string()))
