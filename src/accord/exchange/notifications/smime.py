"""S/MIME 4.0 (RFC 8551): a MIME entity signed by the hub (3.5.3, multipart/signed), then encrypted to one (3.3).

It is signed first and encrypted then, so that nobody on the way learns who vouches for it. The content is encrypted by
AES-256 in CBC, for an RSA key of at least 2048 bits by PKCS #1 v1.5: what every mail reader opens. A reader must not
take what opens without its signature for the hub's (EFAIL: CBC alone does not notice changes).
"""

import base64
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from accord.vocabulary.errors import SettingsError

LEAST_BITS = 2048

_LINE_END = re.compile(rb"\r?\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """By whom mail is signed."""

    certificates: tuple[x509.Certificate, ...]
    """Its own first, then those that lead to one that recipients trust."""
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def read_signer(certificates: bytes, key: bytes, sender: str, where: str, now: datetime) -> Signer:
    """The hub's certificate, with those above it, and its key, as PEM. Raises SettingsError, also when the certificate
    does not name the address that writes: readers take such a signature for somebody else's (RFC 8550, 3)."""
    chain = _certificates(certificates, where, now)
    try:
        private = serialization.load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) or (
        private.public_key() != chain[0].public_key()
    ):
        raise SettingsError(
            "The key is not that of the first certificate.",
            where=f"{where}, [mail] key_file",
            expected="an RSA or EC key as PEM, without a passphrase, mode 0600",
        )
    named = _addresses(chain[0])
    if sender.casefold() not in {one.casefold() for one in named}:
        raise SettingsError(
            "The certificate does not name the address that mail is from.",
            where=f"{where}, [mail] from",
            expected=", ".join(named) or "a certificate that names a mail address",
            got=sender,
            remedy="correct `from`, or have a certificate made for it",
        )
    return Signer(certificates=chain, key=private)


def read_recipient(certificate: bytes, where: str, now: datetime) -> x509.Certificate:
    """The certificate to which a recipient's mail is encrypted, as PEM. Raises SettingsError."""
    found = _certificates(certificate, where, now)[0]
    public = found.public_key()
    if not isinstance(public, rsa.RSAPublicKey) or public.key_size < LEAST_BITS:
        raise SettingsError(
            "Mail cannot be encrypted to this certificate.",
            where=where,
            expected=f"one of an RSA key of {LEAST_BITS} bits or more",
        )
    return found


def sign(entity: bytes, signer: Signer) -> bytes:
    """A MIME entity (lines end in CRLF) as multipart/signed, headers included."""
    builder = pkcs7.PKCS7SignatureBuilder().set_data(entity)
    builder = builder.add_signer(signer.certificates[0], signer.key, hashes.SHA256())
    for one in signer.certificates[1:]:
        builder = builder.add_certificate(one)
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    return _LINE_END.sub(b"\r\n", builder.sign(serialization.Encoding.SMIME, options))


def encrypt(entity: bytes, certificate: x509.Certificate) -> bytes:
    """A MIME entity as one that only the certificate's owner opens, headers included."""
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(entity).add_recipient(certificate)
    builder = builder.set_content_encryption_algorithm(algorithms.AES256)
    sealed = builder.encrypt(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    head = (
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"\r\n'
        b"Content-Transfer-Encoding: base64\r\n"
        b'Content-Disposition: attachment; filename="smime.p7m"\r\n\r\n'
    )
    return head + base64.encodebytes(sealed).replace(b"\n", b"\r\n")


def _addresses(certificate: x509.Certificate) -> list[str]:
    """The mail addresses that a certificate names, in its alternative names or its subject."""
    said = [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)]
    # what cannot be read names nobody
    with suppress(x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        said = [*names.get_values_for_type(x509.RFC822Name), *said]
    return said


def _certificates(data: bytes, where: str, now: datetime) -> tuple[x509.Certificate, ...]:
    try:
        found = tuple(x509.load_pem_x509_certificates(data))
    except ValueError as error:
        raise SettingsError("This is no certificate.", where=where, expected="X.509 as PEM") from error
    first = found[0]
    if not first.not_valid_before_utc <= now <= first.not_valid_after_utc:
        raise SettingsError(
            "The certificate is not valid now.",
            where=where,
            expected=f"{first.not_valid_before_utc:%Y-%m-%d} to {first.not_valid_after_utc:%Y-%m-%d}",
            got=f"{now:%Y-%m-%d}",
            remedy="ask its owner for the one that followed it",
        )
    return found
