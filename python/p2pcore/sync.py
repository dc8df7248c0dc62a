"""The blocking face: the same names as `p2pcore`, for scripts and notebooks.

A session runs in an event loop of its own, in a background thread; each call hands a coroutine over and waits in
slices of 100 ms, so that Ctrl-C gets through, stops the work that was waited for, and is raised here. Sessions may be
used from several threads, and inside a running event loop (a notebook) too.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from p2pcore import _session
from p2pcore._config import Address, SessionConfig, StrPath
from p2pcore._content import create, verify
from p2pcore._errors import ForkError
from p2pcore._p2pcore import Magnet, Metainfo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from p2pcore import _torrent
    from p2pcore._bans import Ban
    from p2pcore._events import Event
    from p2pcore._explain import Explanation
    from p2pcore._ledger import LedgerEntry
    from p2pcore._p2pcore import File
    from p2pcore._snapshots import PeerStatus, Status
    from p2pcore._streams import EventStream

__all__ = ["Magnet", "Metainfo", "Session", "SessionConfig", "Torrent", "create", "fetch", "seed", "verify"]

T = TypeVar("T")

_SLICE = 0.1  # seconds between looks for Ctrl-C
_AFTER_CANCEL = 5.0  # seconds that cancelled work may take to end


class Torrent:
    """One torrent in a blocking session; see `p2pcore.Torrent`."""

    def __init__(self, portal: _Portal, torrent: _torrent.Torrent) -> None:
        """Belongs to the session: do not call it."""
        self._portal = portal
        self._torrent = torrent

    def __repr__(self) -> str:
        """Its name, and its number in the session."""
        return repr(self._torrent)

    @property
    def id(self) -> int:
        """Its number within the session; never used twice."""
        return self._torrent.id

    @property
    def meta(self) -> Metainfo:
        """What the .torrent file says."""
        return self._torrent.meta

    def local_path(self, file: File | str | int) -> Path:
        """Where a file of the torrent is; see `p2pcore.Torrent.local_path`."""
        return self._torrent.local_path(file)

    def status(self) -> Status:
        """What the torrent is doing now; see `p2pcore.Torrent.status`."""
        return self._torrent.status()

    def peers(self) -> tuple[PeerStatus, ...]:
        """The connected peers; see `p2pcore.Torrent.peers`."""
        return self._torrent.peers()

    def explain(self) -> Explanation:
        """Why each connected peer is served or not; see `p2pcore.Torrent.explain`."""
        return self._torrent.explain()

    def bans(self) -> tuple[Ban, ...]:
        """The peers that it does not speak to now, and until when."""
        return self._torrent.bans()

    @property
    def pieces(self) -> NDArray[np.bool_]:
        """Which pieces are verified: a read-only bool array of shape (piece count,)."""
        return self._torrent.pieces

    @property
    def availability(self) -> NDArray[np.uint16]:
        """How many connected peers have each piece: a read-only uint16 array of shape (piece count,)."""
        return self._torrent.availability

    @property
    def piece_priorities(self) -> NDArray[np.uint8]:
        """How soon each piece is wanted, 0 to 7: a read-only uint8 array of shape (piece count,)."""
        return self._torrent.piece_priorities

    def events(self) -> Iterator[Event]:
        """Subscribes to what happens from now on; see `p2pcore.Torrent.events`.

        Returns:
            An iterator that waits for each next event.
        """
        stream = self._portal.call(_call(self._torrent.events))
        return self._read(stream)

    def _read(self, stream: EventStream) -> Iterator[Event]:
        while batch := self._portal.call(stream._batch()):
            yield from batch

    def progress(self, every: float = 0.5) -> Iterator[Status]:
        """Yields the status now and then, the last time at the end; see `p2pcore.Torrent.progress`.

        Args:
            every: Seconds between two.

        Yields:
            The status.
        """
        statuses = self._torrent.progress(every)
        while (status := self._portal.call(_next(statuses))) is not None:
            yield status

    def completed(self, timeout: float | None = None) -> None:
        """Waits until every wanted file is whole; see `p2pcore.Torrent.completed`.

        Args:
            timeout: Seconds to wait; None waits as long as it takes.

        Raises:
            TimeoutError: It took longer. The torrent goes on.
        """
        self._portal.call(self._torrent.completed(), timeout)

    def linger(self, within: float = 60.0) -> bool:
        """Serves on until leaving does no harm; see `p2pcore.Torrent.linger`.

        Args:
            within: Seconds to wait at most.

        Returns:
            Whether leaving does no harm now.
        """
        return self._portal.call(self._torrent.linger(within))

    def pause(self) -> None:
        """Stops transferring; see `p2pcore.Torrent.pause`."""
        self._portal.call(self._torrent.pause())

    def resume(self) -> None:
        """Goes on after a pause or an error; see `p2pcore.Torrent.resume`."""
        self._portal.call(self._torrent.resume())

    def add_peer(self, address: Address) -> None:
        """Adds a peer to dial; see `p2pcore.Torrent.add_peer`."""
        self._portal.call(self._torrent.add_peer(address))

    def set_files(self, files: Sequence[str | int] | None) -> None:
        """Chooses the wanted files anew; see `p2pcore.Torrent.set_files`."""
        self._portal.call(self._torrent.set_files(files))

    def set_piece_priorities(self, priorities: NDArray[np.uint8] | None) -> None:
        """Says which pieces are fetched, and in what order; see `p2pcore.Torrent.set_piece_priorities`."""
        self._portal.call(self._torrent.set_piece_priorities(priorities))

    def set_piece_deadline(self, piece: int, seconds: float | None) -> None:
        """Says when a piece is needed, in seconds from now; see `p2pcore.Torrent.set_piece_deadline`."""
        self._portal.call(self._torrent.set_piece_deadline(piece, seconds))

    def clear_piece_deadlines(self) -> None:
        """Takes all deadlines back; see `p2pcore.Torrent.clear_piece_deadlines`."""
        self._portal.call(self._torrent.clear_piece_deadlines())

    def set_limits(self, *, upload: int | None = None, download: int | None = None) -> None:
        """Limits this torrent, bytes per second; see `p2pcore.Torrent.set_limits`."""
        self._portal.call(self._torrent.set_limits(upload=upload, download=download))

    def remove(self, delete_files: bool = False) -> None:
        """Takes the torrent out of the session; see `p2pcore.Torrent.remove`."""
        self._portal.call(self._torrent.remove(delete_files=delete_files))


class Session:
    """Torrents, sockets and threads under one roof, for blocking code; see `p2pcore.Session`.

    Args:
        config: What it is started with; None takes the defaults.

    Example:
        >>> with p2pcore.sync.Session(p2pcore.SessionConfig(listen="127.0.0.1:0")) as session:
        ...     torrent = session.seed(meta, folder)
        ...     torrent.status().state
        'seeding'
    """

    def __init__(self, config: SessionConfig | None = None) -> None:
        """Remembers the configuration; nothing runs yet."""
        self._session = _session.Session(config)
        self._portal: _Portal | None = None

    def __repr__(self) -> str:
        """Whether it runs."""
        return repr(self._session)

    @property
    def config(self) -> SessionConfig:
        """What it was started with."""
        return self._session.config

    def start(self) -> None:
        """Opens the sockets and starts the threads; `with` does it too."""
        if self._portal is None:
            self._portal = _Portal()
        self._portal.call(self._session.start())

    def close(self, timeout: float = 5.0) -> None:
        """Stops everything; may be called again. See `p2pcore.Session.close`.

        Args:
            timeout: Seconds after which it is left to end by itself.
        """
        if self._portal is None or self._portal.stopped:
            return
        self._portal.call(self._session.close(timeout))
        self._portal.stop()

    def __enter__(self) -> Self:
        """Starts it."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""
        self.close()

    @property
    def listen_addresses(self) -> tuple[tuple[str, int], ...]:
        """Where it listens: a (host, port) for each socket."""
        return self._session.listen_addresses

    @property
    def port(self) -> int | None:
        """The port of the first listening socket; None where it does not listen."""
        return self._session.port

    @property
    def peer_id(self) -> bytes:
        """The 20 bytes by which peers know this session."""
        return self._session.peer_id

    @property
    def disconnects(self) -> dict[str, int]:
        """How many connections ended since the start, by reason; see `p2pcore.Session.disconnects`."""
        return self._session.disconnects

    @property
    def torrents(self) -> tuple[Torrent, ...]:
        """The torrents in the session, oldest first."""
        portal = self._running()
        return tuple(Torrent(portal, torrent) for torrent in self._session.torrents)

    def ledger(self) -> tuple[LedgerEntry, ...]:
        """What was given to and received from each identity, kept across runs; see `p2pcore.Session.ledger`."""
        return self._running().call(self._session.ledger())

    def seed(
        self,
        meta: Metainfo,
        path: StrPath | Mapping[str, StrPath],
        *,
        peers: Iterable[Address] = (),
        upload_limit: int | None = None,
        download_limit: int | None = None,
        allow_partial: bool = False,
    ) -> Torrent:
        """Serves data where it is; see `p2pcore.Session.seed`."""
        portal = self._running()
        seeding = self._session.seed(
            meta,
            path,
            peers=peers,
            upload_limit=upload_limit,
            download_limit=download_limit,
            allow_partial=allow_partial,
        )
        return Torrent(portal, portal.call(seeding))

    def fetch(
        self,
        meta: Metainfo,
        into: StrPath,
        files: Sequence[str | int] | None = None,
        peers: Iterable[Address] = (),
        sequential: bool = False,
        *,
        preallocate: bool = False,
        overwrite: bool = False,
        upload_limit: int | None = None,
        download_limit: int | None = None,
    ) -> Torrent:
        """Downloads into a folder; see `p2pcore.Session.fetch`."""
        portal = self._running()
        fetching = self._session.fetch(
            meta,
            into,
            files=files,
            peers=peers,
            sequential=sequential,
            preallocate=preallocate,
            overwrite=overwrite,
            upload_limit=upload_limit,
            download_limit=download_limit,
        )
        return Torrent(portal, portal.call(fetching))

    def set_limits(
        self,
        *,
        upload: int | None = None,
        download: int | None = None,
        lan_upload: int | None = None,
        lan_download: int | None = None,
        wan_upload: int | None = None,
        wan_download: int | None = None,
        peer_upload: int | None = None,
        peer_download: int | None = None,
    ) -> None:
        """Limits all torrents together, bytes per second; see `p2pcore.Session.set_limits`."""
        limits = self._session.set_limits(
            upload=upload,
            download=download,
            lan_upload=lan_upload,
            lan_download=lan_download,
            wan_upload=wan_upload,
            wan_download=wan_download,
            peer_upload=peer_upload,
            peer_download=peer_download,
        )
        self._running().call(limits)

    def _running(self) -> _Portal:
        self._session._native()
        assert self._portal is not None
        return self._portal


