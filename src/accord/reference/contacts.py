"""Who to ask, and on what legal basis: lists that the operator imports. Accord brings none and invents none.

Forms (all UTF-8):

    csirts   CC|Organisation <mail>[,Organisation <mail>]          a line a country; '#' begins a comment
             or Trusted Introducer's teams.json                    national teams are taken
    abuse    asn,contact                                           CSV with this header
    treaties country_a,country_b,treaty,article,in_force_since     CSV with this header; an instrument binds both ways
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

import msgspec

from accord.reference.rangesources import read_asn, read_lines, wrong_line
from accord.vocabulary.countries import COUNTRY_CODES
from accord.vocabulary.errors import ReferenceDataError

K = TypeVar("K")
V = TypeVar("V")

_TEAM = re.compile(r"\s*(?P<name>[^<>,][^<>]*?)\s*<(?P<mail>[^<>@\s]+@[^<>@\s]+\.[^<>@\s]+)>\s*")
_MAIL = re.compile(r"[^<>@\s,;]+@[^<>@\s,;]+\.[^<>@\s,;]+")
_ABUSE = ["asn", "contact"]
_TREATIES = ["country_a", "country_b", "treaty", "article", "in_force_since"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Csirts:
    """National CSIRTs by country."""

    contacts: Mapping[str, tuple[str, ...]]
    """ISO code -> `Organisation <mail>`, in the order of the file."""

    def of(self, country: str) -> str | None:
        """All contacts of a country, joined by ', '; None when the list has none."""
        found = self.contacts.get(country)
        return ", ".join(found) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AbuseContacts:
    """Abuse contacts by AS number."""

    contacts: Mapping[int, str]

    def of(self, asn: int) -> str | None:
        """The contact of a network; None when the list has none."""
        return self.contacts.get(asn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Treaty:
    """One instrument in force between two countries."""

    name: str
    article: str
    in_force_since: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Treaties:
    """Instruments by pair of countries."""

    pairs: Mapping[frozenset[str], tuple[Treaty, ...]]

    def basis(self, one: str, other: str, on: date) -> str | None:
        """The legal basis of a request between two countries on a day, in words; None: national procedure.

        Every instrument that was in force on that day, oldest first: `Convention X, Article 5 (in force since
        2011-05-01); ...`.
        """
        found = [treaty for treaty in self.pairs.get(frozenset((one, other)), ()) if treaty.in_force_since <= on]
        texts = [
            f"{treaty.name}, {treaty.article} (in force since {treaty.in_force_since.isoformat()})"
            if treaty.article
            else f"{treaty.name} (in force since {treaty.in_force_since.isoformat()})"
            for treaty in sorted(found, key=lambda treaty: (treaty.in_force_since, treaty.name, treaty.article))
        ]
        return "; ".join(texts) or None


def read_csirts(path: Path) -> Csirts:
    """Read a list of national CSIRTs in either form. Raises UnreadableError and ReferenceDataError."""
    text = "".join(read_lines(path))
    if text.lstrip().startswith(("[", "{")):
        return _read_teams(path, text)
    contacts: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        code, bar, teams = line.partition("|")
        country = code.strip().upper()
        if not bar or country not in COUNTRY_CODES:
            raise wrong_line(path, number, "not a country's line", "CC|Organisation <mail>, CC of ISO 3166-1", line)
        found = []
        for team in teams.split(","):
            match = _TEAM.fullmatch(team)
            if match is None:
                raise wrong_line(path, number, "not a contact", "Organisation <mail>[,Organisation <mail>]", team)
            found.append(f"{match['name']} <{match['mail']}>")
        if country in contacts:
            raise wrong_line(path, number, "a country twice", "one line a country, contacts joined by commas", code)
        contacts[country] = tuple(found)
    return Csirts(contacts=_some(contacts, path))


class _Country(msgspec.Struct, frozen=True, kw_only=True):
    code: str = ""


class _Email(msgspec.Struct, frozen=True, kw_only=True):
    address: str
    usage: list[str] = []


class _Constituency(msgspec.Struct, frozen=True, kw_only=True):
    types: list[str] = []
    countries: list[_Country] = []


class _Team(msgspec.Struct, frozen=True, kw_only=True):
    """What we take of a team of Trusted Introducer's directory (teams.json, layout of 2021 and after)."""

    short_name: str
    country: _Country = _Country()
    constituency: _Constituency = _Constituency()
    emails: list[_Email] = []


