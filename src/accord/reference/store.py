"""The reference data in use: what is bundled, overlaid by what the operator imported."""

from functools import cached_property
from importlib.resources import files
from pathlib import Path

from accord.reference.manifest import Folder, Kind, ReferenceSource, SourceFile, read_checked, read_manifest
from accord.reference.rangefiles import decode
from accord.reference.ranges import RangeTable
from accord.reference.shapes import Shapes, read_shapes
from accord.reference.suffixes import SuffixRules
from accord.vocabulary.errors import ReferenceDataError

__all__ = ["Reference", "ReferenceSource", "load"]


class Reference:
    """All reference data; each part is read when it is first asked for, and kept.

    Parts raise ReferenceDataError when their files are missing or changed.
    """

    def __init__(self, directory: Path | None) -> None:
        self._bundled = files("accord.reference").joinpath("bundled")
        self._entries: dict[Kind, tuple[Folder, ReferenceSource]] = {}
        for source in read_manifest(self._bundled):
            self._entries[source.kind] = (self._bundled, source)
        if directory is not None:
            for source in read_manifest(directory):
                self._entries[source.kind] = (directory, source)

    @cached_property
    def country(self) -> RangeTable:
        """The primary source of hosting countries."""
        return self._ranges(Kind.COUNTRY)

    @cached_property
    def country_second(self) -> RangeTable:
        """The second source of hosting countries, which may contradict the first."""
        return self._ranges(Kind.COUNTRY_SECOND)

    @cached_property
    def network(self) -> RangeTable:
        """AS numbers and network owners."""
        return self._ranges(Kind.NETWORK)

    @cached_property
    def suffixes(self) -> SuffixRules:
        """The Public Suffix List's ICANN section."""
        return SuffixRules.bundled()

    @cached_property
    def shapes(self) -> Shapes:
        """Country outlines and points, for maps."""
        (data,), where = self._files(Kind.SHAPES)
        return read_shapes(data, where)

    def _ranges(self, kind: Kind) -> RangeTable:
        (ranges, labels), where = self._files(kind, 2)
        return decode(ranges, labels, where)

    def _files(self, kind: Kind, count: int = 1) -> tuple[list[bytes], str]:
        """The checked bytes of a kind's files, and what to call them in an error."""
        if kind not in self._entries:
            raise ReferenceDataError(
                f"no reference data of the kind '{kind}'",
                remedy=f"`accord reference import --kind {kind} FILE`, or reinstall Accord",
            )
        folder, source = self._entries[kind]
        listed: tuple[SourceFile, ...] = source.files
        if len(listed) != count:
            raise ReferenceDataError(
                f"the manifest's entry for '{kind}' is wrong",
                where=f"{source.name} {source.version}",
                expected=f"{count} files",
                got=str(len(listed)),
                remedy="import it again, or reinstall Accord",
            )
        return [read_checked(folder, file) for file in listed], f"{source.name} {source.version}"


def load(directory: Path | None) -> Reference:
    """The reference data in use; `directory` is where `accord reference import` wrote, None: only what is bundled.

    Reads the manifests only. Raises ReferenceDataError.
    """
    return Reference(directory)
