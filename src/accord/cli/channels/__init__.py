"""Places where a known audience finds objects, and feeds for everybody."""
