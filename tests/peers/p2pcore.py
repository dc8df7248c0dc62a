"""p2pcore in a process of its own, for benches: the tests use it in theirs."""

from __future__ import annotations

from peers.piped import Piped


class P2PCore(Piped):
    """v1, v2 and hybrid torrents, with the settings that everybody gets; `settings` are others of `SessionConfig`."""

    name = "p2pcore"
    script = "serve_p2pcore.py"

    def wait_begun(self) -> None:
        """Not at all: it dials at once, and its status is published too seldom to start a clock by.

        A seventh of 1 GiB had arrived when the status told of the first byte.
        """
