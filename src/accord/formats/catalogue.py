"""The formats that deliveries are read in, in the order in which a member's content is tried.

Only a data set's declared formats are tried. What proves itself by its first bytes comes before what any text could be.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import ModuleType

_MODULES = (
    "stix",  # a JSON object that says it is a bundle
    "misp",  # a JSON object with an event
    "xarf",  # JSON that says its version of X-ARF
    "n6",  # JSON with n6's category, confidence and restriction
    "intelmq",  # JSON with IntelMQ's dotted names
    "passive_dns",  # JSON lines with rrname
    "zeek",  # a #fields line
    "shadowserver",  # a header of their columns
    "csv",  # a header with the declared columns
    "maltrail",  # any text; declared where it is meant
    "plain",  # any text of one value a line
    "freetext",  # any text at all
)


class _Catalogue(Mapping[str, ModuleType]):
    """Formats by their names; one is imported when it is first asked for, as most commands need the names alone."""

    def __init__(self) -> None:
        self._modules = {name.replace("_", "-"): name for name in _MODULES}

    def __getitem__(self, name: str) -> ModuleType:
        return import_module(f"accord.formats.{self._modules[name]}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules


FORMATS: Mapping[str, ModuleType] = _Catalogue()
