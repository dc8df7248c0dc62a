"""`bench`: how fast this machine hashes, cuts and transfers, in under a minute."""

from __future__ import annotations

import asyncio
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table

from p2pcore import _p2pcore
from p2pcore._chunking import chunk
from p2pcore._config import SessionConfig
from p2pcore._content import create
from p2pcore._hashing import hash_pieces, merkle_root
from p2pcore._session import Session
from p2pcore.cli._group import Failure, Size, echo_json, json_option

_GIB = 1 << 30
_PIECE = 1 << 20
_ROUNDS = 3  # the best counts: the first touches new memory


@click.command()
@click.option("--size", type=Size(), default="256M", show_default=True, help="Bytes that each measure works on.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the data is put; default: memory, where there is a file system in it.",
)
@json_option
def bench(size: int, folder: Path | None, as_json: bool) -> None:
    """Measure hashing, chunking and a transfer over loopback on this machine."""
    if _p2pcore.DEBUG_BUILD:
        raise Failure("this is a debug build, and its times say nothing: install a release build")
    if size < _PIECE:
        raise Failure(f"--size is {size}: it must be at least 1M")
    memory = Path("/dev/shm")
    place = folder or (memory if os.access(memory, os.W_OK) else None)
    results: list[tuple[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="p2pcore-bench-", dir=place) as work:
        for name, measure in _measures(Path(work), size):
            if not as_json:
                click.echo(f"{name} ...", err=True)
            results.append((name, size / _GIB / min(measure() for _ in range(_ROUNDS))))
    if as_json:
        rates = [{"name": name, "gib_per_second": rate} for name, rate in results]
        echo_json({"machine": platform.platform(), "cores": os.cpu_count(), "bytes": size, "results": rates})
    else:
        _show(results)


def _measures(work: Path, size: int) -> Iterator[tuple[str, Callable[[], float]]]:
    """What is measured: a name, and what takes the seconds of one round."""
    path = work / "data"
    data = os.urandom(size)
    path.write_bytes(data)
    yield "SHA-1 of 1 MiB pieces, one core", lambda: _time(lambda: hash_pieces(data, _PIECE, threads=1))
    yield "SHA-256 of leaves and tree, one core", lambda: _time(lambda: merkle_root(data, threads=1))
    yield "chunks with BLAKE3, one core", lambda: _time(lambda: chunk(data))
    yield "create hybrid, all cores", lambda: _time(lambda: create(path, piece_length=_PIECE))
    meta = create(path, format="v1", piece_length=_PIECE)

    async def transfer() -> float:
        async with Session(_alone()) as seeder, Session(_alone()) as leech:
            await seeder.seed(meta, path)
            with tempfile.TemporaryDirectory(dir=work) as into:
                began = time.perf_counter()
                torrent = await leech.fetch(meta, into, peers=seeder.listen_addresses)
                await torrent.completed()
                return time.perf_counter() - began

    yield "transfer over loopback, v1", lambda: asyncio.run(transfer())


def _alone() -> SessionConfig:
    return SessionConfig(listen="127.0.0.1:0", state_dir=None)


def _time(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _show(results: list[tuple[str, float]]) -> None:
    """A bar for each, as long as it is fast."""
    fastest = max(rate for _, rate in results)
    table = Table.grid(padding=(0, 1))
    for name, rate in results:
        table.add_row(name, ProgressBar(total=fastest, completed=rate, width=30), f"{rate:6.2f} GiB/s")
    Console().print(table)
