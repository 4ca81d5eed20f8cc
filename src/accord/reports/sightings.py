"""What reports for machines say of a finding in one sentence, and which port goes with which time."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.schema import INSTANT
from accord.release.view import View
from accord.reports.confidence import in_words
from accord.reports.tables import instants

Positions = npt.NDArray[np.int64]


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


def source_ports(view: View, rows: Positions) -> tuple[pa.Int32Array, pa.StringArray]:
    """For the findings in some rows of a view the port of the last sighting that has one, and when that was (RFC 3339).

    Behind address translation an abuse desk needs both, of the same moment (RFC 6302). Null where no port is known.
    """
    ports = np.full(view.findings.num_rows, -1, np.int32)
    times = np.zeros(view.findings.num_rows, np.int64)
    for piece in view.sightings.pieces():
        ported = piece.filter(piece["port"].is_valid())
        row = ported["row"].to_numpy()
        # sightings are sorted by time within a finding, and the last assignment stands
        ports[row] = ported["port"].to_numpy()
        times[row] = ported["seen_at"].cast(pa.int64()).to_numpy()
    unknown = ports[rows] < 0
    seen_at = pa.array(times[rows], mask=unknown).cast(INSTANT)
    return pa.array(ports[rows], mask=unknown), instants(seen_at)
