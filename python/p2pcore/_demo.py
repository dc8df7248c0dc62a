"""`make demo`: this Python's own standard library goes from one process to two others, which serve each other.

Owns the story and nothing of a transfer: each part is a process of its own (`python -m p2pcore._demo seed|fetch ...`)
that uses the public face, prints one JSON object a line, and reads what it is told on its standard input. The parent
shows progress, compares every file's SHA-256 at the end, and exits with 0 only if all are equal.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import sys
import sysconfig
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn
from rich.table import Table

import p2pcore

_LEFT_OUT = ("site-packages", "dist-packages", "__pycache__")  # what was installed beside the library, and its caches
_NAMES = ("Ada", "Bob")
_EVERY = 0.1  # seconds between two looks at a transfer
_SEED_LIMIT = 32_000_000  # bytes per second
_TIMEOUT = 300.0  # seconds for the transfer: far more than any disk needs
_PLAIN_EVERY = 1.0  # seconds between two lines where there is no terminal


def main() -> None:
    """Runs the demo, or one of its processes."""
    parser = argparse.ArgumentParser(prog="python -m p2pcore._demo", description=__doc__)
    parser.add_argument("part", nargs="?", default="all", choices=("all", "seed", "fetch"))
    parser.add_argument("torrent", nargs="?", type=Path)
    parser.add_argument("path", nargs="?", type=Path)
    parser.add_argument("--folder", type=Path, help="share this folder instead of the standard library")
    options = parser.parse_args()
    try:
        if options.part == "all":
            sys.exit(0 if asyncio.run(_demo(options.folder or Path(sysconfig.get_path("stdlib")))) else 1)
        asyncio.run(_process(options.part, options.torrent, options.path))
    except KeyboardInterrupt:
        sys.exit(130)


# One process of the swarm.


async def _process(part: str, torrent: Path, path: Path) -> None:
    """Seeds or fetches until its standard input ends."""
    meta = p2pcore.Metainfo.from_file(torrent)
    config = p2pcore.SessionConfig(listen="127.0.0.1:0", state_dir=None)
    async with p2pcore.Session(config) as session:
        if part == "seed":
            # Slow enough to be watched, and so that the leeches get the other half from each other.
            transfer = await session.seed(meta, path, upload_limit=_SEED_LIMIT)
        else:
            transfer = await session.fetch(meta, path)
        _say(port=session.port)
        async for line in _lines():
            told = json.loads(line)
            if "peers" in told:
                await _fetch(transfer, told["peers"])
            else:
                _say(**await _sums(transfer))


async def _fetch(transfer: p2pcore.Torrent, peers: list[int]) -> None:
    began = time.perf_counter()
    for port in peers:
        await transfer.add_peer(("127.0.0.1", port))
    async for status in transfer.progress(_EVERY):
        _say(done=status.done, wanted=status.wanted, rate=status.download_rate, peers=status.peers)
    await transfer.completed()
    _say(seconds=time.perf_counter() - began)


async def _sums(transfer: p2pcore.Torrent) -> dict[str, int]:
    """What was received and sent in all, once the counters stand still."""
    before, status = None, transfer.status()
    while before != (status.downloaded, status.uploaded):
        before = (status.downloaded, status.uploaded)
        await asyncio.sleep(0.5)
        status = transfer.status()
    return {"downloaded": status.downloaded, "uploaded": status.uploaded, "wasted": status.wasted}


async def _lines() -> AsyncIterator[str]:
    while line := await asyncio.to_thread(sys.stdin.readline):
        yield line


def _say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


# The parent.


@dataclasses.dataclass(slots=True, kw_only=True)
class _Child:
    """A process of the swarm, as the parent sees it."""

    name: str
    process: asyncio.subprocess.Process
    port: int = 0

    async def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with exit code {await self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def tell(self, **fields: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(fields).encode() + b"\n")
        await self.process.stdin.drain()


async def _demo(source: Path) -> bool:
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="p2pcore-demo-") as folder:
        work = Path(folder)
        shared = work / "library"
        count, size = _copy(source, shared)
        left_out = ", ".join(_LEFT_OUT)
        console.print(
            f"sharing {count:,} files, {decimal(size)}: a copy of {source} without {left_out}", soft_wrap=True
        )
        torrent = work / "library.torrent"
        meta = _create(shared, torrent, console)
        async with contextlib.AsyncExitStack() as stack:
            seed = await _start(stack, "seed", "seed", torrent, shared)
            leeches = [await _start(stack, name, "fetch", torrent, work / name) for name in _NAMES]
            ports = [child.port for child in (seed, *leeches)]
            with _Bars(console, [leech.name for leech in leeches]) as bars:
                seconds = await asyncio.wait_for(
                    asyncio.gather(
                        *(_follow(leech, [port for port in ports if port != leech.port], bars) for leech in leeches)
                    ),
                    _TIMEOUT,
                )
            sums = [await _ask(child) for child in (seed, *leeches)]
        _report(console, meta, sums, seconds)
        equal = [_equal(console, shared, work / name / meta.name, name) for name in _NAMES]
        return all(equal)


def _copy(source: Path, into: Path) -> tuple[int, int]:
    """Copies a folder: what is shared must not change meanwhile, and somebody may be installing something."""

    def left_out(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name in _LEFT_OUT or not os.access(Path(folder) / name, os.R_OK)]

    shutil.copytree(source, into, ignore=left_out)
    sizes = [path.stat().st_size for path in _files(into)]
    return len(sizes), sum(sizes)


def _create(shared: Path, torrent: Path, console: Console) -> p2pcore.Metainfo:
    began = time.perf_counter()
    meta = p2pcore.create(shared, format="hybrid")
    meta.save(torrent)
    took = time.perf_counter() - began
    console.print(
        f"created a {meta.format} torrent in {took:.2f} s ({decimal(round(meta.total_size / took))}/s): "
        f"{meta.piece_count:,} pieces of {decimal(meta.piece_length)}"
    )
    console.print(f"  v1 {meta.info_hash_v1}\n  v2 {meta.info_hash_v2}")
    return meta


async def _start(stack: contextlib.AsyncExitStack, name: str, *arguments: str | Path) -> _Child:
    command = [sys.executable, "-m", "p2pcore._demo", *map(str, arguments)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    stack.push_async_callback(_end, process)
    child = _Child(name=name, process=process)
    child.port = (await child.hear())["port"]
    return child


async def _end(process: asyncio.subprocess.Process) -> None:
    """Lets a process close its session; ends it where that takes too long."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), 10)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _follow(leech: _Child, peers: list[int], bars: _Bars) -> float:
    await leech.tell(peers=peers)
    while True:
        heard = await leech.hear()
        if "seconds" in heard:
            return float(heard["seconds"])
        bars.show(leech.name, **heard)


