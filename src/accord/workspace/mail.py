"""A hub's mail: the table [mail] of its settings, and how one message is given to the server that sends it on.

The connection is encrypted by TLS, from its first byte or by STARTTLS (RFC 3207), and the server's certificate is
verified for its name: there is no setting that switches that off, and nothing is said over a connection without it.
What came of giving a message away is one of four things (RFC 5321, 4.2.1, 6.1), which differ in who has it now.
"""

import os
import re
import smtplib
import socket
import ssl
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

from accord.vocabulary.errors import SettingsError, UnreadableError
from accord.workspace.regular import open_regular, unreadable
from accord.workspace.settings import SettingsTable, known, unique
from accord.workspace.translations import LANGUAGES

PASSWORD = "ACCORD_MAIL_PASSWORD"  # noqa: S105 -- the name of a variable
_Name = TypeVar("_Name", bound=str)

TIMEOUT_S = 60
"""For which a step of the server's may last."""
SECRET_BYTES = 1 << 12
PEM_BYTES = 1 << 18

_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*/=?^_`{|}~+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?", re.ASCII
)


class Security(StrEnum):
    """How a connection is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correspondent:
    """A partner that is written to."""

    partner: str
    address: str
    certificate: Path | None
    """For which its mail is encrypted (S/MIME)."""
    openpgp: Path | None
    """Or for which it is, by OpenPGP; neither: it is not, and nothing but TLP:CLEAR goes there."""
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """How a hub writes, and to whom."""

    host: str
    port: int
    security: Security
    ca_file: Path | None
    """Whose certificates are trusted; None: those that the system trusts."""
    user: str | None
    password_file: Path | None
    sender: str
    bounces: str
    """Where failures are told to; the address that a mail has there names the mail."""
    certificate: Path
    key_file: Path
    openpgp_key_file: Path | None
    """By which mail that is encrypted by OpenPGP is signed; None: it is not."""
    every: timedelta
    """From one mail to a recipient to the next."""
    most_bytes: int
    recipients: tuple[Correspondent, ...]

    def bounce_address(self, name: str) -> str:
        """Where failures of one mail are told to (variable envelope return paths)."""
        local, _, domain = self.bounces.partition("@")
        return f"{local}+{name}@{domain}"

    @property
    def domain(self) -> str:
        """Of the sender's address; ids of messages end in it."""
        return self.sender.partition("@")[2]


def read_mail(table: SettingsTable, partners: Mapping[_Name, object]) -> Mail | None:
    """The table [mail]; None: there is none. Raises SettingsError."""
    if not table.offers("mail"):
        return None
    own = table.table("mail")
    folder = own.file.resolve().parent
    security = own.choice("security", Security, Security.STARTTLS)
    user, password_file = own.optional_text("user"), own.optional_text("password_file")
    rows = [(one, _read_correspondent(one, partners, folder)) for one in own.tables("recipient")]
    unique([(one, row.partner) for one, row in rows], "partner")
    sender = _address(own, "from")
    mail = Mail(
        host=own.text("host"),
        port=own.whole_number("port", least=1, most=65535, default=587 if security is Security.STARTTLS else 465),
        security=security,
        ca_file=_file(own, "ca_file", folder),
        user=user,
        password_file=None if password_file is None else folder / password_file,
        sender=sender,
        bounces=_address(own, "bounces") if own.offers("bounces") else sender,
        certificate=folder / own.text("certificate"),
        key_file=folder / own.text("key_file"),
        openpgp_key_file=_file(own, "openpgp_key_file", folder),
        every=timedelta(hours=own.whole_number("every_hours", least=0, most=8760, default=24)),
        most_bytes=own.whole_number("most_mib", least=1, most=100, default=20) << 20,
        recipients=tuple(row for _, row in rows),
    )
    own.done()
    return mail


def _read_correspondent(table: SettingsTable, partners: Mapping[_Name, object], folder: Path) -> Correspondent:
    (language,) = (*table.languages("language"), LANGUAGES[0])[:1]
    one = Correspondent(
        partner=known(table, "partner", table.text("partner"), partners, "partner"),
        address=_address(table, "address"),
        certificate=_file(table, "certificate", folder),
        openpgp=_file(table, "openpgp", folder),
        language=language,
    )
    if one.certificate is not None and one.openpgp is not None:
        raise table.wrong("openpgp", "`certificate` or `openpgp`: a mail is encrypted in one way", str(one.openpgp))
    table.done()
    return one


def _file(table: SettingsTable, name: str, folder: Path) -> Path | None:
    said = table.optional_text(name)
    return None if said is None else folder / said


def _address(table: SettingsTable, name: str) -> str:
    said = table.text(name)
    if _ADDRESS.fullmatch(said) is None or ".." in said:
        raise table.wrong(name, "one mail address in ASCII, without a name", said)
    return said


def read_pem(path: Path, what: str) -> bytes:
    """The bytes of a certificate or key. Raises UnreadableError."""
    return _read(path, what, PEM_BYTES)


def read_secret_pem(path: Path, what: str) -> bytes:
    """The bytes of a key. Raises UnreadableError, and SettingsError when others can read it."""
    data = read_pem(path, what)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise SettingsError(
            f"The {what} of the mail can be read by others.",
            where=str(path),
            expected="mode 0600",
            got=f"mode {mode:04o}",
            remedy=f"chmod 600 {path}",
        )
    return data


class MailServer(Protocol):
    """The server that sends on what it is given, and how it is reached."""

    @property
    def host(self) -> str:
        """Its name, for which its certificate must be."""

    @property
    def port(self) -> int:
        """At which it listens."""

    @property
    def security(self) -> Security:
        """How the connection is encrypted."""

    @property
    def ca_file(self) -> Path | None:
        """Whose certificates are trusted; None: those that the system trusts."""

    @property
    def user(self) -> str | None:
        """Who logs in; None: nobody does."""

    @property
    def password_file(self) -> Path | None:
        """Where the password stands; None: in the environment."""

    @property
    def domain(self) -> str:
        """By which we greet it."""


def password_of(mail: MailServer) -> str | None:
    """The password of `user`, from its file, else from the environment; None: no user is named.

    Raises SettingsError when there is none, UnreadableError when the file cannot be read.
    """
    if mail.user is None:
        return None
    if mail.password_file is not None:
        said = _read(mail.password_file, "password", SECRET_BYTES).decode("utf-8", "replace").rstrip("\r\n")
    else:
        said = os.environ.get(PASSWORD, "")
    if not said:
        raise SettingsError(
            "There is no password for the mail server.",
            where="[mail]",
            expected=f"mail.password_file, which holds one line, or {PASSWORD} in the environment",
        )
    return said


def _read(path: Path, what: str, most: int) -> bytes:
    try:
        with open_regular(path) as file:
            data = file.read(most + 1)
    except OSError as error:
        raise unreadable(error, path, f"The {what} of the mail cannot be read.") from error
    if len(data) > most:
        raise UnreadableError(f"The {what} of the mail is too large.", where=str(path), expected=f"{most:,} bytes")
    return data


class Given(StrEnum):
    """What came of giving a message to a server."""

    TAKEN = "taken"
    """The server said 250: it has it now."""
    LATER = "later"
    """Nobody but us has it: the server was not reached, or asks us to come again."""
    REFUSED = "refused"
    """Nobody but us has it, and the server will not take it."""
    UNKNOWN = "unknown"
    """The connection ended after the message was on its way and before the answer came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came of giving a message away, and the server's words."""

    given: Given
    said: str


def give(
    mail: MailServer,
    *,
    sender: str,
    to: str,
    name: str,
    message: bytes,
    password: str | None,
    before_data: Callable[[], None],
    within_s: float | None = None,
) -> Came:
    """Give one message to the server. `before_data` is called when the server has taken sender and recipient: once it
    has returned, the message may have gone out.

    `name`, letters, digits and `-`: by it a report on the delivery names the mail, where the server offers that (RFC
    3461, 4.4). Reports are asked for of failures alone, and bring headers back, not what the mail held.

    `within_s`: the connection is ended after so long, wherever it stands; None: each of the server's steps is bounded,
    and a server that sends a byte at a time may take as long as it likes.
    """
    begun = False
    try:
        with _connected(mail, password, within_s) as smtp:
            reports = smtp.has_extn("dsn")
            code, said = smtp.mail(sender, [f"ENVID={name}", "RET=HDRS"] if reports else ())
            if code // 100 == 2:
                code, said = smtp.rcpt(to, ["NOTIFY=FAILURE"] if reports else ())
            if code // 100 != 2:
                return _refused(code, said)
            before_data()
            begun = True
            code, said = smtp.data(message)
            return _refused(code, said) if code // 100 != 2 else Came(given=Given.TAKEN, said=_words(code, said))
    except smtplib.SMTPDataError as error:
        # the server answered DATA, and wants no message
        return _refused(error.smtp_code, error.smtp_error)
    except smtplib.SMTPNotSupportedError as error:
        return Came(given=Given.LATER, said=f"the server offers no encryption or no log-in: {error}")
    except smtplib.SMTPResponseException as error:
        return Came(given=Given.LATER, said=_words(error.smtp_code, error.smtp_error))
    except (smtplib.SMTPException, OSError) as error:
        return Came(given=Given.UNKNOWN if begun else Given.LATER, said=str(error) or type(error).__name__)


@contextmanager
def _connected(mail: MailServer, password: str | None, within_s: float | None) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context(cafile=None if mail.ca_file is None else str(mail.ca_file))
    smtp: smtplib.SMTP
    with _Deadline(within_s) as deadline:
        if mail.security is Security.TLS:
            smtp = _TlsSmtp(deadline, mail.host, mail.port, mail.domain, timeout=TIMEOUT_S, context=context)
        else:
            smtp = _Smtp(deadline, mail.host, mail.port, mail.domain, timeout=TIMEOUT_S)
        try:
            if mail.security is Security.STARTTLS:
                smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
            if mail.user is not None and password is not None:
                smtp.login(mail.user, password)
            yield smtp
        finally:
            # what the server said of the message stands, however the connection ends
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            smtp.close()


class _Deadline:
    """Ends a connection after a time, whoever waits for it and whatever it was wrapped into."""

    def __init__(self, within_s: float | None) -> None:
        self._timer = None if within_s is None else threading.Timer(within_s, self._end)
        self._lock = threading.Lock()
        self._over = False
        self._own: socket.socket | None = None

    def __enter__(self) -> "_Deadline":
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            if self._own is not None:
                self._own.close()
                self._own = None

    def begin(self, connection: socket.socket) -> None:
        """Watch over a connection. Raises TimeoutError when the time is over already."""
        with self._lock:
            # a descriptor of our own: TLS takes that of the socket which it wraps
            self._own = socket.socket(fileno=os.dup(connection.fileno()))
            if self._over:
                connection.close()
                raise TimeoutError("the time for this mail is over")

    def _end(self) -> None:
        with self._lock, suppress(OSError):
            self._over = True
            if self._own is not None:
                self._own.shutdown(socket.SHUT_RDWR)


class _Smtp(smtplib.SMTP):
    """Connected under a deadline."""

    def __init__(self, deadline: _Deadline, host: str, port: int, domain: str, *, timeout: float) -> None:
        self._deadline = deadline
        super().__init__(host, port, domain, timeout=timeout)

    def _get_socket(self, *asked: Any) -> socket.socket:  # noqa: ANN401 -- as smtplib calls it: host, port, timeout
        connection = super()._get_socket(*asked)  # type: ignore[misc]  # where smtplib's own classes differ
        self._deadline.begin(connection)
        return connection  # type: ignore[no-any-return]


class _TlsSmtp(smtplib.SMTP_SSL):
    """As above, encrypted from the first byte."""

    def __init__(
        self, deadline: _Deadline, host: str, port: int, domain: str, *, timeout: float, context: ssl.SSLContext
    ) -> None:
        self._deadline = deadline
        super().__init__(host, port, domain, timeout=timeout, context=context)

    def _get_socket(self, *asked: Any) -> socket.socket:  # noqa: ANN401 -- as above
        connection = super()._get_socket(*asked)  # type: ignore[misc]
        self._deadline.begin(connection)
        return connection  # type: ignore[no-any-return]


def _refused(code: int, said: bytes | str) -> Came:
    return Came(given=Given.REFUSED if code // 100 == 5 else Given.LATER, said=_words(code, said))


def _words(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(text.split())}"[:400]
