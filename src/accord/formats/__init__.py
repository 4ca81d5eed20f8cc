"""Formats: partners' bytes to the vocabulary and columns, one module a format; `catalogue` lists them."""
