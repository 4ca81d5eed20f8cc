"""Make the README's picture: the cover of a simulated Cyber Activity Report, as it prints.

    make demo
    python tools/picture.py

    python tools/picture.py REPORT.pdf PICTURE.png

Needs pdftoppm and pdftotext (poppler-utils). The same report and the same poppler give the same bytes. A report that
does not say that it is simulated is refused: nothing real may get into the repository.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / ".demo/out/reports/ID/car.en.pdf"
PICTURE = ROOT / "docs/images/cyber-activity-report.png"
MARK = "SIMULATED DATA"
DOTS_PER_INCH = 100


def is_simulated(report: Path) -> bool:
    """Does the report's cover carry the mark of simulated data?"""
    told = subprocess.run(
        ["pdftotext", "-f", "1", "-l", "1", str(report), "-"], capture_output=True, text=True, check=True
    )
    return MARK in told.stdout


def draw(report: Path, picture: Path) -> None:
    """Draw the report's first page as PNG; `picture` ends in `.png`, and its folder is there."""
    subprocess.run(
        ["pdftoppm", "-png", "-singlefile", "-f", "1", "-r", str(DOTS_PER_INCH), report, picture.with_suffix("")],
        check=True,
    )


def main(words: list[str]) -> int:
    """Draw the demo's report, or the one that is named."""
    report, picture = (Path(word) for word in words) if words else (REPORT, PICTURE)
    if not report.is_file():
        print(f"There is no {report}.\n  to do: make demo", file=sys.stderr)
        return 1
    if not is_simulated(report):
        print(f"{report} does not say '{MARK}' on its cover: no picture is made of it.", file=sys.stderr)
        return 1
    picture.parent.mkdir(parents=True, exist_ok=True)
    draw(report, picture)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
