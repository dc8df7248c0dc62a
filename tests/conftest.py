"""What all tests share: trees of known bytes, and sessions that stay on the loopback."""

from __future__ import annotations

import itertools
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import pytest_asyncio

import p2pcore

hypothesis.settings.register_profile("p2pcore", database=None, deadline=None)
hypothesis.settings.load_profile("p2pcore")

# A shell starts its background jobs deaf to Ctrl-C, and so would be the processes that tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

Tree = Callable[[Mapping[str, int]], Path]

_FOLDER = {
    "README.md": 1_000,
    "data/exact.bin": 65_536,
    "data/one-over.bin": 65_537,
    "data/deep/er/still.bin": 200_001,
    "empty": 0,
    "naïve/ünï.bin": 33_333,
}


def write_tree(root: Path, files: Mapping[str, int], seed: int = 1) -> Path:
    """Writes files of the given lengths; the same seed gives the same bytes."""
    for path, length in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(random.Random(f"{seed} {path}").randbytes(length))
    return root


def read_tree(root: Path) -> dict[str, bytes]:
    """The bytes of every file below a folder, by relative path."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small folder with an empty file, an exact multiple, one byte over, and names that are not ASCII."""
    return write_tree(tmp_path / "source" / "folder", _FOLDER)


@pytest.fixture
def single(tmp_path: Path) -> Path:
    """One file of 300,001 bytes."""
    write_tree(tmp_path / "source", {"single.bin": 300_001})
    return tmp_path / "source" / "single.bin"


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., p2pcore.SessionConfig]:
    """Makes configurations on the loopback, each with a state folder of its own unless one is given."""
    numbers = itertools.count()

    def make(**options: Any) -> p2pcore.SessionConfig:
        options.setdefault("listen", "127.0.0.1:0")
        options.setdefault("state_dir", tmp_path / f"state-{next(numbers)}")
        options.setdefault("threads", 2)
        return p2pcore.SessionConfig(**options)

    return make


@pytest_asyncio.fixture
async def sessions(
    config: Callable[..., p2pcore.SessionConfig],
) -> AsyncIterator[Callable[..., Awaitable[p2pcore.Session]]]:
    """Starts sessions that are closed at the end."""
    async with AsyncExitStack() as stack:

        async def start(**options: object) -> p2pcore.Session:
            return await stack.enter_async_context(p2pcore.Session(config(**options)))

        yield start


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes to the user's state folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg-state"))
