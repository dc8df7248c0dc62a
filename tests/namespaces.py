"""Hosts of their own on one machine: network namespaces, which only root may make."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_NEWNET = 0x40000000
_numbers = itertools.count()


def run(command: str, stdin: str | None = None) -> None:
    """Runs a command that has to succeed."""
    subprocess.run(command.split(), input=stdin, text=True, check=True)


@contextlib.contextmanager
def hosts(*names: str) -> Iterator[list[str]]:
    """Makes a namespace for each, with its loopback up, and takes them away again; their names are no two tests' alike.
    Whoever is not root skips the test."""
    number = f"{os.getpid()}-{next(_numbers)}"
    with contextlib.ExitStack() as stack:
        made = [f"p2p{name}{number}" for name in names]
        for name in made:
            try:
                run(f"ip netns add {name}")
            except (OSError, subprocess.CalledProcessError) as error:
                pytest.skip(f"only root may make network namespaces: {error}")
            stack.callback(run, f"ip netns del {name}")
            run(f"ip -n {name} link set lo up")
        yield made


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """Sockets that this thread opens meanwhile, and threads and processes that it starts, are at that host."""
    with Path("/proc/thread-self/ns/net").open() as own, Path(f"/run/netns/{name}").open() as there:
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(own.fileno())


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
