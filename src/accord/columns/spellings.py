"""Where a value stands in text, however it is spelled: what is looked for to find or to erase a person's data.

The spellings are those that `columns.values` reads as the value: defanged, in capitals, an IPv6 address with or without
its zeros, an IPv4 address folded into one, a name in its own script, JSON's escapes of dots and slashes. A value that
merely begins or ends like it (1.2.3.44 beside 1.2.3.4) is another. A local part of a mail address is taken in capitals
and small letters alike, for it is one person's. What stands on the value holds it too: a URL on the address or name, a
mail address at the name.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import idna

from accord.vocabulary.indicators import Indicator, IndicatorType

_DOT = rb"(?:\.|\\u002e|\\x2e|[\[({][ \t]{0,4}(?:\.|dot)[ \t]{0,4}[\])}]|\[\.|\.\])"
_AT = rb"(?:@|\\u0040|\\x40|%40|[\[({][ \t]{0,4}(?:@|at)[ \t]{0,4}[\])}])"
_SLASH = rb"(?:\\?/|\\u002f|[\[({]/[\])}])"
_COLON = rb"(?::|[\[({]:[\])}])"
_BETWEEN = rb"(?:[\[({]:\\?/\\?/[\])}]|" + _COLON + _SLASH + _SLASH + rb")"
_NAME = rb"[\w\x80-\xff-]"


@dataclass(frozen=True, slots=True)
class Spellings:
    """All spellings of one value."""

    _pattern: re.Pattern[bytes]
    _accepts: Callable[[bytes], bool] | None

    def places(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Where it stands in a text, from the beginning: begin and end. It never reaches over the end of a line."""
        for match in self._pattern.finditer(text):
            if self._accepts is None or self._accepts(match[0]):
                yield match.span()

    def held(self, text: str | bytes | None) -> bool:
        """Does a text hold the value?"""
        if text is None:
            return False
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        return next(self.places(data), None) is not None

    def without(self, text: str, instead: str) -> str:
        """The text with something else in its places."""
        data, at, pieces = text.encode("utf-8", "surrogatepass"), 0, []
        for begin, end in self.places(data):
            pieces += [data[at:begin], instead.encode()]
            at = end
        return b"".join([*pieces, data[at:]]).decode("utf-8", "surrogatepass")


def spellings_of(indicator: Indicator) -> Spellings:
    """All spellings of a value in canonical form."""
    pattern, accepts = _PATTERNS[indicator.kind](indicator.value)
    return Spellings(re.compile(pattern, re.IGNORECASE), accepts)


_Rule = tuple[bytes, Callable[[bytes], bool] | None]


def _ipv4(value: str) -> _Rule:
    octets = value.split(".")
    number = int(IPv4Address(value))
    plain = (
        rb"(?<![0-9])(?<![0-9]\.)(?<![0-9]\[\.\])"
        + _DOT.join(one.encode() for one in octets)
        + rb"(?![0-9])(?!\[?\.\]?[0-9])"
    )
    mapped = rb"(?<=:)ffff:0{0,3}%x:0{0,3}%x(?![0-9a-f:])" % (number >> 16, number & 0xFFFF)
    return plain + rb"|" + mapped, None


def _ipv6(value: str) -> _Rule:
    address = IPv6Address(value)
    first = address.exploded[:4].encode()
    # of global unicast (2000::/3) the first group always has four digits; others may be written without zeros
    token = rb"(?<![0-9a-f:])" + (b"" if first.startswith(b"0") else first) + rb"(?:[0-9a-f:.]|\[:\]|\[\.\]){2,60}"

    def accepts(found: bytes) -> bool:
        text = found.decode("ascii").replace("[:]", ":").replace("[.]", ".").rstrip(".")
        for attempt in (text, text.removesuffix(":")):
            try:
                if IPv6Address(attempt) == address:
                    return True
            except ValueError:
                continue
        return False

    return token, accepts


def _name(value: str) -> bytes:
    """A host name's own bytes, in its own script too; or an address."""
    forms = {value}
    with suppress(idna.IDNAError, UnicodeError):
        forms.add(idna.decode(value))
    return b"(?:" + b"|".join(_DOT.join(_letters(label) for label in form.split(".")) for form in sorted(forms)) + b")"


