"""The attribute types of the MISP core format: which ones state an indicator, and in what shape.

Source: MISP core format (draft-dulaunoy-misp-core-format), section 2.4.2, and MISP's `describeTypes.json` of
version 2.5, whose 194 types are all named here. A type that is in neither table is not observable to us.
"""

from dataclasses import dataclass
from enum import StrEnum

from accord.columns.values import ADDRESSES
from accord.vocabulary.indicators import IndicatorType


class Shape(StrEnum):
    """How an attribute's value holds its indicator."""

    VALUE = "value"
    HOST_PORT = "host|port"
    DOMAIN_ADDRESS = "domain|ip"
    FILE_HASH = "filename|hash"
    URI = "uri"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How one attribute type is read."""

    shape: Shape
    kinds: frozenset[IndicatorType]
    """What the value must be; for `domain|ip`, its first half."""
    to_ids: bool = True
    """MISP's own default for the flag (describeTypes, `sane_defaults`), where an attribute does not say it."""


_NETWORK = ADDRESSES | {IndicatorType.CIDR}
_DOMAIN = frozenset({IndicatorType.DOMAIN})
_EMAIL = frozenset({IndicatorType.EMAIL})

TAKEN: dict[str, Reading] = {
    "ip-src": Reading(shape=Shape.VALUE, kinds=_NETWORK),
    "ip-dst": Reading(shape=Shape.VALUE, kinds=_NETWORK),
    "ip-src|port": Reading(shape=Shape.HOST_PORT, kinds=ADDRESSES),
    "ip-dst|port": Reading(shape=Shape.HOST_PORT, kinds=ADDRESSES),
    "domain": Reading(shape=Shape.VALUE, kinds=_DOMAIN),
    "hostname": Reading(shape=Shape.VALUE, kinds=_DOMAIN),
    "hostname|port": Reading(shape=Shape.HOST_PORT, kinds=_DOMAIN),
    "domain|ip": Reading(shape=Shape.DOMAIN_ADDRESS, kinds=_DOMAIN),
    "url": Reading(shape=Shape.VALUE, kinds=frozenset({IndicatorType.URL})),
    "uri": Reading(shape=Shape.URI, kinds=frozenset({IndicatorType.URL})),
    "email": Reading(shape=Shape.VALUE, kinds=_EMAIL),
    "email-src": Reading(shape=Shape.VALUE, kinds=_EMAIL),
    "email-dst": Reading(shape=Shape.VALUE, kinds=_EMAIL),
    "email-reply-to": Reading(shape=Shape.VALUE, kinds=_EMAIL, to_ids=False),
    "md5": Reading(shape=Shape.VALUE, kinds=frozenset({IndicatorType.MD5})),
    "sha1": Reading(shape=Shape.VALUE, kinds=frozenset({IndicatorType.SHA1})),
    "sha256": Reading(shape=Shape.VALUE, kinds=frozenset({IndicatorType.SHA256})),
    "filename|md5": Reading(shape=Shape.FILE_HASH, kinds=frozenset({IndicatorType.MD5})),
    "filename|sha1": Reading(shape=Shape.FILE_HASH, kinds=frozenset({IndicatorType.SHA1})),
    "filename|sha256": Reading(shape=Shape.FILE_HASH, kinds=frozenset({IndicatorType.SHA256})),
    "malware-sample": Reading(shape=Shape.FILE_HASH, kinds=frozenset({IndicatorType.MD5})),
    "AS": Reading(shape=Shape.VALUE, kinds=frozenset({IndicatorType.ASN}), to_ids=False),
}
"""Types whose value is an indicator of `vocabulary.indicators`."""

