"""STIX patterns: the grammar, held to OASIS's validator (stix2-patterns), and the reduction to single indicators."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stix2patterns.inspector import INDEX_STAR
from stix2patterns.v21.pattern import Pattern as OraclePattern
from stix2patterns.validator import validate

from accord.formats.stix.pattern import DEPTH_LIMIT, PATTERN_LIMIT, PatternError, parse_pattern
from accord.formats.stix.reduction import Reduction, reduce_pattern
from accord.formats.stix.tree import (
    ANY_INDEX,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Expression,
    Joined,
    Joint,
    Observation,
    Operator,
    Qualified,
)
from accord.vocabulary.reasons import Rejected

EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"
EMPTY_SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

# STIX 2.1, 9.8 (examples) and forms of every rule of the grammar
WRITTEN = [
    f"[file:hashes.'SHA-256' = '{EMPTY_SHA256}']",
    r"[email-message:from_ref.value MATCHES '.+\\@example\\.com$' AND email-message:body_multipart[*].x.name = 'x']",
    f"([file:hashes.MD5 = '{EMPTY_MD5}'] FOLLOWEDBY [win-registry-key:key = 'HKEY\\\\foo']) WITHIN 300 SECONDS",
    "[a:b = 1] AND [a:b = 2] AND [a:b = 3]",
    "[artifact:mime_type = 'application/vnd.tcpdump.pcap' AND artifact:payload_bin MATCHES '\\\\xd4\\\\xc3']",
    "[file:extensions.'windows-pebinary-ext'.sections[*].entropy > 7.0]",
    "[file:mime_type = 'image/bmp' AND file:magic_number_hex = h'ffd8']",
    "[network-traffic:dst_ref.value = 'example.com'] REPEATS 5 TIMES WITHIN 1800 SECONDS",
    "[network-traffic:dst_ref.value ISSUBSET '2001:0db8:dead:beef:0000:0000:0000:0000/64']",
    "([file:name = 'foo.dll'] AND [a:key = 'x']) OR [process:name = 'fooproc' OR process:name = 'procfoo']",
    "( [(network-traffic:dst_port IN(443,6443,8443) AND network-traffic:src_packets != 0) ])",
    "[a:b=1] START t'2016-06-01T01:30:00.123Z' STOP t'2016-06-01T02:20:00Z'",
    "[a:b /* why */ = 1] // because",
    "[a:b == 1 OR a:b <> 2 OR a:b NOT = 3]",
    "[EXISTS a:b[0].c AND NOT EXISTS a:d]",
    "[a:b IN () OR a:b IN (1, 'x', true, t'2016-06-01T01:30:00Z', h'00', b'YQ==', -0.5)]",
    "[a:b NOT LIKE 'x%' OR a:b NOT > 3 OR a:b ISSUPERSET '1.0.0.0/8']",
    r"[a:b = 'it\'s' OR a:b = 'back\\slash' OR a:b = '']",
    "[a-:b=1]\u00a0OR\u3000[a:'x y'.'z'=1]",
    "[a:b=1]AND[a:b=1]WITHIN .5 SECONDS",
    "[a:b=t'2016-06-30T23:59:60Z']",
    "([a:b=1]) WITHIN 5 SECONDS WITHIN 6 SECONDS",
]
BROKEN = [
    "file:size = 1280",
    "[file:size = ]",
    "[file:hashes.MD5 = cead3f77f6cda6ec00f57d76c9a6879f]",
    "[file.size = 1280]",
    "[file:name MATCHES /.*\\.dll/]",
    "[a:b=1] WITHIN ]",
    "[a:b=1] WITHIN 5 HOURS",
    "[a:b=1] WITHIN -5 SECONDS",
    "[a:b=1] REPEATS 1.5 TIMES",
    "[a:b=1] within 2 seconds",
    "[a:b=1] WITHIN 5 SECONDS WITHIN 6 SECONDS",
    "[a:b ISSUBSET ]",
    "[a:b =? 'x']",
    "[a:b = t'2457-73-22T32:81:84.1Z']",
    "[a:b = b'====']",
    "[a:b = b'YQ=']",
    "[a:b = h'f']",
    "[a:b = 'a\\xb']",
    "[a:b = 'open]",
    "[a:b > true]",
    "[a:b LIKE 5]",
    "[a:b IN ('a',)]",
    "[a:b IN 'a']",
    "[a:b EXISTS]",
    "[NOT a:b = 1]",
    "[NOT (a:b = 1)]",
    "[a:AND = 1]",
    "[true:b = 1]",
    "['a':b = 1]",
    "[a:b[01] = 1]",
    "[a:b = 05]",
    "[a:b = - 5]",
    "[a:b = 5.]",
    "[()]",
    "[]",
    "()",
    "[a:b=1] ]",
    "[a:b=1] OR",
    "[a:b=1 OR]",
    "([a:b=1]",
    "[a:b=1]\x00",
    "[a:b=1]/*",
    "[a:b=1]garbage",
    "[ä:b=1]",
    "[a:b=1ORc:d=2]",
    "[a:b = 1 = 2]",
]


def strictly_accepted(text: str) -> bool:
    """By the grammar to the letter: the three forms that are taken beside it count as refused."""
    try:
        return not parse_pattern(text).departures
    except PatternError:
        return False


def comparisons(node: Expression | Condition) -> Iterator[Comparison]:
    if isinstance(node, Comparison):
        yield node
    elif isinstance(node, Observation):
        yield from comparisons(node.condition)
    elif isinstance(node, Qualified):
        yield from comparisons(node.expression)
    else:
        for part in node.parts:
            yield from comparisons(part)


@pytest.mark.parametrize("text", WRITTEN)
def test_what_the_specification_writes_is_accepted_as_its_validator_does(text: str) -> None:
    assert validate(text, "2.1")
    assert strictly_accepted(text)


@pytest.mark.parametrize("text", BROKEN)
def test_what_the_validator_refuses_is_refused_with_the_place(text: str) -> None:
    assert not validate(text, "2.1")
    with pytest.raises(PatternError, match=r"character \d+: ") as caught:
        parse_pattern(text)
    assert caught.value.reason is Rejected.PATTERN_SYNTAX


@pytest.mark.parametrize(
    ("text", "path", "departure"),
    [
        ("[file:hashes.SHA-256 = 'x']", ("hashes", "SHA-256"), "a key with a hyphen, unquoted"),
        ("[file:hashes['SHA-256'] = 'x']", ("hashes", "SHA-256"), "a key in brackets"),
        (
            "[file:hashes.MD5 = 'x'] START '2016-06-01T00:00:00Z' STOP '2016-06-02T00:00:00Z'",
            ("hashes", "MD5"),
            "an instant as a string literal",
        ),
    ],
)
def test_the_three_forms_beside_the_grammar_are_taken_and_named(
    text: str, path: tuple[str, ...], departure: str
) -> None:
    assert not validate(text, "2.1")
    pattern = parse_pattern(text)
    assert [one.path.steps for one in comparisons(pattern.expression)] == [path]
    assert set(pattern.departures) == {departure}


# Patterns drawn from the grammar

words = st.sampled_from(["a", "b_1", "value", "file", "x", "t", "h", "b", "_"])
spaces = st.sampled_from(["", " ", "  ", "\n", "/* AND */", "\u00a0"])
strings = st.text(st.characters(codec="utf-8"), max_size=8).map(
    lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
)
literals = st.one_of(
    strings,
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(-1000, 1000, places=3).map(lambda number: f"{number:f}"),
    st.binary(max_size=4).map(lambda data: f"h'{data.hex()}'"),
    st.sampled_from(["b'YQ=='", "b'YWI='", "b'YWJj'", "t'2020-02-30T00:00:00.5Z'", "true", "false"]),
)
indexes = st.integers(0, 99).map(lambda number: f"[{number}]") | st.just("[*]")
steps = st.one_of(words.map(lambda word: f".{word}"), strings.map(lambda text: f".{text}"), indexes)
object_types = st.sampled_from(["a", "ipv4-addr", "x-y-", "_z"])
paths = st.tuples(object_types, words | strings, st.lists(steps, max_size=3)).map(
    lambda parts: f"{parts[0]}:{parts[1]}{''.join(parts[2])}"
)
not_or = st.sampled_from(["", "NOT "])
orderable = literals.filter(lambda text: text not in {"true", "false"})
tests = st.one_of(
    st.tuples(paths, not_or, st.sampled_from(["=", "==", "!=", "<>"]), literals).map(
        lambda p: f"{p[0]} {p[1]}{p[2]}{p[3]}"
    ),
    st.tuples(paths, not_or, st.sampled_from(["<", "<=", ">", ">="]), orderable).map(
        lambda p: f"{p[0]} {p[1]}{p[2]} {p[3]}"
    ),
    st.tuples(paths, not_or, st.lists(literals, max_size=3)).map(lambda p: f"{p[0]} {p[1]}IN({', '.join(p[2])})"),
    st.tuples(paths, not_or, st.sampled_from(["LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET"]), strings).map(" ".join),
    st.tuples(not_or, paths).map(lambda p: f"{p[0]}EXISTS {p[1]}"),
)


def joined(parts: st.SearchStrategy[str], operators: list[str]) -> st.SearchStrategy[str]:
    tail = st.lists(st.tuples(spaces, st.sampled_from(operators), spaces, parts), max_size=2)
    return st.tuples(parts, tail).map(
        lambda both: both[0] + "".join(f"{a} {operator} {b}{part}" for a, operator, b, part in both[1])
    )


conditions = st.recursive(
    joined(tests, ["AND", "OR"]),
    lambda inner: joined(inner.map(lambda text: f"({text})") | tests, ["AND", "OR"]),
    max_leaves=4,
)
qualifiers = st.sampled_from(
    [
        "",
        "",
        " WITHIN 5 SECONDS",
        " WITHIN 0.5 SECONDS",
        " REPEATS 2 TIMES",
        " REPEATS 2 TIMES WITHIN 9 SECONDS",
        " START t'2020-01-01T00:00:00Z' STOP t'2020-01-02T00:00:00Z'",
        " WITHIN 1 SECONDS WITHIN 1 SECONDS",
    ]
)
observations = st.tuples(conditions, qualifiers).map(lambda parts: f"[{parts[0]}]{parts[1]}")
expressions = st.recursive(
    joined(observations, ["AND", "OR", "FOLLOWEDBY"]),
    lambda inner: joined(st.tuples(inner, qualifiers).map(lambda p: f"({p[0]}){p[1]}"), ["AND", "OR", "FOLLOWEDBY"]),
    max_leaves=3,
)


@settings(max_examples=60, deadline=None)
@given(text=expressions)
def test_patterns_of_the_grammar_are_accepted_exactly_when_the_validator_accepts_them(text: str) -> None:
    assert strictly_accepted(text) == validate(text, "2.1")


@settings(max_examples=60, deadline=None)
@given(text=expressions.filter(strictly_accepted))
def test_paths_operators_and_literals_are_those_that_the_oracle_finds(text: str) -> None:
    theirs = {
        (
            kind,
            tuple("*" if step is INDEX_STAR else step for step in path),
            _operator(operator),
            _plain(operator, value),
        )
        for kind, found in OraclePattern(text).inspect().comparisons.items()
        for path, operator, value in found
    }
    ours = {
        (
            one.path.object_type,
            tuple("*" if step == ANY_INDEX else step for step in one.path.steps),
            (one.operator.value, one.negated),
            None if one.operator is Operator.IN else one.literals[0].text,
        )
        for one in comparisons(parse_pattern(text).expression)
        if one.operator is not Operator.EXISTS  # which the oracle does not list
    }
    assert ours == theirs


def _operator(written: str) -> tuple[str, bool]:
    """The oracle gives operators as written: `NOT ==` is (`=`, negated)."""
    operator = written.removeprefix("NOT ")
    return {"==": "=", "<>": "!="}.get(operator, operator), operator != written


def _plain(operator: str, written: str) -> str | None:
    """The oracle gives literals as written; only \\' and \\\\ are escapes (9.3). The text of a set is not compared."""
    if operator.endswith("IN"):
        return None
    if written[0] == "'":
        return re.sub(r"\\([\\'])", r"\1", written[1:-1])
    return written[2:-1] if written[1:2] == "'" else written


