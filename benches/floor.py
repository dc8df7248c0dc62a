"""Compiles floor.c, and runs it: the processor time that a leech and a seed need.

A leech can get under it by hashing many pieces side by side: the floor hashes as OpenSSL does, one at a time.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).with_suffix(".c")


class Cost(NamedTuple):
    """Seconds: of the clock, and of the processor on each side."""

    wall: float
    seed: float
    leech: float


def transfer(source: Path, target: Path, sending: str) -> Cost:
    """Sends one file to another over the loopback; skips the test where floor.c cannot be compiled."""
    done = subprocess.run([program(), source, target, sending], capture_output=True, text=True, check=True)
    return Cost(*map(float, done.stdout.split()))


def program() -> Path:
    built = compiled()
    if isinstance(built, str):
        pytest.skip(built)
    return built


@functools.cache
def compiled() -> Path | str:
    """The program, or why there is none."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return "the floor is left out: no C compiler"
    folder = tempfile.TemporaryDirectory(prefix="p2pcore-floor-")
    KEPT.append(folder)
    made = Path(folder.name, "floor")
    done = subprocess.run(
        [compiler, "-O2", SOURCE, "-o", made, "-lcrypto"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        if "openssl/evp.h" not in done.stderr and "-lcrypto" not in done.stderr:
            raise RuntimeError(done.stderr)
        return "the floor is left out: no headers of libcrypto (libssl-dev)"
    return made


KEPT: list[tempfile.TemporaryDirectory[str]] = []
"""Folders that live as long as the run."""
