"""One seed and four leeches that trade with each other, each its own process; and many torrents in a session."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from data import GIB, KIB, MIB, write_file
from peers import LibTorrent, P2PCore, Piped

import p2pcore

LEECHES = 4


@pytest.mark.benchmark(group="1 seed to 4 leeches, 1 GiB, v1: the last completion")
@pytest.mark.parametrize(
    ("client", "options"),
    [
        pytest.param(P2PCore, {}, id="p2pcore"),
        pytest.param(LibTorrent, {}, id="libtorrent"),
        pytest.param(LibTorrent, {"tuned": True}, id="libtorrent tuned"),
    ],
)
def test_swarm(benchmark, scratch: Path, tiny: bool, client: type[Piped], options: dict[str, bool], run: int) -> None:
    source, work, torrent = scratch / "source", scratch / "work", scratch / "data.torrent"
    if not torrent.exists():
        source.mkdir()
        write_file(source / "data", MIB if tiny else GIB)
        p2pcore.create(source / "data", format="v1").save(torrent)
    with ExitStack() as stack:
        seed, *leeches = (stack.enter_context(client(work / str(n), **options)) for n in range(LEECHES + 1))
        seed.add(torrent, source)
        seed.wait_complete(600)
        for number, leech in enumerate(leeches):
            leech.add(torrent, work / f"into-{number}")
            for other in (seed, *leeches[:number]):
                leech.connect(other.address)
        leeches[0].wait_begun()

        def wait() -> None:
            for leech in leeches:
                leech.wait_complete(600)

        benchmark.pedantic(wait, rounds=1)
        size = (source / "data").stat().st_size
        benchmark.extra_info |= {
            "who": "libtorrent tuned" if options else client.name,
            "bytes": LEECHES * size,
            "copies from the seed": seed.progress()[2] / size,
            "CPU s/GiB of all": sum(peer.cpu_seconds() for peer in (seed, *leeches)) * GIB / size / LEECHES,
        }
    shutil.rmtree(work)


@pytest.mark.benchmark(group="10,000 torrents of one piece added from resume data")
def test_many_torrents(benchmark, scratch: Path, tiny: bool) -> None:
    folder = scratch / "many"
    folder.mkdir()
    metas = []
    for number in range(10 if tiny else 10_000):
        path = folder / str(number)
        path.write_bytes(os.urandom(9 * KIB))
        metas.append(p2pcore.create(path, format="v1", piece_length=16 * KIB, threads=1))
    config = p2pcore.SessionConfig(listen="127.0.0.1:0", state_dir=scratch / "state")

    async def with_all(act: Callable[[list[p2pcore.Torrent]], object]) -> float:
        """Seconds that adding them took."""
        async with p2pcore.Session(config) as session:
            began = time.perf_counter()
            torrents = await asyncio.gather(*(session.seed(meta, folder / meta.name) for meta in metas))
            took = time.perf_counter() - began
            act(torrents)
            return took

    def status(torrents: list[p2pcore.Torrent]) -> None:
        began = time.perf_counter()
        for torrent in torrents:
            torrent.status()
        benchmark.extra_info["status() microseconds"] = (time.perf_counter() - began) / len(torrents) * 1e6

    asyncio.run(with_all(lambda _: None))
    benchmark.pedantic(lambda: asyncio.run(with_all(status)), rounds=1)
    benchmark.extra_info |= {"who": "p2pcore", "bytes": sum(meta.total_size for meta in metas)}
