"""The STIX 2.1 patterning language: text to a tree, by a tokenizer and recursive descent.

Source: OASIS STIX 2.1, part 9 (and STIX 2.0 part 5, which is contained in it), with the OASIS grammar
`STIXPattern.g4`. An example, and what it becomes:

    [ipv4-addr:value = '198.51.100.5' OR domain-name:value = 'evil.example'] START t'...' STOP t'...'
    Qualified(Observation(AnyOf(Comparison, Comparison)), StartStop)

The grammar is kept to the letter but for three forms that real deliveries hold and that can mean only one thing;
`Pattern.departures` names those that a pattern uses:

    file:hashes.SHA-256 = '...'      a key with a hyphen that should be quoted
    file:hashes['SHA-256'] = '...'   a key in brackets
    START '2024-...Z' STOP '...'     string literals for the instants, as drafts of STIX 2.0 had them
"""

import re
from functools import lru_cache

from accord.formats.stix.tree import (
    ANY_INDEX,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Expression,
    Joined,
    Joint,
    Literal,
    LiteralKind,
    Observation,
    Operator,
    Path,
    Pattern,
    Qualified,
    Qualifier,
    Repeats,
    StartStop,
    Step,
    Within,
)
from accord.vocabulary.reasons import Rejected

PATTERN_LIMIT = 1_048_576
"""Characters of the longest pattern that is read."""

DEPTH_LIMIT = 64
"""Parentheses that may be open at once."""


class PatternError(ValueError):
    """A pattern that breaks the grammar, or a bound; `reason` says which, `str()` says where and why."""

    def __init__(self, reason: Rejected, message: str) -> None:
        super().__init__(message)
        self.reason = reason


_SPACE = r"[ \t\r\n\x0b\x0c\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
_TOKEN = re.compile(
    rf"""(?:(?P<sign>==|=|!=|<>|<=|>=|<|>|[:,()\[\]*])
    |(?P<timestamp>t'[0-9]{{4}}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])
        T(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?Z')
    |(?P<hex>h'(?:[0-9A-Fa-f]{{2}})*')
    |(?P<binary>b'(?:[A-Za-z0-9+/]{{4}})*(?:[A-Za-z0-9+/]{{4}}|[A-Za-z0-9+/]{{3}}=|[A-Za-z0-9+/]{{2}}==)')
    |(?P<word>[A-Za-z_][A-Za-z0-9_-]*)
    |(?P<string>'[^'\\]*(?:\\['\\][^'\\]*)*')
    |(?P<float>[+-]?[0-9]*\.[0-9]+)
    |(?P<integer>[+-]?(?:0|[1-9][0-9]*))
    |(?P<dot>\.)
    |(?P<skip>{_SPACE}+|/\*.*?\*/|//[^\r\n]*)
    |(?P<fault>.)){_SPACE}*""",
    re.VERBOSE | re.DOTALL,
)
# The lexer of the grammar takes the longest match, and among equals the first. The order above does the same: a
# literal with a prefix is longer than the word it starts like, a float longer than the dot or integer that it starts
# with. White space behind a token is taken with it, to save a step. What begins nothing is a fault there and then:
# looking for the next token behind it would try an unclosed quote again at every later one.

_KEYWORDS = frozenset(
    """AND OR NOT FOLLOWEDBY LIKE MATCHES ISSUPERSET ISSUBSET EXISTS LAST IN START STOP SECONDS true false WITHIN
    REPEATS TIMES""".split()
)
_ORDERS = {
    ">": Operator.GREATER,
    "<": Operator.LESS,
    ">=": Operator.GREATER_OR_EQUAL,
    "<=": Operator.LESS_OR_EQUAL,
}
_EQUALS = {
    "=": Operator.EQUAL,
    "==": Operator.EQUAL,
    "!=": Operator.NOT_EQUAL,
    "<>": Operator.NOT_EQUAL,
}
_OF_STRINGS = {
    "LIKE": Operator.LIKE,
    "MATCHES": Operator.MATCHES,
    "ISSUBSET": Operator.SUBSET,
    "ISSUPERSET": Operator.SUPERSET,
}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