def fetch(
    meta: Metainfo | StrPath,
    into: StrPath,
    *,
    peers: Iterable[Address],
    files: Sequence[str | int] | None = None,
    sequential: bool = False,
    overwrite: bool = False,
    download_limit: int | None = None,
    timeout: float | None = None,
    linger: float = 10.0,
    progress: bool = True,
    config: SessionConfig | None = None,
) -> Path:
    """Downloads a torrent in one call, with a progress bar on stderr.

    Args:
        meta: The torrent, or the path of its .torrent file.
        into: The folder in which `<name>` is made, a file or a folder.
        peers: Peers to dial.
        files: Paths in the torrent, or indices; None wants all.
        sequential: Fetch the pieces in order instead of rarest first.
        overwrite: Check, complete and overwrite files that are there already.
        download_limit: Bytes per second; None is unlimited.
        timeout: Seconds that it may take; None is as long as it takes.
        linger: Seconds to serve on at most, while somebody wants one more piece; see `p2pcore.Torrent.linger`.
        progress: Show a bar.
        config: What the session is started with; None takes the defaults.

    Returns:
        Where the data is: `into/<name>`.

    Raises:
        TimeoutError: It took longer than `timeout`; what is there is kept, and the next call goes on from it.
        StorageError: The disk refused something.
        MetainfoError: The .torrent file is not valid.

    Example:
        >>> str(p2pcore.sync.fetch(meta, into, peers=[("127.0.0.1", port)], progress=False))
        'downloads/folder'
    """
    meta = _metainfo(meta)
    with Session(config) as session:
        torrent = session.fetch(
            meta,
            into,
            files=files,
            peers=peers,
            sequential=sequential,
            overwrite=overwrite,
            download_limit=download_limit,
        )
        if progress:
            session._running().call(_watch(torrent._torrent, f"fetching {meta.name}"), timeout)
        torrent.completed(timeout)
        torrent.linger(linger)
    return Path(into) / meta.name


