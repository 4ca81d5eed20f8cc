"""A parsed pattern reduced to single indicators, or the reason why its meaning is more than those.

A pattern is a condition on what somebody observes; a finding is one value. The reduction keeps the meaning or refuses:

- OR, IN and OR between observations are alternatives: each is an indicator of its own.
- AND within an observation must describe one thing: a reference's type and its value, a value and its port or
  protocols, hashes of one file (each names that file) and whatever else is said of it, an AS number and its name.
- AND of different things, observations joined by AND or FOLLOWEDBY, and REPEATS of other than 1 say that things happen
  together, in order or often: no value alone says that (`pattern-not-one-finding`).
- NOT, `!=`, orders, LIKE with wildcards, MATCHES, ISSUPERSET, EXISTS and properties that hold no indicator name no
  value (`pattern-unsupported`); LIKE without a wildcard is `=`.
- WITHIN changes nothing where there is one observation; START ... STOP is the period of its alternatives.

What one alternative is refused for takes nothing from the others.
"""

from itertools import product

import msgspec

from accord.columns.instants import read_instant
from accord.columns.schema import TEXT_LIMIT
from accord.columns.values import HASHES, SuffixTest, read_port
from accord.formats.stix.places import SOURCE_SIDE, Place, PlaceKind, place_of
from accord.formats.stix.tree import (
    AnyOf,
    Comparison,
    Condition,
    Expression,
    Joint,
    Literal,
    LiteralKind,
    Observation,
    Operator,
    Pattern,
    Qualified,
    Repeats,
    StartStop,
)
from accord.formats.stix.typed import VALUE_TYPES, read_typed
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected

Window = tuple[int, int]
"""Begin and end of a period, microseconds since 1970."""

_QUOTED_COMPARISONS = 8
"""Comparisons of a conjunction that a refusal quotes."""


class Claim(msgspec.Struct, frozen=True):
    """One indicator that a pattern names."""

    indicator: Indicator
    source_side: bool
    """It is the source of traffic: a client, not a server."""
    window: Window | None
    """START and STOP; None: the pattern says none."""


class Refusal(msgspec.Struct, frozen=True):
    """A part of a pattern that is not taken, and its text."""

    reason: Rejected | Ignored
    text: str


class Reduction(msgspec.Struct, frozen=True):
    """What a pattern names, each once, and what of it is refused."""

    claims: tuple[Claim, ...]
    refusals: tuple[Refusal, ...]


def reduce_pattern(pattern: Pattern, is_public_suffix: SuffixTest) -> Reduction:
    """Reduce a pattern to single indicators; what cannot be reduced is among the refusals. Never raises."""
    reducer = _Reducer(pattern.text, is_public_suffix)
    reducer.expression(pattern.expression, None)
    return Reduction(tuple(reducer.claims), tuple(reducer.refusals))


class _TooManyAlternativesError(Exception):
    """AND of ORs multiplies to more alternatives than the pattern's length warrants."""


