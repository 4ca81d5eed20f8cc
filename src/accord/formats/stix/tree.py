"""The tree of a STIX pattern: comparisons within an observation, observations joined and qualified.

Source: OASIS STIX 2.1, part 9; the names follow its sections, not its grammar's rules. `start` and `end` are
character offsets in the pattern, so that a refusal can quote the part that it is about.
"""

from enum import StrEnum

import msgspec


class Operator(StrEnum):
    """Comparison operators; `==` is `=` and `<>` is `!=`, as the grammar has it."""

    EQUAL = "="
    NOT_EQUAL = "!="
    GREATER = ">"
    LESS = "<"
    GREATER_OR_EQUAL = ">="
    LESS_OR_EQUAL = "<="
    IN = "IN"
    LIKE = "LIKE"
    MATCHES = "MATCHES"
    SUBSET = "ISSUBSET"
    SUPERSET = "ISSUPERSET"
    EXISTS = "EXISTS"


class LiteralKind(StrEnum):
    """Kinds of literals."""

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    HEX = "hex"
    BINARY = "binary"


class Literal(msgspec.Struct, frozen=True, gc=False):
    """A literal: a string without quotes and escapes, a number as written, the inside of t'', h'' and b''."""

    kind: LiteralKind
    text: str


class AnyIndex(msgspec.Struct, frozen=True, gc=False):
    """The list index `[*]`."""


ANY_INDEX = AnyIndex()
Step = str | int | AnyIndex
"""A key, a list index, or any index."""


class Path(msgspec.Struct, frozen=True):
    """`file:hashes.'SHA-256'` is `Path("file", ("hashes", "SHA-256"))`."""

    object_type: str
    steps: tuple[Step, ...]


class Comparison(msgspec.Struct, frozen=True):
    """One comparison; `literals` has one member, those of the set for IN, none for EXISTS."""

    path: Path
    operator: Operator
    negated: bool
    literals: tuple[Literal, ...]
    start: int
    """Where it begins in the pattern, in characters from 0."""
    end: int


class AllOf(msgspec.Struct, frozen=True):
    """Comparisons joined by AND: one object state satisfies them all."""

    parts: tuple["Condition", ...]


class AnyOf(msgspec.Struct, frozen=True):
    """Comparisons joined by OR."""

    parts: tuple["Condition", ...]


Condition = Comparison | AllOf | AnyOf


class Observation(msgspec.Struct, frozen=True):
    """`[...]`: one observation."""

    condition: Condition
    start: int
    end: int


class Joint(StrEnum):
    """How observations are joined; from the tightest to the loosest."""

    AND = "AND"
    OR = "OR"
    FOLLOWED_BY = "FOLLOWEDBY"


class Joined(msgspec.Struct, frozen=True):
    """Two or more observation expressions under one joint."""

    joint: Joint
    parts: tuple["Expression", ...]
    start: int
    end: int


class Within(msgspec.Struct, frozen=True, gc=False):
    """WITHIN n SECONDS."""

    seconds: float


class Repeats(msgspec.Struct, frozen=True, gc=False):
    """REPEATS n TIMES."""

    times: int


class StartStop(msgspec.Struct, frozen=True, gc=False):
    """START t'...' STOP t'...': the instants as written."""

    begin: str
    stop: str


Qualifier = Within | Repeats | StartStop


class Qualified(msgspec.Struct, frozen=True):
    """An observation expression under its qualifiers, in their order."""

    expression: "Expression"
    qualifiers: tuple[Qualifier, ...]
    start: int
    end: int


Expression = Observation | Joined | Qualified


class Pattern(msgspec.Struct, frozen=True):
    """A parsed pattern, its text, and the ways in which it left the grammar (empty: none)."""

    text: str
    expression: Expression
    departures: tuple[str, ...]
