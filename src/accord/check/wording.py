"""What the pages of the check say beside their answers."""

from typing import Final

from accord.reports.words import Message, say

TITLE: Final = say("Is one of your devices infected?")
LEAD: Final = say(
    "Criminals run malicious programs on millions of computers, telephones, routers and cameras, and their owners "
    "do not notice. Some of the addresses are known to us. Ask about yours."
)
# l10n: the button that asks
ASK: Final = say("Check my connection")
ASK_AGAIN: Final = say("Check again")
BEFORE: Final = say("Before you ask")
ABOUT_CONNECTION: Final = say(
    "The answer is about the internet connection that you use now, and about every device on it. Turn off a VPN; "
    "with Wi-Fi off, you ask about your mobile network."
)
ONLY_OWN: Final = say(
    "Only the address that your connection comes from is looked up. Nobody can ask about another’s, but whoever "
    "uses the same connection gets the same answer."
)
NOTHING_KEPT: Final = say(
    "Neither your address nor your question is kept. The page uses no cookies and no scripts, and loads nothing from "
    "anybody else."
)
OTHER_ADDRESS: Final = say("Your other address")
TWO_ADDRESSES: Final = say(
    "A connection may have two addresses, an IPv4 and an IPv6 one. Check both. If one of these pages does not open, "
    "you have no such address, and there is nothing to check."
)
BY_IPV4: Final = say("Check the IPv4 address")
BY_IPV6: Final = say("Check the IPv6 address")
YOUR_ADDRESS: Final = say("Your address")
WHAT_WAS_SEEN: Final = say("What was seen")
UNNAMED: Final = say("A malicious program of which the name is not known.")
MORE_FAMILIES: Final = say("And further malicious programs.")
WHAT_TO_DO: Final = say("What to do now")
WHAT_YOU_CAN_DO: Final = say("If you want to be sure")
REPORT: Final = say("Where to report it")
REPORT_WHY: Final = say(
    "Report it, above all if you lost money or data: it helps to find those who did it. Keep this page, and do not "
    "pay anybody who asks for money."
)
ALL_CONTACTS: Final = say("Find the office of your country")
ALL_CONTACTS_OF: Final = say("Offices by country")
NO_CONTACTS: Final = say("Go to the police where you live.")
SKIP: Final = say("Go to the text")
LANGUAGES_LABEL: Final = say("Languages")
BY_MAIL: Final = say("Ask about your mail address")
TO_THE_CHECK: Final = say("To the check")

REFUSALS: Final[dict[int, tuple[Message, Message]]] = {
    400: (say("This cannot be read"), say("Your browser sent something that is not understood here.")),
    403: (
        say("The question did not come from this page"),
        say("Another page sent you here. Nothing was looked up. Open the check itself, and press its button."),
    ),
    404: (say("There is no such page"), say("The check has only one page.")),
    405: (say("This cannot be done here"), say("The check can only be opened, and asked by its button.")),
    421: (
        say("Nothing is served under this name"),
        say("Use the address that the operator of the check has made known."),
    ),
    408: (
        say("Not all of it arrived"),
        say("What you entered did not come within a few seconds, and nothing was looked up. Send it again."),
    ),
    429: (
        say("Too many questions"),
        say("Your address, or your whole network, has asked too often. Wait a minute, and ask again."),
    ),
    500: (say("Something went wrong here"), say("It is our fault. Nothing of your question was kept.")),
    503: (
        say("No more questions can be taken now"),
        say("Too many wait, whatever they are about, and yours was not taken. Ask again in an hour."),
    ),
}
"""By status of HTTP: what is wrong, and what to do."""
