"""Sessions and torrents in asyncio: the calls, their errors, cancellation."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import p2pcore
from p2pcore import Session

pytestmark = pytest.mark.asyncio
Config = Callable[..., p2pcore.SessionConfig]


async def test_seed_returns_when_the_data_is_checked(folder: Path, config: Config) -> None:
    meta = p2pcore.create(folder)
    async with Session(config()) as session:
        torrent = await session.seed(meta, folder)
        status = torrent.status()
        assert (status.state, status.done, status.wanted, status.progress) == (
            "seeding",
            meta.total_size,
            meta.total_size,
            1.0,
        )
        assert torrent.pieces.all()
        assert torrent.pieces.shape == torrent.availability.shape == (meta.piece_count,)
        assert torrent.peers() == ()
        assert session.torrents == (torrent,)
        await torrent.completed()


async def test_seeding_incomplete_data_is_refused_unless_asked_for(folder: Path, config: Config) -> None:
    meta = p2pcore.create(folder, piece_length=16384)
    (folder / "README.md").write_bytes(b"")
    async with Session(config()) as session:
        with pytest.raises(p2pcore.IncompleteDataError) as caught:
            await session.seed(meta, folder)
        assert caught.value.done < caught.value.wanted == meta.total_size
        assert session.torrents == ()
        torrent = await session.seed(meta, folder, allow_partial=True)
        assert 0 < torrent.status().progress < 1


async def test_same_torrent_twice_is_refused(folder: Path, config: Config, tmp_path: Path) -> None:
    meta = p2pcore.create(folder)
    async with Session(config()) as session:
        await session.seed(meta, folder)
        with pytest.raises(p2pcore.AlreadyAddedError):
            await session.fetch(meta, tmp_path / "into")
        assert len(session.torrents) == 1


async def test_listen_addresses_are_real(config: Config) -> None:
    async with Session(config(listen=["127.0.0.1:0", "127.0.0.1:0"])) as session:
        assert len(session.listen_addresses) == 2
        assert session.port == session.listen_addresses[0][1]
        assert len(session.peer_id) == 20
        for address in session.listen_addresses:
            socket.create_connection(address, 5).close()
    async with Session(config(listen=())) as session:
        assert session.port is None


async def test_host_names_are_listened_on(config: Config) -> None:
    async with Session(config(listen="localhost:0")) as session:
        assert {host for host, _ in session.listen_addresses} <= {"127.0.0.1", "::1"}
        assert session.port


async def test_dial_that_fails_says_why(folder: Path, config: Config, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()
    async with Session(config()) as session:
        torrent = await session.fetch(p2pcore.create(folder), tmp_path, peers=[nobody])
        async for event in torrent.events():
            if isinstance(event, p2pcore.DialFailed):
                assert event == p2pcore.DialFailed(address=nobody, reason="connection refused")
                break
        with pytest.raises(p2pcore.ArgumentError, match="a sequence of addresses"):
            await session.fetch(p2pcore.create(folder), tmp_path, peers="127.0.0.1:1")


async def test_taken_port_is_a_listen_error(config: Config) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        session = Session(config(listen=("127.0.0.1", port)))
        with pytest.raises(p2pcore.ListenError, match=str(port)) as caught:
            await session.start()
        assert caught.value.errno is not None
        await session.close()


async def test_double_close_and_concurrent_close(config: Config) -> None:
    session = Session(config())
    await session.start()
    await asyncio.gather(session.close(), session.close())
    await session.close()
    with pytest.raises(p2pcore.SessionClosedError):
        await session.start()


async def test_closing_an_unstarted_session_is_fine(config: Config) -> None:
    await Session(config()).close()


async def test_closed_session_says_so(folder: Path, config: Config) -> None:
    meta = p2pcore.create(folder)
    async with Session(config()) as session:
        torrent = await session.seed(meta, folder)
        stream = torrent.events()
    with pytest.raises(p2pcore.SessionClosedError):
        torrent.status()
    with pytest.raises(p2pcore.SessionClosedError):
        await torrent.pause()
    with pytest.raises(p2pcore.SessionClosedError):
        await session.fetch(meta, folder)
    assert [type(event) async for event in stream][:2] == [p2pcore.Checked, p2pcore.Completed]


async def test_session_of_another_loop_says_so(folder: Path, config: Config) -> None:
    meta = p2pcore.create(folder)
    async with Session(config()) as session:
        torrent = await session.seed(meta, folder)
        caught: list[BaseException] = []

        def elsewhere() -> None:
            for use in (torrent.pause, session.close, torrent.completed):
                try:
                    asyncio.run(use())
                except p2pcore.WrongLoopError as error:
                    caught.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        await asyncio.to_thread(thread.join)
        assert len(caught) == 3


async def test_timeout_stops_the_waiting_and_not_the_torrent(folder: Path, config: Config, tmp_path: Path) -> None:
    meta = p2pcore.create(folder)
    async with Session(config()) as session:
        torrent = await session.fetch(meta, tmp_path / "into")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await torrent.completed()
        assert torrent.status().state in {"checking", "downloading"}


async def test_cancelled_add_leaves_no_torrent(folder: Path, config: Config, tmp_path: Path) -> None:
    meta = p2pcore.create(folder)
    async with Session(config()) as session:
        task = asyncio.create_task(session.fetch(meta, tmp_path / "into"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert session.torrents == ()


async def test_removed_torrent_says_so(folder: Path, config: Config, tmp_path: Path) -> None:
    meta = p2pcore.create(folder)
    async with Session(config()) as session:
        torrent = await session.fetch(meta, tmp_path / "into")
        waiting = asyncio.create_task(torrent.completed())
        stream = torrent.events()
        await asyncio.sleep(0)
        await torrent.remove()
        with pytest.raises(p2pcore.TorrentRemovedError):
            await waiting
        with pytest.raises(p2pcore.TorrentRemovedError):
            await torrent.pause()
        with pytest.raises(p2pcore.TorrentRemovedError):
            torrent.status()
        for snapshot in (torrent.peers, lambda: torrent.pieces, lambda: torrent.availability):
            with pytest.raises(p2pcore.TorrentRemovedError):
                snapshot()
        _ = [event async for event in stream]  # ends
        again = await session.fetch(meta, tmp_path / "into")
        assert again.id != torrent.id


@pytest.mark.parametrize("files", [["nothing"], [99], [-1], "README.md"])
async def test_unknown_files_are_refused(folder: Path, config: Config, tmp_path: Path, files: object) -> None:
    meta = p2pcore.create(folder)
    async with Session(config()) as session:
        with pytest.raises(p2pcore.ArgumentError):
            await session.fetch(meta, tmp_path / "into", files=files)


async def test_unwritable_target_is_a_storage_error(folder: Path, config: Config, tmp_path: Path) -> None:
    meta = p2pcore.create(folder)
    (tmp_path / "file").write_bytes(b"mine")
    async with Session(config()) as session:
        with pytest.raises(p2pcore.StorageError) as caught:  # noqa: PT012 - either of the two may find it
            torrent = await session.fetch(meta, tmp_path / "file" / "into")
            await torrent.completed()
        assert str(tmp_path / "file") in str(caught.value)
    assert (tmp_path / "file").read_bytes() == b"mine"


async def test_late_subscribers_get_the_facts_that_hold(folder: Path, config: Config) -> None:
    meta = p2pcore.create(folder)
    async with Session(config()) as session:
        torrent = await session.seed(meta, folder)
        await torrent.completed()
        for stream in (torrent.events(), torrent.events()):
            assert [await anext(stream), await anext(stream)] == [p2pcore.Checked(), p2pcore.Completed()]


async def test_progress_of_a_complete_torrent_is_one_status(folder: Path, config: Config) -> None:
    meta = p2pcore.create(folder)
    async with Session(config()) as session:
        torrent = await session.seed(meta, folder)
        await torrent.completed()
        assert [status.progress async for status in torrent.progress()] == [1.0]


async def test_local_paths(folder: Path, single: Path, config: Config, tmp_path: Path) -> None:
    async with Session(config()) as session:
        many = await session.seed(p2pcore.create(folder), folder)
        one = await session.fetch(p2pcore.create(single), tmp_path / "into")
        assert many.local_path("README.md") == folder / "README.md"
        assert many.local_path(many.meta.files[0]) == folder / many.meta.files[0].path
        assert one.local_path(0) == tmp_path / "into" / "single.bin"


async def test_pause_and_resume(folder: Path, config: Config) -> None:
    meta = p2pcore.create(folder)
    async with Session(config()) as session:
        torrent = await session.seed(meta, folder)
        await torrent.pause()
        assert torrent.status().state == "paused"
        await torrent.resume()
        async with asyncio.timeout(10):
            while torrent.status().state != "seeding":
                await asyncio.sleep(0.01)


async def test_limits_are_checked(folder: Path, config: Config) -> None:
    meta = p2pcore.create(folder)
    async with Session(config()) as session:
        torrent = await session.seed(meta, folder, upload_limit=1000)
        await torrent.set_limits(upload=None)
        await session.set_limits(upload=10_000, download=10_000)
        await session.set_limits(lan_upload=10_000, wan_download=10_000, peer_upload=10_000)
        with pytest.raises(p2pcore.ArgumentError):
            await torrent.set_limits(upload=0)
        with pytest.raises(p2pcore.ArgumentError, match="lan_download_limit is 0"):
            await session.set_limits(lan_download=0)
