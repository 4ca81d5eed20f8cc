"""What the check by e-mail remembers: to whom it wrote of late, and which links it gave. No mail address stands in it.

A mail address is remembered by the first 20 bytes of HMAC-SHA256(pepper, 64 and the address), which name its record
in the check data (docs/check-data.md); a link by SHA-256 of its token, of 256 random bits. All are forgotten when they
do not count any more. A letter is begun before it goes out, and settled when that is certain: whoever's was begun when
the process ended may ask again, and a link that did reach them works.

Somebody may ask about another's address day after day. So of mails that nobody opens there are three, and then none
for 30 days, for which the link of the third works; and whoever reads the mail may want none any more about what is
known now.
"""

import hashlib
import os
import sqlite3
import threading
from datetime import date
from pathlib import Path

from accord.check.layout import OLDEST
from accord.vocabulary.errors import OutputError

DAY_S = 86_400
"""From one mail to an address to the next."""
LINK_S = 2 * DAY_S
"""For which a link can be opened."""
MONTH_S = 30 * DAY_S
"""After a mail that none followed, for which no more comes where UNOPENED came that nobody opened."""
UNOPENED = 3

_SCHEMA = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS letters (
    mailbox BLOB PRIMARY KEY, at INTEGER NOT NULL, unopened INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS links (
    token BLOB PRIMARY KEY, mailbox BLOB NOT NULL, made INTEGER NOT NULL, expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS begun (mailbox BLOB PRIMARY KEY, at INTEGER, unopened INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS silenced (mailbox BLOB PRIMARY KEY, day INTEGER NOT NULL) WITHOUT ROWID;
"""
_FIRST_DAY = date(1970, 1, 1).toordinal()


class MailState:
    """The state's file, open; threads may share it."""

    def __init__(self, folder: Path, now_s: int) -> None:
        """Open the state in a folder, and make it where there is none. Raises OutputError."""
        path = folder / "mail.db"
        self._lock = threading.Lock()
        try:
            folder.mkdir(0o700, parents=True, exist_ok=True)
            # before sqlite3 makes it with what the umask leaves
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA secure_delete = ON")
            if self._database.execute("PRAGMA user_version").fetchone()[0] != _SCHEMA:
                # of an earlier Accord's, which remembers two days at most
                self._database.executescript(
                    f"DROP TABLE IF EXISTS letters; DROP TABLE IF EXISTS links; DROP TABLE IF EXISTS begun; "
                    f"PRAGMA user_version = {_SCHEMA};"
                )
            self._database.executescript(_TABLES)
            with self._database:
                self._database.execute("BEGIN IMMEDIATE")
                for (mailbox,) in self._database.execute("SELECT mailbox FROM begun").fetchall():
                    self._restore(mailbox)
            self.purge(now_s)
        except (OSError, sqlite3.Error) as error:
            raise OutputError(
                "What the check by e-mail remembers cannot be kept.",
                where=str(path),
                got=str(error),
                remedy="see who owns the folder that mail.state names",
            ) from error

    def close(self) -> None:
        """Nothing is remembered any more."""
        self._database.close()

    def purge(self, now_s: int) -> None:
        """Forget what does not count any more, in the file as well."""
        with self._lock:
            with self._database:
                self._database.execute("BEGIN IMMEDIATE")
                self._forget(now_s)
            # what was deleted stands in the log until that is folded into the file
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def may_write(self, mailbox: bytes, last_seen: date, now_s: int) -> bool:
        """May a mail go out about what was last seen on a day?"""
        with self._lock:
            silenced = self._database.execute(
                "SELECT 1 FROM silenced WHERE mailbox = ? AND day >= ?", (mailbox, last_seen.toordinal())
            )
            return silenced.fetchone() is None and not self._held(mailbox, now_s)

    def begin_letter(self, mailbox: bytes, token: bytes, now_s: int) -> int | None:
        """Remember a mail that is about to go out with a link; None: one went out of late, and none may.

        What is begun is settled, undone or refused. Of how many that nobody opened it is the last, this one included.
        """
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._forget(now_s)
            if self._held(mailbox, now_s):
                return None
            at, before = self._written(mailbox) or (None, None)
            unopened = (before or 0) + 1
            expires = now_s + (MONTH_S if unopened >= UNOPENED else LINK_S)
            self._database.execute("INSERT OR REPLACE INTO begun VALUES (?, ?, ?)", (mailbox, at, before))
            self._database.execute("INSERT OR REPLACE INTO letters VALUES (?, ?, ?)", (mailbox, now_s, unopened))
            self._database.execute("INSERT INTO links VALUES (?, ?, ?, ?)", (_hashed(token), mailbox, now_s, expires))
            return unopened

    def settle_letter(self, mailbox: bytes) -> None:
        """That a mail went out, or may have."""
        with self._lock, self._database:
            self._database.execute("DELETE FROM begun WHERE mailbox = ?", (mailbox,))

    def refuse_letter(self, mailbox: bytes, token: bytes) -> None:
        """That the server refused a mail for good: it counts as one that nobody opened, and its link for nothing."""
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("DELETE FROM begun WHERE mailbox = ?", (mailbox,))
            self._database.execute("DELETE FROM links WHERE token = ?", (_hashed(token),))

    def undo_letter(self, mailbox: bytes, token: bytes) -> None:
        """Forget a mail that nobody has taken."""
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._restore(mailbox)
            self._database.execute("DELETE FROM links WHERE token = ?", (_hashed(token),))

    def knows(self, token: bytes, now_s: int) -> bool:
        """Can a link be opened still? Nothing changes by it."""
        with self._lock:
            found = self._database.execute(
                "SELECT 1 FROM links WHERE token = ? AND expires > ?", (_hashed(token), now_s)
            )
            return found.fetchone() is not None

    def open_link(self, token: bytes, now_s: int) -> bytes | None:
        """The mailbox of a link, which is used up by it; None: there is none, or it was opened, or is too old."""
        with self._lock, self._database:
            # all rows are read, or the change would not be committed
            found = self._database.execute(
                "UPDATE links SET expires = 0 WHERE token = ? AND expires > ? RETURNING mailbox",
                (_hashed(token), now_s),
            ).fetchall()
            if not found:
                return None
            self._database.execute("UPDATE letters SET unopened = 0 WHERE mailbox = ?", found[0])
        return bytes(found[0][0])

    def can_silence(self, token: bytes, now_s: int) -> bool:
        """Can whoever has this link want no more mails? Opened or not, for 30 days."""
        with self._lock:
            return self._mailbox_of(token, now_s) is not None

    def silence(self, token: bytes, day: date, now_s: int) -> bool:
        """Write no more to whom this link was given about anything seen up to a day; False: there is no such link."""
        with self._lock, self._database:
            mailbox = self._mailbox_of(token, now_s)
            if mailbox is None:
                return False
            self._database.execute("INSERT OR REPLACE INTO silenced VALUES (?, ?)", (mailbox, day.toordinal()))
            return True

    def _held(self, mailbox: bytes, now_s: int) -> bool:
        at, unopened = self._written(mailbox) or (0, 0)
        return at > now_s - (MONTH_S if unopened >= UNOPENED else DAY_S)

    def _written(self, mailbox: bytes) -> tuple[int, int] | None:
        """When the last mail went out, and how many that nobody opened."""
        found = self._database.execute("SELECT at, unopened FROM letters WHERE mailbox = ?", (mailbox,)).fetchone()
        return None if found is None else (int(found[0]), int(found[1]))

    def _mailbox_of(self, token: bytes, now_s: int) -> bytes | None:
        found = self._database.execute(
            "SELECT mailbox FROM links WHERE token = ? AND made > ?", (_hashed(token), now_s - MONTH_S)
        ).fetchone()
        return None if found is None else bytes(found[0])

    def _restore(self, mailbox: bytes) -> None:
        """As it was before the letter that was begun."""
        self._database.execute("DELETE FROM letters WHERE mailbox = ?", (mailbox,))
        self._database.execute(
            "INSERT INTO letters SELECT mailbox, at, unopened FROM begun WHERE mailbox = ? AND at IS NOT NULL",
            (mailbox,),
        )
        self._database.execute("DELETE FROM begun WHERE mailbox = ?", (mailbox,))

    def _forget(self, now_s: int) -> None:
        # what was opened counts for a day; what was not, until no more is held back by it
        self._database.execute(
            "DELETE FROM letters WHERE at <= ? OR at > ? OR (unopened = 0 AND at <= ?)",
            (now_s - MONTH_S, now_s + DAY_S, now_s - DAY_S),
        )
        self._database.execute("DELETE FROM links WHERE made <= ?", (now_s - MONTH_S,))
        # of what was seen longer ago nothing is told
        today = now_s // DAY_S + _FIRST_DAY
        self._database.execute("DELETE FROM silenced WHERE day < ?", (today - OLDEST,))


def _hashed(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
