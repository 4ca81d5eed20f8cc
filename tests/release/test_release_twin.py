"""What the rules release is what the page says, by a slow twin of them, over situations that are drawn."""

import os
from collections import Counter
from collections.abc import Iterator
from random import Random, SystemRandom
from typing import Any

import numpy as np

from accord.release.policy import permitted, shares
from accord.release.rules import RULES, decide
from tests.release import drawing, twin
from tests.release.stating import agreement_of, audience_of, item_of, partners_of, register_of, release_of

PORTION = 1 if os.environ.get("CI") else 4
"""A quarter of the situations at home; CI judges a hundred thousand."""

WORLDS = 3_400 // PORTION
ITEMS = 6
AUDIENCES = 5


def asked(draw: Random) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    world = drawing.world(draw) | drawing.purpose_and_moment(draw)
    things = [drawing.thing(draw, world["agreements"]) for _ in range(ITEMS)]
    return world, things, [drawing.audience(draw) for _ in range(AUDIENCES)]


def judged(draw: Random, worlds: int) -> Iterator[tuple[dict[str, Any], bool]]:
    """Situations, and whether the reader gets the object, where the rules and their twin agree, rule by rule."""
    for _ in range(worlds):
        world, things, audiences = asked(draw)
        register = register_of(world | {"object": things[0]})
        release = release_of(world, register)
        channels = [audience_of(one, partners_of(world)) for one in audiences]
        items = [item_of(one, world["at"]) for one in things]
        answers = permitted(items, channels, release)
        for at, audience in enumerate(audiences):
            for which, thing in enumerate(things):
                told = world | {"object": thing, "audience": audience}
                expected = twin.may_get(told)
                assert bool(answers[at, which]) is expected, told
                verdicts = decide(items[which], channels[at], release).verdicts
                assert {one.rule for one in verdicts if not one.permitted} == twin.refusing(told), told
                yield told, expected


def test_a_hundred_thousand_situations_are_judged_as_the_twin_judges_them_rule_by_rule() -> None:
    counted: Counter[bool] = Counter()
    alone: Counter[int] = Counter()
    for told, expected in judged(Random(20261127), WORLDS):
        counted[expected] += 1
        against = twin.refusing(told)
        if len(against) == 1 and len(told["audience"]["recipients"]) == 1:
            alone.update(against)
    assert sum(counted.values()) >= 100_000 // PORTION
    # a test of answers that are all no would be worth nothing; nor one in which a rule never decides by itself
    assert min(counted.values()) > 20_000 // PORTION, counted
    assert all(alone[rule.number] > 10 // PORTION for rule in RULES), alone


def test_so_are_situations_that_are_drawn_anew_each_time() -> None:
    seed = SystemRandom().randrange(2**32)
    print(f"Random({seed})")
    assert sum(1 for _ in judged(Random(seed), WORLDS // 4)) >= 25_000 // PORTION


def test_what_no_reader_may_get_alone_no_channel_with_that_reader_gets() -> None:
    draw = Random(7)
    for _ in range(150):
        world, things, audiences = asked(draw)
        register = register_of(world | {"object": things[0]})
        release = release_of(world, register)
        for told in audiences:
            if not told["recipients"]:
                continue
            alone = [
                audience_of(told | {"recipients": {name: one}}, partners_of(world))
                for name, one in told["recipients"].items()
            ]
            together = audience_of(told, partners_of(world))
            for item in [item_of(one, world["at"]) for one in things]:
                each = [decide(item, one, release).permitted for one in alone]
                assert decide(item, together, release).permitted is all(each)


def test_the_provider_s_further_agreement_never_widens_what_went_out_under_an_earlier_one() -> None:
    draw = Random(11)
    for _ in range(300):
        world, things, audiences = asked(draw)
        register = register_of(world | {"object": things[0]})
        stricter = drawing.agreement(**{"with": ["vendor"], "in": True})
        drawing.change(draw, stricter)
        more = dict(register.agreements) | {"z-in": agreement_of("z-in", stricter)}  # type: ignore[dict-item]
        for told in audiences:
            channel = audience_of(told, partners_of(world))
            for thing in things:
                before = item_of(thing, world["at"])
                if not before.came_in:
                    continue
                after = item_of(thing | {"came_in": [*thing["came_in"], "z-in"]}, world["at"])
                one = release_of(world, register)
                both = release_of(world, type(register)(
                    partners=register.partners, datasets=register.datasets, agreements=more))  # fmt: skip
                grants = {verdict.rule for verdict in decide(before, channel, one).verdicts if not verdict.permitted}
                # what it may mend is that nothing was in force, or for the purpose
                if not grants & {3, 5} and not decide(before, channel, one).permitted:
                    assert not decide(after, channel, both).permitted


def test_rows_are_shared_out_by_their_class_and_findings_by_their_rows() -> None:
    draw = np.random.default_rng(3)
    for _ in range(50):
        count, classes, audiences = int(draw.integers(0, 40)), int(draw.integers(1, 6)), int(draw.integers(1, 4))
        finding = np.sort(draw.integers(0, 15, count))
        policy = draw.integers(0, classes, count)
        allowed = draw.random((audiences, classes)) < 0.5
        for mine, share in zip(allowed, shares(finding, policy, allowed), strict=True):
            rows = [at for at in range(count) if mine[policy[at]]]
            assert share.rows.tolist() == rows
            assert share.findings.tolist() == sorted({int(finding[at]) for at in rows})
