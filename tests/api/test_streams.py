"""Event streams by themselves: order, overflow, end."""

from __future__ import annotations

import asyncio

import pytest

from p2pcore import Completed, EventsDropped, EventStream, PieceVerified


async def read(stream: EventStream) -> list[object]:
    return [event async for event in stream]


@pytest.mark.asyncio
async def test_events_come_in_order_and_end() -> None:
    stream = EventStream(10)
    for piece in range(3):
        stream._push(PieceVerified(piece=piece))
    stream._end()
    assert await read(stream) == [PieceVerified(piece=piece) for piece in range(3)]


@pytest.mark.asyncio
async def test_what_does_not_fit_is_told_where_it_is_missing() -> None:
    stream = EventStream(2)
    for piece in range(5):
        stream._push(PieceVerified(piece=piece))
    stream._push(Completed())
    stream._end()
    assert await read(stream) == [
        PieceVerified(piece=0),
        PieceVerified(piece=1),
        EventsDropped(count=3),
        Completed(),
    ]


@pytest.mark.asyncio
async def test_a_gap_at_the_end_is_told_too() -> None:
    stream = EventStream(1)
    stream._push(PieceVerified(piece=0))
    stream._push(PieceVerified(piece=1))
    assert [await anext(stream), await anext(stream)] == [PieceVerified(piece=0), EventsDropped(count=1)]


@pytest.mark.asyncio
async def test_drops_of_the_engine_are_counted_with_ours() -> None:
    stream = EventStream(1)
    stream._push(PieceVerified(piece=0))
    stream._push(EventsDropped(count=4))
    stream._push(PieceVerified(piece=1))
    await anext(stream)
    assert await anext(stream) == EventsDropped(count=5)


@pytest.mark.asyncio
async def test_a_waiting_reader_is_woken() -> None:
    stream = EventStream(1)
    reader = asyncio.create_task(read(stream))
    await asyncio.sleep(0)
    stream._push(PieceVerified(piece=0))
    stream._end()
    assert await reader == [PieceVerified(piece=0)]


@pytest.mark.asyncio
async def test_two_readers_of_one_stream_are_refused() -> None:
    stream = EventStream(1)
    first = asyncio.create_task(read(stream))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="two tasks"):
        await anext(stream)
    stream._end()
    await first


@pytest.mark.asyncio
async def test_cancelling_a_reader_loses_nothing() -> None:
    stream = EventStream(1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(stream)
    stream._push(PieceVerified(piece=0))
    assert await anext(stream) == PieceVerified(piece=0)
