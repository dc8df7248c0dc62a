"""How soon a seed answers: one connection, in a process of its own, that asks for one block after the other.

What the seed reads from is to be in memory: then a late answer says that its network thread was held up, or the
machine.
"""

from __future__ import annotations

import multiprocessing
import socket
import struct
import time
from multiprocessing.connection import Connection
from typing import Self

from crowd import BLOCK, PIECE, REQUEST, Member

PAUSE = 0.001
"""Seconds between an answer and the next question."""


class Asker(Member):
    """Fetches the first block of the torrent, again and again."""

    answers = 0

    def _hear(self, message: memoryview) -> None:
        super()._hear(message)
        self.answers += message[0] == PIECE

    def wait_unchoked(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not self.unchoked:
            self.receive()

    def milliseconds(self) -> float:
        """From the question to the last byte of the answer."""
        before, began = self.answers, time.perf_counter()
        self.socket.sendall(struct.pack(">IBIII", 13, REQUEST, 0, 0, BLOCK))
        while self.answers == before:
            self.receive()
        return (time.perf_counter() - began) * 1e3


class Probe:
    """Asks from entry until `end`."""

    def __init__(self, address: tuple[str, int], info_hash: bytes) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=ask, args=(address, info_hash, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()  # it is unchoked, and asks

    def end(self) -> list[float]:
        """Milliseconds that each answer took, in order of size."""
        self._pipe.send(None)
        return sorted(self._pipe.recv())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.join()


def ask(address: tuple[str, int], info_hash: bytes, pipe: Connection) -> None:
    asker = Asker(address, info_hash, fetching=True)
    asker.wait_unchoked()
    took = [asker.milliseconds()]
    pipe.send(None)
    took.clear()
    while not pipe.poll():
        took.append(asker.milliseconds())
        time.sleep(PAUSE)
    pipe.send(took)
