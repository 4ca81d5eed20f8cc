"""The public page held against the figures: made again of what the openings add up to, it must be the same page."""

import hashlib
from enum import StrEnum

from accord.journal.checking import Checked
from accord.journal.figures import encode_figures
from accord.journal.files import POLICY, LedgerReader
from accord.ledger.policies import MAX_POLICY_BYTES
from accord.reports.ledger_page import STYLE, compose_ledger, generator, read_origin
from accord.reports.page import ledger_style, render_ledger
from accord.vocabulary.errors import UnprovenError
from accord.workspace.translations import LANGUAGES

_MAX_PAGE_BYTES = 64 << 20


class Paged(StrEnum):
    """How a page stands to the figures."""

    SAME = "same"
    BEHIND = "behind"
    OTHER_VERSION = "other-version"
    UNSAID = "unsaid"

    @property
    def words(self) -> str:
        """What it says of pages."""
        return _WORDS[self]


_WORDS = {
    Paged.SAME: "byte by byte what these figures say",
    Paged.BEHIND: "of earlier figures, and not compared",
    Paged.OTHER_VERSION: "made by another Accord, and not compared",
    Paged.UNSAID: "not compared: of what it was made is not said",
}


def check_pages(log: LedgerReader, checked: Checked) -> dict[str, Paged]:
    """How each page of the log, by its file's name, stands to the figures. Raises UnprovenError, UnreadableError.

    A page says of what figures and by which Accord it was made. Of these figures and by this Accord it must be what
    this Accord makes of them, byte by byte.
    """
    policy = (log.read(POLICY, MAX_POLICY_BYTES) or b"").decode("utf-8", "backslashreplace")
    digest = hashlib.sha256(encode_figures(checked.told, checked.told_at)).hexdigest()
    found: dict[str, Paged] = {}
    for name, language in [("index.html", LANGUAGES[0]), *((f"index.{one}.html", one) for one in LANGUAGES)]:
        page = log.read(name, _MAX_PAGE_BYTES)
        if page is None:
            continue
        origin = read_origin(page.decode("utf-8", "replace"))
        if origin is None:
            found[name] = Paged.UNSAID
        elif origin.figures != digest:
            found[name] = Paged.BEHIND
        elif origin.generator != generator():
            found[name] = Paged.OTHER_VERSION
        else:
            made = compose_ledger(checked.told, checked.told_at, policy, origin.keeper)
            _demand_same(log, name, page, render_ledger(made, language).encode())
            found[name] = Paged.SAME
    if Paged.SAME in found.values():
        # a style can hide a figure, or write another over it
        _demand_same(log, STYLE, log.read(STYLE, _MAX_PAGE_BYTES) or b"", ledger_style().encode())
    return found


def _demand_same(log: LedgerReader, name: str, published: bytes, made: bytes) -> None:
    if published == made:
        return
    told, right = (one.decode("utf-8", "replace").splitlines() for one in (published, made))
    at = next((at for at, pair in enumerate(zip(told, right, strict=False)) if pair[0] != pair[1]), len(right))
    raise UnprovenError(
        "The public page says something else than the figures of which it claims to be made.",
        where=f"{log.where(name)}, line {at + 1}",
        expected=right[at].strip()[:200] if at < len(right) else "the end of the file",
        got=told[at].strip()[:200] if at < len(told) else "the end of the file",
        remedy="check it again in a few minutes, the page may just be made; if it stays so, tell the hub and whoever "
        "supervises it",
    )
