"""Who is there, what they collect, and what they signed."""
