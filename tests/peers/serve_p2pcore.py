"""The process behind `P2PCore`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import p2pcore


async def main(options: dict) -> None:
    config = p2pcore.SessionConfig(
        listen=f"{options['host']}:{options['port']}",
        upload_limit=options["upload_limit"] or None,
        state_dir=Path(options["work"]) / "state",
        **{"local_discovery": False, **options.get("settings", {})},
    )
    async with p2pcore.Session(config) as session:
        print(flush=True)
        torrent = None
        while line := await asyncio.to_thread(sys.stdin.readline):
            command, *arguments = json.loads(line)
            answer: object = None
            if command == "add":
                meta, parent = p2pcore.Metainfo.from_file(arguments[0]), Path(arguments[1])
                data = parent / meta.name
                torrent = await (session.seed(meta, data) if data.exists() else session.fetch(meta, parent))
            elif command == "connect":
                await torrent.add_peer(tuple(arguments))
            elif command == "progress":
                status = torrent.status()
                answer = (status.done, status.wanted, status.uploaded)
            elif command == "wait":
                try:
                    await asyncio.wait_for(torrent.completed(), arguments[0])
                    answer = True
                except TimeoutError:
                    answer = False
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
