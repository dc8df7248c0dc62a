"""hash_pieces and merkle_root, with hashlib as the oracle and every backend of this machine."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import p2pcore

SIZES = {"sha1": 20, "sha256": 32}


def expected(data: bytes, piece_length: int, digest: str) -> list[bytes]:
    pieces = [data[start : start + piece_length] for start in range(0, len(data), piece_length)]
    return [hashlib.new(digest, piece).digest() for piece in pieces]


@given(data=st.binary(max_size=3000), piece_length=st.integers(1, 3500), digest=st.sampled_from(sorted(SIZES)))
def test_pieces_hash_like_hashlib(data: bytes, piece_length: int, digest: str) -> None:
    hashes = p2pcore.hash_pieces(data, piece_length, digest)
    assert hashes.shape == (-(-len(data) // piece_length), SIZES[digest])
    assert hashes.dtype == np.uint8
    assert [row.tobytes() for row in hashes] == expected(data, piece_length, digest)


@pytest.mark.parametrize("digest", SIZES)
@pytest.mark.parametrize("piece_length", [999, 16_384, 100_000, 1 << 20])
def test_a_file_hashes_like_its_bytes(digest: str, piece_length: int, tmp_path: Path) -> None:
    data = os.urandom(3_000_001)
    path = tmp_path / "data"
    path.write_bytes(data)
    wanted = expected(data, piece_length, digest)
    for given_as in (path, str(path), data, bytearray(data), memoryview(data), np.frombuffer(data, np.uint8)):
        assert [row.tobytes() for row in p2pcore.hash_pieces(given_as, piece_length, digest)] == wanted


def test_arrays_are_hashed_as_their_bytes() -> None:
    array = np.arange(30_000, dtype=np.float64).reshape(100, 300)
    assert (p2pcore.hash_pieces(array, 4096) == p2pcore.hash_pieces(array.tobytes(), 4096)).all()
    assert p2pcore.merkle_root(array) == p2pcore.merkle_root(array.tobytes())
    with pytest.raises(p2pcore.ArgumentError, match="not C-contiguous"):
        p2pcore.hash_pieces(array.T, 4096)


def test_root_is_that_of_a_v2_torrent(single: Path) -> None:
    meta = p2pcore.create(single, format="v2")
    assert p2pcore.merkle_root(single).hex() == meta.files[0].pieces_root
    assert p2pcore.merkle_root(b"") == bytes(32)


def test_wrong_arguments_are_named(tmp_path: Path) -> None:
    with pytest.raises(p2pcore.ArgumentError, match="piece_length is 0"):
        p2pcore.hash_pieces(b"x", 0)
    with pytest.raises(p2pcore.ArgumentError, match="md5"):
        p2pcore.hash_pieces(b"x", 1, "md5")
    with pytest.raises(p2pcore.ArgumentError, match="path, or bytes"):
        p2pcore.hash_pieces(17, 1)
    with pytest.raises(p2pcore.StorageError) as missing:
        p2pcore.hash_pieces(tmp_path / "nothing", 1)
    assert str(missing.value.filename) == str(tmp_path / "nothing")
    with pytest.raises(p2pcore.StorageError):
        p2pcore.merkle_root(tmp_path)


def test_progress_is_told_and_can_stop(tmp_path: Path) -> None:
    told = []
    p2pcore.hash_pieces(bytes(1000), 10, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (1000, 1000)


@pytest.mark.parametrize("backend", ["portable", "sha-ni", "avx2", "avx512", "nonsense"])
def test_every_backend_gives_the_same(backend: str) -> None:
    program = (
        "import p2pcore, sys; data = bytes(range(256)) * 5000;"
        "print(*(p2pcore.hash_pieces(data, 16384, d).tobytes().hex() for d in ('sha1', 'sha256')))"
    )
    environment = os.environ | {"P2PCORE_HASH": backend}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    data = bytes(range(256)) * 5000
    assert done.stdout.split() == [b"".join(expected(data, 16384, digest)).hex() for digest in ("sha1", "sha256")]
