"""What is said of an object that holds no more: its id, that it is revoked, and nothing of what it said.

Whoever takes part in a channel may lose sight of an object (an agreement ends, a person's data are erased) before it
is revoked. So a revoked version tells nobody anything new: what the specification requires is filled with words that
mean nothing (OASIS STIX 2.1, section 3.2: `revoked`).
"""

from datetime import datetime, timedelta

import msgspec

from accord.release.remains import remains
from accord.reports import stix
from accord.reports.identifiers import observable_id

REVOKED = "revoked"

_NOTHING = {"name": REVOKED}
NO_VALUE = observable_id("software", dict(_NOTHING))
"""The observable that revoked observed data refers to."""


def no_value() -> bytes:
    """The observable `NO_VALUE`."""
    return msgspec.json.encode({"type": "software", "spec_version": "2.1", "id": NO_VALUE, **_NOTHING})


def revoked(content: str, at: datetime) -> tuple[str, bytes]:
    """The revoked version of a domain or relationship object: its `modified`, and the object.

    `modified` is `at`, or the next millisecond after the version that it revokes.
    """
    after = msgspec.json.decode(remains(content))
    modified = stix.stamp(max(at, datetime.fromisoformat(after["modified"]) + timedelta(milliseconds=1)))
    after |= {"modified": modified, "revoked": True}
    match after["type"]:
        case "indicator":
            after |= {"pattern": f"[software:name = '{REVOKED}']", "pattern_type": "stix"}
            after |= {"pattern_version": "2.1", "valid_from": after["created"]}
        case "infrastructure" | "malware":
            after["name"] = REVOKED
        case "observed-data":
            after |= {"first_observed": after["created"], "last_observed": after["created"]}
            after |= {"number_observed": 1, "object_refs": [NO_VALUE]}
        case "sighting" | "relationship":
            pass
        case other:
            raise ValueError(f"nothing is known of revoking a {other}")
    return modified, msgspec.json.encode(after)
