"""Recalls, the rights of persons, retention, and the log of consultations."""
