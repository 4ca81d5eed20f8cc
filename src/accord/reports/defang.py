"""Indicators as they are printed and mailed, so that nobody clicks on one; machine files keep the plain value.

The forms are those that `accord.columns.values.refang` reads back: `203.0.113[.]7`, `2001[:]db8::1`, `hxxp://`.
"""

import re

from accord.vocabulary.indicators import IndicatorType

PRINT_LIMIT = 300
"""Characters of a value that are printed; the files beside the report hold it whole."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST_END = re.compile(r"[/?#]")


def defang(kind: str, value: str) -> str:
    """`value` of indicator type `kind` so that no program takes it for a link; hashes and AS numbers are harmless."""
    match kind:
        case IndicatorType.IPV4 | IndicatorType.DOMAIN | IndicatorType.IPV6 | IndicatorType.CIDR:
            return _host(value)
        case IndicatorType.URL:
            return _url(value)
        case IndicatorType.EMAIL:
            local, at, domain = value.rpartition("@")
            return f"{local}[@]{_host(domain)}" if at else _host(domain)
        case IndicatorType.ASN:
            return f"AS{value}"
        case _:
            return value


def printed(kind: str, value: str) -> str:
    """`value` defanged, and cut in the middle when it is longer than PRINT_LIMIT characters."""
    text = defang(kind, value)
    if len(text) <= PRINT_LIMIT:
        return text
    return f"{text[: PRINT_LIMIT * 2 // 3]}\N{HORIZONTAL ELLIPSIS}{text[-PRINT_LIMIT // 3 + 1 :]}"


def _host(host: str) -> str:
    if ":" in host:
        return host.replace(":", "[:]", 1)
    before, dot, after = host.rpartition(".")
    return f"{before}[.]{after}" if dot else host


def _url(url: str) -> str:
    scheme = _SCHEME.match(url)
    if scheme is None:
        return _host(url)
    name = scheme[1].lower().replace("http", "hxxp") if scheme[1].lower().startswith("http") else scheme[1]
    name = "fxp" + name[3:] if name.lower() in {"ftp", "ftps"} else name
    rest = url[scheme.end() :]
    end = found.start() if (found := _HOST_END.search(rest)) else len(rest)
    return f"{name}://{_authority(rest[:end])}{rest[end:]}"


def _authority(authority: str) -> str:
    """User and port keep their place; an IPv6 literal is broken inside its brackets."""
    user, at, place = authority.rpartition("@")
    if place.startswith("["):
        literal, bracket, port = place[1:].partition("]")
        return f"{user}{at}[{literal.replace(':', '[:]', 1)}{bracket}{port}"
    host, colon, port = place.partition(":")
    return f"{user}{at}{_host(host)}{colon}{port}"
