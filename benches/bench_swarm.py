"""One seed and four leeches that trade with each other, each its own process."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest
from data import GIB, MIB, touch_memory, write_file
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
        touch_memory(scratch, LEECHES * (source / "data").stat().st_size)
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
