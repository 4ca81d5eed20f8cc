"""What an object refers to: the ids in its properties `..._ref` and `..._refs` (STIX 2.1, 3.2), and its granular
markings (7.2.3)."""

import msgspec

from accord.formats.stix.bundle import STIX_ID

STATEMENTS = frozenset({"indicator", "observed-data", "relationship", "sighting"})
"""Types of objects that say by themselves that something was seen: whoever takes one in twice counts it twice."""


def companions_of(content: bytes, *, sighted: bool = False) -> frozenset[str]:
    """The ids that an object names and that are no statements'; none for what is no object. Raises nothing.

    With `sighted` also an indicator of which it is a sighting.
    """
    try:
        found = msgspec.json.decode(content, type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return frozenset()
    granular = found.get("granular_markings")
    named = [one.get("marking_ref") for one in granular if isinstance(one, dict)] if isinstance(granular, list) else []
    for name, value in found.items():
        if name.endswith("_ref"):
            named.append(value)
        elif name.endswith("_refs") and isinstance(value, list):
            named += value
    return frozenset(
        one
        for one in named
        if isinstance(one, str)
        and STIX_ID.fullmatch(one)
        and (one.partition("--")[0] not in STATEMENTS or (sighted and one == found.get("sighting_of_ref")))
    )
