"""Malware family names: what partners write, brought to one name where a catalogue says that it is the same family.

`normalise` is a function of the one name alone, never of its company: what a recipient may not see must not change how
a name is written for it. The steps, first hit wins:

1. What is not part of the name comes off: `misp-galaxy:botnet="..."` around it (a MISP tag), an ATT&CK number
   (` - S0154`) behind it. Then a Malpedia identifier (`win.emotet`) names its family, by Malpedia's own table.
2. The *key* of the whole name (letters and digits in lower case, so that `cobalt_strike`, `CobaltStrike` and
   `Cobalt Strike` meet) is a key of the catalogue.
3. A platform behind it in brackets (`Mirai (ELF)`) or in front (`elf_mirai`, `android_wpeeper`, `Win32/Emotet`,
   `Trojan.Win32.Emotet.abc`) is taken off, and the rest looked up; a family that the catalogue knows only for other
   platforms is not meant.
4. Words of kind behind it (`Emotet botnet`, `LockBit ransomware`, `Fallout EK`) are taken off, and the rest looked up.
5. Nothing fits: the key itself, in lower case, which says that no catalogue knows the name. Without its platform when
   it has one and says no more than these two, so that `android_wpeeper` and `wpeeper` meet.

`apt_...` names an actor, not a family: it keeps its prefix (`apt_lazarus` gives `apt lazarus`) and meets no family.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from accord.vocabulary.errors import ReferenceDataError

PLATFORMS: Mapping[str, str] = {
    word: platform
    for platform, words in {
        "win": "win win32 win64 w32 w64 w97m msil windows",
        "elf": "elf linux unix",
        "apk": "apk android androidos andr",
        "osx": "osx macos mac",
        "ios": "ios iphoneos",
        "js": "js jscript javascript",
        "vbs": "vbs vbscript",
        "ps1": "ps1 powershell",
        "py": "py python",
        "php": "php",
        "jar": "jar java",
        "asp": "asp",
        "symbian": "symbian",
    }.items()
    for word in words.split()
}
"""Words that stand for a platform, and Malpedia's name of it."""

KINDS: frozenset[str] = frozenset(
    """
    backdoor banker botnet bot c2 clipper coinminer cryptominer cryptor downloader dropper ek exploit injector kit
    keylogger loader malware miner ransom ransomware rat rootkit spyware stealer trojan virus wiper worm infostealer
    panel family hacktool riskware adware
    """.split()
)
"""Words that say what a family does, not which it is. They are taken off only as separate words."""

_ANTIVIRUS = re.compile(
    r"(?:[A-Za-z][\w-]*[.:])?(?P<platform>[A-Za-z0-9]+)[./](?P<family>[A-Za-z][\w-]{2,})(?:[.!:@/].*)?", re.ASCII
)
_PREFIXED = re.compile(r"(?P<platform>[A-Za-z0-9]+)[_:-](?P<family>.+)", re.DOTALL)
_TAG = re.compile(r'misp-galaxy:[\w-]+="(?P<name>[^"]+)"')
_ATTACK = re.compile(r" - S\d{4}$")
_BRACKET = re.compile(r"(?P<family>.*\S)\s*\((?P<platform>[^()]*)\)", re.DOTALL)
_WORDS = re.compile(r"[\s_\-./()\[\]]+")


