"""Certificates that a trusted proxy has verified, and whose word counts: from whom, how it is written, and when not."""

import base64
import datetime
import http.client
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from accord.vocabulary.errors import SettingsError
from accord.web.entrance import UNKNOWN_A_MINUTE
from accord.web.settings import read_serving
from accord.workspace.settings import SettingsTable
from tests.cli.test_cli_channel import Hub
from tests.cli.test_cli_serve import Served, end, serve

__all__ = ["serve"]

PROXY, OTHER = "127.0.0.2", "127.0.0.3"
"""Addresses of this machine, from which connections really come."""

SERVE = """
[serve]
proxies = ["127.0.0.2"]
certificate_header = "Client-Cert"
"""


def certificate(days: int = 30) -> x509.Certificate:
    """Of a partner's system, self-signed: the hub pins it, and its proxy has seen that it is held."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "siem.csirt.example")])
    now = datetime.datetime.now(datetime.UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=60))
    return built.not_valid_after(now + datetime.timedelta(days=days)).sign(key, SHA256())


def rfc9440(one: x509.Certificate) -> str:
    return f":{base64.b64encode(one.public_bytes(Encoding.DER)).decode()}:"


def nginx(one: x509.Certificate) -> str:
    """As `$ssl_client_escaped_cert` has it."""
    return quote(one.public_bytes(Encoding.PEM).decode(), safe="")


@pytest.fixture
def hub(accord_here: Callable[..., object], tmp_path: Path, database_url: str) -> Hub:
    return Hub(accord_here, tmp_path, () if database_url.startswith("sqlite") else ("--database", database_url))


def ask(
    served: Served, source: str, *headers: tuple[str, str], path: str = "/taxii2/hub/collections/"
) -> tuple[int, list[str]]:
    """Status, and the aliases of collections; the connection comes from an address of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60, source_address=(source, 0))
    try:
        connection.putrequest("GET", path)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        told = json.loads(answer.read())
        return answer.status, [one["alias"] for one in told.get("collections", [])]
    finally:
        connection.close()


def test_a_certificate_counts_on_the_word_of_a_proxy_that_was_named_and_of_nobody_else(
    hub: Hub, serve: Callable[..., Served]
) -> None:
    known, unknown = certificate(), certificate()
    (hub.beside / "siem.pem").write_bytes(known.public_bytes(Encoding.PEM))
    made = hub.json("token", "make", "csirt-th", "--name", "SIEM", "--certificate", hub.beside / "siem.pem")
    assert made["certificate"] == known.fingerprint(SHA256()).hex()
    assert "token" not in made
    # no longer than the certificate
    assert made["expires_at"] == known.not_valid_after_utc.isoformat()
    secret = hub.json("token", "make", "vendor", "--name", "SIEM", "--scope", "write")["token"]
    # by default nobody's word counts
    served = serve(hub.folder)
    for source in ("127.0.0.1", PROXY):
        assert ask(served, source, ("Client-Cert", rfc9440(known)))[0] == 401
    assert end(served) == 0
    with (hub.folder / "workspace.toml").open("a") as settings:
        settings.write(SERVE)
    served = serve(hub.folder)
    for shown in (rfc9440(known), nginx(known)):
        assert ask(served, PROXY, ("Client-Cert", shown)) == (200, ["infected-th"])
        for source in ("127.0.0.1", OTHER):
            assert ask(served, source, ("Client-Cert", shown))[0] == 401
            # nor is it believed that a proxy asks
            assert ask(served, source, ("Client-Cert", shown), ("X-Forwarded-For", PROXY))[0] == 401
    for headers in (
        [],
        [("Client-Cert", rfc9440(unknown))],
        [("Client-Cert", "")],
        [("Client-Cert", "::")],
        [("Client-Cert", ":!!:")],
        [("Client-Cert", "-----BEGIN CERTIFICATE-----%FF")],
        [("X-Client-Cert", rfc9440(known))],
        # one was put there by the client, and nobody knows which
        [("Client-Cert", rfc9440(known)), ("Client-Cert", rfc9440(unknown))],
        # whoever says who it is, is that or nobody
        [("Client-Cert", rfc9440(known)), ("Authorization", "Bearer accord1_guess")],
    ):
        assert ask(served, PROXY, *headers)[0] == 401, headers
    both = (("Client-Cert", rfc9440(known)), ("Authorization", f"Bearer {secret}"))
    assert ask(served, PROXY, *both) == (200, [])
    assert f"certificate {made['certificate'][:8]}" in hub("token", "list", "--in", hub.folder)
    ask(served, PROXY, ("Client-Cert", rfc9440(known)), path="/taxii2/hub/collections/infected-th/objects/")
    assert f"token {made['id']}" in [one["person"] for one in hub.json("consultation", "list")]
    hub("token", "revoke", made["id"], "--in", hub.folder)
    assert ask(served, PROXY, ("Client-Cert", rfc9440(known)))[0] == 401
    assert end(served) == 0