PIECES = (
    "[ ] ( ) [ ] a:b = 1 'x' AND OR NOT EXISTS IN LIKE FOLLOWEDBY WITHIN 5 SECONDS REPEATS TIMES START STOP : . , * -1"
    " < t'2020-01-01T00:00:00Z' h'00' true a b-c [0] 0.5 == // /* */ [a:b=1] (a:b=1)"
).split()


@settings(max_examples=150, deadline=None)
@given(pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=9), glue=st.sampled_from(["", " "]))
def test_a_soup_of_tokens_is_accepted_exactly_when_the_validator_accepts_it(pieces: list[str], glue: str) -> None:
    text = glue.join(pieces)
    if "[-1]" in text.replace(" ", ""):
        return  # the validator crashes on a negative index, which the grammar permits
    assert strictly_accepted(text) == validate(text, "2.1")


PLAIN = "[ ] a:b a-b:c a:b-c in:IN AND:b a:'b-c' a:b.'x y'.c = = = == 'x' 'x' '' 'it\\'s' t'x' AND AND ANDa OR".split(
    " "
)


@settings(max_examples=400, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PLAIN), max_size=9)
    | st.lists(
        st.sampled_from(["a:b = 'x'", "a:b='x' ", "c-d:'e f'.g  =\n'y'", "a:LAST = 'x'", "a:b-c = 'x'"]),
        min_size=1,
        max_size=4,
    ).map(lambda found: ["[", "AND".join(found), "]"]),
    glue=st.sampled_from(["", " ", "\u2003"]),
)
def test_the_short_way_for_plain_patterns_reads_what_the_long_way_reads(pieces: list[str], glue: str) -> None:
    text = glue.join(pieces)
    # a comment is what the short way never takes
    commented = f"/**/{text}"
    try:
        long = parse_pattern(commented)
    except PatternError:
        with pytest.raises(PatternError):
            parse_pattern(text)
        return
    short = parse_pattern(text)
    assert short.departures == long.departures
    assert [(one.path, one.operator, one.negated, one.literals) for one in comparisons(short.expression)] == [
        (one.path, one.operator, one.negated, one.literals) for one in comparisons(long.expression)
    ]
    assert [text[one.start : one.end] for one in comparisons(short.expression)] == [
        commented[one.start : one.end] for one in comparisons(long.expression)
    ]
    assert (
        text[short.expression.start : short.expression.end] == (commented[long.expression.start : long.expression.end])
    )
    assert type(short.expression) is type(long.expression)


