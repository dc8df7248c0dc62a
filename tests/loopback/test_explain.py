"""What a torrent says of its peers while they trade."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from conftest import write_tree

import p2pcore

pytestmark = pytest.mark.asyncio


async def until(torrent: p2pcore.Torrent, holds) -> p2pcore.Explanation:
    """The first explanation of which something holds; they are made anew every fifth of a second."""
    async with asyncio.timeout(30):
        while not holds(explanation := torrent.explain()):
            await asyncio.sleep(0)
    return explanation


async def test_a_seed_and_a_leech_explain_each_other(tmp_path: Path, sessions) -> None:
    write_tree(tmp_path / "source", {"data.bin": 2_000_000})
    source = tmp_path / "source" / "data.bin"
    meta = p2pcore.create(source, piece_length=32768)
    seed = await sessions(uploader="tit-for-tat", unchoke_slots=7, upload_limit=400_000, origin_mode=False)
    leech = await sessions()
    serving = await seed.seed(meta, source)
    assert serving.explain().peers == ()
    fetching = await leech.fetch(meta, tmp_path / "into", peers=seed.listen_addresses)
    got = await until(fetching, lambda now: any(peer.path.round_trip for peer in now.peers))
    assert (got.uploader, got.base_share, got.most_slots) == ("base-share", 0.2, 50)
    [peer] = got.peers
    assert (peer.address, peer.identity) == (("127.0.0.1", seed.port), "127.0.0.1")
    assert peer.client.startswith("p2pcore")
    assert (peer.served, peer.choked) == (None, "it has everything")
    assert peer.received > 0 and peer.given == 0 and peer.share == peer.share_in_all == 0.0
    assert peer.path.margin > 0 and peer.path.sized_by and 0 < peer.path.blocks <= peer.path.limit
    assert (peer.trust, peer.trust.on_parole) == (p2pcore.Trust(suspected=0, parole=0), False)
    gave = await until(serving, lambda now: any(peer.given for peer in now.peers))
    assert (gave.uploader, gave.slots, gave.most_slots, gave.origin_mode) == ("tit-for-tat", 5, 7, False)
    [peer] = gave.peers
    assert (peer.choked, peer.shown) == (None, None)
    assert peer.served in ("there is room", "its turn", "it gave", "it is fast")
    assert peer.share == peer.share_in_all == 1.0 and peer.given > 0


async def test_an_origin_says_what_it_shows(tmp_path: Path, sessions) -> None:
    write_tree(tmp_path / "source", {"data.bin": 3_000_000})
    source = tmp_path / "source" / "data.bin"
    meta = p2pcore.create(source, piece_length=32768)
    seed = await sessions(upload_limit=500_000)
    serving = await seed.seed(meta, source)
    for number in range(3):
        leech = await sessions(download_limit=100_000)
        await leech.fetch(meta, tmp_path / str(number), peers=seed.listen_addresses)
    now = await until(serving, lambda now: len(now.peers) == 3)
    assert now.origin_mode
    shown = [peer for peer in now.peers if peer.shown is not None]
    assert shown and all(peer.served == "it is shown pieces one by one" for peer in shown)
    await serving.remove()
    with pytest.raises(p2pcore.TorrentRemovedError):
        serving.explain()