class Family(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One family of the catalogue."""

    name: str
    """How it is displayed."""
    uuid: str
    """UUID of the MISP galaxy cluster that the name is taken from."""
    galaxy: str
    """Name of that galaxy."""
    platforms: tuple[str, ...]
    """Malpedia's platforms; empty: not known."""
    keys: tuple[str, ...]
    """Keys that mean this family and no other."""
    identifiers: tuple[str, ...] = ()
    """Malpedia identifiers, such as `win.emotet`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyNames:
    """The catalogue, ready for look-up."""

    families: tuple[Family, ...]
    _keys: Mapping[str, Family] = field(repr=False)
    _identifiers: Mapping[str, Family] = field(repr=False)

    @classmethod
    def of(cls, families: Sequence[Family]) -> "FamilyNames":
        """Index a catalogue. A key that two families have is nobody's (ReferenceDataError)."""
        keys: dict[str, Family] = {}
        for family in families:
            for key in family.keys:
                if key in keys:
                    raise ReferenceDataError(
                        "a family key with two meanings",
                        where=key,
                        got=f"{keys[key].name} and {family.name}",
                        remedy="regenerate the catalogue with tools/bundle_reference.py",
                    )
                keys[key] = family
        identifiers = {identifier: family for family in families for identifier in family.identifiers}
        return cls(families=tuple(families), _keys=keys, _identifiers=identifiers)

    def normalise(self, reported: Sequence[str]) -> list[str]:
        """The display name for each reported name, position by position."""
        memory: dict[str, str] = {}
        for name in reported:
            if name not in memory:
                memory[name] = self._normalised(name)
        return [memory[name] for name in reported]

    def find(self, reported: str) -> Family | None:
        """The family that a reported name means; None: none that the catalogue knows."""
        text = bare(reported)
        if text.lower() in self._identifiers:
            return self._identifiers[text.lower()]
        if text.lower().startswith(("apt_", "apt-")):
            return None
        found = self._keys.get(key_of(text))
        if found is None and (split := _split_platform(text)) is not None:
            platform, rest, _ = split
            found = self._keys.get(key_of(rest)) or self._without_kinds(rest)
            if found is not None and found.platforms and platform not in found.platforms:
                found = None
        return found or self._without_kinds(text)

    def _without_kinds(self, text: str) -> Family | None:
        stripped = without_kinds(text)
        return self._keys.get(key_of(stripped)) if stripped else None

    def _normalised(self, reported: str) -> str:
        found = self.find(reported)
        if found is not None:
            return found.name
        text = bare(reported)
        if text.lower().startswith(("apt_", "apt-")) and key_of(text[4:]):
            return f"apt {key_of(text[4:])}"
        split = _split_platform(text)
        if split is not None and split[2]:
            platform, rest, _ = split
            key = key_of(rest)
            # the bare key would mean a family of another platform
            return f"{key} ({platform})" if key in self._keys else key or key_of(text) or text
        return key_of(text) or text


def bare(reported: str) -> str:
    """The name inside a MISP tag, without an ATT&CK number and white space around it."""
    text = reported.strip()
    tag = _TAG.fullmatch(text)
    return _ATTACK.sub("", tag["name"] if tag else text).strip()


def without_platform(name: str) -> str:
    """The name without a platform in brackets at its end."""
    match = _BRACKET.fullmatch(name)
    return match["family"] if match and key_of(match["platform"]) in PLATFORMS else name


def key_of(name: str) -> str:
    """Letters and digits of a name in lower case, compatibility forms folded (Unicode NFKC)."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", name).casefold() if letter.isalnum())


def without_kinds(name: str) -> str:
    """The name without the words of kind at its end; empty when nothing is taken off, or nothing would be left."""
    words = [word for word in _WORDS.split(name) if word]
    kept = list(words)
    while len(kept) > 1 and kept[-1].lower() in KINDS:
        kept.pop()
    return " ".join(kept) if len(kept) < len(words) else ""


def _split_platform(text: str) -> tuple[str, str, bool] | None:
    """(platform, family, whether it says no more than these) of `elf_mirai`, `Mirai (ELF)` or
    `Trojan.Win32.Emotet.abc`; None: no platform.
    """
    match = _BRACKET.fullmatch(text)
    if match and key_of(match["platform"]) in PLATFORMS and key_of(match["family"]):
        return PLATFORMS[key_of(match["platform"])], match["family"], True
    match = _PREFIXED.fullmatch(text)
    if match and match["platform"].lower() in PLATFORMS and key_of(match["family"]):
        return PLATFORMS[match["platform"].lower()], match["family"], True
    match = _ANTIVIRUS.fullmatch(text)
    if match and match["platform"].lower() in PLATFORMS:
        return PLATFORMS[match["platform"].lower()], match["family"], False
    return None


def read_families(data: bytes, where: str) -> FamilyNames:
    """Read the bundled catalogue (JSON, one array a family). Raises ReferenceDataError."""
    try:
        return FamilyNames.of(msgspec.json.decode(data, type=list[Family]))
    except msgspec.DecodeError as error:
        raise ReferenceDataError("the catalogue of families cannot be read", where=where, got=str(error)) from error


def write_families(families: Sequence[Family]) -> bytes:
    """The bytes that `read_families` reads, a line a family."""
    return b"[\n" + b",\n".join(msgspec.json.encode(family) for family in families) + b"\n]\n"