def test_and_binds_tighter_than_or_and_or_tighter_than_followedby() -> None:
    condition = parse_pattern("[a:b=1 OR a:b=2 AND a:b=3]").expression
    assert isinstance(condition, Observation)
    assert isinstance(condition.condition, AnyOf)
    assert [type(part) for part in condition.condition.parts] == [Comparison, AllOf]
    expression = parse_pattern("[a:b=1] FOLLOWEDBY [a:b=2] OR [a:b=3] AND [a:b=4]").expression
    assert isinstance(expression, Joined)
    assert expression.joint is Joint.FOLLOWED_BY
    second = expression.parts[1]
    assert isinstance(second, Joined)
    assert (second.joint, [type(part) for part in second.parts]) == (Joint.OR, [Observation, Joined])


@pytest.mark.parametrize(("before", "inside", "behind"), [("", "[a:b=1]", ""), ("[", "a:b=1", "]")])
def test_parentheses_are_bounded_and_never_exhaust_the_stack(before: str, inside: str, behind: str) -> None:
    def nested(depth: int) -> str:
        return f"{before}{'(' * depth}{inside}{')' * depth}{behind}"

    assert values(nested(DEPTH_LIMIT)) == []
    for depth in (DEPTH_LIMIT + 1, 100_000):
        with pytest.raises(PatternError) as caught:
            parse_pattern(nested(depth))
        assert caught.value.reason is Rejected.TOO_LONG


