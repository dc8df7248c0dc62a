"""A disk that does not answer holds up its own torrent only: what lies elsewhere is served and fetched meanwhile."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import write_tree
from slow_disk import SlowDisk, Unavailable

import p2pcore

pytestmark = pytest.mark.asyncio

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SlowDisk]:
    """With one file of 2 MiB, a copy of `source/slow`."""
    source = write_tree(tmp_path / "source", {"slow": 2 * MIB})
    try:
        disk = SlowDisk(source / "slow", tmp_path / "disk")
    except Unavailable as error:
        if os.environ.get("CI") == "true" and Path("/dev/fuse").exists():
            raise
        pytest.skip(str(error))
    with disk:
        yield disk


async def test_hung_disk_holds_up_its_own_torrent_only(disk: SlowDisk, tmp_path: Path, sessions) -> None:
    slow = tmp_path / "source" / "slow"
    others = write_tree(tmp_path / "others", {"served": 2 * MIB, "fetched": 2 * MIB})
    metas = {path.name: p2pcore.create(path) for path in (slow, others / "served", others / "fetched")}
    seed = await sessions(threads=1)
    await seed.seed(metas["slow"], disk.path)
    await seed.seed(metas["served"], others / "served")
    waiting, leech, giver = await sessions(), await sessions(), await sessions()
    await giver.seed(metas["fetched"], others / "fetched")
    try:
        disk.hang()
        async with asyncio.timeout(20):
            held_up = await waiting.fetch(metas["slow"], tmp_path / "waiting", peers=seed.listen_addresses)
            await asyncio.to_thread(disk.wait_held)

            served = await leech.fetch(metas["served"], tmp_path / "leech", peers=seed.listen_addresses)
            fetched = await seed.fetch(metas["fetched"], tmp_path / "seed", peers=giver.listen_addresses)
            await served.completed()
            await fetched.completed()
        assert held_up.status().done == 0
    finally:
        disk.go_on()
    async with asyncio.timeout(20):
        await held_up.completed()
    assert (tmp_path / "waiting" / "slow").read_bytes() == slow.read_bytes()
    for name, into in (("served", "leech"), ("fetched", "seed")):
        assert (tmp_path / into / name).read_bytes() == (others / name).read_bytes()
