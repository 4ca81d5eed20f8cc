"""Where a session's files lie in a workspace, and how its key ends."""

import os
import secrets
from pathlib import Path
from uuid import UUID

from accord.check.psi.group import SCALAR_BYTES, is_scalar
from accord.vocabulary.errors import UnreadableError
from accord.workspace.keys import kept_secret
from accord.workspace.store import errors_named

FOLDER, KEY, SET = "psi", "key", "set"


def place_of_session(root: Path, session: UUID) -> Path:
    """The folder of a session's key and set."""
    return root / FOLDER / str(session)


def write_key(folder: Path, secret: bytes) -> None:
    """Write a session's secret key, readable by its owner alone."""
    kept_secret(folder / KEY, what="The key of a session", make=lambda: secret.hex().encode() + b"\n")


def read_key(folder: Path) -> bytes:
    """A session's secret key. Raises UnreadableError when it is destroyed."""
    text = kept_secret(folder / KEY, what="The key of a session", make=None)
    try:
        secret = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:
        secret = b""
    # libsodium reads 32 bytes, whatever it is given
    if not is_scalar(secret) or secret == bytes(SCALAR_BYTES):
        raise UnreadableError("The key of a session cannot be read.", where=str(folder / KEY))
    return secret


def destroy_key(root: Path, folder: Path) -> None:
    """Overwrite a session's key and remove it, and the set with it. Done before, nothing changes.

    A disk that writes elsewhere what is overwritten keeps what was there for a while; nobody reaches it by the file.
    """
    with errors_named(root):
        try:
            descriptor = os.open(folder / KEY, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            pass
        else:
            try:
                os.write(descriptor, secrets.token_bytes(os.fstat(descriptor).st_size))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            (folder / KEY).unlink()
        (folder / SET).unlink(missing_ok=True)
        if folder.is_dir():
            folder.rmdir()
