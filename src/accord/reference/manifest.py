"""What reference data there is: one manifest beside the files, bundled or imported.

`manifest.json` holds a list, one object a source, for example:

    {"name": "asn-country", "kind": "country-second", "version": "2.3.2026061719", "date": "2026-06-17",
     "licence": "CC0-1.0", "attribution": "...", "package": "npm @ip-location-db/asn-country", "rows": 210190,
     "files": [{"path": "country-second.parquet", "sha256": "...", "bytes": 1234}]}
"""

import hashlib
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

from accord.vocabulary.errors import OutputError, ReferenceDataError

MANIFEST = "manifest.json"


class Kind(StrEnum):
    """What a source is for; at most one source of each kind is in use."""

    COUNTRY = "country"
    COUNTRY_SECOND = "country-second"
    NETWORK = "network"
    SUFFIXES = "suffixes"
    WARNING_LISTS = "warning-lists"
    WARNING_CLASSES = "warning-classes"
    FAMILIES = "families"
    SHAPES = "shapes"
    CSIRTS = "csirts"
    ABUSE = "abuse"
    TREATIES = "treaties"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file of a source, relative to the manifest."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSource:
    """One source of reference data, as `accord reference show` lists it and reports name it."""

    name: str
    kind: Kind
    version: str
    date: str | None
    """ISO 8601 date of the data; None: its publisher gives none."""
    licence: str
    rows: int
    """Ranges, rules, list entries, families, shapes or contacts, as the kind has them."""
    package: str
    """The package it came in, or the name of the imported file."""
    attribution: str = ""
    """The notice that the licence asks for."""
    origin: str = "bundled"
    """`bundled` (with Accord), `package` (an installed package carries it) or `imported` (by the operator)."""
    files: tuple[SourceFile, ...] = ()


class Folder(Protocol):
    """What a manifest needs of a directory or of a package's resources."""

    def joinpath(self, *names: str) -> "Folder":
        """A file in it."""

    def is_file(self) -> bool:
        """Is it there?"""

    def read_bytes(self) -> bytes:
        """Its content."""


def read_manifest(folder: Folder) -> tuple[ReferenceSource, ...]:
    """The sources that a folder's manifest lists; none when it has no manifest. Raises ReferenceDataError."""
    path = folder.joinpath(MANIFEST)
    if not path.is_file():
        return ()
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[ReferenceSource, ...])
    except (msgspec.DecodeError, msgspec.ValidationError, OSError) as error:
        raise ReferenceDataError(
            "the manifest of reference data cannot be read",
            where=str(path),
            got=str(error),
            remedy="import the data again, or remove the directory to use what is bundled",
        ) from error


def manifest_bytes(sources: tuple[ReferenceSource, ...]) -> bytes:
    """A manifest as bytes: sorted by kind, one line a field."""
    ordered = sorted(sources, key=lambda source: source.kind.value)
    return msgspec.json.format(msgspec.json.encode(ordered), indent=2) + b"\n"


def read_checked(folder: Folder, file: SourceFile) -> bytes:
    """The bytes of a source's file, which must have the hash that the manifest says. Raises ReferenceDataError."""
    path = folder.joinpath(file.path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReferenceDataError(
            "a file of reference data is missing or unreadable",
            where=str(path),
            got=error.strerror,
            remedy="import the data again, or reinstall Accord if it is bundled",
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != file.sha256:
        raise ReferenceDataError(
            "a file of reference data was changed",
            where=str(path),
            expected=f"SHA-256 {file.sha256}",
            got=f"SHA-256 {found}",
            remedy="import the data again, or reinstall Accord if it is bundled",
        )
    return data


def file_entry(path: str, data: bytes) -> SourceFile:
    """The manifest's entry for a file with this content."""
    return SourceFile(path=path, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, and stays after a power cut. Raises OutputError."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(
            "reference data cannot be written",
            where=str(path),
            got=error.strerror,
            remedy="free space or give write permission; what was there before is untouched",
        ) from error
