"""Rate limits hold, and what they let pass is shared as they say."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest

import p2pcore

pytestmark = pytest.mark.asyncio

RATE = 1 << 20
SECONDS = 5


def big(path: Path, size: int = 16 << 20) -> p2pcore.Metainfo:
    path.write_bytes(random.Random(path.name).randbytes(size))
    return p2pcore.create(path, piece_length=65536)


async def change(torrent: p2pcore.Torrent) -> tuple[int, float]:
    """Waits until the bytes received change, as the status is renewed a few times a second: (bytes, when)."""
    before = torrent.status().downloaded
    while (now := torrent.status().downloaded) == before:
        await asyncio.sleep(0.002)
    return now, time.monotonic()


async def rate_of(torrent: p2pcore.Torrent, bytes_before: int = RATE) -> float:
    """Bytes per second over some seconds, past the burst of the start."""
    async with asyncio.timeout(40):
        while torrent.status().downloaded < bytes_before:
            await asyncio.sleep(0.01)
        first, began = await change(torrent)
        last, ended = await change(torrent)
        while ended - began < SECONDS:
            last, ended = await change(torrent)
    return (last - first) / (ended - began)


@pytest.mark.parametrize(
    "limited",
    [
        "seed upload_limit",
        "seed lan_upload_limit",
        "seed peer_upload_limit",
        "seed torrent",
        "leech download_limit",
        "leech lan_download_limit",
        "leech peer_download_limit",
        "leech torrent",
    ],
)
async def test_each_limit_holds_to_five_percent(limited: str, tmp_path: Path, sessions) -> None:
    side, what = limited.split()
    meta = big(tmp_path / "big.bin")
    seeder = await sessions(**{what: RATE} if side == "seed" and what != "torrent" else {})
    leech = await sessions(**{what: RATE} if side == "leech" and what != "torrent" else {})
    await seeder.seed(meta, tmp_path / "big.bin", upload_limit=RATE if limited == "seed torrent" else None)
    limit = RATE if limited == "leech torrent" else None
    torrent = await leech.fetch(meta, tmp_path / "into", download_limit=limit, peers=seeder.listen_addresses)
    assert await rate_of(torrent) == pytest.approx(RATE, rel=0.05)


async def test_a_limit_of_the_internet_leaves_the_local_network_alone(tmp_path: Path, sessions) -> None:
    meta = big(tmp_path / "big.bin", 4 << 20)
    seeder, leech = await sessions(wan_upload_limit=1), await sessions(wan_download_limit=1)
    await seeder.seed(meta, tmp_path / "big.bin")
    torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
    await asyncio.wait_for(torrent.completed(), 30)


async def test_torrents_share_a_session_s_limit_alike_whatever_their_peers(tmp_path: Path, sessions) -> None:
    """One torrent has one peer, the other three; what the first leaves when it is done, the others have at once."""
    one, other = big(tmp_path / "one.bin", 5 << 20), big(tmp_path / "other.bin")
    seeder = await sessions(upload_limit=2 * RATE, origin_mode=False)
    for meta in (one, other):
        await seeder.seed(meta, tmp_path / meta.name)
    leech = await sessions()
    alone = await leech.fetch(one, tmp_path / "into", peers=seeder.listen_addresses)
    crowd = []
    for number in range(3):
        # They know the seed only.
        member = await sessions(listen=())
        crowd.append(await member.fetch(other, tmp_path / f"into{number}", peers=seeder.listen_addresses))
    async with asyncio.timeout(40):
        while alone.status().downloaded < RATE or crowd[0].status().downloaded < RATE // 8:
            await asyncio.sleep(0.01)

        def fetched() -> list[int]:
            return [torrent.status().downloaded for torrent in [alone, *crowd]]

        before = fetched()
        await alone.completed()
        first, *others = (after - was for was, after in zip(before, fetched(), strict=True))
    # The status is renewed every 200 ms.
    assert sum(others) == pytest.approx(first, rel=0.15)
    for share in others:
        assert share == pytest.approx(first / 3, rel=0.3)
    assert sum([await rate_of(torrent, 0) for torrent in crowd[:1]]) == pytest.approx(2 * RATE / 3, rel=0.1)


async def test_a_limit_that_is_lifted_frees_who_waits(tmp_path: Path, sessions) -> None:
    meta = big(tmp_path / "big.bin", 4 << 20)
    seeder, leech = await sessions(peer_upload_limit=1), await sessions()
    await seeder.seed(meta, tmp_path / "big.bin")
    torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
    async with asyncio.timeout(20):
        while not torrent.peers() or not torrent.peers()[0].interested:
            await asyncio.sleep(0.01)
    assert torrent.status().downloaded == 0
    await seeder.set_limits(wan_upload=1)
    await asyncio.wait_for(torrent.completed(), 30)
