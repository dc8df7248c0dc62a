"""libtorrent 2.1.1 in a process of its own."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from peers.base import Missing
from peers.piped import Piped


class LibTorrent(Piped):
    """v1, v2 and hybrid torrents. `tuned=True` takes the settings that move most over a fast link; `settings` are
    libtorrent's.
    """

    name = "libtorrent"
    script = "serve_libtorrent.py"

    def __init__(self, work: Path, upload_limit: int | None = None, **options: Any) -> None:
        if find_spec("libtorrent") is None:
            raise Missing("libtorrent")
        super().__init__(work, upload_limit, **options)

    def recheck(self) -> None:
        """Checks all data again, and waits for the end of it."""
        self.call("recheck")