@pytest.mark.parametrize(
    "text",
    [
        "([domain-name:value = 'example.com'])" + " WITHIN 1 SECONDS" * 20_000,
        " OR ".join(["[domain-name:value = 'example.com']"] * 5_000),
        "[" + " OR ".join(["domain-name:value = 'example.com'"] * 5_000) + "]",
        "[" + " AND ".join(["domain-name:value = 'example.com'"] * 5_000) + "]",
        "[domain-name:value = 'example.com']" + "/**/" * 50_000,
    ],
    ids=["qualifiers", "observations", "alternatives", "conjunction", "comments"],
)
def test_a_long_pattern_that_is_not_deep_is_read_to_its_end(text: str) -> None:
    assert (values(text), reasons(text)) == (["example.com"], [])


def test_a_pattern_past_the_length_bound_is_refused_before_it_is_read() -> None:
    with pytest.raises(PatternError) as caught:
        parse_pattern("[" * (PATTERN_LIMIT + 1))
    assert caught.value.reason is Rejected.TOO_LONG


# Reduction


def reduce(text: str) -> Reduction:
    return reduce_pattern(parse_pattern(text), lambda name: name in {"com", "co.uk"})


def values(text: str) -> list[str]:
    return [
        one.indicator.value + (f" port {one.indicator.port}" if one.indicator.port else "")
        for one in reduce(text).claims
    ]


