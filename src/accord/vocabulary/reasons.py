"""Why a record was ignored or rejected: the closed list that summaries count by.

A record is *ignored* when it makes no claim about an indicator (a comment), and *rejected* when it makes
one that cannot be taken (an impossible address). Every reason has one sentence for the partner's engineer.
"""

from enum import StrEnum


class Ignored(StrEnum):
    """Reasons to ignore a record."""

    HEADER = "header"
    COMMENT = "comment"
    BLANK = "blank"
    PATH_WITHOUT_HOST = "path-without-host"
    NO_INDICATOR = "no-indicator"
    NOT_TO_IDS = "not-to-ids"
    NOT_OBSERVABLE = "not-observable"
    REVOKED = "revoked"
    DELETED = "deleted"
    AFTER_AS_OF = "after-as-of"


class Rejected(StrEnum):
    """Reasons to reject a record, or (as `partial`) a part of one."""

    ENCODING = "encoding"
    QUOTING = "quoting"
    COLUMN_COUNT = "column-count"
    EMPTY_VALUE = "empty-value"
    TOO_LONG = "too-long"
    NOT_AN_INDICATOR = "not-an-indicator"
    REGULAR_EXPRESSION = "regular-expression"
    ADDRESS = "address"
    ADDRESS_NOT_ROUTABLE = "address-not-routable"
    CIDR = "cidr"
    PORT = "port"
    HOST_NAME = "host-name"
    PUBLIC_SUFFIX = "public-suffix"
    URL = "url"
    EMAIL = "email"
    HASH = "hash"
    ASN = "asn"
    TYPE_MISMATCH = "type-mismatch"
    TIME = "time"
    COUNT = "count"
    MARKING = "marking"
    PATTERN_SYNTAX = "pattern-syntax"
    PATTERN_NOT_ONE_FINDING = "pattern-not-one-finding"
    PATTERN_UNSUPPORTED = "pattern-unsupported"
    MALFORMED_OBJECT = "malformed-object"
    MISSING_REFERENCE = "missing-reference"


EXPLANATIONS: dict[Ignored | Rejected, str] = {
    Ignored.HEADER: "a header line names columns and makes no statement",
    Ignored.COMMENT: "a comment",
    Ignored.BLANK: "a blank line",
    Ignored.PATH_WITHOUT_HOST: "a URL path without a host is no indicator here",
    Ignored.NO_INDICATOR: "nothing in it names an indicator",
    Ignored.NOT_TO_IDS: "the publisher marked it as not for detection",
    Ignored.NOT_OBSERVABLE: "an object or attribute of a kind that carries no indicator",
    Ignored.REVOKED: "its creator revoked it",
    Ignored.DELETED: "its creator deleted it",
    Ignored.AFTER_AS_OF: "its time is later than the operation's as_of; in a workspace, than when it was taken",
    Rejected.ENCODING: "the bytes are not UTF-8",
    Rejected.QUOTING: "a quote is not closed on its line, or stands inside an unquoted field",
    Rejected.COLUMN_COUNT: "the line does not have as many columns as the header",
    Rejected.EMPTY_VALUE: "the column that should hold the indicator is empty",
    Rejected.TOO_LONG: "the value is longer than its type permits",
    Rejected.NOT_AN_INDICATOR: "the value is of no indicator type",
    Rejected.REGULAR_EXPRESSION: "a regular expression is not one value",
    Rejected.ADDRESS: "not a valid IPv4 or IPv6 address",
    Rejected.ADDRESS_NOT_ROUTABLE: "the address is private, reserved, multicast or otherwise not routable unicast",
    Rejected.CIDR: "not a valid network: bad prefix length or host bits set",
    Rejected.PORT: "a port is a number from 1 to 65535",
    Rejected.HOST_NAME: "IDNA 2008 (RFC 5891) or the DNS does not permit this host name",
    Rejected.PUBLIC_SUFFIX: "a public suffix is a registry, not a name under one",
    Rejected.URL: "not a URL with a host",
    Rejected.EMAIL: "not an e-mail address with a valid domain",
    Rejected.HASH: "not a hash of 32, 40 or 64 hexadecimal digits",
    Rejected.ASN: "an AS number is 1 to 4294967295 and not reserved",
    Rejected.TYPE_MISMATCH: "the value is not of the type that the record declares",
    Rejected.TIME: "not a time stamp between 1970 and 2100",
    Rejected.COUNT: "not a count of sightings",
    Rejected.MARKING: "a marking that is not known",
    Rejected.PATTERN_SYNTAX: "the pattern breaks the STIX patterning grammar",
    Rejected.PATTERN_NOT_ONE_FINDING: "the pattern cannot be reduced to single indicators without changing its meaning",
    Rejected.PATTERN_UNSUPPORTED: "the pattern compares properties or uses operators that name no indicator value",
    Rejected.MALFORMED_OBJECT: "the object lacks a required property or has one of the wrong type",
    Rejected.MISSING_REFERENCE: "the object refers to one that the delivery does not contain",
}
