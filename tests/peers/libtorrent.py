"""libtorrent 2.1.1 in a process of its own, steered by lines on its standard input."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from peers.base import Missing, RealPeer

_SERVE = """
import json, sys, warnings
warnings.simplefilter("ignore")
import libtorrent as lt

port, limit = int(sys.argv[1]), int(sys.argv[2])
session = lt.session(dict(
    enable_dht=False, enable_lsd=False, enable_upnp=False, enable_natpmp=False, alert_mask=0,
    enable_incoming_utp=False, enable_outgoing_utp=False, in_enc_policy=2, out_enc_policy=2,
    allow_multiple_connections_per_ip=True, listen_interfaces=f"127.0.0.1:{port}", upload_rate_limit=limit,
    unchoke_slots_limit=20, max_metadata_size=100 << 20,
))
handle = None
for line in sys.stdin:
    command, *arguments = json.loads(line)
    answer = None
    if command == "add":
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(arguments[0])
        params.save_path = arguments[1]
        params.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
        handle = session.add_torrent(params)
    elif command == "connect":
        handle.connect_peer(tuple(arguments))
    elif command == "progress":
        status = handle.status()
        checking = "checking" in str(status.state)
        # Blocks count as wanted_done before their piece is checked and written: only a seed has everything.
        have = status.total_wanted if status.is_seeding else min(status.total_wanted_done, status.total_wanted - 1)
        answer = (0, 1, 0) if checking else (have, max(status.total_wanted, 1), status.total_payload_upload)
    print(json.dumps(answer), flush=True)
"""


class LibTorrent(RealPeer):
    """v1, v2 and hybrid torrents."""

    name = "libtorrent"

    def __init__(self, work: Path, upload_limit: int | None = None) -> None:
        super().__init__(work, upload_limit)
        if find_spec("libtorrent") is None:
            raise Missing("libtorrent")
        command = [sys.executable, "-c", _SERVE, str(self.port), str(upload_limit or 0)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def add(self, torrent: Path, parent: Path) -> None:
        self._call("add", str(torrent), str(parent))

    def connect(self, address: tuple[str, int]) -> None:
        """Dials a peer."""
        self._call("connect", *address)

    def progress(self) -> tuple[int, int, int]:
        have, total, uploaded = self._call("progress")
        return (have, total, uploaded)

    def _call(self, *command: object) -> list[int]:
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())
