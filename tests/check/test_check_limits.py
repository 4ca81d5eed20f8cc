"""Limits in memory of fixed size, against an obvious twin with a clock for each key, and the watch over hits."""

from hypothesis import given
from hypothesis import strategies as st

from accord.check.limits import PERIOD_NS, Alarm, Slots, Watch

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
