"""A hub's own ground: settings, keys, folders that are swapped whole, its database, translations."""
