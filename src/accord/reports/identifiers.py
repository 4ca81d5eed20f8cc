"""Ids that come out the same on every run: UUIDv5 in the hub's namespace, and STIX's own for cyber observables."""

import hashlib
from uuid import UUID

import msgspec

from accord.release.view import View

OBSERVABLE_NAMESPACE = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""The namespace of deterministic ids of cyber observables (OASIS STIX 2.1, section 2.9)."""

# RFC 9562, section 4.1: the two high bits of the 17th hexadecimal digit are 10
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))

NUL = "\0"
"""Stands between the parts of a name: no part contains it."""

_encode = msgspec.json.Encoder(order="sorted").encode


class Names:
    """UUIDv5 (RFC 9562, section 5.5) in one namespace, for many names that begin alike.

    `Names(namespace, prefix)(name)` is `str(uuid.uuid5(namespace, prefix + name))`, at a third of the cost.
    """

    __slots__ = ("_begun",)

    def __init__(self, namespace: UUID, prefix: str = "") -> None:
        self._begun = hashlib.sha1(namespace.bytes + prefix.encode(), usedforsecurity=False)

    def __call__(self, name: str) -> str:
        """The UUID of a name, in its usual text form."""
        begun = self._begun.copy()
        begun.update(name.encode())
        digest = begun.hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{_VARIANT[digest[16]]}{digest[17:20]}-{digest[20:32]}"


def audience(view: View) -> str:
    """Who a view is for, as canonical JSON: `["ID",null,["CERT","Police"]]` (country, theme, partners, sorted).

    A channel is itself, whoever its members are by now: `["channel","asean-servers"]`, and so is a network owner.
    """
    if view.owner is not None:
        return _encode(("network-owner", view.owner)).decode()
    if view.channel is not None:
        return _encode(("channel", view.channel)).decode()
    partners = sorted(recipient.partner for recipient in view.recipients)
    return _encode((view.country, view.theme, partners)).decode()


def object_names(view: View) -> Names:
    """Ids of what one audience is told: the UUID of `audience NUL kind NUL key` in the hub's namespace.

    `kind` is the sort of object ("indicator", "xarf" ...), `key` its finding_id, its family, or for a relationship
    `type NUL finding_id NUL target`. Two audiences never share an id, so that none can tell from an id what another
    one got; one audience has the same id in every run.
    """
    return Names(view.hub.namespace, f"{audience(view)}\0")


def report_name(view: View) -> str:
    """The UUID of a report as a whole: of its audience, the persons named in it, and its operation."""
    persons = sorted((recipient.partner, sorted(recipient.persons)) for recipient in view.recipients)
    key = _encode((view.operation.name, persons)).decode()
    return object_names(view)(f"report\0{key}")


_observable = Names(OBSERVABLE_NAMESPACE)


def observable_id(kind: str, contributing: dict[str, str | int | dict[str, str]]) -> str:
    """The id of a cyber observable from its id-contributing properties (OASIS STIX 2.1, sections 2.9 and 6).

    They are written as canonical JSON (RFC 8785): for the strings and integers here, keys in order and no blanks.
    """
    return f"{kind}--{_observable(_encode(contributing).decode())}"
