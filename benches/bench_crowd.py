"""A seed, and a leech, with 200 connections of which half are idle, beside the same with one.

At the other end are bare sockets, which keep and check nothing.
"""

from __future__ import annotations

import mmap
import shutil
from pathlib import Path

import pytest
from crowd import Crowd
from data import GIB, MIB, share, touch_memory
from givers import Givers
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
    return share(scratch, MIB if tiny else GIB)


@pytest.fixture(scope="module")
def data(scratch: Path, meta: p2pcore.Metainfo) -> memoryview:
    with (scratch / "source" / "data").open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


COUNTS = pytest.mark.parametrize(("active", "idle"), [(1, 0), (100, 100)], ids=["1", "200"])


@pytest.mark.benchmark(group="a seed's rate to bare sockets, 1 GiB, v1")
@COUNTS
@pytest.mark.parametrize("rival", parameters(*CLIENTS))
def test_seed(benchmark, scratch: Path, meta: p2pcore.Metainfo, rival: Rival, active: int, idle: int, run: int) -> None:
    with start(rival, scratch / "work") as seed:
        seed.add(scratch / "data.torrent", scratch / "source")
        seed.wait_complete(600)
        with Crowd(seed.address, bytes.fromhex(meta.info_hash_v1), active, idle) as crowd:
            before = seed.cpu_seconds()
            benchmark.pedantic(crowd.fetch, (meta.total_size, meta.piece_length), rounds=1)
            cost = seed.cpu_seconds() - before
    benchmark.extra_info |= {
        "who": f"{rival.who}, {active} fetching, {idle} idle",
        "bytes": meta.total_size,
        "seed CPU s/GiB": cost * GIB / meta.total_size,
    }
    shutil.rmtree(scratch / "work")


@pytest.mark.benchmark(group="a leech's rate from bare sockets, 1 GiB, v1")
@COUNTS
@pytest.mark.parametrize("rival", parameters(*CLIENTS))
def test_leech(
    benchmark, scratch: Path, meta: p2pcore.Metainfo, data: memoryview, rival: Rival, active: int, idle: int, run: int
) -> None:
    with start(rival, scratch / "work") as leech:
        leech.add(scratch / "data.torrent", scratch / "into")
        info_hash = bytes.fromhex(meta.info_hash_v1)
        with Givers(leech.address, info_hash, data, meta.piece_length, active, idle) as givers:

            def fetch() -> None:
                givers.begin()
                leech.wait_complete(600)

            touch_memory(scratch, meta.total_size + GIB // 4)
            before = leech.cpu_seconds()
            benchmark.pedantic(fetch, rounds=1)
            cost = leech.cpu_seconds() - before
    benchmark.extra_info |= {
        "who": f"{rival.who}, {active} giving, {idle} idle",
        "bytes": meta.total_size,
        "leech CPU s/GiB": cost * GIB / meta.total_size,
    }
    for folder in ("work", "into"):
        shutil.rmtree(scratch / folder)
