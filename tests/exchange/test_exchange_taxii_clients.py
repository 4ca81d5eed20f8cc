"""Who asks the TAXII server, how they show it, and how often they may ask."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from accord.exchange.taxii.messages import MEDIA_TYPE, Answer
from accord.exchange.taxii.server import Question
from accord.web.entrance import UNKNOWN_A_MINUTE
from accord.web.settings import Serving
from tests.exchange.stand import Stand, standing


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Iterator[Stand]:
    with standing(tmp_path, database_url, Serving(requests_a_minute=100)) as one:
        yield one


def ask(stand: Stand, address: str = "192.0.2.1", path: str = "hub", **headers: str) -> Answer:
    return stand.server.answer(
        Question(method="GET", path=f"/taxii2/{path}", query=b"", headers=headers, address=address)
    )


def bearer(stand: Stand, partner: str) -> str:
    return f"Bearer {stand.secrets[partner]}"


def demand_too_often(answer: Answer) -> None:
    assert (answer.status, answer.media_type) == (429, MEDIA_TYPE)
    assert {*json.loads(answer.body)} == {"title", "description", "http_status"}
    assert json.loads(answer.body)["http_status"] == "429"
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_who_asks_too_often_is_told_when_to_come_again_and_keeps_nobody_else_waiting(stand: Stand) -> None:
    own = bearer(stand, "csirt-th")
    answers = [ask(stand, authorization=own) for _ in range(130)]
    assert [one.status for one in answers[:100]] == [200] * 100
    demand_too_often(answers[-1])
    # from another address it is the same client, and from the same address another client is not
    demand_too_often(ask(stand, "192.0.2.2", authorization=own))
    assert ask(stand, authorization=bearer(stand, "police-th")).status == 200


def test_who_does_not_show_who_it_is_uses_up_what_its_address_may_ask(stand: Stand) -> None:
    answers = [ask(stand, authorization="Bearer accord1_guess") for _ in range(UNKNOWN_A_MINUTE + 10)]
    assert [one.status for one in answers[:UNKNOWN_A_MINUTE]] == [401] * UNKNOWN_A_MINUTE
    demand_too_often(answers[-1])
    demand_too_often(ask(stand))
    assert ask(stand, "192.0.2.2").status == 401
    # whoever guesses locks nobody out
    assert ask(stand, authorization=bearer(stand, "csirt-th")).status == 200
