"""The pepper: the key without which the check data says nothing, not even whether an address is in it."""

import re
import secrets
from pathlib import Path

from accord.vocabulary.errors import SettingsError
from accord.workspace.keys import KEY_BYTES, kept_secret

_FORM = re.compile(rb"[0-9a-f]{64}\n?")


def check_pepper(path: Path, *, make: bool = False) -> bytes:
    """The pepper in `path` (64 hexadecimal digits, mode 0600); with `make` it is made if there is no file.

    Raises SettingsError, UnreadableError and OutputError.
    """
    text = kept_secret(path, what="The pepper of the check data", make=_new if make else None)
    if _FORM.fullmatch(text) is None:
        raise SettingsError(
            "The pepper's file holds something else.",
            where=str(path),
            expected="64 lower-case hexadecimal digits",
            remedy="restore the pepper; with a new one the data must be published again",
        )
    return bytes.fromhex(text.decode("ascii").strip())


def _new() -> bytes:
    return secrets.token_hex(KEY_BYTES).encode("ascii") + b"\n"
