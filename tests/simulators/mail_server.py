"""A real mail server (aiosmtpd) on loopback, with certificates of a CA of its own, and a recipient's S/MIME keys."""

import asyncio
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

USER, SECRET = b"accord", b"correct horse"
DAY = timedelta(days=1)


@dataclass
class Post:
    """What the server does, and what it was given."""

    taken: list[Envelope] = field(default_factory=list)
    at_recipient: Callable[[str], str | None] = lambda _: None
    """What it answers to a recipient instead of taking it."""
    at_data: Callable[[Envelope], str | None] = lambda _: None
    """What it answers to a message instead of taking it; called once the message is there."""

    hang_up: bool = False
    """Instead of answering to a message."""

    reports: bool = False
    """Does it offer reports on deliveries (RFC 3461)?"""
    asked: list[str] = field(default_factory=list)
    """What it was told for them, as it came."""

    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Any, _envelope: Envelope, name: str, answers: list[str]
    ) -> list[str]:
        session.host_name = name
        return [*answers[:-1], *(["250-DSN"] if self.reports else []), answers[-1]]

    async def handle_RCPT(self, _server: SMTP, _session: Any, envelope: Envelope, to: str, _options: Any) -> str:  # noqa: N802
        said = self.at_recipient(to)
        if said is None:
            envelope.rcpt_tos.append(to)
        return said or "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.hang_up:
            server.transport.abort()
            return "421 gone"
        said = self.at_data(envelope)
        if said is None:
            self.taken.append(envelope)
        return said or "250 queued as 4711"


class _Reporting(SMTP):
    """As aiosmtpd is, and it takes the parameters of RFC 3461 where it offers them."""

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        await super().smtp_MAIL(self._without(arg, "ENVID", "RET"))

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        await super().smtp_RCPT(self._without(arg, "NOTIFY"))

    def _without(self, arg: str | None, *names: str) -> str | None:
        post = self.event_handler
        if arg is None or not post.reports:
            return arg
        words = arg.split(" ")
        mine = [one for one in words if one.partition("=")[0] in names]
        post.asked += mine
        return " ".join(one for one in words if one not in mine)


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that runs."""

    port: int
    post: Post
    keys: Path
    """ca.pem; hub.pem, hub.key; recipient.pem, recipient.key; server.pem, server.key."""

    def settings(self, more: str = "", recipient: str = 'certificate = "{keys}/recipient.pem"\n') -> str:
        """The table [mail] of a hub that uses it."""
        return f"""
[mail]
host = "localhost"
port = {self.port}
ca_file = "{self.keys}/ca.pem"
user = "{USER.decode()}"
password_file = "{self.keys}/password"
from = "notify@hub.example"
bounces = "bounce@hub.example"
certificate = "{self.keys}/hub.pem"
key_file = "{self.keys}/hub.key"
{more}
[[mail.recipient]]
partner = "csirt-th"
address = "desk@csirt-th.example"
{recipient.format(keys=self.keys)}"""


@contextmanager
def mail_server(keys: Path, *, tls: bool = True, implicit: bool = False) -> Iterator[Server]:
    """A server that speaks STARTTLS and takes mail from who has logged in by it; with `implicit`, TLS at once."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(keys / "server.pem", keys / "server.key")
    post = Post()

    def log_in(_server: SMTP, _session: Any, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (USER, SECRET), handled=False)

    spoken: list[SMTP] = []

    def protocol() -> SMTP:
        encrypted = {} if not tls or implicit else {"tls_context": context, "require_starttls": True}
        one = _Reporting(post, hostname="mail.example", authenticator=log_in, auth_required=tls and not implicit,
                    auth_require_tls=tls and not implicit, **encrypted)  # fmt: skip
        spoken.append(one)
        return one

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0, ssl=context if implicit else None))
    thread = threading.Thread(target=loop.run_forever, name="mail server")
    thread.start()
    try:
        yield Server(port=server.sockets[0].getsockname()[1], post=post, keys=keys)
    finally:
        asyncio.run_coroutine_threadsafe(_close(server, spoken), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _close(server: asyncio.Server, spoken: list[SMTP]) -> None:
    # no more are taken; one that was just being taken is closed by nobody if the server is, before that has begun
    for listens in server.sockets:
        asyncio.get_running_loop().remove_reader(listens.fileno())
    for _ in range(3):
        await asyncio.sleep(0)
    server.close()
    for one in spoken:
        if one.transport is not None:
            one.transport.abort()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    # what was ended is closed in the loop's next turns
    for _ in range(3):
        await asyncio.sleep(0)


def opened_by_openssl(message: bytes, keys: Path, folder: Path) -> EmailMessage:
    """What OpenSSL finds in a mail that arrived: decrypted, its signature verified, and the MIME entity in it."""
    mail, signed = folder / "arrived.eml", folder / "signed.eml"
    mail.write_bytes(message)
    _openssl("cms", "-decrypt", "-in", mail, "-recip", keys / "recipient.pem", "-inkey", keys / "recipient.key",
             "-out", signed)  # fmt: skip
    return verified_by_openssl(signed.read_bytes(), keys, folder)


def verified_by_openssl(message: bytes, keys: Path, folder: Path) -> EmailMessage:
    """What OpenSSL finds in a signed mail, when the hub has signed it."""
    signed, entity = folder / "signed.eml", folder / "entity.eml"
    signed.write_bytes(message)
    _openssl("cms", "-verify", "-in", signed, "-CAfile", keys / "ca.pem", "-out", entity)
    read = message_from_bytes(entity.read_bytes(), policy=default)
    assert isinstance(read, EmailMessage)
    return read


def _openssl(*words: str | Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl: it judges the mail that was sent")
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def make_keys(folder: Path) -> None:
    """A CA, and by it certificates of a server, of the hub and of a recipient."""
    folder.mkdir(exist_ok=True)
    above = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA of tests")])
    _write(folder / "ca.pem", _certificate(name, name, above, above, ca=True))
    for who, usage, alternative in (
        ("server", ExtendedKeyUsageOID.SERVER_AUTH, x509.DNSName("localhost")),
        ("hub", ExtendedKeyUsageOID.EMAIL_PROTECTION, x509.RFC822Name("notify@hub.example")),
        ("recipient", ExtendedKeyUsageOID.EMAIL_PROTECTION, x509.RFC822Name("desk@csirt-th.example")),
    ):
        key = rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, who)])
        _write(folder / f"{who}.pem", _certificate(subject, name, key, above, usage=usage, alternative=alternative))
        (folder / f"{who}.key").touch(0o600)
        (folder / f"{who}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    (folder / "password").write_bytes(SECRET + b"\n")


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPrivateKey,
    above: rsa.RSAPrivateKey,
    *,
    ca: bool = False,
    usage: x509.ObjectIdentifier | None = None,
    alternative: x509.GeneralName | None = None,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 30 * DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above.public_key()), critical=False)
    )
    if usage is not None and alternative is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
    if ca:
        builder = builder.add_extension(
            x509.KeyUsage(
                digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
                key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
            ),
            critical=True,
        )  # fmt: skip
    return builder.sign(above, hashes.SHA256())


def _write(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
