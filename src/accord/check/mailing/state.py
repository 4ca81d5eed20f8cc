"""What the check by e-mail remembers: to whom it wrote of late, and which links it gave. No mail address stands in it.

A mail address is remembered by the first 20 bytes of HMAC-SHA256(pepper, 64 and the address), which name its record
in the check data (docs/check-data.md); a link by SHA-256 of its token, of 256 random bits. Both are forgotten when they
do not count any more. A letter is begun before it goes out, and settled when that is certain: whoever's was begun when
the process ended may ask again, and a link that did reach them works.
"""

import hashlib
import os
import sqlite3
import threading
from pathlib import Path

from accord.vocabulary.errors import OutputError

DAY_S = 86_400
"""From one mail to an address to the next."""
LINK_S = 2 * DAY_S
"""For which a link can be opened."""

_TABLES = """
CREATE TABLE IF NOT EXISTS letters (mailbox BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS links (
    token BLOB PRIMARY KEY, mailbox BLOB NOT NULL, expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS begun (mailbox BLOB PRIMARY KEY) WITHOUT ROWID;
"""


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
            self._database.executescript(_TABLES)
            with self._database:
                self._database.execute("BEGIN IMMEDIATE")
                self._database.execute("DELETE FROM letters WHERE mailbox IN (SELECT mailbox FROM begun)")
                self._database.execute("DELETE FROM begun")
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

    def wrote(self, mailbox: bytes, now_s: int) -> bool:
        """Did a mail go out within a day?"""
        with self._lock:
            found = self._database.execute(
                "SELECT 1 FROM letters WHERE mailbox = ? AND at > ?", (mailbox, now_s - DAY_S)
            )
            return found.fetchone() is not None

    def begin_letter(self, mailbox: bytes, token: bytes, now_s: int) -> bool:
        """Remember a mail that is about to go out with a link; False: one went out within a day, and none may.

        What is begun is settled or undone.
        """
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._forget(now_s)
            done = self._database.execute("INSERT OR IGNORE INTO letters VALUES (?, ?)", (mailbox, now_s))
            if done.rowcount != 1:
                return False
            self._database.execute("INSERT OR IGNORE INTO begun VALUES (?)", (mailbox,))
            self._database.execute("INSERT INTO links VALUES (?, ?, ?)", (_hashed(token), mailbox, now_s + LINK_S))
            return True

    def settle_letter(self, mailbox: bytes) -> None:
        """That a mail went out, or may have."""
        with self._lock, self._database:
            self._database.execute("DELETE FROM begun WHERE mailbox = ?", (mailbox,))

    def undo_letter(self, mailbox: bytes, token: bytes) -> None:
        """Forget a mail that nobody has taken."""
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("DELETE FROM letters WHERE mailbox = ?", (mailbox,))
            self._database.execute("DELETE FROM begun WHERE mailbox = ?", (mailbox,))
            self._database.execute("DELETE FROM links WHERE token = ?", (_hashed(token),))

    def _forget(self, now_s: int) -> None:
        self._database.execute("DELETE FROM letters WHERE at <= ? OR at > ?", (now_s - DAY_S, now_s + DAY_S))
        self._database.execute("DELETE FROM links WHERE expires <= ?", (now_s,))

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
            # all rows are read, or the deletion would not be committed
            found = self._database.execute(
                "DELETE FROM links WHERE token = ? AND expires > ? RETURNING mailbox", (_hashed(token), now_s)
            ).fetchall()
        return bytes(found[0][0]) if found else None


def _hashed(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
