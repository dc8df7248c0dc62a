"""What a user writes, for mypy --strict to read; it is never run."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import p2pcore
from p2pcore import sim, sync


async def asynchronous(folder: Path) -> None:
    meta = p2pcore.create(folder, format="v2", progress=print)
    assert_type(meta, p2pcore.Metainfo)
    assert_type(meta.info_hash_v1, str | None)
    assert_type(meta.magnet, p2pcore.Magnet)
    assert_type(meta.files, tuple[p2pcore.File, ...])
    report = p2pcore.verify(meta, {"a": folder})
    assert_type(report.pieces, NDArray[np.bool_])
    async with p2pcore.Session(p2pcore.SessionConfig(listen=["127.0.0.1:0", ("::1", 0)])) as session:
        torrent = await session.fetch(meta, folder, files=["a", 1], peers=[("127.0.0.1", 1), "host:2"])
        assert_type(torrent, p2pcore.Torrent)
        async for event in torrent.events():
            match event:
                case p2pcore.PieceVerified(piece=piece):
                    assert_type(piece, int)
                case p2pcore.Failed(error=error):
                    assert_type(error, p2pcore.P2PError)
        async for status in torrent.progress(every=0.1):
            assert_type(status, p2pcore.Status)
            assert_type(status.eta, float | None)
        assert_type(torrent.availability, NDArray[np.uint16])
        assert_type(torrent.piece_priorities, NDArray[np.uint8])
        await torrent.set_piece_priorities(np.ones(meta.piece_count, dtype=np.uint8))
        await torrent.set_piece_deadline(0, seconds=1.5)
        assert_type(await torrent.completed(), None)
        assert_type(torrent.peers(), tuple[p2pcore.PeerStatus, ...])
        for peer in torrent.explain().peers:
            assert_type(peer.served or peer.choked, str | None)
            assert_type(peer.path.round_trip, float | None)
            assert_type(peer.trust.on_parole, bool)
        assert_type(await session.ledger(), tuple[p2pcore.LedgerEntry, ...])


def simulated(path: Path) -> None:
    office = sim.Group(name="office", complete=True, leaves=sim.AfterSending(sent=1 << 30))
    homes = sim.Group(name="home", count=50, conduct="free-rider", joins=sim.Poisson(per_second=2.5), up=None)
    planned = sim.Scenario(pieces=256, groups=[office, homes], scheduler=sim.Scheduler(unchoke_slots=4))
    result = sim.run(planned, seed=3, progress=print)
    assert_type(result, sim.Result)
    assert_type(result.nodes, NDArray[np.void])
    assert_type(result.classes, tuple[sim.Class, ...])
    assert_type(result.ratio, float)
    assert_type(sim.trials(), tuple[sim.Trial, ...])
    assert_type(sim.scenario("s1-8"), sim.Scenario)
    sim.chart([result, sim.run("s1-8")], path)


def blocking(folder: Path) -> None:
    meta = sync.Metainfo.from_file(folder)
    with sync.Session() as session:
        torrent = session.seed(meta, folder)
        assert_type(torrent, sync.Torrent)
        for status in torrent.progress():
            assert_type(status, p2pcore.Status)
        for event in torrent.events():
            assert_type(event, p2pcore.Event)
        assert_type(torrent.explain(), p2pcore.Explanation)
        assert_type(session.ledger(), tuple[p2pcore.LedgerEntry, ...])
    assert_type(sync.fetch(meta, folder, peers=()), Path)
