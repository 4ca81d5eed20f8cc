"""The Arrow schemas that packages hand each other, column by column.

Instants are microseconds since 1970 in UTC. `type` is the code of `vocabulary.indicators.INDICATOR_TYPES`,
`marking` the code of `vocabulary.markings.MARKINGS`.
"""

import pyarrow as pa

INSTANT = pa.timestamp("us", tz="UTC")
_NAME = pa.dictionary(pa.int32(), pa.string())

OBSERVATIONS = pa.schema(
    [
        # index of the file or archive member within the delivery
        pa.field("member", pa.int32(), nullable=False),
        # 1-based number of the record within the member: the line, or the object or attribute in document order
        pa.field("record", pa.int64(), nullable=False),
        pa.field("type", pa.int8(), nullable=False),
        # canonical value
        pa.field("value", pa.string(), nullable=False),
        # the record's own role; null: the data set's rules decide
        pa.field("role", _NAME),
        # malware family as the partner wrote it; null: none said
        pa.field("family", _NAME),
        # null: the record says no time, the delivery's collected_at is taken and flagged
        pa.field("seen_at", INSTANT),
        # how many sightings this statement stands for, at least 1
        pa.field("count", pa.int64(), nullable=False),
        # service port of a server, source port of a client; null: none said
        pa.field("port", pa.int32()),
        # the record's own marking; null: none said, the data set's is taken
        pa.field("marking", pa.int8()),
    ]
)
"""What a format makes of a member. Columns `field:<name>` (dictionary of string, null allowed) follow, one for each
of `Context.rule_fields`, so that a data set's rules can look at what the record says there."""

RESOLUTIONS = pa.schema(
    [
        pa.field("member", pa.int32(), nullable=False),
        pa.field("record", pa.int64(), nullable=False),
        pa.field("domain", pa.string(), nullable=False),
        pa.field("address", pa.string(), nullable=False),
        # null: the record says no time
        pa.field("first_seen", INSTANT),
        pa.field("last_seen", INSTANT),
        pa.field("marking", pa.int8()),
    ]
)
"""A domain had an address from one instant to another, as a data set says."""

REJECTS = pa.schema(
    [
        pa.field("member", pa.int32(), nullable=False),
        pa.field("record", pa.int64(), nullable=False),
        # JSON pointer (RFC 6901) of the object; null for line formats, where `record` is the line
        pa.field("pointer", pa.string()),
        # column, property or operator that is wrong; null: the whole record
        pa.field("column", pa.string()),
        # a `vocabulary.reasons.Rejected`
        pa.field("reason", pa.string(), nullable=False),
        # true: another part of the record was accepted, so this row is not counted
        pa.field("partial", pa.bool_(), nullable=False),
        # what stood there, at most TEXT_LIMIT characters
        pa.field("text", pa.string(), nullable=False),
    ]
)

TEXT_LIMIT = 300
"""Characters of a rejected text that are kept; a longer one ends in an ellipsis."""

EVIDENCE = pa.schema(
    [
        # a `vocabulary.indicators.IndicatorType`
        pa.field("type", _NAME, nullable=False),
        # an address as a pair of numbers, IPv4 at ::ffff:0:0/96; 0 and 0 for other types
        pa.field("high", pa.uint64(), nullable=False),
        pa.field("low", pa.uint64(), nullable=False),
        # canonical value; empty for an address
        pa.field("value", pa.string(), nullable=False),
        # a `vocabulary.roles.Role`
        pa.field("role", _NAME, nullable=False),
        # as the partner wrote it; null: none said
        pa.field("family", _NAME),
        # a `vocabulary.markings.Marking`: the stricter of the data set's and the record's
        pa.field("marking", _NAME, nullable=False),
        # UTC
        pa.field("day", pa.date32(), nullable=False),
        pa.field("first_seen", INSTANT, nullable=False),
        pa.field("last_seen", INSTANT, nullable=False),
        # sightings
        pa.field("count", pa.int64(), nullable=False),
        # every time is the delivery's collected_at, because no record said one
        pa.field("undated", pa.bool_(), nullable=False),
        # how many observations were merged
        pa.field("observations", pa.int64(), nullable=False),
        # service ports of server roles, ascending, at most PORTS_KEPT
        pa.field("ports", pa.list_(pa.int32()), nullable=False),
    ]
)
"""One row of a delivery's evidence: one finding, family, marking and day. It lies in two files, for it is merged in
two ways: what is said of addresses that are no servers, sorted by address; and all else, sorted by type, address and
value. Both are then sorted by role, family (none first), marking and day."""

PORTS_KEPT = 33
"""One more than a finding shows, so that 'many' can be told."""

STANDING = pa.schema(
    [
        *(EVIDENCE.field(name) for name in ("type", "high", "low", "value", "role")),
        # id of the data set
        pa.field("dataset", _NAME, nullable=False),
        *(EVIDENCE.field(name) for name in ("family", "marking", "first_seen", "last_seen", "count", "undated")),
        *(EVIDENCE.field(name) for name in ("observations", "ports")),
    ]
)
"""One row of a snapshot's evidence: one finding, data set, family and marking, merged over deliveries and days. Sorted
as EVIDENCE is, the data set before the family."""

