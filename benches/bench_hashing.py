"""Digests and chunks of a buffer on one core, beside hashlib (OpenSSL, with the processor's SHA instructions)."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from data import KIB, MIB

import p2pcore

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def buffer(tiny: bool) -> bytes:
    return os.urandom(MIB if tiny else 256 * MIB)


def note(benchmark, buffer: bytes, who: str) -> None:
    benchmark.extra_info.update(who=who, bytes=len(buffer))


def once(command: list[str | Path], benchmark, **settings: str) -> None:
    """Runs a program that times itself, and prints seconds: those are what is measured."""

    def seconds() -> float:
        done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=True)
        return float(done.stdout)

    took = benchmark.pedantic(seconds, rounds=1)
    benchmark.stats.stats.data[:] = [took]


def pieces(buffer: bytes, length: int) -> list[memoryview]:
    view = memoryview(buffer)
    return [view[start : start + length] for start in range(0, len(view), length)]


def root(parts: list[memoryview]) -> bytes:
    nodes = [hashlib.sha256(part).digest() for part in parts]
    while len(nodes) > 1:
        nodes = [hashlib.sha256(left + right).digest() for left, right in zip(nodes[::2], nodes[1::2], strict=True)]
    return nodes[0]


@pytest.mark.benchmark(group="SHA-1 of 1 MiB pieces, 256 MiB, one core")
class TestSha1:
    def test_p2pcore(self, benchmark, buffer: bytes, run: int) -> None:
        benchmark.pedantic(p2pcore.hash_pieces, (buffer, MIB), {"threads": 1}, rounds=1, warmup_rounds=1)
        note(benchmark, buffer, "p2pcore")

    def test_hashlib(self, benchmark, buffer: bytes, run: int) -> None:
        parts = pieces(buffer, MIB)
        benchmark.pedantic(lambda: [hashlib.sha1(part).digest() for part in parts], rounds=1, warmup_rounds=1)
        note(benchmark, buffer, "hashlib")


@pytest.mark.benchmark(group="SHA-256 of 16 KiB leaves and their tree, 256 MiB, one core")
class TestMerkle:
    def test_p2pcore(self, benchmark, buffer: bytes, run: int) -> None:
        benchmark.pedantic(p2pcore.merkle_root, (buffer,), {"threads": 1}, rounds=1, warmup_rounds=1)
        note(benchmark, buffer, "p2pcore")

    def test_hashlib(self, benchmark, buffer: bytes, run: int) -> None:
        parts = pieces(buffer, 16 * KIB)
        assert benchmark.pedantic(root, (parts,), rounds=1, warmup_rounds=1) == p2pcore.merkle_root(buffer)
        note(benchmark, buffer, "hashlib")


@pytest.fixture(scope="module")
def compare() -> Path:
    """The Rust example that cuts in either way."""
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not installed")
    package = ["-p", "p2pcore-chunking", "--example", "compare"]
    subprocess.run(["cargo", "build", "--release", "--locked", "-q", *package], cwd=ROOT, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "release", "examples", "compare")


@pytest.mark.benchmark(group="content-defined chunks of 64 KiB, 256 MiB, one core")
class TestChunk:
    @pytest.mark.parametrize(
        ("who", "way"), [("p2pcore, cuts only", "p2pcore"), ("fastcdc crate, cuts only", "fastcdc")]
    )
    def test_cuts(self, benchmark, tiny: bool, compare: Path, who: str, way: str, run: int) -> None:
        mib = 1 if tiny else 256
        once([compare, way, str(mib)], benchmark)
        benchmark.extra_info |= {"who": who, "bytes": mib * MIB}

    def test_with_blake3(self, benchmark, buffer: bytes, run: int) -> None:
        benchmark.pedantic(p2pcore.chunk, (buffer,), rounds=1, warmup_rounds=1)
        note(benchmark, buffer, "p2pcore, with BLAKE3 of each")


ACTS = {
    ("SHA-1 of 1 MiB pieces", "p2pcore"): "p2pcore.hash_pieces(buffer, MIB, threads=1)",
    ("SHA-1 of 1 MiB pieces", "hashlib"): "[hashlib.sha1(part).digest() for part in pieces(buffer, MIB)]",
    ("SHA-256 of 16 KiB leaves and their tree", "p2pcore"): "p2pcore.merkle_root(buffer, threads=1)",
    ("SHA-256 of 16 KiB leaves and their tree", "hashlib"): "root(pieces(buffer, 16 * KIB))",
}
OLDER = {"p2pcore": {"P2PCORE_HASH": "avx2"}, "hashlib": {"OPENSSL_ia32cap": ":~0x20000000"}}
"""How each is told to do as on a processor without SHA instructions and AVX-512: before it starts, so in a process."""
PROGRAM = """
import sys, time
sys.path.insert(0, {here!r})
from bench_hashing import *
buffer = os.urandom({size})
for _ in range(2):  # the first warms up
    began = time.perf_counter()
    {act}
print(time.perf_counter() - began)
"""


@pytest.mark.parametrize(("what", "who"), ACTS)
def test_older_processor(benchmark, tiny: bool, what: str, who: str, run: int) -> None:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists() or " avx2" not in cpuinfo.read_text():
        pytest.skip("no AVX2 here")
    size = MIB if tiny else 256 * MIB
    program = PROGRAM.format(here=str(Path(__file__).parent), size=size, act=ACTS[what, who])
    benchmark.group = f"{what}, 256 MiB, one core, without SHA instructions and AVX-512"
    once([sys.executable, "-c", program], benchmark, **OLDER[who])
    benchmark.extra_info |= {"who": who, "bytes": size}
