"""What is said of an object that holds no more: its id, that it is revoked, and nothing of what it said.

Whoever takes part in a channel may lose sight of an object (an agreement ends, a person's data are erased) before it
is revoked. So a revoked version tells nobody anything new: what the specification requires is filled with words that
mean nothing (OASIS STIX 2.1, section 3.2: `revoked`).
"""

from datetime import datetime, timedelta

import msgspec

from accord.reports import stix
from accord.reports.identifiers import observable_id

REVOKED = "revoked"

_NOTHING = {"name": REVOKED}
NO_VALUE = observable_id("software", dict(_NOTHING))
"""The observable that revoked observed data refers to."""

_KEPT = ("type", "spec_version", "id", "created", "created_by_ref", "object_marking_refs")


def no_value() -> bytes:
    """The observable `NO_VALUE`."""
    return msgspec.json.encode({"type": "software", "spec_version": "2.1", "id": NO_VALUE, **_NOTHING})


def revoked(content: str, at: datetime) -> tuple[str, bytes]:
    """The revoked version of a domain or relationship object: its `modified`, and the object.

    `modified` is `at`, or the next millisecond after the version that it revokes.
    """
    before = msgspec.json.decode(content)
    modified = stix.stamp(max(at, datetime.fromisoformat(before["modified"]) + timedelta(milliseconds=1)))
    after = {name: before[name] for name in _KEPT if name in before}
    after["modified"] = modified
    after["revoked"] = True
    match before["type"]:
        case "indicator":
            after |= {"pattern": f"[software:name = '{REVOKED}']", "pattern_type": "stix"}
            after |= {"pattern_version": "2.1", "valid_from": before["created"]}
        case "infrastructure" | "malware":
            after["name"] = REVOKED
            if before["type"] == "malware":
                after["is_family"] = before["is_family"]
        case "observed-data":
            after |= {"first_observed": before["created"], "last_observed": before["created"]}
            after |= {"number_observed": 1, "object_refs": [NO_VALUE]}
        case "sighting":
            after["sighting_of_ref"] = before["sighting_of_ref"]
        case "relationship":
            after |= {name: before[name] for name in ("relationship_type", "source_ref", "target_ref")}
            if before["relationship_type"] == "consists-of":
                # the id of an observable is a digest of its value
                after |= {"relationship_type": "related-to", "target_ref": before["source_ref"]}
        case other:
            raise ValueError(f"nothing is known of revoking a {other}")
    return modified, msgspec.json.encode(after)
