"""Every object of a bundle as a record: accepted with its observations, ignored with a reason, or rejected.

Sources: OASIS STIX 2.1, sections 4.7 (indicator), 4.14 (observed data), 5.2 (sighting); STIX 2.0 parts 2 and 4.
"""

from collections.abc import Callable, Iterable, Sequence

from accord.columns.builder import ParsedBuilder
from accord.columns.reading import Context
from accord.formats.stix.bundle import VERSIONS, Body, Bundle, Member, body_of, kind_of, shown, text_of, texts_of
from accord.formats.stix.fields import RuleFields
from accord.formats.stix.markings import MarkingError, marking_of, strictest_said
from accord.formats.stix.observables import OBSERVABLE_TYPES, Seen, Sighted, reachable, read_observables
from accord.formats.stix.pattern import PatternError, parse_pattern
from accord.formats.stix.periods import Period, PeriodError, period_of
from accord.formats.stix.reduction import Claim, Reduction, Refusal, reduce_pattern
from accord.formats.stix.relations import NOTHING_LEARNT, Learnt, Relations, own_roles, own_types, role_applies
from accord.formats.stix.statements import Statements, statements_for
from accord.vocabulary.indicators import Indicator
from accord.vocabulary.markings import Marking
from accord.vocabulary.reasons import Ignored, Rejected
from accord.vocabulary.roles import Role

COUNT_LIMIT = 999_999_999
"""STIX 2.1, 4.14 and 5.2: the largest count."""

STATEMENT_LIMIT = 100_000
"""Observations that one object may make: values times roles times families."""

Planned = tuple[Indicator, tuple[int | None, ...], Statements]
"""A value, the instants at which it is observed, and what it is said to be."""

_NOT_BENIGN = frozenset({"malicious-activity", "compromised", "anomalous-activity"})


