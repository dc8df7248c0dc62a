"""The process behind `LibTorrent`."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable

warnings.simplefilter("ignore")
import libtorrent as lt  # noqa: E402

CLOSED = {
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "in_enc_policy": 2,
    "out_enc_policy": 2,
    "alert_mask": 0,
    "allow_multiple_connections_per_ip": True,
    "max_metadata_size": 100 << 20,
}
TUNED = {
    "max_out_request_queue": 1500,
    "aio_threads": 2,
    "hashing_threads": 2,
    "send_buffer_watermark": 3 << 20,
    "send_buffer_low_watermark": 1 << 20,
    "max_queued_disk_bytes": 64 << 20,
}


def main(options: dict) -> None:
    settings = {**lt.high_performance_seed(), **TUNED} if options.get("tuned") else {}
    settings |= CLOSED
    listen = f"{options['host']}:{options['port']}"
    settings |= {"listen_interfaces": listen, "upload_rate_limit": options["upload_limit"]}
    if not options.get("tuned"):
        settings["unchoke_slots_limit"] = 20
    settings |= options.get("settings", {})
    session = lt.session(settings)
    print(flush=True)
    handle = None
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        answer: object = None
        if command == "add":
            params = lt.add_torrent_params()
            params.ti = lt.torrent_info(arguments[0])
            params.save_path = arguments[1]
            params.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
            handle = session.add_torrent(params)
        elif command == "connect":
            handle.connect_peer(tuple(arguments))
        elif command == "progress":
            answer = progress(handle)
        elif command == "wait begun":
            answer = wait(handle, lambda status: status.total_payload_download > 0, arguments[0])
        elif command == "wait":
            answer = wait(handle, lambda status: status.is_seeding, arguments[0])
        elif command == "recheck":
            handle.force_recheck()
            answer = wait(handle, lambda status: status.is_seeding, 600)
        print(json.dumps(answer), flush=True)


def wait(handle: lt.torrent_handle, condition: Callable[[lt.torrent_status], bool], within: float) -> bool:
    deadline = time.monotonic() + within
    while not condition(handle.status()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def progress(handle: lt.torrent_handle) -> tuple[int, int, int]:
    status = handle.status()
    if "checking" in str(status.state):
        return (0, 1, 0)
    # Blocks count as wanted_done before their piece is checked and written: only a seed has everything.
    have = status.total_wanted if status.is_seeding else min(status.total_wanted_done, status.total_wanted - 1)
    return (have, max(status.total_wanted, 1), status.total_payload_upload)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
