"""The blocking face."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import p2pcore
from p2pcore import sync

Config = Callable[..., p2pcore.SessionConfig]


def test_fetch_in_one_call(folder: Path, config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    meta = p2pcore.create(folder)
    with sync.seed(meta, folder, config=config()) as session:
        path = sync.fetch(meta, tmp_path / "into", peers=[("127.0.0.1", session.port)], config=config())
    assert path == tmp_path / "into" / "folder"
    assert p2pcore.verify(meta, path).complete
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "fetching folder: 100 %" in captured.err


def test_fetch_reads_a_torrent_file(single: Path, config: Config, tmp_path: Path) -> None:
    torrent = tmp_path / "x.torrent"
    p2pcore.create(single).save(torrent)
    with sync.seed(torrent, single, config=config()) as session:
        peers = [f"127.0.0.1:{session.port}"]
        path = sync.fetch(torrent, tmp_path / "into", peers=peers, config=config(), progress=False)
    assert path.read_bytes() == single.read_bytes()


def test_timeout_is_a_timeout_error(single: Path, config: Config, tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match=r"0\.2 s"):
        sync.fetch(p2pcore.create(single), tmp_path / "into", peers=[], timeout=0.2, progress=False, config=config())


def test_events_and_progress_are_plain_iterators(folder: Path, config: Config, tmp_path: Path) -> None:
    meta = p2pcore.create(folder, piece_length=16384)
    with sync.seed(meta, folder, config=config()) as seeder, sync.Session(config()) as session:
        torrent = session.fetch(meta, tmp_path / "into")
        events = torrent.events()
        torrent.add_peer(("127.0.0.1", seeder.port))
        assert [status.state for status in torrent.progress(every=0.05)][-1] == "seeding"
        seen = []
        for event in events:
            seen.append(event)
            if isinstance(event, p2pcore.Completed):
                break
        assert {event.piece for event in seen if isinstance(event, p2pcore.PieceVerified)} == set(
            range(meta.piece_count)
        )
        assert torrent.pieces.all()
        assert session.torrents[0].id == torrent.id
        torrent.completed(timeout=1)
        torrent.remove()
        assert session.torrents == ()


def test_errors_come_through(folder: Path, config: Config, tmp_path: Path) -> None:
    with sync.Session(config()) as session, pytest.raises(p2pcore.ArgumentError):
        session.fetch(p2pcore.create(folder), tmp_path, files=["none"])
    with pytest.raises(p2pcore.SessionClosedError):
        session.fetch(p2pcore.create(folder), tmp_path)
    session.close()


def test_works_inside_a_running_loop(single: Path, config: Config) -> None:
    async def notebook() -> str:
        with sync.seed(p2pcore.create(single), single, config=config()) as session:
            return session.torrents[0].status().state

    assert asyncio.run(notebook()) == "seeding"


def test_several_threads_share_a_session(folder: Path, config: Config, tmp_path: Path) -> None:
    meta = p2pcore.create(folder)
    with sync.seed(meta, folder, config=config()) as seeder, sync.Session(config()) as session:
        torrent = session.fetch(meta, tmp_path / "into", peers=[("127.0.0.1", seeder.port)])
        waiters = [threading.Thread(target=torrent.completed, args=(20,)) for _ in range(4)]
        for waiter in waiters:
            waiter.start()
        for waiter in waiters:
            waiter.join(30)
        assert torrent.status().state == "seeding"


def test_threads_end_with_the_session(config: Config) -> None:
    before = threading.active_count()
    with sync.Session(config()):
        pass
    assert threading.active_count() == before
