"""What is left of a STIX object that says nothing any more: its id, its times, and whom and what it refers to by ids.

An id of a value is a digest of it, and is not left.
"""

import json

_KEPT = (
    "type", "spec_version", "id", "created", "modified", "created_by_ref", "object_marking_refs", "is_family",
    "sighting_of_ref", "relationship_type", "source_ref", "target_ref",
)  # fmt: skip


def remains(content: str) -> str:
    """What is left of a domain or relationship object, in the order in which Accord writes it; JSON."""
    before = json.loads(content)
    left = {name: before[name] for name in _KEPT if name in before}
    if left.get("relationship_type") == "consists-of":
        left |= {"relationship_type": "related-to", "target_ref": left["source_ref"]}
    return json.dumps(left, separators=(",", ":"))