async def _ask(child: _Child) -> dict[str, int]:
    await child.tell(sums=True)
    return await child.hear()


def _report(console: Console, meta: p2pcore.Metainfo, sums: list[dict[str, int]], seconds: list[float]) -> None:
    """Who got how much from whom. With two leeches, what one sent is what the other got from it."""
    seed, *leeches = sums
    table = Table(title="bytes of payload, from whom")
    for column in ("peer", "seed", *_NAMES, "in", "rate"):
        table.add_column(column, justify="left" if column == "peer" else "right")
    for number, (name, own) in enumerate(zip(_NAMES, leeches, strict=True)):
        other = leeches[1 - number]["uploaded"]
        cells = [decimal(other) if column != number else "" for column in range(len(_NAMES))]
        rate = f"{decimal(round(meta.total_size / seconds[number]))}/s"
        table.add_row(name, decimal(max(own["downloaded"] - other, 0)), *cells, f"{seconds[number]:.2f} s", rate)
    console.print(table)
    total = meta.total_size * len(leeches)
    console.print(
        f"{decimal(total)} delivered in {max(seconds):.2f} s, {decimal(round(total / max(seconds)))}/s in all; "
        f"the seed, held to {decimal(_SEED_LIMIT)}/s, sent {seed['uploaded'] / meta.total_size:.2f} copies"
    )


def _equal(console: Console, shared: Path, fetched: Path, name: str) -> bool:
    expected, got = (
        {path.relative_to(root): path for path in _files(root)} if root.is_dir() else {} for root in (shared, fetched)
    )
    wrong = [path for path in expected if path not in got or _digest(expected[path]) != _digest(got[path])]
    wrong += [path for path in got if path not in expected]
    if wrong:
        console.print(f"{name}: {len(wrong)} files differ, {wrong[0]} among them", markup=False)
        return False
    console.print(f"{name}: the SHA-256 of all {len(expected):,} files is equal")
    return True


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _files(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file())


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


class _Bars:
    """A live bar for each leech on a terminal; a line now and then elsewhere."""

    def __init__(self, console: Console, names: list[str]) -> None:
        self._console = console
        self._next: dict[str, float] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {name: self._progress.add_task(name, total=None, note="") for name in names}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, name: str, done: int, wanted: int, rate: float, peers: int) -> None:
        note = f"{decimal(round(rate))}/s, {_counted(peers, 'peer')}" if done < wanted else "complete"
        self._progress.update(self._tasks[name], completed=done, total=wanted, note=note)
        if self._console.is_terminal:
            return
        now = time.monotonic()
        if done == wanted or now >= self._next.get(name, 0):
            self._next[name] = now + _PLAIN_EVERY
            self._console.print(f"{name}: {100 * done / max(wanted, 1):.0f} % of {decimal(wanted)}, {note}")


if __name__ == "__main__":
    main()
