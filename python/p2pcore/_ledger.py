"""The ledger: what was given to and received from each identity, kept across runs in one SQLite file.

Rust counts, each byte once, until the amounts are taken; here they are added to the file, in a thread, every half
minute and at the end. A kill loses what passed since; sessions that share a state folder add up. What the file does not
take, because it is locked or the folder is read-only, waits in memory for the next time. Which torrent it was is not
kept: an identity on a disk is enough.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from p2pcore._errors import StorageError
from p2pcore._public import public

if TYPE_CHECKING:
    from p2pcore._p2pcore import RawSession

NAME = "ledger.sqlite"
EVERY = 30.0  # seconds between two writes: so much a kill may cost
LIMIT = 100_000  # identities, about 6 MB; those seen longest ago are forgotten
_BUSY = 2.0  # seconds to wait for another session's write, which takes milliseconds

_TABLE = """
    CREATE TABLE IF NOT EXISTS ledger (
        identity TEXT PRIMARY KEY,
        given INTEGER NOT NULL,
        received INTEGER NOT NULL,
        first_seen REAL NOT NULL,
        last_seen REAL NOT NULL
    ) WITHOUT ROWID
"""
_ADD = """
    INSERT INTO ledger VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (identity) DO UPDATE SET
        given = given + excluded.given,
        received = received + excluded.received,
        first_seen = min(first_seen, excluded.first_seen),
        last_seen = max(last_seen, excluded.last_seen)
