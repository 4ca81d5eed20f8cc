"""Opening files that must be files: no pipe that waits for its writer, no device that never ends."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading, links followed. Raises OSError when it cannot be opened or is none."""
    # without O_NONBLOCK a named pipe would wait for its writer
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "a folder, device or pipe, and no regular file", str(path))
    return os.fdopen(descriptor, "rb")
