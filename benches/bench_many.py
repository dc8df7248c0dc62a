"""10,000 torrents of one piece in one session: adding them, holding them, and asking how they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from data import KIB

import p2pcore

PROGRAM = Path(__file__).with_name("many.py")


@pytest.fixture(scope="module")
def many(scratch: Path, tiny: bool) -> list[p2pcore.Metainfo]:
    (scratch / "many").mkdir()
    made = []
    for number in range(10 if tiny else 10_000):
        path = scratch / "many" / str(number)
        path.write_bytes(os.urandom(9 * KIB))
        meta = p2pcore.create(path, format="v1", piece_length=16 * KIB, threads=1)
        meta.save(path.with_suffix(".torrent"))
        made.append(meta)
    return made


@pytest.mark.benchmark(group="10,000 torrents of one piece added from resume data")
@pytest.mark.parametrize("who", ["p2pcore", "libtorrent"])
def test_many_torrents(benchmark, scratch: Path, tiny: bool, many: list[p2pcore.Metainfo], who: str, run: int) -> None:
    if find_spec(who) is None:
        pytest.skip(f"{who} is not installed")

    def once() -> dict[str, float]:
        idle = "0.1" if tiny else "10"
        command = [sys.executable, PROGRAM, who, scratch / "many", str(len(many)), scratch / "state", idle]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    if run == 0 and who == "p2pcore":
        once()  # leaves the resume data
    found = benchmark.pedantic(once, rounds=1)
    # The clock of the process counts, and not its start nor the idling.
    benchmark.stats.stats.data[:] = [found.pop("seconds")]
    benchmark.extra_info |= {"who": who, "bytes": sum(meta.total_size for meta in many), **found}
