"""chunk: cuts that follow the content, for whatever holds the bytes."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import p2pcore


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def digests(chunks: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in chunks["blake3"]}


@given(size=st.integers(0, 60_000), average=st.integers(256, 5000))
def test_chunks_cover_the_data_within_their_bounds(size: int, average: int) -> None:
    data = noise(size)
    chunks = p2pcore.chunk(data, average)
    offsets, lengths = chunks["offset"].astype(int), chunks["length"].astype(int)
    assert lengths.sum() == size
    assert (offsets == np.cumsum(lengths) - lengths).all()
    assert (lengths <= average * 4).all()
    assert (lengths[:-1] >= average // 4).all()


def test_the_holder_of_the_bytes_does_not_matter(tmp_path: Path) -> None:
    data = noise(3_000_000)
    path = tmp_path / "data"
    path.write_bytes(data)
    expected = p2pcore.chunk(data)
    assert expected.shape[0] > 20
    for held in (path, str(path), bytearray(data), memoryview(data), np.frombuffer(data, np.uint32)):
        assert (p2pcore.chunk(held) == expected).all()


def test_equal_bytes_have_equal_digests_and_others_not() -> None:
    chunks = p2pcore.chunk(bytes(1_000_000))
    assert len(digests(chunks)) == 2, "three equal chunks of zeros, and a shorter one"
    assert len(digests(p2pcore.chunk(noise(1_000_000)))) == p2pcore.chunk(noise(1_000_000)).shape[0]


def test_an_inserted_byte_changes_three_chunks_at_most() -> None:
    data = noise(8 << 20)
    known = digests(p2pcore.chunk(data))
    for at in (0, len(data) // 3, len(data) // 2, len(data)):
        changed = digests(p2pcore.chunk(data[:at] + b"!" + data[at:])) - known
        assert 1 <= len(changed) <= 3


def test_wrong_arguments_are_named(tmp_path: Path) -> None:
    for bounds in ((255,), (1000, 1001), (1000, None, 999), (1000, 63), (1 << 29,)):
        with pytest.raises(p2pcore.ArgumentError, match=str(bounds[0])):
            p2pcore.chunk(b"x", *bounds)
    with pytest.raises(p2pcore.ArgumentError, match="average is 0"):
        p2pcore.chunk(b"x", 0)
    with pytest.raises(p2pcore.ArgumentError, match="not C-contiguous"):
        p2pcore.chunk(np.zeros((4, 4)).T[:, 1:])
    with pytest.raises(p2pcore.StorageError) as missing:
        p2pcore.chunk(tmp_path / "nothing")
    assert str(missing.value.filename) == str(tmp_path / "nothing")
    with pytest.raises(p2pcore.StorageError):
        p2pcore.chunk(tmp_path)
