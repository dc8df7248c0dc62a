"""Network namespaces on one bridge or two, each with an uplink of its own rate (htb): one machine as if it were many.

For root on Linux, with `ip` and `tc`. What is started `inside` one runs there.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

NEWNET = 0x40000000
BURST = "64k"
MADE = itertools.cycle("abcdefghijklmnopqrstuvwxyz")


NEAR, FAR = "198.51.100", "203.0.113"
"""Prefixes of the two sites: of the open Internet, so that addresses tell them apart."""


class Network:
    """As many hosts that send at most `rate` bytes a second each, headers included.

    The last `far` of them are at another site, behind a link of `link` bytes a second each way.
    """

    def __init__(self, hosts: int, rate: int, far: int = 0, link: int = 0) -> None:
        for program in ("ip", "tc"):
            if shutil.which(program) is None:
                pytest.skip(f"{program} (iproute2) is not installed")
        if os.geteuid() != 0:
            pytest.skip("namespaces of one's own need root")
        # Of one that was taken down, devices are there for a while.
        self._tag = f"p2b{os.getpid() % 10_000}{next(MADE)}"
        self._near = hosts - far
        self.addresses = [f"{NEAR if number < self._near else FAR}.{number + 1}" for number in range(hosts)]
        try:
            self._make(rate)
            if far:
                self._join(link)
        except subprocess.CalledProcessError as failed:
            self.close()
            pytest.skip(f"no namespaces here: {failed.stderr.strip()}")

    def _make(self, rate: int) -> None:
        for bridge in self._bridges():
            run(f"ip link add {bridge} type bridge")
            run(f"ip link set {bridge} up")
        for number, address in enumerate(self.addresses):
            near = number < self._near
            bridge = self._bridges()[0 if near else 1]
            name = self._name(number)
            run(f"ip netns add {name}")
            run(f"ip link add {name} type veth peer name eth0 netns {name}")
            run(f"ip link set {name} master {bridge} up")
            run(f"ip -n {name} addr add {address}/24 dev eth0")
            run(f"ip -n {name} link set eth0 up")
            run(f"ip -n {name} link set lo up")
            run(f"ip -n {name} route add {FAR if near else NEAR}.0/24 dev eth0")
            shape(f"-n {name}", "eth0", rate)

    def _bridges(self) -> tuple[str, str]:
        return self._tag, f"{self._tag}f"

    def _join(self, rate: int) -> None:
        one, other = self._link()
        run(f"ip link add {one} type veth peer name {other}")
        for end, bridge in zip((one, other), self._bridges(), strict=True):
            run(f"ip link set {end} master {bridge} up")
            shape("", end, rate)

    def _link(self) -> tuple[str, str]:
        return f"{self._tag}x", f"{self._tag}y"

    def crossed(self) -> int:
        """Bytes that crossed the link between the sites so far, both ways, headers included."""
        return sum(int(Path(f"/sys/class/net/{end}/statistics/tx_bytes").read_text()) for end in self._link())

    def _name(self, number: int) -> str:
        return f"{self._tag}-{number}"

    @contextlib.contextmanager
    def inside(self, number: int) -> Iterator[str]:
        """Sockets that this thread opens and processes that it starts belong to the host; its address."""
        own = Path("/proc/thread-self/ns/net").open()  # noqa: SIM115
        with own, Path(f"/run/netns/{self._name(number)}").open() as there:
            enter(there.fileno())
            try:
                yield self.addresses[number]
            finally:
                enter(own.fileno())

    def close(self) -> None:
        """Takes all of it down."""
        for number in range(len(self.addresses)):
            run(f"ip netns del {self._name(number)}", check=False)
        for device in (self._link()[0], *self._bridges()):
            run(f"ip link del {device}", check=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def shape(where: str, device: str, rate: int) -> None:
    """What leaves a device goes at so many bytes a second; `where`: options of `tc`."""
    run(f"tc {where} qdisc add dev {device} root handle 1: htb default 1")
    htb = f"htb rate {rate * 8}bit burst {BURST} cburst {BURST}"
    run(f"tc {where} class add dev {device} parent 1: classid 1:1 {htb}")


def run(command: str, check: bool = True) -> None:
    subprocess.run(command.split(), check=check, capture_output=True, text=True)
