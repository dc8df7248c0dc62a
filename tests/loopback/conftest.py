"""Swarms of p2pcore sessions on the loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest_asyncio

import p2pcore


@pytest_asyncio.fixture
async def sessions(
    config: Callable[..., p2pcore.SessionConfig],
) -> AsyncIterator[Callable[..., Awaitable[p2pcore.Session]]]:
    """Starts sessions that are closed at the end."""
    async with AsyncExitStack() as stack:

        async def start(**options: object) -> p2pcore.Session:
            return await stack.enter_async_context(p2pcore.Session(config(**options)))

        yield start
