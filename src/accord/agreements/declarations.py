"""Partners and data sets as an operation file declares them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import translate
from functools import cached_property
from typing import NewType

from accord.agreements.networks import WIDEST_V4, WIDEST_V6, Network, overlaps, read_network
from accord.columns.instants import EPOCH
from accord.columns.mapping import Columns
from accord.ledger.notes import SignatureType, VerifierKey, parse_verifier_key
from accord.vocabulary.countries import COUNTRY_CODES, CountryCode
from accord.vocabulary.datasets import LegalBasis, Origin, SourceGrade
from accord.vocabulary.durations import is_duration
from accord.vocabulary.errors import MalformedError
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.markings import MARKINGS, Marking, read_marking
from accord.vocabulary.roles import Role
from accord.workspace.settings import SettingsTable, known

PartnerId = NewType("PartnerId", str)
DatasetId = NewType("DatasetId", str)

TYPE_FIELD = "indicator_type"
"""A field that every record has for rules, whatever its format: the type of the value."""


class PartnerKind(StrEnum):
    """What a partner is."""

    VENDOR = "vendor"
    CSIRT = "csirt"
    POLICE = "police"
    AUDITOR = "auditor"
    NETWORK_OWNER = "network-owner"
    """It gets what is in its own networks, and nothing else (docs/release.md)."""
    PUBLIC = "public"
    """Everybody: it signs nothing, and gets what is clear in every respect (docs/release.md)."""
    CONCERNED = "concerned"
    """The persons whom sightings are about: each is told of their own address, by the public check alone, and signs
    nothing (docs/release.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """An organisation that contributes or receives."""

    id: PartnerId
    name: str
    kind: PartnerKind
    country: CountryCode | None
    age: str | None = None
    """The age key (X25519, `age1...`) to which what opens its packages is encrypted; None: not known yet."""
    receipts: VerifierKey | None = None
    """The Ed25519 key with which it signs receipts; None: none is taken in."""
    networks: tuple[Network, ...] = ()
    """A network owner's own, as it declares them; of every other partner none."""


@dataclass(frozen=True, kw_only=True)
class DatasetRule:
    """Gives role and family to the records that it matches; a condition that is None matches everything."""

    path: str | None
    """Glob on the member's path (below root, `!/` before an archive's member); `{family}` captures the family."""
    when_family: str | None
    """Glob on the family that the record reports, case folded."""
    field: str | None
    value: str | None
    """Glob on the field, case folded."""
    role: Role | None
    family: str | None

    @cached_property
    def path_pattern(self) -> re.Pattern[str] | None:
        """The path condition as an expression, with the group `family` where `{family}` stands."""
        if self.path is None:
            return None
        head, mark, tail = self.path.partition("{family}")
        if not mark:
            return re.compile(translate(self.path))
        return re.compile(_glob(head) + r"(?P<family>[^/]+?)" + _glob(tail) + r"\Z", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """What one partner collects in one way, and what may be done with it."""

    id: DatasetId
    title: str
    partner: Partner
    formats: tuple[str, ...]
    paths: tuple[str, ...]
    collected_at: datetime
    origin: Origin
    legal_basis: LegalBasis
    role: Role | None
    family: str | None
    marking: Marking
    """Floor: a record's own marking applies where it is stricter."""
    grade: SourceGrade
    retention: str
    personal: bool
    name_partner: bool
    share_with: tuple[PartnerId, ...] | None
    """None: whoever the marking permits."""
    upstream: str | None
    columns: tuple[Columns, ...]
    rules: tuple[DatasetRule, ...]

    @property
    def independent_source(self) -> str:
        """Who stands behind the data: statements of one such source never corroborate each other."""
        return f"upstream:{self.upstream.casefold()}" if self.upstream else f"partner:{self.partner.id}"

    @property
    def rule_fields(self) -> tuple[str, ...]:
        """Fields of records that the rules look at."""
        return tuple(sorted({rule.field for rule in self.rules if rule.field is not None}))


def read_partner(table: SettingsTable) -> Partner:
    """Read one `[[partner]]`."""
    kind = table.choice("kind", PartnerKind, PartnerKind.VENDOR)
    partner = Partner(
        id=PartnerId(table.identifier("id")),
        name=table.title("name"),
        kind=kind,
        country=read_country(table, "country") if table.offers("country") else None,
        networks=_read_networks(table, kind),
        age=_read_age(table) if table.offers("age") else None,
        receipts=_read_receipts(table) if table.offers("receipts") else None,
    )
    if kind is PartnerKind.NETWORK_OWNER and partner.country is None:
        raise table.wrong("country", "where it sits: what is handed to it is counted there", None)
    table.done()
    return partner


def _read_networks(table: SettingsTable, kind: PartnerKind) -> tuple[Network, ...]:
    said = table.texts("networks", required=kind is PartnerKind.NETWORK_OWNER)
    if said and kind is not PartnerKind.NETWORK_OWNER:
        raise table.wrong("networks", f"none: only a partner of kind '{PartnerKind.NETWORK_OWNER}' has own ones", said)
    networks = []
    for one in said:
        read = read_network(one)
        if read is None:
            expected = (
                "an AS number such as AS64500, or a prefix in its only spelling, such as 192.0.2.0/24 or 2001:db8::/32 "
                f"(at least /{WIDEST_V4} and /{WIDEST_V6})"
            )
            raise table.wrong("networks", expected, one)
        networks.append(read)
    for twice in overlaps([("", networks)]):
        raise table.wrong("networks", f"each once: {twice.second_network} is in {twice.first_network}", said)
    return tuple(sorted(set(networks)))


def _read_age(table: SettingsTable) -> str:
    from pyrage import RecipientError
    from pyrage.x25519 import Recipient

    value = table.text("age")
    try:
        key = str(Recipient.from_str(value))
    except RecipientError:
        key = None
    if key != value:
        raise table.wrong("age", "an age public key of type X25519, age1...", value)
    return value


def _read_receipts(table: SettingsTable) -> VerifierKey:
    value = table.text("receipts")
    expected = "a verifier key of type Ed25519, <name>+<8 hexadecimal digits>+<base64>"
    try:
        key = parse_verifier_key(value)
    except MalformedError as error:
        raise table.wrong("receipts", expected, value, error.remedy or error.what) from None
    if key.type is not SignatureType.ED25519:
        raise table.wrong("receipts", expected, value, "this key cosigns checkpoints, and signs nothing else")
    return key


def read_country(table: SettingsTable, name: str) -> CountryCode:
    """Read an ISO 3166-1 alpha-2 code."""
    value = table.text(name)
    if value not in COUNTRY_CODES:
        raise table.wrong(name, "an ISO 3166-1 alpha-2 country code in capitals, such as TH", value)
    return CountryCode(value)


def read_dataset(
    table: SettingsTable,
    partners: Mapping[PartnerId, Partner],
    formats: Mapping[str, object],
    *,
    located: bool = True,
) -> Dataset:
    """Read one `[[dataset]]`; `formats` are the names that the catalogue knows.

    Not `located`: its files and when they were collected are not declared, but said with each delivery.
    """
    names = table.texts("format", required=True)
    for name in names:
        known(table, "format", name, formats, "format")
    columns = tuple(read_columns(one) for one in table.tables("csv"))
    if ("csv" in names) != bool(columns):
        raise table.wrong(
            "csv",
            "a [[dataset.csv]] column mapping exactly when format 'csv' is listed",
            f"{len(columns)} mappings, formats {', '.join(names)}",
        )
    share_with = (
        tuple(known(table, "share_with", one, partners, "partner") for one in table.texts("share_with"))
        if table.offers("share_with")
        else None
    )
    dataset = Dataset(
        id=DatasetId(table.identifier("id")),
        title=table.title("title"),
        partner=partners[known(table, "partner", table.text("partner"), partners, "partner")],
        formats=names,
        paths=table.texts("paths", required=True) if located else (),
        collected_at=table.instant("collected_at") if located else EPOCH,
        origin=table.choice("origin", Origin),
        legal_basis=table.choice("legal_basis", LegalBasis),
        role=table.optional_choice("role", Role),
        family=table.optional_text("family"),
        marking=read_label(table),
        grade=table.choice("grade", SourceGrade),
        retention=read_duration(table),
        personal=table.flag("personal_data"),
        name_partner=table.flag("name_partner", default=False),
        share_with=share_with,
        upstream=table.optional_text("upstream"),
        columns=columns,
        rules=tuple(_read_rule(one) for one in table.tables("rule")),
    )
    table.done()
    return dataset


def read_label(table: SettingsTable) -> Marking:
    """Read the TLP label `marking`."""
    value = table.text("marking")
    marking = read_marking(value)
    if marking is None:
        raise table.wrong("marking", "a TLP label: " + ", ".join(one.value for one in MARKINGS), value)
    return marking


def read_duration(table: SettingsTable) -> str:
    """Read the ISO 8601 duration `retention`."""
    value = table.text("retention")
    if not is_duration(value):
        raise table.wrong("retention", "an ISO 8601 duration of years, months, weeks, days, such as P1Y", value)
    return value


def _read_rule(table: SettingsTable) -> DatasetRule:
    rule = DatasetRule(
        path=table.optional_text("path"),
        when_family=table.optional_text("when_family"),
        field=table.optional_text("field"),
        value=table.optional_text("value"),
        role=table.optional_choice("role", Role),
        family=table.optional_text("family"),
    )
    table.done()
    if (rule.field is None) != (rule.value is None):
        raise table.wrong("field", "field and value together", rule.field or rule.value)
    if rule.path is None and rule.when_family is None and rule.field is None:
        raise table.wrong("path", "at least one condition: path, when_family, or field with value", None)
    captures = rule.path is not None and "{family}" in rule.path
    if rule.role is None and rule.family is None and not captures:
        raise table.wrong("role", "what the rule gives: role, family, or {family} in its path", None)
    if rule.path is not None and rule.path.count("{family}") > 1:
        raise table.wrong("path", "at most one {family}", rule.path)
    return rule


def read_columns(table: SettingsTable) -> Columns:
    """Read one `[[dataset.csv]]` column mapping."""
    indicators: dict[str, str | None] = {}
    permitted = {"any", "ip", "hash", *(kind.value for kind in IndicatorType)}
    for column, kind in table.text_map("indicators").items():
        if kind not in permitted:
            raise table.wrong(f"indicators.{column}", "one of " + ", ".join(sorted(permitted)), kind)
        indicators[column] = None if kind == "any" else kind
    seen_at = table.texts("seen_at")
    if len(seen_at) > 2:
        raise table.wrong("seen_at", "one column, or the two ends of a period", list(seen_at))
    columns = Columns(
        indicators=indicators,
        role=table.optional_text("role"),
        family=table.optional_text("family"),
        seen_at=seen_at,
        time_format=table.optional_text("time_format"),
        port=table.optional_text("port"),
        count=table.optional_text("count"),
        marking=table.optional_text("marking"),
        delimiter=table.character("delimiter", ","),
    )
    table.done()
    return columns


def _glob(pattern: str) -> str:
    expression = translate(pattern)
    return expression.removeprefix("(?s:").removesuffix(r")\Z")
