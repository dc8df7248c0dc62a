"""A seed whose disk is cold and slow, with 50 peers that want what is on it, and one that wants what is in memory.

What is measured is how long that one waits: nobody else's disk is its business. Beside it, the same with a disk that
answers at once: what is late there is the machine's doing. The disk is a file behind FUSE, in this process.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from bench_crowd import CLIENTS
from crowd import Crowd
from data import MIB, write_file
from probe import Probe
from rivals import Rival, parameters, start
from slow_disk import SlowDisk, Unavailable

import p2pcore

PEERS = 50
SEEK, RATE = 0.005, 100 * MIB
"""Seconds for a read, whatever its length, and bytes a second: a hard disk, kindly."""


@pytest.fixture(scope="module")
def metas(scratch: Path, tiny: bool) -> dict[str, p2pcore.Metainfo]:
    made = {}
    for name, size in (("cold", MIB if tiny else 16 * MIB), ("hot", MIB)):
        (scratch / name).mkdir()
        write_file(scratch / name / "data", size)
        made[name] = p2pcore.create(scratch / name / "data", format="v1", piece_length=256 << 10)
        made[name].save(scratch / f"{name}.torrent")
    return made


@pytest.mark.benchmark(group="a block in memory, while 50 peers fetch 16 MiB from a cold disk (5 ms and 100 MiB/s)")
@pytest.mark.parametrize("seek", [SEEK, 0], ids=["slow", "fast"])
@pytest.mark.parametrize("rival", parameters(*CLIENTS))
def test_cold(
    benchmark, scratch: Path, metas: dict[str, p2pcore.Metainfo], rival: Rival, seek: float, run: int
) -> None:
    cold, hot = metas["cold"], metas["hot"]
    try:
        disk = SlowDisk(scratch / "cold" / "data", scratch / "disk")
    except Unavailable as error:
        pytest.skip(str(error))
    with disk, start(rival, scratch / "work") as seed:
        seed.add(scratch / "cold.torrent", scratch / "disk")
        seed.wait_complete(60)
        seed.add(scratch / "hot.torrent", scratch / "hot")
        seed.wait_complete(60)
        if seek:
            disk.seconds = lambda length: seek + length / RATE
        with (
            Crowd(seed.address, bytes.fromhex(cold.info_hash_v1), PEERS, 0) as crowd,
            Probe(seed.address, bytes.fromhex(hot.info_hash_v1)) as probe,
        ):
            benchmark.pedantic(crowd.fetch, (cold.total_size, cold.piece_length), rounds=1)
            waited = probe.end()
    benchmark.extra_info |= {
        "who": f"{rival.who}, {'slow' if seek else 'fast'} disk",
        "bytes": cold.total_size,
        "blocks in memory": len(waited),
        "p99 ms": waited[len(waited) * 99 // 100],
        "max ms": waited[-1],
    }
    shutil.rmtree(scratch / "work")
