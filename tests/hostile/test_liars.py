"""A peer that sends corrupt data is found out and left, and the transfer completes from the others."""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import write_tree
from hostile.stranger import HAVE_ALL, PEER_ID, PIECE, REQUEST, UNCHOKE, Stranger

import p2pcore

pytestmark = pytest.mark.asyncio


@contextlib.asynccontextmanager
async def liar(
    info_hash: str,
    peer_id: bytes = PEER_ID,
    truth: bytes = b"",
    piece_length: int = 0,
    every: int = 1,
) -> AsyncIterator[tuple[str, int]]:
    """Serves every request at once: each so-many-th block with wrong bytes, the others from `truth`."""
    count = 0

    async def lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with Stranger(reader, writer) as stranger:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                nonlocal count
                await stranger.handshake(info_hash, peer_id)
                await stranger.message(HAVE_ALL)
                await stranger.message(UNCHOKE)
                while True:
                    number, payload = await stranger.hear()
                    if number == REQUEST:
                        piece, begin, length = struct.unpack(">III", payload)
                        count += 1
                        at = piece * piece_length + begin
                        block = b"\x13" * length if count % every == 0 else truth[at : at + length]
                        await stranger.message(PIECE, struct.pack(">II", piece, begin) + block)

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


@pytest.mark.parametrize("format", ["v1", "v2"])
async def test_of_many_senders_exactly_the_liars_are_banned(format: str, tmp_path: Path, sessions) -> None:
    """Two honest seeds and two that lie in every fifth block, all into the same pieces of 64 blocks."""
    data = tmp_path / "data"
    truth = random.Random(1).randbytes(24 << 20)
    data.write_bytes(truth)
    meta = p2pcore.create(data, format=format, piece_length=1 << 20)
    honest = [await sessions(upload_limit=3 << 20) for _ in range(2)]
    for session in honest:
        await session.seed(meta, data)
    leech = await sessions()
    wire_hash = meta.info_hash_v1 or meta.info_hash_v2
    async with contextlib.AsyncExitStack() as stack:
        lying = [
            await stack.enter_async_context(
                liar(wire_hash, b"-XX0001-liar-number%d" % number, truth, meta.piece_length, every=5)
            )
            for number in range(2)
        ]
        peers = [*lying, *(address for session in honest for address in session.listen_addresses)]
        torrent = await leech.fetch(meta, tmp_path / "into", peers=peers)
        stream = torrent.events()
        async with asyncio.timeout(60):
            await torrent.completed()
        bans = torrent.bans()
        # They are not let in again, also where they dial.
        for number in range(2):
            async with await Stranger.dial(leech.listen_addresses[0]) as stranger:
                await stranger.handshake(wire_hash, b"-XX0001-liar-number%d" % number)
                await stranger.until_closed()
        assert leech.disconnects["banned"] == 2
        async with await Stranger.dial(leech.listen_addresses[0]) as stranger:
            await stranger.handshake(wire_hash, b"-XX0001-honest-peer-")
            assert (await stranger.hear())[0] == HAVE_ALL
        await torrent.remove()
        seen = [event async for event in stream]
    assert (tmp_path / "into" / "data").read_bytes() == truth
    banned = [event for event in seen if isinstance(event, p2pcore.PeerBanned)]
    assert sorted(event.address for event in banned) == sorted(lying)
    assert sorted(ban.address for ban in bans) == sorted(lying)
    for ban in bans:
        assert (ban.reason, ban.scope, ban.times) == ("corrupt data", "peer", 1)
        left = ban.until - datetime.now(UTC)
        assert timedelta() < left <= timedelta(hours=1)
    assert {event.reason for event in banned} == {"corrupt data"}
