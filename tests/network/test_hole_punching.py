"""Two peers behind firewalls that let nobody in meet where a third, which both can dial, brings them together."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from namespaces import hosts, inside, run

import p2pcore

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(90)]

FILTER = """
table inet filter {
    chain passing {
        type filter hook forward priority 0; policy drop;
        iifname "lan" accept
        ct state established accept
    }
    chain input { type filter hook input priority 0; policy drop; meta l4proto icmpv6 accept; }
}
"""
NAT = """
table ip nat {
    chain postrouting { type nat hook postrouting priority 100; oifname "wan" masquerade %s; }
}
"""
CONE, SYMMETRIC = NAT % "persistent", NAT % "fully-random"
"""A connection's port is seen as it is; or as another for each connection."""


@dataclass(frozen=True)
class Internet:
    """Who is where: addresses, and the namespace of each."""

    middle: str
    homes: list[str]
    names: dict[str, str]


@contextmanager
def internet(*gates: str, v6: bool = False) -> Iterator[Internet]:
    """A host that everybody can dial, and homes, each behind a gate with a filter and these rules. Without any it has
    an address of the Internet."""
    if not shutil.which("nft"):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("nft is not installed")
    middle, wide_of, private_of = "198.51.100.1", "203.0.113.{}", "10.0.0.{}"
    if v6:
        middle, wide_of, private_of = "2001:db8::1", "2001:db8:1::{}", "fd00::{}"
    bits, options = (128, "nodad") if v6 else (32, "")
    names = [f"{kind}{at}" for at in range(len(gates)) for kind in ("gate", "home")]
    with hosts("wide", *names) as (wide, *others):
        there = Internet(middle, [], {middle: wide})
        _forward(wide)
        for at, rules in enumerate(gates):
            gate, home = others[2 * at : 2 * at + 2]
            own, inner = wide_of.format(at + 1), (private_of if rules else wide_of).format(at + 11)
            run(f"ip -n {wide} link add gate{at} type veth peer name wan netns {gate}")
            run(f"ip -n {gate} link add lan type veth peer name lan netns {home}")
            for name, link, address in (
                (wide, f"gate{at}", middle),
                (gate, "wan", own),
                (gate, "lan", own),
                (home, "lan", inner),
            ):
                run(f"ip -n {name} address add {address}/{bits} dev {link} {options}")
                run(f"ip -n {name} link set {link} up")
            run(f"ip -n {wide} route add {own}/{bits} dev gate{at}")
            run(f"ip -n {wide} route add {inner}/{bits} via {own} dev gate{at} onlink")
            run(f"ip -n {gate} route add default via {middle} dev wan onlink")
            run(f"ip -n {gate} route add {inner}/{bits} dev lan")
            run(f"ip -n {home} route add default via {own} dev lan onlink")
            _forward(gate)
            run(f"ip netns exec {gate} nft -f -", stdin=FILTER + rules)
            there.homes.append(inner)
            there.names[inner] = home
        yield there


def _forward(name: str) -> None:
    with inside(name):
        for switch in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            Path("/proc/sys/net", switch).write_text("1")


@pytest.fixture
def torrent(tmp_path: Path) -> tuple[Path, p2pcore.Metainfo]:
    data = tmp_path / "source" / "data.bin"
    data.parent.mkdir()
    data.write_bytes(random.Random(1).randbytes(1_500_000))
    return data, p2pcore.create(data, piece_length=65_536)


async def _between(
    there: Internet, torrent: tuple[Path, p2pcore.Metainfo], tmp_path: Path, sessions: Callable
) -> tuple[p2pcore.Torrent, p2pcore.Torrent]:
    """A seed and a leech, each at home, that know only the one in the middle, which passes nothing on."""
    data, meta = torrent

    async def at(address: str, **options: object) -> p2pcore.Session:
        with inside(there.names[address]):
            return await sessions(listen=[(address, 0)], local_discovery=False, **options)

    middle = await at(there.middle, download_limit=100_000, upload_limit=1)
    seed, leech = [await at(home, origin_mode=False) for home in there.homes]
    await middle.fetch(meta, tmp_path / "middle")
    given = await seed.seed(meta, data, peers=middle.listen_addresses)
    return given, await leech.fetch(meta, tmp_path / "into", peers=middle.listen_addresses)


@pytest.mark.parametrize(
    ("gates", "v6"),
    [(("", ""), False), ((CONE, CONE), False), ((CONE, ""), False), (("", ""), True)],
    ids=["firewalls", "NAT", "one of each", "IPv6"],
)
async def test_two_that_nobody_can_dial_meet(gates, v6: bool, torrent, tmp_path: Path, sessions) -> None:
    with internet(*gates, v6=v6) as there:
        _, fetched = await _between(there, torrent, tmp_path, sessions)
        async with asyncio.timeout(60):
            await fetched.completed()
        assert (tmp_path / "into" / "data.bin").read_bytes() == torrent[0].read_bytes()


async def test_behind_nat_with_another_port_for_each_nobody_meets(torrent, tmp_path: Path, sessions) -> None:
    with internet(SYMMETRIC, SYMMETRIC) as there:
        given, fetched = await _between(there, torrent, tmp_path, sessions)
        async with asyncio.timeout(60):
            async for event in fetched.events():
                if isinstance(event, p2pcore.DialFailed):
                    break
        assert [peer.address[0] for peer in fetched.peers()] == [there.middle]
        assert given.status().uploaded < torrent[1].total_size
