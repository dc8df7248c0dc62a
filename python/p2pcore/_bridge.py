"""From the engine's event queue to one asyncio loop.

Rust never calls Python: it makes a descriptor readable, the loop calls `_on_readable`, and one bounded batch is taken
under one hold of the GIL; what is left is taken at the loop's next turn, so that other tasks run in between. A loop
without `add_reader` (Windows) has a thread that waits in a native call instead.

Where one wake-up follows the other within milliseconds, the bridge asks for quiet and looks by itself, every `_PAUSE`
seconds, until nothing is there: a transfer of small pieces would otherwise wake the loop for each of them.

Answers to commands come through the same queue: `answer` gives the future of a command's number.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from p2pcore import _errors

if TYPE_CHECKING:
    from p2pcore._p2pcore import RawSession

Row = tuple[str, int | None, Any, Any]

_BATCH = 512  # events per turn of the loop: about a millisecond of Python
_PAUSE = 0.003  # seconds; answers to commands do not wait for it


class Bridge:
    """Carries events and answers from a native session into the loop in which it is made."""

    def __init__(self, raw: RawSession, deliver: Callable[[Row], None]) -> None:
        """Starts listening to the queue.

        Args:
            raw: The native session.
            deliver: Takes each event that is no answer, in the loop.
        """
        self.loop = asyncio.get_running_loop()
        self._raw = raw
        self._deliver = deliver
        self._answers: dict[int, asyncio.Future[None]] = {}
        self._stopped = False
        self._again = False
        self._woken = float("-inf")
        self._looking: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None
        self._fd = raw.event_fd()
        try:
            if self._fd is None:
                raise NotImplementedError
            self.loop.add_reader(self._fd, self._on_readable)
        except NotImplementedError:
            self._fd = None
            self._thread = threading.Thread(target=self._wait, name="p2pcore-events", daemon=True)
            self._thread.start()

    def answer(self, command: int) -> asyncio.Future[None]:
        """The answer to a command that was just given, to be awaited.

        Args:
            command: Its number.

        Returns:
            What ends when the command has, with an error where it failed.
        """
        future = self._answers[command] = self.loop.create_future()
        return future

    def stop(self) -> None:
        """Delivers what is left and stops listening; commands without an answer fail."""
        if self._stopped:
            return
        self._stopped = True
        if self._looking is not None:
            self._looking.cancel()
        if self._fd is not None:
            self.loop.remove_reader(self._fd)
        while rows := self._raw.drain_events(_BATCH):
            self._hand_over(rows)
        for future in self._answers.values():
            if not future.done():
                future.set_exception(_errors.SessionClosedError())
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(1.0)

    def _on_readable(self) -> None:
        now = self.loop.time()
        if self._looking is not None or now - self._woken < _PAUSE:
            self._raw.hush()
            self._look_later()
        else:
            self._raw.clear_wake()
        self._woken = now
        self._drain()

    def _look_later(self) -> None:
        if self._looking is None:
            self._looking = self.loop.call_later(_PAUSE, self._look)

    def _look(self) -> None:
        self._looking = None
        if not self._raw.rouse():
            self._look_later()
            self._drain()

    def _drain(self) -> None:
        self._again = False
        if self._stopped:
            return
        self._hand_over(self._raw.drain_events(_BATCH))
        if not self._again and not self._raw.events_empty():
            self._again = True
            self.loop.call_soon(self._drain)

    def _hand_over(self, rows: list[Row]) -> None:
        for row in rows:
            try:
                if row[0] == "done":
                    self._on_answer(row[2], row[3])
                else:
                    self._deliver(row)
            except Exception as error:
                context = {"message": f"p2pcore could not deliver {row[0]!r}", "exception": error}
                self.loop.call_exception_handler(context)

    def _on_answer(self, command: int, error: _errors.Pair | None) -> None:
        future = self._answers.pop(command, None)
        if future is None or future.done():
            return  # whoever gave the command was cancelled
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(_errors.make(*error))

    def _wait(self) -> None:
        taken = threading.Event()

        def take() -> None:
            self._raw.clear_wake()
            self._drain()
            taken.set()

        while not self._stopped:
            if self._raw.wait_events(0.1):
                taken.clear()
                try:
                    self.loop.call_soon_threadsafe(take)
                except RuntimeError:
                    return  # the loop is closed
                while not taken.wait(0.1) and not self._stopped:
                    pass
