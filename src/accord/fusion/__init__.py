"""From observations to evidence to findings, in columns."""
