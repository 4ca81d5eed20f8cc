"""The request to a network owner: ready to send, and never more than its reader may know."""

import re
from collections.abc import Callable
from gettext import NullTranslations

import pytest
from babel import Locale

from accord.release.view import View
from accord.reports import letter
from accord.reports.letter import EXAMPLES, LETTERS, WIDTH
from accord.reports.words import Speaker

MakeView = Callable[..., View]


def letters(text: str) -> list[str]:
    """The parts of a file: the note for whoever sends it, then each letter or form."""
    bar = "=" * WIDTH
    pieces = text.split(bar)
    return [pieces[0], *(pieces[place] + pieces[place + 1] for place in range(1, len(pieces), 2))]


def test_there_is_a_letter_for_each_network_the_heaviest_first(make_view: MakeView) -> None:
    view = make_view(
        rows=[
            {"value": "203.0.113.1", "asn": 64496, "severity": 10.0},
            {
                "value": "203.0.113.2",
                "asn": 64500,
                "severity": 90.0,
                "network_owner": "Selat Mobile",
                "abuse_contact": None,
            },
        ]
    )
    note, first, second = letters(letter.render(view, "en"))
    assert "There are 2 letters below" in note
    assert "To: Selat Mobile, not known\n" in first
    assert "Attachment: by-network/AS64500.csv\n" in first
    assert "203.0.113[.]2" in first
    assert "203.0.113[.]1" not in first
    assert "To: Nusantara Broadband, abuse@nusantara.example\n" in second


def test_the_label_stands_in_the_subject_line_and_before_the_text(make_view: MakeView) -> None:
    text = letter.render(make_view(rows=[{"marking": "amber"}]), "en")
    assert text.startswith("TLP:AMBER\n")
    _, only = letters(text)
    assert "\nSubject: [TLP:AMBER] 1 finding in your network AS64496: request for action\n" in only
    body = only.split("-" * WIDTH)[1]
    assert body.lstrip().startswith("TLP:AMBER\n")


def test_a_letter_is_marked_by_what_is_in_it_not_by_the_whole_report(make_view: MakeView) -> None:
    view = make_view(
        rows=[{"value": "203.0.113.1", "marking": "clear"}, {"value": "203.0.113.2", "marking": "amber", "asn": 64500}]
    )
    subjects = re.findall(r"^Subject: \[(TLP:\S+)\]", letter.render(view, "en"), re.MULTILINE)
    assert sorted(subjects) == ["TLP:AMBER", "TLP:CLEAR"]


@pytest.mark.parametrize("marking", ["amber+strict", "red"])
def test_what_only_the_recipient_may_know_reaches_no_network_owner(make_view: MakeView, marking: str) -> None:
    view = make_view(rows=[{"value": "203.0.113.1"}, {"value": "203.0.113.2", "marking": marking}])
    text = letter.render(view, "en")
    note, only = letters(text)
    assert "203.0.113[.]2" not in text
    assert "1 finding is marked more strictly than TLP:AMBER" in " ".join(note.split())
    assert "Subject: [TLP:GREEN] 1 finding " in only


def test_what_awaits_review_or_lies_abroad_is_asked_of_nobody(make_view: MakeView) -> None:
    view = make_view(
        rows=[
            {"value": "203.0.113.1", "review": ["Tranco (7)"]},
            {"value": "evil.co.id", "type": "domain", "basis": ["registry"], "asn": 64511},
        ]
    )
    text = letter.render(view, "en")
    assert "There is nothing to ask of any network owner" in text
    assert len(letters(text)) == 1


def test_no_indicator_is_written_so_that_it_can_be_opened(make_view: MakeView) -> None:
    view = make_view(findings=400)
    text = letter.render(view, "en")
    assert "http://" not in text
    for value in view.findings["value"].to_pylist():
        assert value not in text


def test_a_letter_lists_the_worst_and_the_file_holds_the_rest(make_view: MakeView) -> None:
    view = make_view(rows=[{"value": f"203.0.113.{n}", "severity": float(n)} for n in range(1, 61)])
    _, only = letters(letter.render(view, "en"))
    listed = re.findall(r"^ {2}203\.0\.113\[\.\](\d+)$", only, re.MULTILINE)
    assert listed == [str(n) for n in range(60, 60 - EXAMPLES, -1)]
    assert "(all 60 stand in the attachment)" in only


