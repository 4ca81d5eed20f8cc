"""Notes: a text and the signatures of those who stand by it, and the keys that make and verify them (C2SP signed-note).

    If you think cryptography is the answer to your problem,
    then you don't know what your problem is.

    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=

The text ends with the newline before the last empty line; every line after that is a signature: em dash, the key's
name, and in base64 the key's id (4 bytes) with the signature. A key is told to others as a line of text, with its name,
its id and its type:

    PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW

Two types are known: Ed25519 over the text (0x01), and `cosignature/v1` (0x04, C2SP tlog-cosignature), Ed25519 over a
time and the text, by which a witness says that this is the largest tree that it had seen of a log by then.
"""

import base64
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from accord.vocabulary.errors import MalformedError, UnprovenError

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
"""What is larger is refused before it is looked at; the specification asks for at least 16 signatures."""
MAX_POSIX_S = (1 << 63) - 1
"""The latest time that a cosignature may state."""

_DASH = "— "
_BASE64 = re.compile("(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
_KEY_ID_BYTES = 4
_ED25519_BYTES = 64
_TIME_BYTES = 8
_SIGNING_KEY: Final = "PRIVATE+KEY+"


class SignatureType(IntEnum):
    """How a key signs, as the byte that stands in its id and in its text."""

    ED25519 = 0x01
    COSIGNATURE_V1 = 0x04


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One line under a note. Whether it is good is said by nobody yet."""

    name: str
    key_id: bytes
    value: bytes

    def __post_init__(self) -> None:
        _demand_name(self.name)
        if len(self.key_id) != _KEY_ID_BYTES or not self.value:
            raise MalformedError("A note's signature is cut off.", where=self.name, expected="more than 4 bytes")

    @property
    def line(self) -> str:
        """The line as it stands in the note, with its newline."""
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text and the lines under it. Nothing of it is to be believed before a known key was found to have signed it."""

    text: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        demand_utf8(self.text)
        if not self.text.endswith("\n") or _CONTROL.search(self.text) is not None:
            raise MalformedError(
                "This is no text of a note.", expected="lines without control characters, each with its newline"
            )
        if len(self.signatures) > MAX_SIGNATURES:
            raise MalformedError("The note has too many signatures.", expected=f"at most {MAX_SIGNATURES}")

    def encode(self) -> bytes:
        """The note as it is served. Raises MalformedError when nobody has signed it."""
        if not self.signatures:
            raise MalformedError("The note has no signature.", expected="at least one")
        return f"{self.text}\n{''.join(one.line for one in self.signatures)}".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """A public key under a name: what somebody's signatures are verified with."""

    name: str
    type: SignatureType
    public: bytes
    """The Ed25519 public key, 32 bytes (RFC 8032)."""

    def __post_init__(self) -> None:
        _demand_name(self.name)
        if len(self.public) != 32:
            raise MalformedError("A key is of the wrong length.", where=self.name, expected="32 bytes")

    @property
    def key_id(self) -> bytes:
        """What a signature names the key by, beside its name: 4 bytes of a hash, no proof of anything."""
        return _key_id(self.name, self.type, self.public)

    def __str__(self) -> str:
        """The key as a line of text: name, id and key, with `+` between them."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.type]) + self.public)}"

    def verify(self, text: str, value: bytes) -> int | None:
        """Verify a signature of this key over a note's text: the time that it states, None for a type that states none.

        The time is in seconds since 1970-01-01 UTC. Raises UnprovenError.
        """
        times = _TIME_BYTES if self.type is SignatureType.COSIGNATURE_V1 else 0
        posix_s = int.from_bytes(value[:times], "big") if times else None
        if len(value) != times + _ED25519_BYTES or (posix_s or 0) > MAX_POSIX_S:
            raise UnprovenError("A signature is malformed.", where=str(self), got=f"{len(value)} bytes")
        message = text.encode() if posix_s is None else cosigned_message(text, posix_s)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(value[times:], message)
        except (InvalidSignature, ValueError) as error:
            raise UnprovenError("A signature is not by the key that it names.", where=str(self)) from error
        return posix_s


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A secret key under a name. Its seed is in no message, in no `repr`, and in `export` only."""

    name: str
    type: SignatureType
    seed: bytes = field(repr=False)
    """The Ed25519 secret key, 32 random bytes (RFC 8032)."""

    def __post_init__(self) -> None:
        _demand_name(self.name)
        if len(self.seed) != 32:
            raise MalformedError("A signing key is of the wrong length.", where=self.name, expected="32 bytes")

    @property
    def verifier(self) -> VerifierKey:
        """The public key, for those who verify."""
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        return VerifierKey(name=self.name, type=self.type, public=public)

    def export(self) -> str:
        """The secret key as a line of text, for a file that only its owner reads."""
        return f"{_SIGNING_KEY}{self.name}+{self.verifier.key_id.hex()}+{encode_base64(bytes([self.type]) + self.seed)}"

    def sign(self, text: str) -> Signature:
        """Sign a note's text. Raises ValueError for a key that cosigns."""
        if self.type is not SignatureType.ED25519:
            raise ValueError("a key of this type cosigns")
        return self._signature(b"", text.encode())

    def cosign(self, text: str, posix_s: int) -> Signature:
        """Cosign a checkpoint's text at a time, in seconds since 1970-01-01 UTC.

        Raises ValueError for a key that signs, MalformedError for a time that no cosignature can state.
        """
        if self.type is not SignatureType.COSIGNATURE_V1:
            raise ValueError("a key of this type signs")
        message = cosigned_message(text, posix_s)
        return self._signature(posix_s.to_bytes(_TIME_BYTES, "big"), message)

    def _signature(self, before: bytes, message: bytes) -> Signature:
        value = before + Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)
        return Signature(name=self.name, key_id=self.verifier.key_id, value=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A signature that a known key has made over the note's text."""

    key: VerifierKey
    posix_s: int | None
    """The time that a cosignature states, in seconds since 1970-01-01 UTC; None: its type states none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedNote:
    """A note that at least one known key has signed."""

    note: Note
    verified: tuple[Verified, ...]
    """In the order of the note's lines; a line that stands twice, once."""

    @property
    def text(self) -> str:
        """The text that was signed."""
        return self.note.text


def cosigned_message(text: str, posix_s: int) -> bytes:
    """What a cosignature/v1 signs: two lines of its own, and the checkpoint's text."""
    if not 0 <= posix_s <= MAX_POSIX_S:
        raise MalformedError("No cosignature states this time.", expected=f"0 to {MAX_POSIX_S}", got=str(posix_s))
    return f"cosignature/v1\ntime {posix_s}\n{text}".encode()


def parse_note(data: bytes) -> Note:
    """Read a note without believing it. Raises MalformedError."""
    if len(data) > MAX_NOTE_BYTES:
        raise MalformedError("The note is too large.", expected=f"at most {MAX_NOTE_BYTES:,} bytes")
    try:
        whole = data.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("The note is not UTF-8.", got=f"byte {error.start}") from error
    text, parting, lines = whole.rpartition("\n\n")
    if not parting or not lines.endswith("\n"):
        raise MalformedError("This is no signed note.", expected="a text, an empty line, and signatures")
    signatures = lines[:-1].split("\n")
    if len(signatures) > MAX_SIGNATURES:
        raise MalformedError("The note has too many signatures.", expected=f"at most {MAX_SIGNATURES}")
    return Note(text=text + "\n", signatures=tuple(parse_signature(one) for one in signatures))


def parse_signature(line: str) -> Signature:
    """Read one signature line, without its newline. Raises MalformedError."""
    name, parting, coded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not parting:
        raise MalformedError("This is no signature of a note.", expected="— <key name> <base64>", got=repr(line[:200]))
    # unused bits of the last digit are passed over, as by Go's reader; nothing that is signed hangs on them
    value = _decode_any_base64(coded)
    return Signature(name=name, key_id=value[:_KEY_ID_BYTES], value=value[_KEY_ID_BYTES:])


def open_note(data: bytes, keys: Iterable[VerifierKey]) -> OpenedNote:
    """Read a note and verify the signatures of the keys that are known; those of others are passed over.

    Raises MalformedError; UnprovenError when no known key has signed, or when a signature that names one is bad: then
    the whole note is refused, because somebody has tampered with it.
    """
    return verify_note(parse_note(data), keys)


def verify_note(note: Note, keys: Iterable[VerifierKey]) -> OpenedNote:
    """`open_note` for a note that was read before."""
    known = _by_name(keys)
    # a line that stands twice says nothing more, and one line is verified once whatever a sender repeats
    verified = [
        Verified(key=key, posix_s=key.verify(note.text, one.value))
        for one in dict.fromkeys(note.signatures)
        if (key := known.get((one.name, one.key_id))) is not None
    ]
    if not verified:
        raise UnprovenError(
            "No known key has signed the note.",
            expected=", ".join(f"{name}+{key_id.hex()}" for name, key_id in known) or "a key that is known",
            got=", ".join(f"{one.name}+{one.key_id.hex()}" for one in note.signatures),
        )
    return OpenedNote(note=note, verified=tuple(verified))


def sign_note(text: str, keys: Sequence[SigningKey]) -> Note:
    """A note with the signatures of these keys, in their order. Raises MalformedError when the text cannot be one."""
    unsigned = Note(text=text, signatures=())
    return add_signatures(unsigned, [key.sign(text) for key in keys])


def add_signatures(note: Note, signatures: Collection[Signature]) -> Note:
    """The note with more lines under it, those that it has already left out."""
    return Note(text=note.text, signatures=tuple(dict.fromkeys([*note.signatures, *signatures])))


def parse_verifier_key(line: str) -> VerifierKey:
    """Read a verifier key, `<name>+<id>+<base64>`. Raises MalformedError."""
    name, key_id, kind, public = _parse_key(line, "verifier key")
    key = VerifierKey(name=name, type=kind, public=public)
    _demand_id(key, key_id)
    return key


def parse_signing_key(line: str) -> SigningKey:
    """Read a signing key, `PRIVATE+KEY+<name>+<id>+<base64>`. Raises MalformedError, which quotes nothing of it."""
    if not line.startswith(_SIGNING_KEY):
        raise MalformedError("This is no signing key.", expected="PRIVATE+KEY+<name>+<id>+<base64>")
    name, key_id, kind, seed = _parse_key(line.removeprefix(_SIGNING_KEY), "signing key")
    key = SigningKey(name=name, type=kind, seed=seed)
    _demand_id(key.verifier, key_id)
    return key


def demand_utf8(text: str) -> None:
    """Refuse a text that has no bytes: one with half a surrogate pair in it. Raises MalformedError."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise MalformedError("This text cannot be written as UTF-8.", got=ascii(text[:200])) from error


def encode_base64(data: bytes) -> str:
    """Base64 with the standard alphabet and padding (RFC 4648, section 4)."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Read base64, of which every value has one spelling only. Raises MalformedError, which does not quote it."""
    data = _decode_any_base64(text)
    if encode_base64(data) != text:
        raise MalformedError("This base64 is spelled otherwise.", expected="unused bits that are 0")
    return data


def _decode_any_base64(text: str) -> bytes:
    if _BASE64.fullmatch(text) is None:
        raise MalformedError("This is no base64.", expected="RFC 4648, section 4, with padding")
    return base64.b64decode(text)


def _parse_key(line: str, what: str) -> tuple[str, bytes, SignatureType, bytes]:
    demand_utf8(line)
    parts = line.split("+", 2)
    if len(parts) != 3 or re.fullmatch("[0-9a-f]{8}", parts[1]) is None:
        raise MalformedError(f"This is no {what}.", expected="<name>+<8 hexadecimal digits>+<base64>")
    data = decode_base64(parts[2])
    try:
        kind = SignatureType(data[0] if data else 0)
    except ValueError as error:
        raise MalformedError(
            f"A {what} is of a type that is not known.", where=parts[0], expected="0x01 or 0x04"
        ) from error
    return parts[0], bytes.fromhex(parts[1]), kind, data[1:]


def _demand_id(key: VerifierKey, key_id: bytes) -> None:
    if key.key_id != key_id:
        raise MalformedError(
            "A key's id is not that of the key.", where=key.name, expected=key.key_id.hex(), got=key_id.hex(),
            remedy="copy the whole key again from where it is published",
        )  # fmt: skip


def _demand_name(name: str) -> None:
    """A key's name: not empty, no Unicode space, no plus; and nothing that cannot stand in a note."""
    if not name or "+" in name or any(one.isspace() for one in name) or _CONTROL.search(name) is not None:
        raise MalformedError("This is no name of a key.", expected="no space and no +", got=repr(name[:200]))
    demand_utf8(name)


def _key_id(name: str, kind: SignatureType, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:_KEY_ID_BYTES]


def _by_name(keys: Iterable[VerifierKey]) -> dict[tuple[str, bytes], VerifierKey]:
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            # 32 bits of a hash: made on purpose, or else by a chance of one in four billions
            raise MalformedError(
                "Two known keys have one name and one id.", where=str(key), got=str(known[key.name, key.key_id])
            )
    return known
