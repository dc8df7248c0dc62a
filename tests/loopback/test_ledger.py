"""What real transfers leave in the ledger: both sides agree, runs add up, a kill costs no more than it may."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

import p2pcore
from p2pcore import _ledger

pytestmark = pytest.mark.asyncio

HOST = "127.0.0.1"


async def transfer(giver: p2pcore.Session, taker: p2pcore.Session, source: Path, into: Path) -> int:
    """Carries a file over, and says how many bytes were received."""
    meta = p2pcore.create(source, piece_length=16384)
    if not giver.torrents:
        await giver.seed(meta, source)
    torrent = await taker.fetch(meta, into, peers=giver.listen_addresses)
    async with asyncio.timeout(30):
        await torrent.completed()
    return torrent.status().downloaded


async def test_giver_and_taker_agree(sessions, single: Path, tmp_path: Path) -> None:
    giver, taker = await sessions(), await sessions()
    received = await transfer(giver, taker, single, tmp_path / "into")
    assert received >= single.stat().st_size
    [entry] = await taker.ledger()
    assert (entry.identity, entry.given, entry.received) == (HOST, 0, received)
    await taker.close()
    await giver.close()
    state = giver.config.state_dir
    assert isinstance(state, Path)
    [entry] = _ledger.read(state / _ledger.NAME)
    assert (entry.identity, entry.given, entry.received) == (HOST, received, 0)


async def test_runs_of_one_state_folder_add_up(sessions, single: Path, tmp_path: Path) -> None:
    giver = await sessions()
    received = 0
    for run in range(3):
        taker = await sessions(state_dir=tmp_path / "state")
        received += await transfer(giver, taker, single, tmp_path / f"into-{run}")
        if run == 2:  # asked while it runs
            [entry] = await taker.ledger()
            assert entry.received == received
        await taker.close()
    [entry] = _ledger.read(tmp_path / "state" / _ledger.NAME)
    assert (entry.given, entry.received) == (0, received)


async def test_sessions_that_run_at_once_add_up(sessions, single: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    giver = await sessions(state_dir=state)
    takers = [await sessions(state_dir=state) for _ in range(3)]
    received = 0
    for number, taker in enumerate(takers):
        received += await transfer(giver, taker, single, tmp_path / str(number))
    await asyncio.gather(*(session.close() for session in (giver, *takers)))
    [entry] = _ledger.read(state / _ledger.NAME)
    assert (entry.given, entry.received) == (received, received)


async def test_without_a_state_folder_nothing_is_written(sessions, single: Path, tmp_path: Path) -> None:
    giver, taker = await sessions(), await sessions(state_dir=None)
    received = await transfer(giver, taker, single, tmp_path / "into")
    [entry] = await taker.ledger()
    assert entry.received == received
    await taker.close()
    assert list(tmp_path.rglob(_ledger.NAME)) == []


async def test_amounts_of_removed_torrents_are_kept(sessions, single: Path, tmp_path: Path) -> None:
    giver, taker = await sessions(), await sessions()
    received = await transfer(giver, taker, single, tmp_path / "into")
    for session in (taker, giver):
        await session.torrents[0].remove()
        [entry] = await session.ledger()
        assert entry.given + entry.received == received


async def test_the_event_tells_what_failed_and_the_transfer_goes_on(
    sessions, single: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ledger, "EVERY", 0.02)
    (tmp_path / "state").write_text("a file in its place")
    giver, taker = await sessions(), await sessions(state_dir=None)
    giver._ledger._path = tmp_path / "state" / _ledger.NAME
    torrent = await giver.seed(p2pcore.create(single, piece_length=16384), single)
    events = torrent.events()
    received = await transfer(giver, taker, single, tmp_path / "into")
    async with asyncio.timeout(30):
        failed = [event async for event in _until_failed(events)]
    assert failed[-1].error.operation == "write"
    [entry] = await giver.ledger()  # of what waits in memory
    assert 0 < entry.given <= received
    (tmp_path / "state").unlink()
    await giver.close()
    [entry] = _ledger.read(tmp_path / "state" / _ledger.NAME)
    assert entry.given == received


async def _until_failed(events):
    async for event in events:
        if isinstance(event, p2pcore.LedgerFailed):
            yield event
            return


SEED = """
import asyncio, sys
import p2pcore
from p2pcore import _ledger

_ledger.EVERY = 0.02
settle = _ledger.Ledger.settle

def say(line):
    sys.stdout.write(line + "\\n")  # in one go: two threads say something
    sys.stdout.flush()

def told(ledger, raw):
    error = settle(ledger, raw)
    entries = _ledger.read(ledger._path)
    say(f"written {sum(entry.given for entry in entries)}")
    return error

_ledger.Ledger.settle = told

async def main():
    source, state = sys.argv[1:]
    config = p2pcore.SessionConfig(listen="127.0.0.1:0", state_dir=state)
    async with p2pcore.Session(config) as session:
        await session.seed(p2pcore.create(source, piece_length=16384), source)
        say(f"port {session.port}")
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_kill_loses_no_more_than_a_period(sessions, single: Path, tmp_path: Path) -> None:
    state, received = tmp_path / "killed", 0
    for run in range(2):
        command = [sys.executable, "-c", SEED, str(single), str(state)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as seed:
            assert seed.stdout is not None
            try:
                lines = (line.split() for line in iter(seed.stdout.readline, ""))
                port = next(int(number) for word, number in lines if word == "port")
                taker = await sessions(state_dir=None)
                meta = p2pcore.create(single, piece_length=16384)
                torrent = await taker.fetch(meta, tmp_path / f"into-{run}", peers=[(HOST, port)])
                async with asyncio.timeout(30):
                    await torrent.completed()
                received += torrent.status().downloaded
                # The periods go on: one of the next has it all.
                written = next(int(number) for _, number in lines if int(number) >= received)
            finally:
                seed.kill()
        assert written == received
        [entry] = _ledger.read(state / _ledger.NAME)
        assert (entry.identity, entry.given) == (HOST, received)


UNCLOSED = """
import asyncio, sys
import p2pcore

sessions = []

async def main():
    source, state, into = sys.argv[1:]
    meta = p2pcore.create(source, piece_length=16384)
    for folder in (state, None):
        sessions.append(p2pcore.Session(p2pcore.SessionConfig(listen="127.0.0.1:0", state_dir=folder)))
        await sessions[-1].start()
    giver, taker = sessions
    await giver.seed(meta, source)
    torrent = await taker.fetch(meta, into, peers=giver.listen_addresses)
    await torrent.completed()
    print(torrent.status().downloaded)

asyncio.run(main())
"""


async def test_a_session_that_nobody_closed_writes_at_exit(single: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", UNCLOSED, single, tmp_path / "state", tmp_path / "into"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")
    [entry] = _ledger.read(tmp_path / "state" / _ledger.NAME)
    assert entry.given == int(done.stdout)
