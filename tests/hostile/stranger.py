"""A peer of a few lines that says what it is told to, byte by byte."""

from __future__ import annotations

import asyncio
import struct
from typing import Self

CHOKE, UNCHOKE, INTERESTED, HAVE, BITFIELD, REQUEST, PIECE = 0, 1, 2, 4, 5, 6, 7
HAVE_ALL, HAVE_NONE, EXTENDED, HASH_REQUEST, HASHES, HASH_REJECT = 14, 15, 20, 21, 22, 23

FAST_AND_EXTENDED = bytes([0, 0, 0, 0, 0, 0x10, 0, 0x04])
FAST_AND_V2 = bytes([0, 0, 0, 0, 0, 0x10, 0, 0x14])
PEER_ID = b"-XX0001-hostile-peer"


class Stranger:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def dial(cls, address: tuple[str, int]) -> Self:
        return cls(*await asyncio.open_connection(*address))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def say(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def handshake(self, info_hash: str, peer_id: bytes = PEER_ID, offers: bytes = FAST_AND_EXTENDED) -> None:
        """Introduces itself, and reads the answer."""
        await self.say(b"\x13BitTorrent protocol" + offers + bytes.fromhex(info_hash)[:20] + peer_id)
        await self._reader.readexactly(68)

    async def message(self, number: int, payload: bytes = b"") -> None:
        await self.say(struct.pack(">IB", 1 + len(payload), number) + payload)

    async def hear(self) -> tuple[int, bytes]:
        """The next message that is not a keep-alive."""
        length = 0
        while length == 0:
            (length,) = struct.unpack(">I", await self._reader.readexactly(4))
        body = await self._reader.readexactly(length)
        return body[0], body[1:]

    async def until_closed(self, within: float = 10) -> None:
        """Reads until the other side hangs up."""
        async with asyncio.timeout(within):
            try:
                while await self._reader.read(65_536):
                    pass
            except ConnectionError:
                pass
