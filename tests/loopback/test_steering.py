"""What a user says of single pieces: which are fetched, and in what order."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import numpy as np
import pytest

import p2pcore

pytestmark = pytest.mark.asyncio


@pytest.fixture
def big(tmp_path: Path) -> tuple[p2pcore.Metainfo, Path]:
    """A file of 64 pieces."""
    source = tmp_path / "big.bin"
    source.write_bytes(random.Random(3).randbytes(4 << 20))
    return p2pcore.create(source, piece_length=65536), source


async def complete(torrent: p2pcore.Torrent) -> None:
    async with asyncio.timeout(30):
        await torrent.completed()


async def verified_until_complete(stream: p2pcore.EventStream) -> list[int]:
    order = []
    async with asyncio.timeout(30):
        async for event in stream:
            if isinstance(event, p2pcore.PieceVerified):
                order.append(event.piece)
            if isinstance(event, p2pcore.Completed):
                break
    return order


async def test_pieces_come_by_priority_and_those_of_zero_not_at_all(big, tmp_path: Path, sessions) -> None:
    meta, source = big
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, source, upload_limit=8 << 20)
    torrent = await leech.fetch(meta, tmp_path / "into")
    assert (torrent.piece_priorities == 4).all()
    priorities = np.zeros(meta.piece_count, dtype=np.uint8)
    priorities[40:56] = 1
    priorities[8:24] = 7
    await torrent.set_piece_priorities(priorities)
    assert (torrent.piece_priorities == priorities).all()
    stream = torrent.events()
    await torrent.add_peer(seeder.listen_addresses[0])
    order = await verified_until_complete(stream)
    assert sorted(order) == [*range(8, 24), *range(40, 56)]
    late = [piece for piece in order[:8] if piece >= 40]
    assert not late, order
    status = torrent.status()
    assert (status.wanted, status.done, status.state) == (32 * 65536, 32 * 65536, "seeding")
    assert (torrent.pieces == (priorities > 0)).all()
    await torrent.set_piece_priorities(None)
    assert (torrent.piece_priorities == 4).all()
    await complete(torrent)
    assert torrent.status().done == meta.total_size
    assert (tmp_path / "into" / "big.bin").read_bytes() == source.read_bytes()


async def test_files_and_priorities_hold_together_and_neither_undoes_the_other(tmp_path: Path, sessions) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in "ab":
        (folder / name).write_bytes(random.Random(name).randbytes(4 * 65536))
    meta = p2pcore.create(folder, piece_length=65536)
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, folder)
    torrent = await leech.fetch(meta, tmp_path / "into", files=["a"])
    priorities = np.array([0, 7, 7, 7, 7, 7, 7, 0], dtype=np.uint8)
    await torrent.set_piece_priorities(priorities)
    await torrent.add_peer(seeder.listen_addresses[0])
    await complete(torrent)
    assert torrent.pieces.tolist() == [False, True, True, True, False, False, False, False]
    assert not (tmp_path / "into" / "folder" / "b").exists()
    await torrent.set_files(None)
    await complete(torrent)
    assert (torrent.pieces == (priorities > 0)).all()
    assert (torrent.piece_priorities == priorities).all()


@pytest.mark.parametrize(
    ("priorities", "message"),
    [
        (np.ones(63, dtype=np.uint8), r"the shape \(64,\)"),
        (np.ones((64, 1), dtype=np.uint8), r"the shape \(64,\)"),
        (np.ones(64), "uint8, not float64"),
        (np.ones(64, dtype=np.int64), "uint8, not int64"),
        (np.full(64, 8, dtype=np.uint8), "piece 0: 8 is not a priority from 0 to 7"),
    ],
)
async def test_malformed_priorities_are_refused(big, tmp_path: Path, sessions, priorities, message: str) -> None:
    meta, _ = big
    leech = await sessions()
    torrent = await leech.fetch(meta, tmp_path / "into")
    with pytest.raises(p2pcore.ArgumentError, match=message):
        await torrent.set_piece_priorities(priorities)
    assert (torrent.piece_priorities == 4).all()
    assert torrent.status().wanted == meta.total_size


async def test_priorities_of_a_removed_torrent_are_gone(big, tmp_path: Path, sessions) -> None:
    meta, _ = big
    leech = await sessions()
    torrent = await leech.fetch(meta, tmp_path / "into")
    await torrent.remove()
    with pytest.raises(p2pcore.TorrentRemovedError):
        _ = torrent.piece_priorities
    with pytest.raises(p2pcore.TorrentRemovedError):
        await torrent.set_piece_priorities(None)


async def test_pieces_that_are_due_come_first_and_in_their_order(big, tmp_path: Path, sessions) -> None:
    meta, source = big
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, source, upload_limit=8 << 20)
    torrent = await leech.fetch(meta, tmp_path / "into")
    due = [*range(50, 40, -1), *range(10, 20)]
    for place, piece in enumerate(due):
        await torrent.set_piece_deadline(piece, seconds=place / 10)
    await torrent.set_piece_deadline(5, seconds=0)
    await torrent.set_piece_deadline(5, seconds=None)
    stream = torrent.events()
    await torrent.add_peer(seeder.listen_addresses[0])
    order = await verified_until_complete(stream)
    assert sorted(order) == list(range(meta.piece_count))
    places = np.array([order.index(piece) for piece in due])
    # Pieces are hashed side by side, so each comes near its place.
    assert np.abs(places - np.arange(len(due))).max() <= 4, order


async def test_a_deadline_outlasts_a_pause_and_is_taken_back(big, tmp_path: Path, sessions) -> None:
    meta, source = big
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, source, upload_limit=8 << 20)
    torrent = await leech.fetch(meta, tmp_path / "into", sequential=True)
    for piece in (20, 40):
        await torrent.set_piece_deadline(piece, seconds=1)
    await torrent.clear_piece_deadlines()
    await torrent.pause()
    await torrent.set_piece_deadline(60, seconds=1)
    await torrent.resume()
    stream = torrent.events()
    await torrent.add_peer(seeder.listen_addresses[0])
    order = await verified_until_complete(stream)
    assert order.index(60) <= 4, order
    assert order.index(20) >= 10, order
    assert order.index(40) >= 30, order


@pytest.mark.parametrize(
    ("piece", "seconds", "message"),
    [
        (64, 1, "no piece 64"),
        (-1, 1, "no piece -1"),
        (0, -1, "0 or more seconds"),
        (0, float("nan"), "0 or more seconds"),
        (0, float("inf"), "0 or more seconds"),
    ],
)
async def test_impossible_deadlines_are_refused(
    big, tmp_path: Path, sessions, piece: int, seconds: float, message: str
) -> None:
    meta, _ = big
    leech = await sessions()
    torrent = await leech.fetch(meta, tmp_path / "into")
    with pytest.raises(p2pcore.ArgumentError, match=message):
        await torrent.set_piece_deadline(piece, seconds)
