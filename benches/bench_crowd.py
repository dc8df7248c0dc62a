"""A seed with 200 connections, half of them idle, beside the same seed with one.

Bare sockets ask for the blocks, and check nothing.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from crowd import Crowd
from data import GIB, MIB, write_file
from peers import LibTorrent, P2PCore
from rivals import Rival, parameters, start

import p2pcore

ROOM = {
    "p2pcore": {"max_peers_per_torrent": 250, "unchoke_slots": 100},
    "libtorrent": {"connections_limit": 500, "unchoke_slots_limit": 100},
}
"""Either would serve fewer by itself, and that is not what is measured. libtorrent refuses some before its limit."""
CLIENTS = [
    Rival("p2pcore", P2PCore, {"settings": ROOM["p2pcore"]}),
    Rival("libtorrent", LibTorrent, {"settings": ROOM["libtorrent"]}),
    Rival("libtorrent tuned", LibTorrent, {"tuned": True, "settings": ROOM["libtorrent"]}),
]


@pytest.fixture(scope="module")
def meta(scratch: Path, tiny: bool) -> p2pcore.Metainfo:
    (scratch / "source").mkdir()
    write_file(scratch / "source" / "data", MIB if tiny else GIB)
    meta = p2pcore.create(scratch / "source" / "data", format="v1")
    meta.save(scratch / "data.torrent")
    return meta


@pytest.mark.benchmark(group="a seed's rate to bare sockets, 1 GiB, v1")
@pytest.mark.parametrize(("fetching", "idle"), [(1, 0), (100, 100)], ids=["1", "200"])
@pytest.mark.parametrize("rival", parameters(*CLIENTS))
def test_crowd(
    benchmark, scratch: Path, meta: p2pcore.Metainfo, rival: Rival, fetching: int, idle: int, run: int
) -> None:
    with start(rival, scratch / "work") as seed:
        seed.add(scratch / "data.torrent", scratch / "source")
        seed.wait_complete(600)
        info_hash = bytes.fromhex(meta.info_hash_v1)
        with Crowd(seed.address, info_hash, fetching, idle) as crowd:
            before = seed.cpu_seconds()
            benchmark.pedantic(crowd.fetch, (meta.total_size, meta.piece_length), rounds=1)
            cost = seed.cpu_seconds() - before
    benchmark.extra_info |= {
        "who": f"{rival.who}, {fetching} fetching, {idle} idle",
        "bytes": meta.total_size,
        "seed CPU s/GiB": cost * GIB / meta.total_size,
    }
    shutil.rmtree(scratch / "work")
