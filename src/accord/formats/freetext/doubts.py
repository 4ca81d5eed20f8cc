"""What free text is not believed to say: the rules by which a value that could be one is left out.

A takedown request for a file name or for somebody's blog does more harm than a line left out, so in doubt a value is
not taken. Defanging is how an author says "this is an indicator": it settles most doubts.
"""

import re

ARCHIVE_ENDINGS = frozenset({"cab", "zip"})
FILE_ENDINGS = ARCHIVE_ENDINGS | frozenset("bar dot java md mov pm ps pub py sh so".split())
"""Top-level domains that are far more often a file's ending: a bare name under one is taken only when defanged, or,
but for archives (`a.zip/b.exe`), when a path follows: `a.so/index.php` is no file."""

TEXT_ENDINGS = frozenset(
    "ad ai am app as at be by cc cf cl do id im in is it la me mk ml mm mo ms my nc no pl pro rs sc st tf to us vi "
    "win".split()
)
"""Top-level domains that are also endings of source files or words: in running text `run.pl`, `main.rs`, `done.so` and
a missing space (`stopped.it`) look like names under them."""

SCHEMES = frozenset(
    "http https ftp ftps sftp tcp udp ws wss ssh smb ldap ldaps rdp irc ircs socks socks4 socks5 stratum+tcp "
    "stratum+ssl rtmp smtp".split()
)
"""Schemes of the URLs that are taken; `file://` and `res://` name no place on the net."""

REFERENCE = re.compile(
    r"^\W*(?:references?|sources?|see(?:\s+also)?|read\s+more|more\s+info(?:rmation)?|blog(?:\s?post)?|report|article"
    r"|credits?|permalink|via|virustotal|vt|urlscan(?:\.io)?|any\.?run|tweets?|twitter|github|links?)\s*:",
    re.IGNORECASE,
)
"""The beginning of a line that names where something was published."""

MAIL_HEADER = re.compile(
    r"^(?:received|received-spf|authentication-results|arc-[a-z-]+|dkim-signature|domainkey-signature|return-path"
    r"|message-id|in-reply-to|references|thread-[a-z]+|content-[a-z-]+|mime-version|list-[a-z-]+|to|cc|bcc"
    r"|delivered-to|envelope-to|reply-to|from|sender|subject|date|user-agent|x-[a-z0-9-]+)\s*:",
    re.IGNORECASE,
)
"""A mail's header line: the names in it are mostly those of providers, so only defanged ones are statements."""

MAIL_TRACE = re.compile(
    r"\b(?:smtp\.(?:mailfrom|helo)|header\.(?:d|i|s|b|from)|compauth|client-ip|envelope-from)=|\b(?:spf|dkim|dmarc)="
    r"|\bwith\s+(?:Microsoft\s+)?E?SMTPS?A?\b|\bpermitted\s+sender\b|\(Postfix\)",
    re.IGNORECASE,
)
"""Words by which the second line of a folded header is known (RFC 5321, 4.4; RFC 7208, 9.1; RFC 8601)."""

COMMAND = re.compile(r"\b[A-Za-z]:\\|\bHK(?:LM|CU|CR|U|EY_[A-Z_]+)\\|\\[\w.$-]+\\", re.IGNORECASE)
"""A Windows path or registry key: bare names on such a line are files (`reg save HKLM\\SAM sam.save`)."""

NO_SENDER = re.compile(
    r"^(?:message-id|in-reply-to|references|thread-[a-z]+|content-[a-z-]+|to|cc|bcc|delivered-to|envelope-to"
    r"|x-original-to|x-apparently-to|x-forwarded-to)\s*:",
    re.IGNORECASE,
)
"""Header lines whose `@` values are message ids or the people who got the mail."""

VERSION_WORD = re.compile(
    r"(?:\b(?:version|versions|ver|release|build|rev|revision|firmware|patch|update|sdk|api|schema)\.?|\bv)[\s:=]*$",
    re.IGNORECASE,
)
"""Words before a dotted quad that make it a version number."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SMALL_QUAD = re.compile(r"\d\.\d\.\d\.\d")


def is_message_id(local: str) -> bool:
    """Is the part before `@` a number for a message, not a mailbox? A UUID is, and so is anything long and unspoken."""
    return bool(_UUID.fullmatch(local)) or len(local) >= 32 or (len(local) >= 16 and not re.search(r"[a-z]{3}", local))


def is_redacted(text: str) -> bool:
    """Has somebody put stars in place of letters?"""
    return "*" in text or "…" in text or "x" * 4 in text.lower()


def is_version(text: str, before: str, *, listed: bool) -> bool:
    """Is a bare dotted quad a version number: after such a word, or in running text with one digit in each place?"""
    return VERSION_WORD.search(before) is not None or (not listed and _SMALL_QUAD.fullmatch(text) is not None)


def is_name_in_text(name: str) -> bool:
    """May a bare name in running text be taken for a host? No capitals inside (`System.Net`), no word for an ending."""
    return name[1:] == name[1:].lower() and name.rpartition(".")[2].lower() not in TEXT_ENDINGS
