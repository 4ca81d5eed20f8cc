"""MISP events as JSON: every attribute is a record, those inside objects included.

    {"Event": {"info": "A botnet", "date": "2017-03-01", "Tag": [{"name": "tlp:green"}],
      "Attribute": [{"type": "ip-dst|port", "value": "192.0.2.7|443", "to_ids": true}],
      "Object": [{"name": "domain-ip", "Attribute": [...]}]}}

Source: MISP core format (draft-dulaunoy-misp-core-format). docs/formats/misp.md says how each part is read.
"""

from accord.columns.builder import ParsedBuilder
from accord.columns.reading import Context, Document, Parsed
from accord.formats.misp.attributes import read_event
from accord.formats.misp.document import events, load, recognises

__all__ = ["GRAIN", "NAME", "TITLE", "parse", "recognises"]

NAME = "misp"
TITLE = "MISP events (JSON)"
GRAIN = "document"


def parse(document: Document, context: Context) -> Parsed:
    """Read a member's events; raises RefusedFileError when it is no JSON, or holds no event."""
    tree = load(document)
    builder = ParsedBuilder(document.member, context.rule_fields)
    for place in events(tree, document.path):
        read_event(place, builder, context)
    return builder.finish()
