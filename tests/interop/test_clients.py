"""p2pcore with each real client at the other end, both directions."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from conftest import read_tree, write_tree
from peers import Aria2, LibTorrent, RealPeer, Transmission

import p2pcore

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]

TREE = {
    "a/exact.bin": 4 * 65_536,
    "a/one-over.bin": 4 * 65_536 + 1,
    "b/short.bin": 100,
    "b/ünï.bin": 777_777,
    "empty": 0,
}

COMBINATIONS = [
    *((LibTorrent, format) for format in ("v1", "v2", "hybrid")),
    # These two cannot trade a hybrid with anybody: see test_hybrid_limits.py.
    (Aria2, "v1"),
    (Transmission, "v1"),
]
LENGTHS = {LibTorrent: (16 << 10, 16 << 20), Aria2: (16 << 10, 1 << 20), Transmission: (16 << 10, 1 << 20)}
CASES = [
    pytest.param(client, format, length, single, id=f"{client.name}-{format}-{length >> 10}KiB-{shape}")
    for client, format in COMBINATIONS
    for length in LENGTHS[client]
    for single, shape in ((False, "folder"), (True, "file"))
]


def source(tmp_path: Path, single: bool, length: int) -> Path:
    """A folder with every awkward size, or one file that ends in a short piece."""
    root = tmp_path / "source" / "data"
    if single:
        write_tree(root.parent, {"data": min(length, 1 << 20) * 2 + 12_345})
    else:
        write_tree(root, TREE)
    return root


def contents(path: Path) -> dict[str, bytes]:
    if path.is_file():
        return {"": path.read_bytes()}
    return {name: data for name, data in read_tree(path).items() if not name.startswith(".pad")}


def expected(client: RealPeer, data: Path) -> dict[str, bytes]:
    """What the client makes of it."""
    return {name: content for name, content in contents(data).items() if content or client.makes_empty_files}


@pytest.mark.parametrize(("client", "format", "length", "single"), CASES)
async def test_client_fetches_from_us(client, format, length, single, tmp_path: Path, config, peer) -> None:
    data = source(tmp_path, single, length)
    meta = p2pcore.create(data, format=format, piece_length=length)
    meta.save(tmp_path / "t.torrent")
    theirs: RealPeer = peer(client)
    theirs.add(tmp_path / "t.torrent", tmp_path / "into")
    async with p2pcore.Session(config()) as session:
        await session.seed(meta, data, peers=[theirs.address])
        await asyncio.to_thread(theirs.wait_complete)
    assert contents(tmp_path / "into" / "data") == expected(theirs, data)


@pytest.mark.parametrize(("client", "format", "length", "single"), CASES)
async def test_we_fetch_from_client(client, format, length, single, tmp_path: Path, config, peer) -> None:
    data = source(tmp_path, single, length)
    meta = p2pcore.create(data, format=format, piece_length=length)
    meta.save(tmp_path / "t.torrent")
    theirs: RealPeer = peer(client)
    theirs.add(tmp_path / "t.torrent", data.parent)
    await asyncio.to_thread(theirs.wait_complete)
    async with p2pcore.Session(config()) as session, asyncio.timeout(60):
        torrent = await session.fetch(meta, tmp_path / "into", peers=[theirs.address])
        await torrent.completed()
    assert contents(tmp_path / "into" / "data") == contents(data)


async def test_one_swarm_of_all(tmp_path: Path, config, peer) -> None:
    """A slow seed of ours, and one leech of each kind: all complete, and leeches served each other."""
    data = source(tmp_path, False, 0)
    write_tree(data, {"big.bin": 6 << 20})
    meta = p2pcore.create(data, format="v1", piece_length=64 << 10)
    meta.save(tmp_path / "t.torrent")
    others = [peer(kind) for kind in (LibTorrent, Aria2, Transmission)]
    for other in others:
        other.add(tmp_path / "t.torrent", tmp_path / f"into-{other.name}")
    addresses = [other.address for other in others]
    async with (
        p2pcore.Session(config(upload_limit=512 << 10)) as seeding,
        p2pcore.Session(config()) as leeching,
        asyncio.timeout(100),
    ):
        torrent = await leeching.fetch(meta, tmp_path / "into-p2pcore", peers=addresses)
        seed = await seeding.seed(meta, data, peers=[*leeching.listen_addresses, *addresses])
        for address in addresses[1:]:
            others[0].connect(address)
        await torrent.completed()
        for other in others:
            await asyncio.to_thread(other.wait_complete, 80)
        from_seed = seed.status().uploaded
        from_leech = torrent.status().uploaded
    assert contents(tmp_path / "into-p2pcore" / "data") == contents(data)
    for other in others:
        assert contents(tmp_path / f"into-{other.name}" / "data") == expected(other, data), other.name
    assert from_leech > 0
    assert from_seed < 3 * meta.total_size, "four leeches took less than three copies from the seed"


async def test_an_origin_is_not_left_by_whom_it_shows_nothing_yet(tmp_path: Path, config, peer) -> None:
    """The only source shows pieces one by one. libtorrent leaves whoever says that it needs nothing and has nothing."""
    data = source(tmp_path, False, 0)
    meta = p2pcore.create(data, format="v1", piece_length=64 << 10)
    meta.save(tmp_path / "t.torrent")
    leeches = [peer(LibTorrent) for _ in range(3)]
    async with p2pcore.Session(config(upload_limit=1 << 20, peer_exchange=False)) as session:
        await session.seed(meta, data)
        for number, leech in enumerate(leeches):
            leech.add(tmp_path / "t.torrent", tmp_path / f"into-{number}")
            leech.connect(session.listen_addresses[0])
        for leech in leeches:
            await asyncio.to_thread(leech.wait_complete, 30)
