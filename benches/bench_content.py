"""Creating and verifying a torrent of one large file with all cores, beside libtorrent in the same run."""

from __future__ import annotations

from pathlib import Path

import libtorrent
import pytest
from data import GIB, MIB, write_file
from peers import LibTorrent

import p2pcore

FLAGS = {"v1": 64, "v2": 32, "hybrid": 0}
"""libtorrent's `v1_only` and `v2_only`."""


@pytest.fixture(scope="module")
def data(scratch: Path, tiny: bool) -> Path:
    write_file(scratch / "data", MIB if tiny else GIB)
    return scratch / "data"


def note(benchmark, data: Path, who: str) -> None:
    benchmark.extra_info.update(who=who, bytes=data.stat().st_size)


@pytest.mark.parametrize("format", FLAGS)
class TestCreate:
    @pytest.fixture(autouse=True)
    def group(self, benchmark, format: str) -> None:
        benchmark.group = f"create {format}, 1 GiB, 1 MiB pieces"

    def test_p2pcore(self, benchmark, data: Path, format: str, run: int) -> None:
        benchmark.pedantic(p2pcore.create, (data,), {"format": format, "piece_length": MIB}, rounds=1, warmup_rounds=1)
        note(benchmark, data, "p2pcore")

    def test_libtorrent(self, benchmark, data: Path, format: str, run: int) -> None:
        def create() -> None:
            made = libtorrent.create_torrent(libtorrent.list_files(str(data)), MIB, FLAGS[format])
            libtorrent.set_piece_hashes(made, str(data.parent))

        benchmark.pedantic(create, rounds=1, warmup_rounds=1)
        note(benchmark, data, "libtorrent")


@pytest.mark.parametrize("format", FLAGS)
class TestVerify:
    @pytest.fixture(autouse=True)
    def group(self, benchmark, format: str) -> None:
        benchmark.group = f"verify {format}, 1 GiB, 1 MiB pieces"

    def test_p2pcore(self, benchmark, data: Path, format: str, run: int) -> None:
        meta = p2pcore.create(data, format=format, piece_length=MIB)
        report = benchmark.pedantic(p2pcore.verify, (meta, data), rounds=1, warmup_rounds=1)
        assert report.complete
        note(benchmark, data, "p2pcore")

    @pytest.mark.parametrize("tuned", [False, True], ids=["default", "tuned"])
    def test_libtorrent(self, benchmark, data: Path, format: str, run: int, tuned: bool, scratch: Path) -> None:
        p2pcore.create(data, format=format, piece_length=MIB).save(scratch / "data.torrent")
        with LibTorrent(scratch / "work", tuned=tuned) as rival:
            rival.add(scratch / "data.torrent", data.parent)
            rival.wait_complete(600)
            benchmark.pedantic(rival.call, ("recheck",), rounds=1, warmup_rounds=1)
        note(benchmark, data, "libtorrent tuned" if tuned else "libtorrent")
