"""Progress for people: a live bar on a terminal and in a notebook, a plain line now and then elsewhere.

Everything goes to stderr, so that stdout stays free for results. Imported only where a bar is shown.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from p2pcore._snapshots import Status

_PLAIN_EVERY = 5.0  # seconds between plain lines: enough to see life, few enough for a log


class Bar:
    """One line of progress.

    Args:
        what: What is going on, such as "fetching name".
        console: Where it is shown; None is stderr.
    """

    def __init__(self, what: str, console: Console | None = None) -> None:
        """Makes the bar; it shows from `with` on."""
        self._what = what
        self._console = console or Console(stderr=True)
        self._live = self._console.is_terminal or self._console.is_jupyter
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._next_line = 0.0
        self._last = ""
        self._rate = _Rate()

    def __enter__(self) -> Self:
        """Shows the bar."""
        if self._live:
            self._progress = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                DownloadColumn(),
                TextColumn("{task.fields[note]}", markup=False),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._task = self._progress.add_task(self._what, total=None, note="")
            self._progress.start()
        self._next_line = time.monotonic() + _PLAIN_EVERY
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves the last state on the screen."""
        if self._progress is not None:
            self._progress.stop()
        elif kind is None and self._last:
            self._console.print(self._last, markup=False, highlight=False, soft_wrap=True)

    def bytes(self, done: int, total: int) -> None:
        """Shows work on data: fits `progress=` of `create` and `verify`."""
        self._show(done, total, f"{decimal(round(self._rate.add(done)))}/s")

    def status(self, status: Status) -> None:
        """Shows a torrent."""
        match status.state:
            case "checking":
                self._show(status.checked, status.to_check, "checking")
            case "seeding" if status.upload_rate > 0:
                note = f"seeding, up {decimal(round(status.upload_rate))}/s, {_peers(status)}"
                self._show(status.done, status.wanted, note)
            case "downloading":
                note = f"{decimal(round(status.download_rate))}/s, {_peers(status)}"
                self._show(status.done, status.wanted, note)
            case state:
                self._show(status.done, status.wanted, f"{state}, {_peers(status)}")

    def _show(self, done: int, total: int, note: str) -> None:
        if self._progress is not None:
            self._progress.update(self._task, completed=done, total=total, note=note)
            return
        share = 100 * done / total if total else 100.0
        self._last = f"{self._what}: {share:.0f} % of {decimal(total)}, {note}"
        if time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _PLAIN_EVERY
            self._console.print(self._last, markup=False, highlight=False, soft_wrap=True)
            self._last = ""


class _Rate:
    """Bytes per second since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def add(self, done: int) -> float:
        return done / max(time.monotonic() - self._start, 1e-3)


def _peers(status: Status) -> str:
    return "1 peer" if status.peers == 1 else f"{status.peers} peers"