@contextlib.contextmanager
def seed(
    meta: Metainfo | StrPath,
    path: StrPath | Mapping[str, StrPath],
    *,
    peers: Iterable[Address] = (),
    upload_limit: int | None = None,
    config: SessionConfig | None = None,
) -> Iterator[Session]:
    """Seeds data while a `with` block runs.

    Args:
        meta: The torrent, or the path of its .torrent file.
        path: The shared file or folder itself; or a mapping from torrent path to local path.
        peers: Peers to dial.
        upload_limit: Bytes per second; None is unlimited.
        config: What the session is started with; None takes the defaults.

    Yields:
        The session; its `port` is what others dial.

    Raises:
        IncompleteDataError: Something is missing or wrong.
        StorageError: A file could not be read.

    Example:
        >>> with p2pcore.sync.seed(meta, folder) as session:
        ...     session.port is not None
        True
    """
    meta = _metainfo(meta)
    with Session(config) as session:
        session.seed(meta, path, peers=peers, upload_limit=upload_limit)
        yield session


class _Portal:
    """An event loop in a thread of its own, and the way into it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._pid = os.getpid()
        self.stopped = False
        self._thread = threading.Thread(target=_run, args=(self._loop,), name="p2pcore-sync", daemon=True)
        self._thread.start()
        self._finalizer = weakref.finalize(self, _stop, self._loop, self._thread, self._pid)

    def call(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Runs a coroutine to its end; an exception here, Ctrl-C above all, cancels it."""
        if self._pid != os.getpid():
            coroutine.close()
            raise ForkError(self._pid)
        future = asyncio.run_coroutine_threadsafe(_within(coroutine, timeout), self._loop)
        try:
            while True:
                done, _ = concurrent.futures.wait([future], _SLICE)
                if done:
                    return future.result()
        except BaseException:
            if not future.done():
                future.cancel()
                self._let_end(future)
            raise

    def stop(self) -> None:
        """Ends the loop and its thread."""
        self.stopped = True
        self._finalizer()

    def _let_end(self, future: concurrent.futures.Future[T]) -> None:
        # The concurrent future is cancelled at once; the task behind it ends some turns of the loop later.
        tidied = asyncio.run_coroutine_threadsafe(_others_end(), self._loop)
        concurrent.futures.wait([tidied], _AFTER_CANCEL)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread, pid: int) -> None:
    if pid == os.getpid() and thread.is_alive():
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_AFTER_CANCEL)


async def _within(coroutine: Coroutine[Any, Any, T], timeout: float | None) -> T:
    try:
        async with asyncio.timeout(timeout) as limit:
            return await coroutine
    except TimeoutError:
        if limit.expired():
            raise TimeoutError(f"not done within {timeout:g} s") from None
        raise


async def _others_end() -> None:
    """Gives tasks that were just cancelled some turns to take notice."""
    for _ in range(3):
        await asyncio.sleep(0)


async def _call(function: Callable[[], T]) -> T:
    return function()


async def _next(statuses: AsyncIterator[Status]) -> Status | None:
    return await anext(statuses, None)


async def _watch(torrent: _torrent.Torrent, what: str) -> None:
    from p2pcore._bars import Bar

    with Bar(what) as bar:
        async for status in torrent.progress(every=0.2):
            bar.status(status)


def _metainfo(meta: Metainfo | StrPath) -> Metainfo:
    return meta if isinstance(meta, Metainfo) else Metainfo.from_file(meta)
