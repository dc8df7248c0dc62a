"""From one process to another over the loopback, beside other clients and the floor in the same run.

In memory, and once onto a disk. Measured is the time from the leech's first bytes to its last, and for p2pcore from its
dial; CPU seconds count from before the leech hears of the torrent.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import floor
import pytest
from data import GIB, KIB, MIB, touch_memory, write_file, write_files, write_sparse
from rivals import (
    ARIA2,
    FLOOR,
    LIBTORRENT,
    P2PCORE,
    RQBIT,
    RTORRENT,
    SENDFILE,
    TRANSMISSION,
    TUNED,
    Rival,
    begin,
    parameters,
    seed_and_leech,
)

import p2pcore

Transfer = Callable[..., None]
EVERYBODY = (P2PCORE, LIBTORRENT, TUNED, ARIA2, RTORRENT, RQBIT)


@pytest.fixture
def transfer(benchmark, scratch: Path) -> Transfer:
    """Runs one seed and one leech of a kind, and notes what they cost beside the time."""

    def run(rival: Rival, meta: p2pcore.Metainfo, into: Path = scratch / "into") -> None:
        into.mkdir(exist_ok=True)
        (costs_of_floor if rival in (FLOOR, SENDFILE) else costs_of_client)(rival, meta, into)
        benchmark.extra_info |= {"who": rival.who, "bytes": meta.total_size}
        if into != scratch / "into":
            benchmark.extra_info["s more until on disk"] = flush(into)
        shutil.rmtree(into)

    def costs_of_client(rival: Rival, meta: p2pcore.Metainfo, into: Path) -> None:
        torrent, work = scratch / "data.torrent", scratch / "work"
        meta.save(torrent)
        with seed_and_leech(rival, work, torrent, scratch / "source") as (seed, leech):
            touch_memory(scratch, meta.total_size + GIB // 4)
            before = (seed.cpu_seconds(), leech.cpu_seconds())
            begin(seed, leech, torrent, into)
            benchmark.pedantic(leech.wait_complete, (600,), rounds=1)
            benchmark.extra_info |= {
                "leech CPU s/GiB": (leech.cpu_seconds() - before[1]) * GIB / meta.total_size,
                "seed CPU s/GiB": (seed.cpu_seconds() - before[0]) * GIB / meta.total_size,
                "leech peak MiB": leech.peak_memory() / MIB,
            }
        shutil.rmtree(work)

    def costs_of_floor(rival: Rival, meta: p2pcore.Metainfo, into: Path) -> None:
        floor.program()
        touch_memory(scratch, meta.total_size + GIB // 4)
        files = (scratch / "source" / "data", into / "data")
        cost = benchmark.pedantic(floor.transfer, files, dict(rival.options), rounds=1)
        benchmark.extra_info |= {
            "leech CPU s/GiB": cost.leech * GIB / meta.total_size,
            "seed CPU s/GiB": cost.seed * GIB / meta.total_size,
        }

    return run


def flush(folder: Path) -> float:
    """Seconds until what lies in a folder is on the disk."""
    began = time.perf_counter()
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    return time.perf_counter() - began


@pytest.fixture(scope="module")
def large(scratch: Path, tiny: bool) -> p2pcore.Metainfo:
    size = MIB if tiny else GIB
    return source(scratch, lambda data: write_file(data, size), "v1")


@pytest.fixture(scope="module")
def larger(scratch: Path, tiny: bool) -> p2pcore.Metainfo:
    size = 4 * MIB if tiny else 4 * GIB
    return source(scratch, lambda data: write_file(data, size), "v1")


@pytest.fixture(scope="module")
def small_files(scratch: Path, tiny: bool) -> p2pcore.Metainfo:
    return source(scratch, lambda data: write_files(data, 10 if tiny else 10_000, 10 * KIB), "hybrid")


@pytest.fixture(scope="module")
def smallish_files(scratch: Path, tiny: bool) -> p2pcore.Metainfo:
    return source(scratch, lambda data: write_files(data, 10 if tiny else 10_000, 100 * KIB), "v1")


@pytest.fixture(scope="module")
def largest(scratch: Path, disk: Path, tiny: bool) -> p2pcore.Metainfo:
    size, piece_length = (16 * MIB, MIB) if tiny else (16 * GIB, 16 * MIB)
    free = shutil.disk_usage(disk).free
    if free < size + 2 * GIB:
        pytest.skip(f"{disk} has room for {free >> 30} GiB, and not for 16 and some")
    return source(scratch, lambda data: write_sparse(data, size, piece_length), "v1", piece_length)


def source(
    scratch: Path, write: Callable[[Path], None], format: str, piece_length: int | None = None
) -> p2pcore.Metainfo:
    """One at a time, to save memory: tests run in the order of their names, and those with the same data follow."""
    folder = scratch / "source"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write(folder / "data")
    return p2pcore.create(folder / "data", format=format, piece_length=piece_length)


@pytest.mark.benchmark(group="1 seed to 1 leech, 1 GiB, v1")
@pytest.mark.parametrize("rival", parameters(*EVERYBODY, TRANSMISSION, FLOOR, SENDFILE))
def test_one_to_one(transfer: Transfer, large: p2pcore.Metainfo, rival: Rival, run: int) -> None:
    transfer(rival, large)


@pytest.mark.benchmark(group="1 seed in memory to 1 leech on a disk, 1 GiB, v1")
@pytest.mark.parametrize("rival", parameters(*EVERYBODY, FLOOR, tiny=False))
def test_disk(transfer: Transfer, large: p2pcore.Metainfo, rival: Rival, disk: Path, run: int) -> None:
    transfer(rival, large, disk / "into")


@pytest.mark.benchmark(group="10,000 files of 10 KiB, hybrid")
@pytest.mark.parametrize("rival", parameters(P2PCORE, LIBTORRENT, TUNED))
def test_small_files(transfer: Transfer, small_files: p2pcore.Metainfo, rival: Rival, run: int) -> None:
    transfer(rival, small_files)


@pytest.mark.benchmark(group="10,000 files of 100 KiB, v1")
@pytest.mark.parametrize("rival", parameters(*EVERYBODY, tiny=False))
def test_smallish_files(transfer: Transfer, smallish_files: p2pcore.Metainfo, rival: Rival, run: int) -> None:
    transfer(rival, smallish_files)


@pytest.mark.benchmark(group="1 seed to 1 leech, 1 GiB: p2pcore by format and piece length")
@pytest.mark.parametrize("piece_length", [16 * KIB, 256 * KIB, MIB, 16 * MIB])
@pytest.mark.parametrize("format", ["v1", "v2", "hybrid"])
def test_formats(
    transfer: Transfer, benchmark, large: p2pcore.Metainfo, scratch: Path, format: str, piece_length: int, run: int
) -> None:
    meta = p2pcore.create(scratch / "source" / "data", format=format, piece_length=piece_length)
    transfer(P2PCORE, meta)
    benchmark.extra_info["who"] = f"{format} {piece_length // KIB} KiB"


@pytest.mark.benchmark(group="peak memory of a leech, 4 GiB, v1 (one run)")
@pytest.mark.parametrize("rival", parameters(P2PCORE, LIBTORRENT, TUNED))
def test_peak_memory(transfer: Transfer, larger: p2pcore.Metainfo, rival: Rival) -> None:
    transfer(rival, larger)


@pytest.mark.benchmark(group="16 GiB in pieces of 16 MiB onto a disk, v1 (one run)")
@pytest.mark.parametrize("rival", parameters(P2PCORE, LIBTORRENT))
def test_sixteen_gib(transfer: Transfer, largest: p2pcore.Metainfo, rival: Rival, disk: Path) -> None:
    """The source is mostly holes: what it costs the seed to read says nothing, the leech's memory does."""
    transfer(rival, largest, disk / "into")
