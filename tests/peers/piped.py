"""A peer that is a program of ours: it reads a JSON command a line, and answers each with a JSON line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from peers.base import RealPeer


class Piped(RealPeer):
    """Steers `serve_*.py`, which stands beside this file."""

    script: str

    def __init__(self, work: Path, upload_limit: int | None = None, host: str = "127.0.0.1", **options: Any) -> None:
        super().__init__(work, upload_limit, host)
        options |= {"host": host, "port": self.port, "upload_limit": upload_limit or 0, "work": str(work)}
        command = [sys.executable, "-P", str(Path(__file__).with_name(self.script)), json.dumps(options)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.process.stdout.readline()  # it listens

    def add(self, torrent: Path, parent: Path) -> None:
        self.call("add", str(torrent), str(parent))

    def connect(self, address: tuple[str, int]) -> None:
        """Dials a peer."""
        self.call("connect", *address)

    def progress(self) -> tuple[int, int, int]:
        have, total, uploaded = self.call("progress")
        return (have, total, uploaded)

    def wait_complete(self, within: float = 40) -> None:
        if not self.call("wait", within):
            raise TimeoutError(f"{self.name} has {self.progress()}")

    def wait_begun(self) -> None:
        """Until it got the first byte of a torrent (within a minute)."""
        if not self.call("wait begun", 60):
            raise TimeoutError(f"{self.name} gets nothing")

    def call(self, *command: object) -> Any:
        """One command, and its answer."""
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise OSError(f"{self.name} ended")
        return json.loads(answer)