def reasons(text: str) -> list[Rejected]:
    return [Rejected(one.reason) for one in reduce(text).refusals]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[ipv4-addr:value = '9.9.9.9']", ["9.9.9.9"]),
        ("[ipv4-addr:value = '9.9.0.0/16']", ["9.9.0.0/16"]),
        ("[ipv4-addr:value ISSUBSET '9.9.0.0/16']", ["9.9.0.0/16"]),
        ("[ipv6-addr:value = '2620:FE::00FE']", ["2620:fe::fe"]),
        ("[ipv6-addr:value = '::ffff:9.9.9.9']", ["9.9.9.9"]),
        ("[domain-name:value = 'Example[.]COM.']", ["example.com"]),
        ("[domain-name:value LIKE 'example.com']", ["example.com"]),
        ("[url:value = 'hxxps://example.com/a']", ["https://example.com/a"]),
        ("[email-addr:value = 'a@example.com']", ["a@example.com"]),
        ("[email-message:from_ref.value = 'a@example.com']", ["a@example.com"]),
        (f"[file:hashes.MD5 = '{EMPTY_MD5}']", [EMPTY_MD5]),
        (f"[file:hashes.'SHA-1' = '{EMPTY_SHA1}']", [EMPTY_SHA1]),
        (f"[file:hashes.SHA1 = '{EMPTY_SHA1}']", [EMPTY_SHA1]),
        (f"[file:hashes.SHA-256 = '{EMPTY_SHA256.upper()}']", [EMPTY_SHA256]),
        (f"[file:hashes['SHA-256'] = '{EMPTY_SHA256}']", [EMPTY_SHA256]),
        (f"[file:hashes[*] = '{EMPTY_MD5}']", [EMPTY_MD5]),
        ("[autonomous-system:number = 3333]", ["3333"]),
        ("[autonomous-system:number IN (3333, 'AS15169') AND autonomous-system:name = 'x']", ["3333", "15169"]),
        ("[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '9.9.9.9']", ["9.9.9.9"]),
        ("[network-traffic:src_ref.value = '9.9.9.9' AND network-traffic:src_port = 53]", ["9.9.9.9 port 53"]),
        (
            "[network-traffic:dst_ref.value IN ('9.9.9.9', 'example.com') AND network-traffic:dst_port IN (80, '443')]",
            ["9.9.9.9 port 80", "9.9.9.9 port 443", "example.com port 80", "example.com port 443"],
        ),
        ("[ipv4-addr:value = '9.9.9.9' OR domain-name:value = 'example.com']", ["9.9.9.9", "example.com"]),
        ("[ipv4-addr:value = '9.9.9.9'] OR [url:value = 'http://example.com/']", ["9.9.9.9", "http://example.com/"]),
        ("[ipv4-addr:value = '9.9.9.9' OR ipv4-addr:value = '9.9.9.9']", ["9.9.9.9"]),
        ("[ipv4-addr:value = '9.9.9.9'] WITHIN 60 SECONDS", ["9.9.9.9"]),
        ("[ipv4-addr:value = '9.9.9.9'] REPEATS 1 TIMES", ["9.9.9.9"]),
        (f"[file:hashes.MD5 = '{EMPTY_MD5}' AND file:hashes.'SHA-1' = '{EMPTY_SHA1}']", [EMPTY_MD5, EMPTY_SHA1]),
        (f"[file:hashes.MD5 = '{EMPTY_MD5}' AND file:size > 5 AND file:name LIKE '%.exe']", [EMPTY_MD5]),
    ],
)
def test_what_names_single_indicators_is_reduced_to_them_and_nothing_is_refused(text: str, expected: list[str]) -> None:
    assert values(text) == expected
    assert reasons(text) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[domain-name:value = 'example.com' AND ipv4-addr:value = '9.9.9.9']", "pattern-not-one-finding"),
        ("[domain-name:value = 'a.example.com' AND domain-name:value = 'b.example.com']", "pattern-not-one-finding"),
        (
            "[domain-name:value = 'example.com' AND domain-name:resolves_to_refs[*].value = '9.9.9.9']",
            "pattern-not-one-finding",
        ),
        (
            "[network-traffic:src_ref.value = '9.9.9.9' AND network-traffic:dst_ref.value = '1.1.1.1']",
            "pattern-not-one-finding",
        ),
        ("[network-traffic:dst_ref.value = '9.9.9.9' AND network-traffic:src_port = 5]", "pattern-not-one-finding"),
        ("[network-traffic:dst_ref.value = '9.9.9.9' AND network-traffic:dst_port > 5]", "pattern-not-one-finding"),
        ("[email-message:from_ref.value = 'a@example.com' AND email-message:subject = 'x']", "pattern-not-one-finding"),
        (f"[file:hashes.MD5 = '{EMPTY_MD5}' AND process:name = 'x']", "pattern-not-one-finding"),
        (f"[file:hashes.MD5 = '{EMPTY_MD5}' AND file:hashes.MD5 = '{'0' * 32}']", "pattern-not-one-finding"),
        (
            "[network-traffic:src_ref.value = '9.9.9.9' AND network-traffic:dst_ref.value = '9.9.9.9']",
            "pattern-not-one-finding",
        ),
        (
            f"[file:hashes.MD5 = '{EMPTY_MD5}' AND artifact:hashes.'SHA-1' = '{EMPTY_SHA1}']",
            "pattern-not-one-finding",
        ),
        (
            "[network-traffic:dst_ref.value='9.9.9.9' AND network-traffic:dst_port=80 AND network-traffic:dst_port=81]",
            "pattern-not-one-finding",
        ),
        ("[ipv4-addr:value = '9.9.9.9'] AND [ipv4-addr:value = '9.9.9.9']", "pattern-not-one-finding"),
        ("[ipv4-addr:value = '9.9.9.9'] AND [ipv4-addr:value = '1.1.1.1']", "pattern-not-one-finding"),
        ("[ipv4-addr:value = '9.9.9.9'] FOLLOWEDBY [url:value = 'http://example.com']", "pattern-not-one-finding"),
        ("[ipv4-addr:value = '9.9.9.9'] REPEATS 5 TIMES", "pattern-not-one-finding"),
        ("[ipv4-addr:value != '9.9.9.9']", "pattern-unsupported"),
        ("[ipv4-addr:value NOT = '9.9.9.9']", "pattern-unsupported"),
        ("[ipv4-addr:value NOT IN ('9.9.9.9')]", "pattern-unsupported"),
        ("[domain-name:value LIKE '%.example.com']", "pattern-unsupported"),
        ("[domain-name:value LIKE 'a_b.example.com']", "pattern-unsupported"),
        ("[domain-name:value MATCHES '^example']", "pattern-unsupported"),
        ("[ipv4-addr:value ISSUPERSET '9.9.9.9/32']", "pattern-unsupported"),
        ("[EXISTS ipv4-addr:value]", "pattern-unsupported"),
        ("[ipv4-addr:value IN ()]", "pattern-unsupported"),
        ("[file:name = 'x.exe']", "pattern-unsupported"),
        ("[file:hashes.'SHA-512' = 'ab']", "pattern-unsupported"),
        ("[windows-registry-key:key = 'x']", "pattern-unsupported"),
        ("[network-traffic:dst_ref.type = 'ipv4-addr']", "pattern-unsupported"),
        ("[network-traffic:dst_port = 80]", "pattern-unsupported"),
        (
            "[network-traffic:dst_ref.type = 'mac-addr' AND network-traffic:dst_ref.value = '9.9.9.9']",
            "pattern-unsupported",
        ),
        ("[network-traffic:dst_ref.type = 'ipv6-addr' AND network-traffic:dst_ref.value = '9.9.9.9']", "type-mismatch"),
        ("[network-traffic:dst_ref.value = '9.9.9.9' AND network-traffic:dst_port = 0]", "port"),
        ("[ipv4-addr:value = 'example.com']", "type-mismatch"),
        ("[ipv6-addr:value = '9.9.9.9']", "type-mismatch"),
        ("[domain-name:value = 5]", "type-mismatch"),
        ("[ipv4-addr:value = '10.0.0.1']", "address-not-routable"),
        ("[ipv4-addr:value = '010.020.030.040']", "address"),
        ("[domain-name:value = 'co.uk']", "public-suffix"),
        ("[file:hashes.MD5 = 'xyz']", "hash"),
        (f"[file:hashes.MD5 = '{EMPTY_SHA1}']", "type-mismatch"),
        ("[autonomous-system:number = 64512]", "asn"),
        ("[url:value = '/gate.php']", "path-without-host"),
        ("[ipv4-addr:value = '9.9.9.9'] START t'2020-01-02T00:00:00Z' STOP t'2020-01-01T00:00:00Z'", "time"),
        ("[ipv4-addr:value = '9.9.9.9'] START t'2020-02-30T00:00:00Z' STOP t'2020-03-01T00:00:00Z'", "time"),
    ],
)
def test_what_is_more_or_less_than_single_indicators_is_refused_with_its_reason(text: str, reason: str) -> None:
    reduction = reduce(text)
    assert reduction.claims == ()
    assert [one.reason.value for one in reduction.refusals] == [reason]


