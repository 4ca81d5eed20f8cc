"""Ways in and out by which partners' own systems connect."""
