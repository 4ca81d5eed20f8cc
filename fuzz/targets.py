"""Every fuzz target. Formats come from their catalogue: one added there is fuzzed."""

from collections.abc import Callable

from accord.formats.catalogue import FORMATS
from fuzz.columns import column_targets
from fuzz.formats import format_target
from fuzz.ledger import ledger_target
from fuzz.opening import opening_target
from fuzz.package import package_target
from fuzz.pattern import pattern_target
from fuzz.premerge import premerge_target
from fuzz.target import Target

KERNELS = ("lines", "fields", "values", "instants", "premerge")
"""Targets that are kernels and little else: also run interpreted, where Atheris sees their branches."""

TARGETS: dict[str, Callable[[], Target]] = {
    **{name: (lambda name=name: column_targets()[name]) for name in KERNELS[:-1]},  # type: ignore[misc]
    "premerge": premerge_target,
    "opening": opening_target,
    "pattern": pattern_target,
    "ledger": ledger_target,
    "package": package_target,
    **{f"format-{name}": (lambda name=name: format_target(name)) for name in FORMATS},  # type: ignore[misc]
}
"""Name -> the target, made when it is asked for (a format's reads all of its cases)."""
