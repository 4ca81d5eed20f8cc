"""Folders that are written beside and swapped whole: whoever looks meets the old output or the new, never a mixture."""

import ctypes
import errno
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from accord.vocabulary.errors import OutputError

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
"""renameat2(2), Linux 3.15: two names change places in one step."""


@contextmanager
def replaced_folder(out: Path, *, is_ours: Callable[[Path], bool] | None = None, what: str = "") -> Iterator[Path]:
    """Give a new folder to write into; when the block ends well, it takes the place of `out` in one step.

    `is_ours` says whether an existing, non-empty `out` may be replaced, None: none may; `what` names the command that
    writes such folders. Raises OutputError when `out` is something else, when another run is writing it, or when the
    disk refuses; then `out` is as it was. What a killed run left behind is removed by the next one.
    """
    out = Path(os.path.abspath(out))  # noqa: PTH100 -- a link as `out` is replaced, not followed
    with _errors_named(out):
        _refuse_foreign(out, is_ours, what)
        out.parent.mkdir(parents=True, exist_ok=True)
        with _locked(out):
            for left in out.parent.glob(f".{escape(out.name)}.new-*"):
                shutil.rmtree(left)
            staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.new-", dir=out.parent))
            try:
                new = staging / "new"
                new.mkdir(mode=0o755)
                yield new
                _sync(new)
                swap(new, out)
            finally:
                shutil.rmtree(staging, ignore_errors=True)


def _refuse_foreign(out: Path, is_ours: Callable[[Path], bool] | None, what: str) -> None:
    if not out.exists() and not out.is_symlink():
        return
    if out.is_dir() and not out.is_symlink() and (not any(out.iterdir()) or (is_ours and is_ours(out))):
        return
    raise OutputError(
        "The output folder holds something else, and is left as it is.",
        where=str(out),
        expected="a new or empty folder" + (f", or one that `{what}` wrote" if is_ours else ""),
        got="a file" if out.is_file() else "a link" if out.is_symlink() else "other files",
        remedy="choose another --out",
    )


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Hold the right to replace `out`; the lock goes with the process, however it ends."""
    path = out.parent / f".{out.name}.lock"
    with path.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not path.exists() or path.stat().st_ino != os.fstat(lock.fileno()).st_ino:
                raise BlockingIOError  # its holder has just ended and removed it; somebody else may hold the next one
        except OSError as error:
            raise OutputError(
                "Another run is writing this output.",
                where=str(out),
                expected="one run at a time",
                remedy="wait until it has ended, or choose another --out",
            ) from error
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def swap(new: Path, out: Path) -> None:
    """Let `new` take the place of `out`, in one step where the system can; what was there is then beside `new`."""
    if not out.exists():
        new.rename(out)
    elif not _exchange(new, out):
        # Without an exchange there is an instant without output; never one with half of it.
        old = new.parent / "old"
        out.rename(old)
        new.rename(out)


def _exchange(new: Path, out: Path) -> bool:
    """Let two folders change places in one step; False where the system cannot."""
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(out), _RENAME_EXCHANGE) == 0:
        return True
    if ctypes.get_errno() in {errno.EINVAL, errno.ENOSYS}:
        return False
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(out))


def _sync(folder: Path) -> None:
    """Make the disk confess: a full disk must show before the swap, not after."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _errors_named(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            "The output cannot be written; what was there before is untouched.",
            where=str(error.filename or out),
            expected="room and permission to write",
            got=error.strerror or type(error).__name__,
            remedy="free some space, or see who owns the folder",
        ) from error
