"""How far a STIX object may travel: its marking references as one TLP label.

Sources: OASIS STIX 2.1, section 7.2 (data markings) and 7.2.1.4 (TLP 1); the OASIS STIX TLP 2.0 extension and the PAP
extension. Confidentiality is not guessed: a reference to a marking that neither the standard nor the bundle defines,
or that says something else than TLP or a statement, makes the object unusable.
"""

from accord.formats.stix.bundle import Body, Bundle, bodies_of, body_of, kind_of, shown, text_of
from accord.vocabulary.markings import (
    MARKING_IDS,
    PAP_EXTENSION,
    PAP_IDS,
    Marking,
    read_marking,
    read_pap,
    strictest,
)

TLP2_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"

_PAP = {identifier: label.value for label, identifier in PAP_IDS.items()}

# Properties that no observation is made of: a marking of these alone does not concern what is taken.
_UNREAD = frozenset({"description", "external_references", "confidence", "lang", "opinion", "abstract", "content"})


class MarkingError(ValueError):
    """A marking that cannot be known or kept; `str()` is what stood there."""


def marking_of(body: Body, bundle: Bundle) -> Marking | None:
    """The strictest TLP label of an object; None when it has none. Raises MarkingError.

    A granular marking counts for the whole object, unless it is on properties only that are never read.
    """
    if "object_marking_refs" not in body and "granular_markings" not in body:
        return None
    found: Marking | None = None
    for reference in _references(body):
        said = _read_reference(reference, bundle)
        if said is not None:
            found = said if found is None else strictest(found, said)
    return found


def strictest_said(*markings: Marking | None) -> Marking | None:
    """The narrowest audience among those said; None when none is."""
    said = [marking for marking in markings if marking is not None]
    return strictest(*said) if said else None


def _references(body: Body) -> list[str]:
    references: list[str] = []
    listed = body.get("object_marking_refs", [])
    if not isinstance(listed, list):
        raise MarkingError(f"object_marking_refs: {shown(listed)}")
    for reference in listed:
        if not isinstance(reference, str):
            raise MarkingError(f"object_marking_refs: {shown(reference)}")
        references.append(reference)
    granular = body.get("granular_markings", [])
    if not isinstance(granular, list) or len(bodies_of(body, "granular_markings")) != len(granular):
        raise MarkingError(f"granular_markings: {shown(granular)}")
    for marking in bodies_of(body, "granular_markings"):
        named = marking.get("marking_ref")
        if named is None:
            # 7.2.3: a granular marking may instead say the language
            continue
        if not isinstance(named, str):
            raise MarkingError(f"granular_markings: {shown(named)}")
        selectors = marking.get("selectors")
        if not isinstance(selectors, list) or any(str(one).split(".")[0] not in _UNREAD for one in selectors):
            references.append(named)
    return references


def _read_reference(reference: str, bundle: Bundle) -> Marking | None:
    known = MARKING_IDS.get(reference)
    pap = _PAP.get(reference)
    definition = bundle.latest.get(reference)
    if pap is not None:
        return _read_pap(pap)
    if definition is None or kind_of(definition) != "marking-definition":
        if known is None:
            raise MarkingError(reference)
        return known
    return strictest_said(known, _read_definition(definition, reference, known))


def _read_definition(definition: Body, reference: str, known: Marking | None) -> Marking | None:
    extensions = body_of(definition, "extensions") or {}
    inner = body_of(definition, "definition") or {}
    name = text_of(definition, "name") or ""
    tlp2 = body_of(extensions, TLP2_EXTENSION)
    pap = body_of(extensions, PAP_EXTENSION)
    texts: list[str | None] = []
    # `tlp` by the standard, `TLP` by some exporters
    texts.extend(text_of(inner, key) for key in inner if key.lower() == "tlp")
    if tlp2 is not None:
        texts.append(text_of(tlp2, "tlp_2_0"))
    if name.lower().startswith("tlp"):
        texts.append(name)
    said = [read_marking(text or "") for text in texts]
    if any(marking is None for marking in said):
        raise MarkingError(f"{reference} {name}".rstrip())
    if pap is not None:
        said.append(_read_pap(text_of(pap, "pap") or ""))
    elif name.lower().startswith("pap:"):
        said.append(_read_pap(name[4:]))
    elif not said and known is None and definition.get("definition_type") != "statement":
        raise MarkingError(f"{reference} {name}".rstrip())
    return strictest_said(*said)


def _read_pap(label: str) -> Marking | None:
    try:
        return read_pap(label)
    except ValueError as error:
        raise MarkingError(f"{error}, which forbids action that can be noticed") from error
