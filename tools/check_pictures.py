"""Make the pictures of docs/check.md: the check's page and answers as a real Chromium shows them.

    python -m tools.check_pictures

    python -m tools.check_pictures --all FOLDER     every page and answer in every language, on a screen, a telephone,
                                                    in the dark, in high contrast and on paper, to be looked at

Needs chromium. Addresses are those of documentation (RFC 5737), and nothing is known against them.
"""

import argparse
import itertools
import tempfile
from pathlib import Path

from tests.check import check_served as served
from tests.simulators.browser import Page, browser

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs/images"
WIDE, NARROW = 1000, 390

VISITORS = {
    "day": served.DAY,
    "month": served.MONTH,
    "many": served.MANY,
    "shared": served.SHARED,
    "clean": served.CLEAN,
    "hosting": served.HOSTED,
    "nat": served.BEHIND_NAT,
    "inside": served.INSIDE,
}
LOOKS = {
    "screen": {"width": WIDE},
    "phone": {"width": NARROW},
    "dark": {"width": WIDE, "prefers_color_scheme": "dark"},
    "phone-dark": {"width": NARROW, "prefers_color_scheme": "dark"},
    "contrast": {"width": WIDE, "prefers_contrast": "more"},
    "forced": {"width": WIDE, "forced_colors": "active"},
    "paper": {"width": 760, "media": "print"},
}


def draw_pictures(check: served.Check, page: Page) -> None:
    """The three pictures of the guide."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    page.show(width=WIDE)
    ask(check, page, "en", None)
    page.picture(IMAGES / "check-page.en.webp", width=WIDE)
    ask(check, page, "en", served.WEEK)
    page.picture(IMAGES / "check-answer.en.webp", width=WIDE, height=1100)
    page.show(width=NARROW, scale=2)
    ask(check, page, "ar", served.WEEK)
    page.picture(IMAGES / "check-answer.ar.webp", width=NARROW, height=844)


def draw_all(check: served.Check, page: Page, folder: Path) -> None:
    """Everything that there is to be looked at."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = {"page": None, **VISITORS}
    for (what, visitor), language, (look, shown) in itertools.product(asked.items(), served.LANGUAGES, LOOKS.items()):
        # paper has no button
        page.show(width=shown["width"])
        ask(check, page, language, visitor)
        page.show(**shown)
        page.picture(folder / f"{what}.{language}.{look}.png", width=shown["width"])
    for what, language, (look, shown) in itertools.product(served.MAIL_PAGES, served.LANGUAGES, LOOKS.items()):
        page.show(width=shown["width"])
        served.open_mail_page(check, page, language, what)
        page.show(**shown)
        page.picture(folder / f"{what}.{language}.{look}.png", width=shown["width"])


def ask(check: served.Check, page: Page, language: str, visitor: str | None) -> None:
    """Open the page, and as a visitor press its button."""
    page.say({"X-Forwarded-For": visitor or served.CLEAN})
    page.open(f"http://{served.HOST}:{check.port}/{language}")
    if visitor is not None:
        page.press("form button")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="draw everything there, to be looked at")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        # the guide's pictures are of a check that asks for no mail addresses
        more = served.CONTACTS if chosen.all is None else served.CONTACTS + served.MAIL
        served.publish_with_mail(folder / "data")
        check = served.serve_check(served.settings_of(folder, hub="Fusion Centre", more=more))
        try:
            with browser() as started:
                if chosen.all is None:
                    draw_pictures(check, started.page())
                else:
                    draw_all(check, started.page(), chosen.all)
        finally:
            served.stop(check)


if __name__ == "__main__":
    main()
