"""A recipient's own keys: an age identity that opens packages, and a key that signs receipts; files of mode 0600."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from accord.ledger.notes import SignatureType, SigningKey, parse_signing_key
from accord.release.package.age import new_identity, public_of
from accord.vocabulary.errors import MalformedError, OutputError, SettingsError, UnreadableError
from accord.workspace.regular import open_regular

AGE, RECEIPTS = "age.key", "receipts.key"
_MAX_BYTES = 1 << 14


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientKeys:
    """What a recipient keeps secret."""

    identity: str = field(repr=False)
    """`AGE-SECRET-KEY-1...`."""
    receipts: SigningKey

    @property
    def age(self) -> str:
        """The public key that the hub encrypts to, `age1...`."""
        return public_of(self.identity)


def make_keys(folder: Path, name: str, *, draw: Callable[[int], bytes]) -> RecipientKeys:
    """Make both keys in a new or empty folder. `name` is that of the key for receipts, such as the recipient's domain.

    Raises SettingsError for a name that no key can have, OutputError when keys are there already.
    """
    try:
        keys = RecipientKeys(
            identity=new_identity(),
            receipts=SigningKey(name=name, type=SignatureType.ED25519, seed=draw(32)),
        )
    except MalformedError as error:
        raise SettingsError(error.what, where="--name", expected=error.expected, got=error.got) from error
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in (AGE, RECEIPTS):
            if (folder / file).exists():
                raise OutputError(
                    "There are keys already.", where=str(folder / file), remedy="choose another --out, or use these"
                )
        _write(folder / AGE, f"# public key: {keys.age}\n{keys.identity}\n")
        _write(folder / RECEIPTS, f"{keys.receipts.export()}\n")
    except OSError as error:
        raise OutputError("The keys cannot be written.", where=str(folder), got=error.strerror) from error
    return keys


def read_keys(folder: Path) -> RecipientKeys:
    """Read both keys. Raises SettingsError when a file holds something else or others can read it, UnreadableError."""
    lines = [line for line in _read(folder / AGE).splitlines() if line and not line.startswith("#")]
    identity = lines[0] if len(lines) == 1 else ""
    line = _read(folder / RECEIPTS).removesuffix("\n")
    file = AGE
    try:
        public_of(identity)
        file = RECEIPTS
        receipts = parse_signing_key(line)
    except MalformedError as error:
        raise SettingsError(error.what, where=str(folder / file), expected=error.expected) from error
    if receipts.type is not SignatureType.ED25519:
        raise SettingsError("This key signs no receipts.", where=str(folder / RECEIPTS), expected="an Ed25519 key")
    return RecipientKeys(identity=identity, receipts=receipts)


def _read(path: Path) -> str:
    try:
        with open_regular(path) as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(_MAX_BYTES)
    except OSError as error:
        raise UnreadableError(
            "A key cannot be read.",
            where=str(path),
            expected="a secret key, which only its owner may read",
            got=error.strerror,
            remedy="name with --keys the folder that `accord package keys` made",
        ) from error
    if mode & 0o077:
        raise SettingsError(
            "A key can be read by others.",
            where=str(path),
            expected="mode 0600",
            got=f"mode {mode:04o}",
            remedy=f"chmod 600 {path}",
        )
    return data.decode("utf-8", "replace")


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
