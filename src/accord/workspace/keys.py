"""Secrets in files: made on first use from random bytes, mode 0600, readable by their owner only."""

import os
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from accord.vocabulary.errors import OutputError, SettingsError, UnreadableError
from accord.workspace.regular import open_regular

KEY_BYTES = 32
_FORM = re.compile(rb"[0-9a-f]{64}\n?")
_LIMIT = 1 << 16


def hub_key(path: Path, *, make: bool = False) -> bytes:
    """The key in `path` (64 hexadecimal digits) from which finding ids are made; with `make` made if there is no file.

    Raises as `kept_secret`.
    """
    text = kept_secret(path, what="The hub's key", make=_new_hub_key if make else None)
    if _FORM.fullmatch(text) is None:
        raise SettingsError(
            "The hub's key file holds something else.",
            where=str(path),
            expected="64 lower-case hexadecimal digits",
            remedy="restore the key; a new one changes every finding_id",
        )
    return bytes.fromhex(text.decode("ascii").strip())


def _new_hub_key() -> bytes:
    return secrets.token_hex(KEY_BYTES).encode("ascii") + b"\n"


def kept_secret(path: Path, *, what: str, make: Callable[[], bytes] | None) -> bytes:
    """What a secret file holds; if there is none, what `make` gives is written there, unless it is None.

    `what` is how errors call it. Raises SettingsError when others can read it, UnreadableError and OutputError.
    """
    try:
        return _read(path, what)
    except FileNotFoundError as error:
        if make is None:
            raise UnreadableError(
                f"{what} is not there.",
                where=str(path),
                remedy="restore it from a backup: with a new one nothing would be found that was done with the old one",
            ) from error
        return _create(path, what, make())
    except OSError as error:
        raise UnreadableError(
            f"{what} cannot be read.", where=str(path), got=error.strerror or type(error).__name__
        ) from error


def _read(path: Path, what: str) -> bytes:
    with open_regular(path) as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        text = file.read(_LIMIT)
    if mode & 0o077:
        raise SettingsError(
            f"{what} can be read by others.",
            where=str(path),
            expected="mode 0600",
            got=f"mode {mode:04o}",
            remedy=f"chmod 600 {path}",
        )
    return text


def _create(path: Path, what: str, secret: bytes) -> bytes:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            # a file object, because a bare write may stop half-way where the disk is full, and say nothing
            with os.fdopen(descriptor, "wb") as file:
                file.write(secret)
                file.flush()
                os.fsync(file.fileno())
            # link fails where a file appeared meanwhile: then another run made the secret, and that one counts
            os.link(draft, path)
        except FileExistsError:
            return _read(path, what)
        finally:
            draft.unlink()
    except OSError as error:
        raise OutputError(
            f"{what} cannot be written.", where=str(path), got=error.strerror or type(error).__name__
        ) from error
    return secret
