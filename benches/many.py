"""The process behind `bench_many`: a session of many small torrents, and what it costs.

    python benches/many.py CLIENT FOLDER COUNT STATE IDLE

Prints a line of JSON: seconds until all were added, KiB of memory for each (and with its metainfo, which was read
before), percent of a core while nothing happens
for IDLE seconds, microseconds for the status of each.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

Status = Callable[[], object]


def costs(count: int, idle: float) -> Generator[None, list[Status], dict[str, float]]:
    """To be resumed once the torrents are read, once they are added (with ways to their status), and after idling."""
    empty = resident()
    yield
    read, began = resident(), time.perf_counter()
    statuses = yield
    added = time.perf_counter() - began
    held, began = resident(), time.process_time()
    yield
    used = time.process_time() - began
    began = time.perf_counter()
    for status in statuses:
        status()
    return {
        "seconds": added,
        "KiB each": (held - read) / count,
        "KiB each with its metainfo": (held - empty) / count,
        "idle % of a core": used / idle * 100,
        "status() microseconds": (time.perf_counter() - began) / count * 1e6,
    }


def told(steps: Generator[None, list[Status], dict[str, float]]) -> dict[str, float]:
    try:
        next(steps)
    except StopIteration as ended:
        return ended.value
    raise AssertionError("there is one step more")


def resident() -> int:
    """KiB of this process in memory (Linux)."""
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0])


async def p2pcore(folder: Path, count: int, idle: float, state: Path) -> dict[str, float]:
    import p2pcore

    async with p2pcore.Session(p2pcore.SessionConfig(listen="127.0.0.1:0", state_dir=state)) as session:
        steps = costs(count, idle)
        next(steps)
        metas = [p2pcore.Metainfo.from_file(folder / f"{number}.torrent") for number in range(count)]
        next(steps)
        torrents = await asyncio.gather(*(session.seed(meta, folder / meta.name) for meta in metas))
        steps.send([torrent.status for torrent in torrents])
        await asyncio.sleep(idle)
        return told(steps)


def libtorrent(folder: Path, count: int, idle: float) -> dict[str, float]:
    """In seed mode, which takes for granted what resume data would say."""
    import libtorrent as lt
    from peers.serve_libtorrent import CLOSED

    session = lt.session({**CLOSED, "listen_interfaces": "127.0.0.1:0"})
    steps = costs(count, idle)
    next(steps)
    read = []
    for number in range(count):
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(str(folder / f"{number}.torrent"))
        params.save_path = str(folder)
        params.flags |= lt.torrent_flags.seed_mode
        params.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
        read.append(params)
    next(steps)
    handles = [session.add_torrent(params) for params in read]
    steps.send([handle.status for handle in handles])
    time.sleep(idle)
    return told(steps)


if __name__ == "__main__":
    who, folder, count, state, idle = sys.argv[1:]
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    found = (
        asyncio.run(p2pcore(Path(folder), int(count), float(idle), Path(state)))
        if who == "p2pcore"
        else libtorrent(Path(folder), int(count), float(idle))
    )
    print(json.dumps(found))