class RecordReader:
    """Reads a bundle's members into a builder, one at a time."""

    def __init__(self, bundle: Bundle, builder: ParsedBuilder, context: Context) -> None:
        self._bundle = bundle
        self._builder = builder
        self._is_public_suffix = context.is_public_suffix
        self._relations = Relations(bundle)
        self._fields = RuleFields(context.rule_fields, bundle, self._relations)
        self._reductions: dict[str, Reduction] = {}
        self._readers: dict[str, Callable[[Body], None]] = {
            "indicator": self._indicator,
            "sighting": self._sighting,
            "observed-data": self._observed_data,
            "relationship": self._relationship,
        }

    def read(self, member: Member) -> None:
        """Account for one member."""
        self._builder.record(member.pointer)
        body = member.content
        if not isinstance(body, dict):
            self._builder.reject(Rejected.MALFORMED_OBJECT, shown(body))
            return
        kind = text_of(body, "type")
        if member.repeated:
            self._builder.reject(Rejected.MALFORMED_OBJECT, "a name stands twice in the object")
        elif not kind:
            self._malformed("type", body.get("type"))
        elif kind == "bundle":
            self._builder.reject(Rejected.MALFORMED_OBJECT, "a bundle inside a bundle", column="type")
        elif "spec_version" in body and text_of(body, "spec_version") not in VERSIONS:
            self._malformed("spec_version", body["spec_version"])
        elif not isinstance(body.get("revoked", False), bool):
            self._malformed("revoked", body["revoked"])
        elif body.get("revoked") is True or self._bundle.superseded(body):
            self._builder.ignore(Ignored.REVOKED)
        elif (reader := self._readers.get(kind)) is not None:
            reader(body)
        else:
            self._builder.ignore(Ignored.NOT_OBSERVABLE)

    def _malformed(self, name: str, value: object) -> None:
        self._builder.reject(Rejected.MALFORMED_OBJECT, f"{name}: {shown(value)}", column=name)

    # Indicators

    def _indicator(self, body: Body) -> None:
        if (ignored := _no_claim(body)) is not None:
            self._builder.ignore(ignored)
            return
        reduction = self._reduce(body)
        if reduction is None:
            self._malformed("pattern", body.get("pattern"))
            return
        if not reduction.claims:
            self._refuse(reduction.refusals)
            return
        try:
            marking = marking_of(body, self._bundle)
            # both versions require valid_from; what lacks it is valid from its creation
            begin = "created" if body.get("valid_from") is None else "valid_from"
            period = period_of(body, begin, "valid_until")
        except MarkingError as error:
            self._builder.reject(Rejected.MARKING, str(error), column="object_marking_refs")
            return
        except PeriodError as error:
            self._builder.reject(Rejected.TIME, error.text, column=error.name)
            return
        if self._observe_claims(body, reduction.claims, marking, lambda claim: period.within(claim.window), 1):
            self._refuse(reduction.refusals)
            self._partial_period(period)

    def _reduce(self, body: Body) -> Reduction | None:
        """What the pattern names; None: there is no pattern. Sightings ask for the same one again."""
        text = text_of(body, "pattern")
        if text is None:
            return None
        known = self._reductions.get(text)
        if known is None:
            try:
                known = reduce_pattern(parse_pattern(text), self._is_public_suffix)
            except PatternError as error:
                known = Reduction((), (Refusal(error.reason, f"{error}: {text[:400]}"),))
            self._reductions[text] = known
        return known

    def _refuse(self, refusals: Iterable[Refusal]) -> None:
        for refusal in refusals:
            self._reject(refusal.reason, refusal.text, "pattern")

    def _reject(self, reason: Rejected | Ignored, text: str, column: str) -> None:
        if isinstance(reason, Ignored):
            self._builder.ignore(reason)
        else:
            self._builder.reject(reason, text, column=column)

    def _observe_claims(
        self,
        body: Body,
        claims: Iterable[Claim],
        marking: Marking | None,
        times_of: Callable[[Claim], tuple[int | None, ...]],
        count: int,
    ) -> bool:
        """Observe an indicator's values; False when they are too many."""
        learnt = self._relations.of_indicator(text_of(body, "id"))
        roles = own_roles(body)
        planned = (
            (claim.indicator, times_of(claim), _statements(claim.indicator, claim.source_side, marking, roles, learnt))
            for claim in claims
        )
        return self._observe(body, planned, learnt, count)

    def _observe(self, body: Body, planned: Iterable[Planned], learnt: Learnt, count: int) -> bool:
        taken: list[Planned] = []
        number = 0
        for one in planned:
            taken.append(one)
            number += len(one[1]) * len(one[2].said)
            if number > STATEMENT_LIMIT:
                self._builder.reject(Rejected.TOO_LONG, f"more than {STATEMENT_LIMIT} observations in one object")
                return False
        fields = self._fields.of(body, [one.what for one in learnt.families])
        withheld: dict[str, None] = dict.fromkeys(learnt.refused)
        for indicator, times, statements in taken:
            withheld.update(dict.fromkeys(statements.withheld))
            for statement in statements.said:
                for place, instant in enumerate(times):
                    self._builder.observe(
                        indicator,
                        role=statement.role,
                        family=statement.family,
                        seen_at_us=instant,
                        count=_share(count, place, len(times)),
                        marking=statement.marking,
                        fields=fields,
                    )
        for text in withheld:
            self._builder.reject(Rejected.MARKING, text, column="relationship")
        return True

    def _partial_period(self, period: Period) -> None:
        if period.fault is not None:
            self._builder.reject(Rejected.TIME, period.fault.text, column=period.fault.name)

    # Sightings

    def _sighting(self, body: Body) -> None:
        reference = text_of(body, "sighting_of_ref")
        if reference is None:
            self._malformed("sighting_of_ref", body.get("sighting_of_ref"))
            return
        target = self._bundle.latest.get(reference)
        if target is None:
            self._builder.reject(Rejected.MISSING_REFERENCE, reference, column="sighting_of_ref")
            return
        if target.get("revoked") is True:
            self._builder.ignore(Ignored.REVOKED)
            return
        if kind_of(target) == "indicator":
            ignored = _no_claim(target)
        else:
            # a sighting of malware or of an actor names no value; what it was seen in is the observed data's record
            ignored = None if kind_of(target) in OBSERVABLE_TYPES else Ignored.NOT_OBSERVABLE
        if ignored is not None:
            self._builder.ignore(ignored)
            return
        self._sighting_of(body, reference, target)

    def _sighting_of(self, body: Body, reference: str, target: Body) -> None:
        count = _count(body, "count", 0)
        if count is None:
            self._builder.reject(Rejected.COUNT, shown(body.get("count")), column="count")
            return
        if count == 0:
            # 5.2: a count of 0 says that it was looked for and not seen
            self._builder.ignore(Ignored.NO_INDICATOR)
            return
        try:
            marking = strictest_said(marking_of(body, self._bundle), marking_of(target, self._bundle))
            period = period_of(body, "first_seen", "last_seen")
        except MarkingError as error:
            self._builder.reject(Rejected.MARKING, str(error), column="object_marking_refs")
            return
        except PeriodError as error:
            self._builder.reject(Rejected.TIME, error.text, column=error.name)
            return
        if kind_of(target) != "indicator":
            sighted = read_observables(self._reachable([reference]), self._is_public_suffix)
            self._sighted(body, reference, sighted, marking, period, count)
            return
        reduction = self._reduce(target)
        if reduction is None:
            self._malformed("pattern", target.get("pattern"))
        elif not reduction.claims:
            self._refuse(reduction.refusals)
        elif self._observe_claims(target, reduction.claims, marking, lambda _: period.instants, count):
            self._partial_period(period)

    # Observed data

    def _observed_data(self, body: Body) -> None:
        labels = [label.lower() for label in texts_of(body, "labels")]
        if any(label.startswith("misp:") for label in labels) and 'misp:to_ids="true"' not in labels:
            # MISP writes attributes that are not for detection as observed data (misp-stix, mapping of to_ids)
            self._builder.ignore(Ignored.NOT_TO_IDS)
            return
        objects, missing = self._objects_of(body)
        if objects is None:
            self._malformed("object_refs", body.get("object_refs", body.get("objects")))
            return
        count = _count(body, "number_observed", 1)
        if count is None:
            self._builder.reject(Rejected.COUNT, shown(body.get("number_observed")), column="number_observed")
            return
        try:
            markings = [marking_of(one, self._bundle) for one in (body, *objects.values())]
            period = period_of(body, "first_observed", "last_observed")
        except MarkingError as error:
            self._builder.reject(Rejected.MARKING, str(error), column="object_marking_refs")
            return
        except PeriodError as error:
            self._builder.reject(Rejected.TIME, error.text, column=error.name)
            return
        sighted = read_observables(objects, self._is_public_suffix)
        self._sighted(body, text_of(body, "id") or "", sighted, strictest_said(*markings), period, count)
        for reference in missing:
            self._builder.reject(Rejected.MISSING_REFERENCE, reference, column="object_refs")

    def _objects_of(self, body: Body) -> tuple[dict[str, Body] | None, list[str]]:
        """The observables by key (2.0) or id (2.1), and what leads nowhere; None: it has neither property."""
        embedded = body_of(body, "objects")
        if embedded is not None:
            objects: dict[str, Body] = {key: one for key, one in embedded.items() if isinstance(one, dict)}
            return objects, [key for key in embedded if key not in objects]
        if not isinstance(body.get("object_refs"), list):
            return None, []
        references = texts_of(body, "object_refs")
        missing = [reference for reference in references if reference not in self._bundle.latest]
        return self._reachable(references), missing

    def _reachable(self, roots: Iterable[str]) -> dict[str, Body]:
        return reachable(roots, self._bundle.latest.get)

    def _sighted(
        self, body: Body, reference: str, sighted: Sighted, marking: Marking | None, period: Period, count: int
    ) -> None:
        """Take what observables name, for observed data or for the sighting of one observable."""
        learnt = [self._relations.of_observed((reference, *_identifiers(seen, body))) for seen in sighted.seen]
        together = Learnt(
            families=tuple(dict.fromkeys(one for each in dict.fromkeys(learnt) for one in each.families)),
            refused=tuple(dict.fromkeys(text for each in dict.fromkeys(learnt) for text in each.refused)),
        )
        planned = (
            (seen.indicator, period.instants, _statements(seen.indicator, seen.source_side, marking, (), said))
            for seen, said in zip(sighted.seen, learnt, strict=True)
        )
        if sighted.seen and not self._observe(body, planned, together, count):
            return
        for resolved in sighted.resolved:
            self._builder.resolve(
                resolved.domain,
                resolved.address,
                first_seen_us=period.instants[0],
                last_seen_us=period.instants[-1],
                marking=marking,
            )
        for fault in sighted.faults:
            self._reject(fault.reason, fault.text, fault.column)
        self._partial_period(period)
        if not (sighted.seen or sighted.resolved or sighted.faults):
            self._builder.ignore(Ignored.NO_INDICATOR)

    # Relationships

    def _relationship(self, body: Body) -> None:
        """A domain `resolves-to` an address (STIX 2.1, 6.4); all others speak through the objects that they join."""
        if text_of(body, "relationship_type") != "resolves-to":
            self._builder.ignore(Ignored.NOT_OBSERVABLE)
            return
        source, target = (self._bundle.latest.get(text_of(body, name) or "") for name in ("source_ref", "target_ref"))
        if source is None or target is None:
            missing = "source_ref" if source is None else "target_ref"
            self._builder.reject(Rejected.MISSING_REFERENCE, shown(body.get(missing)), column=missing)
            return
        if kind_of(source) != "domain-name" or kind_of(target) not in {"ipv4-addr", "ipv6-addr"}:
            self._builder.ignore(Ignored.NOT_OBSERVABLE)
            return
        try:
            marking = strictest_said(*(marking_of(one, self._bundle) for one in (body, source, target)))
            period = period_of(body, "start_time", "stop_time", otherwise=None)
        except MarkingError as error:
            self._builder.reject(Rejected.MARKING, str(error), column="object_marking_refs")
            return
        except PeriodError as error:
            self._builder.reject(Rejected.TIME, error.text, column=error.name)
            return
        joined = {"source_ref": {**source, "resolves_to_refs": ["target_ref"]}, "target_ref": target}
        sighted = read_observables(joined, self._is_public_suffix)
        self._sighted(body, "", Sighted(resolved=sighted.resolved, faults=sighted.faults), marking, period, 1)


