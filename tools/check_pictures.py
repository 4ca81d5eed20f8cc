"""Make the pictures of docs/check.md: the check's page and answers as a real Chromium shows them.

    python -m tools.check_pictures

    python -m tools.check_pictures --all FOLDER     every page and answer in every language, on a screen, a telephone,
                                                    in the dark, in high contrast and on paper, to be looked at

Needs chromium, and pdftoppm (poppler-utils) for what is printed. Addresses are those of documentation (RFC 5737), and
nothing is known against them. A page has few colours, so the guide's pictures are PNG with sixteen of them: half of
what they take as WebP, and sharp.
"""

import argparse
import base64
import itertools
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.check import check_served as served
from tests.simulators.browser import Page, browser

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs/images"
WIDE, NARROW = 1000, 390

VISITORS = {
    "day": served.DAY,
    "week": served.WEEK,
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

ALL = ("page", *VISITORS, *served.MAIL_PAGES)

PICTURES = (
    ("page", "en", "screen", None),
    ("page", "fr", "phone", 844),
    ("page", "es", "dark", None),
    ("page", "de", "forced", None),
    ("week", "en", "screen", 1000),
    ("week", "ar", "phone", 844),
    ("week", "de", "phone", 844),
    ("week", "es", "contrast", 1000),
    ("week", "fr", "printed", None),
    ("mail", "en", "phone", 844),
    ("mail-reply", "fr", "phone", 660),
    ("mail-link", "es", "phone", 660),
    ("mail-told", "de", "screen", 1000),
    ("mail-stop", "ar", "phone", 660),
)
"""Of the guide: what, in which language, how it is looked at, and how much of it from the top; None: all."""

COLOURS = 16
APART = 10
"""By how much a colour of a picture must differ from those that are more frequent."""


def small_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A picture (height, width, RGB) as PNG of its sixteen most frequent colours (PNG, 3rd edition: 4 bits a pixel)."""
    colours, place, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    chosen: list[npt.NDArray[np.int64]] = []
    for one in colours[np.argsort(-counts, kind="stable")].astype(np.int64):
        if len(chosen) < COLOURS and all(np.abs(one - other).max() >= APART for other in chosen):
            chosen.append(one)
    palette = np.array(chosen)
    nearest = ((colours[:, None].astype(np.int64) - palette) ** 2).sum(axis=2).argmin(axis=1).astype(np.uint8)
    rows = nearest[place].reshape(pixels.shape[:2])
    height, width = rows.shape
    rows = np.pad(rows, ((0, 0), (0, width % 2)))
    lines = np.pad(rows[:, 0::2] << 4 | rows[:, 1::2], ((0, 0), (1, 0)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)),
            (b"PLTE", palette.astype(np.uint8).tobytes()),
            (b"IDAT", zlib.compress(lines.tobytes(), 9)),
            (b"IEND", b""),
        )
    )


READ = """(async () => {
  const bytes = Uint8Array.from(atob("%s"), one => one.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], {type: "image/png"}));
  const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  context.drawImage(picture, 0, 0);
  const read = context.getImageData(0, 0, picture.width, picture.height).data;
  let text = "";
  for (let at = 0; at < read.length; at += 30000)
    text += String.fromCharCode(...read.subarray(at, at + 30000));
  return [picture.height, picture.width, btoa(text)];
})()"""


def pixels_of(page: Page, picture: Path) -> npt.NDArray[np.uint8]:
    """What a PNG holds (height, width, RGB), as the browser reads it."""
    height, width, told = page.evaluate(READ % base64.b64encode(picture.read_bytes()).decode())
    return np.frombuffer(base64.b64decode(told), np.uint8).reshape(height, width, 4)[:, :, :3]


def draw_pictures(check: served.Check, page: Page, blank: Page) -> None:
    """The pictures of the guide."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for what, language, look, height in PICTURES:
        path = IMAGES / f"check-{what}.{language}.{look}.png"
        shown = LOOKS.get(look, LOOKS["screen"])
        page.show(width=shown["width"])
        reach(check, page, language, what)
        if look == "printed":
            first_page(page, path)
        else:
            page.show(**shown)
            page.picture(path, width=shown["width"], height=height)
        path.write_bytes(small_png(pixels_of(blank, path)))


def first_page(page: Page, path: Path) -> None:
    """What comes out of a printer first, at 72 dots an inch."""
    with tempfile.TemporaryDirectory() as made:
        printed = Path(made) / "printed.pdf"
        page.printed(printed)
        words = ["pdftoppm", "-png", "-r", "72", "-singlefile", printed, path.with_suffix("")]
        subprocess.run(words, check=True)


def draw_all(check: served.Check, page: Page, folder: Path) -> None:
    """Everything that there is to be looked at."""
    folder.mkdir(parents=True, exist_ok=True)
    for what, language, (look, shown) in itertools.product(ALL, served.LANGUAGES, LOOKS.items()):
        # paper has no button
        page.show(width=shown["width"])
        reach(check, page, language, what)
        page.show(**shown)
        page.picture(folder / f"{what}.{language}.{look}.png", width=shown["width"])


def reach(check: served.Check, page: Page, language: str, what: str) -> None:
    """Open a page or an answer, as people come to it."""
    if what in served.MAIL_PAGES:
        page.say({"X-Forwarded-For": served.CLEAN})
        served.open_mail_page(check, page, language, what)
    else:
        ask(check, page, language, None if what == "page" else VISITORS[what])


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
        served.publish_with_mail(folder / "data")
        check = served.serve_check(served.settings_of(folder, hub="Fusion Centre", more=served.CONTACTS + served.MAIL))
        try:
            with browser() as started:
                if chosen.all is None:
                    draw_pictures(check, started.page(), started.page())
                else:
                    draw_all(check, started.page(), chosen.all)
        finally:
            served.stop(check)


if __name__ == "__main__":
    main()
