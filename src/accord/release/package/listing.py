"""The list of a package's content, `SHA256SUMS`: what `sha256sum -c` reads, with a salt in its first line.

    # accord-content/v1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
    2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae  content/findings.csv

The manifest, which is readable to anybody who meets the package, holds the SHA-256 of this list and of nothing in it:
of a short letter somebody could try all that it could say. With the list, its recipient can show of one single file
that it was in the package.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from accord.release.package.archive import demand_apart, demand_name
from accord.vocabulary.errors import MalformedError

NAME = "SHA256SUMS"
FOLDER = "content/"
SALT_BYTES = 32
MAX_FILES = 100_000
MAX_LISTING_BYTES = MAX_FILES * (64 + 2 + 256)

_HEAD = "# accord-content/v1 "
_SALT = re.compile(re.escape(_HEAD) + "([0-9a-f]{64})")
_LINE = re.compile("([0-9a-f]{64})  ([^ ]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Every file with its SHA-256 in hex, by its name in the archive (`content/...`), in the order of the names."""

    salt: bytes
    files: tuple[tuple[str, str], ...]

    def encode(self) -> bytes:
        """The list's only spelling."""
        lines = [f"{_HEAD}{self.salt.hex()}", *(f"{digest}  {name}" for name, digest in self.files), ""]
        return "\n".join(lines).encode("ascii")


def listing(salt: bytes, files: Iterable[tuple[str, str]]) -> Listing:
    """The list of these files: name in the archive, SHA-256 in hex. Raises MalformedError for names that cannot be."""
    ordered = tuple(sorted(files))
    if len(ordered) > MAX_FILES:
        raise MalformedError(
            "A package has too many files.", expected=f"at most {MAX_FILES:,}", got=f"{len(ordered):,}"
        )
    for name, _ in ordered:
        demand_name(name)
        if not name.startswith(FOLDER):
            raise MalformedError("A file of a package lies outside of its content.", got=name)
    demand_apart(name for name, _ in ordered)
    return Listing(salt=salt, files=ordered)


def parse_listing(data: bytes) -> Listing:
    """Read a list. Raises MalformedError."""
    try:
        head, *lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError("The list of a package's content is not ASCII.", got=f"byte {error.start}") from error
    salt = _SALT.fullmatch(head)
    rows = [_LINE.fullmatch(line) for line in lines[:-1]]
    if salt is None or not lines or lines[-1] or len(rows) > MAX_FILES:
        raise MalformedError("This is no list of a package's content.", expected=f"{_HEAD}<salt>, and a line each file")
    found = []
    for row in rows:
        if row is None:
            raise MalformedError("A line of the list of a package's content is not understood.", where=NAME)
        found.append((row[2], row[1]))
    read = listing(bytes.fromhex(salt[1]), found)
    if read.encode() != data:
        raise MalformedError("The list of a package's content is spelled otherwise.", where=NAME)
    return read
