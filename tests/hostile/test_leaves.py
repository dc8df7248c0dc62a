"""The leaves of pieces (BEP 52) on the wire: who is given them, and what becomes of a block by them at once."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from conftest import write_tree
from hostile.stranger import (
    EXTENDED,
    FAST_AND_V2,
    HASH_REJECT,
    HASH_REQUEST,
    HASHES,
    HAVE_ALL,
    HAVE_NONE,
    INTERESTED,
    PIECE,
    REQUEST,
    UNCHOKE,
    Stranger,
)

import p2pcore

pytestmark = pytest.mark.asyncio

BLOCK = 16 << 10
BLOCKS = 16
PIECE_LENGTH = BLOCKS * BLOCK
EXTENSIONS = b"\x00d1:md11:lt_donthavei7e9:p2_comingi9eee"
COMING = b"\x09"

Answer = Callable[[int, int, bytes], bytes | None]
"""What to send for a block of a piece, by its bytes; or nothing."""


def leaves_of(piece: bytes) -> list[bytes]:
    return [hashlib.sha256(piece[at : at + BLOCK]).digest() for at in range(0, len(piece), BLOCK)]


def leaf_request(root: str, piece: int) -> bytes:
    return bytes.fromhex(root) + struct.pack(">IIII", 0, piece * BLOCKS, BLOCKS, 0)


@contextlib.asynccontextmanager
async def seed(
    meta: p2pcore.Metainfo,
    data: bytes,
    answer: Answer,
    forge: Callable[[bytes], bytes] | None = lambda hashes: hashes,
    opens: asyncio.Event | None = None,
    pace: float = 0,
) -> AsyncIterator[tuple[str, int]]:
    """A seed of one file. It gives leaves, refuses them without `forge`, and gives of blocks what it is told to, each
    after so many seconds."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with Stranger(reader, writer) as stranger:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await stranger.handshake(meta.info_hash_v2, offers=FAST_AND_V2)
                await stranger.message(HAVE_ALL)
                if opens is not None:
                    await opens.wait()
                await stranger.message(UNCHOKE)
                while True:
                    number, payload = await stranger.hear()
                    if number == HASH_REQUEST and forge is None:
                        await stranger.message(HASH_REJECT, payload)
                    elif number == HASH_REQUEST:
                        index = struct.unpack(">I", payload[36:40])[0]
                        hashes = b"".join(leaves_of(data[index * BLOCK :][:PIECE_LENGTH]))
                        await stranger.message(HASHES, payload + forge(hashes))
                    elif number == REQUEST:
                        await asyncio.sleep(pace)
                        piece, begin, length = struct.unpack(">III", payload)
                        block = data[piece * PIECE_LENGTH + begin :][:length]
                        if (said := answer(piece, begin // BLOCK, block)) is not None:
                            await stranger.message(PIECE, struct.pack(">II", piece, begin) + said)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()


@pytest.fixture
def content(tmp_path: Path) -> tuple[Path, bytes, p2pcore.Metainfo]:
    """A file of eight pieces of sixteen blocks, and its v2 torrent."""
    path = write_tree(tmp_path, {"data": 8 * PIECE_LENGTH}) / "data"
    return path, path.read_bytes(), p2pcore.create(path, format="v2", piece_length=PIECE_LENGTH)


async def until(stranger: Stranger, *numbers: int) -> tuple[int, bytes]:
    async with asyncio.timeout(10):
        while True:
            number, payload = await stranger.hear()
            if number in numbers:
                return number, payload


@contextlib.asynccontextmanager
async def somebody(leech: p2pcore.Session, meta: p2pcore.Metainfo) -> AsyncIterator[Stranger]:
    """Who has nothing and can be told of pieces that come: without such peers no leaves are asked for."""
    async with await Stranger.dial(leech.listen_addresses[0]) as stranger:
        await stranger.handshake(meta.info_hash_v2, b"-XX0001-another-peer", FAST_AND_V2)
        await stranger.message(HAVE_NONE)
        await stranger.message(EXTENDED, EXTENSIONS)
        await stranger.message(INTERESTED)
        await until(stranger, UNCHOKE)
        yield stranger


async def test_leaves_are_for_those_that_are_served(content, sessions) -> None:
    path, data, meta = content
    session = await sessions()
    await session.seed(meta, path)
    root = meta.files[0].pieces_root
    async with await Stranger.dial(session.listen_addresses[0]) as stranger:
        await stranger.handshake(meta.info_hash_v2, offers=FAST_AND_V2)
        await stranger.message(HAVE_NONE)
        request = leaf_request(root, 5)
        await stranger.message(HASH_REQUEST, request)
        assert await until(stranger, HASHES, HASH_REJECT) == (HASH_REJECT, request)
        await stranger.message(INTERESTED)
        await until(stranger, UNCHOKE)
        for _ in range(2):  # from the disk, and from memory
            await stranger.message(HASH_REQUEST, request)
            number, answer = await until(stranger, HASHES, HASH_REJECT)
            assert number == HASHES
            assert answer == request + b"".join(leaves_of(data[5 * PIECE_LENGTH :][:PIECE_LENGTH]))
        for bad in (leaf_request("00" * 32, 5), leaf_request(root, 8)):
            await stranger.message(HASH_REQUEST, bad)
            assert await until(stranger, HASHES, HASH_REJECT) == (HASH_REJECT, bad)


async def test_leaves_of_what_changed_on_disk_are_not_given(content, sessions) -> None:
    path, _, meta = content
    session = await sessions()
    await session.seed(meta, path)
    async with await Stranger.dial(session.listen_addresses[0]) as stranger:
        await stranger.handshake(meta.info_hash_v2, offers=FAST_AND_V2)
        await stranger.message(HAVE_NONE)
        await stranger.message(INTERESTED)
        await until(stranger, UNCHOKE)
        with path.open("r+b") as file:
            file.seek(PIECE_LENGTH + 7)
            file.write(b"changed")
        request = leaf_request(meta.files[0].pieces_root, 1)
        await stranger.message(HASH_REQUEST, request)
        assert await until(stranger, HASHES, HASH_REJECT) == (HASH_REJECT, request)


async def test_blocks_go_on_before_their_piece_is_whole(content, tmp_path: Path, sessions) -> None:
    """The seed keeps back the last block of each piece, so that none becomes whole. A piece takes it a fifth of a
    second: what comes from a peer whose rate is not known yet is not announced."""
    path, data, meta = content
    opens = asyncio.Event()

    def all_but_the_last(_: int, block: int, right: bytes) -> bytes | None:
        return right if block < BLOCKS - 1 else None

    leech, honest = await sessions(), await sessions()
    await honest.seed(meta, path)
    async with seed(meta, data, all_but_the_last, opens=opens, pace=0.2 / BLOCKS) as address:
        torrent = await leech.fetch(meta, tmp_path / "into", peers=[address])
        async with somebody(leech, meta) as stranger:
            opens.set()
            payload = b""
            while payload[:1] != COMING:
                _, payload = await until(stranger, EXTENDED)
            piece, hops = struct.unpack(">IB", payload[1:])
            assert hops == 1
            right = data[piece * PIECE_LENGTH :][:PIECE_LENGTH]
            await stranger.message(HASH_REQUEST, leaf_request(meta.files[0].pieces_root, piece))
            _, payload = await until(stranger, HASHES)
            assert payload[48:] == b"".join(leaves_of(right))
            for block in (3, 0):
                await stranger.message(REQUEST, struct.pack(">III", piece, block * BLOCK, BLOCK))
                _, payload = await until(stranger, PIECE)
                at = struct.pack(">II", piece, block * BLOCK)
                assert payload == at + right[block * BLOCK :][:BLOCK]
            assert not torrent.pieces[piece]
        await torrent.add_peer(honest.listen_addresses[0])
        async with asyncio.timeout(30):
            await torrent.completed()
    assert (tmp_path / "into" / "data").read_bytes() == data


async def test_whoever_sends_a_wrong_block_is_found_out_by_it(content, tmp_path: Path, sessions) -> None:
    """The piece never becomes whole, and so it cannot fail."""
    path, data, meta = content

    def wrong(_: int, block: int, right: bytes) -> bytes:
        return right if block < 5 else b"\x13" * len(right)

    leech, honest, opens = await sessions(), await sessions(), asyncio.Event()
    await honest.seed(meta, path)
    async with seed(meta, data, wrong, opens=opens) as address:
        torrent = await leech.fetch(meta, tmp_path / "into", peers=[address])
        stream = torrent.events()
        async with somebody(leech, meta):
            opens.set()
            async for event in stream:
                if isinstance(event, p2pcore.PeerBanned):
                    assert event.address == address
                    break
                assert not isinstance(event, p2pcore.PieceFailed)
            assert leech.disconnects == {"sent corrupt data": 1}
        await torrent.add_peer(honest.listen_addresses[0])
        async with asyncio.timeout(30):
            await torrent.completed()
    assert (tmp_path / "into" / "data").read_bytes() == data


async def test_forged_leaves_end_the_connection(content, tmp_path: Path, sessions) -> None:
    _, data, meta = content
    leech, opens = await sessions(), asyncio.Event()
    forge = lambda hashes: bytes(32) + hashes[32:]  # noqa: E731
    async with seed(meta, data, lambda _piece, _block, right: right, forge, opens=opens) as address:
        torrent = await leech.fetch(meta, tmp_path / "into", peers=[address])
        async with somebody(leech, meta):
            opens.set()
            async for event in torrent.events():
                if isinstance(event, p2pcore.PeerDisconnected):
                    assert event.address == address
                    assert event.reason == "protocol error"
                    break


async def test_a_seed_without_leaves_serves_as_well(content, tmp_path: Path, sessions) -> None:
    """As some clients do."""
    _, data, meta = content
    leech, opens = await sessions(), asyncio.Event()
    async with seed(meta, data, lambda _piece, _block, right: right, forge=None, opens=opens) as address:
        torrent = await leech.fetch(meta, tmp_path / "into", peers=[address])
        async with somebody(leech, meta):
            opens.set()
            async with asyncio.timeout(30):
                await torrent.completed()
    assert (tmp_path / "into" / "data").read_bytes() == data
