"""The bridge by itself, over a queue made of Python: wake-ups, batches, answers, and loops without add_reader."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections import deque
from typing import Any

import pytest

import p2pcore
from p2pcore import _bridge
from p2pcore._bridge import Bridge

pytestmark = pytest.mark.asyncio


class Queue:
    """Stands for the native session's queue."""

    def __init__(self, *, descriptor: bool) -> None:
        self.rows: deque[Any] = deque()
        self.batches: list[int] = []
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._descriptor = descriptor
        self._some = threading.Event()
        self.quiet = False
        self.wakes = 0

    def push(self, *rows: Any) -> None:
        self.rows.extend(rows)
        if not self.quiet or any(row[0] == "done" for row in rows):
            self.wakes += 1
            self._some.set()
            self._theirs.send(b"x")

    def event_fd(self) -> int | None:
        return self._ours.fileno() if self._descriptor else None

    def clear_wake(self) -> None:
        self._some.clear()
        with contextlib.suppress(BlockingIOError):
            self._ours.recv(4096)

    def hush(self) -> None:
        self.clear_wake()
        self.quiet = True

    def rouse(self) -> bool:
        self.quiet = bool(self.rows)
        return not self.rows

    def events_empty(self) -> bool:
        return not self.rows

    def drain_events(self, limit: int) -> list[Any]:
        batch = [self.rows.popleft() for _ in range(min(limit, len(self.rows)))]
        self.batches.append(len(batch))
        return batch

    def wait_events(self, timeout: float) -> bool:
        return self._some.wait(timeout)

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()


@pytest.fixture(params=[True, False], ids=["add_reader", "thread"])
def queue(request: pytest.FixtureRequest):
    queue = Queue(descriptor=request.param)
    yield queue
    queue.close()


async def test_events_are_delivered_in_bounded_batches_in_order(queue: Queue) -> None:
    got: list[int] = []
    everything = asyncio.Event()
    count = 3 * _bridge._BATCH + 1

    def deliver(row: Any) -> None:
        got.append(row[2])
        if len(got) == count:
            everything.set()

    bridge = Bridge(queue, deliver)
    queue.push(*[("piece_verified", 1, piece, None) for piece in range(count)])
    async with asyncio.timeout(10):
        await everything.wait()
    bridge.stop()
    assert got == list(range(count))
    assert max(queue.batches) == _bridge._BATCH


async def test_answers_find_their_commands(queue: Queue) -> None:
    bridge = Bridge(queue, lambda row: None)
    good, bad = bridge.answer(1), bridge.answer(2)
    queue.push(("done", None, 2, ("AlreadyAddedError", ("ab",))), ("done", None, 1, None), ("done", None, 99, None))
    async with asyncio.timeout(10):
        await good
        with pytest.raises(p2pcore.AlreadyAddedError):
            await bad
    bridge.stop()


async def test_stopping_delivers_the_rest_and_fails_open_commands(queue: Queue) -> None:
    got = []
    bridge = Bridge(queue, got.append)
    waiting = bridge.answer(1)
    queue.rows.append(("completed", 1, None, None))
    bridge.stop()
    bridge.stop()
    assert got == [("completed", 1, None, None)]
    with pytest.raises(p2pcore.SessionClosedError):
        await waiting


async def test_one_bad_delivery_does_not_stop_the_others(queue: Queue) -> None:
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))
    done = asyncio.Event()

    def deliver(row: Any) -> None:
        if row[0] == "bad":
            raise ZeroDivisionError
        done.set()

    bridge = Bridge(queue, deliver)
    queue.push(("bad", 1, None, None), ("completed", 1, None, None))
    async with asyncio.timeout(10):
        await done.wait()
    bridge.stop()
    assert [type(error) for error in told] == [ZeroDivisionError]


async def test_a_stream_of_facts_wakes_the_loop_seldom_and_an_answer_at_once() -> None:
    queue = Queue(descriptor=True)
    got: list[int] = []
    bridge = Bridge(queue, lambda row: got.append(row[2]))
    count = 5_000
    for piece in range(count):
        queue.push(("piece_verified", 1, piece, None))
        await asyncio.sleep(0)
    assert queue.wakes < count / 2
    answer = bridge.answer(1)
    queue.push(("done", None, 1, None))
    async with asyncio.timeout(10):
        await answer
        while queue.quiet:
            await asyncio.sleep(0)
    assert got == list(range(count))
    before = queue.wakes
    queue.push(("piece_verified", 1, count, None))
    assert queue.wakes == before + 1
    bridge.stop()
    queue.close()
    assert got == list(range(count + 1))