def test_a_bad_alternative_takes_nothing_from_the_good_ones() -> None:
    text = (
        "[ipv4-addr:value = '10.0.0.1' OR domain-name:value = 'example.com'] OR [file:name = 'x']"
        " OR ([a:b=1] AND [a:b=2])"
    )
    assert values(text) == ["example.com"]
    assert reasons(text) == [
        Rejected.ADDRESS_NOT_ROUTABLE,
        Rejected.PATTERN_UNSUPPORTED,
        Rejected.PATTERN_NOT_ONE_FINDING,
    ]


def test_a_bad_hash_beside_a_good_one_of_the_same_file_is_refused_alone() -> None:
    text = f"[file:hashes.MD5 = '{EMPTY_MD5}' AND file:hashes.'SHA-256' = 'abc']"
    assert (values(text), reasons(text)) == ([EMPTY_MD5], [Rejected.HASH])


def test_start_and_stop_are_the_period_of_what_they_qualify_and_nested_ones_intersect() -> None:
    text = (
        "([ipv4-addr:value = '9.9.9.9'] START t'2020-01-01T00:00:00Z' STOP t'2020-01-03T00:00:00Z' OR"
        " [ipv4-addr:value = '1.1.1.1']) START t'2020-01-02T00:00:00Z' STOP t'2020-01-04T00:00:00Z'"
        " OR [ipv4-addr:value = '8.8.8.8']"
    )
    day = 86_400_000_000
    second = 18_263 * day  # 2020-01-02
    assert [(one.indicator.value, one.window) for one in reduce(text).claims] == [
        ("9.9.9.9", (second, second + day)),
        ("1.1.1.1", (second, second + 2 * day)),
        ("8.8.8.8", None),
    ]


