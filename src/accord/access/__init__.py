"""Who may do what in a hub, and who did: the log of consultations."""
