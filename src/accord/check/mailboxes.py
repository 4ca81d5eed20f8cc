"""Mail addresses in the one spelling under which they are looked up."""

import unicodedata

from accord.columns.values import read_email
from accord.vocabulary.indicators import Indicator


def normalised(text: str) -> bytes | None:
    """The spelling that stands for a mail address; None: it is none.

    The domain is in A-labels and lower case. So is the local part, though RFC 5321 (2.4) lets a host tell its cases
    apart: no host of note does, and people write their own address in any case. Nothing else of it is changed: what
    one host takes for the same (dots, what follows a `+`) another does not.
    """
    read = read_email(unicodedata.normalize("NFC", text.strip()))
    return read.value.lower().encode() if isinstance(read, Indicator) else None
