"""How long what people write may be, in characters."""

MAX_TEXT = 2000
"""A text in settings or in an option: age's longest keys are shorter."""

MAX_TITLE = 200
"""A name or title."""

MAX_REASON = 1000
"""A reason, or who acts, as a command is told: a notice has room for no more (docs/recall.md)."""
