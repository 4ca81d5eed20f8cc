"""Who asks the TAXII server, how they show it, and how often they may ask."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from accord.access.consultations import consultations
from accord.access.passwords import Passwords, hash_password
from accord.access.tokens import Scope
from accord.access.users import change_password, close_user, make_user
from accord.exchange.taxii.messages import MEDIA_TYPE, Answer
from accord.exchange.taxii.server import Question
from accord.release.batches import Draft
from accord.web.entrance import UNKNOWN_A_MINUTE
from accord.web.settings import Serving
from tests.exchange.stand import Stand, draft, standing

AMBER, GREEN = "55d920b0-5e8b-4f79-9ee9-91f868d9b421", "bab4a63c-aed9-4cf5-a766-dfca5abac2bb"


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
    answers = [ask(stand, authorization=own) for _ in range(101)]
    assert [one.status for one in answers[:100]] == [200] * 100
    demand_too_often(answers[-1])
    # from another address it is the same client, and from the same address another client is not
    demand_too_often(ask(stand, "192.0.2.2", authorization=own))
    assert ask(stand, authorization=bearer(stand, "police-th")).status == 200


def test_who_does_not_show_who_it_is_uses_up_what_its_address_may_ask(stand: Stand) -> None:
    answers = [ask(stand, authorization="Bearer accord1_guess") for _ in range(UNKNOWN_A_MINUTE + 1)]
    assert [one.status for one in answers[:UNKNOWN_A_MINUTE]] == [401] * UNKNOWN_A_MINUTE
    demand_too_often(answers[-1])
    demand_too_often(ask(stand))
    assert ask(stand, "192.0.2.2").status == 401
    # whoever guesses locks nobody out
    assert ask(stand, authorization=bearer(stand, "csirt-th")).status == 200


def marking(number: int, name: str) -> Draft:
    thing = {"type": "marking-definition", "spec_version": "2.1", "id": f"marking-definition--{name}"}
    return replace(draft(number), object=thing["id"], type="marking-definition", version="", content=json.dumps(thing))


def markings(stand: Stand, who: str) -> list[str]:
    answer = stand.ask("hub/markings/", who=who)
    assert (answer.status, answer.media_type) == (200, MEDIA_TYPE)
    return [one["id"].removeprefix("marking-definition--") for one in json.loads(answer.body).get("objects", [])]


def test_a_client_is_told_of_the_markings_of_what_it_may_see_and_of_no_other(stand: Stand) -> None:
    stand.members("other", "police-th")
    stand.put(draft(1), marking(1, AMBER))
    stand.put(draft(2), marking(2, GREEN), draft(3), marking(3, AMBER), named="other")
    assert markings(stand, "csirt-th") == [AMBER]
    assert markings(stand, "police-th") == [AMBER, GREEN]
    assert markings(stand, "vendor") == []
    stand.agreement_ends("police-th-2026")
    assert markings(stand, "police-th") == []
    assert stand.ask("hub/markings/", who="").status == 401
    assert (stand.ask("hub/markings/", method="POST").status, stand.ask("hub/markings/more/").status) == (405, 404)
    with stand.database.reading() as connection:
        assert "markings: 2" in [one.object for one in consultations(connection)]


PASSWORD = "correct horse b\u00e4ttery: staple"


@pytest.fixture
def somchai(stand: Stand) -> str:
    """A person of a member, by name and password."""
    with stand.database.writing() as connection:
        password = hash_password(PASSWORD)
        make_user(connection, "somchai", "csirt-th", [Scope.READ], password, at=datetime.now(UTC))
    return password


def basic(name: str, password: str) -> str:
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What came of each comparison of passwords that was made."""
    made: list[bool] = []
    compare = Passwords.compare

    def counted(self: Passwords, kept: str | None, password: str) -> bool:
        made.append(compare(self, kept, password))
        return made[-1]

    monkeypatch.setattr(Passwords, "compare", counted)
    return made


def test_a_person_is_known_by_name_and_password_and_polls_do_not_pay_for_it_each_time(
    stand: Stand, somchai: str, comparisons: list[bool]
) -> None:
    stand.put(draft(1))
    own = basic("somchai", PASSWORD)
    path = f"hub/collections/{stand.channel().collection}/objects/"
    answers = [ask(stand, path=path, authorization=own) for _ in range(20)]
    assert [one.status for one in answers] == [200] * 20
    assert comparisons == [True]
    with stand.database.reading() as connection:
        assert {(one.person, one.recipients) for one in consultations(connection)} == {("user somchai", ("csirt-th",))}
    # a password is changed, and a user closed, at once
    with stand.database.writing() as connection:
        change_password(connection, "somchai", hash_password(PASSWORD + "!"))
    assert ask(stand, authorization=own).status == 401
    changed = basic("somchai", PASSWORD + "!")
    assert ask(stand, authorization=changed).status == 200
    with stand.database.writing() as connection:
        close_user(connection, "somchai", datetime.now(UTC))
    assert ask(stand, authorization=changed).status == 401


def test_a_wrong_password_and_a_user_that_is_not_there_are_answered_alike(
    stand: Stand, somchai: str, comparisons: list[bool]
) -> None:
    answers = [ask(stand, authorization=basic(name, "wrong horse battery")) for name in ("somchai", "nobody")]
    assert answers[0] == answers[1]
    assert answers[0].status == 401
    assert answers[0].headers["www-authenticate"].startswith("Basic ")
    # and both take a comparison
    assert comparisons == [False, False]
    # what could be nobody's is not compared
    for said in (basic("som chai", PASSWORD), basic("somchai", "x" * 257), basic("somchai", ""), "Basic /w=="):
        assert ask(stand, authorization=said).status == 401
    assert len(comparisons) == 2
    # a password is none where a token is asked for
    assert ask(stand, authorization=f"Bearer {PASSWORD}".encode().decode("latin-1")).status == 401


def test_who_guesses_passwords_is_slowed_down_before_they_are_compared(
    stand: Stand, somchai: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    monkeypatch.setattr(Passwords, "compare", lambda _, __, password: bool(compared.append(password)))
    own = basic("somchai", "wrong horse battery")
    answers = [ask(stand, authorization=own) for _ in range(UNKNOWN_A_MINUTE + 1)]
    assert [one.status for one in answers[:UNKNOWN_A_MINUTE]] == [401] * UNKNOWN_A_MINUTE
    demand_too_often(answers[-1])
    assert len(compared) == UNKNOWN_A_MINUTE


def test_who_waits_for_a_comparison_keeps_no_token_waiting(
    stand: Stand, somchai: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Semaphore(0), threading.Event()

    def slow(*_: object) -> bool:
        begun.release()
        return go.wait() and False

    monkeypatch.setattr(Passwords, "compare", slow)
    own = basic("somchai", PASSWORD)
    # two sources that were never wrong wait, and nobody more
    sources = ("192.0.2.1", "192.0.2.2")
    waiting = [
        threading.Thread(target=ask, args=(stand,), kwargs={"authorization": own, "address": one}) for one in sources
    ]
    try:
        for one in waiting:
            one.start()
        for _ in sources:
            begun.acquire()
        refused = ask(stand, authorization=own)
        assert (refused.status, refused.media_type, refused.headers["retry-after"]) == (503, MEDIA_TYPE, "2")
        assert ask(stand, authorization=bearer(stand, "csirt-th")).status == 200
    finally:
        go.set()
        for one in waiting:
            one.join()
