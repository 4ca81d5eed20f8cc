"""Taking reference data in: `accord reference import`.

A source is read whole and checked before anything is written; its files get names with their hash, and the manifest is
replaced last. A run that stops half-way leaves the old data in use, and what it left over is removed by the next.
"""

import csv
import hashlib
from datetime import date
from pathlib import Path

from accord.reference.contacts import read_abuse, read_csirts, read_treaties
from accord.reference.manifest import (
    MANIFEST,
    Kind,
    ReferenceSource,
    file_entry,
    manifest_bytes,
    read_manifest,
    write_whole,
)
from accord.reference.rangefiles import encode
from accord.reference.rangesources import read_lines, read_table, wrong_line
from accord.reference.warningclasses import WarningClass
from accord.vocabulary.errors import OutputError, SettingsError, UnreadableError

RANGES = frozenset({Kind.COUNTRY, Kind.COUNTRY_SECOND, Kind.NETWORK})
IMPORTABLE: tuple[Kind, ...] = (
    Kind.COUNTRY,
    Kind.COUNTRY_SECOND,
    Kind.NETWORK,
    Kind.CSIRTS,
    Kind.ABUSE,
    Kind.TREATIES,
    Kind.WARNING_CLASSES,
)
"""What can be imported; the rest comes with Accord or with a package."""

_CLASSES = ["list", "class", "reason"]


def import_source(
    directory: Path,
    kind: Kind,
    paths: tuple[Path, ...],
    *,
    name: str,
    version: str,
    dated: date,
    licence: str,
) -> ReferenceSource:
    """Read `paths` as a source of `kind` and put it in use in `directory` (made when absent).

    Only range tables may have several files (IPv4 and IPv6). `name`, `version`, `dated` and `licence` are the
    operator's statement of what it is. Raises SettingsError, UnreadableError, ReferenceDataError and OutputError; after
    any of them what was in use before is in use still.
    """
    if kind not in IMPORTABLE:
        raise SettingsError(
            f"reference data of the kind '{kind}' cannot be imported", expected=" | ".join(IMPORTABLE), got=kind.value
        )
    if not paths or (len(paths) > 1 and kind not in RANGES):
        raise SettingsError(f"'{kind}' is imported from one file", got=f"{len(paths)} files")
    for label, value in (("name", name), ("version", version), ("licence", licence)):
        if not value.strip():
            raise SettingsError(f"the {label} of reference data must be stated", remedy=f"--{label} ...")
    rows, contents = _read(kind, paths)
    files = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("the directory cannot be made", where=str(directory), got=error.strerror) from error
    for suffix, data in contents:
        path = f"{kind}-{hashlib.sha256(data).hexdigest()[:12]}{suffix}"
        write_whole(directory / path, data)
        files.append(file_entry(path, data))
    source = ReferenceSource(
        name=name,
        kind=kind,
        version=version,
        date=dated.isoformat(),
        licence=licence,
        rows=rows,
        package=", ".join(path.name for path in paths),
        origin="imported",
        files=tuple(files),
    )
    kept = tuple(entry for entry in read_manifest(directory) if entry.kind is not kind)
    write_whole(directory / MANIFEST, manifest_bytes((*kept, source)))
    _remove_left_over(directory, (*kept, source))
    return source


def read_classes(path: Path) -> dict[str, WarningClass]:
    """Classes of warning lists that the operator decides: CSV `list,class,reason`, `list` being its folder's name.

    Raises UnreadableError and ReferenceDataError.
    """
    found: dict[str, WarningClass] = {}
    reader = csv.reader(read_lines(path), strict=True)
    permitted = [meaning.value for meaning in WarningClass if meaning is not WarningClass.UNCLASSED]
    for number, row in enumerate(reader):
        fields = [field.strip() for field in row]
        if number == 0 and fields != _CLASSES:
            raise wrong_line(path, 1, "another header", ",".join(_CLASSES), ",".join(fields))
        if number == 0 or not fields:
            continue
        if len(fields) != 3 or fields[1] not in permitted or not fields[2]:
            expected = f"list,{'|'.join(permitted)},reason"
            raise wrong_line(path, reader.line_num, "not a class of a list", expected, ",".join(fields))
        found[fields[0]] = WarningClass(fields[1])
    return found


def _read(kind: Kind, paths: tuple[Path, ...]) -> tuple[int, list[tuple[str, bytes]]]:
    """Check a source: its number of rows, and what to keep of it as (suffix, bytes)."""
    if kind in RANGES:
        table = read_table(kind, paths)
        return len(table), list(zip((".parquet", ".labels.parquet"), encode(table), strict=True))
    path = paths[0]
    if kind is Kind.CSIRTS:
        rows = len(read_csirts(path).contacts)
    elif kind is Kind.ABUSE:
        rows = len(read_abuse(path).contacts)
    elif kind is Kind.TREATIES:
        rows = sum(len(treaties) for treaties in read_treaties(path).pairs.values())
    else:
        rows = len(read_classes(path))
    try:
        return rows, [(path.suffix or ".txt", path.read_bytes())]
    except OSError as error:
        raise UnreadableError("a file cannot be read", where=str(path), got=error.strerror) from error


def _remove_left_over(directory: Path, sources: tuple[ReferenceSource, ...]) -> None:
    """Remove files of importable kinds that no source lists any more; a file that cannot go does no harm."""
    listed = {file.path for source in sources for file in source.files} | {MANIFEST}
    for path in directory.iterdir():
        ours = any(path.name.startswith((f"{kind}-", f".{kind}-")) for kind in IMPORTABLE)
        if ours and path.name not in listed and path.is_file():
            path.unlink(missing_ok=True)
