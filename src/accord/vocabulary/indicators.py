"""Indicators: the typed values that partners make statements about."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

FindingId = NewType("FindingId", str)
"""HMAC-SHA256(hub key, UTF-8 `type\\0value\\0role`) in hex; stable across runs of one hub."""


class IndicatorType(StrEnum):
    """The closed list of indicator types; the order is the code that columns store."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    DOMAIN = "domain"
    URL = "url"
    EMAIL = "email"
    SHA256 = "sha256"
    SHA1 = "sha1"
    MD5 = "md5"
    ASN = "asn"
    CIDR = "cidr"


INDICATOR_TYPES: tuple[IndicatorType, ...] = tuple(IndicatorType)
"""`INDICATOR_TYPES[code]` is the type that a column's int8 code stands for."""

TYPE_CODES: dict[IndicatorType, int] = {kind: code for code, kind in enumerate(INDICATOR_TYPES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """A typed value in canonical form.

    Canonical: domains as lower-case A-labels, IPv6 by RFC 5952, hashes lower-case, `host/path` as
    `http://host/path`, ASN as plain decimal digits. `port` is the service port that the text named.
    """

    kind: IndicatorType
    value: str
    port: int | None = None