FOUND = pa.schema(
    [
        # code of `vocabulary.indicators.INDICATOR_TYPES`
        pa.field("type", pa.int8(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("role", pa.string(), nullable=False),
        # as partners wrote them, sorted
        pa.field("families", pa.list_(pa.string()), nullable=False),
        pa.field("datasets", pa.list_(pa.string()), nullable=False),
        pa.field("marking", pa.string(), nullable=False),
        pa.field("first_seen", INSTANT, nullable=False),
        pa.field("last_seen", INSTANT, nullable=False),
        pa.field("undated", pa.bool_(), nullable=False),
        pa.field("sightings", pa.int64(), nullable=False),
    ]
)
"""One finding of a snapshot, merged from its STANDING rows and in their order; attribution adds where it is."""

FINDINGS = pa.schema(
    [
        pa.field("finding_id", pa.string(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("role", pa.string(), nullable=False),
        # normalised family names, sorted; empty when nobody named one
        pa.field("families", pa.list_(pa.string()), nullable=False),
        # the names as partners wrote them, sorted
        pa.field("families_reported", pa.list_(pa.string()), nullable=False),
        pa.field("first_seen", INSTANT, nullable=False),
        pa.field("last_seen", INSTANT, nullable=False),
        # every time is a delivery's collected_at, because no record said one
        pa.field("undated", pa.bool_(), nullable=False),
        pa.field("sightings", pa.int64(), nullable=False),
        # service ports of server roles, ascending, at most 32
        pa.field("ports", pa.list_(pa.int32()), nullable=False),
        pa.field("ports_many", pa.bool_(), nullable=False),
        # independent partners (a declared upstream counts once)
        pa.field("partners", pa.int32(), nullable=False),
        # names of the partners that may be named, sorted
        pa.field("sources", pa.list_(pa.string()), nullable=False),
        # ids of the data sets, sorted; for the hub, never handed out
        pa.field("datasets", pa.list_(pa.string()), nullable=False),
        # 0..1; null when every source is unrated
        pa.field("confidence", pa.float64()),
        # strictest marking among the evidence, as `vocabulary.markings.Marking`
        pa.field("marking", pa.string(), nullable=False),
        # personal data among the evidence
        pa.field("personal", pa.bool_(), nullable=False),
        # the registrable host the value stands on: the domain, the URL's host, the mail domain; null for hashes, ASNs
        pa.field("host", pa.string()),
        # the address that is the finding, or stands as its URL's host; null otherwise
        pa.field("address", pa.string()),
        # addresses that visible resolutions give the host, sorted
        pa.field("resolved", pa.list_(pa.string()), nullable=False),
        # hosting country by the primary source, then by the second; null when unknown
        pa.field("country", pa.string()),
        pa.field("country_second", pa.string()),
        # the two sources name different countries
        pa.field("country_conflict", pa.bool_(), nullable=False),
        # all hosting countries (several when a domain resolves to several), sorted
        pa.field("countries", pa.list_(pa.string()), nullable=False),
        pa.field("asn", pa.int64()),
        pa.field("network_owner", pa.string()),
        pa.field("public_suffix", pa.string()),
        # registrable domain: the public suffix and one label
        pa.field("registered_domain", pa.string()),
        pa.field("registry_country", pa.string()),
        pa.field("government", pa.bool_(), nullable=False),
        # national CSIRT and abuse contact that the operator imported; null: none known
        pa.field("csirt", pa.string()),
        pa.field("abuse_contact", pa.string()),
        # why the finding is in this view: 'hosting', 'registry'; empty for the hub's own table
        pa.field("basis", pa.list_(pa.string()), nullable=False),
        # an analyst must decide before anybody is asked to act: 'list name (version)', sorted
        pa.field("review", pa.list_(pa.string()), nullable=False),
        # still actionable, said beside it: 'list name (version)', sorted
        pa.field("cautions", pa.list_(pa.string()), nullable=False),
        # an analyst has let it go though it is on these: 'list name (version)', sorted
        pa.field("reviewed", pa.list_(pa.string()), nullable=False),
        # higher is worse; the formula stands in fusion/ranking.py
        pa.field("severity", pa.float64(), nullable=False),
    ]
)
"""One row a finding, as one audience sees it. Sorted by (severity descending, finding_id)."""

VIEW_FAMILIES = pa.schema(
    [
        # the finding's place in the view's findings
        pa.field("row", pa.int64(), nullable=False),
        # normalised
        pa.field("family", pa.string(), nullable=False),
        pa.field("first_seen", INSTANT, nullable=False),
        pa.field("last_seen", INSTANT, nullable=False),
        # sightings
        pa.field("count", pa.int64(), nullable=False),
    ]
)
"""When and how often each family was seen at each of a view's findings. Sorted by (row, family)."""

VIEW_SIGHTINGS = pa.schema(
    [
        # the finding's place in the view's findings
        pa.field("row", pa.int64(), nullable=False),
        pa.field("seen_at", INSTANT, nullable=False),
        pa.field("undated", pa.bool_(), nullable=False),
        pa.field("port", pa.int32()),
        # normalised; null: none said
        pa.field("family", pa.string()),
        pa.field("count", pa.int64(), nullable=False),
    ]
)
"""Single sightings for the by-network annexes: times, and source ports of clients, of findings that await no review.
Sorted by the finding's asn (none first), row, seen_at, port, family (none last) and undated; no two rows are equal in
all of row, seen_at, port, family and undated."""
