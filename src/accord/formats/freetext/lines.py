"""One line of free text to the values that it states.

A line is cut into tokens, each token is read by `columns.values`, and `doubts` says which readings are left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from accord.columns.reading import Context
from accord.columns.values import HASHES, read_value
from accord.formats.freetext import doubts
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected

LINE_LIMIT = 16_384
"""Characters of the longest line that is read; a longer one is no line that a person wrote."""

# Defanged marks become private-use characters, so that brackets can cut tokens and it stays known who was defanged.
_DOT, _COLON, _AT, _SLASH, _PLACE = "\ue000", "\ue001", "\ue002", "\ue003", "\ue004"
_PRIVATE = re.compile("[\ue000-\ue004]")
_MARKS = (
    (
        re.compile(r"(?<=[\w*])\s?\[\s*(?:\.|dot)\s*\]\s?(?=\w)|(?<=\w)[({]\s*(?:\.|dot)\s*[)}](?=\w)", re.IGNORECASE),
        _DOT,
    ),
    (re.compile(r"(?<=\w)(?:\[\.(?=\w)|\.\](?=\w))"), _DOT),
    (re.compile(r"[\[({]://[\])}]"), _PLACE),
    (re.compile(r"[\[({]:[\])}]"), _COLON),
    (re.compile(r"[\[({]/[\])}]"), _SLASH),
    (re.compile(r"(?<=\w)\s?\[\s*(?:@|at)\s*\]\s?(?=\w)|(?<=\w)[({]\s*(?:@|at)\s*[)}](?=\w)", re.IGNORECASE), _AT),
)
_BRACKET = re.compile(r"[\[({.]\s*(?:[.:@/\]]|dot|at)", re.IGNORECASE)
# Without one of these in it, a line names no host, no mailbox and no file's digest.
_SPEAKING = re.compile(r"\S[.:@({/]|[.:@/)}]\S|\[|[0-9A-Fa-f]{31}|AS\d")
_TELLING = re.compile(r"[.:@/\ue000-\ue004].|.{31}|AS\d", re.DOTALL)
_PLAIN = str.maketrans({_DOT: ".", _COLON: ":", _AT: "@", _SLASH: "/", _PLACE: "://"})
_HXXP = re.compile(r"\b(?:hxxps?|fxps?)(?=[:\ue001\ue004])", re.IGNORECASE)

_STOP = r"\s\"'`<>|\u00ab\u00bb\u2018\u2019\u201c\u201d"
_SEPARATORS = f"(?:://|[{_PLACE}]|{_COLON}//|{_COLON}{_SLASH}{_SLASH})"
_TOKEN = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]*{_SEPARATORS}[^{_STOP}]+"
    r"|\[[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\](?::\d+)?"
    rf"|[^{_STOP},;(){{}}\[\]/{_SLASH}]+[/{_SLASH}][^{_STOP}]*"
    rf"|[^{_STOP},;(){{}}\[\]]+"
)
_SCHEME = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*+{_SEPARATORS}")
# Begins only where a run of a scheme's characters does: from every letter of a long word it would be looked for anew.
_SCHEME_WITHIN = re.compile(rf"(?<![A-Za-z0-9+.-])[0-9+.-]*+([A-Za-z][A-Za-z0-9+.-]*+){_SEPARATORS}")
_LABEL = re.compile(r"^[A-Za-z][\w-]{0,24}:(?=\S*[.@\ue000\ue002]|[0-9A-Fa-f]{32})")
_CELL = re.compile(r"\t+|\s{2,}|\s*[,;|]\s*|\s+[-\u2013\u2014=>]+\s+")
_CELL_LABEL = re.compile(r"^[A-Za-z][\w /.-]{0,30}[:=]\s+(?=\S+$)")
_BULLET = re.compile(r"^(?:[-*+\u2022\u2023\u25aa>]+|\(?\d{1,4}[.)])\s+")
_COMMENT = re.compile(r"\s#\s")
_DATED = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z| ?UTC)?)?")
_HEX = re.compile(r"[0-9A-Fa-f]{31,}", re.ASCII)
_OTHER_DIGESTS = frozenset({56, 96, 128})
_QUAD = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?!\d)", re.ASCII)
_QUAD_SHAPED = re.compile(r"\d+(?:\.\d+){3}(?::\d+|/\d+)?", re.ASCII)
_V6 = re.compile(r"\[?(?=[0-9A-Fa-f]*+:[0-9A-Fa-f]*+:)[0-9A-Fa-f:.]*+(?:\](?::\d+)?|/\d{1,3})?", re.ASCII)
_V6_HOME = re.compile(r"\[?(?:fe80|f[cd][0-9a-f]{2}|ff0[0-9a-f])?:", re.IGNORECASE)
_RANGE = re.compile(rf"{_QUAD.pattern}-{_QUAD.pattern}", re.ASCII)
_WILDCARD = re.compile("\\*[.\ue000]")
_ASN = re.compile(r"AS\d{1,10}", re.ASCII)


@dataclass(slots=True, kw_only=True)
class Statement:
    """What a line states: indicators, what of it cannot be taken, and why it is ignored if neither is there."""

    indicators: dict[Indicator, None]
    rejects: list[tuple[Rejected, str]]
    ignored: Ignored = Ignored.NO_INDICATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    """A token, how it stands on its line, and what the line is."""

    text: str
    defanged: bool
    listed: bool
    """It fills a cell of its line: the whole line, a column, or what follows a label."""
    alone: bool
    """It is the whole line."""
    before: str
    context_only: bool
    """Bare names and URLs on this line are context: it is a reference or a header, or defangs what it means."""
    command: bool
    """The line holds a Windows path or registry key, so that bare names on it are files."""
    recipients: bool
    """`@` values on this line are message ids or recipients."""


def read_line(text: str, context: Context) -> Statement:
    """Everything that one line (without its end) states; never raises."""
    said = Statement(indicators={}, rejects=[])
    line = text.strip()
    if not line:
        said.ignored = Ignored.BLANK
    elif line[0] == "#":
        said.ignored = Ignored.COMMENT
    elif len(line) > LINE_LIMIT:
        said.rejects.append((Rejected.TOO_LONG, line))
    elif line[0] == "/" and " " not in line:
        said.ignored = Ignored.PATH_WITHOUT_HOST
    else:
        for word in _words(line):
            _read_word(word, context, said)
    return said


def _words(line: str) -> Iterator[_Word]:
    line = _BULLET.sub("", _COMMENT.split(line, maxsplit=1)[0]).strip()
    marked = line if line.isascii() else _PRIVATE.sub(" ", line)
    if not _SPEAKING.search(marked):
        return
    if _BRACKET.search(marked):
        for form, mark in _MARKS:
            marked = form.sub(mark, marked)
    defangs = _PRIVATE.search(marked) is not None or _HXXP.search(marked) is not None
    header = doubts.MAIL_HEADER.match(marked) is not None or doubts.MAIL_TRACE.search(marked) is not None
    command = doubts.COMMAND.search(marked) is not None
    context_only = defangs or header or doubts.REFERENCE.match(marked) is not None
    recipients = doubts.NO_SENDER.match(marked) is not None
    cells = _cells(marked)
    for cell in cells:
        whole, value = _trimmed(cell), _trimmed(_CELL_LABEL.sub("", cell))
        for match in _TOKEN.finditer(cell):
            if not _TELLING.search(match[0]):
                continue
            text = _trimmed(match[0])
            defanged = _is_defanged(text)
            before = cell[: match.start()]
            if not text or (before.endswith("](") and not defanged):
                continue  # a live Markdown link is a citation
            yield _Word(
                text=text,
                defanged=defanged,
                listed=not header and text in (whole, value),
                alone=len(cells) == 1 and text == whole,
                before=before,
                context_only=context_only,
                command=command,
                recipients=recipients,
            )


def _cells(line: str) -> list[str]:
    """The columns of a line. A comma or semicolon between other characters parts cells only on a line of columns."""
    if not re.search(r"[,;]\S", line):
        return [cell for cell in _CELL.split(line) if cell]
    for mark in ",;":
        cells = [cell.strip() for cell in line.split(mark)]
        if len(cells) > 1 and any(_is_column(cell) for cell in cells[1:]):
            return [part for cell in cells for part in _CELL.split(cell) if part]
    return [cell for cell in re.split(r"\t+|\s{2,}|[,;|]\s+|\s+[-\u2013\u2014]\s+", line) if cell]


def _is_column(cell: str) -> bool:
    cell = cell.strip("\"'")
    return bool(_SCHEME.match(cell) or _DATED.fullmatch(cell) or _HEX.fullmatch(cell) or _QUAD.fullmatch(cell))


def _is_defanged(text: str) -> bool:
    return _PRIVATE.search(text) is not None or _HXXP.match(text) is not None


def _trimmed(text: str) -> str:
    """Without the punctuation of the sentence around it, and without a bracket that opened before it."""
    while text:
        last = text[-1]
        if last in ".,;:!?*'\"" or (last in ")]}" and text.count(last) > text.count("([{"[")]}".index(last)])):
            text = text[:-1]
        else:
            break
    # emphasis goes, a wildcard's star stays
    return text.lstrip("'\"(") if _WILDCARD.match(text) else text.lstrip("*'\"(")


def _read_word(word: _Word, context: Context, said: Statement) -> None:
    text = word.text
    scheme = _SCHEME_WITHIN.search(text)
    if scheme is not None:
        _read_url(word, text[scheme.start(1) :].translate(_PLAIN), scheme[1].lower(), context, said)
        return
    if "\\" in text or text[0] in "/~@$%-=&" or text.startswith("./"):
        return
    if _WILDCARD.match(text) or _RANGE.fullmatch(text):
        if word.defanged or word.listed:
            _take(Rejected.REGULAR_EXPRESSION if text[0] == "*" else Rejected.NOT_AN_INDICATOR, word, said)
        return
    head = re.split("[/\ue003]", text, maxsplit=1)[0]
    if "=" in head:
        text = text.split("=", 1)[1].strip("=")
    text = _LABEL.sub("", text).translate(_PLAIN).rstrip("=")
    if not text:
        return
    if "@" in text and "/" not in text:
        _read_email(word, text, context, said)
    elif _HEX.fullmatch(text):
        _read_digest(word, text, context, said)
    elif _QUAD_SHAPED.fullmatch(text) or (text.count(":") > 1 and _V6.fullmatch(text)):
        _read_address(word, text, context, said)
    elif word.alone and _ASN.fullmatch(text):
        _take(read_value(text, context.is_public_suffix), word, said)
    elif "." in text:
        _read_name(word, text, context, said)


def _read_url(word: _Word, text: str, scheme: str, context: Context, said: Statement) -> None:
    plain = scheme.replace("hxxp", "http").replace("fxp", "ftp")
    if plain not in doubts.SCHEMES or (word.context_only and not word.defanged):
        return
    read = read_value(text, context.is_public_suffix)
    if isinstance(read, Indicator) and not _host_exists(host_of(read), context):
        read = Rejected.HOST_NAME
    if isinstance(read, Indicator) or word.defanged or word.listed:
        _take(read, word, said)


def _read_email(word: _Word, text: str, context: Context, said: Statement) -> None:
    local, _, domain = text.rpartition("@")
    if not local or not domain or (word.recipients and not word.defanged) or doubts.is_message_id(local):
        return
    if word.context_only and not word.defanged and not doubts.MAIL_HEADER.match(word.before):
        return
    read: Indicator | Rejected | Ignored = read_value(text, context.is_public_suffix)
    if doubts.is_redacted(local) or (isinstance(read, Indicator) and not context.has_known_suffix(host_of(read))):
        read = Rejected.EMAIL
    if isinstance(read, Indicator) or word.defanged or word.listed or "<" in word.before[-1:]:
        _take(read, word, said)


def _read_digest(word: _Word, text: str, context: Context, said: Statement) -> None:
    if len(text) in _OTHER_DIGESTS or len(text) > 128 or (text.isdigit() and not word.listed):
        return
    read = read_value(text, context.is_public_suffix)
    if isinstance(read, Indicator) and read.kind in HASHES:
        _take(read, word, said)
    elif word.listed:
        _take(Rejected.HASH, word, said)


def _read_address(word: _Word, text: str, context: Context, said: Statement) -> None:
    quad = _QUAD_SHAPED.fullmatch(text) is not None
    if quad and not word.defanged and not word.alone and doubts.is_version(text, word.before, listed=word.listed):
        return
    read = read_value(text, context.is_public_suffix)
    private = read is Rejected.ADDRESS_NOT_ROUTABLE and (quad or _V6_HOME.match(text) is not None)
    mistaken = quad and _QUAD.match(text) is not None and read in (Rejected.PORT, Rejected.CIDR)
    # four numbers that are no address are a typing error on their own or in a column, but `15.1.2044.4` is a version
    shaped = (word.alone or _QUAD.match(text) is not None) if quad else ("::" in text or text.count(":") == 7)
    written = word.listed and shaped
    if isinstance(read, Indicator) or word.defanged or written or private or mistaken:
        _take(read, word, said)


def _read_name(word: _Word, text: str, context: Context, said: Statement) -> None:
    """A domain, `domain:port`, or either with a path; the ending decides whether it is a name or a file."""
    name = re.split(r"[/:?]", text, maxsplit=1)[0].rstrip(".")
    if not _host_exists(name, context):
        if word.defanged:
            _take(Rejected.HOST_NAME, word, said)
        return
    if not word.defanged:
        if is_file(text, context):
            if word.listed:
                _take(Rejected.NOT_AN_INDICATOR, word, said)
            return
        if not word.listed and (word.context_only or word.command or not doubts.is_name_in_text(name)):
            return
    read = read_value(text, context.is_public_suffix)
    if isinstance(read, Indicator) or word.defanged or word.listed:
        _take(read, word, said)


def _take(read: Indicator | Rejected | Ignored, word: _Word, said: Statement) -> None:
    if isinstance(read, Indicator):
        said.indicators[read] = None
    elif isinstance(read, Rejected):
        said.rejects.append((read, word.text.translate(_PLAIN)))
    else:
        said.ignored = read


def host_of(indicator: Indicator) -> str:
    """The domain or address that an indicator stands on, in canonical form."""
    if indicator.kind is IndicatorType.EMAIL:
        return indicator.value.rpartition("@")[2]
    if indicator.kind is not IndicatorType.URL:
        return indicator.value
    authority = re.split(r"[/?#\\]", indicator.value.split("://", 1)[1], maxsplit=1)[0].rpartition("@")[2]
    return authority[1:].partition("]")[0] if authority.startswith("[") else authority.partition(":")[0]


def is_file(text: str, context: Context) -> bool:
    """Is a bare name, with or without a path, more likely a file's? `a.py` is; `a.com.py` stands under a registry."""
    name, slash, _ = text.lower().partition("/")
    labels = name.partition(":")[0].rstrip(".").split(".")
    endings = doubts.ARCHIVE_ENDINGS if slash else doubts.FILE_ENDINGS
    return labels[-1] in endings and not (len(labels) > 2 and context.is_public_suffix(".".join(labels[-2:])))


def _host_exists(host: str, context: Context) -> bool:
    """Is it an address, or a name under a top-level domain that exists?"""
    if ":" in host or _QUAD.fullmatch(host):
        return True
    name = host.lower()
    if not name.isascii():
        read = read_value(name, context.is_public_suffix, {IndicatorType.DOMAIN})
        if not isinstance(read, Indicator):
            return False
        name = read.value
    return "." in name and context.has_known_suffix(name)
