"""`Torrent`: one torrent in an asyncio session.

Commands are coroutines; snapshots (`status`, `peers`, `explain`, `pieces`, `availability`) are plain calls that copy a
few numbers and never wait. All state here is only what the engine's events said; the engine holds the truth.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p2pcore import _bans, _errors, _explain, _snapshots
from p2pcore._config import Address, StrPath, rates, resolve
from p2pcore._errors import ArgumentError, P2PError, TorrentRemovedError
from p2pcore._events import (
    Checked,
    Completed,
    DialFailed,
    Event,
    EventsDropped,
    Failed,
    FileCompleted,
    MayLeave,
    PeerBanned,
    PeerConnected,
    PeerDisconnected,
    PieceFailed,
    PieceVerified,
)
from p2pcore._public import public
from p2pcore._streams import EventStream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from p2pcore._bans import Ban
    from p2pcore._explain import Explanation
    from p2pcore._p2pcore import File, Metainfo
    from p2pcore._session import Session
    from p2pcore._snapshots import PeerStatus, Status

_STREAM_CAPACITY = 16384  # events; some megabytes for each subscriber that never reads
_EARLY_CAPACITY = 1024  # events; what is kept for a first subscriber that may never come

# All alike.
_CHECKED, _COMPLETED, _MAY_LEAVE = Checked(), Completed(), MayLeave()


@public
class Torrent:
    """One torrent in a session; `Session.seed` and `Session.fetch` make it."""

    # There may be tens of thousands that nobody subscribes to or waits for: their tables are made when needed.
    __slots__ = (
        "__weakref__",
        "_checked",
        "_completed",
        "_early",
        "_ended",
        "_failed",
        "_files",
        "_id",
        "_may_leave",
        "_meta",
        "_place",
        "_seed",
        "_session",
        "_streams",
        "_waiters",
    )

    def __init__(
        self, session: Session, number: int, meta: Metainfo, place: StrPath | Mapping[str, StrPath], *, seed: bool
    ) -> None:
        """Belongs to the session: do not call it."""
        self._session = session
        self._id = number
        self._meta = meta
        self._place = place if isinstance(place, Mapping) else os.fspath(place)
        self._seed = seed
        self._checked = False
        self._completed = False
        self._may_leave = False
        self._files: set[int] | None = None  # whole ones
        self._failed: _errors.Pair | None = None
        self._ended: _errors.Pair | None = None
        self._streams: weakref.WeakSet[EventStream] | None = None
        self._early: list[Event] | None = []  # until somebody subscribes
        self._waiters: set[asyncio.Future[None]] | None = None

    def __repr__(self) -> str:
        """Its name, and its number in the session."""
        return f"<Torrent {self._id} {self._meta.name!r}>"

    @property
    def id(self) -> int:
        """Its number within the session; never used twice."""
        return self._id

    @property
    def meta(self) -> Metainfo:
        """What the .torrent file says."""
        return self._meta

    def local_path(self, file: File | str | int) -> Path:
        """Where a file of the torrent is on this machine.

        Args:
            file: The file, its path in the torrent, or its index.

        Returns:
            The local path; the file may not be there yet.

        Raises:
            ArgumentError: The torrent has no such file.
        """
        chosen = self._meta.files[file_index(self._meta, file if isinstance(file, str | int) else file.index)]
        if isinstance(self._place, Mapping):
            return Path(self._place[chosen.path])
        root = Path(self._place) if self._seed else Path(self._place) / self._meta.name
        return root if self._meta.is_single_file else root.joinpath(*chosen.path.split("/"))

    # Snapshots: none of them waits.

    def status(self) -> Status:
        """What the torrent is doing now.

        Raises:
            TorrentRemovedError: It has left the session.
            SessionClosedError: The session is closed.
        """
        row = self._native().status(self._id)
        if row is None:
            raise TorrentRemovedError
        return _snapshots.status(row)

    def peers(self) -> tuple[PeerStatus, ...]:
        """The connected peers.

        Raises:
            TorrentRemovedError: It has left the session.
            SessionClosedError: The session is closed.
        """
        return tuple(map(_snapshots.peer, self._native().peers(self._id)))

    def explain(self) -> Explanation:
        """Why each connected peer is served or not, and what is known of it.

        Raises:
            TorrentRemovedError: It has left the session.
            SessionClosedError: The session is closed.

        Example:
            >>> explanation = torrent.explain()
            >>> explanation.uploader, explanation.most_slots
            ('base-share', 50)
            >>> for peer in explanation.peers:
            ...     why = peer.served or peer.choked
        """
        row = self._native().explain(self._id)
        if row is None:
            raise TorrentRemovedError
        return _explain.explanation(row)

    def bans(self) -> tuple[Ban, ...]:
        """The peers that the torrent does not speak to now, and until when.

        Raises:
            TorrentRemovedError: It has left the session.
            SessionClosedError: The session is closed.

        Example:
            >>> for ban in torrent.bans():
            ...     print(ban.address, ban.reason, ban.until)
        """
        native = self._native()
        if native.status(self._id) is None:
            raise TorrentRemovedError
        return tuple(map(_bans.ban, native.bans(self._id)))

    @property
    def pieces(self) -> NDArray[np.bool_]:
        """Which pieces are verified: a read-only bool array of shape (piece count,)."""
        import numpy as np

        return np.frombuffer(self._native().pieces(self._id), dtype=np.bool_)

    @property
    def availability(self) -> NDArray[np.uint16]:
        """How many connected peers have each piece: a read-only uint16 array of shape (piece count,)."""
        import numpy as np

        return np.frombuffer(self._native().availability(self._id), dtype="<u2")

    @property
    def piece_priorities(self) -> NDArray[np.uint8]:
        """How soon each piece is wanted, 0 to 7, by default 4: a read-only uint8 array of shape (piece count,)."""
        import numpy as np

        return np.frombuffer(self._native().piece_priorities(self._id), dtype=np.uint8)

    def _native(self) -> Any:
        """The native session, as long as the torrent is in it."""
        raw = self._session._native()
        if self._ended is not None:
            raise _errors.make(*self._ended)
        return raw

    # What happens.

    def events(self) -> EventStream:
        """Subscribes to what happens.

        The first stream misses nothing: it begins when the torrent was added, unless that is too long ago.

        Returns:
            An asynchronous iterator with its own bounded queue. Later streams open with the facts that still hold
            (`Checked`, `FileCompleted`, `Completed`, `MayLeave`, `Failed`). All end when the torrent is removed or the
            session closed.

        Example:
            >>> async for event in torrent.events():
            ...     if isinstance(event, p2pcore.Completed):
            ...         break
        """
        stream = EventStream(_STREAM_CAPACITY)
        stream._queue.extend(self._facts() if self._early is None else self._early)
        self._early = None
        if self._ended is not None:
            stream._end()
        if self._streams is None:
            self._streams = weakref.WeakSet()
        self._streams.add(stream)
        return stream

    def _facts(self) -> Iterator[Event]:
        """Those that still hold."""
        if self._checked:
            yield _CHECKED
        for index in sorted(self._files or ()):
            yield FileCompleted(file=self._meta.files[index])
        if self._completed:
            yield _COMPLETED
        if self._may_leave:
            yield _MAY_LEAVE
        if self._failed is not None:
            yield Failed(error=_errors.make(*self._failed))

    async def progress(self, every: float = 0.5) -> AsyncIterator[Status]:
        """Yields the status now and then, until the torrent is complete or has failed.

        Args:
            every: Seconds between two.

        Yields:
            The status; the last one is that of the completed or failed torrent.

        Raises:
            TorrentRemovedError: The torrent left the session meanwhile.
            SessionClosedError: The session was closed meanwhile.

        Example:
            >>> async for status in torrent.progress(every=0.1):
            ...     percent = 100 * status.progress
            >>> percent
            100.0
        """
        while True:
            over = self._completed or self._failed is not None
            yield self.status()
            if over:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await self._until(lambda: self._completed or self._failed is not None)

    async def completed(self) -> None:
        """Waits until every wanted file is whole (without pieces of priority 0). Cancelling only stops the waiting.

        Raises:
            StorageError: The disk refused something; `resume` tries again.
            TorrentError: The torrent cannot go on, or was removed.
            SessionClosedError: The session was closed.

        Example:
            >>> async with asyncio.timeout(30):
            ...     await torrent.completed()
        """
        await self._until(lambda: self._completed or self._failed is not None)
        if self._failed is not None:
            raise _errors.make(*self._failed)

    async def linger(self, within: float = 60.0) -> bool:
        """Serves on until leaving does no harm: until the torrent is complete and one more piece was passed on.

        Where all leave as soon as they have everything, a swarm that grows faster than its seeds serve never ends;
        with one more piece from each it does (Hajek and Zhu, "The missing piece syndrome", 2010). Who wants nothing is
        not waited for.

        Args:
            within: Seconds to wait at most.

        Returns:
            Whether leaving does no harm now; False if the time was over before.

        Raises:
            StorageError: The disk refused something; `resume` tries again.
            TorrentError: The torrent cannot go on, or was removed.
            SessionClosedError: The session was closed.

        Example:
            >>> await torrent.completed()
            >>> await torrent.linger(within=30)
            True
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._until(lambda: self._gave_back() or self._failed is not None)
        if self._failed is not None:
            raise _errors.make(*self._failed)
        return self._gave_back()

    def _gave_back(self) -> bool:
        return self._may_leave or (self._seed and self._completed)  # who seeds leaves when it wants to

    # Commands.

    async def pause(self) -> None:
        """Stops transferring and lets the peers go; what is verified stays.

        Raises:
            TorrentRemovedError: It has left the session.
            SessionClosedError: The session is closed.

        Example:
            >>> await torrent.pause()
            >>> torrent.status().state
            'paused'
        """
        await self._command(lambda raw: raw.pause(self._id))

    async def resume(self) -> None:
        """Goes on after a pause or an error.

        Raises:
            TorrentRemovedError: It has left the session.
            SessionClosedError: The session is closed.

        Example:
            >>> await torrent.resume()
        """
        if self._failed is not None:  # it is checked anew
            self._failed = None
            self._checked = self._completed = self._may_leave = False
            self._files = None
        await self._command(lambda raw: raw.resume(self._id))

    async def add_peer(self, address: Address) -> None:
        """Adds a peer to dial.

        Args:
            address: "host:port" or (host, port).

        Raises:
            ArgumentError: The address is malformed, or its host is unknown.

        Example:
            >>> await torrent.add_peer(("127.0.0.1", 6881))
        """
        self._session._native()
        for resolved in await resolve([address]):
            await self._command(lambda raw, peer=resolved: raw.add_peer(self._id, peer))  # type: ignore[misc]

    async def set_files(self, files: Sequence[str | int] | None) -> None:
        """Chooses the wanted files anew. Priorities of pieces stay as they are.

        Args:
            files: Paths in the torrent, or indices; None wants all.

        Raises:
            ArgumentError: The torrent has no such file.

        Example:
            >>> await torrent.set_files(["README.md"])
        """
        indices = file_indices(self._meta, files)
        await self._want(lambda raw: raw.set_files(self._id, indices))

    async def set_piece_priorities(self, priorities: NDArray[np.uint8] | None) -> None:
        """Says which pieces are fetched, and in what order.

        A piece is fetched if a wanted file has bytes in it and its priority is above 0: `set_files` says where bytes
        may be written, priorities which pieces of them come first. Neither undoes the other, and neither is kept when
        the torrent leaves the session. The torrent is complete when every such piece is there.

        Args:
            priorities: uint8 of shape (piece count,): 0 is not fetched, 7 comes first, and within one priority the
                rarest. None makes all alike again (4).

        Raises:
            ArgumentError: It is not such an array.

        Example:
            >>> priorities = torrent.piece_priorities.copy()
            >>> priorities[:2] = 7
            >>> await torrent.set_piece_priorities(priorities)
            >>> torrent.piece_priorities[:2].tolist()
            [7, 7]
        """
        data = None if priorities is None else _priorities(self._meta, priorities)
        await self._want(lambda raw: raw.set_piece_priorities(self._id, data))

    async def set_piece_deadline(self, piece: int, seconds: float | None) -> None:
        """Says when a piece is needed, to play what is being fetched.

        Pieces with a deadline are fetched before all others, soonest first, whatever their priority; a block that would
        come too late is asked of a second peer that is much faster. A piece that is not wanted (`set_files`,
        `set_piece_priorities`) is not fetched, and for one that is there nothing happens. `PieceVerified` tells when it
        came.

        Args:
            piece: Its index.
            seconds: From now; 0 is as soon as possible; None takes the deadline back.

        Raises:
            ArgumentError: The torrent has no such piece, or that is no time from now.

        Example:
            >>> for number in range(4):
            ...     await torrent.set_piece_deadline(number, seconds=1 + number / 2)
        """
        if not 0 <= piece < self._meta.piece_count:
            raise ArgumentError(f"the torrent has no piece {piece}: it has {self._meta.piece_count}")
        if seconds is not None and not 0 <= seconds < float("inf"):
            raise ArgumentError(f"a deadline is 0 or more seconds from now, not {seconds}")
        await self._command(lambda raw: raw.set_piece_deadline(self._id, piece, seconds))

    async def clear_piece_deadlines(self) -> None:
        """Takes all deadlines back, as after a jump to another place.

        Raises:
            TorrentRemovedError: It has left the session.
            SessionClosedError: The session is closed.

        Example:
            >>> await torrent.clear_piece_deadlines()
        """
        await self._command(lambda raw: raw.clear_piece_deadlines(self._id))

    async def _want(self, give: Callable[[Any], int]) -> None:
        """Changes what is wanted, and so what complete means."""
        self._completed = self._may_leave = False
        await self._command(give)
        # Of the events that came meanwhile some are of the time before: the status is of now.
        self._completed = self.status().state == "seeding"

    async def set_limits(self, *, upload: int | None = None, download: int | None = None) -> None:
        """Limits this torrent, within the limits of the session.

        Args:
            upload: Sending, bytes per second; None is unlimited.
            download: Receiving, bytes per second; None is unlimited.

        Raises:
            ArgumentError: A limit is not above 0.

        Example:
            >>> await torrent.set_limits(upload=1_000_000)
        """
        limits = rates(upload, download)
        await self._command(lambda raw: raw.set_torrent_limits(self._id, limits))

    async def remove(self, delete_files: bool = False) -> None:
        """Takes the torrent out of the session.

        Args:
            delete_files: Also delete the files that this session made for it; others are never touched.

        Raises:
            TorrentRemovedError: It has left the session already.
            StorageError: A file could not be deleted.

        Example:
            >>> await torrent.remove()
        """
        await self._command(lambda raw: raw.remove(self._id, delete_files))
        self._session._forget(self)

    async def _command(self, give: Callable[[Any], int]) -> None:
        bridge = self._session._commands()
        if self._ended is not None:
            raise _errors.make(*self._ended)
        await bridge.answer(give(self._session._native()))

    # From the bridge.

    def _on(self, kind: str, a: Any, b: Any) -> None:
        if kind == "piece_verified" and self._early is None and not self._streams:
            return  # the most frequent by far, and of no use but to a subscriber
        self._tell(_event(self._meta, kind, a, b), a)
        if kind == "checked" and self._seed and not self._completed:
            # The engine completes downloads only; for whoever waits, a seed that is whole is complete too.
            with contextlib.suppress(P2PError):
                status = self.status()
                if status.done == status.wanted:
                    self._tell(_COMPLETED, None)

    def _tell(self, event: Event, pair: Any = None) -> None:
        match event:
            case Checked():
                self._checked = True
            case Completed():
                self._completed = True
            case MayLeave():
                self._may_leave = True
            case FileCompleted(file=file):
                if self._files is None:
                    self._files = set()
                self._files.add(file.index)
            case Failed():
                self._failed = pair
        for stream in tuple(self._streams or ()):
            stream._push(event)
        if self._early is not None:
            self._early.append(event)
            if len(self._early) > _EARLY_CAPACITY:
                self._early = None
        if isinstance(event, Checked | Completed | MayLeave | Failed):
            self._notify()

    def _end(self, reason: _errors.Pair) -> None:
        if self._ended is None:
            self._ended = reason
            for stream in tuple(self._streams or ()):
                stream._end()
            self._notify()

    def _notify(self) -> None:
        for waiter in self._waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds; raises where the torrent is gone."""
        loop = self._session._commands().loop
        while True:
            if self._ended is not None:
                raise _errors.make(*self._ended)
            if holds():
                return
            waiter = loop.create_future()
            waiters = self._waiters = self._waiters or set()
            waiters.add(waiter)
            try:
                await waiter
            finally:
                waiters.discard(waiter)
                self._waiters = waiters or None

    async def _until_checked(self) -> None:
        await self._until(lambda: self._checked or self._failed is not None)
        if self._failed is not None:
            raise _errors.make(*self._failed)


def file_index(meta: Metainfo, file: str | int) -> int:
    """The index of a file that is named by its path in the torrent or by its index.

    Raises:
        ArgumentError: The torrent has no such file.
    """
    [index] = file_indices(meta, [file]) or [0]
    return index


def file_indices(meta: Metainfo, files: Sequence[str | int] | None) -> list[int] | None:
    """The indices of files that are named by paths in the torrent or by indices; None stays None.

    Raises:
        ArgumentError: The torrent has no such file.
    """
    if files is None:
        return None
    if isinstance(files, str):
        raise ArgumentError("files is a sequence of paths or indices, not one text")
    named = {file.path: file.index for file in meta.files} if any(isinstance(file, str) for file in files) else {}
    indices = []
    for file in files:
        index = named.get(file, -1) if isinstance(file, str) else file
        if not 0 <= index < len(meta.files):
            raise ArgumentError(f"the torrent has no file {file!r}")
        indices.append(index)
    return indices


def _priorities(meta: Metainfo, priorities: NDArray[np.uint8]) -> bytes:
    import numpy as np

    array = np.asarray(priorities)
    if array.dtype != np.uint8:
        raise ArgumentError(f"priorities are uint8, not {array.dtype}")
    if array.shape != (meta.piece_count,):
        raise ArgumentError(f"priorities have the shape ({meta.piece_count},), one for each piece, not {array.shape}")
    return array.tobytes()  # the values are checked by the engine


def _event(meta: Metainfo, kind: str, a: Any, b: Any) -> Event:
    match kind:
        case "piece_verified":
            return PieceVerified(piece=a)
        case "piece_failed":
            return PieceFailed(piece=a)
        case "file_completed":
            return FileCompleted(file=meta.files[a])
        case "dial_failed":
            return DialFailed(address=a, reason=b)
        case "peer_connected":
            return PeerConnected(address=a, outgoing=b)
        case "peer_disconnected":
            return PeerDisconnected(address=a, reason=b)
        case "peer_banned":
            reason, until = b
            return PeerBanned(address=a, reason=reason, until=_bans.time(until))
        case "checked":
            return _CHECKED
        case "completed":
            return _COMPLETED
        case "may_leave":
            return _MAY_LEAVE
        case "failed":
            return Failed(error=_errors.make(*a))
        case "dropped":
            return EventsDropped(count=a)
    raise AssertionError(f"unknown event {kind!r}")
