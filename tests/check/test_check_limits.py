"""Limits in memory of fixed size, against an obvious twin with a clock for each key, and the watch over hits."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from accord.check.limits import MEANINGS, PERIOD_NS, Alarm, DayWatch, Slots, Tallies, Watch

SECOND = 10**9


class Twin:
    """A bucket for each key: as many tokens as a minute permits, which come back evenly."""

    def __init__(self, a_minute: int) -> None:
        self.each = PERIOD_NS // a_minute
        self.last: dict[bytes, tuple[int, int]] = {}

    def take(self, key: bytes, now: int) -> bool:
        debt, since = self.last.get(key, (0, now))
        debt = max(0, debt - (now - since))
        if debt + self.each > PERIOD_NS:
            self.last[key] = debt, now
            return False
        self.last[key] = debt + self.each, now
        return True


moves = st.lists(
    st.tuples(st.binary(min_size=4, max_size=4), st.integers(0, 20 * SECOND)) | st.tuples(st.just(b"same"), st.just(0)),
    max_size=120,
)


@given(moves=moves, a_minute=st.integers(1, 30))
def test_a_key_may_ask_as_often_as_a_bucket_of_its_own_would_let_it(moves, a_minute) -> None:
    now = [PERIOD_NS]
    slots, twin = Slots(a_minute, bits=16, salt=b"salt", clock=lambda: now[0]), Twin(a_minute)
    for key, pause in moves:
        now[0] += pause
        assert slots.take(key) == twin.take(key, now[0])


@given(others=st.lists(st.binary(min_size=4, max_size=4), max_size=300), asked=st.integers(1, 20))
def test_no_number_of_other_sources_lets_one_ask_more(others, asked) -> None:
    """Eight slots for everybody: others crowd all of them."""
    slots = Slots(10, bits=3, salt=b"salt", clock=lambda: PERIOD_NS)
    before = sum(slots.take(b"mine") for _ in range(asked))
    for key in others:
        slots.take(key)
    assert before + sum(slots.take(b"mine") for _ in range(asked)) <= 10


def test_who_has_rested_may_ask_again() -> None:
    now = [0]
    slots = Slots(3, bits=10, salt=b"salt", clock=lambda: now[0])
    assert [slots.take(b"key1") for _ in range(4)] == [True, True, True, False]
    now[0] += 19 * SECOND
    assert not slots.take(b"key1")
    now[0] += 1 * SECOND
    assert [slots.take(b"key1") for _ in range(2)] == [True, False]


def test_an_alarm_is_told_once_a_minute_and_again_in_the_next() -> None:
    now = [0]
    watch = Watch(percent=50, answers=4, clock=lambda: now[0])
    told = [watch.answered(hit=hit) for hit in (True, True, True)]
    assert told == [None] * 3, "three answers say nothing"
    assert watch.answered(hit=False) == Alarm(alarm="hit-ratio", answers=4, hits=3)
    assert watch.answered(hit=True) is None
    now[0] += PERIOD_NS
    assert [watch.answered(hit=False) for _ in range(4)] == [None] * 4, "the minute before is forgotten"
    assert [watch.answered(hit=True) for _ in range(4)] == [None] * 3 + [Alarm(alarm="hit-ratio", answers=8, hits=4)]
    assert watch.refused(64500) == Alarm(alarm="network-limit", answers=8, hits=4, asn=64500)
    assert watch.refused(64500) is None
    assert watch.refused(64501) == Alarm(alarm="network-limit", answers=8, hits=4, asn=64501)


def day_watch(now: list[int], *, percent: int = 20, answers: int = 4, addresses: int = 100, bits: int = 20) -> DayWatch:
    return DayWatch(
        percent=percent, answers=answers, addresses=addresses, salt=b"salt", bits=bits, clock=lambda: now[0]
    )


def address(number: int) -> bytes:
    return number.to_bytes(4, "big")


def test_who_goes_through_a_network_slowly_is_told_of_once_a_day() -> None:
    """An address every 20 minutes, 72 in a day: more than 70 are told of, more than 72 are not."""
    for most, expected in ((70, Alarm(alarm="day-network", addresses=71, hits=0, asn=64500)), (72, None)):
        now = [0]
        watch = day_watch(now, addresses=most)
        told = []
        for number in range(72):
            told.append(watch.answered(address(number), 64500, hit=False))
            now[0] += 20 * PERIOD_NS
        assert [one for one in told if one] == ([expected] if expected else [])
        # the next day begins with nothing
        assert [watch.answered(address(number), 64500, hit=False) for number in range(70)] == [None] * 70


def test_networks_are_counted_apart_and_ipv6_by_the_64() -> None:
    watch = day_watch([0], addresses=3)
    for number in range(3):
        assert watch.answered(address(number), 64500, hit=False) is None
        assert watch.answered(number.to_bytes(8, "big"), 64501, hit=False) is None
        assert watch.answered(address(100 + number), None, hit=False) is None
    assert watch.answered(address(3), 64500, hit=False) == Alarm(alarm="day-network", addresses=4, hits=0, asn=64500)
    assert watch.answered(address(103), None, hit=False) == Alarm(alarm="day-network", addresses=4, hits=0)


def test_machines_that_are_infected_are_seen_however_often_each_of_them_asks() -> None:
    """Of one network five of 24 addresses were seen, 20.8 %; asked again and again they would have been 5 of 10,000."""
    watch = day_watch([0], answers=24)
    for number in range(19):
        for _ in range(500):
            assert watch.answered(address(number), 64500, hit=False) is None
    told = [watch.answered(address(100 + number), 64500, hit=True) for number in range(5)]
    assert told == [None] * 4 + [Alarm(alarm="day-hits", addresses=24, hits=5, asn=64500)]
    # the same counts of all come with the next that counts: 5 of 25 are 20 %
    assert watch.answered(address(104), 64500, hit=True) is None, "it was counted"
    assert watch.answered(address(200), 64501, hit=False) == Alarm(alarm="day-hits-all", addresses=25, hits=5)


def test_one_who_was_seen_and_asks_all_day_long_sets_off_nothing() -> None:
    watch = day_watch([0], percent=50)
    told = [watch.answered(address(number), 64500, hit=number == 0) for number in [0] * 1000 + [1, 2, 3, 4]]
    assert told == [None] * 1004, "one of five"


def test_few_of_each_of_many_networks_are_seen_together() -> None:
    """Three hits of each of four networks, beside 36 others of a fifth: 12 of 48, 25 %."""
    watch = day_watch([0], answers=48)
    told = [watch.answered(address(number), 64999, hit=False) for number in range(36)]
    told += [watch.answered(address(1000 + number), 64500 + number // 3, hit=True) for number in range(12)]
    assert [one for one in told if one] == [Alarm(alarm="day-hits-all", addresses=48, hits=12)]


def test_no_more_networks_are_told_of_in_a_day_than_a_hundred() -> None:
    watch = day_watch([0], addresses=1, answers=10_000)
    told = [watch.answered(address(number), number // 2, hit=False) for number in range(400)]
    assert [one.asn for one in told if one] == list(range(100))


def test_more_than_can_be_told_apart_begins_a_new_day_and_says_so() -> None:
    """Of 2^12 bits 512 addresses are told apart: so many are counted, and the next one is the first."""
    now, watch = [0], day_watch([0], bits=12, addresses=10_000, answers=10_000)
    told: list[Alarm] = []
    number = 0
    while not told:
        alarm = watch.answered(address(number), 64500, hit=False)
        told += [] if alarm is None else [alarm]
        number += 1
    assert told == [Alarm(alarm="day-full", addresses=512, hits=0)]
    # at its fullest one in twenty is taken for one that was counted
    assert 512 <= number < 512 * 1.05
    assert now == [0]


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(64500, 64503), st.booleans()), max_size=200),
    st.integers(1, 8),
    st.integers(1, 8),
)
def test_a_day_is_counted_as_a_set_would(asked, addresses, answers) -> None:
    watch = day_watch([0], addresses=addresses, answers=answers, percent=50)
    counted: dict[bytes, tuple[int, bool]] = {}
    told: set[tuple[str, int | None]] = set()
    for number, asn, hit in asked:
        if address(number) in counted:
            assert watch.answered(address(number), asn, hit=hit) is None
            continue
        counted[address(number)] = (asn, hit)
        here = [seen for where, seen in counted.values() if where == asn]
        everybody = [seen for _, seen in counted.values()]
        due = [
            *([("day-network", asn, here)] if len(here) > addresses else []),
            *([("day-hits", asn, here)] if len(here) >= answers and 2 * sum(here) >= len(here) else []),
            *([("day-hits-all", None, everybody)]
              if len(everybody) >= answers and 2 * sum(everybody) >= len(everybody) else []),
        ]  # fmt: skip
        due = [one for one in due if one[:2] not in told][:1]
        told |= {one[:2] for one in due}
        expected = [Alarm(alarm=what, addresses=len(of), hits=sum(of), asn=where) for what, where, of in due]
        assert watch.answered(address(number), asn, hit=hit) == (expected or [None])[0]


asns = st.integers(0, 20) | st.sampled_from([131_072, 262_144, 4_294_967_295]) | st.none()


@given(st.lists(st.tuples(asns, st.booleans()), max_size=150))
def test_networks_are_tallied_as_a_dictionary_would(asked) -> None:
    """Of 64 places, so that many networks look for another one's."""
    tallies, twin = Tallies(6), {}
    for asn, hit in asked:
        counted, seen = twin.get(asn, (0, 0))
        twin[asn] = counted + 1, seen + hit
        assert tallies.count(asn, hit=hit) == twin[asn]


def test_of_more_networks_than_there_are_places_for_the_rest_counts_as_one_that_is_not_known() -> None:
    """Of 16 places 13 are for networks and one for what is not known: the 14th network is the first of the rest."""
    tallies = Tallies(4)
    assert [tallies.count(asn, hit=True) for asn in range(13)] == [(1, 1)] * 13
    assert [tallies.count(asn, hit=False) for asn in range(13, 20)] == [(number, 0) for number in range(1, 8)]
    assert tallies.count(None, hit=True) == (8, 1)
    assert tallies.count(5, hit=False) == (2, 1)


def test_every_alarm_says_what_it_means() -> None:
    page = (Path(__file__).parents[2] / "docs/check.md").read_text("utf-8")
    named = re.findall(r"^\| `([a-z-]+)` \|", page.partition("| alarm |")[2].partition("\n\n")[0], re.MULTILINE)
    assert sorted(named) == sorted(MEANINGS)
