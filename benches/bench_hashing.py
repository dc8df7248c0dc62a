"""Digests and chunks of a buffer on one core, beside hashlib (OpenSSL, with the processor's SHA instructions)."""

from __future__ import annotations

import hashlib
import os

import pytest
from data import KIB, MIB

import p2pcore


@pytest.fixture(scope="module")
def buffer(tiny: bool) -> bytes:
    return os.urandom(MIB if tiny else 256 * MIB)


def note(benchmark, buffer: bytes, who: str) -> None:
    benchmark.extra_info.update(who=who, bytes=len(buffer))


def pieces(buffer: bytes, length: int) -> list[memoryview]:
    view = memoryview(buffer)
    return [view[start : start + length] for start in range(0, len(view), length)]


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

        def root() -> bytes:
            nodes = [hashlib.sha256(part).digest() for part in parts]
            while len(nodes) > 1:
                pairs = zip(nodes[::2], nodes[1::2], strict=True)
                nodes = [hashlib.sha256(left + right).digest() for left, right in pairs]
            return nodes[0]

        assert benchmark.pedantic(root, rounds=1, warmup_rounds=1) == p2pcore.merkle_root(buffer)
        note(benchmark, buffer, "hashlib")


@pytest.mark.benchmark(group="content-defined chunks with BLAKE3, 256 MiB, one core")
class TestChunk:
    def test_p2pcore(self, benchmark, buffer: bytes, run: int) -> None:
        benchmark.pedantic(p2pcore.chunk, (buffer,), rounds=1, warmup_rounds=1)
        note(benchmark, buffer, "p2pcore")
