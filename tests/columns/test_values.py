"""The rules of values, each expectation from the document that the row names."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.columns.values import read_value, refang
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected

SUFFIXES = {"com", "example", "co.uk"}

# (text, type, canonical value, port, where it is written)
TAKEN = [
    ("8.8.8.8", "ipv4", "8.8.8.8", None, "RFC 791"),
    ("8.8.8.8:443", "ipv4", "8.8.8.8", 443, "RFC 3986, 3.2.3"),
    ("2001:4860:0:0:1:0:0:8888", "ipv6", "2001:4860::1:0:0:8888", None, "RFC 5952, 4.2.3: the first of two equal runs"),
    ("2001:4860:0:1:1:1:1:1", "ipv6", "2001:4860:0:1:1:1:1:1", None, "RFC 5952, 4.2.2: a lone zero group"),
    ("2001:4860::8888", "ipv6", "2001:4860::8888", None, "RFC 5952, 4.2.1"),
    ("2001:4860:0:0:0:0:0:00FF", "ipv6", "2001:4860::ff", None, "RFC 5952, 4.1 and 4.3"),
    ("[2001:4860::1]:8443", "ipv6", "2001:4860::1", 8443, "RFC 3986, 3.2.2"),
    ("::ffff:8.8.4.4", "ipv4", "8.8.4.4", None, "RFC 4291, 2.5.5.2, folded"),
    ("::ffff:808:404", "ipv4", "8.8.4.4", None, "RFC 4291, 2.5.5.2, folded"),
    ("EVIL.Example", "domain", "evil.example", None, "RFC 4343"),
    ("evil.example.", "domain", "evil.example", None, "RFC 1034, 3.1: the root's dot"),
    ("bücher.example", "domain", "xn--bcher-kva.example", None, "RFC 5891; the label is RFC 3492's custom example"),
    ("xn--bcher-kva.example", "domain", "xn--bcher-kva.example", None, "RFC 5890, 2.3.2.1"),
    ("91.90.121.87.sslip.example", "domain", "91.90.121.87.sslip.example", None, "a name, not an address"),
    ("http://EVIL.example/Path?Q=1#F", "url", "http://evil.example/Path?Q=1#F", None, "RFC 3986, 6.2.2.1"),
    ("HTTPS://evil.example:8443/", "url", "https://evil.example:8443/", 8443, "RFC 3986, 6.2.2.1"),
    ("evil.example/gate.php", "url", "http://evil.example/gate.php", None, "design: host/path"),
    ("8.8.8.8/x", "url", "http://8.8.8.8/x", None, "design: host/path"),
    ("http://[2001:4860::1]:80/", "url", "http://[2001:4860::1]:80/", 80, "RFC 3986, 3.2.2"),
    ("http://user:pw@evil.example/", "url", "http://user:pw@evil.example/", None, "RFC 3986, 3.2.1"),
    ("8.8.8.0/24", "cidr", "8.8.8.0/24", None, "RFC 4632"),
    ("8.8.8.8/32", "ipv4", "8.8.8.8", None, "a network of one address"),
    ("2001:4860::/32", "cidr", "2001:4860::/32", None, "RFC 4291, 2.3"),
    ("Some.One@Evil.Example", "email", "Some.One@evil.example", None, "RFC 5321, 2.4: the local part keeps its case"),
    ("AS15169", "asn", "15169", None, "RFC 5396, asplain"),
    ("D41D8CD98F00B204E9800998ECF8427E", "md5", "d41d8cd98f00b204e9800998ecf8427e", None, "RFC 1321, A.5: of nothing"),
    ("da39a3ee5e6b4b0d3255bfef95601890afd80709", "sha1", "da39a3ee5e6b4b0d3255bfef95601890afd80709", None, ""),
    (
        "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        "sha256",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        None,
        "of nothing",
    ),
    ("hxxp://evil[.]example[:]8080/a", "url", "http://evil.example:8080/a", 8080, "defanged"),
    ("8[.]8[.]8[.]8", "ipv4", "8.8.8.8", None, "defanged"),
    ("evil(.)example", "domain", "evil.example", None, "defanged"),
    ("evil[dot]example", "domain", "evil.example", None, "defanged"),
    ("evil[.example", "domain", "evil.example", None, "defanged by half"),
    ("who[at]evil[.]example", "email", "who@evil.example", None, "defanged"),
]  # fmt: skip

# (text, why, where it is written)
REFUSED = [
    ("", Rejected.EMPTY_VALUE, ""),
    ("010.020.030.040", Rejected.ADDRESS, "RFC 6943, 3.1.1: octal to some"),
    ("8.8.8", Rejected.ADDRESS, "inet_pton(3)"),
    ("8.8.8.256", Rejected.ADDRESS, "RFC 791"),
    ("46.8.120.153::8080", Rejected.ADDRESS, "RFC 4291, 2.2"),
    ("fe80::1%eth0", Rejected.ADDRESS, "RFC 4007, 11: a zone is one machine's own"),
    ("10.1.2.3", Rejected.ADDRESS_NOT_ROUTABLE, "RFC 1918"),
    ("100.64.0.1", Rejected.ADDRESS_NOT_ROUTABLE, "RFC 6598"),
    ("198.51.100.7", Rejected.ADDRESS_NOT_ROUTABLE, "RFC 5737"),
    ("224.0.0.1", Rejected.ADDRESS_NOT_ROUTABLE, "RFC 5771"),
    ("2001:db8::1", Rejected.ADDRESS_NOT_ROUTABLE, "RFC 3849"),
    ("fe80::1", Rejected.ADDRESS_NOT_ROUTABLE, "RFC 4291, 2.5.6"),
    ("ff02::1", Rejected.ADDRESS_NOT_ROUTABLE, "RFC 4291, 2.7"),
    ("::1", Rejected.ADDRESS_NOT_ROUTABLE, "RFC 4291, 2.5.3"),
    ("::ffff:10.0.0.1", Rejected.ADDRESS_NOT_ROUTABLE, "RFC 1918, folded"),
    ("8.8.8.8:0", Rejected.PORT, "RFC 6335, 6: port 0 is reserved"),
    ("8.8.8.8:65536", Rejected.PORT, "16 bits"),
    ("evil.example:http", Rejected.PORT, ""),
    ("8.8.8.1/24", Rejected.CIDR, "host bits are set"),
    ("8.8.8.0/33", Rejected.CIDR, ""),
    ("localhost", Rejected.HOST_NAME, "one label"),
    ("under_score.example", Rejected.HOST_NAME, "RFC 5891: LDH"),
    ("-hyphen.example", Rejected.HOST_NAME, "RFC 5891, 4.2.3.1"),
    ("ab--cd.example", Rejected.HOST_NAME, "RFC 5891, 4.2.3.1"),
    ("xn--a.example", Rejected.HOST_NAME, "RFC 5890: no valid A-label"),
    ("a..example", Rejected.HOST_NAME, "an empty label"),
    ("evil.123", Rejected.HOST_NAME, "RFC 3696, 2"),
    ("a" * 64 + ".example", Rejected.HOST_NAME, "RFC 1035, 2.3.4"),
    (".".join(["a" * 49] * 5) + ".example", Rejected.HOST_NAME, "RFC 1035, 2.3.4: 257 octets"),
    ("co.uk", Rejected.PUBLIC_SUFFIX, "publicsuffix.org"),
    (r"zone[0-9a-z]{0,}\.com", Rejected.REGULAR_EXPRESSION, ""),
    ("*.evil.example", Rejected.REGULAR_EXPRESSION, "a pattern is not one value"),
    ("http:///path", Rejected.URL, "RFC 3986: no host"),
    ("http://evil.example/a b", Rejected.URL, "RFC 3986: white space"),
    ("http://10.0.0.1/", Rejected.ADDRESS_NOT_ROUTABLE, "RFC 1918"),
    ("http://evil.example:99999/", Rejected.PORT, ""),
    ("a@b@evil.example", Rejected.EMAIL, "RFC 5321, 4.1.2"),
    ("a..b@evil.example", Rejected.EMAIL, "RFC 5321, 4.1.2: Dot-string"),
    ("AS0", Rejected.ASN, "RFC 7607"),
    ("AS64512", Rejected.ASN, "RFC 6996"),
    ("AS65536", Rejected.ASN, "RFC 5398"),
    ("AS23456", Rejected.ASN, "RFC 6793: AS_TRANS"),
    ("a" * 128, Rejected.HASH, "SHA-512 is no type here"),
    ("two words", Rejected.NOT_AN_INDICATOR, ""),
    ("/gate.php", Ignored.PATH_WITHOUT_HOST, "design"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "value", "port", "source"), TAKEN)
def test_a_value_is_taken_in_canonical_form(text: str, kind: str, value: str, port: int | None, source: str) -> None:
    read = read_value(text, SUFFIXES.__contains__)
    assert read == Indicator(kind=IndicatorType(kind), value=value, port=port), source


@pytest.mark.parametrize(("text", "reason", "source"), REFUSED)
def test_a_value_is_refused_with_its_reason(text: str, reason: Rejected | Ignored, source: str) -> None:
    assert read_value(text, SUFFIXES.__contains__) is reason, source


@pytest.mark.parametrize(
    ("text", "expected", "outcome"),
    [
        ("8.8.8.8", {IndicatorType.DOMAIN}, Rejected.TYPE_MISMATCH),
        ("evil.example", {IndicatorType.URL}, Indicator(kind=IndicatorType.URL, value="http://evil.example")),
        ("15169", {IndicatorType.ASN}, Indicator(kind=IndicatorType.ASN, value="15169")),
        ("d41d8cd98f00b204e9800998ecf8427e", {IndicatorType.SHA256}, Rejected.TYPE_MISMATCH),
    ],
)
def test_a_declared_type_is_held_to(text: str, expected: set[IndicatorType], outcome: object) -> None:
    assert read_value(text, SUFFIXES.__contains__, expected) == outcome


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=500, deadline=None)
def test_ipv4_is_routable_exactly_where_the_standard_library_and_the_registry_say(number: int) -> None:
    address = ipaddress.IPv4Address(number)
    # The library follows the same IANA registry, but calls these reachable: multicast and the closed 6to4 relay block.
    routable = address.is_global and not address.is_multicast and address not in ipaddress.ip_network("192.88.99.0/24")
    # 192.0.0.9 and .10 are anycast protocol addresses inside a block of protocol assignments, never a host.
    routable = routable and address not in ipaddress.ip_network("192.0.0.0/24")
    assert (read_value(str(address), SUFFIXES.__contains__) is not Rejected.ADDRESS_NOT_ROUTABLE) == routable


@given(st.ip_addresses(v=6))
@settings(max_examples=300, deadline=None)
def test_no_ipv6_address_outside_global_unicast_is_taken(address: ipaddress.IPv6Address) -> None:
    read = read_value(str(address), SUFFIXES.__contains__)
    if isinstance(read, Indicator) and read.kind is IndicatorType.IPV6:
        assert address in ipaddress.ip_network("2000::/3")
        assert not address.is_private
        assert ipaddress.IPv6Address(read.value) == address


@given(st.text(max_size=60))
@settings(max_examples=500, deadline=None)
def test_a_taken_value_is_read_again_as_itself(text: str) -> None:
    read = read_value(text, SUFFIXES.__contains__)
    if isinstance(read, Indicator) and read.kind is not IndicatorType.ASN:
        again = read_value(read.value, SUFFIXES.__contains__)
        assert isinstance(again, Indicator)
        assert (again.kind, again.value) == (read.kind, read.value)


def test_refanging_leaves_clean_text_alone() -> None:
    assert refang("http://evil.example/a?b=[1]") == "http://evil.example/a?b=[1]"
