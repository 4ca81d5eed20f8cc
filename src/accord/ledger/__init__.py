"""The transparency log as bytes: tree, tiles, notes, checkpoints, proofs, witnesses, commitments; no I/O.

docs/ledger.md states the formats.
"""
