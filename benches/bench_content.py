"""Creating and verifying a torrent of one large file with all cores, beside other programs in the same run.

Nothing is warmed up: a run takes a second or more, and the median is over several.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import libtorrent
import pytest
from data import GIB, KIB, MIB, write_file
from rivals import LIBTORRENT, RTORRENT, TRANSMISSION, TUNED, Rival, start

import p2pcore

FLAGS = {"v1": 64, "v2": 32, "hybrid": 0}
"""libtorrent's `v1_only` and `v2_only`."""

Measure = Callable[..., object]
"""Runs what it is given and measures it; processor time by `cpu`, which tells its seconds until now."""


@pytest.fixture(scope="module")
def data(scratch: Path, tiny: bool) -> Path:
    write_file(scratch / "data", MIB if tiny else 4 * GIB)
    return scratch / "data"


def own_cpu() -> float:
    """Of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])


@pytest.fixture
def measure(benchmark, data: Path) -> Measure:
    def run(act: Callable[[], object], cpu: Callable[[], float] = own_cpu) -> object:
        before = cpu()
        result = benchmark.pedantic(act, rounds=1)
        benchmark.extra_info["CPU s/GiB"] = (cpu() - before) * GIB / data.stat().st_size
        return result

    return run


def command(*words: object) -> Callable[[], object]:
    """Skips the test where the program is not installed."""
    if shutil.which(str(words[0])) is None:
        pytest.skip(f"{words[0]} is not installed")
    return lambda: subprocess.run([str(word) for word in words], stdout=subprocess.DEVNULL, check=True)


def create_p2pcore(measure: Measure, data: Path, format: str) -> None:
    measure(lambda: p2pcore.create(data, format=format, piece_length=MIB))


def create_libtorrent(measure: Measure, data: Path, format: str) -> None:
    def create() -> None:
        made = libtorrent.create_torrent(libtorrent.list_files(str(data)), MIB, FLAGS[format])
        libtorrent.set_piece_hashes(made, str(data.parent))

    measure(create)


def create_mktorrent(measure: Measure, data: Path, format: str) -> None:
    made = data.with_suffix(".made")
    cores = ("-t", os.cpu_count()) if b"threads" in help_of("mktorrent") else ()  # Debian's is built with threads
    create = command("mktorrent", *cores, "-l", 20, "-a", "http://127.0.0.1/announce", "-o", made, data)

    def anew() -> None:
        made.unlink(missing_ok=True)  # it refuses to overwrite
        create()

    measure(anew)
    check_made(made, data)


def create_transmission(measure: Measure, data: Path, format: str) -> None:
    made = data.with_suffix(".made")
    # On one core, and it looks only every half second whether it is done.
    measure(command("transmission-create", "-s", 1024, "-o", made, data))
    check_made(made, data)


def help_of(program: str) -> bytes:
    found = shutil.which(program)
    return subprocess.run([found, "-h"], capture_output=True, check=False).stdout if found else b""


def check_made(made: Path, data: Path) -> None:
    """A rival that did less work than the others would be no measure of them."""
    meta = p2pcore.Metainfo.from_file(made)
    assert meta.piece_length == MIB
    assert p2pcore.verify(meta, data).complete


def verify_p2pcore(measure: Measure, data: Path, torrent: Path) -> None:
    meta = p2pcore.Metainfo.from_file(torrent)
    assert measure(lambda: p2pcore.verify(meta, data)).complete


def recheck(rival: Rival, measure: Measure, data: Path, torrent: Path) -> None:
    work = data.parent / "work"
    with start(rival, work) as client:
        client.add(torrent, data.parent)
        client.wait_complete(600)
        measure(client.recheck, client.cpu_seconds)
    shutil.rmtree(work)


def verify_aria2(measure: Measure, data: Path, torrent: Path) -> None:
    checking = ["--check-integrity=true", "--hash-check-only=true", "--enable-dht=false", "--enable-dht6=false"]
    measure(command("aria2c", "--no-conf", "--quiet", *checking, f"--dir={data.parent}", torrent))


def contenders(everything: dict[str, Callable[..., None]], v1: dict[str, Callable[..., None]]) -> list[object]:
    """Those that know all three formats, and those that know the first."""
    return [
        pytest.param(format, who, act, id=f"{format} {who}")
        for format in FLAGS
        for who, act in (everything | (v1 if format == "v1" else {})).items()
    ]


CREATE = contenders(
    {"p2pcore": create_p2pcore, "libtorrent": create_libtorrent},
    {"mktorrent": create_mktorrent, "transmission": create_transmission},
)
VERIFY = contenders(
    {"p2pcore": verify_p2pcore} | {rival.who: partial(recheck, rival) for rival in (LIBTORRENT, TUNED)},
    {"transmission": partial(recheck, TRANSMISSION), "rtorrent": partial(recheck, RTORRENT), "aria2": verify_aria2},
)


@pytest.mark.parametrize(("format", "who", "act"), CREATE)
def test_create(
    benchmark, measure: Measure, data: Path, format: str, who: str, act: Callable[..., None], run: int
) -> None:
    benchmark.group = f"create {format}, 4 GiB, 1 MiB pieces"
    benchmark.extra_info |= {"who": who, "bytes": data.stat().st_size}
    act(measure, data, format)


@pytest.mark.parametrize(("format", "who", "act"), VERIFY)
def test_verify(
    benchmark, measure: Measure, data: Path, format: str, who: str, act: Callable[..., None], run: int
) -> None:
    benchmark.group = f"verify {format}, 4 GiB, 1 MiB pieces"
    benchmark.extra_info |= {"who": who, "bytes": data.stat().st_size}
    torrent = data.with_suffix(".torrent")
    p2pcore.create(data, format=format, piece_length=MIB).save(torrent)
    act(measure, data, torrent)


PEAKS = {
    ("create", "p2pcore"): "p2pcore.create(data, format=format, piece_length=16 << 20)",
    ("verify", "p2pcore"): "assert p2pcore.verify(p2pcore.Metainfo.from_file(torrent), data).complete",
    ("create", "libtorrent"): (
        "made = libtorrent.create_torrent(libtorrent.list_files(data), 16 << 20, int(flags));"
        "libtorrent.set_piece_hashes(made, str(pathlib.Path(data).parent))"
    ),
}
"""What a process does that does nothing else."""
PROGRAM = """
import pathlib, sys, {who}
data, torrent, format, flags = sys.argv[1:]
def peak():
    return pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
before = peak()
{act}
print(peak(), before)
"""


@pytest.mark.parametrize("format", FLAGS)
@pytest.mark.parametrize(("what", "who"), PEAKS)
def test_peak_memory(benchmark, data: Path, format: str, what: str, who: str) -> None:
    torrent = data.with_suffix(".torrent")
    p2pcore.create(data, format=format, piece_length=16 * MIB).save(torrent)
    command = [
        sys.executable,
        "-c",
        PROGRAM.format(who=who, act=PEAKS[what, who]),
        data,
        torrent,
        format,
        str(FLAGS[format]),
    ]

    def once() -> tuple[int, int]:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peak, before = map(int, done.stdout.split())
        return peak * KIB, before * KIB

    benchmark.group = "peak memory of a process that creates or verifies 4 GiB in pieces of 16 MiB (one run)"
    peak, before = benchmark.pedantic(once, rounds=1)
    benchmark.extra_info |= {
        "who": f"{who}, {what} {format}",
        "bytes": data.stat().st_size,
        "peak MiB": peak / MIB,
        "MiB before": before / MIB,
    }
