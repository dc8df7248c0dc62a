"""A tracker of one swarm over HTTP (BEP 3, answers as in BEP 23), for clients that take their peers from nowhere else.

It forgets nobody and checks nothing: who announces gets everybody who announced before.
"""

from __future__ import annotations

import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

INTERVAL = 1800
"""Seconds until the next announce; no transfer takes as long."""


class Tracker:
    """Listens at one address, in a thread of its own. Its peers are told to be at `host`, whatever they say.

    If that is None: each where it announces from.
    """

    def __init__(self, host: str | None, listen: str = "127.0.0.1") -> None:
        self._host = host
        self._peers: list[bytes] = []
        self._announced = threading.Condition()
        tracker = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = urlsplit(self.path)
                if asked.path != "/announce":  # transmission scrapes, too
                    return self.send_error(404)
                answer = tracker.answer(self.client_address[0], asked.query)
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
                return None

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((listen, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://{listen}:{self._server.server_address[1]}/announce"

    def answer(self, host: str, query: str) -> bytes:
        """To an announce: the others, in six bytes each."""
        peer = socket.inet_aton(self._host or host) + struct.pack(">H", int(parse_qs(query)["port"][0]))
        with self._announced:
            others = b"".join(other for other in self._peers if other != peer)
            if peer not in self._peers:
                self._peers.append(peer)
            self._announced.notify_all()
        return b"d8:completei1e10:incompletei1e8:intervali%de5:peers%d:%se" % (INTERVAL, len(others), others)

    def wait_for(self, port: int, within: float = 30) -> None:
        """Until the peer that listens there has announced itself.

        Raises:
            TimeoutError: It did not in time.
        """
        ending = struct.pack(">H", port)
        with self._announced:
            if not self._announced.wait_for(lambda: any(peer.endswith(ending) for peer in self._peers), within):
                raise TimeoutError(f"the peer on port {port} did not announce itself")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
