"""`Session`: torrents, sockets and threads under one roof, for asyncio.

A session belongs to the event loop and to the process in which it was started, and says so when it is used elsewhere.
It only delegates: commands go to the native session, answers and events come back through the bridge.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import warnings
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from p2pcore._bridge import Bridge, Row
from p2pcore._config import Address, SessionConfig, StrPath, listen_addresses, rates, resolve
from p2pcore._content import absolute, local_paths
from p2pcore._errors import (
    ForkError,
    IncompleteDataError,
    P2PError,
    SessionClosedError,
    StorageError,
    WrongLoopError,
)
from p2pcore._events import LedgerFailed
from p2pcore._ledger import NAME, Keeper, Ledger, LedgerEntry
from p2pcore._p2pcore import RawSession
from p2pcore._public import public
from p2pcore._torrent import Torrent, file_indices

if TYPE_CHECKING:
    from p2pcore._p2pcore import Metainfo

_CLOSE_WITHIN = 5.0  # seconds: long enough to flush and to write resume data, short enough for an exit


@public
class Session:
    """Torrents, sockets and threads under one roof.

    Args:
        config: What it is started with; None takes the defaults.

    Example:
        >>> async with p2pcore.Session(p2pcore.SessionConfig(listen="127.0.0.1:0")) as session:
        ...     torrent = await session.seed(meta, folder)
        ...     torrent.status().state
        'seeding'
    """

    def __init__(self, config: SessionConfig | None = None) -> None:
        """Remembers the configuration; nothing runs yet."""
        self._config = config if config is not None else SessionConfig()
        self._raw: RawSession | None = None
        self._bridge: Bridge | None = None
        state = self._config.state_dir
        self._ledger = Ledger(None if state is None else Path(absolute(state)) / NAME)
        self._keeper: Keeper | None = None
        self._pid = 0
        self._torrents: dict[int, Torrent] = {}
        self._closing: asyncio.Task[None] | None = None
        self._closed = False
        self._finalizer: weakref.finalize[..., Session] | None = None

    def __repr__(self) -> str:
        """Whether it runs, and where it listens."""
        if self._raw is None or self._closed:
            return "<Session, not running>"
        return f"<Session, {len(self._torrents)} torrents>"

    @property
    def config(self) -> SessionConfig:
        """What it was started with."""
        return self._config

    async def start(self) -> None:
        """Opens the sockets and starts the threads; `async with` does it too.

        Raises:
            ListenError: An address could not be listened on.
            SessionClosedError: It was closed: a session is started once.

        Example:
            >>> session = p2pcore.Session()
            >>> await session.start()
            >>> await session.close()
        """
        if self._closed:
            raise SessionClosedError
        if self._raw is not None:
            self._native()
            return
        config = self._config
        listen = await resolve(listen_addresses(config.listen), listen=True)
        self._raw = RawSession(
            listen=listen,
            limits=config._limits(),
            max_peers=config.max_peers,
            max_peers_per_torrent=config.max_peers_per_torrent,
            max_half_open=config.max_half_open,
            unchoke_slots=config.unchoke_slots,
            uploader=config.uploader,
            base_share=config.base_share,
            origin_mode=config.origin_mode,
            locality=config.locality,
            site=config.site,
            local_discovery=config.local_discovery,
            peer_exchange=config.peer_exchange,
            connect_timeout=config.connect_timeout,
            state_dir=None if config.state_dir is None else os.fspath(config.state_dir),
            threads=config.threads,
            event_capacity=config.event_capacity,
        )
        self._pid = os.getpid()
        self._finalizer = weakref.finalize(self, _close_at_exit, self._raw, self._pid, self._ledger)
        self._bridge = Bridge(self._raw, self._on_event)
        self._keeper = Keeper(self._raw, self._ledger, self._on_ledger_failed)

    async def close(self, timeout: float = _CLOSE_WITHIN) -> None:
        """Stops everything: peers are let go, data is flushed and resume data written. May be called again.

        Args:
            timeout: Seconds after which it is left to end by itself.

        Raises:
            WrongLoopError: It was started in another event loop.
            ForkError: It was started in the parent process.

        Example:
            >>> await session.close()
            >>> await session.close()
        """
        if self._raw is None or self._closed:
            self._closed = True
            return
        self._check_process()
        loop = self._commands(closing=True).loop
        if self._closing is None:
            self._closing = loop.create_task(self._shut(timeout))
        await asyncio.shield(self._closing)

    async def __aenter__(self) -> Self:
        """Starts it."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""
        await self.close()

    def __del__(self) -> None:
        """Warns where nobody closed it; the finalizer then does."""
        raw = getattr(self, "_raw", None)
        if raw is not None and not self._closed and self._pid == os.getpid():
            warnings.warn(f"{self!r} was not closed", ResourceWarning, source=self, stacklevel=2)

    @property
    def listen_addresses(self) -> tuple[tuple[str, int], ...]:
        """Where it listens: a (host, port) for each socket."""
        return tuple(self._native().listen_addresses())

    @property
    def port(self) -> int | None:
        """The port of the first listening socket; None where it does not listen."""
        addresses = self.listen_addresses
        return addresses[0][1] if addresses else None

    @property
    def peer_id(self) -> bytes:
        """The 20 bytes by which peers know this session (BEP 20)."""
        return self._native().peer_id()

    @property
    def disconnects(self) -> dict[str, int]:
        """How many connections ended since the start, by reason in words.

        It counts peers, strangers who never became one ("not a BitTorrent handshake"), and dials that failed.
        """
        return self._native().disconnects()

    @property
    def torrents(self) -> tuple[Torrent, ...]:
        """The torrents in the session, oldest first."""
        return tuple(self._torrents.values())

    async def ledger(self) -> tuple[LedgerEntry, ...]:
        """What was given to and received from each identity, over all torrents and all runs with this state folder.

        What sessions that run at the same time in the same folder passed is in it to half a minute. The 100,000
        identities with which something passed last are kept.

        Returns:
            An entry for each identity, whoever got most first.

        Raises:
            StorageError: The file could not be read.

        Example:
            >>> for entry in await session.ledger():
            ...     balance = entry.received - entry.given
        """
        loop, raw = self._commands().loop, self._native()
        return await loop.run_in_executor(None, self._ledger.entries, raw)

    async def seed(
        self,
        meta: Metainfo,
        path: StrPath | Mapping[str, StrPath],
        *,
        peers: Iterable[Address] = (),
        upload_limit: int | None = None,
        download_limit: int | None = None,
        allow_partial: bool = False,
    ) -> Torrent:
        """Serves data where it is; the files are only read. Returns when the data has been checked.

        Args:
            meta: The torrent.
            path: The shared file or folder itself, whatever its name; or a mapping from torrent path to local path.
            peers: Peers to dial.
            upload_limit: Sending, bytes per second; None is unlimited.
            download_limit: Receiving, bytes per second; None is unlimited.
            allow_partial: Serve what is there and correct, if something is missing (BEP 21).

        Returns:
            The torrent, which is served from now on.

        Raises:
            ArgumentError: The mapping does not fit the torrent, or an address is malformed.
            AlreadyAddedError: The torrent is in this session already.
            IncompleteDataError: Something is missing or wrong; the torrent is not in the session then.
            StorageError: A file could not be read.

        Example:
            >>> torrent = await session.seed(meta, folder)
            >>> torrent.status().state
            'seeding'
        """
        place = local_paths(meta, path)
        limits = rates(upload_limit, download_limit)
        self._commands()
        addresses = await resolve(peers)
        torrent, answer = self._seed(meta, path, *place, addresses, limits)
        # Of the ten thousand that may be added at once, each waits with little in hand.
        del place, addresses
        try:
            await answer
            await torrent._until_checked()
            if not allow_partial:
                status = torrent.status()
                if status.done < status.wanted:
                    raise IncompleteDataError(status.done, status.wanted)
        except BaseException:
            await self._take_back(torrent)
            raise
        return torrent

    async def fetch(
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
        """Downloads into a folder, and serves what it has. Returns when the download is under way.

        What is there already is checked, and what is correct is used. A file that no session made, or that was edited
        since, is never changed unless `overwrite` says so: if it lacks something, the torrent fails before anything
        is fetched. Await `Torrent.completed` for the end.

        Args:
            meta: The torrent.
            into: The folder in which `<name>` is made, a file or a folder.
            files: Paths in the torrent, or indices; None wants all.
            peers: Peers to dial.
            sequential: Fetch the pieces in order instead of rarest first.
            preallocate: Reserve the whole size of each wanted file before the first write.
            overwrite: Also complete and replace files that no session made.
            upload_limit: Sending, bytes per second; None is unlimited.
            download_limit: Receiving, bytes per second; None is unlimited.

        Returns:
            The torrent.

        Raises:
            ArgumentError: The torrent has no such file, or an address is malformed.
            AlreadyAddedError: The torrent is in this session already.
            StorageError: The folder could not be made.

        Example:
            >>> torrent = await session.fetch(meta, into, peers=[("127.0.0.1", port)])
            >>> await torrent.completed()
        """
        indices = file_indices(meta, files)
        limits = rates(upload_limit, download_limit)
        self._commands()
        addresses = await resolve(peers)
        number, command = self._native().fetch(
            meta,
            absolute(into),
            files=indices,
            peers=addresses,
            sequential=sequential,
            preallocate=preallocate,
            overwrite=overwrite,
            limits=limits,
        )
        torrent = Torrent(self, number, meta, into, seed=False)
        self._torrents[number] = torrent
        try:
            await self._commands().answer(command)
        except BaseException:
            await self._take_back(torrent)
            raise
        return torrent

    async def set_limits(
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
        """Limits all torrents together, in place of all limits that the session had before (those of torrents stay).

        Args:
            upload: Sending, bytes per second; None is unlimited, here and below.
            download: Receiving.
            lan_upload: Of that, sending to the local network: private, link-local and loopback addresses.
            lan_download: Of that, receiving from the local network.
            wan_upload: Of that, sending to the Internet.
            wan_download: Of that, receiving from the Internet.
            peer_upload: Sending to each peer by itself.
            peer_download: Receiving from each peer by itself.

        Raises:
            ArgumentError: A limit is not above 0.

        Example:
            >>> await session.set_limits(wan_upload=5_000_000)
        """
        limits = (
            rates(upload, download),
            rates(lan_upload, lan_download, "lan_"),
            rates(wan_upload, wan_download, "wan_"),
            rates(peer_upload, peer_download, "peer_"),
        )
        bridge = self._commands()
        await bridge.answer(self._native().set_limits(limits))

    def _seed(
        self,
        meta: Metainfo,
        path: StrPath | Mapping[str, StrPath],
        paths: list[str],
        in_place: bool,
        peers: list[tuple[str, int]],
        limits: tuple[int | None, int | None],
    ) -> tuple[Torrent, asyncio.Future[None]]:
        number, command = self._native().seed(meta, paths, in_place=in_place, peers=peers, limits=limits)
        torrent = self._torrents[number] = Torrent(self, number, meta, path, seed=True)
        return torrent, self._commands().answer(command)

    async def _take_back(self, torrent: Torrent) -> None:
        """Takes a torrent out again that could not be added."""
        self._forget(torrent)
        if not self._closed:
            with contextlib.suppress(P2PError):  # an add that failed left nothing to remove
                await self._commands().answer(self._native().remove(torrent.id, False))

    def _forget(self, torrent: Torrent) -> None:
        self._torrents.pop(torrent.id, None)
        torrent._end(("TorrentRemovedError", ()))

    def _on_event(self, row: Row) -> None:
        kind, number, a, b = row
        if number is None:
            for torrent in self.torrents:
                torrent._on(kind, a, b)
        elif (named := self._torrents.get(number)) is not None:
            named._on(kind, a, b)

    def _on_ledger_failed(self, error: StorageError) -> None:
        for torrent in self.torrents:
            torrent._tell(LedgerFailed(error=error))

    def _check_process(self) -> None:
        if self._pid not in (0, os.getpid()):
            raise ForkError(self._pid)

    def _native(self) -> RawSession:
        """The native session, where it may be used."""
        self._check_process()
        if self._raw is None or self._closed:
            raise SessionClosedError
        return self._raw

    def _commands(self, *, closing: bool = False) -> Bridge:
        """The bridge, where it may be used: in the loop of the session, while it runs."""
        if not closing:
            self._native()
        if self._bridge is None:
            raise SessionClosedError
        if asyncio.get_running_loop() is not self._bridge.loop:
            raise WrongLoopError
        return self._bridge

    async def _shut(self, timeout: float) -> None:
        assert self._raw is not None and self._bridge is not None and self._keeper is not None
        try:
            await self._bridge.loop.run_in_executor(None, self._raw.close, timeout)
            await self._keeper.stop()
        finally:
            self._bridge.stop()
            self._closed = True
            for torrent in self.torrents:
                torrent._end(("SessionClosedError", ()))
            self._torrents.clear()
            if self._finalizer is not None:
                self._finalizer.detach()


def _close_at_exit(raw: RawSession, pid: int, ledger: Ledger) -> None:
    """Closes a session that nobody closed, when it is collected or the interpreter ends."""
    if pid == os.getpid():
        raw.close(_CLOSE_WITHIN)
        ledger.settle(raw)
