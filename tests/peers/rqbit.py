"""rqbit (9.1, `cargo install rqbit --no-default-features --features rust-tls`), steered over its HTTP API."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import p2pcore
from peers.base import RealPeer, announced, free_port, program, wait_for


class RQBit(RealPeer):
    """v1 torrents."""

    name = "rqbit"

    def __init__(self, work: Path, upload_limit: int | None = None, tracker: str | None = None) -> None:
        super().__init__(work, upload_limit)
        self._tracker = tracker
        self._api = f"127.0.0.1:{free_port()}"
        self._id = 0
        command = [
            program("rqbit"),
            f"--http-api-listen-addr={self._api}",
            f"--listen-port={self.port}",
            "--listen-ip=127.0.0.1",
            f"--announce-port={self.port}",
            "--disable-dht",
            "--disable-lsd",
            "--disable-upnp-port-forward",
            *([f"--ratelimit-upload={upload_limit}"] if upload_limit else []),
            "server",
            "start",
            "--disable-persistence",
            str(work),
        ]
        with (work / "rqbit.log").open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, text=True)
        wait_for(self._answers, 20, lambda: "rqbit does not answer")

    def add(self, torrent: Path, parent: Path) -> None:
        meta = p2pcore.Metainfo.from_file(torrent)
        # Many files are put into the folder that is named, and not into one of the torrent's name.
        folder = parent if meta.is_single_file else parent / meta.name
        options = urllib.parse.urlencode({"overwrite": "true", "output_folder": str(folder)})
        content = torrent.read_bytes()
        body = announced(content, self._tracker) if self._tracker else content
        self._id = self._call(f"torrents?{options}", body)["id"]

    def progress(self) -> tuple[int, int, int]:
        stats = self._call(f"torrents/{self._id}/stats/v1")
        if stats["state"] == "error":
            raise OSError(f"rqbit: {stats['error']}")
        if stats["state"] != "live":
            return (0, 1, 0)
        return (stats["progress_bytes"], stats["total_bytes"], stats["uploaded_bytes"])

    def _answers(self) -> bool:
        try:
            return bool(self._call(""))
        except (urllib.error.URLError, ConnectionError):
            return False

    def _call(self, path: str, body: bytes | None = None) -> Any:
        with urllib.request.urlopen(f"http://{self._api}/{path}", body, timeout=30) as answer:
            return json.load(answer)
