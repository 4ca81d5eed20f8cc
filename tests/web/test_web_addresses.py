"""Addresses as sockets and proxies write them (RFC 4291, 2.5.5.2; RFC 7239, 6 has the same forms of a node)."""

import pytest

from accord.web.addresses import read_forwarded, read_network


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:5678", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("[::1]:80", "::1"),
        ("2001:db8::1:80", "2001:db8::1:80"),
    ],
)
def test_an_entry_of_x_forwarded_for_is_read_with_and_without_a_port(said: str, address: str) -> None:
    assert str(read_forwarded(said)) == address


@pytest.mark.parametrize(
    "said", ["", "unknown", "_hidden", "192.0.2.1:", "192.0.2.1:port", "[::1", "1.2.3:80", "[]:80"]
)
def test_what_is_no_address_is_none(said: str) -> None:
    assert read_forwarded(said) is None


@pytest.mark.parametrize(
    ("said", "network"),
    [
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:127.0.0.1", "127.0.0.1/32"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::/0", "::/0"),
    ],
)
def test_a_network_of_proxies_is_the_one_that_their_addresses_are_in(said: str, network: str) -> None:
    assert str(read_network(said)) == network
