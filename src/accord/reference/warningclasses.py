"""What each of MISP's warning lists means for a finding: a table of ours, every list with its reason.

- never: what is listed is no criminals' server (a sinkhole, a resolver, a vendor) or no real value: an analyst decides
  before anybody is asked to act.
- shared: many customers behind one address or name; the finding stays actionable, the report says it beside it.
- popular: a site so widely used that a *name* on it is seldom the criminals' own: an analyst decides, but only for
  names reported as c2-server or malware-distribution; a popular site that was compromised is a victim like any other.

A list that is not here (a later version's) is unclassed, and means review until somebody has classed it.
The keys are the folders of the MISP warning lists; the table is for pymispwarninglists 1.7.0.
"""

from collections.abc import Mapping
from enum import StrEnum

from accord.vocabulary.roles import Role


class WarningClass(StrEnum):
    """What a warning list means for a finding."""

    NEVER = "never"
    SHARED = "shared"
    POPULAR = "popular"
    UNCLASSED = "unclassed"


POPULAR_ROLES: frozenset[Role] = frozenset({Role.C2_SERVER, Role.MALWARE_DISTRIBUTION})
"""The roles for which a popular name needs an analyst."""

_SCANNERS = """
    alphastrike-research-nt-scanning alphastrike-scanning bufferover-nt-scanning censys-scanning
    coalition-signals-intelligence-nt-scanning cybergreen-nt-scanning cyberresilience-nt-scanning cypex-nt-scanning
    f6-nt-scanning internet-census-nt-scanning intrinsec-nt-scanning ipinfo-nt-scanning ipip-nt-scanning
    modat-nt-scanning modat-scanner netsecscan-nt-scanning netsecscan-scanning onyphe-nt-scanning onyphe-scanner
    probethenet-nt-scanning rapid7-nt-scanning research-scanner-nt-scanning shadowforce-nt-scanning
    shadowforce-scanning shadowserver shadowserver-nt-scanning shodan-nt-scanning shodan-scanning skipa-nt-scanning
    tenable-cloud-ipv4 tenable-cloud-ipv6
""".split()

_NEVER = {
    "apple": "Apple's own network, no hosting",
    "automated-malware-analysis": "sandboxes and security vendors",
    "captive-portals": "hosts that devices ask whether they are online",
    "check-host-net": "a public service that tests reachability",
    "common-contact-emails": "role mailboxes of security teams",
    "common-ioc-false-positive": "hashes of harmless files",
    "crl-hostname": "certificate revocation services",
    "crl-ip": "certificate revocation services",
    "eicar.com": "the anti-virus test file",
    "empty-hashes": "hashes of empty files",
    "findip-host": "services that tell a caller's address",
    "googlebot": "a search engine's crawler",
    "ipv6-linklocal": "not routable",
    "microsoft-attack-simulator": "phishing training by the organisation itself",
    "microsoft-azure-appid": "application ids, no network indicator",
    "microsoft-office365": "service endpoints of Office 365",
    "microsoft-win10-connection-endpoints": "endpoints that Windows itself calls",
    "mozilla-CA": "fingerprints of trusted certificates",
    "mozilla-IntermediateCA": "fingerprints of trusted certificates",
    "multicast": "not routable",
    "nioc-filehash": "hashes of harmless files",
    "openai-gptbot": "a crawler",
    "parking-domain": "parked domains point here: the domain is out of use",
    "parking-domain-ns": "name servers of parking services",
    "phone_numbers": "unassigned telephone numbers",
    "public-dns-hostname": "public resolvers",
    "public-dns-v4": "public resolvers",
    "public-dns-v6": "public resolvers",
    "rfc1918": "not routable",
    "rfc3849": "documentation addresses",
    "rfc5735": "special-purpose addresses",
    "rfc6598": "not routable",
    "rfc6761": "special-use names",
    "second-level-tlds": "a registry's suffix, not a name under one",
    "security-provider-blogpost": "pages of security vendors and researchers",
    "sinkholes": "sinkholes that researchers and police run",
    "ti-falsepositives": "hashes of harmless files",
    "tlds": "a top-level domain, not a name under one",
    "umbrella-blockpage-hostname": "block pages of a resolver",
    "umbrella-blockpage-v4": "block pages of a resolver",
    "umbrella-blockpage-v6": "block pages of a resolver",
    "whats-my-ip": "services that tell a caller's address",
    "wikimedia": "Wikimedia's own network, no hosting",
}

_SHARED = {
    "akamai": "content delivery network",
    "amazon-aws": "cloud",
    "cloudflare": "content delivery network",
    "disposable-email": "throw-away mailboxes of many users",
    "dynamic-dns": "names handed out to anybody",
    "fastly": "content delivery network",
    "github": "code hosting, pages and build machines of many users",
    "google-gcp": "cloud",
    "google-gmail-sending-ips": "mail of many users",
    "link-in-bio": "pages of many users",
    "lots-project": "services that attackers use because they are trusted",
    "microsoft-azure": "cloud",
    "microsoft-azure-china": "cloud",
    "microsoft-azure-germany": "cloud",
    "microsoft-azure-us-gov": "cloud",
    "microsoft-office365-cn": "files and mail of many customers",
    "microsoft-office365-ip": "files and mail of many customers",
    "ovh-cluster": "web hosting, many customers at an address",
    "public-ipfs-gateways": "gateways to anybody's files",
    "smtp-receiving-ips": "mail of many users",
    "smtp-sending-ips": "mail of many users",
    "stackpath": "content delivery network",
    "url-shortener": "links of many users",
    "vpn-ipv4": "VPN providers and data centres",
    "vpn-ipv6": "VPN providers and data centres",
    "zscaler": "a proxy with many organisations behind it",
}

_POPULAR = {
    "alexa": "top sites",
    "bank-website": "banks, more often imitated or compromised than criminal",
    "cisco_top1000": "top sites",
    "cisco_top10k": "top sites",
    "cisco_top20k": "top sites",
    "cisco_top5k": "top sites",
    "covid": "genuine sites on covid-19",
    "covid-19-cyber-threat-coalition-whitelist": "genuine sites on covid-19",
    "covid-19-krassi-whitelist": "genuine sites on covid-19",
    "dax30": "large companies",
    "digitalside": "well-known sites",
    "google": "Google's names",
    "google-chrome-crux-1million": "top sites",
    "majestic_million": "top sites",
    "microsoft": "Microsoft's names",
    "moz-top500": "top sites",
    "tranco": "top sites",
    "tranco10k": "top sites",
    "university_domains": "universities, more often compromised than criminal",
}

CLASSES: Mapping[str, tuple[WarningClass, str]] = {
    **dict.fromkeys(_SCANNERS, (WarningClass.NEVER, "scanners of researchers and security vendors")),
    **{slug: (WarningClass.NEVER, reason) for slug, reason in _NEVER.items()},
    **{slug: (WarningClass.SHARED, reason) for slug, reason in _SHARED.items()},
    **{slug: (WarningClass.POPULAR, reason) for slug, reason in _POPULAR.items()},
}
"""Class and reason by the list's folder name."""
