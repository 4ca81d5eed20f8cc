"""Confidence in words: one fixed scale, defined here and nowhere else."""

from dataclasses import dataclass

from accord.reports.words import Message, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One word of the scale, for confidences of at least `least` (0..1) and below the step before."""

    least: float
    word: Message
    meaning: Message


SCALE: tuple[Step, Step, Step, Step] = (
    Step(
        least=0.9,
        word=say("almost certain"),
        meaning=say("0.90 or more: several reliable sources saw it lately, or one very reliable source just now."),
    ),
    Step(
        least=0.6,
        word=say("likely"),
        meaning=say("0.60 to 0.89: a reliable source saw it lately, or weaker sources agree."),
    ),
    Step(
        least=0.3,
        word=say("possible"),
        meaning=say("0.30 to 0.59: one source of medium weight, or an older sighting. Check before you act."),
    ),
    Step(
        least=0.0,
        word=say("weak"),
        meaning=say("below 0.30: an old sighting or a weak source. Use it to look closer, not to act alone."),
    ),
)
"""The highest first."""

UNRATED = Step(
    least=0.0,
    word=say("unrated"),
    meaning=say("no source behind it has a reliability grade, so that no number can be given."),
)


def in_words(confidence: float | None) -> Message:
    """The word for a confidence of 0 to 1; None (every source is unrated) has a word of its own."""
    if confidence is None:
        return UNRATED.word
    return next((step.word for step in SCALE if confidence >= step.least), SCALE[-1].word)
