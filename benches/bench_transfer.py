"""From one process to another over the loopback, in memory, beside libtorrent in the same run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from data import GIB, KIB, MIB, write_file, write_files
from peers import LibTorrent, P2PCore, Piped

import p2pcore

RIVALS = [
    pytest.param(P2PCore, {}, id="p2pcore"),
    pytest.param(LibTorrent, {}, id="libtorrent"),
    pytest.param(LibTorrent, {"tuned": True}, id="libtorrent tuned"),
]

Transfer = Callable[..., None]


@pytest.fixture
def transfer(benchmark, scratch: Path) -> Transfer:
    """Runs one seed and one leech of a kind, and notes what they cost beside the time."""

    def run(client: type[Piped], options: dict[str, bool], meta: p2pcore.Metainfo) -> None:
        meta.save(scratch / "data.torrent")
        work = scratch / "work"
        with client(work / "seed", **options) as seed, client(work / "leech", **options) as leech:
            seed.add(scratch / "data.torrent", scratch / "source")
            seed.wait_complete(600)
            before = (seed.cpu_seconds(), leech.cpu_seconds())
            leech.add(scratch / "data.torrent", work / "into")
            leech.connect(seed.address)
            leech.wait_begun()  # libtorrent takes up to a second until it dials, which is not what is measured
            benchmark.pedantic(leech.wait_complete, (600,), rounds=1)
            benchmark.extra_info |= {
                "who": "libtorrent tuned" if options else client.name,
                "bytes": meta.total_size,
                "leech CPU s/GiB": (leech.cpu_seconds() - before[1]) * GIB / meta.total_size,
                "seed CPU s/GiB": (seed.cpu_seconds() - before[0]) * GIB / meta.total_size,
                "leech peak MiB": leech.peak_memory() / MIB,
            }
        shutil.rmtree(work)

    return run


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


def source(scratch: Path, write: Callable[[Path], None], format: str) -> p2pcore.Metainfo:
    folder = scratch / "source"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write(folder / "data")
    return p2pcore.create(folder / "data", format=format)


@pytest.mark.benchmark(group="1 seed to 1 leech, 1 GiB, v1")
@pytest.mark.parametrize(("client", "options"), RIVALS)
def test_one_to_one(transfer: Transfer, large: p2pcore.Metainfo, client: type[Piped], options: dict, run: int) -> None:
    transfer(client, options, large)


@pytest.mark.benchmark(group="10,000 files of 10 KiB, hybrid")
@pytest.mark.parametrize(("client", "options"), RIVALS)
def test_small_files(
    transfer: Transfer, small_files: p2pcore.Metainfo, client: type[Piped], options: dict, run: int
) -> None:
    transfer(client, options, small_files)


@pytest.mark.benchmark(group="1 seed to 1 leech, 1 GiB: p2pcore by format and piece length")
@pytest.mark.parametrize("piece_length", [16 * KIB, 256 * KIB, MIB, 16 * MIB])
@pytest.mark.parametrize("format", ["v1", "v2", "hybrid"])
def test_formats(
    transfer: Transfer, benchmark, large: p2pcore.Metainfo, scratch: Path, format: str, piece_length: int, run: int
) -> None:
    meta = p2pcore.create(scratch / "source" / "data", format=format, piece_length=piece_length)
    transfer(P2PCore, {}, meta)
    benchmark.extra_info["who"] = f"{format} {piece_length // KIB} KiB"


@pytest.mark.benchmark(group="peak memory of a leech, 4 GiB, v1 (one run)")
@pytest.mark.parametrize(("client", "options"), RIVALS)
def test_peak_memory(transfer: Transfer, larger: p2pcore.Metainfo, client: type[Piped], options: dict) -> None:
    transfer(client, options, larger)
