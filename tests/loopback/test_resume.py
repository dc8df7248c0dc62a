"""Going on: after a pause, a clean stop, a kill, a full disk; and what may be deleted."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import p2pcore

pytestmark = pytest.mark.asyncio


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big.bin"
    path.write_bytes(random.Random(9).randbytes(8 << 20))
    return path


async def until(torrent: p2pcore.Torrent, share: float) -> None:
    async with asyncio.timeout(30):
        async for status in torrent.progress(every=0.01):
            if status.progress >= share:
                return


async def test_pause_stops_and_resume_goes_on(big: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(big, piece_length=65536)
    seeder, leech = await sessions(upload_limit=4 << 20), await sessions()
    await seeder.seed(meta, big)
    torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
    await until(torrent, 0.2)
    await torrent.pause()
    before = torrent.status()
    assert before.state == "paused"
    await asyncio.sleep(0.5)
    after = torrent.status()
    assert after.downloaded - before.downloaded <= 1 << 20
    assert after.peers == 0
    await torrent.resume()
    await torrent.add_peer(seeder.listen_addresses[0])
    async with asyncio.timeout(30):
        await torrent.completed()
    assert (tmp_path / "into" / "big.bin").read_bytes() == big.read_bytes()


async def test_clean_stop_hashes_nothing_again(big: Path, tmp_path: Path, sessions, config) -> None:
    meta = p2pcore.create(big, piece_length=65536)
    seeder = await sessions(upload_limit=8 << 20)
    await seeder.seed(meta, big)
    options = {"state_dir": tmp_path / "kept-state"}
    async with p2pcore.Session(config(**options)) as leech:
        torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
        await until(torrent, 0.3)
        await torrent.pause()
        had = int(torrent.pieces.sum())
    async with p2pcore.Session(config(**options)) as leech:
        torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
        assert isinstance(await anext(torrent.events()), p2pcore.Checked)
        status = torrent.status()
        assert (status.checked, status.to_check) == (0, 0)
        assert int(torrent.pieces.sum()) >= had > 0
        async with asyncio.timeout(30):
            await torrent.completed()
    assert (tmp_path / "into" / "big.bin").read_bytes() == big.read_bytes()


async def test_seed_is_checked_once(big: Path, tmp_path: Path, config) -> None:
    meta = p2pcore.create(big, piece_length=65536)
    options = {"state_dir": tmp_path / "kept-state"}
    async with p2pcore.Session(config(**options)) as session:
        await session.seed(meta, big)
    async with p2pcore.Session(config(**options)) as session:
        torrent = await session.seed(meta, big)
        assert torrent.status().to_check == 0
    os.utime(big, (1, 1))
    async with p2pcore.Session(config(**options)) as session:
        torrent = await session.seed(meta, big)
        assert torrent.status().to_check > 0


async def test_killed_download_goes_on(big: Path, tmp_path: Path, sessions, config) -> None:
    meta = p2pcore.create(big, piece_length=65536)
    meta.save(tmp_path / "big.torrent")
    seeder = await sessions(upload_limit=4 << 20)
    await seeder.seed(meta, big)
    state, into = tmp_path / "kept-state", tmp_path / "into"
    script = """
        import sys, p2pcore
        from p2pcore import sync
        torrent, into, state, port = sys.argv[1:]
        config = p2pcore.SessionConfig(listen="127.0.0.1:0", state_dir=state)
        with sync.Session(config) as session:
            fetched = session.fetch(sync.Metainfo.from_file(torrent), into, peers=[("127.0.0.1", int(port))])
            for status in fetched.progress(every=0.01):
                if status.progress > 0.3:
                    print(status.pieces, flush=True)
                    sys.stdin.read()
    """
    arguments = [tmp_path / "big.torrent", into, state, seeder.port]
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert int(await process.stdout.readline()) > 0
    process.send_signal(signal.SIGKILL)
    await process.wait()
    process._transport.close()
    async with p2pcore.Session(config(state_dir=state)) as leech:
        torrent = await leech.fetch(meta, into, peers=seeder.listen_addresses)
        assert isinstance(await anext(torrent.events()), p2pcore.Checked)
        # Whatever is called verified now really is: no unverified byte is reported.
        held = torrent.pieces
        data = (into / "big.bin").read_bytes()
        for piece in held.nonzero()[0]:
            assert data[piece * 65536 : (piece + 1) * 65536] == big.read_bytes()[piece * 65536 : (piece + 1) * 65536]
        async with asyncio.timeout(40):
            await torrent.completed()
    assert (into / "big.bin").read_bytes() == big.read_bytes()


async def test_remove_deletes_only_what_the_session_made(folder: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(folder)
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, folder)
    into = tmp_path / "into"
    torrent = await leech.fetch(meta, into, peers=seeder.listen_addresses)
    await torrent.completed()
    (into / "folder" / "mine.txt").write_bytes(b"mine")
    await torrent.remove(delete_files=True)
    assert [path.name for path in into.rglob("*") if path.is_file()] == ["mine.txt"]
    [seeding] = seeder.torrents
    await seeding.remove(delete_files=True)
    assert p2pcore.verify(meta, folder).complete


async def test_remove_keeps_the_files(single: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(single)
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, single)
    torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
    await torrent.completed()
    await torrent.remove()
    assert (tmp_path / "into" / "single.bin").read_bytes() == single.read_bytes()


async def test_file_that_is_not_ours_is_left_alone(single: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(single)
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, single)
    mine = tmp_path / "into" / "single.bin"
    mine.parent.mkdir()
    mine.write_bytes(b"my own work")
    torrent = await leech.fetch(meta, mine.parent)  # it is known before any peer is
    with pytest.raises(p2pcore.StorageError) as caught:
        async with asyncio.timeout(20):
            await torrent.completed()
    assert str(caught.value.filename) == str(mine)
    assert mine.read_bytes() == b"my own work"
    for left in leech.torrents:
        await left.remove(delete_files=True)
    assert mine.read_bytes() == b"my own work"
    torrent = await leech.fetch(meta, mine.parent, overwrite=True, peers=seeder.listen_addresses)
    async with asyncio.timeout(20):
        await torrent.completed()
    assert mine.read_bytes() == single.read_bytes()


async def test_what_the_user_edits_after_the_download_stays(single: Path, tmp_path: Path, sessions, config) -> None:
    meta = p2pcore.create(single)
    seeder = await sessions()
    await seeder.seed(meta, single)
    mine, shared = tmp_path / "into" / "single.bin", config()
    async with p2pcore.Session(shared) as leech, asyncio.timeout(20):
        torrent = await leech.fetch(meta, mine.parent, peers=seeder.listen_addresses)
        await torrent.completed()
    with mine.open("r+b") as file:
        file.write(b"better words")
    os.utime(mine, (1, 1))
    edited = mine.read_bytes()
    async with p2pcore.Session(shared) as leech:
        torrent = await leech.fetch(meta, mine.parent, peers=seeder.listen_addresses)
        with pytest.raises(p2pcore.StorageError, match="overwrite=True"):
            async with asyncio.timeout(20):
                await torrent.completed()
    assert mine.read_bytes() == edited


async def test_late_subscriber_hears_of_files_that_are_whole(folder: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(folder)
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, folder)
    torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
    await torrent.completed()
    first, stream = torrent.events(), torrent.events()
    assert isinstance(await anext(first), p2pcore.Checked | p2pcore.PeerConnected)
    seen = [await anext(stream) for _ in range(len(meta.files) + 2)]
    assert seen == [
        p2pcore.Checked(),
        *(p2pcore.FileCompleted(file=file) for file in meta.files),
        p2pcore.Completed(),
    ]


async def test_refused_write_names_itself_and_resume_goes_on(big: Path, tmp_path: Path, sessions) -> None:
    resource = pytest.importorskip("resource")
    meta = p2pcore.create(big, piece_length=65536)
    seeder, leech = await sessions(), await sessions()
    await seeder.seed(meta, big)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))  # to this process the disk is full at 1 MiB
    try:
        with pytest.raises(p2pcore.StorageError) as caught:  # noqa: PT012 - either of the two may find it
            torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
            async with asyncio.timeout(20):
                await torrent.completed()
        assert caught.value.errno == errno.EFBIG
        assert str(caught.value.filename) == str(tmp_path / "into" / "big.bin")
        assert caught.value.operation in str(caught.value)
        status = torrent.status()
        assert status.state == "failed"
        assert isinstance(status.error, p2pcore.StorageError)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    await torrent.resume()
    async with asyncio.timeout(20):
        await torrent.completed()
    assert (tmp_path / "into" / "big.bin").read_bytes() == big.read_bytes()


async def test_file_written_in_place_under_a_seed_is_not_served(big: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(big, piece_length=65536)
    seeder, leech = await sessions(), await sessions()
    seeding = await seeder.seed(meta, big)
    stream = seeding.events()
    with big.open("r+b") as file:
        file.write(bytes(meta.total_size))
    torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
    async with asyncio.timeout(20):
        async for event in stream:
            if isinstance(event, p2pcore.Failed):
                break
    assert "changed underneath" in str(event.error)
    assert torrent.status().wasted == 0, "no byte of what was written in place was sent"


async def test_file_changed_under_a_seed_stops_it_and_resume_goes_on(big: Path, tmp_path: Path, sessions) -> None:
    meta = p2pcore.create(big, piece_length=65536)
    data = big.read_bytes()
    seeder, leech = await sessions(), await sessions()
    seeding = await seeder.seed(meta, big)
    big.write_bytes(data[: 1 << 20])
    stream = seeding.events()
    torrent = await leech.fetch(meta, tmp_path / "into", peers=seeder.listen_addresses)
    async with asyncio.timeout(20):
        async for event in stream:
            if isinstance(event, p2pcore.Failed):
                break
    assert isinstance(event.error, p2pcore.StorageError)
    assert str(event.error.filename) == str(big)
    big.write_bytes(data)
    await seeding.resume()
    async with asyncio.timeout(20):
        await seeding.completed()
    assert seeding.status().state == "seeding"
    await torrent.add_peer(seeder.listen_addresses[0])
    async with asyncio.timeout(40):
        await torrent.completed()
    assert (tmp_path / "into" / "big.bin").read_bytes() == data
