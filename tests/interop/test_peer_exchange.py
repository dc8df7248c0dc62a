"""Peers tell each other of others (BEP 11): a seed and a leech that know only a third one find each other."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from peers import LibTorrent

import p2pcore

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(90)]

SLOW = 100_000
"""Bytes that the peer in the middle takes in a second: it tells of those that it knows before it is done."""


def _torrent(tmp_path: Path, size: int = 1_500_000, **options) -> tuple[Path, p2pcore.Metainfo, Path]:
    data = tmp_path / "source" / "data.bin"
    data.parent.mkdir()
    data.write_bytes(random.Random(1).randbytes(size))
    meta = p2pcore.create(data, piece_length=65_536, **options)
    meta.save(tmp_path / "t.torrent")
    return data, meta, tmp_path / "t.torrent"


@pytest.mark.parametrize("format", ["v1", "v2"])
async def test_a_leech_finds_the_seed(format: str, tmp_path: Path, sessions) -> None:
    data, meta, _ = _torrent(tmp_path, format=format)
    middle = await sessions(download_limit=SLOW, upload_limit=1)
    seed, leech = await sessions(origin_mode=False), await sessions()
    between = await middle.fetch(meta, tmp_path / "middle")
    await seed.seed(meta, data, peers=middle.listen_addresses)
    torrent = await leech.fetch(meta, tmp_path / "into", peers=middle.listen_addresses)
    async with asyncio.timeout(60):
        await torrent.completed()
    assert (tmp_path / "into" / "data.bin").read_bytes() == data.read_bytes()
    assert between.status().uploaded < meta.total_size / 2, "it came from the seed"


@pytest.mark.parametrize("ours", ["told", "private", "silent leech", "silent middle"])
async def test_of_private_torrents_and_by_whoever_does_not_want_to_nobody_is_told(
    ours: str, tmp_path: Path, sessions
) -> None:
    data, meta, _ = _torrent(tmp_path, 400_000, private=ours == "private")
    middle = await sessions(download_limit=SLOW, upload_limit=1, peer_exchange=ours != "silent middle")
    seed, leech = await sessions(origin_mode=False), await sessions(peer_exchange=ours != "silent leech")
    between = await middle.fetch(meta, tmp_path / "middle")
    await seed.seed(meta, data, peers=middle.listen_addresses)
    torrent = await leech.fetch(meta, tmp_path / "into", peers=middle.listen_addresses)
    async with asyncio.timeout(60):
        await between.completed()  # which takes four seconds
    if ours == "told":
        assert torrent.status().done == meta.total_size
    else:
        assert torrent.status().done < meta.total_size


@pytest.mark.parametrize("where", ["middle", "leech", "seed"])
async def test_with_libtorrent(where: str, tmp_path: Path, sessions, peer) -> None:
    data, meta, file = _torrent(tmp_path, format="v1")
    slow = {"download_rate_limit": SLOW, "local_download_rate_limit": SLOW, "upload_rate_limit": 1}
    theirs: LibTorrent = peer(LibTorrent, settings=slow if where == "middle" else {})
    theirs.add(file, data.parent if where == "seed" else tmp_path / "theirs")
    if where == "middle":
        middle = [theirs.address]
    else:
        between = await sessions(download_limit=SLOW, upload_limit=1)
        await between.fetch(meta, tmp_path / "middle")
        middle = between.listen_addresses
        theirs.connect(middle[0])
    if where != "seed":
        await (await sessions(origin_mode=False)).seed(meta, data, peers=middle)
    if where == "leech":
        await asyncio.to_thread(theirs.wait_complete, 60)
        fetched = tmp_path / "theirs" / "data.bin"
    else:
        torrent = await (await sessions()).fetch(meta, tmp_path / "into", peers=middle)
        async with asyncio.timeout(60):
            await torrent.completed()
        fetched = tmp_path / "into" / "data.bin"
    assert fetched.read_bytes() == data.read_bytes()
