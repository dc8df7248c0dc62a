"""What goes on around a session: Ctrl-C, fork, the interpreter's exit. Each in a process of its own."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

PRELUDE = """
import asyncio, os, sys, time, gc
import p2pcore
from p2pcore import Session, SessionConfig
folder, work = sys.argv[1], sys.argv[2]
config = SessionConfig(listen="127.0.0.1:0", state_dir=work + "/state", threads=1)
meta = p2pcore.create(folder)
"""

# From 3.12 on Python warns of every fork beside threads; that ours is safe is what is tested here.
QUIET = ("-W", "ignore:This process:DeprecationWarning")


def start(script: str, folder: Path, work: Path, *flags: str) -> subprocess.Popen[str]:
    source = PRELUDE + textwrap.dedent(script)
    return subprocess.Popen(
        [sys.executable, *QUIET, *flags, "-c", source, str(folder), str(work)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], within: float = 30) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=within)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        pytest.fail(f"it did not end within {within} s: {out} {err}")
    return process.returncode, out, err


def interrupt(process: subprocess.Popen[str]) -> None:
    """Waits until the script says "ready", then presses Ctrl-C."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 30)
    assert ready
    line = process.stdout.readline()
    assert line.strip() == "ready", (line, process.communicate()[1])
    process.send_signal(signal.SIGINT)


CTRL_C = {
    "create": """
        with open(work + "/big", "wb") as file:
            file.truncate(64 << 30)
        print("ready", flush=True)
        p2pcore.create(work + "/big")
    """,
    "sync.fetch": """
        print("ready", flush=True)
        p2pcore.sync.fetch(meta, work + "/into", peers=[], config=config)
    """,
    "sync events": """
        with p2pcore.sync.Session(config) as session:
            torrent = session.fetch(meta, work + "/into")
            print("ready", flush=True)
            for event in torrent.events():
                pass
    """,
    "asyncio": """
        async def main():
            async with Session(config) as session:
                torrent = await session.fetch(meta, work + "/into")
                print("ready", flush=True)
                await torrent.completed()
        asyncio.run(main())
    """,
}


@pytest.mark.parametrize("script", CTRL_C.values(), ids=CTRL_C.keys())
def test_ctrl_c_stops_what_was_waited_for(script: str, folder: Path, tmp_path: Path) -> None:
    process = start(script, folder, tmp_path)
    interrupt(process)
    began = time.monotonic()
    code, _, err = finish(process)
    assert code in (-signal.SIGINT, 130, 1), (code, err)
    assert "KeyboardInterrupt" in err
    assert time.monotonic() - began < 8


EXIT = {
    "asyncio, left open": """
        async def main():
            session = Session(config)
            await session.start()
            globals()["kept"] = session
            globals()["torrent"] = await session.seed(meta, folder)
        asyncio.run(main())
    """,
    "asyncio, exit inside": """
        async def main():
            async with Session(config) as session:
                await session.seed(meta, folder)
                sys.exit(0)
        asyncio.run(main())
    """,
    "sync, left open": """
        session = p2pcore.sync.Session(config)
        session.start()
        torrent = session.seed(meta, folder)
    """,
    "sync, collected": """
        session = p2pcore.sync.Session(config)
        session.start()
        session.fetch(meta, work + "/into")
        del session
        gc.collect()
    """,
    "closed twice": """
        async def main():
            session = Session(config)
            async with session:
                await session.seed(meta, folder)
                await session.close()
            await session.close()
        asyncio.run(main())
    """,
    "fetch under way": """
        seeder = p2pcore.sync.Session(config)
        seeder.start()
        seeder.seed(meta, folder, upload_limit=20000)
        leech = p2pcore.sync.Session(SessionConfig(listen="127.0.0.1:0", state_dir=None))
        leech.start()
        leech.fetch(meta, work + "/into", peers=[("127.0.0.1", seeder.port)])
    """,
}


@pytest.mark.parametrize("script", EXIT.values(), ids=EXIT.keys())
def test_interpreter_ends_soon_and_quietly(script: str, folder: Path, tmp_path: Path) -> None:
    code, out, err = finish(start(script, folder, tmp_path), 15)
    assert (code, err) == (0, ""), (code, out, err)


def test_session_that_nobody_closed_warns(folder: Path, tmp_path: Path) -> None:
    script = """
        async def main():
            session = Session(config)
            await session.start()
        asyncio.run(main())
        gc.collect()
        print("end")
    """
    code, out, err = finish(start(script, folder, tmp_path, "-X", "dev"))
    assert (code, out) == (0, "end\n")
    assert "ResourceWarning" in err
    assert "was not closed" in err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_forked_child_gets_a_clear_error_and_the_parent_goes_on(folder: Path, tmp_path: Path) -> None:
    script = """
        session = p2pcore.sync.Session(config)
        session.start()
        torrent = session.seed(meta, folder)
        child = os.fork()
        if child == 0:
            seen = []
            for use in (torrent.status, torrent.pause, session.close, lambda: session.fetch(meta, work)):
                try:
                    use()
                except p2pcore.ForkError as error:
                    seen.append(str(error))
            print(len(seen), flush=True)
            sys.exit(0)
        _, status = os.waitpid(child, 0)
        print("child", os.waitstatus_to_exitcode(status))
        print(torrent.status().state)
        session.close()
    """
    code, out, err = finish(start(script, folder, tmp_path))
    assert (code, out, err) == (0, "4\nchild 0\nseeding\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_forked_child_may_start_its_own_session(folder: Path, tmp_path: Path) -> None:
    script = """
        with p2pcore.sync.seed(meta, folder, config=config) as session:
            peers = [("127.0.0.1", session.port)]
            child = os.fork()
            if child == 0:
                fresh = SessionConfig(listen="127.0.0.1:0", state_dir=None)
                into = work + "/into"
                path = p2pcore.sync.fetch(meta, into, peers=peers, config=fresh, progress=False, timeout=20)
                os._exit(0 if p2pcore.verify(meta, path).complete else 1)
            _, status = os.waitpid(child, 0)
            print("child", os.waitstatus_to_exitcode(status))
    """
    code, out, err = finish(start(script, folder, tmp_path))
    assert (code, out) == (0, "child 0\n"), err
