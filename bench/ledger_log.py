"""Writes the folder of a log of any length without a database: entries as a hub's, all opened, a checkpoint, figures.

    python bench/ledger_log.py DIR ENTRIES

Of 16,384 entries each is committed to by itself; then they come again, under other numbers: who checks a log does not
notice, and it is written as fast as the disk is. Memory does not grow with the log. `bench/ledger.py` measures on it.
"""

import secrets
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from accord.journal.facts import PUBLIC, Fact, Kind
from accord.journal.figures import Tally, encode_figures, figures_of
from accord.journal.files import opened_path
from accord.ledger.checkpoints import Checkpoint
from accord.ledger.commitments import commit_encoded, join_opened, pick_openings
from accord.ledger.notes import SignatureType, SigningKey, sign_note
from accord.ledger.tiles import TILE_WIDTH, EntryBundle, TreeEdge, pack_entries
from accord.ledger.tree import HASH_BYTES, leaf_hashes
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.markings import Marking

AT = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
COUNTRIES = ("TH", "VN", "KE", "SG", "ID", "MY", "PH", "FR", "DE", "BR")
KINDS = (Kind.DELIVERY, Kind.DISCLOSURE, Kind.DISCLOSURE, Kind.RECEIPT)


def fact(number: int) -> Fact:
    """What entry `number` says: some two thousand classes, counts from 0 up."""
    kind = KINDS[number % 4]
    return Fact(
        kind=kind,
        at=AT.replace(year=2022 + number % 5),
        agreement="thailand-2026 vendor-2026",
        dataset=f"data set {number % 97:012x}",
        origin=tuple(Origin)[number % 8],
        partner="csirt-th",
        country="" if kind is Kind.DELIVERY else COUNTRIES[number % 10],
        purpose=None if kind is Kind.DELIVERY else tuple(Purpose)[number % 6],
        marking=Marking.AMBER,
        count=number % 4096,
        digest="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    )


DISTINCT = 64
"""Bundles of entries that are not the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A bundle of entries, whatever their numbers."""

    entries: list[bytes]
    hashes: bytes
    lines: list[list[str]]
    values: list[dict[str, bytes]]

    def tally(self, width: int) -> Tally:
        found = Tally()
        for one in self.values[:width]:
            found.add(one)
        return found


def made(index: int) -> Made:
    entries, lines, values = [], [], []
    for at in range(TILE_WIDTH):
        [(entry, openings)] = commit_encoded([fact(index * TILE_WIDTH + at).values()], secrets.token_bytes)
        opened, said = pick_openings(openings, PUBLIC)
        entries.append(entry)
        lines.append(opened)
        values.append(said)
    return Made(entries=entries, hashes=leaf_hashes(entries), lines=lines, values=values)


def write(root: Path, path: str, data: bytes) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(data)


def write_log(root: Path, size: int) -> Checkpoint:
    """Write a log of `size` entries."""
    key = SigningKey(name="bench.example/ledger", type=SignatureType.ED25519, seed=bytes(32))
    pool = [made(index) for index in range(min(DISTINCT, -(-size // TILE_WIDTH)))]
    whole_bundles = [one.tally(TILE_WIDTH) for one in pool]
    edge, whole = TreeEdge(), Tally()
    waiting: list[bytes] = []
    for first in range(0, size, TILE_WIDTH):
        index, width = first // TILE_WIDTH, min(TILE_WIDTH, size - first)
        one = pool[index % len(pool)]
        write(root, EntryBundle(index=index, width=width).path, pack_entries(one.entries[:width]))
        write(root, opened_path(index), join_opened({first + at: one.lines[at] for at in range(width)}))
        whole.merge(whole_bundles[index % len(pool)] if width == TILE_WIDTH else one.tally(width))
        waiting.append(one.hashes[: width * HASH_BYTES])
        if len(waiting) == TILE_WIDTH:
            edge, waiting = grown(root, edge, waiting), []
    edge = grown(root, edge, waiting)
    checkpoint = Checkpoint(origin=key.name, size=size, root=edge.root())
    # the edge as it is now: what was partial on the way has grown since
    for level, hashes in enumerate(edge.partial):
        if hashes:
            index, width = size >> 8 * (level + 1), len(hashes) // 32
            write(
                root, f"tile/{level}/{EntryBundle(index=index, width=width).path.removeprefix('tile/entries/')}", hashes
            )
    write(root, "policy", f"log {key.verifier}\nquorum none\n".encode())
    write(root, "figures.json", encode_figures(figures_of(whole, size), checkpoint))
    write(root, "checkpoint", sign_note(checkpoint.text, [key]).encode())
    return checkpoint


def grown(root: Path, edge: TreeEdge, waiting: list[bytes]) -> TreeEdge:
    edge, tiles = edge.grow(b"".join(waiting))
    for tile, data in tiles:
        if tile.width == TILE_WIDTH:
            write(root, tile.path, data)
    return edge


if __name__ == "__main__":
    print(write_log(Path(sys.argv[1]), int(sys.argv[2])))
