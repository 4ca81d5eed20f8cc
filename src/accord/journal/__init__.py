"""The ledger kept: typed entries and what opens them, appending, witnesses, and files that anybody can check."""
