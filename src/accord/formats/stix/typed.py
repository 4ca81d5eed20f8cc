"""Values as STIX types them: which indicator types an object's value may be, and the reading of one.

Source: OASIS STIX 2.1, section 6 (cyber observable objects) and section 2.7 (hashes).
"""

from collections.abc import Mapping, Set

from accord.columns.values import HASHES, SuffixTest, read_value, refang
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected

VALUE_TYPES: Mapping[str, frozenset[IndicatorType]] = {
    # 6.8 and 6.9: an address, or a network in CIDR notation
    "ipv4-addr": frozenset({IndicatorType.IPV4, IndicatorType.CIDR}),
    "ipv6-addr": frozenset({IndicatorType.IPV6, IndicatorType.CIDR}),
    "domain-name": frozenset({IndicatorType.DOMAIN}),
    "url": frozenset({IndicatorType.URL}),
    "email-addr": frozenset({IndicatorType.EMAIL}),
}
"""Object types whose property `value` is an indicator."""

AS_NUMBER = frozenset({IndicatorType.ASN})

_HASH_KEYS = {
    "MD5": frozenset({IndicatorType.MD5}),
    "SHA1": frozenset({IndicatorType.SHA1}),
    "SHA256": frozenset({IndicatorType.SHA256}),
}
HASH_TYPES = tuple(_HASH_KEYS.values())
"""The types that hash keys hold."""

_HASH_REASONS = frozenset({Rejected.EMPTY_VALUE, Rejected.TOO_LONG, Rejected.TYPE_MISMATCH})


def hash_types(key: str) -> frozenset[IndicatorType] | None:
    """The type that a key of `hashes` holds (`SHA-256`, `SHA256`, `sha-256`); None: an algorithm not taken here."""
    return _HASH_KEYS.get(key.upper().replace("-", "").replace("_", ""))


def read_typed(text: str, expected: Set[IndicatorType], is_public_suffix: SuffixTest) -> Indicator | Rejected | Ignored:
    """Read a value that must be of one of the `expected` types.

    An `ipv6-addr` of the form `::ffff:a.b.c.d` is the IPv4 address in it; a hash that is none is Rejected.HASH.
    """
    if not writable(text):
        return Rejected.ENCODING
    only_v6 = IndicatorType.IPV6 in expected and IndicatorType.IPV4 not in expected
    found = read_value(text, is_public_suffix, {*expected, IndicatorType.IPV4} if only_v6 else expected)
    if isinstance(found, Ignored):
        return found
    if isinstance(found, Rejected):
        return Rejected.HASH if expected <= HASHES and found not in _HASH_REASONS else found
    if only_v6 and refang(text).count(":") < 2:
        return Rejected.TYPE_MISMATCH
    if found.kind is IndicatorType.CIDR and IndicatorType.IPV6 not in expected and ":" in found.value:
        return Rejected.TYPE_MISMATCH
    return found


def writable(text: str) -> bool:
    """Can the text be written as UTF-8? JSON's `\\ud800` alone makes one that cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
