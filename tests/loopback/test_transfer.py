"""Transfers between p2pcore sessions: formats, swarms, selection, order, limits."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import read_tree, write_tree

import p2pcore

pytestmark = pytest.mark.asyncio
FORMATS = ["v1", "v2", "hybrid"]


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


async def complete(*torrents: p2pcore.Torrent, within: float = 40) -> None:
    async with asyncio.timeout(within):
        await asyncio.gather(*(torrent.completed() for torrent in torrents))


@pytest.mark.parametrize("piece_length", [16384, 65536, 16 << 20])
@pytest.mark.parametrize("format", FORMATS)
async def test_folder_goes_from_one_to_the_other(
    format: str, piece_length: int, folder: Path, tmp_path: Path, sessions
) -> None:
    meta = p2pcore.create(folder, format=format, piece_length=piece_length)
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, folder)
    torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
    await complete(torrent)
    assert files(tmp_path / "into" / "folder") == files(folder)
    assert torrent.pieces.all()
    assert torrent.status().state == "seeding"


@pytest.mark.parametrize("format", FORMATS)
async def test_single_file_goes_over(format: str, single: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(single, format=format)
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, single)
    torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
    await complete(torrent)
    assert (tmp_path / "into" / "single.bin").read_bytes() == single.read_bytes()


async def test_over_ipv6(single: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(single)
    try:
        seeder = await sessions(listen="[::1]:0")
    except p2pcore.ListenError:
        pytest.skip("no IPv6 on this machine")
    leech = await sessions(listen=())
    await seeder.seed(meta, single)
    torrent = await leech.fetch(meta, tmp_path / "into", peers=[f"[::1]:{seeder.port}"])
    await complete(torrent)


async def test_seed_dials_too(single: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(single)
    seeder, leech = await sessions(listen=()), await sessions()
    torrent = await leech.fetch(meta, tmp_path / "into")
    await seeder.seed(meta, single, peers=leech.listen_addresses)
    await complete(torrent)


async def test_seed_from_a_mapping(folder: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(folder)
    moved = {}
    for number, file in enumerate(meta.files):
        moved[file.path] = (folder / file.path).rename(tmp_path / f"moved-{number}")
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, moved)
    torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
    await complete(torrent)
    assert p2pcore.verify(meta, tmp_path / "into" / "folder").complete


async def test_leeches_serve_each_other(tmp_path: Path, sessions) -> None:
    source = tmp_path / "big.bin"
    source.write_bytes(random.Random(1).randbytes(8 << 20))
    meta = p2pcore.create(source, piece_length=65536)
    seeder = await sessions(upload_limit=6 << 20)
    await seeder.seed(meta, source)
    leeches = [await sessions() for _ in range(4)]
    known = [address for session in (seeder, *leeches) for address in session.listen_addresses]
    torrents = [
        await leech.fetch(
            meta, tmp_path / f"into-{number}", peers=[a for a in known if a not in leech.listen_addresses]
        )
        for number, leech in enumerate(leeches)
    ]
    await complete(*torrents)
    for number in range(4):
        assert (tmp_path / f"into-{number}" / "big.bin").read_bytes() == source.read_bytes()
    assert sum(torrent.status().uploaded for torrent in torrents) > 0


async def test_several_torrents_share_a_session(folder: Path, single: Path, tmp_path: Path, sessions) -> None:
    metas = [(p2pcore.create(folder), folder), (p2pcore.create(single), single)]
    seeder, leech = await sessions(), await sessions()
    for meta, path in metas:
        await seeder.seed(meta, path)
    torrents = [await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses) for meta, _ in metas]
    await complete(*torrents)
    assert files(tmp_path / "into") == {
        **{f"folder/{name}": data for name, data in files(folder).items()},
        "single.bin": single.read_bytes(),
    }


async def test_selected_files_only(folder: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(folder, piece_length=65536)
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, folder)
    chosen = ["data/one-over.bin"]
    torrent = await leech.fetch(meta, tmp_path / "into", files=chosen, peers=seeder.listen_addresses)
    await complete(torrent)
    assert files(tmp_path / "into") == {f"folder/{name}": (folder / name).read_bytes() for name in chosen}
    assert torrent.status().wanted == 65_537
    await torrent.set_files(None)
    await complete(torrent)
    assert files(tmp_path / "into" / "folder") == files(folder)


async def test_sequential_order(tmp_path: Path, sessions) -> None:
    source = tmp_path / "big.bin"
    source.write_bytes(random.Random(2).randbytes(4 << 20))
    meta = p2pcore.create(source, piece_length=65536)
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, source, upload_limit=8 << 20)
    torrent = await leech.fetch(meta, tmp_path / "into", sequential=True)
    stream = torrent.events()
    await torrent.add_peer(seeder.listen_addresses[0])
    order = []
    async with asyncio.timeout(30):
        async for event in stream:
            if isinstance(event, p2pcore.PieceVerified):
                order.append(event.piece)
            if isinstance(event, p2pcore.Completed):
                break
    assert sorted(order) == list(range(meta.piece_count))
    displaced = np.abs(np.array(order) - np.arange(len(order)))
    assert displaced.max() <= 24  # requests in flight finish in any order, but near their place


async def test_events_tell_the_whole_story(folder: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(folder, piece_length=16384)
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, folder)
    torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
    await complete(torrent)
    one = torrent.events()
    await torrent.remove()
    seen = [event async for event in one]
    assert {event.piece for event in seen if isinstance(event, p2pcore.PieceVerified)} == set(range(meta.piece_count))
    assert {event.file.path for event in seen if isinstance(event, p2pcore.FileCompleted)} == {
        file.path for file in meta.files
    }
    [connected] = [event for event in seen if isinstance(event, p2pcore.PeerConnected)]
    assert (connected.address, connected.outgoing) == (seeder.listen_addresses[0], True)
    kinds = [type(event) for event in seen]
    assert kinds.index(p2pcore.Checked) < kinds.index(p2pcore.PieceVerified) < kinds.index(p2pcore.Completed)


async def test_completed_file_is_readable_when_its_event_comes(folder: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(folder, piece_length=16384)
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, folder)
    torrent = await leech.fetch(meta, tmp_path / "into")
    stream = torrent.events()
    await torrent.add_peer(seeder.listen_addresses[0])
    read = {}
    async with asyncio.timeout(30):
        async for event in stream:
            if isinstance(event, p2pcore.FileCompleted):
                read[event.file.path] = torrent.local_path(event.file).read_bytes()
            if isinstance(event, p2pcore.Completed):
                break
    assert read == files(folder)


async def test_peers_are_seen_while_they_serve(tmp_path: Path, sessions) -> None:
    source = tmp_path / "big.bin"
    source.write_bytes(random.Random(3).randbytes(2 << 20))
    meta = p2pcore.create(source, piece_length=65536)
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, source, upload_limit=1 << 20)
    torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
    async with asyncio.timeout(20):
        while not (torrent.peers() and torrent.availability.any() and torrent.status().downloaded):
            await asyncio.sleep(0.01)
    [peer] = torrent.peers()
    assert peer.address == seeder.listen_addresses[0]
    assert peer.progress == 1.0
    assert set(torrent.availability.tolist()) == {1}
    assert torrent.status().seeds == 1


async def test_snapshots_answer_while_data_flows(tmp_path: Path, sessions) -> None:
    source = tmp_path / "big.bin"
    source.write_bytes(random.Random(4).randbytes(48 << 20))
    meta = p2pcore.create(source, piece_length=65536)
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, source)
    torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
    slowest = 0.0
    async with asyncio.timeout(50):
        while torrent.status().state != "seeding":
            began = time.perf_counter()
            torrent.status()
            torrent.peers()
            _ = torrent.pieces, torrent.availability
            slowest = max(slowest, time.perf_counter() - began)
            await asyncio.sleep(0)
    assert slowest < 0.5


async def test_corrupt_seed_is_left_and_the_honest_one_completes(tmp_path: Path, sessions) -> None:
    source = tmp_path / "big.bin"
    data = random.Random(6).randbytes(2 << 20)
    source.write_bytes(data)
    meta = p2pcore.create(source, piece_length=65536)
    liar, honest, leech = await sessions(), await sessions(), await sessions()
    lies = tmp_path / "lies" / "big.bin"
    lies.parent.mkdir()
    lies.write_bytes(data)
    await liar.seed(meta, lies)
    with lies.open("r+b") as file:  # after the check: what it serves now is wrong
        file.write(bytes(2 << 20))
    torrent = await leech.fetch(meta, tmp_path / "into", peers=liar.listen_addresses)
    stream = torrent.events()
    async with asyncio.timeout(30):
        async for event in stream:
            if isinstance(event, p2pcore.PieceFailed | p2pcore.PeerBanned | p2pcore.PeerDisconnected):
                break
    await honest.seed(meta, source)
    await torrent.add_peer(honest.listen_addresses[0])
    await complete(torrent)
    assert (tmp_path / "into" / "big.bin").read_bytes() == data


async def test_slow_reader_is_told_how_many_events_it_missed(folder: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(folder, piece_length=16384)
    seeder, leech = await sessions(), await sessions(event_capacity=4)
    await seeder.seed(meta, folder)
    torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
    stream = torrent.events()
    deadline = time.monotonic() + 30
    while torrent.status().state != "seeding" and time.monotonic() < deadline:
        time.sleep(0.01)  # the loop stands still on purpose
    await complete(torrent)
    await torrent.remove()
    seen = [event async for event in stream]
    dropped = sum(event.count for event in seen if isinstance(event, p2pcore.EventsDropped))
    assert dropped > 0
    assert p2pcore.Completed() in seen
    verified = sum(isinstance(event, p2pcore.PieceVerified) for event in seen)
    assert verified < meta.piece_count <= verified + dropped


async def test_files_chosen_while_data_is_checked_are_all_fetched(tmp_path: Path, sessions) -> None:
    data = write_tree(tmp_path / "data", {"a": 3_000_000, "b": 70_000, "c": 70_000})
    meta = p2pcore.create(data, format="v1", piece_length=16384)
    into = tmp_path / "into"
    shutil.copytree(data, into / "data")
    for name in ("b", "c"):
        (into / "data" / name).unlink()
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, data)
    torrent = await leech.fetch(meta, into, files=["a"], overwrite=True)
    await torrent.set_files(None)
    await torrent.add_peer(seeder.listen_addresses[0])
    await complete(torrent)
    assert read_tree(into / "data") == read_tree(data)
    await torrent.set_files(["a"])
    await complete(torrent)
    await torrent.set_files(None)
    await complete(torrent)


async def test_a_seed_counts_what_short_visitors_took(single: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(single)
    seeder = await sessions()
    seeding = await seeder.seed(meta, single)
    for visit in range(3):
        async with p2pcore.Session(p2pcore.SessionConfig(listen="127.0.0.1:0", state_dir=None)) as leech:
            torrent = await leech.fetch(meta, tmp_path / str(visit), peers=seeder.listen_addresses)
            await complete(torrent)
    async with asyncio.timeout(10):
        while seeding.status().uploaded < 3 * meta.total_size:
            await asyncio.sleep(0.01)


async def test_a_relative_folder_stays_where_it_was(single: Path, tmp_path: Path, sessions, monkeypatch) -> None:
    meta = p2pcore.create(single)
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, single)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    torrent = await leech.fetch(meta, "into")
    monkeypatch.chdir(tmp_path / "elsewhere")
    await torrent.add_peer(seeder.listen_addresses[0])
    await complete(torrent)
    assert (tmp_path / "into" / "single.bin").read_bytes() == single.read_bytes()
