"""Whoever breaks the protocol is let go and counted, and everybody else is served as before."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from pathlib import Path

import pytest
from hostile.stranger import BITFIELD, EXTENDED, HASH_REQUEST, HASHES, HAVE, PIECE, REQUEST, UNCHOKE, Stranger

import p2pcore

pytestmark = pytest.mark.asyncio

PROTOCOL = b"\x13BitTorrent protocol"


async def assert_serves(session: p2pcore.Session, meta: p2pcore.Metainfo, sessions, tmp_path: Path) -> None:
    other = await sessions()
    torrent = await other.fetch(meta, tmp_path / "into", peers=session.listen_addresses)
    async with asyncio.timeout(20):
        await torrent.completed()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "not a BitTorrent handshake"),
        (b"\x00" * 100, "not a BitTorrent handshake"),
        (PROTOCOL + bytes(8) + b"\x07" * 20 + b"x" * 20, "no such torrent here"),
        (PROTOCOL, "the handshake took too long"),
        (b"", "the handshake took too long"),
    ],
)
async def test_no_handshake_no_peer(said: bytes, reason: str, single: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(single)
    session = await sessions(connect_timeout=0.5)
    await session.seed(meta, single)
    async with await Stranger.dial(session.listen_addresses[0]) as stranger:
        await stranger.say(said)
        await stranger.until_closed()
    assert session.disconnects == {reason: 1}
    await assert_serves(session, meta, sessions, tmp_path)


async def test_ourselves_is_no_peer(single: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(single)
    session = await sessions()
    await session.seed(meta, single)
    async with await Stranger.dial(session.listen_addresses[0]) as stranger:
        await stranger.handshake(meta.info_hash_v1, session.peer_id)
        await stranger.until_closed()
    assert session.disconnects == {"connected to self": 1}


def framed(number: int, payload: bytes = b"") -> bytes:
    return struct.pack(">IB", 1 + len(payload), number) + payload


BOMB = b"l" * 5_000

BROKEN = {
    "a length of 4 GiB": b"\xff\xff\xff\xff",
    "a length of 16 MiB": struct.pack(">IB", 16 << 20, PIECE),
    "a bitfield of the wrong size": framed(BITFIELD, b"\xff" * 9),
    "a bit beyond the last piece": framed(BITFIELD, b"\xff\xff\xff"),
    "a piece that is not": framed(HAVE, struct.pack(">I", 1 << 31)),
    "an unchoke with a payload": framed(UNCHOKE, b"x"),
    "a request beyond the end": framed(REQUEST, struct.pack(">III", 0, 1 << 31, 16384)),
    "a request of 1 GiB": framed(REQUEST, struct.pack(">III", 0, 0, 1 << 30)),
    "a request for a piece that is not": framed(REQUEST, struct.pack(">III", 99, 0, 16384)),
    "a block that is shorter than its head": framed(PIECE, b"1234567"),
    "a hash request that is cut off": framed(HASH_REQUEST, b"x" * 20),
    "hashes that nobody asked for, of a wrong size": framed(HASHES, b"x" * 49),
    "lists in lists in lists": framed(EXTENDED, b"\x00" + BOMB),
    "an extension message of nothing": framed(EXTENDED),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_messages_end_the_connection(name: str, single: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(single, piece_length=16384)  # 19 pieces
    session = await sessions()
    await session.seed(meta, single)
    async with await Stranger.dial(session.listen_addresses[0]) as stranger:
        await stranger.handshake(meta.info_hash_v1)
        await stranger.say(BROKEN[name])
        await stranger.until_closed()
    assert session.disconnects == {"protocol error": 1}
    await assert_serves(session, meta, sessions, tmp_path)


async def test_claimed_lengths_take_no_memory(single: Path, tmp_path: Path, sessions) -> None:
    """Each of fifty peers claims a block of the largest size that is allowed, and sends one byte of it."""
    meta = p2pcore.create(single, piece_length=16384)
    session = await sessions()
    await session.seed(meta, single)
    strangers = [await Stranger.dial(session.listen_addresses[0]) for _ in range(50)]
    for number, stranger in enumerate(strangers):
        await stranger.handshake(meta.info_hash_v1, b"-XX0001-%012d" % number)
    before = resident()
    for stranger in strangers:
        await stranger.say(struct.pack(">IBII", 9 + 16384 * 8, PIECE, 0, 0) + b"x")
    await assert_serves(session, meta, sessions, tmp_path)
    assert resident() - before < 16 << 20
    for stranger in strangers:
        async with stranger:
            pass


def resident() -> int:
    pages = Path("/proc/self/statm")
    if not pages.exists():
        pytest.skip("needs /proc")
    return int(pages.read_text().split()[1]) * 4096


async def test_a_flood_of_nothing_ends(single: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(single, piece_length=16384)
    session = await sessions()
    await session.seed(meta, single)
    async with await Stranger.dial(session.listen_addresses[0]) as stranger:
        await stranger.handshake(meta.info_hash_v1)
        with contextlib.suppress(ConnectionError):
            await stranger.say(bytes(4) * 1_000_000)  # keep-alives
        await stranger.until_closed()
    assert session.disconnects == {"flooded us": 1}
    await assert_serves(session, meta, sessions, tmp_path)
