"""Starts real clients, and says what is missing: an omission here, a failure in CI."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from peers import Missing, RealPeer


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Callable[..., RealPeer]]:
    """Starts a client by its class; all are ended with the test."""
    with ExitStack() as stack:

        def start(kind: type[RealPeer], **options: int) -> RealPeer:
            work = tmp_path / f"{kind.name}-{len(list(tmp_path.iterdir()))}"
            try:
                return stack.enter_context(kind(work, **options))
            except Missing as missing:
                if os.environ.get("CI") == "true":
                    pytest.fail(f"{missing} is not installed: the set-up must install it")
                pytest.skip(f"{missing} is not installed")

        yield start
