"""OpenPGP for mail: a MIME entity encrypted to one certificate (RFC 3156, 4), and signed where the hub has a key (6.2).

    Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=...
      application/pgp-encrypted       Version: 1
      application/octet-stream        -----BEGIN PGP MESSAGE-----

The library encrypts to whatever key it finds in a certificate, be it expired or revoked, so that only keys that count
now are handed to it. Whose a certificate is nobody but the operator says: what it names is not looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from accord.vocabulary.errors import SettingsError

if TYPE_CHECKING:  # only who has a correspondent with such a certificate needs it
    from pysequoia import Cert, PySigner
    from pysequoia.packet import Packet

_BOUNDARY = "=_openpgp"
"""No line of an armored message begins with it (RFC 9580, 6.2)."""

_EXPECTED = "one OpenPGP certificate, armored or not, with a key for encryption that is valid now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """To which mail is encrypted."""

    certificate: "Cert"
    """With the keys alone to which a message may be encrypted now."""
    until: datetime | None
    """When it ends; None: never."""

    @property
    def fingerprint(self) -> str:
        """Of its primary key, in hex."""
        return self.certificate.fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class PgpSigner:
    """By whom mail is signed."""

    fingerprint: str
    signer: "PySigner"


def read_recipient(data: bytes, where: str, now: datetime) -> Recipient:
    """The certificate to which a recipient's mail is encrypted. Raises SettingsError when nothing may be, and why."""
    whole = _certificate(data, where, now)
    keys = [one for one in _components(whole) if one.encrypts]
    alive = [one for one in keys if one.fault(now) is None]
    if not alive:
        faults = ", ".join(f"{one.name} {one.fault(now)}" for one in keys)
        raise _unfit(
            "Mail cannot be encrypted to this certificate.",
            where,
            faults or "a certificate without a key for encryption",
            "ask its owner for the one that they use now",
        )
    from pysequoia import Cert, encrypt

    try:
        kept = Cert.from_packets(list(_kept(whole, {one.name for one in alive})))
        # it says so here and not when a mail is due, where it refuses an algorithm
        encrypt(recipients=[kept], bytes=b"")
    except (RuntimeError, ValueError):
        raise _unfit(
            "Mail cannot be encrypted to this certificate.",
            where,
            "keys or signatures of kinds that are not used any more (SHA-1, short RSA), or damaged ones",
            "ask its owner for a newer one",
        ) from None
    ends = [one.ends for one in alive if one.ends is not None]
    until = [*([whole.expiration] if whole.expiration is not None else []), *(ends if len(ends) == len(alive) else [])]
    return Recipient(certificate=kept, until=min(until, default=None))


def read_signer(data: bytes, where: str, now: datetime) -> PgpSigner:
    """The hub's key, with which mail is signed. Raises SettingsError."""
    from pysequoia import Tsk

    what = "The hub's OpenPGP key cannot sign mail."
    expected = "an OpenPGP key without a passphrase that may sign"
    try:
        key = Tsk.from_bytes(data)
        certificate = key.extract_certificate()
        fault = _ended(certificate, now)
        if fault is None:
            return PgpSigner(fingerprint=certificate.fingerprint, signer=key.signer())
    except (RuntimeError, ValueError, TypeError):
        raise SettingsError(what, where=where, expected=expected, got="none that can be read and used") from None
    raise SettingsError(what, where=where, expected=expected, got=f"a key that {fault}")


def seal(entity: bytes, recipient: Recipient, signer: PgpSigner | None) -> bytes:
    """A MIME entity (lines end in CRLF) as one that only the certificate's owner opens, headers included."""
    from pysequoia import encrypt

    sealed = encrypt(recipients=[recipient.certificate], bytes=entity, signer=None if signer is None else signer.signer)
    parts = (
        "MIME-Version: 1.0",
        f'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="{_BOUNDARY}"',
        "",
        f"--{_BOUNDARY}",
        "Content-Type: application/pgp-encrypted",
        "",
        "Version: 1",
        "",
        f"--{_BOUNDARY}",
        'Content-Type: application/octet-stream; name="encrypted.asc"',
        'Content-Disposition: inline; filename="encrypted.asc"',
        "",
        *sealed.decode("ascii").splitlines(),
        "",
        f"--{_BOUNDARY}--",
        "",
    )
    return "\r\n".join(parts).encode("ascii")