class _Reducer:
    """Walks a pattern once; the recursion is as deep as the parser allowed parentheses."""

    def __init__(self, text: str, is_public_suffix: SuffixTest) -> None:
        self._text = text
        self._is_public_suffix = is_public_suffix
        # (a OR b) AND (c OR d) AND ... doubles with each pair: the work stays linear in what was sent
        self._budget = 4 * len(text) + 4096
        self.claims: dict[Claim, None] = {}
        self.refusals: dict[Refusal, None] = {}

    def expression(self, node: Expression, window: Window | None) -> None:
        """Take an observation expression under a period."""
        if isinstance(node, Observation):
            self._observation(node, window)
        elif isinstance(node, Qualified):
            self._qualified(node, window)
        elif node.joint is Joint.OR:
            for part in node.parts:
                self.expression(part, window)
        else:
            self._refuse(Rejected.PATTERN_NOT_ONE_FINDING, self._slice(node.start, node.end))

    def _refuse(self, reason: Rejected | Ignored, text: str) -> None:
        self.refusals[Refusal(reason, text)] = None

    def _qualified(self, node: Qualified, window: Window | None) -> None:
        for qualifier in node.qualifiers:
            if isinstance(qualifier, Repeats) and qualifier.times != 1:
                self._refuse(Rejected.PATTERN_NOT_ONE_FINDING, self._slice(node.start, node.end))
                return
            if isinstance(qualifier, StartStop):
                begin, stop = read_instant(qualifier.begin), read_instant(qualifier.stop)
                if begin is not None and stop is not None and window is not None:
                    begin, stop = max(begin, window[0]), min(stop, window[1])
                # 9.6: the stop instant must be later than the start
                if begin is None or stop is None or stop <= begin:
                    self._refuse(Rejected.TIME, f"START {qualifier.begin} STOP {qualifier.stop}")
                    return
                window = (begin, stop)
        self.expression(node.expression, window)

    def _observation(self, node: Observation, window: Window | None) -> None:
        try:
            alternatives = self._alternatives(node.condition)
        except _TooManyAlternativesError:
            self._refuse(Rejected.TOO_LONG, self._slice(node.start, node.end))
            return
        for conjunction in alternatives:
            self._alternative(conjunction, window)

    def _alternatives(self, condition: Condition) -> list[tuple[Comparison, ...]]:
        """The condition as alternatives, each a conjunction of comparisons."""
        if isinstance(condition, Comparison):
            if condition.operator is Operator.IN and not condition.negated and condition.literals:
                return [
                    (Comparison(condition.path, Operator.EQUAL, False, (literal,), condition.start, condition.end),)
                    for literal in condition.literals
                ]
            return [(condition,)]
        parts = [self._alternatives(part) for part in condition.parts]
        if isinstance(condition, AnyOf):
            return [conjunction for part in parts for conjunction in part]
        return self._conjoined(parts)

    def _conjoined(self, parts: list[list[tuple[Comparison, ...]]]) -> list[tuple[Comparison, ...]]:
        count, length = 1, 0
        for part in parts:
            count *= len(part)
            length += max(map(len, part))
            if count > 1 and count * length > self._budget:
                raise _TooManyAlternativesError
        if count > 1:
            self._budget -= count * length
        return [tuple(comparison for chosen in choice for comparison in chosen) for choice in product(*parts)]

    def _alternative(self, conjunction: tuple[Comparison, ...], window: Window | None) -> None:
        """Take one conjunction: one thing with a value, or a refusal."""
        named: list[tuple[Place, Literal]] = []
        around: list[tuple[Place, Comparison]] = []
        for comparison in conjunction:
            place = place_of(comparison.path)
            if comparison.negated or comparison.operator is Operator.NOT_EQUAL:
                self._refuse(Rejected.PATTERN_UNSUPPORTED, self._quote((comparison,)))
                return
            if place.kind is not PlaceKind.VALUE:
                around.append((place, comparison))
            elif _names_a_value(comparison, place):
                named.append((place, comparison.literals[0]))
            else:
                self._refuse(Rejected.PATTERN_UNSUPPORTED, self._quote((comparison,)))
                return
        if not named:
            self._refuse(Rejected.PATTERN_UNSUPPORTED, self._quote(conjunction))
            return
        subject = named[0][0].subject
        if len(named) > 1 and any(place.subject != subject for place, _ in named):
            self._refuse(Rejected.PATTERN_NOT_ONE_FINDING, self._quote(conjunction))
            return
        if around:
            surroundings = self._surroundings(subject, around)
            if isinstance(surroundings, Rejected):
                self._refuse(surroundings, self._quote(conjunction))
                return
            expected, port = surroundings
        else:
            expected, port = None, None
        self._claim(conjunction, named, expected, port, window)

    def _surroundings(
        self, subject: str, around: list[tuple[Place, Comparison]]
    ) -> tuple[frozenset[IndicatorType] | None, int | None] | Rejected:
        """The type and the port that stand beside a value; Rejected when more is said than those."""
        expected: frozenset[IndicatorType] | None = None
        ports: set[int] = set()
        for place, comparison in around:
            if place.kind is PlaceKind.DETAIL and place.subject == subject:
                continue
            equal = comparison.operator is Operator.EQUAL
            if place.kind is PlaceKind.PROTOCOL and equal and subject.startswith(place.subject):
                continue
            if not equal or place.subject != subject:
                return Rejected.PATTERN_NOT_ONE_FINDING
            text = comparison.literals[0].text
            if place.kind is PlaceKind.TYPE:
                named = VALUE_TYPES.get(text)
                if named is None:
                    return Rejected.PATTERN_UNSUPPORTED
                expected = named if expected is None else expected & named
            elif place.kind is PlaceKind.PORT:
                # written as a number, and by some publishers as a string
                port = read_port(text)
                if port is None:
                    return Rejected.PORT
                ports.add(port)
            else:
                return Rejected.PATTERN_NOT_ONE_FINDING
        if len(ports) > 1:
            return Rejected.PATTERN_NOT_ONE_FINDING
        return expected, next(iter(ports), None)

    def _claim(
        self,
        conjunction: tuple[Comparison, ...],
        named: list[tuple[Place, Literal]],
        narrowed: frozenset[IndicatorType] | None,
        port: int | None,
        window: Window | None,
    ) -> None:
        found: dict[IndicatorType, Indicator] = {}
        refusals: dict[Refusal, None] = {}
        hashes = named[0][0].expected <= HASHES
        for place, literal in named:
            expected = place.expected if narrowed is None else place.expected & narrowed
            read = self._read(literal, expected)
            if not isinstance(read, Indicator):
                refusals[Refusal(read, literal.text)] = None
            elif read.value != found.setdefault(read.kind, read).value:
                self._refuse(Rejected.PATTERN_NOT_ONE_FINDING, self._quote(conjunction))
                return
        several = len(found) + len(refusals) > 1 and not hashes
        clash = port is not None and any(one.port not in {None, port} for one in found.values())
        if several or clash:
            self._refuse(Rejected.PATTERN_NOT_ONE_FINDING, self._quote(conjunction))
            return
        self.refusals.update(refusals)
        for indicator in found.values():
            taken = indicator if port is None else Indicator(kind=indicator.kind, value=indicator.value, port=port)
            self.claims[Claim(taken, named[0][0].subject == SOURCE_SIDE, window)] = None

    def _read(self, literal: Literal, expected: frozenset[IndicatorType]) -> Indicator | Rejected | Ignored:
        number = literal.kind is LiteralKind.INTEGER and IndicatorType.ASN in expected
        if not expected or not (literal.kind is LiteralKind.STRING or number):
            return Rejected.TYPE_MISMATCH
        return read_typed(literal.text, expected, self._is_public_suffix)

    def _slice(self, start: int, end: int) -> str:
        """The pattern's text there, cut where a reject's text ends: an IN of thousands is quoted for each."""
        return self._text[start : min(end, start + TEXT_LIMIT + 1)]

    def _quote(self, conjunction: tuple[Comparison, ...]) -> str:
        quoted = [self._slice(one.start, one.end) for one in conjunction[:_QUOTED_COMPARISONS]]
        if len(conjunction) > _QUOTED_COMPARISONS:
            quoted.append("…")
        return " AND ".join(quoted)


def _names_a_value(comparison: Comparison, place: Place) -> bool:
    if comparison.operator is Operator.EQUAL:
        return True
    if comparison.operator is Operator.LIKE:
        # 9.7.1: % stands for any characters, _ for one
        return not any(wildcard in comparison.literals[0].text for wildcard in "%_")
    return comparison.operator is Operator.SUBSET and IndicatorType.CIDR in place.expected
