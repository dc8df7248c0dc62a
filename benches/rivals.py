"""Who is measured, and how a seed and a leech of one kind find each other: told directly, or by a tracker."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from peers import Aria2, LibTorrent, Missing, P2PCore, Piped, RealPeer, RQBit, RTorrent, Transmission
from tracker import Tracker


class Rival(NamedTuple):
    """A client with its settings; floors are none."""

    who: str
    client: type[RealPeer]
    options: Mapping[str, Any] = MappingProxyType({})


P2PCORE = Rival("p2pcore", P2PCore)
LIBTORRENT = Rival("libtorrent", LibTorrent)
TUNED = Rival("libtorrent tuned", LibTorrent, {"tuned": True})
ARIA2 = Rival("aria2", Aria2, {"cache_mib": 16})  # as it is by default; so is the next
TRANSMISSION = Rival("transmission", Transmission, {"cache_mib": 4})
RTORRENT = Rival("rtorrent", RTorrent)
RQBIT = Rival("rqbit", RQBit)
FLOOR = Rival("floor: read + write to recv + SHA-1 + write", RealPeer, {"sending": "write"})
SENDFILE = Rival("floor: sendfile to recv + SHA-1 + write", RealPeer, {"sending": "sendfile"})
"""By sendfile the seed saves a copy, and the leech pays for it, because nobody has read the data into the cache: the
first is the floor of a leech, and the second that of a seed.
"""


def parameters(*rivals: Rival, tiny: bool = True) -> list[Any]:
    """For `pytest.mark.parametrize`; without `tiny`, those that take seconds to begin are left out of --tiny.

    aria2 dials after 3 s. Transmission unchokes after 10 s, asks for 8 MiB in a second and no more, and is run once.
    """
    marks = {ARIA2.who: [] if tiny else [pytest.mark.late], TRANSMISSION.who: [pytest.mark.late, pytest.mark.once]}
    return [pytest.param(rival, id=rival.who.partition(" to ")[0], marks=marks.get(rival.who, [])) for rival in rivals]


def start(rival: Rival, work: Path, **options: Any) -> RealPeer:
    """Skips the test where the client is not installed: the report names it as absent."""
    try:
        return rival.client(work, **rival.options, **options)
    except Missing as missing:
        pytest.skip(f"{missing} is not installed")


@contextmanager
def seed_and_leech(rival: Rival, work: Path, torrent: Path, source: Path) -> Iterator[tuple[RealPeer, RealPeer]]:
    """Two processes; the seed has everything, and `begin` sets the leech on it."""
    with ExitStack() as stack:
        options = {}
        if not issubclass(rival.client, Piped):
            host = {"host": own_address()} if rival is TRANSMISSION else {}
            tracker = stack.enter_context(Tracker(host.get("host", "127.0.0.1")))
            options = {"tracker": tracker.url, **host}
        seed = stack.enter_context(start(rival, work / "seed", **options))
        leech = stack.enter_context(start(rival, work / "leech", **options))
        seed.add(torrent, source)
        seed.wait_complete(600)
        if options:
            tracker.wait_for(seed.port)
        yield seed, leech


def begin(seed: RealPeer, leech: RealPeer, torrent: Path, into: Path) -> None:
    """Until the first byte: a second or more can pass until clients dial and unchoke, and that is not measured."""
    leech.add(torrent, into)
    if isinstance(leech, Piped):
        leech.connect(seed.address)
    leech.wait_begun()


def own_address() -> str:
    """Of this machine, and not on the loopback: transmission takes no other. What is sent there stays inside."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))  # chooses an address, and sends nothing
            found = probe.getsockname()[0]
        except OSError:
            found = "127.0.0.1"
    if found.startswith("127."):
        pytest.skip("transmission takes no peers on the loopback, and this machine has no other address")
    return found
