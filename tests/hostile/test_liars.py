"""A peer that sends corrupt data is found out and left, and the transfer completes from the others."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from conftest import write_tree
from hostile.stranger import HAVE_ALL, PIECE, REQUEST, UNCHOKE, Stranger

import p2pcore

pytestmark = pytest.mark.asyncio


@contextlib.asynccontextmanager
async def liar(info_hash: str) -> AsyncIterator[tuple[str, int]]:
    """Serves every request at once, with wrong bytes."""

    async def lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with Stranger(reader, writer) as stranger:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await stranger.handshake(info_hash)
                await stranger.message(HAVE_ALL)
                await stranger.message(UNCHOKE)
                while True:
                    number, payload = await stranger.hear()
                    if number == REQUEST:
                        piece, begin, length = struct.unpack(">III", payload)
                        await stranger.message(PIECE, struct.pack(">II", piece, begin) + b"\x13" * length)

    server = await asyncio.start_server(lie, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()


@pytest.mark.parametrize("format", ["v1", "v2", "hybrid"])
@pytest.mark.parametrize("piece_length", [16 << 10, 256 << 10])
async def test_a_liar_is_found_out(format: str, piece_length: int, tmp_path: Path, sessions) -> None:
    data = write_tree(tmp_path / "data", {"a": 3_000_000, "b": 1_000_000})
    meta = p2pcore.create(data, format=format, piece_length=piece_length)
    honest, leech = await sessions(), await sessions()
    await honest.seed(meta, data, upload_limit=4 << 20)  # slow enough for the liar to be asked
    async with liar(meta.info_hash_v1 or meta.info_hash_v2) as address:
        torrent = await leech.fetch(meta, tmp_path / "into", peers=[address, *honest.listen_addresses])
        stream = torrent.events()
        async with asyncio.timeout(30):
            await torrent.completed()
        await torrent.remove()
        seen = [event async for event in stream]
    banned = [event for event in seen if isinstance(event, p2pcore.PeerBanned)]
    assert [event.address for event in banned] == [address]
    assert any(isinstance(event, p2pcore.PieceFailed) for event in seen)
    for name in ("a", "b"):
        assert (tmp_path / "into" / "data" / name).read_bytes() == (data / name).read_bytes()
