"""The reference data in use: what is bundled, overlaid by what the operator imported."""

from collections.abc import Callable
from functools import cached_property
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from accord.reference.contacts import AbuseContacts, Csirts, Treaties, read_abuse, read_csirts, read_treaties
from accord.reference.families import FamilyNames, read_families
from accord.reference.imports import read_classes
from accord.reference.manifest import Folder, Kind, ReferenceSource, SourceFile, read_checked, read_manifest
from accord.reference.rangefiles import decode
from accord.reference.ranges import RangeTable
from accord.reference.shapes import Shapes, read_shapes
from accord.reference.suffixes import SuffixRules
from accord.reference.warningclasses import WarningClass
from accord.reference.warningindex import open_index
from accord.reference.warninglists import WarningLists
from accord.vocabulary.errors import ReferenceDataError

__all__ = ["Reference", "ReferenceSource", "load"]


class Reference:
    """All reference data; each part is read when it is first asked for, and kept.

    Parts raise ReferenceDataError when their files are missing or changed.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
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
    def families(self) -> FamilyNames:
        """Malware families and their synonyms."""
        (data,), where = self._files(Kind.FAMILIES)
        return read_families(data, where)

    @cached_property
    def warning_lists(self) -> WarningLists:
        """The warning lists; building their index the first time takes some seconds (`build_index` tells how far)."""
        return WarningLists.open(classes=self.warning_classes)

    @cached_property
    def warning_classes(self) -> dict[str, WarningClass]:
        """The operator's own classes of warning lists, by folder name; empty: Accord's stand."""
        path = self._imported(Kind.WARNING_CLASSES)
        return read_classes(path) if path else {}

    @cached_property
    def csirts(self) -> Csirts | None:
        """National CSIRTs; None: the operator has imported none."""
        path = self._imported(Kind.CSIRTS)
        return read_csirts(path) if path else None

    @cached_property
    def abuse(self) -> AbuseContacts | None:
        """Abuse contacts by AS number; None: the operator has imported none."""
        path = self._imported(Kind.ABUSE)
        return read_abuse(path) if path else None

    @cached_property
    def treaties(self) -> Treaties | None:
        """The table of treaties; None: the operator has imported none, every request goes by national procedure."""
        path = self._imported(Kind.TREATIES)
        return read_treaties(path) if path else None

    @cached_property
    def sources(self) -> tuple[ReferenceSource, ...]:
        """Every source in use, sorted by kind, with those that installed packages carry."""
        found = {kind: source for kind, (_, source) in self._entries.items()}
        suffixes = self.suffixes
        found[Kind.SUFFIXES] = ReferenceSource(
            name="public-suffix-list",
            kind=Kind.SUFFIXES,
            version=suffixes.version,
            date=suffixes.date,
            licence="MPL-2.0",
            rows=len(suffixes.plain) + len(suffixes.wildcards) + len(suffixes.exceptions),
            package="PyPI publicsuffixlist",
            attribution="Public Suffix List, ICANN section (publicsuffix.org)",
            origin="package",
        )
        sheets = self.warning_lists.index.lists
        days = [
            str(sheet.version) for sheet in sheets if len(str(sheet.version)) == 8 and str(sheet.version)[:2] == "20"
        ]
        newest = max(days, default="")
        found[Kind.WARNING_LISTS] = ReferenceSource(
            name="misp-warninglists",
            kind=Kind.WARNING_LISTS,
            version=version("pymispwarninglists"),
            date=f"{newest[:4]}-{newest[4:6]}-{newest[6:]}" if newest else None,
            licence="CC0-1.0",
            rows=sum(sheet.entries for sheet in sheets),
            package="PyPI pymispwarninglists",
            attribution="MISP warning lists (github.com/MISP/misp-warninglists)",
            origin="package",
        )
        return tuple(found[kind] for kind in sorted(found))

    def build_index(self, progress: Callable[[int, int, str], None] | None = None) -> None:
        """Make sure that the index of the warning lists is there, telling how far it is. Raises OutputError."""
        open_index(progress=progress)

    @cached_property
    def shapes(self) -> Shapes:
        """Country outlines and points, for maps."""
        (data,), where = self._files(Kind.SHAPES)
        return read_shapes(data, where)

    def _imported(self, kind: Kind) -> Path | None:
        """The one file of an imported source, checked; None when there is no such source."""
        if kind not in self._entries or self._directory is None:
            return None
        self._files(kind)
        return self._directory / self._entries[kind][1].files[0].path

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
