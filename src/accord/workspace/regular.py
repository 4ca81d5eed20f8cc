"""Opening files that must be files: no pipe that waits for its writer, no device that never ends."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from accord.vocabulary.errors import UnreadableError


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading, links followed. Raises OSError when it cannot be opened or is none."""
    # without O_NONBLOCK a named pipe would wait for its writer
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "a folder, device or pipe, and no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def read_small(path: Path, limit: int) -> bytes:
    """A file that somebody keeps. Raises UnreadableError."""
    try:
        with open_regular(path) as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise UnreadableError("The file cannot be read.", where=str(path), got=error.strerror) from error
    if len(data) > limit:
        raise UnreadableError("The file is too large.", where=str(path), expected=f"at most {limit:,} bytes")
    return data
