"""Cutting bytes into lines."""

import numpy as np
import numpy.typing as npt

from accord.columns.reading import Chunk

Positions = npt.NDArray[np.int64]


def cut(chunk: Chunk) -> tuple[Positions, Positions, npt.NDArray[np.int32], Positions]:
    """Every physical line of a chunk: start, end (without LF or CRLF), index into `chunk.parts`, number in its member.

    A last line without a line end counts; the nothing after a last line end does not (as `wc -l` and editors agree).
    """
    starts, ends, owners, numbers = [], [], [], []
    for index, part in enumerate(chunk.parts):
        data = chunk.data[part.start : part.end]
        breaks = np.flatnonzero(data == 10).astype(np.int64)
        if len(data) and data[-1] != 10:
            breaks = np.append(breaks, len(data))
        start = np.empty(len(breaks), np.int64)
        if len(breaks):
            start[0] = 0
            start[1:] = breaks[:-1] + 1
        end = breaks.copy()
        carriage = (end > start) & (data[np.maximum(end - 1, 0)] == 13) if len(data) else np.zeros(0, np.bool_)
        end[carriage] -= 1
        starts.append(start + part.start)
        ends.append(end + part.start)
        owners.append(np.full(len(breaks), index, np.int32))
        numbers.append(np.arange(part.first_line, part.first_line + len(breaks), dtype=np.int64))
    if not starts:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, np.zeros(0, np.int32), nothing
    return np.concatenate(starts), np.concatenate(ends), np.concatenate(owners), np.concatenate(numbers)


def looks_like_text(head: bytes) -> bool:
    """Could a member that starts like this be lines of text? Not with NUL bytes, nor as JSON or XML."""
    start = head[:512].lstrip().lower()
    return b"\0" not in head and not start.startswith((b"{", b'["', b"[{", b"[[", b"<?xml", b"<!doctype", b"<stix"))
