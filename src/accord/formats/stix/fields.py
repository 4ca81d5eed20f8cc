"""What a data set's rules can look at in a STIX object (`Context.rule_fields`).

| field | content; several values are joined by `|` |
|---|---|
| type | the record's object type |
| name | the indicator's name |
| labels | labels |
| indicator_types | indicator types, those of STIX 2.0's labels included |
| kill_chain | phase names of the kill chain phases |
| malware | names of the malware that it is said to belong to |
| created_by | name of the identity that created it |
| report | names of the reports and groupings that list it |

Of a sighting of an indicator they are the indicator's.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from accord.formats.stix.bundle import Body, Bundle, bodies_of, text_of, texts_of
from accord.formats.stix.relations import Relations, own_types

FIELDS = ("type", "name", "labels", "indicator_types", "kill_chain", "malware", "created_by", "report")
"""The fields that this format supplies; another one is null."""

_NONE: Mapping[str, str | None] = MappingProxyType({})


class RuleFields:
    """Gives the fields that were asked for, and makes no others."""

    def __init__(self, asked: tuple[str, ...], bundle: Bundle, relations: Relations) -> None:
        self._asked = tuple(name for name in asked if name in FIELDS)
        self._bundle = bundle
        self._relations = relations

    def of(self, body: Body, families: Iterable[str]) -> Mapping[str, str | None]:
        """The fields of one object; null where it says nothing."""
        if not self._asked:
            return _NONE
        return {name: _joined(self._values(name, body, families)) for name in self._asked}

    def _values(self, name: str, body: Body, families: Iterable[str]) -> Iterable[str | None]:
        if name in {"type", "name"}:
            return (text_of(body, name),)
        if name == "labels":
            return texts_of(body, name)
        if name == "indicator_types":
            return own_types(body) if text_of(body, "type") == "indicator" else ()
        if name == "kill_chain":
            return (text_of(phase, "phase_name") for phase in bodies_of(body, "kill_chain_phases"))
        if name == "malware":
            return families
        if name == "created_by":
            return (self._relations.name_of(text_of(body, "created_by_ref")),)
        return self._relations.reports_of(text_of(body, "id"))


def _joined(values: Iterable[str | None]) -> str | None:
    text = "|".join(dict.fromkeys(value for value in values if value))
    return text.encode("utf-8", "replace").decode() or None
