"""Lingering: serve on until one more piece was passed on, while somebody wants one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from conftest import write_tree

import p2pcore

pytestmark = pytest.mark.asyncio


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_tree(tmp_path / "source", {"data.bin": 1_000_001})
    return tmp_path / "source" / "data.bin"


async def test_nobody_is_waited_for_who_wants_nothing(source: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(source, piece_length=32768)
    seed, leech = await sessions(), await sessions()
    serving = await seed.seed(meta, source)
    torrent = await leech.fetch(meta, tmp_path / "into", peers=seed.listen_addresses)
    assert await torrent.linger(0) is False
    await torrent.completed()
    assert await torrent.linger(30) is True
    assert await serving.linger(0) is True
    assert any(isinstance(event, p2pcore.MayLeave) for event in await _so_far(torrent))


async def test_one_more_piece_is_passed_on(source: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(source, piece_length=262144)
    seed, leech, last = await sessions(), await sessions(), await sessions()
    serving = await seed.seed(meta, source)
    torrent = await leech.fetch(meta, tmp_path / "into")
    waiting = await last.fetch(meta, tmp_path / "last", peers=leech.listen_addresses, download_limit=1)
    async with asyncio.timeout(30):
        async for event in torrent.events():
            if isinstance(event, p2pcore.PeerConnected):
                break
    await torrent.add_peer(seed.listen_addresses[0])
    await torrent.completed()
    await serving.remove()
    assert await torrent.linger(0.1) is False
    assert torrent.status().uploaded < meta.piece_length
    await waiting.set_limits()
    assert await torrent.linger(30) is True
    assert torrent.status().uploaded >= meta.piece_length


async def _so_far(torrent: p2pcore.Torrent) -> list[p2pcore.Event]:
    events = torrent.events()
    await torrent.remove()
    return [event async for event in events]
