"""Notifications: what was handed over, by mail to partners, and what comes back when a mail fails."""
