"""The outside world: address ranges, public suffixes, warning lists, families, contacts, treaties, map shapes."""
