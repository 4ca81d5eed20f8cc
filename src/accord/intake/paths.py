"""Which paths a delivery may name: files on disk below a root, and members inside an archive."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from accord.vocabulary.errors import RefusedFileError, SettingsError, UnreadableError

NAME_LIMIT = 4_096
"""Bytes of the longest member name that is taken (PATH_MAX of Linux)."""

_WILDCARD = re.compile(r"[*?\[]")
_DRIVE = re.compile(r"[A-Za-z]:", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def resolve_inside(root: Path, relative: str) -> Path:
    """The file that `relative` names below `root`, with every symbolic link followed.

    Raises UnreadableError when it is absolute, leaves `root` by `..` or by a link, or is not there.
    """
    expected = f"a path below {root}"
    if not relative or "\0" in relative or PurePosixPath(relative).is_absolute() or _DRIVE.match(relative):
        raise UnreadableError(
            "the path is not relative", where=relative, expected=expected, remedy="write it from the root"
        )
    base = root.resolve()
    try:
        found = (base / relative).resolve(strict=True)
    except FileNotFoundError:
        raise UnreadableError("the file is not there", where=relative, expected=expected) from None
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise UnreadableError("the path cannot be followed", where=relative, got=str(error)) from error
    if not found.is_relative_to(base):
        raise UnreadableError(
            "the path leaves the permitted tree",
            where=relative,
            expected=expected,
            got=str(found),
            remedy="move the file below the root, or set the root higher",
        )
    return found


def expand(root: Path, patterns: Sequence[str]) -> list[Path]:
    """Every file below `root` that a pattern names, once, sorted by its path relative to `root` (by code point).

    `*`, `?`, `[...]` match within one path component, `**` any number of folders. Files and folders whose names begin
    with a dot are skipped unless the pattern's own component begins with one. The paths keep the names they were found
    by; links are followed only inside `root`. Raises SettingsError for a pattern that names no file, UnreadableError
    for one that leaves `root`.
    """
    base = root.resolve()
    found: dict[str, Path] = {}
    for pattern in patterns:
        names = _glob(base, pattern) if _WILDCARD.search(pattern) else [_literal(base, pattern)]
        if not names:
            raise SettingsError(
                "the pattern names no file",
                where=pattern,
                expected=f"at least one file below {root}",
                remedy="correct the pattern, or take it out",
            )
        for name in names:
            found[name] = base / name
    return [found[name] for name in sorted(found)]


def _literal(base: Path, relative: str) -> str:
    path = resolve_inside(base, relative)
    if not path.is_file():
        raise SettingsError(
            "the path names no file",
            where=relative,
            got="a folder" if path.is_dir() else "something else",
            remedy="name its files with a pattern, such as folder/*.csv",
        )
    return PurePosixPath(relative).as_posix()


def _glob(base: Path, pattern: str) -> list[str]:
    parts = PurePosixPath(pattern).parts
    if PurePosixPath(pattern).is_absolute() or ".." in parts:
        raise UnreadableError(
            "the pattern leaves the permitted tree", where=pattern, expected=f"a pattern below {base}"
        )
    shows_hidden = any(part.startswith(".") for part in parts)
    names = []
    try:
        found = list(base.glob(pattern))
    except ValueError as error:  # `**` beside other characters
        raise SettingsError(
            "the pattern cannot be read",
            where=pattern,
            expected="`**` as a whole component, as in feeds/**/*.csv",
            got=str(error),
        ) from error
    for path in found:
        relative = path.relative_to(base)
        if not shows_hidden and any(part.startswith(".") for part in relative.parts):
            continue
        # A link that leads outside is an error and no file passed over: somebody meant it to be read.
        if resolve_inside(base, relative.as_posix()).is_file():
            names.append(relative.as_posix())
    return names


def writable_name(path: str) -> str:
    """A path of the disk as accounts and rules have it: bytes of a name that are no UTF-8 stand as `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberName:
    """A member's name as it can be shown and matched, and why the member is refused for it."""

    text: str
    fault: str | None
    """None: the name can be taken."""


def read_member_name(raw: bytes, archive: str) -> MemberName:
    """Read the name of an archive's member: UTF-8, `/` between components, empty and `.` components dropped.

    Raises RefusedFileError for the whole archive when a name points outside of it, for nobody writes such a name by
    accident. A name that merely cannot be shown or is too long is the member's own fault.
    """
    text = raw.decode("utf-8", "backslashreplace")
    # Looked for in the bytes: what "backslashreplace" writes contains backslashes of its own.
    escape = (
        "a NUL byte" if b"\0" in raw
        else "a backslash" if b"\\" in raw
        else "an absolute path" if text.startswith("/")
        else "a drive letter" if _DRIVE.match(text)
        else "a path outside the archive" if ".." in text.split("/")
        else None
    )  # fmt: skip
    if escape is not None:
        raise RefusedFileError(
            f"a member's name has {escape}",
            where=archive,
            expected="names below the archive's own root, with / between folders",
            got=ascii(text[:200]),
            remedy="pack the archive again from inside its folder",
        )
    name = "/".join(part for part in text.split("/") if part not in {"", "."})
    fault = (
        f"its name is longer than {NAME_LIMIT} bytes" if len(raw) > NAME_LIMIT
        else "its name is empty" if not name
        else "its name is not UTF-8" if "\\" in text
        else "its name has control characters" if _CONTROL.search(name)
        else None
    )  # fmt: skip
    if fault is not None:
        # Shown on terminals and in reports all the same: nothing in it may steer one.
        name = _CONTROL.sub(lambda found: ascii(found[0])[1:-1], name[:200])
    return MemberName(text=name, fault=fault)


def duplicate_name(name: str, where: str) -> RefusedFileError:
    """An archive that names two members alike says two things at once: which one counts depends on the reader."""
    return RefusedFileError(
        "two members have one name",
        where=where,
        expected="every name once",
        got=name,
        remedy="pack the archive again without the older one",
    )