def test_the_source_of_traffic_is_told_from_its_destination() -> None:
    text = "[network-traffic:src_ref.value = '9.9.9.9' OR network-traffic:dst_ref.value = '1.1.1.1']"
    assert [one.source_side for one in reduce(text).claims] == [True, False]


def test_alternatives_that_multiply_are_refused_and_long_lists_are_not() -> None:
    either = " OR ".join(f"network-traffic:dst_ref.value = '9.9.9.{n}'" for n in range(1, 200))
    ports = " OR ".join(f"network-traffic:dst_port = {n}" for n in range(1, 200))
    reduction = reduce(f"[({either}) AND ({ports})]")
    assert [one.reason for one in reduction.refusals] == [Rejected.TOO_LONG]
    listed = ", ".join(f"'n{n}.example.com'" for n in range(5000))
    text = f"[network-traffic:dst_ref.type = 'domain-name' AND network-traffic:dst_ref.value IN ({listed})]"
    assert len(reduce(text).claims) == 5000


variables = st.sampled_from("abcd")
formulas = st.recursive(
    variables,
    lambda inner: st.tuples(st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)),
    max_leaves=7,
)
Formula = str | tuple[str, list["Formula"]]


def written(formula: Formula) -> str:
    if isinstance(formula, str):
        return f"domain-name:value = '{formula}.example.com'"
    return "(" + f" {formula[0]} ".join(map(written, formula[1])) + ")"


