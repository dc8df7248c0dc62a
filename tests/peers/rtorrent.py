"""rtorrent (0.9.8 in Debian 12) without its screen, steered by XML-RPC over SCGI on a local socket. It takes its peers
from a tracker: name one, or let the other side dial.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import xmlrpc.client
from pathlib import Path
from typing import Any

from peers.base import RealPeer, announced, program, wait_for

SETTINGS = """
system.daemon.set = true
network.bind_address.set = 127.0.0.1
network.port_range.set = {port}-{port}
network.port_random.set = no
network.scgi.open_local = {socket}
session.path.set = {session}
protocol.encryption.set = none
protocol.pex.set = no
dht.mode.set = disable
trackers.use_udp.set = no
pieces.hash.on_completion.set = no
throttle.global_down.max_rate.set_kb = 0
throttle.global_up.max_rate.set_kb = {upload_kib}
"""
"""What it fetched it has hashed already; all else is as it is by default."""


NOWHERE = "http://127.0.0.1:9/announce"
"""For torrents without a tracker, which it refuses: nobody listens there."""


class RTorrent(RealPeer):
    """v1 torrents. It maps the files that it writes, and its memory is counted with them."""

    name = "rtorrent"

    def __init__(self, work: Path, upload_limit: int | None = None, tracker: str | None = None) -> None:
        super().__init__(work, upload_limit)
        found = program("rtorrent")
        self._tracker = tracker
        self._hash = ""
        # A socket's path has room for 108 bytes, which the folders of tests exceed.
        self._folder = tempfile.TemporaryDirectory(prefix="rtorrent-")
        self._socket = os.path.join(self._folder.name, "scgi")
        (work / "session").mkdir()
        settings = SETTINGS.format(
            port=self.port, socket=self._socket, session=work / "session", upload_kib=(upload_limit or 0) // 1024
        )
        (work / "rtorrent.rc").write_text(settings)
        command = [found, "-n", "-o", f"import={work / 'rtorrent.rc'}"]
        with (work / "rtorrent.log").open("w") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True)
        wait_for(self._answers, 20, lambda: "rtorrent does not answer")

    def add(self, torrent: Path, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        named = self.work / "named.torrent"  # a file, because a call may be no longer than 512 KiB
        named.write_bytes(announced(torrent.read_bytes(), self._tracker or NOWHERE))
        self._call("load.verbose", "", str(named))
        wait_for(lambda: bool(self._call("download_list", "")), 20, lambda: "rtorrent did not take the torrent")
        (self._hash,) = self._call("download_list", "")
        self._call("d.directory.set", self._hash, str(parent))
        self._call("d.start", self._hash)  # checks what is there first

    def recheck(self) -> None:
        """Checks all data again, and waits for the end of it."""
        self._call("d.check_hash", self._hash)
        wait_for(lambda: not self._call("d.hashing", self._hash), 600, lambda: f"rtorrent has {self.progress()}", 0.005)

    def progress(self) -> tuple[int, int, int]:
        names = ["d.hashing", "d.is_active", "d.completed_bytes", "d.size_bytes", "d.up.total"]
        hashing, active, have, total, uploaded = (self._call(name, self._hash) for name in names)
        return (0, 1, 0) if hashing or not active else (have, total, uploaded)

    def close(self) -> None:
        super().close()
        self._folder.cleanup()

    def _answers(self) -> bool:
        try:
            return bool(self._call("system.client_version"))
        except (ConnectionError, FileNotFoundError):
            return False

    def _call(self, method: str, *params: Any) -> Any:
        body = xmlrpc.client.dumps(params, method).encode()
        headers = f"CONTENT_LENGTH\0{len(body)}\0SCGI\x001\0".encode()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(self._socket)
            connection.sendall(b"%d:%b,%b" % (len(headers), headers, body))
            answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        (result,), _ = xmlrpc.client.loads(answer.partition(b"\r\n\r\n")[2])
        return result
