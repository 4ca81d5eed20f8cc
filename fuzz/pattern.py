"""STIX patterns: parsed as OASIS's own validator judges them, and reduced to what they name."""

from accord.columns.values import read_value
from accord.formats.stix.pattern import PatternError, parse_pattern
from accord.formats.stix.reduction import reduce_pattern
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.reasons import Rejected
from fuzz.target import Target, promise, same

SUFFIXES = frozenset({"com", "co.uk", "net", "org"})
_ORACLE_LIMIT = 400
"""Characters of the longest pattern that the validator is asked about; it takes milliseconds."""


def check_pattern(data: bytes) -> None:
    """A pattern is parsed or refused with a reason; reducing it never raises, and what it claims is canonical."""
    text = data.decode("utf-8", "replace")
    accepted = _check_parsed(text)
    if len(text) <= _ORACLE_LIMIT and accepted is not None:
        expected = _is_of_the_grammar(text)
        if expected is not None:
            same(accepted, expected, f"the pattern is taken exactly when its validator takes it: {text!a}")


def _is_of_the_grammar(text: str) -> bool | None:
    """What OASIS's validator says; beside the grammar it checks hashes, which the rules of values do here.

    None: it is out of its depth.
    """
    from antlr4 import InputStream
    from stix2patterns.v21.validator import run_validator

    try:
        errors = run_validator(InputStream(text))
    except RecursionError:
        return None
    return all("is not a valid" in error and error.endswith(" hash") for error in errors)


def _check_parsed(text: str) -> bool | None:
    """Is it a pattern of the grammar? None: of the grammar and our three departures, or past a bound of ours."""
    try:
        pattern = parse_pattern(text)
    except PatternError as error:
        promise(error.reason in {Rejected.PATTERN_SYNTAX, Rejected.TOO_LONG}, "a refusal has its reason", error.reason)
        promise(bool(str(error)), "a refusal says why")
        return False if error.reason is Rejected.PATTERN_SYNTAX else None
    promise(pattern.text == text, "the text is kept", pattern.text)
    reduction = reduce_pattern(pattern, SUFFIXES.__contains__)
    promise(bool(reduction.claims or reduction.refusals), "a pattern names something or says why not", text)
    for claim in reduction.claims:
        found = claim.indicator
        as_told = {found.kind} if found.kind is IndicatorType.ASN else None
        again = read_value(found.value, SUFFIXES.__contains__, as_told)
        promise(
            isinstance(again, Indicator) and (again.kind, again.value) == (found.kind, found.value),
            "a canonical value is read again as itself",
            found,
            again,
        )
        promise(claim.window is None or claim.window[0] < claim.window[1], "a period has a length", claim.window)
    promise(len(reduction.claims) + len(reduction.refusals) <= 4 * len(text) + 4096, "work is linear in the text")
    return True if not pattern.departures else None


_SEEDS = (
    "[ipv4-addr:value = '198.51.100.5' OR domain-name:value = 'evil.example']",
    "[file:hashes.'SHA-256' = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' AND file:name = 'x']",
    "[file:hashes.SHA-256 = 'x'] START '2016-06-01T00:00:00Z' STOP '2016-06-02T00:00:00Z'",
    "[url:value = 'http://evil.net/a?b' ] WITHIN 5 SECONDS REPEATS 1 TIMES",
    "([a:b = 1] OR [ipv6-addr:value = '2001:4860::1/64']) START t'2020-01-01T00:00:00Z' STOP t'2020-01-02T00:00:00Z'",
    "[network-traffic:dst_ref.value = '9.9.9.9' AND network-traffic:dst_port = 443 AND domain-name:value = 'a.net']",
    "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '9.9.9.9']",
    "[network-traffic:src_ref.value IN ('9.9.9.9', '8.8.8.8') AND network-traffic:protocols[*] = 'tcp']",
    "[a:b NOT = 1] FOLLOWEDBY [a:b > 1.5 AND NOT EXISTS a:c[0].'d e'.f]",
    "[domain-name:value LIKE 'evil.%' OR domain-name:value MATCHES '^a' OR ipv4-addr:value ISSUBSET '1.0.0.0/8']",
    "[x-y:z = h'00ff' OR x-y:z = b'YQ==' OR x-y:z = true OR x-y:z = t'2020-02-30T00:00:00.5Z'] // comment",
    "[email-addr:value = 'a@evil.net' AND email-addr:display_name = 'A'] /* comment */",
    "[autonomous-system:number = 3333]",
    "[process:image_ref.hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e'",
)
_WORDS = """[ ] ( ) = == != <> <= >= < > , : . ' \\' \\\\ AND OR NOT FOLLOWEDBY LIKE MATCHES ISSUPERSET ISSUBSET EXISTS
IN START STOP SECONDS true false WITHIN REPEATS TIMES [*] [0] h'00' b'YQ==' t'2020-01-01T00:00:00Z' ipv4-addr:value
ipv6-addr:value domain-name:value url:value email-addr:value file:hashes.MD5 file:hashes.'SHA-256'
network-traffic:dst_ref.value network-traffic:dst_port network-traffic:protocols[*]
domain-name:resolves_to_refs[*].value autonomous-system:number windows-registry-key:key '9.9.9.9' 'evil.net'
'd41d8cd98f00b204e9800998ecf8427e' 443 -1 0.5 1e5 // /* */""".split()


def pattern_target() -> Target:
    """The target of this module."""
    return Target(
        name="pattern",
        check=check_pattern,
        seeds=tuple(text.encode() for text in _SEEDS),
        words=tuple(word.encode() for word in (*_WORDS, " ", "\u00a0", "\n")),
        prefix=0,
        longest=600,
    )
