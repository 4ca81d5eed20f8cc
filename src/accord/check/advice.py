"""What to do about an infection, by the systems that its family runs on, in the order that keeps the criminals out.

The order is the point: a password that is changed on an infected device is stolen again, and a session that was copied
outlives the password. So the device comes first, then the sessions, then the passwords, from a device that is clean.

Sources: CISA, Malware, Phishing, and Ransomware; NCSC (UK), Recovering a hacked account; BSI, Infizierte Geräte
bereinigen; Microsoft, Microsoft Defender Offline; Google, Remove malware from your Android device; NIST SP 800-61r3.
"""

from enum import IntFlag
from typing import Final

from accord.reports.words import Message, say

REVIEWED: Final = "2026-11"
"""When the tables here were last held against their sources."""


class System(IntFlag):
    """Kinds of devices that are cleaned in different ways."""

    WINDOWS = 1
    ANDROID = 2
    DEVICE = 4
    """Routers, cameras, network storage, television boxes: what has no screen of its own to scan it on."""
    DESKTOP = 8
    """macOS and Linux."""


EVERY: Final = System(15)
"""Where it is not known which."""

WORDS: dict[System, str] = {
    System.WINDOWS: "windows",
    System.ANDROID: "android",
    System.DEVICE: "device",
    System.DESKTOP: "mac-or-linux",
}
"""As the JSON answer writes them."""

_BY_PLATFORM: dict[str, System] = {
    "win": System.WINDOWS,
    "ps1": System.WINDOWS,
    "vbs": System.WINDOWS,
    "apk": System.ANDROID,
    "osx": System.DESKTOP,
    "elf": System.DEVICE | System.DESKTOP,
}
"""Malpedia's platforms. Scripts (`js`, `py`, `php`, `jar`) run on many systems, and say nothing."""

_BY_FAMILY: dict[str, tuple[System, str]] = {
    name: (systems, source)
    for systems, source, names in (
        (System.DEVICE, "CISA TA16-288A, 2016-10-14", "mirai bashlite gafgyt"),
        (System.DEVICE, "CISA TA18-145A, 2018-05-25", "vpnfilter"),
        (System.DEVICE, "CISA AA20-209A, 2020-07-27", "qsnatch"),
        (System.DEVICE, "CISA AA22-054A, 2022-02-23", "cyclopsblink"),
        (System.DEVICE, "Microsoft Security Blog, 2021-08-19", "mozi"),
        (System.DEVICE, "Microsoft Security Blog, 2022-12-21", "zerobot"),
        (System.DEVICE, "Avast Threat Labs, 2018-09-27", "torii"),
        (System.DEVICE, "Lumen Black Lotus Labs, 2023-07-12 and 2024-03-26", "avrecon themoon"),
        (System.DEVICE, "Malpedia", "hajime moobot satori okiru fbot iotreaper aisuru"),
        (System.DEVICE | System.ANDROID, "FBI IC3 PSA250605, 2025-06-05", "badbox badbox20"),
        (System.DEVICE | System.ANDROID, "Doctor Web, 2024-09-12", "vo1d"),
        (System.WINDOWS, "CISA TA15-105A, 2015-04-15", "simda"),
        (System.WINDOWS, "CISA TA14-150A, 2014-06-02", "gameover gameoverzeus p2pzeus"),
    )
    for name in names.split()
}
"""Families of which more is known than Malpedia's platform says, and by whom."""


def systems_of(family: str, platforms: tuple[str, ...]) -> System:
    """The kinds of devices that a family runs on; EVERY where nobody says."""
    known = _BY_FAMILY.get("".join(letter for letter in family.casefold() if letter.isalnum()))
    if known is not None:
        return known[0]
    found = System(0)
    for platform in platforms:
        found |= _BY_PLATFORM.get(platform, System(0))
    return found or EVERY


NAMES: dict[System, Message] = {
    System.WINDOWS: say("Windows computer"),
    System.ANDROID: say("Android telephone or tablet"),
    System.DEVICE: say("Router, camera, network storage or television box"),
    System.DESKTOP: say("Mac or Linux computer"),
}

CLEAN: dict[System, tuple[Message, ...]] = {
    System.WINDOWS: (
        say("Install all updates of Windows."),
        # l10n: menus are called otherwise in each version of Windows: name no more of them than stand here
        say(
            "Look in the Start menu for Windows Security, and open it. Among its options for virus scans choose the "
            "offline scan of Microsoft Defender. It restarts the computer and takes about 15 minutes."
        ),
        # l10n: the word in quotation marks is what people enter to find it
        say(
            "If it finds something that does not go away, save your documents and pictures, but no programs. Then look "
            "in the settings of Windows for “reset”, and reset the computer so that everything is removed."
        ),
    ),
    System.ANDROID: (
        say("Open the Play Store, tap the picture of your account, look for Play Protect, and let it scan."),
        say("Remove apps that you do not know, and every app that did not come from the store. Install all updates."),
        # l10n: each maker calls these menus otherwise: the word in quotation marks is what people enter to find them
        say(
            "If something stays strange, save pictures and contacts. Then look in the settings of the device for "
            "“reset”, and erase all data. Do not bring back apps from a backup."
        ),
    ),
    System.DEVICE: (
        say("Unplug it from the internet, and reset it to factory settings: press its reset button for ten seconds."),
        say(
            "Before it goes back on the internet, give it a new long password, install its newest firmware, and "
            "turn off remote administration."
        ),
        say("If its maker gives no more updates, replace it: it would be infected again within hours."),
    ),
    System.DESKTOP: (
        say("Install all updates of the system and of every program."),
        say("Scan it with an antivirus program from a maker that you know, and remove what it finds."),
        say("Remove programs, browser extensions and login items that you did not install yourself."),
        say("If you are not sure that it is clean, save your documents, erase the disk, and install the system anew."),
    ),
}
"""How each kind of device is cleaned: what is tried first stands first."""

CLEAN_FIRST: Final = say("First, clean the device")
CLEAN_ALL: Final = say(
    "Do this with every device that uses this connection and is of such a kind. Until it is clean, do not bank or "
    "enter passwords on it."
)
WHICH_UNKNOWN: Final = say("It is not known which kind of device it is: look at each of yours.")
SIGN_OUT: Final = say("Then, sign out everywhere")
SIGN_OUT_HOW: Final = say(
    "Malware copies the sessions of your browser, which stay open even when the password changes. In the security "
    "settings of each account, mail first, choose to sign out of all devices."
)
PASSWORDS: Final = say("Then, change your passwords, from a clean device")
PASSWORDS_HOW: Final = say(
    "Only now, and never on a device that may still be infected: first your mail, then your bank, then everything "
    "else. A password of its own for each, and a second step at sign-in (two-factor authentication) where it is "
    "offered."
)
MONEY: Final = say("Last, watch your money")
MONEY_HOW: Final = say(
    "If you bank or pay with such a device, tell your bank now, and look through what was paid in the last weeks."
)
