"""MISP events as JSON: every attribute is a record, those inside objects included.

    {"Event": {"info": "A botnet", "date": "2017-03-01", "Tag": [{"name": "tlp:green"}],
      "Attribute": [{"type": "ip-dst|port", "value": "192.0.2.7|443", "to_ids": true}],
      "Object": [{"name": "domain-ip", "Attribute": [...]}]}}

Source: MISP core format (draft-dulaunoy-misp-core-format). docs/formats/misp.md says how each part is read.
"""

from dataclasses import replace

from accord.columns.builder import ParsedBuilder
from accord.columns.reading import Context, Document, Parsed
from accord.formats.misp import feed
from accord.formats.misp.attributes import read_event
from accord.formats.misp.document import events, load, recognises
from accord.formats.misp.feed import hold_together

__all__ = ["GRAIN", "NAME", "TITLE", "hold_together", "parse", "recognises"]

NAME = "misp"
TITLE = "MISP events (JSON)"
GRAIN = "document"


def parse(document: Document, context: Context) -> Parsed:
    """Read a member's events; raises RefusedFileError when it is no JSON, or holds no event.

    What lists a feed's events holds no record, and is held against them.
    """
    builder = ParsedBuilder(document.member, context.rule_fields)
    if feed.is_hashes(document.data):
        return replace(builder.finish(), aside=feed.read_hashes(document))
    tree = load(document)
    if feed.is_manifest(tree):
        return replace(builder.finish(), aside=feed.read_manifest(tree, document.path))
    places = events(tree, document.path)
    for place in places:
        read_event(place, builder, context)
    return replace(builder.finish(), aside=feed.read_event(places, document.path))