def _no_claim(body: Body) -> Ignored | None:
    """Why an indicator says nothing that could be a finding; None when it does."""
    # 2.1, 4.7: pattern_type names the language; 2.0 knew only STIX
    pattern_type = body.get("pattern_type", "stix")
    if isinstance(pattern_type, str) and pattern_type.lower() != "stix":
        return Ignored.NOT_OBSERVABLE
    types = own_types(body)
    if "benign" in types and _NOT_BENIGN.isdisjoint(types):
        return Ignored.NOT_TO_IDS
    for label in texts_of(body, "labels"):
        if label.startswith("misp:to_ids") and label.lower() == 'misp:to_ids="false"':
            return Ignored.NOT_TO_IDS
    return None


def _statements(
    indicator: Indicator, source_side: bool, marking: Marking | None, roles: Sequence[Role], learnt: Learnt
) -> Statements:
    if not roles and learnt is NOTHING_LEARNT:
        return statements_for(marking, (), learnt)

    def applies(role: Role) -> bool:
        return role_applies(role, indicator.kind, source_side=source_side)

    fitting = Learnt(families=learnt.families, roles=tuple(one for one in learnt.roles if applies(Role(one.what))))
    return statements_for(marking, [role for role in roles if applies(role)], fitting)


def _identifiers(seen: Seen, body: Body) -> tuple[str, ...]:
    # the keys of embedded objects are no identifiers: another object's relationships cannot mean them
    return () if body_of(body, "objects") is not None else seen.origins


def _share(count: int, place: int, ends: int) -> int:
    """What one end of a period stands for: the first for one sighting, the last for the rest, which is at least one."""
    if ends == 1:
        return count
    return max(count - 1, 1) if place else 1


def _count(body: Body, name: str, least: int) -> int | None:
    """A count, 1 when it is missing; None when it is none."""
    value = body.get(name, 1)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= COUNT_LIMIT:
        return None
    return value
