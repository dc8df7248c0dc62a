"""How late an asyncio loop wakes while a session in it fetches 1 GiB and holds 1,000 torrents.

Beside it, the same ticker in a loop that holds nothing, while the same transfer runs in two other processes: what is
late there is the machine's doing.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from data import GIB, KIB, MIB, share
from peers import RealPeer
from rivals import P2PCORE, start

import p2pcore

TICK = 0.001
Work = Callable[[], Awaitable[object]]


@pytest.fixture(scope="module")
def meta(scratch: Path, tiny: bool) -> p2pcore.Metainfo:
    return share(scratch, MIB if tiny else GIB)


@pytest.fixture(scope="module")
def many(scratch: Path, tiny: bool) -> list[p2pcore.Metainfo]:
    (scratch / "many").mkdir()
    made = []
    for number in range(10 if tiny else 1_000):
        path = scratch / "many" / str(number)
        path.write_bytes(os.urandom(9 * KIB))
        made.append(p2pcore.create(path, format="v1", piece_length=16 * KIB, threads=1))
    return made


async def delays_during(work: Work) -> list[float]:
    """Milliseconds by which each tick was late, in order of size, until the work is done."""
    late: list[float] = []
    task = asyncio.ensure_future(work())
    while not task.done():
        before = time.perf_counter()
        await asyncio.sleep(TICK)
        late.append((time.perf_counter() - before - TICK) * 1e3)
    await task
    return sorted(late)


async def in_this_loop(stack: AsyncExitStack, scratch: Path, into: Path, many: list[p2pcore.Metainfo]) -> Work:
    config = p2pcore.SessionConfig(listen="127.0.0.1:0", state_dir=None)
    session = await stack.enter_async_context(p2pcore.Session(config))
    await asyncio.gather(*(session.seed(meta, scratch / "many" / meta.name) for meta in many))
    seed = seeding(stack, scratch)

    async def work() -> None:
        torrent = await session.fetch(p2pcore.Metainfo.from_file(scratch / "data.torrent"), into)
        await torrent.add_peer(seed.address)
        await asyncio.wait_for(torrent.completed(), 600)

    return work


async def elsewhere(stack: AsyncExitStack, scratch: Path, into: Path, many: list[p2pcore.Metainfo]) -> Work:
    seed = seeding(stack, scratch)
    leech = stack.enter_context(start(P2PCORE, scratch / "work" / "leech"))

    def fetch() -> None:
        leech.add(scratch / "data.torrent", into)
        leech.connect(seed.address)
        leech.wait_complete(600)

    return lambda: asyncio.to_thread(fetch)


def seeding(stack: AsyncExitStack, scratch: Path) -> RealPeer:
    seed = stack.enter_context(start(P2PCORE, scratch / "work" / "seed"))
    seed.add(scratch / "data.torrent", scratch / "source")
    seed.wait_complete(600)
    return seed


@pytest.mark.benchmark(group="lateness of a 1 ms tick while 1 GiB is fetched, with 1,000 torrents in the session")
@pytest.mark.parametrize(
    ("who", "prepare"),
    [
        pytest.param("p2pcore in the loop", in_this_loop, id="p2pcore"),
        pytest.param("an empty loop beside the transfer", elsewhere, id="empty"),
    ],
)
def test_loop(
    benchmark, scratch: Path, meta: p2pcore.Metainfo, many: list[p2pcore.Metainfo], who: str, prepare, run: int
) -> None:
    into = scratch / "into"
    into.mkdir()
    stack = AsyncExitStack()
    with asyncio.Runner() as runner:
        work = runner.run(prepare(stack, scratch, into, many))
        try:
            late = benchmark.pedantic(lambda: runner.run(delays_during(work)), rounds=1)
        finally:
            runner.run(stack.aclose())
    shutil.rmtree(into)
    shutil.rmtree(scratch / "work")
    benchmark.extra_info |= {
        "who": who,
        "bytes": meta.total_size,
        "p50 ms": late[len(late) // 2],
        "p99 ms": late[len(late) * 99 // 100],
        "max ms": late[-1],
    }
