"""The rules of indicator values, exactly and one at a time.

These are the rules; `columns.kernel` is the fast path for the common shapes and must agree with them on every
input that it does not hand over (tests/columns/test_kernel.py compares the two).

Sources: RFC 791 and RFC 4291 (addresses), RFC 5952 (IPv6 text), IANA special-purpose address registries
(routability), RFC 5890-5892 (IDNA 2008), RFC 1035 section 2.3.4 (lengths), RFC 3986 (URLs), RFC 5321 (mail).
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Set
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import idna

from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected

VALUE_LIMIT = 4096
"""Characters of the longest value that is taken (a URL)."""

ADDRESSES = frozenset({IndicatorType.IPV4, IndicatorType.IPV6})
HASHES = frozenset({IndicatorType.SHA256, IndicatorType.SHA1, IndicatorType.MD5})

NOT_ROUTABLE_IPV4: tuple[IPv4Network, ...] = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
"""IANA IPv4 special-purpose registry, those not globally reachable unicast, and multicast. Disjoint, ascending."""

GLOBAL_UNICAST_IPV6 = IPv6Network("2000::/3")
NOT_ROUTABLE_IPV6: tuple[IPv6Network, ...] = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
    )
)
"""Parts of 2000::/3 that the IANA IPv6 special-purpose registry keeps (Teredo, ORCHID, documentation ...)."""

_CLOSED_FROM = [int(network.network_address) for network in NOT_ROUTABLE_IPV4]
_CLOSED_TO = [int(network.broadcast_address) for network in NOT_ROUTABLE_IPV4]

_V4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)", re.ASCII)
_V4_SHAPED = re.compile(r"[\d.]+", re.ASCII)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://", re.ASCII)
_PORT = re.compile(r"[1-9]\d{0,4}", re.ASCII)
_HEX = re.compile(r"[0-9A-Fa-f]+", re.ASCII)
_ASN = re.compile(r"AS(0|[1-9]\d{0,9})", re.ASCII | re.IGNORECASE)
_MAIL_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}", re.ASCII)
_UNPRINTABLE = re.compile(r"[\s\x00-\x20\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_PATTERN = re.compile(r"[\\^$*+?{}()\[\]|]")
_HASH_LENGTHS = {64: IndicatorType.SHA256, 40: IndicatorType.SHA1, 32: IndicatorType.MD5}

# What analysts write so that nobody clicks. Brackets never stand in a host, so undoing them guesses nothing.
_DEFANGED = re.compile(r"hxxp|fxp|[\[({]\s*(?:\.|dot|:|://|/|@|at)\s*[\])}]|\[\.|\.\]", re.IGNORECASE)
_REFANG = (
    (re.compile(r"^(h)xx(ps?)(?=:|\[|\()", re.IGNORECASE), r"htt\2"),
    (re.compile(r"^fxp(?=s?:|\[)", re.IGNORECASE), "ftp"),
    (re.compile(r"[\[({]\s*(?:\.|dot)\s*[\])}]", re.IGNORECASE), "."),
    (re.compile(r"[\[({]://[\])}]"), "://"),
    (re.compile(r"[\[({]:[\])}]"), ":"),
    (re.compile(r"[\[({]/[\])}]"), "/"),
    (re.compile(r"[\[({]\s*(?:@|at)\s*[\])}]", re.IGNORECASE), "@"),
    (re.compile(r"(?<=[\w-])\[\.(?=[\w-])|(?<=[\w-])\.\](?=[\w-])"), "."),
)

SuffixTest = Callable[[str], bool]


def refang(text: str) -> str:
    """Undo the usual defanging: `hxxp`, `[.]`, `(.)`, `[dot]`, `[:]`, `[://]`, `[@]`, `[at]`, a half bracket."""
    if _DEFANGED.search(text) is None:
        return text
    for form, plain in _REFANG:
        text = form.sub(plain, text)
    return text


def read_value(
    text: str, is_public_suffix: SuffixTest, expected: Set[IndicatorType] | None = None
) -> Indicator | Rejected | Ignored:
    """Read one value as an indicator in canonical form, or say why it is none.

    `expected`: the types that the record declares; another type is a TYPE_MISMATCH. `host:port` gives the host and
    its port, `host/path` the URL `http://host/path`, a bare path PATH_WITHOUT_HOST.
    """
    text = text.strip()
    if not text:
        return Rejected.EMPTY_VALUE
    if len(text) > VALUE_LIMIT:
        return Rejected.TOO_LONG
    text = refang(text)
    if text[0] == "/":
        return Ignored.PATH_WITHOUT_HOST
    found = _read_any(text, is_public_suffix, expected)
    if expected is None or isinstance(found, (Rejected, Ignored)) or found.kind in expected:
        return found
    if expected == {IndicatorType.URL} and found.kind in {*ADDRESSES, IndicatorType.DOMAIN}:
        return read_url(f"http://{text}")
    return Rejected.TYPE_MISMATCH


def read_any_value(text: str, is_public_suffix: SuffixTest) -> Indicator | None:
    """A value as `read_value` reads it, or one that it rejects and that stands for somebody all the same.

    Such are addresses and networks that are not routed, reserved AS numbers, public suffixes, and mail addresses and
    URLs at any of these: rejects hold them. None: it is of none of these shapes.
    """
    read = read_value(text, is_public_suffix)
    if isinstance(read, Indicator):
        return read
    text = refang(text.strip())
    if not text or len(text) > VALUE_LIMIT or _UNPRINTABLE.search(text):
        return None
    try:
        address = ip_address(text.removeprefix("[").removesuffix("]"))
        if isinstance(address, IPv6Address):
            if address.scope_id is not None:
                return None
            if address.ipv4_mapped is None:
                return Indicator(kind=IndicatorType.IPV6, value=str(address))
            address = address.ipv4_mapped
        return Indicator(kind=IndicatorType.IPV4, value=str(address))
    except ValueError:
        pass
    if match := _ASN.fullmatch(text):
        return Indicator(kind=IndicatorType.ASN, value=match[1])
    if match := _SCHEME.match(text):
        return Indicator(kind=IndicatorType.URL, value=f"{match[1].lower()}://{text[match.end() :]}")
    if "/" in text:
        try:
            return Indicator(kind=IndicatorType.CIDR, value=str(ip_network(text)))
        except ValueError:
            return None
    local, at, domain = text.rpartition("@")
    if at and local and domain and "@" not in local:
        return Indicator(kind=IndicatorType.EMAIL, value=f"{local}@{domain.lower()}")
    name = read_domain(text)
    return name if isinstance(name, Indicator) else None


def _read_any(
    text: str, is_public_suffix: SuffixTest, expected: Set[IndicatorType] | None
) -> Indicator | Rejected | Ignored:
    if _SCHEME.match(text):
        return read_url(text)
    if _UNPRINTABLE.search(text):
        return Rejected.NOT_AN_INDICATOR
    if "@" in text and "/" not in text:
        return read_email(text)
    if match := _ASN.fullmatch(text):
        return read_asn(match[1])
    if expected == {IndicatorType.ASN} and text.isascii() and text.isdigit():
        return read_asn(text)
    if len(text) >= 32 and _HEX.fullmatch(text):
        kind = _HASH_LENGTHS.get(len(text))
        return Indicator(kind=kind, value=text.lower()) if kind else Rejected.HASH
    if "/" in text:
        head, _, tail = text.partition("/")
        if tail.isascii() and tail.isdigit() and len(tail) <= 3 and (_V4_SHAPED.fullmatch(head) or ":" in head):
            return read_cidr(text)
        return read_url(f"http://{text}")
    return _read_host_and_port(text, is_public_suffix)


def _read_host_and_port(text: str, is_public_suffix: SuffixTest) -> Indicator | Rejected:
    host, port = text, None
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or ":" not in host:
            return Rejected.REGULAR_EXPRESSION if _PATTERN.search(text[1:]) else Rejected.ADDRESS
        if rest:
            if not rest.startswith(":"):
                return Rejected.ADDRESS
            port = rest[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    read = read_host(host)
    if isinstance(read, Rejected):
        return read
    if read.kind is IndicatorType.DOMAIN and is_public_suffix(read.value):
        return Rejected.PUBLIC_SUFFIX
    if port is None:
        return read
    number = read_port(port)
    return Rejected.PORT if number is None else Indicator(kind=read.kind, value=read.value, port=number)


def read_host(text: str) -> Indicator | Rejected:
    """An address or a domain; `text` has no port and no brackets."""
    if ":" in text:
        return read_ipv6(text)
    if _V4_SHAPED.fullmatch(text):
        return read_ipv4(text)
    return read_domain(text)


def read_ipv4(text: str) -> Indicator | Rejected:
    """Four decimal octets without leading zeros (`010.020.030.040` is octal to some readers: no address)."""
    if not _V4.fullmatch(text):
        return Rejected.ADDRESS
    first, second, third, fourth = text.split(".")
    address = int(first) << 24 | int(second) << 16 | int(third) << 8 | int(fourth)
    # the first network begins at 0
    if address <= _CLOSED_TO[bisect_right(_CLOSED_FROM, address) - 1]:
        return Rejected.ADDRESS_NOT_ROUTABLE
    return Indicator(kind=IndicatorType.IPV4, value=text)


def read_ipv6(text: str) -> Indicator | Rejected:
    """RFC 4291 text to RFC 5952 form; `::ffff:a.b.c.d` is folded into IPv4; no zone ids."""
    try:
        address = IPv6Address(text)
    except ValueError:
        return Rejected.ADDRESS
    if address.scope_id is not None:
        return Rejected.ADDRESS
    if address.ipv4_mapped is not None:
        return read_ipv4(str(address.ipv4_mapped))
    if address not in GLOBAL_UNICAST_IPV6 or any(address in network for network in NOT_ROUTABLE_IPV6):
        return Rejected.ADDRESS_NOT_ROUTABLE
    return Indicator(kind=IndicatorType.IPV6, value=str(address))


def read_domain(text: str) -> Indicator | Rejected:
    """A host name of two labels or more that IDNA 2008 permits, as lower-case A-labels, without a final dot."""
    if _PATTERN.search(text):
        return Rejected.REGULAR_EXPRESSION
    name = text.lower().removesuffix(".")
    if not name.isascii():
        try:
            name = idna.encode(name, strict=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return Rejected.HOST_NAME
    labels = name.split(".")
    if len(labels) < 2 or len(name) > 253 or labels[-1].isdigit():
        return Rejected.HOST_NAME
    return (
        Indicator(kind=IndicatorType.DOMAIN, value=name)
        if all(_permitted_label(label) for label in labels)
        else Rejected.HOST_NAME
    )


def _permitted_label(label: str) -> bool:
    if _LABEL.fullmatch(label) is None:
        return False
    # RFC 5891, 4.2.3.1: "--" in the third and fourth place is kept for A-labels.
    return label[2:4] != "--" or (label.startswith("xn--") and _valid_a_label(label))


@lru_cache(maxsize=65_536)
def _valid_a_label(label: str) -> bool:
    try:
        return idna.alabel(idna.ulabel(label)).decode("ascii") == label
    except (idna.IDNAError, UnicodeError):
        return False


def read_url(text: str) -> Indicator | Rejected:
    """A URL with a host: scheme and host in canonical form, the rest as it stands."""
    match = _SCHEME.match(text)
    if match is None or len(text) > VALUE_LIMIT or _UNPRINTABLE.search(text):
        return Rejected.URL
    rest = text[match.end() :]
    cut = min((at for at in (rest.find(mark) for mark in "/?#\\") if at >= 0), default=len(rest))
    authority, tail = rest[:cut], rest[cut:]
    user, at, host = authority.rpartition("@")
    port = None
    if host.startswith("["):
        host, bracket, after = host[1:].partition("]")
        if not bracket or ":" not in host or (after and not after.startswith(":")):
            return Rejected.REGULAR_EXPRESSION if _PATTERN.search(host) else Rejected.URL
        port = after[1:] if after else None
    elif ":" in host:
        host, _, port = host.partition(":")
    if not host:
        return Rejected.URL
    read = read_host(host)
    if isinstance(read, Rejected):
        return read
    number = None
    if port:  # RFC 3986, 3.2.3: the port may be empty
        number = read_port(port)
        if number is None:
            return Rejected.PORT
    shown = f"[{read.value}]" if read.kind is IndicatorType.IPV6 else read.value
    return Indicator(
        kind=IndicatorType.URL,
        value=f"{match[1].lower()}://{user}{at}{shown}{'' if number is None else f':{number}'}{tail}",
        port=number,
    )


def url_host(url: str) -> str:
    """The host of a canonical URL: a domain, or an address without brackets."""
    rest = url.partition("://")[2]
    cut = min((at for at in (rest.find(mark) for mark in "/?#\\") if at >= 0), default=len(rest))
    host = rest[:cut].rpartition("@")[2]
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def read_email(text: str) -> Indicator | Rejected:
    """`local@domain` (RFC 5321 dot-string); the domain in canonical form, the local part as it stands."""
    local, _, domain = text.rpartition("@")
    if _MAIL_LOCAL.fullmatch(local) is None or local[0] == "." or local[-1] == "." or ".." in local:
        return Rejected.EMAIL
    read = read_domain(domain)
    if isinstance(read, Rejected):
        return Rejected.EMAIL
    return Indicator(kind=IndicatorType.EMAIL, value=f"{local}@{read.value}")


def read_cidr(text: str) -> Indicator | Rejected:
    """A network without host bits; one address's network (`/32`, `/128`) is that address."""
    head, _, tail = text.partition("/")
    host = read_host(head)
    if host is Rejected.ADDRESS_NOT_ROUTABLE:
        return host
    if isinstance(host, Rejected) or not (tail.isascii() and tail.isdigit()) or (tail != "0" and tail[0] == "0"):
        return Rejected.CIDR
    bits = 32 if host.kind is IndicatorType.IPV4 else 128
    if int(tail) > bits or int(tail) == 0:
        return Rejected.CIDR
    if int(tail) == bits:
        return host
    try:
        network = (IPv4Network if bits == 32 else IPv6Network)(f"{host.value}/{tail}")
    except ValueError:
        return Rejected.CIDR
    return Indicator(kind=IndicatorType.CIDR, value=str(network))


def read_asn(digits: str) -> Indicator | Rejected:
    """An AS number that can be routed: not 0, AS_TRANS, documentation, private or last (IANA registry)."""
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 10:
        return Rejected.ASN
    number = int(digits)
    if (
        number in {0, 23456, 65535, 4294967295}
        or number > 4294967295
        or 64496 <= number <= 65551
        or number >= 4200000000
    ):
        return Rejected.ASN
    return Indicator(kind=IndicatorType.ASN, value=str(number))


def read_port(text: str) -> int | None:
    """A decimal port from 1 to 65535 without leading zeros; None when it is none."""
    if _PORT.fullmatch(text) is None or int(text) > 65535:
        return None
    return int(text)
