"""Peers at one site fetch each piece from outside once."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

import p2pcore

pytestmark = pytest.mark.asyncio

SIZE = 12 << 20
LINK = 4 << 20
PEERS = 8


async def copies(sessions, tmp_path: Path, *, locality: bool) -> float:
    """What a seed elsewhere sends until each of a site's peers has everything, over a link that all of them share."""
    path = tmp_path / "big.bin"
    path.write_bytes(random.Random(1).randbytes(SIZE))
    meta = p2pcore.create(path, piece_length=65536)
    elsewhere = await sessions(site="elsewhere", upload_limit=LINK, origin_mode=False, locality=locality)
    seed = await elsewhere.seed(meta, path)
    known, torrents = list(elsewhere.listen_addresses), []
    for number in range(PEERS):
        peer = await sessions(site="here", locality=locality)
        torrents.append(await peer.fetch(meta, tmp_path / f"into{number}", peers=known))
        known.extend(peer.listen_addresses)
    await asyncio.wait_for(asyncio.gather(*[torrent.completed() for torrent in torrents]), 60)
    for number in range(PEERS):
        assert (tmp_path / f"into{number}" / "big.bin").read_bytes() == path.read_bytes()
    # What is on the way when the last one is done is sent, too.
    return seed.status().uploaded / SIZE


async def test_one_copy_comes_from_outside(tmp_path: Path, sessions) -> None:
    assert await copies(sessions, tmp_path, locality=True) <= 1.05


async def test_without_locality_more_than_that_comes(tmp_path: Path, sessions) -> None:
    """Or the test above would prove nothing."""
    assert await copies(sessions, tmp_path, locality=False) > 1.05


@pytest.mark.parametrize("rate", [1, 20_000])
async def test_a_slow_site_is_not_waited_for(rate: int, tmp_path: Path, sessions) -> None:
    """Peers that say that they are at our site and give next to nothing cost seconds, not the transfer."""
    path = tmp_path / "big.bin"
    path.write_bytes(random.Random(2).randbytes(4 << 20))
    meta = p2pcore.create(path, piece_length=65536)
    elsewhere = await sessions(site="elsewhere")
    await elsewhere.seed(meta, path)
    misers = [await sessions(site="here", upload_limit=rate) for _ in range(2)]
    known = list(elsewhere.listen_addresses)
    for number, miser in enumerate(misers):
        await miser.fetch(meta, tmp_path / f"miser{number}", peers=known)
        known.extend(miser.listen_addresses)
    last = await sessions(site="here")
    torrent = await last.fetch(meta, tmp_path / "last", peers=known)
    await asyncio.wait_for(torrent.completed(), 30)
