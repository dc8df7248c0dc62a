"""What happens to a torrent, as facts in the past.

Each event is a frozen, slotted, keyword-only dataclass; `match` works on their fields. Progress is no event: it is
state, and `Torrent.status` gives the latest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from p2pcore._public import public

if TYPE_CHECKING:
    from datetime import datetime

    from p2pcore._bans import BanReason
    from p2pcore._errors import P2PError, StorageError
    from p2pcore._p2pcore import File


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The base of all events."""


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class Checked(Event):
    """The data on disk has been checked, or taken from resume data; transfer begins."""


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class PieceVerified(Event):
    """A piece passed its hash, was written, and is served from now on.

    Attributes:
        piece: Index, 0-based over the whole torrent.
    """

    piece: int


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class PieceFailed(Event):
    """A piece failed its hash and is fetched again.

    Attributes:
        piece: Index, 0-based over the whole torrent.
    """

    piece: int


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class FileCompleted(Event):
    """A file is whole: verified, and readable from another process.

    Attributes:
        file: The file.
    """

    file: File


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class DialFailed(Event):
    """A peer could not be connected to. It is dialled again a few times, later and later.

    Attributes:
        address: Its (host, port).
        reason: Why, in words.
    """

    address: tuple[str, int]
    reason: str


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class PeerConnected(Event):
    """Handshakes with a peer were made.

    Attributes:
        address: Its (host, port).
        outgoing: Whether we dialled it.
    """

    address: tuple[str, int]
    outgoing: bool


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class PeerDisconnected(Event):
    """The connection to a peer ended.

    Attributes:
        address: Its (host, port).
        reason: Why, in words.
    """

    address: tuple[str, int]
    reason: str


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class PeerBanned(Event):
    """A peer is not spoken to for a while; see `Torrent.bans`.

    Of a corrupt piece exactly the senders of wrong blocks are banned, once it was fetched anew and is good.

    Attributes:
        address: Its (host, port).
        reason: What it did: "corrupt data", "flood" or "protocol error".
        until: When the ban ends, in UTC.
    """

    address: tuple[str, int]
    reason: BanReason
    until: datetime


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class Completed(Event):
    """Every wanted file is whole. Never dropped."""


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class MayLeave(Event):
    """After completion one more piece was passed on, or no connected peer wants any. Never dropped.

    Leaving does no harm now; see `Torrent.linger`.
    """


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """The torrent stopped; `Torrent.resume` tries again. Never dropped.

    Attributes:
        error: What went wrong.
    """

    error: P2PError


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFailed(Event):
    """The session's ledger could not be written; the transfer goes on. Every torrent of the session is told.

    The amounts wait in memory for the next time, half a minute later; they are lost only if the last time, when the
    session is closed, fails too. A corrupt file was put beside, and a new one is begun at once.

    Attributes:
        error: What went wrong.
    """

    error: StorageError


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class EventsDropped(Event):
    """The reader was slower than the facts: so many are missing here.

    Attributes:
        count: Missing events.
    """

    count: int
