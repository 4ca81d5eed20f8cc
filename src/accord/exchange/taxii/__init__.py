"""TAXII 2.1 (OASIS Standard, 10 June 2021): a hub's channels as collections."""