NOT_OBSERVABLE: frozenset[str] = frozenset(
    # files: names, other digests, digests of parts (imphash), of certificates and of similarity
    "filename|authentihash filename|impfuzzy filename|imphash filename|pehash filename|sha224 filename|sha3-224 "
    "filename|sha3-256 filename|sha3-384 filename|sha3-512 filename|sha384 filename|sha512 filename|sha512/224 "
    "filename|sha512/256 filename|ssdeep filename|tlsh filename|vhash attachment authentihash cdhash filename "
    "filename-pattern impfuzzy imphash mime-type pdb pehash sha224 sha3-224 sha3-256 sha3-384 sha3-512 sha384 sha512 "
    "sha512/224 sha512/256 size-in-bytes ssdeep telfhash tlsh vhash "
    # traces on a machine, and rules that find them
    "bro gene kusto-query mutex pattern-in-file pattern-in-memory pattern-in-traffic process-state regkey "
    "regkey|value sigma snort stix2-pattern suricata windows-scheduled-task windows-service-displayname "
    "windows-service-name yara zeek "
    # networks: fingerprints and parts of traffic, no place that a network owner can act on
    "community-id cookie dkim dkim-signature dom-hash favicon-mmh3 hassh-md5 hasshserver-md5 http-method "
    "ja3-fingerprint-md5 jarm-fingerprint mac-address mac-eui-64 onion-address port ssh-fingerprint user-agent "
    "x509-fingerprint-md5 x509-fingerprint-sha1 x509-fingerprint-sha256 "
    # mail, but for its addresses
    "email-attachment email-body email-dst-display-name email-header email-message-id email-mime-boundary "
    "email-src-display-name email-subject email-thread-index email-x-mailer "
    # registrations and references
    "cpe dns-soa-email git-commit-id link vulnerability weakness whois-creation-date whois-registrant-email "
    "whois-registrant-name whois-registrant-org whois-registrant-phone whois-registrar "
    # who was attacked, by whom
    "campaign-id campaign-name malware-type target-email target-external target-location target-machine target-org "
    "target-user threat-actor "
    # accounts, keys, money
    "aba-rtn azure-application-id bank-account-nr bic bin btc cc-number chrome-extension-id dash edge-extension-id "
    "eppn github-organisation github-repository github-username iban jabber-id mobile-application-id "
    "pgp-private-key pgp-public-key phone-number prtn twitter-id xmr "
    # persons
    "country-of-residence date-of-birth first-name frequent-flyer-number full-name gender identity-card-number "
    "issue-date-of-the-visa last-name middle-name nationality passenger-name-record-locator-number passport-country "
    "passport-expiration passport-number payment-details place-of-birth place-port-of-clearance "
    "place-port-of-onward-foreign-destination place-port-of-original-embarkation primary-residence redress-number "
    "special-service-request travel-details visa-number "
    # plain values
    "anonymised boolean comment cortex counter datetime float hex integer other text uuid".split()
) | {"named pipe"}
"""Types that state no indicator."""

PORT_OF: dict[str, dict[str, str]] = {
    "ip-port": {
        "ip": "dst-port",
        "ip-dst": "dst-port",
        "domain": "dst-port",
        "hostname": "dst-port",
        "ip-src": "src-port",
    },
    "domain-ip": {"domain": "port", "hostname": "port", "ip": "port"},
    "url": {"domain": "port", "host": "port", "ip": "port"},
    "irc": {"ip": "dst-port", "hostname": "dst-port"},
    "ddos": {"ip-dst": "dst-port", "domain-dst": "dst-port", "ip-src": "src-port"},
    "ddos-config": {"host": "port", "ip": "port"},
    "netflow": {"ip-dst": "dst-port", "ip-src": "src-port"},
    "network-connection": {
        "ip-dst": "dst-port",
        "hostname-dst": "dst-port",
        "ip-src": "src-port",
        "hostname-src": "src-port",
    },
    "network-socket": {
        "ip-dst": "dst-port",
        "hostname-dst": "dst-port",
        "ip-src": "src-port",
        "hostname-src": "src-port",
    },
    "network-traffic": {
        "dst_ip": "dst_port",
        "dst_hostname": "dst_port",
        "src_ip": "src_port",
        "src_hostname": "src_port",
    },
    "cowrie": {"dst_ip": "dst_port", "src_ip": "src_port"},
}
"""Object template -> relation of a host -> relation of the port that belongs to it (misp-objects definitions)."""