def test_many_networks_share_a_form_with_a_list_to_fill_it_from(make_view: MakeView) -> None:
    rows = [
        {"value": f"203.0.113.{n}", "asn": 64496 + n, "network_owner": f"Owner {n}", "severity": 99.0 - n / 10}
        for n in range(LETTERS + 3)
    ]
    parts = letters(letter.render(make_view(rows=rows), "en"))
    assert len(parts) == 1 + LETTERS + 1
    form = parts[-1]
    assert "Form for 3 more networks" in form
    assert "[AS number]" in form
    listed = re.findall(r"^ {2}AS(\d+), 1, Owner (\d+), ", form, re.MULTILINE)
    assert listed == [(str(64496 + n), str(n)) for n in range(LETTERS, LETTERS + 3)]


def test_lines_fit_a_mail_but_for_headers_indicators_and_lists(make_view: MakeView) -> None:
    text = letter.render(make_view(findings=200, legal_basis="A treaty with a long name " * 8), "en")
    for line in text.splitlines():
        assert len(line) <= WIDTH or line.startswith(("Subject: ", "To: ", "  "))


def test_what_a_partner_wrote_cannot_add_a_header_or_a_line(make_view: MakeView) -> None:
    view = make_view(
        rows=[
            {
                "network_owner": "Evil\nBcc: everyone@a.example\r\n\r\nText",
                "families": ["x\nSubject: y"],
                "abuse_contact": "a\nb",
            }
        ]
    )
    text = letter.render(view, "en")
    assert not re.search(r"^(Bcc|Text)", text, re.MULTILINE)
    assert len(re.findall(r"^Subject:", text, re.MULTILINE)) == 1


def test_the_request_names_its_basis_and_when_and_whom_to_answer(make_view: MakeView) -> None:
    one = " ".join(letter.render(make_view(findings=5, legal_basis="Treaty of Somewhere, Article 4."), "en").split())
    assert "Legal basis of this request: Treaty of Somewhere, Article 4; you act under the law of Indonesia." in one
    assert "by 2026-12-14 what was done: [your contact], copy to operations@hub.example" in one
    other = " ".join(letter.render(make_view(findings=5, answer_by=None), "en").split())
    assert "national procedure" in other
    assert "Please tell us what was done" in other


def test_simulated_data_says_so_in_every_letter_and_in_the_form(make_view: MakeView) -> None:
    rows = [{"value": f"203.0.113.{n}", "asn": 64496 + n} for n in range(LETTERS + 1)]
    note, *rest = letters(letter.render(make_view(rows=rows, simulated=True), "en"))
    assert "SIMULATED DATA: do not send" in note
    assert len(rest) == LETTERS + 1
    for part in rest:
        assert "Subject: [SIMULATED] [TLP:" in part
        assert "\nSIMULATED DATA\n" in part


def test_every_line_from_right_to_left_says_its_direction_and_closes_its_isolates(make_view: MakeView) -> None:
    view = make_view(findings=80, legal_basis="A treaty with a long name " * 8)
    text = letter.write(view, Speaker(Locale.parse("ar"), NullTranslations()))
    lines = [line for line in text.split("\n") if line.strip("=-")]
    assert all(line.startswith("\u200f") for line in lines)
    for line in lines:
        depth = 0
        for character in line:
            depth += {"\u2066": 1, "\u2068": 1, "\u2069": -1}.get(character, 0)
            assert depth >= 0
        assert depth == 0
    (basis,) = re.findall(r"A treaty with a long name A.*\n.*", text)[:1]
    assert basis.split("\n")[1].startswith("\u200f\u2068"), "a name that runs over a line is isolated on both"
    assert re.search(r"\n\u200f  \u2066198\.18\.\d+\[\.\]\d+\u2069\n", text)


def test_words_from_left_to_right_carry_no_mark_of_direction(make_view: MakeView) -> None:
    assert not set(letter.render(make_view(findings=80), "en")) & set("\u200f\u2066\u2068\u2069\u00ad")
