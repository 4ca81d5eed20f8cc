"""Who may be told what: rules, and an audience's view of an operation."""
