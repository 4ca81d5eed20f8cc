"""Cutting bytes into lines."""

import numpy as np
import numpy.typing as npt

from accord.columns.reading import Chunk
from accord.columns.scanner import Bytes, Positions, compiled

LINE_FEED = 10
CARRIAGE_RETURN = 13


def cut(chunk: Chunk) -> tuple[Positions, Positions, npt.NDArray[np.int32], Positions]:
    """Every physical line of a chunk: start, end (without LF or CRLF), index into `chunk.parts`, number in its member.

    A last line without a line end counts; the nothing after a last line end does not (as `wc -l` and editors agree).
    """
    parts = np.array([(part.start, part.end, part.first_line) for part in chunk.parts], np.int64).reshape(-1, 3)
    room = int(np.count_nonzero(chunk.data == LINE_FEED)) + len(parts)
    start, end, number = (np.empty(room, np.int64) for _ in range(3))
    owner = np.empty(room, np.int32)
    count = _cut(chunk.data, parts, start, end, owner, number)
    return start[:count], end[:count], owner[:count], number[:count]


@compiled
def _cut(
    data: Bytes,
    parts: npt.NDArray[np.int64],
    start: Positions,
    end: Positions,
    owner: npt.NDArray[np.int32],
    number: Positions,
) -> int:
    count = 0
    for index in range(len(parts)):
        at, stop, line = parts[index]
        begin = at
        while begin < stop:
            while at < stop and data[at] != LINE_FEED:
                at += 1
            start[count] = begin
            end[count] = at - 1 if at > begin and data[at - 1] == CARRIAGE_RETURN else at
            owner[count] = index
            number[count] = line
            count += 1
            line += 1
            at += 1
            begin = at
    return count


def looks_like_text(head: bytes) -> bool:
    """Could a member that starts like this be lines of text? Not with NUL bytes, nor as JSON or XML."""
    start = head[:512].lstrip().lower()
    return b"\0" not in head and not start.startswith((b"{", b'["', b"[{", b"[[", b"<?xml", b"<!doctype", b"<stix"))
