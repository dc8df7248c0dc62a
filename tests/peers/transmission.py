"""transmission-daemon (3.00 in Debian 12), steered over its RPC. It takes no peer whose address is on the loopback:
dial it, or let a tracker name an address of this machine, and have it listen there.
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

CHECKING = (1, 2)
"""A torrent's status while it waits to be checked, and while it is."""


class Transmission(RealPeer):
    """v1 torrents: 3.00 calls every hybrid corrupt, because it cannot read an empty dictionary key."""

    name = "transmission"
    makes_empty_files = False

    def __init__(
        self,
        work: Path,
        upload_limit: int | None = None,
        tracker: str | None = None,
        host: str = "127.0.0.1",
        cache_mib: int = 0,
    ) -> None:
        super().__init__(work, upload_limit, host)
        self._tracker = tracker
        self._rpc_port = free_port()
        self._session = ""
        settings = {
            "bind-address-ipv4": host,
            "dht-enabled": False,
            "encryption": 0,
            "lpd-enabled": False,
            "peer-port": self.port,
            "pex-enabled": False,
            "port-forwarding-enabled": False,
            "cache-size-mb": cache_mib,
            "preallocation": 0,
            "rename-partial-files": False,
            "rpc-bind-address": "127.0.0.1",
            "rpc-host-whitelist-enabled": False,
            "rpc-port": self._rpc_port,
            "speed-limit-up": (upload_limit or 0) // 1000,
            "speed-limit-up-enabled": upload_limit is not None,
            "utp-enabled": False,
        }
        (work / "settings.json").write_text(json.dumps(settings))
        command = [program("transmission-daemon"), "--foreground", "--config-dir", str(work)]
        with (work / "transmission.log").open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, text=True)
        wait_for(self._answers, 20, lambda: "transmission does not answer")

    def add(self, torrent: Path, parent: Path) -> None:
        encoded = base64.b64encode(torrent.read_bytes()).decode()
        parent.mkdir(parents=True, exist_ok=True)
        added = {"metainfo": encoded, "download-dir": str(parent), "paused": self._tracker is not None}
        self._call("torrent-add", added)
        if self._tracker:
            self._call("torrent-set", {"trackerAdd": [self._tracker]})
            self._call("torrent-start", {})

    def recheck(self) -> None:
        """Checks all data again, and waits for the end of it."""
        self._call("torrent-verify", {})
        wait_for(lambda: self._status() not in CHECKING, 600, lambda: f"transmission has {self.progress()}", poll=0.005)

    def progress(self) -> tuple[int, int, int]:
        fields = ["status", "leftUntilDone", "sizeWhenDone", "uploadedEver"]
        torrents = self._call("torrent-get", {"fields": fields})["torrents"]
        if not torrents or torrents[0]["status"] in CHECKING:
            return (0, 1, 0)
        status = torrents[0]
        total = status["sizeWhenDone"]
        return (total - status["leftUntilDone"], total, status["uploadedEver"])

    def _status(self) -> int:
        return self._call("torrent-get", {"fields": ["status"]})["torrents"][0]["status"]

    def _answers(self) -> bool:
        try:
            return bool(self._call("session-get", {}))
        except (urllib.error.URLError, ConnectionError):
            return False

    def _call(self, method: str, arguments: dict[str, Any]) -> Any:
        body = json.dumps({"method": method, "arguments": arguments}).encode()
        url = f"http://127.0.0.1:{self._rpc_port}/transmission/rpc"
        request = urllib.request.Request(url, body, {"X-Transmission-Session-Id": self._session})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                answered = json.load(answer)
                if answered["result"] != "success":
                    raise OSError(f"transmission: {method}: {answered['result']}")
                return answered["arguments"]
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 409:  # the session id is told with the refusal
                    raise
                self._session = error.headers["X-Transmission-Session-Id"]
        return self._call(method, arguments)
