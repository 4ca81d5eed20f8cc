"""What reports for machines say of a finding in one sentence, and which port goes with which time."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from accord.reports.confidence import in_words
from accord.reports.tables import instants


class Described(Protocol):
    """What a sentence says of a finding; times by RFC 3339."""

    value: str
    role: str
    families: Sequence[str]
    first_seen: str
    last_seen: str
    sightings: int
    confidence: float | None


def description(row: Described) -> str:
    """`203.0.113.7 was reported as c2-server, seen 3 times from ... to ... Confidence: likely (0.71 of 1). ...`"""
    families = f" Families: {', '.join(row.families)}." if row.families else ""
    number = "" if row.confidence is None else f" ({row.confidence:.2f} of 1)"
    confidence = f" Confidence: {in_words(row.confidence).text}{number}."
    return f"{row.value} was reported as {row.role}{seen(row)}.{confidence}{families}"[:1000]


def seen(row: Described) -> str:
    """`, seen 3 times from ... to ...`"""
    times = "once" if row.sightings == 1 else f"{row.sightings} times"
    span = f"at {row.last_seen}" if row.first_seen == row.last_seen else f"from {row.first_seen} to {row.last_seen}"
    return f", seen {times} {span}"


def source_ports(findings: pa.Table, sightings: pa.Table) -> tuple[list[int | None], list[str | None]]:
    """For each finding the port of its last sighting that has one, and when that was (RFC 3339).

    Behind address translation an abuse desk needs both, of the same moment (RFC 6302).
    """
    ported = sightings.filter(pc.is_valid(sightings["port"]))
    rank = pc.index_in(ported["finding_id"], findings["finding_id"])
    known = np.flatnonzero(np.asarray(pc.is_valid(rank)))
    row = np.asarray(rank.take(pa.array(known)), np.int64)
    last = np.full(findings.num_rows, -1, np.int64)
    # sightings are sorted by time within a finding, and the last assignment stands
    last[row] = known
    at = pa.array(last, mask=last < 0)
    times = instants(ported["seen_at"].take(at).combine_chunks())
    return ported["port"].take(at).to_pylist(), times.to_pylist()