_KEY = r"(?:[A-Za-z_][A-Za-z0-9_]*|'[^'\\]*')"
_OPENING = re.compile(rf"{_SPACE}*(\[){_SPACE}*")
_EQUALITY = re.compile(
    rf"([A-Za-z_][A-Za-z0-9_-]*:{_KEY}(?:\.{_KEY})*){_SPACE}*={_SPACE}*'([^'\\]*)(')"
    rf"{_SPACE}*(?:(\]){_SPACE}*|AND(?![A-Za-z0-9_-]){_SPACE}*)"
)
"""One comparison of the shape that nearly all have, and what it is followed by."""

_PATH_KEPT = 200
"""Characters of the longest path that is kept for the next pattern: documents share few of them."""

_Token = tuple[str, str, int]
"""Kind (a group of _TOKEN; `keyword` and `sign` are known by their text), text, start."""


def parse_pattern(text: str) -> Pattern:
    """Parse a pattern; raises PatternError (`pattern-syntax`, or `too-long` past a bound)."""
    if len(text) > PATTERN_LIMIT:
        raise PatternError(Rejected.TOO_LONG, f"longer than {PATTERN_LIMIT} characters")
    return _plain(text) or _Parser(text).pattern()


def _plain(text: str) -> Pattern | None:
    """A pattern that is one observation of one `=` with a string, or of several joined by AND; None: look closer.

    What it takes it must take as `_Parser` does, which costs five times as much.
    """
    opening = _OPENING.match(text)
    if opening is None:
        return None
    comparisons: list[Comparison] = []
    at = opening.end()
    while (found := _EQUALITY.match(text, at)) is not None:
        path = _plain_path(found[1]) if len(found[1]) <= _PATH_KEPT else None
        if path is None:
            return None
        literal = Literal(LiteralKind.STRING, found[2])
        comparisons.append(Comparison(path, Operator.EQUAL, False, (literal,), at, found.end(3)))
        at = found.end()
        if found[4]:
            if at != len(text):
                return None
            condition = comparisons[0] if len(comparisons) == 1 else AllOf(tuple(comparisons))
            return Pattern(text, Observation(condition, opening.start(1), found.end(4)), ())
    return None


@lru_cache(maxsize=1024)
def _plain_path(text: str) -> Path | None:
    """The path of an _EQUALITY; None where a keyword stands for a name."""
    object_type, _, keys = text.partition(":")
    steps = re.findall(_KEY, keys)
    if not _KEYWORDS.isdisjoint((object_type, *steps)):
        return None
    return Path(object_type, tuple([step[1:-1] if step[0] == "'" else step for step in steps]))


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind == "skip":
            continue
        if kind == "fault":
            at = match.start()
            raise PatternError(Rejected.PATTERN_SYNTAX, f"character {at + 1}: nothing can begin with {text[at]!r}")
        word = match[kind]
        if kind == "word" and word in _KEYWORDS:
            kind = "keyword"
        found.append((kind, word, match.start()))
    found.append(("end", "", len(text)))
    return found


