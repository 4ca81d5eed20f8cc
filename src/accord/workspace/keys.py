"""The hub's key, from which finding ids are made: created on first use, readable by its owner only."""

import os
import re
import secrets
import stat
from pathlib import Path

from accord.vocabulary.errors import OutputError, SettingsError, UnreadableError
from accord.workspace.regular import open_regular

KEY_BYTES = 32
_FORM = re.compile(rb"[0-9a-f]{64}\n?")


def hub_key(path: Path) -> bytes:
    """The key in `path` (64 hexadecimal digits); a new random one is written there, mode 0600, if there is no file.

    Raises SettingsError when the file holds something else or others can read it, UnreadableError and OutputError.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        return _create(path)
    except OSError as error:
        raise UnreadableError(
            "The hub's key cannot be read.", where=str(path), got=error.strerror or type(error).__name__
        ) from error


def _read(path: Path) -> bytes:
    with open_regular(path) as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        text = file.read(128)
    if mode & 0o077:
        raise SettingsError(
            "The hub's key can be read by others.",
            where=str(path),
            expected="mode 0600",
            got=f"mode {mode:04o}",
            remedy=f"chmod 600 {path}",
        )
    if _FORM.fullmatch(text) is None:
        raise SettingsError(
            "The hub's key file holds something else.",
            where=str(path),
            expected="64 lower-case hexadecimal digits",
            remedy="restore the key; a new one changes every finding_id",
        )
    return bytes.fromhex(text.decode("ascii").strip())


def _create(path: Path) -> bytes:
    key = secrets.token_bytes(KEY_BYTES)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            # a file object, because a bare write may stop half-way where the disk is full, and say nothing
            with os.fdopen(descriptor, "wb") as file:
                file.write(key.hex().encode("ascii") + b"\n")
                file.flush()
                os.fsync(file.fileno())
            # link fails where a file appeared meanwhile: then another run made the key, and that one counts
            os.link(draft, path)
        except FileExistsError:
            return _read(path)
        finally:
            draft.unlink()
    except OSError as error:
        raise OutputError(
            "The hub's key cannot be written.", where=str(path), got=error.strerror or type(error).__name__
        ) from error
    return key
