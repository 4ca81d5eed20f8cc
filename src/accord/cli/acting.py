"""Who acts, and why: the options of every command that the log of consultations keeps."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from accord.vocabulary.errors import AccordError, SettingsError
from accord.vocabulary.lengths import MAX_REASON

if TYPE_CHECKING:
    from datetime import datetime

    from accord.access.consultations import Processing
    from accord.workspace.database import Database

Person = Annotated[
    str | None,
    typer.Option(
        "--person",
        envvar="ACCORD_PERSON",
        help="Who you are, for the log of consultations; by default your login name.",
    ),
]
Why = Annotated[
    str | None,
    typer.Option(
        "--why",
        metavar="TEXT",
        help="What it is done for, for the log of consultations.",
    ),
]

WhyAsked = Annotated[
    str | None,
    typer.Option(
        "--why",
        metavar="TEXT",
        help="What you need it for, for the log of consultations; where it is not said, ACCORD_WHY must say it.",
    ),
]
"""Of the commands that only show: whoever asks says why."""

WHY = "ACCORD_WHY"
"""The variable with the reason for all that is asked in a session, such as a case's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, and why."""

    person: str
    justification: str
    """Empty: none was given."""

    def demand_reason(self) -> None:
        """Raise SettingsError when none was given: nobody consults without one."""
        if not self.justification:
            raise SettingsError(
                "The log of consultations keeps why somebody asks, and no reason was given.",
                where="--why",
                expected='what you need it for, such as "case 4711"',
                got="nothing",
                remedy=f"say it with --why, or set {WHY} for all that you ask",
            )


def acting(person: str | None, why: str | None) -> Actor:
    """Who acts: as was said, else who the operating system says it is. Raises SettingsError."""
    return Actor(
        person=_login() if person is None else _text(person, "--person"),
        justification="" if why is None else _reason(why, "--why"),
    )


def asking(person: str | None, why: str | None) -> Actor:
    """Who asks, as of `acting`; and why: as was said, else as WHY says. Raises SettingsError."""
    standing = os.environ.get(WHY)
    actor = acting(person, why)
    return actor if why is not None or not standing else replace(actor, justification=_reason(standing, WHY))


def log(
    database: "Database",
    actor: Actor,
    processing: "Processing",
    objects: Sequence[str],
    *,
    recipients: Sequence[str] = (),
    now: "datetime",
) -> None:
    """Write into the log of consultations what is about to be answered, a row an object, all or none of them.

    What cannot be logged must not be answered: raises the database's error, as one that says so. What changes the
    database itself calls `access.consultations.record` in its own transaction instead. Raises SettingsError for a
    consultation without a reason.
    """
    from accord.access.consultations import Processing, record_each

    if processing is Processing.CONSULTATION:
        actor.demand_reason()
    why = actor.justification
    if not why and processing is Processing.COMBINATION:
        # "snapshot 3: 2 deliveries": what it is combined in stands for the reason
        why = ", ".join(one.partition(":")[0] for one in objects)
    try:
        with database.writing() as connection:
            record_each(
                connection,
                processing,
                person=actor.person,
                justification=why,
                objects=objects,
                recipients=recipients,
                now=now,
            )
    except AccordError as error:
        raise unlogged(error) from error


def combining(database: "Database", actor: Actor, clock: Callable[[], "datetime"]) -> Callable[[str], None]:
    """What logs, before it is done, that what deliveries say is combined (`cli.snapshots.snapshotting.Combining`)."""
    from accord.access.consultations import Processing

    def write(about: str) -> None:
        log(database, actor, Processing.COMBINATION, [about], now=clock())

    return write


def unlogged(error: AccordError) -> AccordError:
    """The error that says that nothing is answered because it could not be logged; of settings, what is wrong."""
    if isinstance(error, SettingsError):
        return error
    return type(error)(
        "This cannot be written into the log of consultations, and so it is not answered.",
        where=error.where,
        expected=error.expected or "a database that may be written: whoever asks leaves a trace",
        got=error.what,
        remedy=error.remedy,
    )


def _login() -> str:
    import pwd

    try:
        # not from the environment, in which anybody can be anyone
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _reason(said: str, where: str) -> str:
    """Why, without a value: the log is never changed, and a person may have a value erased."""
    from accord.cli.reasons import demand_no_value

    text = _text(said, where)
    demand_no_value(text, where)
    return text


def _text(said: str, option: str) -> str:
    text = " ".join(said.split())
    if text and len(text) <= MAX_REASON and text.isprintable():
        return text
    raise SettingsError(
        f"What {option} says is not fit for the log of consultations.",
        where=option,
        expected=f"words, at most {MAX_REASON:,} characters, none of them a control character",
        got=f"{len(said):,} characters" if text else "nothing",
        remedy="say it shorter, and name the document that says more" if len(text) > MAX_REASON else None,
    )
