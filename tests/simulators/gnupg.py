"""GnuPG, as recipients have it: keys of every condition, and what it finds in a mail that arrived."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

LONG_AGO = "20240101T000000!"


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What GnuPG found in a mail."""

    entity: EmailMessage
    signed_by: str | None
    """Fingerprint of whoever signed it, when the signature is good."""
    keys: tuple[str, ...]
    """Ids of the keys to which it is encrypted."""


@dataclass(frozen=True, kw_only=True)
class GnuPG:
    """A keyring of its own."""

    home: Path

    def __call__(self, *words: str | Path, data: bytes | None = None) -> bytes:
        """What a command prints."""
        own = ["gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", "--homedir", self.home]
        done = subprocess.run(
            [str(word) for word in (*own, *words)], input=data, capture_output=True, check=False
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def make(self, name: str, *usage: str, at: str | None = None) -> str:
        """A key, and its fingerprint; `usage` are gpg's algorithm, usage and expiry."""
        when = () if at is None else ("--faked-system-time", at)
        self(*when, "--quick-gen-key", f"{name}@example.com", *usage)
        listed = self("--list-keys", "--with-colons", f"{name}@example.com").decode()
        return next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))

    def add(self, fingerprint: str, *usage: str, at: str | None = None) -> None:
        """One more subkey."""
        when = () if at is None else ("--faked-system-time", at)
        self(*when, "--quick-add-key", fingerprint, *usage)

    def export(self, name: str, *, secret: bool = False) -> bytes:
        """A certificate, armored."""
        return self("--armor", "--export-secret-keys" if secret else "--export", f"{name}@example.com")

    def revoke(self, fingerprint: str) -> None:
        """Make it a key that counts no more."""
        text = (self.home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text("utf-8")
        self("--import", data=text.replace("\n:-----BEGIN", "\n-----BEGIN").encode())

    def open(self, mail: bytes) -> Opened:
        """A mail of RFC 3156, decrypted."""
        outer = message_from_bytes(mail, policy=default)
        assert outer.get_content_type() == "multipart/encrypted"
        assert outer.get_param("protocol") == "application/pgp-encrypted"
        control, content = outer.iter_parts()
        assert (control.get_content_type(), control.get_payload(decode=True).strip()) == (
            "application/pgp-encrypted", b"Version: 1",
        )  # fmt: skip
        assert content.get_content_type() == "application/octet-stream"
        sealed = self.home / "sealed.asc"
        sealed.write_bytes(content.get_payload(decode=True))
        status, plain = self.home / "status", self.home / "plain"
        plain.unlink(missing_ok=True)
        self("--status-file", status, "--output", plain, "--decrypt", sealed)
        # notations of a signature stand there as they are, which need be no text
        lines = [
            line.split() for line in status.read_text("utf-8", "replace").split("\n") if line.startswith("[GNUPG:]")
        ]
        entity = message_from_bytes(plain.read_bytes(), policy=default)
        assert isinstance(entity, EmailMessage)
        return Opened(
            entity=entity,
            signed_by=next((line[2] for line in lines if line[1] == "VALIDSIG"), None),
            keys=tuple(line[2] for line in lines if line[1] == "ENC_TO"),
        )


@contextmanager
def gnupg() -> Iterator[GnuPG]:
    """A keyring that is gone at the end; its agent listens at a path, which must be a short one."""
    if shutil.which("gpg") is None:
        pytest.skip("needs gpg: it judges the mail that was sent")
    home = Path(tempfile.mkdtemp(prefix="gpg"))
    try:
        yield GnuPG(home=home)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, env={**os.environ})
        shutil.rmtree(home, ignore_errors=True)
