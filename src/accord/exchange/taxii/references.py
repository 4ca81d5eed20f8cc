"""What an object refers to: the ids in its properties `..._ref` and `..._refs` (STIX 2.1, part 3.2)."""

import msgspec

from accord.formats.stix.bundle import STIX_ID

STATEMENTS = frozenset({"indicator", "observed-data", "relationship", "sighting"})
"""Types of objects that say by themselves that something was seen: whoever takes one in twice counts it twice."""


def companions_of(content: bytes) -> frozenset[str]:
    """The ids that an object names and that are no statements'; none for what is no object. Raises nothing."""
    try:
        found = msgspec.json.decode(content, type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return frozenset()
    named: list[object] = []
    for name, value in found.items():
        if name.endswith("_ref"):
            named.append(value)
        elif name.endswith("_refs") and isinstance(value, list):
            named += value
    return frozenset(
        one
        for one in named
        if isinstance(one, str) and STIX_ID.fullmatch(one) and one.partition("--")[0] not in STATEMENTS
    )