def holds(formula: Formula, true: str) -> bool:
    if isinstance(formula, str):
        return formula == true
    return (all if formula[0] == "AND" else any)(holds(part, true) for part in formula[1])


@settings(max_examples=150, deadline=None)
@given(parts=st.lists(formulas, min_size=1, max_size=3))
def test_a_value_is_claimed_exactly_when_it_alone_makes_the_pattern_true(parts: list[Formula]) -> None:
    text = " OR ".join(f"[{written(part)}]" for part in parts)
    alone = {name for name in "abcd" if any(holds(part, name) for part in parts)}
    assert {value[0] for value in values(text)} == alone
    assert alone or reasons(text)
    assert set(reasons(text)) <= {Rejected.PATTERN_NOT_ONE_FINDING}


@pytest.mark.parametrize("opening", ["'", "[ipv4-addr:value = '", "/*", "b'", "h'"])
def test_an_unclosed_quote_costs_no_more_than_reading_it_once(opening: str) -> None:
    # tried again at every later quote, a pattern of this length would keep the machine busy for an hour
    text = opening + "\\'" * ((PATTERN_LIMIT - len(opening)) // 2)
    with pytest.raises(PatternError) as caught:
        parse_pattern(text)
    assert caught.value.reason is Rejected.PATTERN_SYNTAX
