"""Training: scenarios that write what partners would deliver, and the truth that a run is scored against."""
