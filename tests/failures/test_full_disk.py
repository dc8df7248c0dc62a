"""A disk that is full: the error says so, nothing verified is lost, and `resume` goes on when there is room."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import write_tree

import p2pcore

pytestmark = pytest.mark.asyncio

MIB = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"only root may mount a small file system: {error}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("preallocate", [False, True])
async def test_full_disk(preallocate: bool, small_disk: Path, tmp_path: Path, sessions) -> None:
    data = write_tree(tmp_path / "data", {"a": MIB, "b": 3 * MIB})
    meta = p2pcore.create(data, piece_length=65_536)
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, data)
    torrent = await leech.fetch(
        meta, small_disk, peers=seeder.listen_addresses, sequential=True, preallocate=preallocate
    )
    async with asyncio.timeout(20):
        with pytest.raises(p2pcore.StorageError) as caught:
            await torrent.completed()
    assert caught.value.errno == errno.ENOSPC
    assert Path(caught.value.filename).is_relative_to(small_disk)
    assert caught.value.operation in str(caught.value)
    assert torrent.status().state == "failed"
    before = torrent.status()
    assert before.done > 0

    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    await torrent.resume()
    await torrent.add_peer(seeder.listen_addresses[0])
    async with asyncio.timeout(20):
        await torrent.completed()
    fetched = torrent.status().downloaded - before.downloaded
    assert fetched <= meta.total_size - before.done, "what was verified was not fetched again"
    for name in ("a", "b"):
        assert (small_disk / "data" / name).read_bytes() == (data / name).read_bytes()
    await leech.close()
