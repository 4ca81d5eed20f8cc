"""STIX 2.0 and 2.1: bundles of indicators with patterns, sightings and observed data.

    {"type": "bundle", "id": "bundle--...", "objects": [
        {"type": "indicator", "spec_version": "2.1", "id": "indicator--...", "pattern_type": "stix",
         "pattern": "[ipv4-addr:value = '198.51.100.5']", "valid_from": "2026-06-17T11:00:37Z", ...}]}

A record is an element of `objects`. Source: OASIS STIX 2.1 (2021) and 2.0 (2017). What is made of which object, and the
decisions behind it, stand in docs/formats/stix.md.
"""

from accord.columns.builder import ParsedBuilder
from accord.columns.reading import Context, Document, Parsed
from accord.formats.stix.bundle import open_bundle
from accord.formats.stix.recognition import looks_like_stix
from accord.formats.stix.records import RecordReader

NAME = "stix"
TITLE = "STIX 2.0 and 2.1 bundles"
GRAIN = "document"


def recognises(head: bytes, path: str) -> bool:
    """Does a member that starts like this hold STIX? STIX 1 does as well, so that it is refused with a clear word."""
    del path
    return looks_like_stix(head.decode("utf-8", "replace"))


def parse(document: Document, context: Context) -> Parsed:
    """Read one document; raises RefusedFileError for one that is no STIX 2.0 or 2.1 as a whole."""
    bundle = open_bundle(document)
    builder = ParsedBuilder(document.member, context.rule_fields)
    reader = RecordReader(bundle, builder, context)
    for member in bundle.members:
        reader.read(member)
    return builder.finish()
