"""Finding a value in what was delivered, and cutting the lines that hold it out of the kept bytes.

A file of lines, plain or compressed (gzip, zstd), loses exactly those lines. Of all else nothing can be cut out with
certainty: archives and documents. docs/decisions/0021 says why.
"""

import gzip
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import zstandard

from accord.columns.reading import HEAD_LIMIT, Chunk, Context, Part, grain_of
from accord.columns.spellings import Spellings
from accord.intake.opening import Member, Opening, Wrapping, recognise
from accord.intake.receiving import CHUNK_BYTES
from accord.intake.tar import RECORD
from accord.vocabulary.errors import OutputError, RefusedFileError

_OVERLAP = 8192
"""Bytes of the block before that are looked at again where there are no lines: more than any spelling has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a delivery holds a value."""

    lines: tuple[int, ...] | None
    """Numbers of the lines, from 1; None: it is no file of lines, and what holds the value cannot be cut out."""
    members: tuple[str, ...] = ()
    """Members of an archive that hold it."""


Match = Callable[[pa.RecordBatch, Sequence[str]], Iterator[int]]
"""Records of a batch of which one of these columns is the value."""


def find_places(
    path: Path, spellings: Spellings, formats: Sequence[ModuleType], context: Context, match: Match | None
) -> Place | None:
    """Where a kept file holds a value; None: nowhere.

    `formats` are those of its data set, in the catalogue's order. With `match` its readers are asked too: which records
    they read as the value, however it is spelled.
    """
    members: list[str] = []
    documents = False
    with Opening(path, where="delivered") as opening:
        try:
            for member in opening:
                try:
                    if member.name is None:
                        module = _format(member.head(HEAD_LIMIT), formats)
                        if module is not None and grain_of(module, member.head(HEAD_LIMIT)) == "lines":
                            lines = _lines(member, module, context, spellings, match)
                            return Place(lines=lines) if lines else None
                    documents = documents or _in_blocks(member.blocks(), spellings)
                    if documents and member.name is not None and member.name not in members:
                        members.append(member.name)
                        documents = False
                except RefusedFileError:
                    # it was not read when it came, and gave no evidence
                    continue
        except RefusedFileError:
            pass
    with path.open("rb") as file:
        raw = _in_blocks(iter(lambda: file.read(1 << 20), b""), spellings)
    if members or documents or raw:
        return Place(lines=None, members=tuple(members))
    return None


def cut(path: Path, to: Path, lines: Sequence[int]) -> str:
    """Write a file of lines without some of them, in the wrapping that it has; the SHA-256 of what was written, in hex.

    Raises OutputError.
    """
    gone = np.array(sorted(lines), np.int64)
    with path.open("rb") as file:
        wrapping = recognise(file.read(RECORD), "delivered")
    try:
        with to.open("wb") as raw, _wrapped(raw, wrapping) as sink, Opening(path, where="delivered") as opening:
            for member in opening:
                number = 1
                for piece in _whole_lines(member):
                    number = _write(sink, piece, number, gone)
    except OSError as error:
        raise OutputError(
            "What was delivered cannot be written without some lines.", where=str(to), got=error.strerror
        ) from error
    with to.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(sink: BufferedIOBase, piece: bytes, number: int, gone: np.ndarray) -> int:
    count = piece.count(b"\n") + (not piece.endswith(b"\n"))
    first, last = np.searchsorted(gone, [number, number + count])
    if first == last:
        sink.write(piece)
    else:
        here = {*(gone[first:last] - number).tolist()}
        sink.write(b"".join(line for at, line in enumerate(_split(piece)) if at not in here))
    return number + count


def _split(piece: bytes) -> list[bytes]:
    """Lines with their ends; a carriage return alone ends none."""
    lines = [line + b"\n" for line in piece.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _wrapped(raw: BufferedIOBase, wrapping: Wrapping) -> BufferedIOBase:
    if wrapping is Wrapping.GZIP:
        # no name and no time: the same lines give the same bytes
        return gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0)
    if wrapping is Wrapping.ZSTD:
        return zstandard.ZstdCompressor().stream_writer(raw, closefd=False)  # type: ignore[arg-type,return-value]
    return raw


def _format(head: bytes, formats: Sequence[ModuleType]) -> ModuleType | None:
    if len(formats) == 1:
        return formats[0]
    return next((module for module in formats if module.recognises(head, "delivered")), None)


def _lines(
    member: Member, module: ModuleType, context: Context, spellings: Spellings, match: Match | None
) -> tuple[int, ...]:
    layout = None if match is None else module.layout(member.head(HEAD_LIMIT), "delivered", context)
    found: set[int] = set()
    number = 1
    for piece in _whole_lines(member):
        at, line = 0, number
        for begin, _ in spellings.places(piece):
            line += piece.count(b"\n", at, begin)
            at = begin
            found.add(line)
        if match is not None:
            part = Part(member=0, path="delivered", start=0, end=len(piece), first_line=number, layout=layout)
            parsed = module.parse(Chunk(data=np.frombuffer(piece, np.uint8), parts=(part,)), context)
            found.update(match(parsed.observations, ["value"]))
            found.update(match(parsed.resolutions, ["domain", "address"]))
        number += piece.count(b"\n")
    return tuple(sorted(found))


def _whole_lines(member: Member) -> Iterator[bytes]:
    """A member's bytes in pieces that end where a line does."""
    carry: list[bytes] = []
    held = 0
    for block in member.blocks():
        end = block.rfind(b"\n") + 1
        held += len(block)
        if not end or held < CHUNK_BYTES:
            carry.append(block)
            continue
        yield b"".join([*carry, block[:end]])
        carry, held = [block[end:]], len(block) - end
    rest = b"".join(carry)
    if rest:
        yield rest


def _in_blocks(blocks: Iterator[bytes], spellings: Spellings) -> bool:
    """Is the value in what has no lines? All blocks are read."""
    before, found = b"", False
    for block in blocks:
        text = before + block
        found = found or spellings.held(text)
        before = text[-_OVERLAP:]
    return found