def _certificate(data: bytes, where: str, now: datetime) -> "Cert":
    from pysequoia import Cert
    from pysequoia.packet import PacketPile, Tag

    try:
        found = Cert.split_bytes(data)
        secret = any(one.tag in (Tag.SecretKey, Tag.SecretSubkey) for one in PacketPile.from_bytes(data))
    except (RuntimeError, ValueError):
        found, secret = [], False
    if len(found) != 1:
        told = f"{len(found)} certificates" if found else "none"
        raise _unfit("This is no OpenPGP certificate.", where, told, "export one: `gpg --export --armor ADDRESS`")
    (whole,) = found
    if secret:
        raise _unfit(
            "The file holds the recipient's secret key.", where, "a key that others have seen",
            "tell its owner, and let them make another one; what they hand you is the certificate alone",
        )  # fmt: skip
    fault = _ended(whole, now)
    if fault is not None:
        raise _unfit(
            f"The OpenPGP certificate {fault}.", where, whole.fingerprint, "ask its owner for the one that they use now"
        )
    return whole


def _ended(certificate: "Cert", now: datetime) -> str | None:
    if certificate.is_revoked:
        return "was revoked"
    ends = certificate.expiration
    return f"expired on {ends:%Y-%m-%d}" if ends is not None and ends <= now else None


def _unfit(what: str, where: str, got: str, remedy: str) -> SettingsError:
    return SettingsError(what, where=where, expected=_EXPECTED, got=got, remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Component:
    """A key of a certificate, by the newest of the signatures that bind it."""

    name: str
    """Its fingerprint."""
    encrypts: bool
    ends: datetime | None
    revoked: bool

    def fault(self, now: datetime) -> str | None:
        """Why nothing may be encrypted to it now; None: it may."""
        if self.revoked:
            return "was revoked"
        return f"expired on {self.ends:%Y-%m-%d}" if self.ends is not None and self.ends <= now else None


def _components(certificate: "Cert") -> Iterator[_Component]:
    """The keys of a certificate; of the primary one the certificate itself says when it ends."""
    from pysequoia.packet import SignatureType, Tag

    for key, signatures in _grouped(certificate):
        # what others certify of a key says nothing of its use
        binding = {one.signature_created: one for one in signatures if one.key_flags is not None}
        newest = binding[max(one for one in binding if one is not None)] if binding else None
        flags = None if newest is None else newest.key_flags
        period = None if newest is None or key.tag == Tag.PublicKey else newest.key_validity_period
        created = key.key_created
        yield _Component(
            name=str(key.fingerprint),
            encrypts=flags is not None and (flags.transport_encryption or flags.storage_encryption),
            ends=None if period is None or created is None else created + period,
            revoked=any(one.signature_type == SignatureType.SubkeyRevocation for one in signatures),
        )


def _grouped(certificate: "Cert") -> Iterator[tuple["Packet", list["Packet"]]]:
    """Each key with the signatures that follow it, up to the next key."""
    from pysequoia.packet import Tag

    key: Packet | None = None
    signatures: list[Packet] = []
    for one in _packets(certificate):
        if one.tag in (Tag.PublicKey, Tag.PublicSubkey):
            if key is not None:
                yield key, signatures
            key, signatures = one, []
        elif one.tag == Tag.Signature:
            signatures.append(one)
    if key is not None:
        yield key, signatures


def _kept(certificate: "Cert", names: set[str]) -> Iterator["Packet"]:
    """A certificate without the subkeys that are not among some."""
    from pysequoia.packet import Tag

    keep = True
    for one in _packets(certificate):
        if one.tag == Tag.PublicSubkey:
            keep = one.fingerprint in names
        if keep:
            yield one


def _packets(certificate: "Cert") -> Iterator["Packet"]:
    from pysequoia.packet import PacketPile

    yield from PacketPile.from_bytes(bytes(certificate))
