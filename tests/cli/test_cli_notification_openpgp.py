"""Mail by OpenPGP: opened by GnuPG, signed where the hub has a key, and never encrypted to what does not count."""

import json
import shutil
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from tests.cli.test_cli_notification import (
    attached_to,
    handed_over,
    listed,
    opened_by_recipient,
    send,
    set_mail,
    text_in,
)
from tests.cli.test_cli_release import Accord, Hub
from tests.simulators.gnupg import LONG_AGO, GnuPG, gnupg
from tests.simulators.mail_server import Server, mail_server

__all__ = ["handed_over"]

GOOD = ("ed25519", "sign", "never")


@pytest.fixture
def server(handed_over: Path, tmp_path: Path) -> Iterator[Server]:
    shutil.copytree(handed_over, tmp_path, dirs_exist_ok=True)
    with mail_server(tmp_path / "mail-keys") as one:
        yield one


@pytest.fixture
def hub(accord_here: Accord, tmp_path: Path, server: Server) -> Hub:
    return Hub(folder=tmp_path / "hub", keys=tmp_path / "keys", accord=accord_here)


@pytest.fixture
def gpg() -> Iterator[GnuPG]:
    with gnupg() as one:
        yield one


def write_to(hub: Hub, server: Server, certificate: bytes, more: str = "") -> None:
    (server.keys / "recipient.asc").write_bytes(certificate)
    for key in server.keys.glob("hub.asc"):
        key.chmod(0o600)
    set_mail(hub, server.settings(more, recipient='openpgp = "{keys}/recipient.asc"\n'))


def checked(hub: Hub, code: int = 0) -> dict:
    (one,) = json.loads(hub("notification", "check", "--json", "--in", hub.folder, code=code))
    return one


def test_gnupg_opens_what_was_encrypted_to_its_certificate_and_knows_who_signed(
    hub: Hub, server: Server, gpg: GnuPG, tmp_path: Path
) -> None:
    own = gpg.make("desk", *GOOD)
    gpg.add(own, "cv25519", "encr", "never")
    signer = gpg.make("hub", *GOOD)
    key = server.keys / "hub.asc"
    key.write_bytes(gpg.export("hub", secret=True))
    write_to(hub, server, gpg.export("desk"), f'openpgp_key_file = "{key}"')
    assert checked(hub)["how"] == f"OpenPGP, signed, to {own.lower()}"
    send(hub)
    (mail,) = server.post.taken
    outer = message_from_bytes(mail.original_content, policy=default)
    assert outer["subject"].startswith("[TLP:AMBER] 1 report from ")
    for secret in (b"110.164.10", b"october", b"accord1_"):
        assert secret not in mail.original_content
    # RFC 5322: lines end in CRLF, and none is longer than 998
    assert b"\n" not in mail.original_content.replace(b"\r\n", b"")
    opened = gpg.open(mail.original_content)
    assert opened.signed_by == signer
    assert text_in(opened.entity).startswith("TLP:AMBER\n")
    content = opened_by_recipient(hub, attached_to(opened.entity), tmp_path)
    assert (content / "findings.csv").exists()
    assert listed(hub)[0]["state"] == "sent"


def test_without_a_key_of_the_hub_s_it_is_encrypted_and_not_signed(hub: Hub, server: Server, gpg: GnuPG) -> None:
    # a key for both, as many have it
    gpg.make("desk", "rsa3072", "sign,encr", "never")
    write_to(hub, server, gpg.export("desk"))
    assert checked(hub)["how"].startswith("OpenPGP, unsigned, to ")
    send(hub)
    assert gpg.open(server.post.taken[0].original_content).signed_by is None


