"""Indicators in print: nobody can click on one, and everybody can read it back."""

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.columns.values import refang
from accord.reports.defang import PRINT_LIMIT, defang, printed

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
DOMAIN = st.lists(LABEL, min_size=2, max_size=5).map(".".join)
IPV4 = st.ip_addresses(v=4).map(str)
IPV6 = st.ip_addresses(v=6).map(str)
PATH = st.from_regex(r"(/[A-Za-z0-9._~-]{0,8}){0,3}(\?[a-z]=[a-z0-9.]{0,6})?", fullmatch=True)
PORT = st.one_of(st.just(""), st.integers(1, 65535).map(lambda port: f":{port}"))
URL = st.builds(
    lambda scheme, host, port, path: f"{scheme}://{host}{port}{path}",
    st.sampled_from(["http", "https", "ftp"]),
    st.one_of(DOMAIN, IPV4, IPV6.map(lambda address: f"[{address}]")),
    PORT,
    PATH,
)


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("ipv4", "203.0.113.7", "203.0.113[.]7"),
        ("cidr", "203.0.113.0/24", "203.0.113[.]0/24"),
        ("ipv6", "2001:db8::1", "2001[:]db8::1"),
        ("domain", "www.example.com", "www.example[.]com"),
        ("url", "http://a.example/b.php?c=d.e", "hxxp://a[.]example/b.php?c=d.e"),
        ("url", "https://203.0.113.7:8443/x", "hxxps://203.0.113[.]7:8443/x"),
        ("url", "http://[2001:db8::1]:80/", "hxxp://[2001[:]db8::1]:80/"),
        ("url", "http://user@a.example/", "hxxp://user@a[.]example/"),
        ("email", "someone@a.example", "someone[@]a[.]example"),
        ("asn", "64496", "AS64496"),
        ("sha256", "ab" * 32, "ab" * 32),
    ],
)
def test_a_value_is_printed_as_analysts_write_it(kind: str, value: str, shown: str) -> None:
    assert defang(kind, value) == shown


@given(st.one_of(DOMAIN.map(lambda value: ("domain", value)), IPV4.map(lambda value: ("ipv4", value))))
def test_names_and_addresses_read_back(pair: tuple[str, str]) -> None:
    kind, value = pair
    assert refang(defang(kind, value)) == value


@given(IPV6)
def test_an_ipv6_address_reads_back_and_is_none_as_printed(value: str) -> None:
    shown = defang("ipv6", value)
    assert refang(shown) == value
    with pytest.raises(ValueError, match=r".*"):
        ipaddress.ip_address(shown)


@given(URL)
def test_a_url_reads_back_and_is_no_link(value: str) -> None:
    shown = defang("url", value)
    assert refang(shown) == value
    assert not re.match(r"(https?|ftp)://", shown)


@given(st.sampled_from(["url", "domain", "email", "ipv6", "sha1", "cidr", "odd"]), st.text(max_size=40))
def test_no_text_breaks_the_printing(kind: str, value: str) -> None:
    assert isinstance(printed(kind, value), str)


def test_a_value_of_thousands_of_characters_is_cut_in_its_middle() -> None:
    shown = printed("url", "http://a.example/" + "x" * 4000 + "/end.php")
    assert len(shown) <= PRINT_LIMIT + 1
    assert shown.startswith("hxxp://a[.]example/xxx")
    assert shown.endswith("/end.php")
    assert "\N{HORIZONTAL ELLIPSIS}" in shown
