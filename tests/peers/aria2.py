"""aria2 (1.36 in Debian 12), steered over its JSON-RPC. It takes peers only from trackers: name one, or let the
other side dial.
"""

from __future__ import annotations

import base64
import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from peers.base import RealPeer, free_port, program, wait_for


class Aria2(RealPeer):
    """v1 torrents: 1.36 takes another info hash for a hybrid than the one over its bytes."""

    name = "aria2"

    def __init__(
        self,
        work: Path,
        upload_limit: int | None = None,
        tracker: str | None = None,
        host: str = "127.0.0.1",
        cache_mib: int = 0,
    ) -> None:
        super().__init__(work, upload_limit, host)  # it listens at every address
        self._tracker = tracker
        self._rpc_port = free_port()
        self._gid = ""
        command = [
            program("aria2c"),
            "--no-conf",
            "--enable-rpc",
            f"--rpc-listen-port={self._rpc_port}",
            f"--listen-port={self.port}",
            f"--max-upload-limit={upload_limit or 0}",
            "--enable-dht=false",
            "--enable-dht6=false",
            "--enable-peer-exchange=false",
            "--bt-enable-lpd=false",
            "--check-integrity=true",
            "--allow-overwrite=true",
            "--file-allocation=none",
            f"--disk-cache={cache_mib}M",
            "--seed-ratio=0",
            "--quiet",
        ]
        with (work / "aria2.log").open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, text=True)
        wait_for(self._answers, 20, lambda: "aria2 does not answer")

    def add(self, torrent: Path, parent: Path) -> None:
        encoded = base64.b64encode(torrent.read_bytes()).decode()
        options = {"dir": str(parent)} | ({"bt-tracker": self._tracker} if self._tracker else {})
        self._gid = self._call("addTorrent", encoded, [], options)

    def progress(self) -> tuple[int, int, int]:
        keys = ["completedLength", "totalLength", "uploadLength", "status"]
        status = self._call("tellStatus", self._gid, keys)
        if status["status"] == "error" or "verifiedLength" in status:
            return (0, 1, 0)
        return (int(status["completedLength"]), int(status["totalLength"]), int(status["uploadLength"]))

    @property
    def info_hash(self) -> str:
        """What it takes the torrent's info hash (v1) to be, in hex."""
        return self._call("tellStatus", self._gid, ["infoHash"])["infoHash"]

    def _answers(self) -> bool:
        try:
            return bool(self._call("getVersion"))
        except (urllib.error.URLError, ConnectionError):
            return False

    def _call(self, method: str, *params: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": f"aria2.{method}", "params": params}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self._rpc_port}/jsonrpc", body, timeout=10) as answer:
            return json.load(answer)["result"]