def test_only_keys_that_count_now_open_it(hub: Hub, server: Server, gpg: GnuPG) -> None:
    own = gpg.make("desk", *GOOD, at=LONG_AGO)
    gpg.add(own, "cv25519", "encr", "1m", at=LONG_AGO)
    gpg.add(own, "cv25519", "encr", "never", at=LONG_AGO.replace("0101", "0102"))
    write_to(hub, server, gpg.export("desk"))
    send(hub)
    rows = [line.split(":") for line in gpg("--list-keys", "--with-colons").decode().splitlines()]
    (valid,) = [row[4] for row in rows if row[0] == "sub" and row[1] != "e"]
    assert gpg.open(server.post.taken[0].original_content).keys == (valid,)


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ("no key for encryption", "a certificate without a key for encryption"),
        ("expired", "The OpenPGP certificate expired on 2024-01-31."),
        ("revoked", "The OpenPGP certificate was revoked."),
        ("its key for encryption expired", "expired on 2024-01-31"),
        ("a secret key", "The file holds the recipient's secret key."),
        ("two certificates", "2 certificates"),
        ("none", "This is no OpenPGP certificate."),
        ("half of one", "This is no OpenPGP certificate."),
    ],
)
def test_what_does_not_count_is_refused_when_it_is_declared_and_when_it_is_sent(
    hub: Hub, server: Server, gpg: GnuPG, which: str, said: str
) -> None:
    match which:
        case "no key for encryption":
            gpg.make("desk", *GOOD)
        case "expired":
            gpg.make("desk", "default", "default", "1m", at=LONG_AGO)
        case "its key for encryption expired":
            gpg.add(gpg.make("desk", *GOOD, at=LONG_AGO), "cv25519", "encr", "1m", at=LONG_AGO)
        case "revoked":
            gpg.revoke(gpg.make("desk", "default", "default", "never"))
        case _:
            gpg.make("desk", "default", "default", "never")
    data = gpg.export("desk", secret=which == "a secret key")
    if which == "two certificates":
        gpg.make("other", "default", "default", "never")
        data = gpg("--armor", "--export")
    data = {"none": b"-----BEGIN CERTIFICATE-----\n", "half of one": data[: len(data) // 2]}.get(which, data)
    write_to(hub, server, data)
    assert said in checked(hub, 1)["fault"]
    assert said in send(hub, code=2)
    assert server.post.taken == []
    assert listed(hub) == []


def test_a_key_of_the_hub_s_that_cannot_sign_is_refused(hub: Hub, server: Server, gpg: GnuPG) -> None:
    gpg.make("desk", "default", "default", "never")
    gpg.make("hub", "default", "default", "1m", at=LONG_AGO)
    key = server.keys / "hub.asc"
    for data, said in (
        (gpg.export("hub", secret=True), "expired on 2024-01-31"),
        (gpg.export("desk"), "none that can be read and used"),
        (b"", "none that can be read and used"),
    ):
        key.write_bytes(data)
        write_to(hub, server, gpg.export("desk"), f'openpgp_key_file = "{key}"')
        assert said in send(hub, code=2)
    assert server.post.taken == []


def test_a_mail_is_encrypted_in_one_way(hub: Hub, server: Server) -> None:
    both = 'certificate = "{keys}/recipient.pem"\nopenpgp = "{keys}/recipient.asc"\n'
    set_mail(hub, server.settings(recipient=both))
    assert "a mail is encrypted in one way" in send(hub, code=2)


def test_how_each_recipient_is_written_to_is_told_before_anything_is_sent(hub: Hub, server: Server) -> None:
    set_mail(hub, server.settings())
    told = checked(hub)
    assert told["how"] == "S/MIME, signed, to CN=recipient"
    assert told["until"] > "2026"
    set_mail(hub, server.settings(recipient=""))
    assert "TLP:CLEAR alone" in checked(hub)["how"]
    set_mail(hub, server.settings().replace("recipient.pem", "hub.key"))
    assert "NOT: This is no certificate." in hub("notification", "check", "--in", hub.folder, code=1)


def test_what_would_stop_the_sending_is_named_before_anything_is_sent(hub: Hub, server: Server) -> None:
    def both(code: int) -> str:
        said = [hub("notification", verb, "--in", hub.folder, code=code) for verb in ("check", "send")]
        assert said[0] == said[1]
        return said[0]

    set_mail(hub, server.settings().replace('from = "notify@', 'from = "Desk@'))
    said = both(2)
    assert "does not name the address that mail is from" in said
    assert "expected: notify@hub.example\n  got: Desk@hub.example\n" in said
    set_mail(hub, server.settings())
    (server.keys / "hub.key").chmod(0o640)
    assert f"got: mode 0640\n  to do: chmod 600 {server.keys / 'hub.key'}\n" in both(2)
    (server.keys / "hub.key").chmod(0o600)
    (server.keys / "password").unlink()
    assert f"where: {server.keys / 'password'}\n" in both(4)
    assert server.post.taken == []
