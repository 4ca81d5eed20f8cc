"""Packages: what a hub hands over, sealed, with its place in the ledger (docs/package.md)."""