"""
_FORGET = "DELETE FROM ledger WHERE identity IN (SELECT identity FROM ledger ORDER BY last_seen LIMIT ?)"


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """What passed between us and one identity, over all torrents and runs. Sizes are bytes of payload.

    Attributes:
        identity: A host of a private network, or all behind an IPv4 /24 or an IPv6 /56.
        given: Handed to its connections; what a broken one did not deliver is counted too.
        received: Received from it, useful or not.
        first_seen: When something passed for the first time, to half a minute, in UTC.
        last_seen: When something passed for the last time, to half a minute, in UTC.
    """

    identity: str
    given: int
    received: int
    first_seen: datetime
    last_seen: datetime


class Ledger:
    """The amounts of a session that are not in the file yet, and the file."""

    def __init__(self, path: Path | None) -> None:
        """Keeps them in the file at `path`, which is made when there is something to keep; None: in memory."""
        self._path = path
        # Entered again where the collector ends a session in the midst of a write.
        self._lock = threading.RLock()
        self._new: dict[str, LedgerEntry] = {}

    def settle(self, raw: RawSession) -> StorageError | None:
        """Takes what the engine counted and writes it; to be called in a thread.

        Returns:
            What went wrong. What was not written is kept.
        """
        with self._lock:
            now = datetime.now(UTC)
            rows = raw.take_ledger()
            self._add(LedgerEntry(identity=i, given=g, received=r, first_seen=now, last_seen=now) for i, g, r in rows)
            if self._path is None or not self._new:
                return None
            batch, self._new = self._new, {}
            try:
                return _write(self._path, batch.values())
            except BaseException as error:
                self._add(batch.values())
                if isinstance(error, StorageError):
                    return error
                raise

    def entries(self, raw: RawSession) -> tuple[LedgerEntry, ...]:
        """All there is, whoever got most first; to be called in a thread.

        Raises:
            StorageError: The file could not be read.
        """
        with self._lock:
            self.settle(raw)
            known = () if self._path is None else read(self._path)
            sums = {entry.identity: entry for entry in known}
            for entry in self._new.values():
                sums[entry.identity] = _sum(sums.get(entry.identity), entry)
        return _sorted(sums.values())

    def _add(self, entries: Iterable[LedgerEntry]) -> None:
        for entry in entries:
            self._new[entry.identity] = _sum(self._new.get(entry.identity), entry)
        if (over := len(self._new) - LIMIT) > 0:
            for oldest in sorted(self._new.values(), key=lambda entry: entry.last_seen)[:over]:
                del self._new[oldest.identity]


class Keeper:
    """Has a running session's ledger written now and then. It belongs to the loop in which it is made."""

    def __init__(self, raw: RawSession, ledger: Ledger, tell: Callable[[StorageError], None]) -> None:
        """Starts.

        Args:
            raw: The native session.
            ledger: Its ledger.
            tell: A method that takes what went wrong, once until it goes well; its object is not kept alive.
        """
        self._raw = raw
        self._ledger = ledger
        self._tell = weakref.WeakMethod(tell)
        self._told: str | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._wait()

    async def stop(self) -> None:
        """Writes what is left, after the native session was closed, and ends."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._say(await self._loop.run_in_executor(None, self._ledger.settle, self._raw))

    def _wait(self) -> None:
        self._timer = self._loop.call_later(EVERY, self._settle)

    def _settle(self) -> None:
        if self._tell() is None:
            return  # nobody closed the session, and the collector did
        work = self._loop.run_in_executor(None, self._ledger.settle, self._raw)
        work.add_done_callback(self._settled)

    def _settled(self, work: asyncio.Future[StorageError | None]) -> None:
        if self._timer is not None:
            self._wait()
        if not work.cancelled():
            self._say(work.result())

    def _say(self, error: StorageError | None) -> None:
        text = None if error is None else str(error)
        tell = self._tell()
        if error is not None and text != self._told and tell is not None:
            tell(error)
        self._told = text


def read(path: Path) -> tuple[LedgerEntry, ...]:
    """What a file holds, whoever got most first; nothing where it is not there.

    Raises:
        StorageError: It could not be read.
    """
    with _refused("read", path):
        if not path.exists():
            return ()
        try:
            rows = _select(path, "mode=rw")  # whoever only reads leaves SQLite's other files behind
        except sqlite3.OperationalError as error:
            if _code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            rows = _select(path, "immutable=1")  # a folder in which even readers can make no file
    return _sorted(
        LedgerEntry(
            identity=identity,
            given=given,
            received=received,
            first_seen=datetime.fromtimestamp(first, UTC),
            last_seen=datetime.fromtimestamp(last, UTC),
        )
        for identity, given, received, first, last in rows
    )


def _select(path: Path, how: str) -> list[tuple[str, int, int, float, float]]:
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=_BUSY)) as file:
        if file.execute("SELECT 1 FROM sqlite_master WHERE name = 'ledger'").fetchone() is None:
            return []  # somebody makes it just now
        return file.execute("SELECT identity, given, received, first_seen, last_seen FROM ledger").fetchall()


def _write(path: Path, entries: Iterable[LedgerEntry]) -> StorageError | None:
    """Adds to what is there. A corrupt file is put beside, a new one is begun, and the answer says so."""
    with _refused("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        before = _inode(path)
        try:
            _add_to(path, entries)
        except sqlite3.DatabaseError as error:
            if _code(error) not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise
            aside = _put_aside(path, before)
            _add_to(path, entries)
            return StorageError("read", str(path), None, f"{error}; it was kept as {aside.name} and a new one begun")
    return None


def _add_to(path: Path, entries: Iterable[LedgerEntry]) -> None:
    rows = [
        (entry.identity, entry.given, entry.received, entry.first_seen.timestamp(), entry.last_seen.timestamp())
        for entry in entries
    ]
    with contextlib.closing(sqlite3.connect(path, timeout=_BUSY)) as file:
        with contextlib.suppress(sqlite3.OperationalError):  # at the very first, two may want to: one is enough
            file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA synchronous = NORMAL")
        with file:  # one transaction
            file.execute("BEGIN IMMEDIATE")
            file.execute(_TABLE)
            file.executemany(_ADD, rows)
            (count,) = file.execute("SELECT count(*) FROM ledger").fetchone()
            if count > LIMIT:
                file.execute(_FORGET, (count - LIMIT,))


def _put_aside(path: Path, before: int | None) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    if _inode(path) == before:  # or another session did it meanwhile
        for suffix in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{path}{suffix}").replace(f"{aside}{suffix}")
    return aside


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 where Python itself complains."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _inode(path: Path) -> int | None:
    return path.stat().st_ino if path.exists() else None


@contextlib.contextmanager
def _refused(operation: str, path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(operation, str(path), None, str(error)) from error
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(operation, str(path), error.errno, error.strerror or str(error)) from error


def _sum(one: LedgerEntry | None, other: LedgerEntry) -> LedgerEntry:
    if one is None:
        return other
    return LedgerEntry(
        identity=one.identity,
        given=one.given + other.given,
        received=one.received + other.received,
        first_seen=min(one.first_seen, other.first_seen),
        last_seen=max(one.last_seen, other.last_seen),
    )


def _sorted(entries: Iterable[LedgerEntry]) -> tuple[LedgerEntry, ...]:
    return tuple(sorted(entries, key=lambda entry: (-entry.given, -entry.received, entry.identity)))
