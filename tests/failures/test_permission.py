"""A folder that may not be written to: the error says so, and `resume` goes on when it may."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import write_tree

import p2pcore

pytestmark = pytest.mark.asyncio

NOBODY = 65_534


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Root may write everywhere: gives that up for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


async def test_denied_write(place: Path, sessions) -> None:
    data = write_tree(place / "data", {"a": 300_000, "b": 300_000})
    meta = p2pcore.create(data)
    into = place / "into"
    (into / "data").mkdir(parents=True)
    (into / "data").chmod(0o555)
    seeder, leech = await sessions(), await sessions(state_dir=None)
    await seeder.seed(meta, data)
    torrent = await leech.fetch(meta, into)
    with unprivileged():
        await torrent.add_peer(seeder.listen_addresses[0])
        async with asyncio.timeout(20):
            with pytest.raises(p2pcore.StorageError) as caught:
                await torrent.completed()
    assert caught.value.errno == errno.EACCES
    assert Path(caught.value.filename).parent == into / "data"
    assert caught.value.operation in str(caught.value)
    (into / "data").chmod(0o755)
    await torrent.resume()
    await torrent.add_peer(seeder.listen_addresses[0])
    async with asyncio.timeout(20):
        await torrent.completed()
    assert (into / "data" / "b").read_bytes() == (data / "b").read_bytes()
