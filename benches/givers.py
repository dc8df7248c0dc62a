"""Many connections to one leech, from one thread: some give it whatever it asks for, the others stay silent."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from typing import Self

from crowd import PIECE, REQUEST, UNCHOKE, Member
from data import MIB

BITFIELD = 5
BUFFERS = 512
"""Buffers for one call: half of what Linux takes."""
ROOM = 4 * MIB
"""What a socket may hold unsent, so that one that is not read soon does not hold up the others."""


class Giver(Member):
    """Has everything, and says so; unchokes when it is told to."""

    def __init__(self, address: tuple[str, int], info_hash: bytes, data: memoryview, piece_length: int) -> None:
        super().__init__(address, info_hash, fetching=False)
        self._data = data
        self._piece_length = piece_length
        self._waiting: list[bytes | memoryview] = []
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
        pieces = -(-len(data) // piece_length)
        bits = ((1 << pieces) - 1 << -pieces % 8).to_bytes(-(-pieces // 8), "big")
        self.socket.sendall(struct.pack(">IB", 1 + len(bits), BITFIELD) + bits)

    def unchoke(self) -> None:
        self.socket.sendall(struct.pack(">IB", 1, UNCHOKE))

    def receive(self) -> None:
        super().receive()
        while self._waiting:
            sent = self.socket.sendmsg(self._waiting[:BUFFERS])
            whole = 0
            while whole < len(self._waiting) and sent >= len(self._waiting[whole]):
                sent -= len(self._waiting[whole])
                whole += 1
            del self._waiting[:whole]
            if sent:
                self._waiting[0] = memoryview(self._waiting[0])[sent:]

    def _hear(self, message: memoryview) -> None:
        if message[0] == REQUEST:
            index, offset, length = struct.unpack_from(">III", message, 1)
            at = index * self._piece_length + offset
            self._waiting.append(struct.pack(">IBII", 9 + length, PIECE, index, offset))
            self._waiting.append(self._data[at : at + length])


class Givers:
    """Connects on making; gives from `begin` until it is left, or the leech hangs up on everybody."""

    def __init__(
        self, address: tuple[str, int], info_hash: bytes, data: memoryview, piece_length: int, giving: int, idle: int
    ) -> None:
        self._givers = [Giver(address, info_hash, data, piece_length) for _ in range(giving)]
        self._idle = [Member(address, info_hash, fetching=False) for _ in range(idle)]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._give, daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def _give(self) -> None:
        with selectors.DefaultSelector() as ready:
            for member in (*self._givers, *self._idle):
                ready.register(member.socket, selectors.EVENT_READ, member)
            for giver in self._givers:
                giver.unchoke()
            while ready.get_map() and not self._ended.is_set():
                for key, _ in ready.select(0.05):
                    try:
                        key.data.receive()
                    except ConnectionError:  # it has everything, and hangs up on seeds
                        ready.unregister(key.fileobj)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        for member in (*self._givers, *self._idle):
            member.socket.close()
