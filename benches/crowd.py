"""Many connections to one seed, from one thread: some fetch its torrent between them, the others stay silent.

They keep and check nothing, so that what limits the rate is the seed as far as it can be.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import time
from collections import deque
from typing import Self

from data import KIB, MIB

BLOCK = 16 * KIB
WINDOW = 64
"""Blocks that a connection asks for ahead: 1 MiB, which no window of TCP on the loopback exceeds by much."""

CHOKE, UNCHOKE, INTERESTED, REQUEST, PIECE = 0, 1, 2, 6, 7
ATTEMPTS = 200
PAUSE = 0.1
"""Seconds until who was refused tries again."""

WITHIN = 60
"""Seconds that all may wait for a byte."""


def greeted(address: tuple[str, int], info_hash: bytes) -> socket.socket:
    """A connection over which both have greeted. Who is refused tries again: libtorrent refuses some now and then."""
    for _ in range(ATTEMPTS):
        connection = socket.create_connection(address, timeout=WITHIN)
        connection.sendall(b"\x13BitTorrent protocol" + bytes(8) + info_hash + b"-XX0001-" + os.urandom(12))
        greeting = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while len(greeting) < 68 and (part := connection.recv(68 - len(greeting))):
                greeting += part
        if len(greeting) == 68:
            return connection
        connection.close()
        time.sleep(PAUSE)
    raise ConnectionError("the client refused a connection again and again")


class Member:
    """One connection. It greets, and says it is interested if it is to fetch."""

    def __init__(self, address: tuple[str, int], info_hash: bytes, fetching: bool) -> None:
        self.fetching = fetching
        self.unchoked = False
        self.asked: set[bytes] = set()
        self.had = 0
        self._buffer = bytearray(MIB)
        self.socket = greeted(address, info_hash)
        if fetching:
            self.socket.sendall(struct.pack(">IB", 1, INTERESTED))

    def receive(self) -> None:
        """Takes what there is, and goes through the whole messages in it."""
        view = memoryview(self._buffer)
        count = self.socket.recv_into(view[self.had :])
        if count == 0:
            raise ConnectionError("the seed hung up")
        self.had += count
        at = 0
        while self.had - at >= 4:
            (length,) = struct.unpack_from(">I", self._buffer, at)
            if self.had - at < 4 + length:
                break
            if length:
                self._hear(view[at + 4 : at + 4 + length])
            at += 4 + length
        if at:
            view[: self.had - at] = view[at : self.had]
            self.had -= at

    def _hear(self, message: memoryview) -> None:
        kind = message[0]
        if kind == PIECE:
            self.asked.discard(bytes(message[1:9]) + struct.pack(">I", len(message) - 9))
        elif kind in (CHOKE, UNCHOKE):
            self.unchoked = kind == UNCHOKE

    def ask(self, waiting: deque[bytes]) -> None:
        """Fills its window when half of it is free; what a choked member had asked for goes to others."""
        if not self.unchoked:
            waiting.extend(self.asked)
            self.asked.clear()
        elif waiting and len(self.asked) <= WINDOW // 2:
            wanted = [waiting.popleft() for _ in range(min(len(waiting), WINDOW - len(self.asked)))]
            self.asked.update(wanted)
            self.socket.sendall(b"".join(struct.pack(">IB", 13, REQUEST) + block for block in wanted))


class Crowd:
    """Connects on entry, and waits until all that are to fetch are unchoked."""

    def __init__(self, address: tuple[str, int], info_hash: bytes, fetching: int, idle: int) -> None:
        self.members = [Member(address, info_hash, number < fetching) for number in range(fetching + idle)]
        self._ready = selectors.DefaultSelector()
        for member in self.members:
            self._ready.register(member.socket, selectors.EVENT_READ, member)
        while not all(member.unchoked for member in self.members if member.fetching):
            self._receive()

    def fetch(self, total: int, piece_length: int) -> None:
        """Gets each block once, through whichever member has room."""
        waiting = deque(
            struct.pack(">III", at // piece_length, at % piece_length, min(BLOCK, total - at))
            for at in range(0, total, BLOCK)
        )
        fetching = [member for member in self.members if member.fetching]
        for member in fetching:
            member.ask(waiting)
        while waiting or any(member.asked for member in fetching):
            for member in self._receive():
                if member.fetching:
                    member.ask(waiting)

    def _receive(self) -> list[Member]:
        ready = [key.data for key, _ in self._ready.select(WITHIN)]
        if not ready:
            raise TimeoutError("the seed sends nothing")
        for member in ready:
            member.receive()
        return ready

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ready.close()
        for member in self.members:
            member.socket.close()
