"""What every real peer has in common: a process of its own, a port, and a deadline for everything."""

from __future__ import annotations

import abc
import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

POLL = 0.05
"""Seconds between two looks at a client that offers nothing to wait on."""


class Missing(Exception):
    """The client is not installed on this machine."""


class RealPeer(abc.ABC):
    """One client in its own process. `work` is a folder for its settings; data goes where `add` says."""

    name: str
    makes_empty_files = True

    def __init__(self, work: Path, upload_limit: int | None = None, host: str = "127.0.0.1") -> None:
        self.work = work
        self.host = host
        self.upload_limit = upload_limit
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None
        work.mkdir(parents=True, exist_ok=True)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens for peers."""
        return (self.host, self.port)

    @abc.abstractmethod
    def add(self, torrent: Path, parent: Path) -> None:
        """Starts on a torrent whose files are, or are to be, in `parent`. What is there already is checked."""

    @abc.abstractmethod
    def progress(self) -> tuple[int, int, int]:
        """Bytes that it has, bytes in all, bytes that it uploaded."""

    def wait_complete(self, within: float = 40) -> None:
        """Until it has everything (and has checked it)."""

        def complete() -> bool:
            have, total, _ = self.progress()
            return total > 0 and have >= total

        wait_for(complete, within, lambda: f"{self.name} has {self.progress()}")

    def wait_begun(self) -> None:
        """Until it has the first bytes of a torrent (within a minute)."""
        wait_for(lambda: self.progress()[0] > 0, 60, lambda: f"{self.name} gets nothing")

    def cpu_seconds(self) -> float:
        """User and system time of its process until now (Linux)."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_memory(self) -> int:
        """The most bytes of memory that its process had until now (Linux)."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def close(self) -> None:
        """Ends its process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
            self.process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def program(name: str) -> str:
    """The path of a program.

    Raises:
        Missing: It is not installed.
    """
    found = shutil.which(name)
    if found is None:
        raise Missing(name)
    return found


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def announced(torrent: bytes, url: str) -> bytes:
    """A torrent that names no tracker, naming one: as the first key, which "announce" is in order."""
    return b"d8:announce%d:%b" % (len(url), url.encode()) + torrent[1:]


def wait_for(condition: Callable[[], bool], within: float, what: Callable[[], str], poll: float = POLL) -> None:
    """Looks until the condition holds.

    Raises:
        TimeoutError: It did not in time.
    """
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what())
        time.sleep(poll)
