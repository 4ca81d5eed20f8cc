"""Every spelling that readers take for a value is found, and its neighbours are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.columns.spellings import spellings_of
from accord.columns.values import read_value
from accord.vocabulary.indicators import INDICATOR_TYPES, Indicator


def indicator(value: str) -> Indicator:
    read = read_value(value, lambda _: False)
    assert isinstance(read, Indicator), value
    return read


CASES = [
    ("45.1.1.4", ["45.1.1.4", "45[.]1[.]1[.]4", "45(dot)1(dot)1(dot)4", "::ffff:45.1.1.4",
                  "::ffff:2d01:0104", "45.1.1.4:443", "http://45.1.1.4/x", '"45\\u002e1.1.4"', "45.1.1.4/32",
                  "hxxp://45[.]1.1.4:80/", "x@45.1.1.4", "45.1.1.4.", "45.1.1.4.dsl.example"],
     ["45.1.1.44", "145.1.1.4", "45.1.1.4.5", "5.45.1.1.4", "45.1.1.40", "45,1,1,4", "::ffff:2d01:1041"]),
    ("2400:cb00::1", ["2400:CB00:0:0:0:0:0:1", "2400:cb00:0000::0001", "[2400:cb00::1]:443", "2400[:]cb00[:][:]1",
                      "http://[2400:cb00::1]/", "2400:cb00::0.0.0.1", "2400:cb00::1."],
     ["2400:cb00::11", "2400:cb00::1:1", "12400:cb00::1", "2400:cb00::"]),
    ("gate.in.th", ["GATE.in.th", "gate[.]in[.]th", "gate.in.th.", "http://gate.in.th/1", "gate(.)in.th",
                    "https:\\/\\/gate.in.th\\/x"],
     ["gate.in.thx", "agate.in.th", "www.gate.in.th", "gate.in.th.example", "gate-in.th"]),
    ("xn--bcher-kva.example", ["bücher.example", "BÜCHER.example", "xn--bcher-kva[.]example"], ["ücher.example"]),
    ("some.body@mail.in.th", ["Some.Body@MAIL.in.th", "some.body[@]mail[.]in[.]th", "some.body(at)mail.in.th",
                              "mailto:some.body@mail.in.th", "email=some.body@mail.in.th;",
                              "some.body\\u0040mail.in.th"],
     ["awesome.body@mail.in.th", "x.some.body@mail.in.th", "some.body@mail.in.thx", "some.body@mail.in.th.example"]),
    ("http://gate.in.th/a/b", ["hxxp://gate[.]in[.]th/a/b", "gate.in.th/a/b", "HTTP://GATE.in.th/a/b",
                               "http:\\/\\/gate.in.th\\/a\\/b", "http[:]//gate.in.th/a/b", "http[://]gate.in.th/a/b"],
     ["http://gate.in.th/a/bc", "https://gate.in.th/a/b", "http://agate.in.th/a/b", "http://gate.in.th/a"]),
    ("d41d8cd98f00b204e9800998ecf8427e", ["D41D8CD98F00B204E9800998ECF8427E"], ["ad41d8cd98f00b204e9800998ecf8427e"]),
    ("45.1.1.0/24", ["45.1.1.0/24", "45[.]1.1.0/24"], ["45.1.1.0/240", "145.1.1.0/24"]),
]  # fmt: skip


@pytest.mark.parametrize(("value", "spelled", "others"), CASES, ids=[case[0] for case in CASES])
def test_a_value_is_found_in_each_of_its_spellings_and_not_in_its_neighbours(
    value: str, spelled: list[str], others: list[str]
) -> None:
    spellings = spellings_of(indicator(value))
    for text in spelled:
        assert spellings.held(text), text
        assert spellings.held(f"before,{text},after" if not text.startswith("before") else text), text
        assert not spellings.held(spellings.without(text, "-")), text
    for text in others:
        assert not spellings.held(f"a,{text},b"), text


def test_every_type_has_its_spellings() -> None:
    assert {indicator(value).kind for value, _, _ in CASES} <= {*INDICATOR_TYPES}
    values = ["45.1.1.4", "2400:cb00::1", "gate.in.th", "http://a.th/", "a@b.th", "0" * 64, "0" * 40, "0" * 32,
              "AS3320", "45.1.1.0/24"]  # fmt: skip
    read = [indicator(value) for value in values]
    assert {one.kind for one in read} == {*INDICATOR_TYPES}
    for value, one in zip(values, read, strict=True):
        assert spellings_of(one).held(value)


@given(st.ip_addresses(v=6, network="2600::/12"), st.ip_addresses(v=6, network="2600::/12"))
def test_an_ipv6_address_is_found_written_short_and_long_and_no_other_is(one, other) -> None:
    spellings = spellings_of(indicator(str(one)))
    assert spellings.held(str(one))
    assert spellings.held(f"x {one.exploded.upper()} y")
    assert spellings.held(str(other)) == (one == other)


@given(
    st.integers(1, 223),
    st.lists(st.integers(0, 255), min_size=3, max_size=3),
    st.sampled_from([".", "[.]", "(.)", "[dot]"]),
)
def test_what_the_reader_takes_for_an_ipv4_address_is_found(first: int, rest: list[int], dot: str) -> None:
    text = dot.join(map(str, [first, *rest]))
    read = read_value(text, lambda _: False)
    if isinstance(read, Indicator):
        assert spellings_of(read).held(text)
