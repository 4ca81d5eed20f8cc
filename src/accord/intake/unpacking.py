"""Bytes out of gzip and Zstandard streams, pulled block by block within bounds.

gzip: RFC 1952 (members may follow each other; zero padding at the end is permitted by custom of tapes).
Zstandard: RFC 8878 (frames may follow each other, skippable ones among them).
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import zstandard

from accord.vocabulary.errors import AccordError, RefusedFileError

BLOCK = 1 << 20
"""Bytes of a block that is read or unpacked at once."""

_ZSTD_STEP = 2_048
"""Bytes fed to the Zstandard decoder at once. It has no output limit, and a 4-byte block can stand for 128 KiB (RFC
8878, 3.1.1.2), so a step bounds what a hostile stream makes us hold to 64 MiB."""

_ZSTD_WINDOW = 1 << 27
"""Bytes of the largest window that is taken: what `zstd` itself takes without being told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one file on disk may turn out to be. Past a bound the file is refused, and the bound is named."""

    members: int = 20_000
    """Entries of all its archives together, folders included."""
    expanded_bytes: int = 8 << 30
    """Bytes that all its layers unpack to, together."""
    member_bytes: int = 4 << 30
    """Bytes of one member; past it that member alone is refused."""
    ratio: int = 200
    """Unpacked bytes for each byte on disk, looked at once `ratio_from_bytes` are unpacked. Real feeds reach 30; only
    runs of one value pass 200, and deflate ends at 1,032."""
    ratio_from_bytes: int = 10 << 20
    depth: int = 2
    """Wrappings inside each other: gzip, zstd, zip, tar; a compressed tar counts once."""


class Budget:
    """What a file's layers have used of its limits. Once it is overdrawn, every later call raises again."""

    __slots__ = ("_expanded", "_limits", "_members", "_on_disk", "_where")

    def __init__(self, limits: Limits, on_disk: int, where: str) -> None:
        self._limits = limits
        self._on_disk = on_disk
        self._where = where
        self._expanded = 0
        self._members = 0

    def expand(self, count: int) -> None:
        """Count `count` unpacked bytes; raises RefusedFileError past the total or the ratio."""
        self._expanded += count
        self.verify()

    def enter_member(self) -> None:
        """Count one more archive entry."""
        self._members += 1
        self.verify()

    def verify(self) -> None:
        """Raise RefusedFileError if a bound of the whole file is passed."""
        limits = self._limits
        if self._members > limits.members:
            raise self._refusal("too many members", f"at most {limits.members:,}", f"more than {limits.members:,}")
        if self._expanded > limits.expanded_bytes:
            raise self._refusal(
                "it unpacks to too much",
                f"at most {limits.expanded_bytes:,} bytes",
                f"{self._expanded:,} bytes and more",
            )
        if self._expanded > limits.ratio_from_bytes and self._expanded > limits.ratio * self._on_disk:
            raise self._refusal(
                "it unpacks to too much for its size: this looks like a decompression bomb",
                f"at most {limits.ratio} bytes for each byte on disk",
                f"{self._expanded:,} bytes and more from {self._on_disk:,}",
            )

    def _refusal(self, what: str, expected: str, got: str) -> RefusedFileError:
        return RefusedFileError(
            what, where=self._where, expected=expected, got=got, remedy="deliver it in several smaller files"
        )