class _Parser:
    """Recursive descent over the tokens; two Python frames for each open parenthesis."""

    __slots__ = ("_at", "_departures", "_text", "_tokens")

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0
        self._departures: list[str] = []

    def pattern(self) -> Pattern:
        expression = self._expression(0)
        if self._tokens[self._at][0] != "end":
            raise self._wrong("the end, a qualifier or AND, OR, FOLLOWEDBY")
        return Pattern(self._text, expression, tuple(self._departures))

    def _wrong(self, expected: str) -> PatternError:
        kind, text, start = self._tokens[self._at]
        found = "the end" if kind == "end" else text if len(text) <= 40 else text[:39] + "…"
        return PatternError(Rejected.PATTERN_SYNTAX, f"character {start + 1}: expected {expected}, found {found}")

    def _take(self, text: str) -> bool:
        # signs and keywords are told by their text alone: a string has its quotes, and no word is a keyword
        if self._tokens[self._at][1] == text:
            self._at += 1
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise self._wrong(text)

    def _end(self) -> int:
        _, text, start = self._tokens[self._at - 1]
        return start + len(text)

    # Observations

    def _expression(self, depth: int) -> Expression:
        """AND binds tighter than OR, OR tighter than FOLLOWEDBY (9.7: the grammar's order)."""
        ordered = [[[self._observation(depth)]]]
        while self._tokens[self._at][0] == "keyword":
            if self._take("AND"):
                ordered[-1][-1].append(self._observation(depth))
            elif self._take("OR"):
                ordered[-1].append([self._observation(depth)])
            elif self._take("FOLLOWEDBY"):
                ordered.append([[self._observation(depth)]])
            else:
                break
        if len(ordered) == 1 and len(ordered[0]) == 1 and len(ordered[0][0]) == 1:
            return ordered[0][0][0]
        either = [_join(Joint.OR, [_join(Joint.AND, both) for both in each]) for each in ordered]
        return _join(Joint.FOLLOWED_BY, either)

    def _observation(self, depth: int) -> Expression:
        start = self._tokens[self._at][2]
        single = False
        if self._take("["):
            condition = self._condition(depth)
            self._need("]")
            expression: Expression = Observation(condition, start, self._end())
            single = True
        elif self._take("("):
            self._deeper(depth)
            expression = self._expression(depth + 1)
            self._need(")")
        else:
            raise self._wrong("[ or (")
        if self._tokens[self._at][0] != "keyword":
            return expression
        used: set[type[Qualifier]] = set()
        qualifiers: list[Qualifier] = []
        while (qualifier := self._qualifier()) is not None:
            if single and type(qualifier) in used:
                # 9.6: one of each kind; what stands in parentheses starts anew
                raise PatternError(
                    Rejected.PATTERN_SYNTAX, f"character {start + 1}: a qualifier is used twice on one observation"
                )
            used.add(type(qualifier))
            qualifiers.append(qualifier)
        # one node for them all: a chain of nodes would be as deep as the chain is long
        return Qualified(expression, tuple(qualifiers), start, self._end()) if qualifiers else expression

    def _deeper(self, depth: int) -> None:
        if depth >= DEPTH_LIMIT:
            raise PatternError(Rejected.TOO_LONG, f"more than {DEPTH_LIMIT} parentheses are open at once")

    def _qualifier(self) -> Qualifier | None:
        if self._take("WITHIN"):
            seconds = self._number(("integer", "float"))
            self._need("SECONDS")
            return Within(float(seconds))
        if self._take("REPEATS"):
            times = self._number(("integer",))
            self._need("TIMES")
            # a number of more digits than these says nothing that one of these does not
            return Repeats(int(times[:18]))
        if self._take("START"):
            begin = self._instant()
            self._need("STOP")
            return StartStop(begin, self._instant())
        return None

    def _number(self, kinds: tuple[str, ...]) -> str:
        kind, text, _ = self._tokens[self._at]
        if kind not in kinds or text[0] == "-":
            raise self._wrong("a number that is not negative")
        self._at += 1
        return text

    def _instant(self) -> str:
        kind, text, _ = self._tokens[self._at]
        if kind == "timestamp":
            self._at += 1
            return text[2:-1]
        if kind == "string":
            self._at += 1
            self._departures.append("an instant as a string literal")
            return _unquoted(text)
        raise self._wrong("a timestamp t'...'")

    # Comparisons

    def _condition(self, depth: int) -> Condition:
        """AND binds tighter than OR."""
        either = [[self._test(depth)]]
        while self._tokens[self._at][0] == "keyword":
            if self._take("AND"):
                either[-1].append(self._test(depth))
            elif self._take("OR"):
                either.append([self._test(depth)])
            else:
                break
        alternatives = [both[0] if len(both) == 1 else AllOf(tuple(both)) for both in either]
        return alternatives[0] if len(alternatives) == 1 else AnyOf(tuple(alternatives))

    def _test(self, depth: int) -> Condition:
        start = self._tokens[self._at][2]
        if self._take("("):
            self._deeper(depth)
            condition = self._condition(depth + 1)
            self._need(")")
            return condition
        if self._tokens[self._at][0] == "keyword":
            negated = self._take("NOT")
            self._need("EXISTS")
            return Comparison(self._path(), Operator.EXISTS, negated, (), start, self._end())
        path = self._path()
        negated = self._take("NOT")
        kind, text, _ = self._tokens[self._at]
        if kind not in {"sign", "keyword"}:
            raise self._wrong("a comparison operator")
        self._at += 1
        if text in _EQUALS:
            operator, literals = _EQUALS[text], (self._literal(),)
        elif text in _ORDERS:
            operator, literals = _ORDERS[text], (self._orderable(),)
        elif text in _OF_STRINGS:
            operator, literals = _OF_STRINGS[text], (self._string(),)
        elif text == "IN":
            return Comparison(path, Operator.IN, negated, self._set(), start, self._end())
        else:
            self._at -= 1
            raise self._wrong("a comparison operator")
        return Comparison(path, operator, negated, literals, start, self._end())

    def _path(self) -> Path:
        kind, object_type, _ = self._tokens[self._at]
        if kind != "word":
            raise self._wrong("an object type")
        self._at += 1
        self._need(":")
        steps: list[Step] = [self._key()]
        while True:
            if self._take("."):
                steps.append(self._key())
            elif self._take("["):
                steps.append(self._index())
                self._need("]")
            else:
                return Path(object_type, tuple(steps))

    def _key(self) -> str:
        kind, text, _ = self._tokens[self._at]
        if kind == "string":
            self._at += 1
            return _unquoted(text)
        if kind != "word":
            raise self._wrong("a property name")
        self._at += 1
        if "-" in text:
            self._departures.append("a key with a hyphen, unquoted")
        return text

    def _index(self) -> Step:
        if self._take("*"):
            return ANY_INDEX
        kind, text, _ = self._tokens[self._at]
        if kind == "integer":
            self._at += 1
            return int(text[:18])
        if kind == "string":
            self._at += 1
            self._departures.append("a key in brackets")
            return _unquoted(text)
        raise self._wrong("a list index or *")

    def _set(self) -> tuple[Literal, ...]:
        self._need("(")
        if self._take(")"):
            return ()
        literals = [self._literal()]
        while self._take(","):
            literals.append(self._literal())
        self._need(")")
        return tuple(literals)

    def _literal(self) -> Literal:
        kind, text, _ = self._tokens[self._at]
        if kind == "keyword" and text in {"true", "false"}:
            self._at += 1
            return Literal(LiteralKind.BOOLEAN, text)
        return self._orderable()

    def _orderable(self) -> Literal:
        kind, text, _ = self._tokens[self._at]
        if kind == "string":
            return self._string()
        if kind in {"integer", "float"}:
            self._at += 1
            return Literal(LiteralKind(kind), text)
        if kind in {"timestamp", "hex", "binary"}:
            self._at += 1
            return Literal(LiteralKind(kind), text[2:-1])
        raise self._wrong("a literal")

    def _string(self) -> Literal:
        kind, text, _ = self._tokens[self._at]
        if kind != "string":
            raise self._wrong("a string literal")
        self._at += 1
        return Literal(LiteralKind.STRING, _unquoted(text))


def _unquoted(text: str) -> str:
    inside = text[1:-1]
    return _ESCAPE.sub(r"\1", inside) if "\\" in inside else inside


def _join(joint: Joint, parts: list[Expression]) -> Expression:
    if len(parts) == 1:
        return parts[0]
    return Joined(joint, tuple(parts), parts[0].start, parts[-1].end)
