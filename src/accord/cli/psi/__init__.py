"""Private set intersection with organisations."""