def test_who_asks_through_a_proxy_counts_by_the_address_that_the_proxy_names(
    hub: Hub, serve: Callable[..., Served]
) -> None:
    with (hub.folder / "workspace.toml").open("a") as settings:
        settings.write(SERVE)
    served = serve(hub.folder)

    def refused(source: str, *said: str) -> int:
        """After how many requests it was asked too often."""
        headers = [("X-Forwarded-For", one) for one in said]
        return next(number for number in itertools.count(1) if ask(served, source, *headers)[0] == 429)

    # what stands before the proxy's own word is anything that the client writes
    assert refused(PROXY, "198.51.100.1, 192.0.2.1") > UNKNOWN_A_MINUTE
    # another client has all of its own, and the same one has no more left by saying something else before
    assert refused(PROXY, "198.51.100.2", "192.0.2.1") < UNKNOWN_A_MINUTE / 2
    assert refused(PROXY, "192.0.2.2") > UNKNOWN_A_MINUTE
    # with a port, or as IPv6 carries it, it is the same
    assert refused(PROXY, "192.0.2.2:5678") < UNKNOWN_A_MINUTE / 2
    assert refused(PROXY, "[::ffff:192.0.2.2]:80, 127.0.0.2:4000") < UNKNOWN_A_MINUTE / 2
    # who is no proxy counts by its own address, whatever it says
    assert refused(OTHER, "192.0.2.3") > UNKNOWN_A_MINUTE
    assert refused(OTHER, "192.0.2.4") < UNKNOWN_A_MINUTE / 2
    assert end(served) == 0


def test_what_cannot_stand_for_a_token_is_said_in_words(hub: Hub) -> None:
    file = hub.beside / "siem.pem"

    def make(code: int) -> str:
        return hub("token", "make", "csirt-th", "--name", "x", "--certificate", file, "--in", hub.folder, code=code)

    assert "cannot be read" in make(4)
    file.write_text("no certificate")
    assert "no certificate" in make(2)
    file.write_bytes(certificate(days=-1).public_bytes(Encoding.PEM))
    assert "has ended" in make(2)
    file.write_bytes(certificate().public_bytes(Encoding.PEM))
    assert "stands for token" in make(0)
    assert "was let in before" in make(2)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"certificate_header": "Client-Cert"}, "proxies"),
        ({"certificate_header": "Client Cert", "proxies": ["127.0.0.1"]}, "certificate_header"),
        ({"proxies": ["proxy.example"]}, "proxies"),
        ({"proxies": ["10.0.0.1/8"]}, "proxies"),
        ({"requests_a_minute": 0}, "requests_a_minute"),
        ({"request_a_minute": 5}, "request_a_minute"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(table: dict[str, object], key: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_serving(SettingsTable(file=Path("workspace.toml"), path="", content={"serve": table}))
    assert key in str(refused.value)