def _letters(text: str) -> bytes:
    """Bytes of a text, capitals and small letters alike where they are not ASCII."""
    return b"".join(
        re.escape(one.encode())
        if one.isascii()
        else b"(?:" + b"|".join(re.escape(form.encode()) for form in sorted({one.lower(), one.upper()})) + b")"
        for one in text
    )


def _domain(value: str) -> _Rule:
    return rb"(?<!%s)(?<!%s\.)" % (_NAME, _NAME) + _name(value) + rb"(?!%s)(?!\.[\w\x80-\xff])" % _NAME, None


def _email(value: str) -> _Rule:
    local, _, domain = value.rpartition("@")
    letters = _DOT.join(re.escape(part.encode()) for part in local.split("."))
    after = rb"(?!%s)(?!\.[\w\x80-\xff])" % _NAME
    return rb"(?<![a-z0-9._%+-])" + letters + _AT + _name(domain) + after, None


def _url(value: str) -> _Rule:
    scheme, _, rest = value.partition("://")
    cut = min((at for at in (rest.find(mark) for mark in "/?#\\") if at >= 0), default=len(rest))
    authority, tail = rest[:cut], rest[cut:]
    user, at, host = authority.rpartition("@")
    if host.startswith("["):
        inside, _, port = host[1:].partition("]")
        named = rb"\[[0-9a-f:.]*\]" + re.escape(port.encode())
        address: IPv6Address | None = IPv6Address(inside)
    else:
        address = None
        inside, colon, port = host.partition(":")
        named = _name(inside) + (_COLON + port.encode() if colon else rb"\.?(?::(?:80|443)?(?=[/?#\\]|$))?")
    before = re.escape(user.encode()) + _AT if at else b""
    path = b"".join(
        _SLASH if one == "/" else _DOT if one == "." else re.escape(one.encode("utf-8", "surrogatepass"))
        for one in tail
    )
    # h..p is what analysts make of http, and f.p of ftp
    written = {"http": rb"h(?:tt|xx)p", "https": rb"h(?:tt|xx)ps", "ftp": rb"f(?:t|x)?p"}.get(
        scheme, re.escape(scheme.encode())
    )
    head = rb"(?<![\w.+-])" + written + _BETWEEN
    if scheme == "http":
        head = rb"(?:" + head + rb"|(?<![\w.:/@\]\\-]))"
    end = rb"(?![^\s\"'<>|,;)\]}\\\x00-\x20])"

    def accepts(found: bytes) -> bool:
        match = re.search(rb"\[([0-9a-f:.]*)\]", found, re.IGNORECASE)
        try:
            return match is not None and IPv6Address(match[1].decode()) == address
        except ValueError:
            return False

    return head + before + named + path + end, None if address is None else accepts


def _hash(value: str) -> _Rule:
    return rb"(?<![0-9a-z])" + value.encode() + rb"(?![0-9a-z])", None


def _asn(value: str) -> _Rule:
    return rb"(?<![0-9a-z])AS" + value.encode() + rb"(?![0-9a-z])", None


def _cidr(value: str) -> _Rule:
    head, _, bits = value.partition("/")
    if ":" not in head:
        begin = rb"(?<![0-9])(?<![0-9]\.)" + _DOT.join(one.encode() for one in head.split("."))
        return begin + _SLASH + bits.encode() + rb"(?![0-9])", None
    address = IPv6Address(head)
    token = rb"(?<![0-9a-f:])[0-9a-f:.]{2,45}" + _SLASH + bits.encode() + rb"(?![0-9])"

    def accepts(found: bytes) -> bool:
        try:
            return IPv6Address(re.split(rb"[^0-9a-f:.]", found.lower())[0].decode()) == address
        except ValueError:
            return False

    return token, accepts


_PATTERNS: dict[IndicatorType, Callable[[str], _Rule]] = {
    IndicatorType.IPV4: _ipv4,
    IndicatorType.IPV6: _ipv6,
    IndicatorType.DOMAIN: _domain,
    IndicatorType.URL: _url,
    IndicatorType.EMAIL: _email,
    IndicatorType.SHA256: _hash,
    IndicatorType.SHA1: _hash,
    IndicatorType.MD5: _hash,
    IndicatorType.ASN: _asn,
    IndicatorType.CIDR: _cidr,
}
