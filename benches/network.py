"""Network namespaces on one bridge, each with an uplink of its own rate (htb): a swarm on one machine, as if on many.

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


class Network:
    """As many hosts, 10.77.0.1 and so on, that send at most `rate` bytes a second each, headers included."""

    def __init__(self, hosts: int, rate: int) -> None:
        for program in ("ip", "tc"):
            if shutil.which(program) is None:
                pytest.skip(f"{program} (iproute2) is not installed")
        if os.geteuid() != 0:
            pytest.skip("namespaces of one's own need root")
        # Of one that was taken down, devices are there for a while.
        self._tag = f"p2b{os.getpid() % 10_000}{next(MADE)}"
        self.addresses = [f"10.77.0.{number + 1}" for number in range(hosts)]
        try:
            self._make(rate)
        except subprocess.CalledProcessError as failed:
            self.close()
            pytest.skip(f"no namespaces here: {failed.stderr.strip()}")

    def _make(self, rate: int) -> None:
        run(f"ip link add {self._tag} type bridge")
        run(f"ip link set {self._tag} up")
        for number, address in enumerate(self.addresses):
            name = self._name(number)
            run(f"ip netns add {name}")
            run(f"ip link add {name} type veth peer name eth0 netns {name}")
            run(f"ip link set {name} master {self._tag} up")
            run(f"ip -n {name} addr add {address}/24 dev eth0")
            run(f"ip -n {name} link set eth0 up")
            run(f"ip -n {name} link set lo up")
            run(f"tc -n {name} qdisc add dev eth0 root handle 1: htb default 1")
            shape = f"htb rate {rate * 8}bit burst {BURST} cburst {BURST}"
            run(f"tc -n {name} class add dev eth0 parent 1: classid 1:1 {shape}")

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
        run(f"ip link del {self._tag}", check=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def run(command: str, check: bool = True) -> None:
    subprocess.run(command.split(), check=check, capture_output=True, text=True)
