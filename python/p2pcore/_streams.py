"""One subscriber's events: a bounded queue that is an asynchronous iterator.

Invariant: a slow reader costs at most `capacity` events of memory; what did not fit is told as one `EventsDropped` at
the place where it is missing. It belongs to one event loop and knows nothing of sessions.
"""

from __future__ import annotations

import asyncio
from collections import deque

from p2pcore._events import Checked, Completed, Event, EventsDropped, Failed
from p2pcore._public import public

_NEVER_DROPPED = (Checked, Completed, Failed)


@public
class EventStream:
    """Events of one torrent.

    The first stream of a torrent begins when it was added; later ones, and a first one that comes too late for that,
    open with the facts that still hold (`Checked`, `FileCompleted`, `Completed`, `Failed`). A stream ends when the
    torrent is removed or the session closed. Each has its own bounded queue.
    """

    __slots__ = ("__weakref__", "_capacity", "_dropped", "_ended", "_queue", "_waiter")

    def __init__(self, capacity: int) -> None:
        """Makes an empty stream; `Torrent.events` is the way to get one."""
        self._capacity = capacity
        self._queue: deque[Event] = deque()
        self._dropped = 0
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    def __aiter__(self) -> EventStream:
        """Is its own iterator."""
        return self

    async def __anext__(self) -> Event:
        """Waits for the next event."""
        while True:
            if self._queue:
                return self._queue.popleft()
            if self._dropped:
                return self._take_dropped()
            if self._ended:
                raise StopAsyncIteration
            await self._wait()

    async def _batch(self) -> list[Event]:
        """Waits for events and takes all that are there; empty at the end."""
        try:
            events = [await self.__anext__()]
        except StopAsyncIteration:
            return []
        events.extend(self._queue)
        self._queue.clear()
        return events

    def _push(self, event: Event) -> None:
        if len(self._queue) >= self._capacity and not isinstance(event, _NEVER_DROPPED):
            self._dropped += event.count if isinstance(event, EventsDropped) else 1
            return
        if self._dropped:
            self._queue.append(self._take_dropped())
        self._queue.append(event)
        self._wake()

    def _end(self) -> None:
        self._ended = True
        self._wake()

    def _take_dropped(self) -> EventsDropped:
        count, self._dropped = self._dropped, 0
        return EventsDropped(count=count)

    async def _wait(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("two tasks read one event stream: call torrent.events() for each")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
