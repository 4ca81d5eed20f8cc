"""What partners deliver in a scenario, each in its own format, with the faults that real deliveries have."""
