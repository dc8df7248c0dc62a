"""Peers that nobody named find each other on the local network (BEP 14): two hosts on a link of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from namespaces import hosts, inside, run
from peers.libtorrent import LibTorrent

import p2pcore

pytestmark = pytest.mark.asyncio

# Two hosts on one link whose addresses do not tell that they are near each other.
HERE, THERE = "198.51.100.1", "203.0.113.1"
# The same hosts in one subnet: libtorrent hears nobody of another.
NEAR_HERE, NEAR_THERE = "10.77.0.1", "10.77.0.2"
V6_HERE, V6_THERE = "fd77::1", "fd77::2"


@pytest.fixture
def lan() -> Iterator[dict[str, str]]:
    """The names of the two hosts, by address."""
    with hosts("here", "there") as (here, there):
        run(f"ip -n {here} link add lan type veth peer name lan netns {there}")
        for name, own, near, v6, other in (
            (here, HERE, NEAR_HERE, V6_HERE, THERE),
            (there, THERE, NEAR_THERE, V6_THERE, HERE),
        ):
            run(f"ip -n {name} address add {own}/24 dev lan")
            run(f"ip -n {name} address add {near}/24 dev lan")
            run(f"ip -n {name} address add {v6}/64 dev lan nodad")
            run(f"ip -n {name} link set lan up")
            run(f"ip -n {name} route add {other}/32 dev lan")
        yield dict.fromkeys((HERE, NEAR_HERE, V6_HERE), here) | dict.fromkeys((THERE, NEAR_THERE, V6_THERE), there)


@pytest.fixture
def start(lan, sessions):
    """Starts a session at one of the hosts."""

    async def at(address: str, **options: object) -> p2pcore.Session:
        with inside(lan[address]):
            return await sessions(listen=[(address, 0)], **options)

    return at


def _torrent(path: Path, **options: object) -> p2pcore.Metainfo:
    return p2pcore.create(path, piece_length=16384, **options)


@pytest.mark.parametrize("seed_first", [True, False])
@pytest.mark.parametrize("version", ["v1", "v2", "hybrid"])
async def test_a_seed_and_a_leech_find_each_other(version: str, seed_first: bool, single, tmp_path, start) -> None:
    meta = _torrent(single, format=version)
    here = await start(HERE)
    there = await start(THERE)
    if seed_first:
        await here.seed(meta, single)
        torrent = await there.fetch(meta, tmp_path / "into")
    else:
        torrent = await there.fetch(meta, tmp_path / "into")
        await here.seed(meta, single)
    async with asyncio.timeout(20):
        await torrent.completed()
    assert (tmp_path / "into" / single.name).read_bytes() == single.read_bytes()


async def test_who_comes_again_is_answered_again(single, tmp_path, start) -> None:
    meta = _torrent(single)
    here, there = await start(HERE), await start(THERE)
    seed = await here.seed(meta, single)
    for again in ("after it left", "after a pause of the seed", "once more"):
        torrent = await there.fetch(meta, tmp_path / again)
        async with asyncio.timeout(20):
            await torrent.completed()
        await torrent.remove()
        await seed.pause()
        await seed.resume()


async def test_over_ipv6(single, tmp_path, start) -> None:
    meta = _torrent(single)
    here, there = await start(V6_HERE), await start(V6_THERE)
    await here.seed(meta, single)
    torrent = await there.fetch(meta, tmp_path / "into")
    async with asyncio.timeout(20):
        await torrent.completed()


async def test_whoever_is_heard_is_at_our_site(single, tmp_path, start) -> None:
    """Also where it was connected already, by its name."""
    meta = _torrent(single)
    here = await start(HERE, upload_limit=100_000)
    deaf = await start(THERE, local_discovery=False)
    there = await start(THERE)
    seed = await here.seed(meta, single)
    named = await deaf.fetch(meta, tmp_path / "named", peers=here.listen_addresses)
    async with asyncio.timeout(20):
        async for _ in named.progress(0.05):
            if seed.explain().peers:
                break
        assert [peer.local for peer in seed.explain().peers] == [False], "neither name nor address tells"
        await there.fetch(meta, tmp_path / "heard")  # from the same address
        async for _ in named.progress(0.05):
            if len(seed.explain().peers) == 2 and all(peer.local for peer in seed.explain().peers):
                return
    pytest.fail("it is complete, and was not known to be near")


async def test_private_and_silent_torrents_are_not_found(single, tmp_path, start) -> None:
    public, private = _torrent(single), _torrent(single, private=True)
    here = await start(HERE)
    there = await start(THERE)
    silent = await start(THERE, local_discovery=False)
    await here.seed(private, single)
    hidden = await there.fetch(private, tmp_path / "private")
    unheard = await silent.fetch(public, tmp_path / "silent")
    await here.seed(public, single)
    found = await there.fetch(public, tmp_path / "public")
    async with asyncio.timeout(20):
        await found.completed()
    assert hidden.peers() == unheard.peers() == ()
    assert hidden.status().done == unheard.status().done == 0


@pytest.mark.parametrize("ours_first", [True, False])
@pytest.mark.parametrize("ours_seeds", [True, False])
async def test_with_libtorrent(ours_seeds: bool, ours_first: bool, single, tmp_path, lan, start) -> None:
    meta = _torrent(single, format="v1")
    file = tmp_path / "single.torrent"
    meta.save(file)
    ours = await start(NEAR_HERE)
    with inside(lan[NEAR_THERE]):
        theirs = LibTorrent(tmp_path / "state", host=NEAR_THERE, settings={"enable_lsd": True})
    into = tmp_path / "into"
    try:
        async with asyncio.timeout(30):
            if not ours_first:
                await asyncio.to_thread(theirs.add, file, into if ours_seeds else single.parent)
            torrent = await (ours.seed(meta, single) if ours_seeds else ours.fetch(meta, into))
            if ours_first:
                await asyncio.to_thread(theirs.add, file, into if ours_seeds else single.parent)
            await (asyncio.to_thread(theirs.wait_complete) if ours_seeds else torrent.completed())
        assert (into / single.name).read_bytes() == single.read_bytes()
    finally:
        theirs.close()