class Feed:
    """Bytes that arrive in blocks, pulled in the sizes that a reader wants. The source's error comes back each time."""

    __slots__ = ("_at", "_blocks", "_failure", "_held", "position")

    def __init__(self, blocks: Iterator[bytes], held: bytes = b"") -> None:
        """`held`: bytes that come before the first block."""
        self._blocks = blocks
        self._held = held
        self._at = 0
        self._failure: AccordError | None = None
        self.position = 0
        """Bytes taken so far."""

    def _pull(self) -> bytes:
        """The next block of the source; empty at its end."""
        if self._failure is not None:
            raise self._failure
        try:
            for block in self._blocks:
                if block:
                    return block
        except AccordError as failure:
            self._failure = failure
            raise
        return b""

    def _fill(self, count: int) -> int:
        """Hold at least `count` bytes if there are as many; the number held."""
        held = len(self._held) - self._at
        if held < count:
            pieces = [self._held[self._at :]]
            while held < count and (block := self._pull()):
                pieces.append(block)
                held += len(block)
            self._held, self._at = b"".join(pieces), 0
        return held

    def peek(self, count: int) -> bytes:
        """The next `count` bytes (fewer only at the end), left where they are."""
        if len(self._held) - self._at < count:
            self._fill(count)
        return self._held[self._at : self._at + count]

    def take(self, count: int) -> bytes:
        """The next `count` bytes (fewer only at the end)."""
        taken = self.peek(count)
        self._at += len(taken)
        self.position += len(taken)
        return taken

    def take_held(self, count: int) -> bytes | None:
        """The next `count` bytes if all of them are at hand already, at most BLOCK; None: nothing is taken."""
        if count > BLOCK or len(self._held) - self._at < count:
            return None
        return self.take(count)

    def block(self, limit: int) -> bytes:
        """Some bytes, whatever is at hand up to `limit`; empty only at the end."""
        if self._at == len(self._held):
            self._held, self._at = self._pull(), 0
        if self._at == 0 and len(self._held) <= limit:
            taken, self._held = self._held, b""
        else:
            taken = self._held[self._at : self._at + limit]
            self._at += len(taken)
        self.position += len(taken)
        return taken

    def skip(self, count: int) -> int:
        """Pass over `count` bytes; how many there were."""
        passed = 0
        while passed < count and (block := self.block(count - passed)):
            passed += len(block)
        return passed

    def blocks(self) -> Iterator[bytes]:
        """All that is left."""
        while block := self.block(BLOCK):
            yield block


def gunzip(feed: Feed, budget: Budget, where: str) -> Iterator[bytes]:
    """Unpack a gzip stream. Raises RefusedFileError: it is cut off, fails its CRC-32, or something else follows."""
    rest = b""
    while rest or (rest := feed.block(BLOCK)):
        if not rest.strip(b"\0"):
            rest = b""  # padding: only more padding may follow, or the next round finds no gzip header
            continue
        decoder = zlib.decompressobj(wbits=31)
        while not decoder.eof:
            if not rest and not (rest := feed.block(BLOCK)):
                raise _cut_off("gzip", where)
            try:
                block = decoder.decompress(rest, BLOCK)
            except zlib.error as error:
                raise _corrupt("gzip", where, str(error)) from error
            rest = decoder.unconsumed_tail
            if block:
                budget.expand(len(block))
                yield block
        rest = decoder.unused_data


def unzstd(feed: Feed, budget: Budget, where: str) -> Iterator[bytes]:
    """Unpack a Zstandard stream. Raises RefusedFileError: it is cut off, fails its checksum, or something follows."""
    context = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    rest = b""
    pieces: list[bytes] = []
    gathered = 0
    while rest or (rest := feed.take(_ZSTD_STEP)):
        decoder = context.decompressobj()
        while not decoder.eof:
            if not rest and not (rest := feed.take(_ZSTD_STEP)):
                raise _cut_off("zstd", where)
            try:
                piece = decoder.decompress(rest)
            except zstandard.ZstdError as error:
                raise _corrupt("zstd", where, str(error)) from error
            rest = b""
            budget.expand(len(piece))
            pieces.append(piece)
            gathered += len(piece)
            if gathered >= BLOCK:
                yield b"".join(pieces)
                pieces, gathered = [], 0
        rest = decoder.unused_data
    yield b"".join(pieces)


def _cut_off(kind: str, where: str) -> RefusedFileError:
    return RefusedFileError(
        f"the {kind} stream is cut off",
        where=where,
        expected=f"a whole {kind} stream",
        got="its end is missing",
        remedy="ask for the file again",
    )


def _corrupt(kind: str, where: str, got: str) -> RefusedFileError:
    return RefusedFileError(
        f"the {kind} stream is corrupt",
        where=where,
        expected=f"a whole {kind} stream",
        got=got,
        remedy="ask for the file again",
    )
