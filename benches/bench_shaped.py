"""One seed and a crowd of leeches that know each other, each behind an uplink of 80 Mbit/s: the last completion.

Beside it stand the least that it can take (the seed sends each byte once), and what the simulator says of p2pcore.
"""

from __future__ import annotations

import shutil
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from data import MIB, write_file
from network import Network
from peers import Piped
from rivals import LIBTORRENT, P2PCORE, Rival, start

import p2pcore
from p2pcore import sim

RATE = 10_000_000
"""Bytes a second that each host may send, with the headers of Ethernet, IP and TCP."""
PIECE = 256 << 10
HEADERS = 1514 / 1448
"""What is sent for a byte of payload in full segments."""
DELAY = 0.0002
TOLD = 0.5
"""Seconds until a status says what was sent last."""

GROUP = "uplinks of 80 Mbit/s"
SWARMS = [pytest.param(8, 8), pytest.param(8, 64), pytest.param(16, 64), pytest.param(8, 256)]


@pytest.fixture(scope="module")
def torrents(scratch: Path, tiny: bool) -> dict[int, Path]:
    """For each size in MiB, a folder with `source/data` and `data.torrent`."""
    made = {}
    for size in (8, 64, 256):
        folder = made[size] = scratch / str(size)
        (folder / "source").mkdir(parents=True)
        write_file(folder / "source" / "data", size * MIB // (16 if tiny else 1))
        meta = p2pcore.create(folder / "source" / "data", format="v1", piece_length=PIECE)
        meta.save(folder / "data.torrent")
    return made


def crowd(
    benchmark, network: Network, seed: Rival, leeches: list[Rival], torrent: Path
) -> tuple[list[float], float, int]:
    """Seconds until each leech was done, copies that the seed sent, and the bytes of one."""
    size = (torrent / "source" / "data").stat().st_size
    with ExitStack() as stack:
        peers: list[Piped] = []
        for number, rival in enumerate([seed, *leeches]):
            with network.inside(number) as host:
                peers.append(stack.enter_context(start(rival, torrent / "work" / str(number), host=host)))
        peers[0].add(torrent / "data.torrent", torrent / "source")
        peers[0].wait_complete(600)
        for number, leech in enumerate(peers[1:]):
            leech.add(torrent / "data.torrent", torrent / "work" / f"into-{number}")

        def fetch(number: int) -> float:
            begun = time.perf_counter()
            for other in peers[:number]:
                peers[number].connect(other.address)
            peers[number].wait_complete(600)
            return time.perf_counter() - begun

        with ThreadPoolExecutor(len(leeches)) as pool:
            took = benchmark.pedantic(lambda: list(pool.map(fetch, range(1, len(peers)))), rounds=1)
        time.sleep(TOLD)
        copies = peers[0].progress()[2] / size
    shutil.rmtree(torrent / "work")
    return took, copies, size


def simulated(leeches: int, size: int) -> float:
    """Seconds that the simulator takes for such a swarm of p2pcore, with headers; the median of five seeds."""
    host = {"up": RATE, "down": None}
    groups = [sim.Group(name="origin", complete=True, **host), sim.Group(name="peer", count=leeches, **host)]
    network = sim.Network(delay=DELAY)
    scenario = sim.Scenario(
        pieces=size // PIECE, piece_length=PIECE, groups=groups, network=network, degree=2 * leeches
    )
    return HEADERS * statistics.median(sim.run(scenario, seed=seed).last for seed in range(1, 6))


@pytest.mark.parametrize(("leeches", "mib"), SWARMS)
@pytest.mark.parametrize("rival", [P2PCORE, LIBTORRENT], ids=["p2pcore", "libtorrent"])
def test_crowd(
    benchmark, torrents: dict[int, Path], tiny: bool, rival: Rival, leeches: int, mib: int, run: int
) -> None:
    benchmark.group = f"{GROUP}, {leeches} leeches, {mib} MiB: the last completion"
    count = 2 if tiny else leeches
    with Network(count + 1, RATE) as network:
        took, copies, size = crowd(benchmark, network, rival, [rival] * count, torrents[mib])
    benchmark.extra_info |= {
        "who": rival.who,
        "bytes": count * size,
        "last / bound": max(took) * RATE / size,
        "mean / bound": statistics.mean(took) * RATE / size,
        "worst: last / bound": max(took) * RATE / size,
        "copies from the seed": copies,
    }
    if rival is P2PCORE:
        benchmark.extra_info["simulated / bound"] = simulated(count, size) * RATE / size


@pytest.mark.benchmark(group=f"{GROUP}, two sites of 8, a link of one uplink, 64 MiB: the last completion")
@pytest.mark.parametrize("rival", [P2PCORE, LIBTORRENT], ids=["p2pcore", "libtorrent"])
def test_two_sites(benchmark, torrents: dict[int, Path], tiny: bool, rival: Rival, run: int) -> None:
    """The seed is at one of the sites."""
    each = 3 if tiny else 8
    with Network(1 + 2 * each, RATE, far=each, link=RATE) as network:
        took, copies, size = crowd(benchmark, network, rival, [rival] * (2 * each), torrents[64])
        crossed = network.crossed() / size
    benchmark.extra_info |= {
        "who": rival.who,
        "bytes": 2 * each * size,
        "last / bound": max(took) * RATE / size,
        "far site's last / bound": max(took[each:]) * RATE / size,
        "copies from the seed": copies,
        "copies over the link, with all headers": crossed,
    }


@pytest.mark.benchmark(group=f"{GROUP}, 8 leeches of one kind or four of each, 64 MiB: the last completion")
@pytest.mark.parametrize("ours", [0, 4, 8])
def test_mixed(benchmark, torrents: dict[int, Path], tiny: bool, ours: int, run: int) -> None:
    """The seed is libtorrent's."""
    ours, others = (ours // 4, 2 - ours // 4) if tiny else (ours, 8 - ours)
    leeches = [P2PCORE] * ours + [LIBTORRENT] * others
    with Network(len(leeches) + 1, RATE) as network:
        took, copies, size = crowd(benchmark, network, LIBTORRENT, leeches, torrents[64])
    benchmark.extra_info |= {
        "who": f"p2pcore {ours}, libtorrent {others}",
        "bytes": len(leeches) * size,
        "p2pcore's last / bound": max(took[:ours], default=0) * RATE / size,
        "libtorrent's last / bound": max(took[ours:], default=0) * RATE / size,
        "copies from the seed": copies,
    }
