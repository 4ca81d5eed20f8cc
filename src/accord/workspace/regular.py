"""Opening files that must be files: no pipe that waits for its writer, no device that never ends."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from accord.vocabulary.errors import UnreadableError

_ELSEWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EINVAL})
"""What says that there is none, or something else: no permission helps."""


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading, links followed. Raises OSError when it cannot be opened or is none."""
    # without O_NONBLOCK a named pipe would wait for its writer
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "a folder, device or pipe, and no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def unreadable(
    error: OSError, path: Path, what: str = "The file cannot be read.", *, expected: str = "a file that may be read"
) -> UnreadableError:
    """What a person is told of a file that they named and that cannot be opened: there is none, or it is none."""
    return UnreadableError(
        what,
        where=str(path),
        expected=expected,
        got=error.strerror or type(error).__name__,
        remedy="check the path" if error.errno in _ELSEWHERE else "check the path and its permissions",
    )


def read_small(path: Path, limit: int, *, expected: str = "a file that may be read") -> bytes:
    """A file that somebody keeps. Raises UnreadableError."""
    try:
        with open_regular(path) as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise unreadable(error, path, expected=expected) from error
    if len(data) > limit:
        raise UnreadableError(
            "The file is too large.",
            where=str(path),
            expected=f"at most {limit:,} bytes",
            got="more",
            remedy="check the path: no such file is as large",
        )
    return data
