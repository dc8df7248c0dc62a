"""One seed and a crowd of leeches that know each other, each behind an uplink of 80 Mbit/s: the last completion.

Beside it stand the least that it can take (the seed sends each byte once), and what the simulator says of p2pcore. Who
takes peers from a tracker only gets one, on a host of its own; its time is from the crowd's first bytes, without the
seconds until such clients announce, dial and unchoke.
"""

from __future__ import annotations

import functools
import shutil
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from data import MIB, write_file
from network import Network
from peers import Piped, RealPeer
from rivals import ARIA2, LIBTORRENT, P2PCORE, TRANSMISSION, Rival, start
from tracker import Tracker

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
COMPARED = (8, 64)
"""Leeches and MiB of the crowd that all clients form."""
CROWDS = [
    # Transmission unchokes after 10 s.
    pytest.param(
        rival, *swarm, id=f"{rival.who}-{swarm[0]}-{swarm[1]}", marks=pytest.mark.late if rival is TRANSMISSION else []
    )
    for swarm in [(8, 8), COMPARED, (16, 64), (8, 256)]
    for rival in [P2PCORE, LIBTORRENT, *([TRANSMISSION, ARIA2] if swarm == COMPARED else [])]
]


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


def gather(stack: ExitStack, network: Network, rivals: list[Rival], torrent: Path) -> list[RealPeer]:
    """The seed, which has everything, and the leeches, which know the torrent and maybe a tracker."""
    options = {}
    if not issubclass(rivals[0].client, Piped):
        with network.inside(len(rivals)) as host:
            tracker = stack.enter_context(Tracker(None, listen=host))
        options = {"tracker": tracker.url}
    peers: list[RealPeer] = []
    for number, rival in enumerate(rivals):
        with network.inside(number) as host:
            peers.append(stack.enter_context(start(rival, torrent / "work" / str(number), host=host, **options)))
    for number, peer in enumerate(peers):
        with network.inside(number):
            peer.add(torrent / "data.torrent", torrent / ("source" if peer is peers[0] else f"work/into-{number}"))
            if peer is peers[0]:
                peer.wait_complete(600)
                if options:
                    tracker.wait_for(peer.port)
    return peers


def crowd(
    benchmark, network: Network, seed: Rival, leeches: list[Rival], torrent: Path
) -> tuple[list[float], float, int]:
    """Seconds until each leech was done, copies that the seed sent, and the bytes of one."""
    size = (torrent / "source" / "data").stat().st_size
    with ExitStack() as stack:
        peers = gather(stack, network, [seed, *leeches], torrent)

        def fetch(number: int) -> tuple[float, float]:
            """When it began, and when it was done."""
            leech, begun = peers[number], time.perf_counter()
            with network.inside(number):
                if isinstance(leech, Piped):
                    for other in peers[:number]:
                        leech.connect(other.address)
                else:
                    leech.wait_begun()
                    begun = time.perf_counter()
                leech.wait_complete(600)
                return begun, time.perf_counter()

        with ThreadPoolExecutor(len(leeches)) as pool:
            times = benchmark.pedantic(lambda: list(pool.map(fetch, range(1, len(peers)))), rounds=1)
        time.sleep(TOLD)
        with network.inside(0):
            copies = peers[0].progress()[2] / size
    shutil.rmtree(torrent / "work")
    first = min(begun for begun, _ in times)
    took = [done - first for _, done in times]
    benchmark.stats.stats.data[:] = [max(took)]
    return took, copies, size


@functools.cache
def simulated(leeches: int, size: int) -> float:
    """Seconds that the simulator takes for such a swarm of p2pcore, with headers; the median of five seeds."""
    host = {"up": RATE, "down": None}
    groups = [sim.Group(name="origin", complete=True, **host), sim.Group(name="peer", count=leeches, **host)]
    network = sim.Network(delay=DELAY)
    scenario = sim.Scenario(
        pieces=size // PIECE,
        piece_length=PIECE,
        groups=groups,
        network=network,
        degree=2 * leeches,
        leaves_known=False,  # the torrent is v1
    )
    return HEADERS * statistics.median(sim.run(scenario, seed=seed).last for seed in range(1, 6))


@pytest.mark.parametrize(("rival", "leeches", "mib"), CROWDS)
def test_crowd(
    benchmark, torrents: dict[int, Path], tiny: bool, rival: Rival, leeches: int, mib: int, run: int
) -> None:
    benchmark.group = f"{GROUP}, {leeches} leeches, {mib} MiB: the last completion"
    count = 2 if tiny else leeches
    with Network(count + 2, RATE) as network:  # the last is a tracker's
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
@pytest.mark.parametrize(
    ("seed", "ours"),
    [(LIBTORRENT, 0), (LIBTORRENT, 4), (LIBTORRENT, 8), (P2PCORE, 0)],
    ids=["0", "4", "8", "p2pcore-seeds-0"],
)
def test_mixed(benchmark, torrents: dict[int, Path], tiny: bool, seed: Rival, ours: int, run: int) -> None:
    ours, others = (ours // 4, 2 - ours // 4) if tiny else (ours, 8 - ours)
    leeches = [P2PCORE] * ours + [LIBTORRENT] * others
    with Network(len(leeches) + 1, RATE) as network:
        took, copies, size = crowd(benchmark, network, seed, leeches, torrents[64])
    benchmark.extra_info |= {
        "who": f"p2pcore {ours}, libtorrent {others}, {seed.who} seeds",
        "bytes": len(leeches) * size,
        "p2pcore's last / bound": max(took[:ours], default=0) * RATE / size,
        "libtorrent's last / bound": max(took[ours:], default=0) * RATE / size,
        "copies from the seed": copies,
    }
