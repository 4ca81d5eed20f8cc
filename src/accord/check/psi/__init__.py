"""Private set intersection: an organisation learns which of its own values were seen, the hub how many were asked."""
