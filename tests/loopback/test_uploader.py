"""Every way to share out the upload serves a small swarm to its end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import get_args

import pytest
from conftest import write_tree

import p2pcore
from p2pcore import _config

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("uploader", get_args(_config.Uploader))
async def test_every_policy_completes_a_swarm(uploader: str, tmp_path: Path, sessions) -> None:
    write_tree(tmp_path / "source", {"data.bin": 3_000_001})
    source = tmp_path / "source" / "data.bin"
    meta = p2pcore.create(source, piece_length=32768)
    seed = await sessions(uploader=uploader, unchoke_slots=1)
    await seed.seed(meta, source)
    leeches = []
    for number in range(3):
        leech = await sessions(uploader=uploader, unchoke_slots=1)
        peers = [seed.listen_addresses[0], *(other.listen_addresses[0] for other, _ in leeches)]
        leeches.append((leech, await leech.fetch(meta, tmp_path / str(number), peers=peers)))
    async with asyncio.timeout(60):
        await asyncio.gather(*(torrent.completed() for _, torrent in leeches))
    for number in range(3):
        assert (tmp_path / str(number) / "data.bin").read_bytes() == source.read_bytes()


async def test_origin_mode_can_be_left_out(tmp_path: Path, sessions) -> None:
    write_tree(tmp_path / "source", {"data.bin": 500_000})
    source = tmp_path / "source" / "data.bin"
    meta = p2pcore.create(source, piece_length=32768)
    seed = await sessions(origin_mode=False)
    leech = await sessions()
    await seed.seed(meta, source)
    torrent = await leech.fetch(meta, tmp_path / "into", peers=seed.listen_addresses)
    async with asyncio.timeout(30):
        await torrent.completed()
