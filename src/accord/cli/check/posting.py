"""The check by e-mail as the process that answers runs it: its state, its own look at the data, and the mail server."""

import secrets
import time
from datetime import UTC, datetime

from accord.check.mailing.letters import letter
from accord.check.mailing.pages import MailPages
from accord.check.mailing.settings import MailSettings
from accord.check.mailing.state import MailState
from accord.check.mailing.waiting import Mailing
from accord.check.rendering import Hub
from accord.check.settings import CheckSettings
from accord.check.snapshot import CheckData, current
from accord.cli.terminal import talk
from accord.workspace.mail import Given, give, password_of


class Post:
    """What waits to be written, and writes it; `work` is called by one thread, which alone looks into the data here."""

    def __init__(self, settings: CheckSettings, mail: MailSettings, hub: Hub, pepper: bytes) -> None:
        """Open the state and the data. Raises AccordError."""
        self._settings = settings
        self._mail = mail
        self._hub = hub
        self._pepper = pepper
        self._password = password_of(mail)
        self._data = CheckData.open(settings.data, pepper)
        state = MailState(mail.state)
        self._mailing = Mailing(
            mail,
            state,
            digest=self._name,
            seen=self._seen,
            send=self._send,
            below=secrets.randbelow,
            draw=secrets.token_bytes,
            clock_s=time.time,
        )
        self.pages = MailPages(mail, hub, self._mailing, state, salt=secrets.token_bytes(16), clock_s=time.time)

    def work(self) -> None:
        """Write what is due, from the version of the data that counts now. Raises AccordError."""
        if current(self._settings.data) != self._data.version:
            before, self._data = self._data, CheckData.open(self._settings.data, self._pepper)
            before.close()
        self._mailing.work()

    def _name(self, mailbox: bytes) -> bytes:
        return self._data.mailbox_name(mailbox)

    def _seen(self, name: bytes) -> bool:
        return self._data.named_mailbox(name) is not None

    def _send(self, to: str, language: str, token: bytes) -> Given:
        name = secrets.token_hex(16)
        message = letter(self._mail, self._hub.name, to, language, token, datetime.now(UTC), name)
        came = give(
            self._mail,
            sender=self._mail.sender,
            to=to,
            name=name,
            message=message,
            password=self._password,
            before_data=lambda: None,
        )
        if came.given in {Given.LATER, Given.UNKNOWN}:
            # a server's words may hold the address: they are told to nobody
            what = "is tried again" if came.given is Given.LATER else "is perhaps lost"
            talk(f"a mail {what}: the server has not said that it took it")
        return came.given
