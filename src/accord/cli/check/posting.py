"""The check by e-mail as the process that answers runs it: its state, its own look at the data, and the mail server."""

import re
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

from accord.check.mailing.letters import letter
from accord.check.mailing.pages import MailPages
from accord.check.mailing.settings import MailSettings
from accord.check.mailing.state import MailState
from accord.check.mailing.waiting import Mailing
from accord.check.rendering import Hub
from accord.check.settings import CheckSettings
from accord.check.snapshot import CheckData, current
from accord.workspace.mail import Given, give, password_of

_CODE = re.compile("[2-5][0-9]{2}", re.ASCII)
"""What a server answers (RFC 5321, 4.2)."""


MAIL_S = 120
"""Within which a mail is given to the server, from connecting to its last word; then the connection is ended."""


class Post:
    """What waits to be written, and writes it; `look_up` and `write` are called by a thread each."""

    def __init__(
        self,
        settings: CheckSettings,
        mail: MailSettings,
        hub: Hub,
        pepper: bytes,
        tell: Callable[[Mapping[str, object]], None],
    ) -> None:
        """Open the state and the data; `tell` hears of mails that did not go out. Raises AccordError."""
        self._settings = settings
        self._mail = mail
        self._hub = hub
        self._pepper = pepper
        self._password = password_of(mail)
        self._data = CheckData.open(settings.data, pepper)
        self._tell = tell
        state = MailState(mail.state, int(time.time()))
        self._mailing = Mailing(
            mail,
            state,
            digest=self._name,
            last_seen=self._last_seen,
            send=self._send,
            below=secrets.randbelow,
            draw=secrets.token_bytes,
            clock_s=time.time,
        )
        self.pages = MailPages(mail, hub, self._mailing, state, salt=secrets.token_bytes(16), clock_s=time.time)

    def look_up(self) -> None:
        """Look up what is due in the version of the data that counts now. Raises AccordError."""
        if current(self._settings.data) != self._data.version:
            before, self._data = self._data, CheckData.open(self._settings.data, self._pepper)
            before.close()
        self._mailing.look_up()

    def write(self) -> None:
        """Write what is due; a server that stalls holds this up, and nothing else."""
        self._mailing.write()

    def _name(self, mailbox: bytes) -> bytes:
        return self._data.mailbox_name(mailbox)

    def _last_seen(self, name: bytes) -> date | None:
        sighting = self._data.named_mailbox(name)
        return None if sighting is None else sighting.last_seen

    def _send(self, to: str, language: str, token: bytes, last: bool) -> Given:
        name = secrets.token_hex(16)
        message = letter(self._mail, self._hub.name, to, language, token, datetime.now(UTC), name, last=last)
        came = give(
            self._mail,
            sender=self._mail.sender,
            to=to,
            name=name,
            message=message,
            password=self._password,
            before_data=lambda: None,
            within_s=MAIL_S,
        )
        if came.given is not Given.TAKEN:
            # a server's words may hold the address: its code alone is told, where it said one
            code = came.said.partition(" ")[0]
            self._tell({"mail": came.given.value, "code": int(code) if _CODE.fullmatch(code) else None})
        return came.given
