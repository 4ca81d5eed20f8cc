"""A log as static files, written without a hub: whatever entries, whoever signs."""

from collections.abc import Sequence
from pathlib import Path

from accord.ledger.checkpoints import Checkpoint
from accord.ledger.notes import Note, SigningKey, sign_note
from accord.ledger.tiles import TreeEdge, bundles_of_growth, pack_entries
from accord.ledger.tree import leaf_hashes


def write_log(
    root: Path, entries: Sequence[bytes], key: SigningKey, *, policy: bytes | None = None, note: Note | None = None
) -> Path:
    """Write a log with these entries; `note` is its checkpoint, None: one that `key` alone signs."""
    edge, tiles = TreeEdge().grow(leaf_hashes(entries))
    head = Checkpoint(origin=key.name, size=edge.size, root=edge.root())
    files = {tile.path: data for tile, data in tiles}
    for bundle in bundles_of_growth(0, len(entries)):
        files[bundle.path] = pack_entries(entries[256 * bundle.index :][: bundle.width])
    files["checkpoint"] = (note or sign_note(head.text, [key])).encode()
    files["policy"] = policy or f"log {key.verifier}\nquorum none\n".encode()
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root
