"""Accord: what a public-private agreement against cybercrime runs on."""
