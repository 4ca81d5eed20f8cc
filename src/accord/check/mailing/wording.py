"""What the pages and mails of the check by e-mail say."""

from typing import Final

from accord.reports.words import say

TITLE: Final = say("Was your mail address in the hands of criminals?")
LEAD: Final = say(
    "Among the data that were seized from criminals are mail addresses and passwords. Enter your mail address. If it "
    "is among them, we write to it, and nobody else learns of it."
)
LABEL: Final = say("Your mail address")
# l10n: the button that asks about a mail address
ASK: Final = say("Ask about this address")
ANSWER_BY_MAIL: Final = say(
    "The answer comes by mail alone, as a rule within the next hour, and once a day at most. After three mails that "
    "were not opened, none comes for 30 days. On this page everybody gets the same reply."
)
NOT_KEPT: Final = say(
    "Your mail address is forgotten as soon as it was looked up and, where there is something to say, written to. "
    "Nobody else is asked."
)
ASKABLE: Final = say(
    "Only addresses with plain Latin letters, digits and signs before the @ can be looked up: no letters with accents "
    "or of other scripts, and no quotation marks."
)
TAKEN: Final = say("Look into your mail")
TAKEN_WORDS: Final = say(
    "If we know something of this address, a mail comes, as a rule within the next hour; look among the unwanted ones, "
    "too. No mail does not mean that the address is not known, nor that your passwords are safe."
)
OPEN: Final = say("What we know of your mail address")
OPEN_WORDS: Final = say("Press the button to read it. You can do so once.")
# l10n: the button that shows what is known of a mail address
SHOW: Final = say("Show it")
TOLD: Final = say("Your mail address was in the hands of criminals")
TOLD_WORDS: Final = say(
    "It stood among data that were seized from criminals. They may have had a password of yours, too, or have taken "
    "both from a device of yours."
)
MARKED: Final = say(
    "TLP:AMBER means: pass this on only to those who need it to help you, such as your bank or the police."
)
WHICH: Final = say(
    "Do this with every device on which you have used this address or its password. Until it is clean, do not bank or "
    "enter passwords on it."
)
GONE: Final = say("This link does not work any more")
GONE_WORDS: Final = say(
    "A link works once, and for as long as its mail says. Ask again, and another mail comes if there is something to "
    "say, and if it is neither too early for one nor unwanted."
)
STOP: Final = say("No more mails about this")
STOP_WORDS: Final = say(
    "Press the button, and we write to your mail address no more about what is known of it now, whoever asks. Only if "
    "it is seen again among what was seized does a question lead to a mail."
)
# l10n: the button by which somebody wants no more mails
STOP_BUTTON: Final = say("Write to me no more")
STOPPED: Final = say("We write to you no more")
STOPPED_WORDS: Final = say(
    "Whoever asks about your mail address: no mail comes about what is known of it now. You need not do anything."
)

# l10n: the subject of a mail
SUBJECT: Final = say("About your mail address")
LETTER_LINK: Final = say(
    "We have something to tell you about it. Open this page and press the button. It works once, and for two days:"
)
LETTER_LAST_LINK: Final = say(
    "We have something to tell you about it, and our last mails were not opened. Open this page and press the button. "
    "If you do not, we write no more for 30 days, and for that long it works, once:"
)
LETTER_STOP: Final = say("If you want no more mails about this, open this page and press its button:")
LETTER_NOT_YOU: Final = say(
    "If it was not you, you need not do anything: whoever asked has learned nothing. We never ask for a password, for "
    "money, or for a file to be opened."
)