def _read_teams(path: Path, text: str) -> Csirts:
    """National teams by the countries that they serve; where a country has none, its governmental ones.

    All other teams answer for their own network only.
    """
    try:
        teams = msgspec.json.decode(text, type=list[_Team])
    except msgspec.DecodeError as error:
        raise ReferenceDataError(
            "not a directory of teams",
            where=str(path),
            expected="a JSON list of teams with short_name, country, constituency and emails",
            got=str(error),
            remedy="download teams.json again",
        ) from error
    contacts: dict[str, tuple[str, ...]] = {}
    for word in ("National", "Government"):
        found: dict[str, tuple[str, ...]] = {}
        for team in teams:
            mails = [mail.address for mail in team.emails if "contact" in mail.usage and _MAIL.fullmatch(mail.address)]
            if word not in team.constituency.types or not mails:
                continue
            served = {country.code for country in team.constituency.countries} or {team.country.code}
            for country in sorted(served & COUNTRY_CODES):
                found[country] = (*found.get(country, ()), f"{team.short_name} <{mails[0]}>")
        contacts = found | contacts
    return Csirts(contacts=_some(contacts, path))


def read_abuse(path: Path) -> AbuseContacts:
    """Read abuse contacts by AS number. Raises UnreadableError and ReferenceDataError."""
    contacts: dict[int, str] = {}
    for number, (digits, contact) in _rows(path, _ABUSE):
        asn = read_asn(digits)
        if not asn:
            raise wrong_line(path, number, "not an AS number", "1 to 4294967295, with or without 'AS'", digits)
        if not _MAIL.fullmatch(contact) and not contact.startswith("https://"):
            raise wrong_line(
                path, number, "not a contact", "a mail address, or the https:// address of a form", contact
            )
        if asn in contacts:
            raise wrong_line(path, number, "an AS number twice", "one line a network", digits)
        contacts[asn] = contact
    return AbuseContacts(contacts=_some(contacts, path))


def read_treaties(path: Path) -> Treaties:
    """Read the table of treaties. Raises UnreadableError and ReferenceDataError."""
    pairs: dict[frozenset[str], tuple[Treaty, ...]] = {}
    for number, (one, other, name, article, since) in _rows(path, _TREATIES):
        countries = frozenset((one.upper(), other.upper()))
        if len(countries) != 2 or not countries <= COUNTRY_CODES:
            raise wrong_line(path, number, "not two countries", "two codes of ISO 3166-1", f"{one},{other}")
        if not name:
            raise wrong_line(path, number, "a treaty without a name", "its short title", name)
        try:
            day = date.fromisoformat(since)
        except ValueError as error:
            raise wrong_line(path, number, "not a date", "YYYY-MM-DD", since) from error
        treaty = Treaty(name=name, article=article, in_force_since=day)
        pairs[countries] = (*pairs.get(countries, ()), treaty)
    return Treaties(pairs=_some(pairs, path))


def _rows(path: Path, header: list[str]) -> list[tuple[int, list[str]]]:
    """The rows under a CSV header that must be `header`, with their line numbers, fields stripped."""
    reader = csv.reader(read_lines(path), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        for number, row in enumerate(reader):
            fields = [field.strip() for field in row]
            if number == 0:
                if fields != header:
                    raise wrong_line(path, 1, "another header", ",".join(header), ",".join(fields))
            elif fields and len(fields) != len(header):
                raise wrong_line(path, reader.line_num, "a row of another length", ",".join(header), ",".join(fields))
            elif fields:
                rows.append((reader.line_num, fields))
    except csv.Error as error:
        raise wrong_line(path, reader.line_num, "the line is not CSV", "quotes that close", str(error)) from error
    return rows


def _some(found: dict[K, V], path: Path) -> dict[K, V]:
    """The same, if there is anything in it."""
    if not found:
        raise ReferenceDataError("nothing to import", where=str(path), expected="at least one entry")
    return found
