"""p2pcore seed and fetch, as processes."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import p2pcore

P2PCORE = [sys.executable, "-m", "p2pcore"]


@pytest.fixture
def torrent(folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "folder.torrent"
    p2pcore.create(folder, piece_length=16384).save(path)
    return path


@contextlib.contextmanager
def seeding(torrent: Path, folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A seed in a process of its own, and its port."""
    command = [*P2PCORE, "seed", str(torrent), str(folder), "--listen", "127.0.0.1:0", "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.stderr and process.stderr.read()
            yield process, json.loads(line)["addresses"][0][1]
        finally:
            process.kill()


def fetch(torrent: Path, into: Path, *options: object) -> subprocess.CompletedProcess[str]:
    command = [*P2PCORE, "fetch", torrent, "-o", into, "--listen", "127.0.0.1:0", *options]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=50)


def test_fetch_from_a_seed(torrent: Path, folder: Path, tmp_path: Path) -> None:
    with seeding(torrent, folder) as (_, port):
        done = fetch(torrent, tmp_path / "into", "--peer", f"127.0.0.1:{port}", "--timeout", 40)
    assert done.returncode == 0, done.stderr
    assert p2pcore.verify(p2pcore.Metainfo.from_file(torrent), tmp_path / "into" / "folder").complete
    listening, completed = done.stdout.splitlines()
    assert listening.startswith("fetching folder on 127.0.0.1:")
    assert "complete in" in completed


def test_limits_of_the_internet_and_a_site_are_passed_on(torrent: Path, folder: Path, tmp_path: Path) -> None:
    with seeding(torrent, folder, "--wan-up-limit", "1", "--site", "here") as (_, port):
        options = ["--peer", f"127.0.0.1:{port}", "--timeout", 40, "--wan-down-limit", "1", "--site", "here"]
        options.append("--no-local-discovery")
        done = fetch(torrent, tmp_path / "into", *options)
    assert done.returncode == 0, done.stderr
    for options, said in [
        (["--up-limit", "0"], "upload_limit is 0"),
        (["--down-limit", "0"], "download_limit is 0"),
        (["--wan-up-limit", "0"], "wan_upload_limit is 0"),
        (["--wan-down-limit", "0"], "wan_download_limit is 0"),
        (["--site", ""], "site is empty"),
    ]:
        refused = fetch(torrent, tmp_path / "into", *options)
        assert refused.returncode != 0 and said in refused.stderr, refused.stderr


def test_fetch_prints_json_lines_and_nothing_else(torrent: Path, folder: Path, tmp_path: Path) -> None:
    with seeding(torrent, folder) as (_, port):
        done = fetch(torrent, tmp_path / "into", "--peer", f"127.0.0.1:{port}", "--json", "--sequential")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [line["event"] for line in lines]
    assert kinds[0] == "listening"
    assert kinds[-1] == "completed"
    assert {"status", "checked", "peer_connected", "piece_verified", "file_completed"} <= set(kinds)
    assert lines[-1]["path"] == str(tmp_path / "into" / "folder")


def test_fetch_of_some_files(torrent: Path, folder: Path, tmp_path: Path) -> None:
    with seeding(torrent, folder) as (_, port):
        done = fetch(torrent, tmp_path / "into", "--peer", f"127.0.0.1:{port}", "--file", "data/*.bin")
        missing = fetch(torrent, tmp_path / "into", "--file", "*.none")
    assert done.returncode == 0, done.stderr
    into = tmp_path / "into" / "folder"
    for name in ("data/exact.bin", "data/one-over.bin"):
        assert (into / name).read_bytes() == (folder / name).read_bytes()
    assert not (into / "README.md").exists()
    assert missing.returncode == 2
    assert "*.none" in missing.stderr


def test_fetch_without_peers_gives_up_in_time(torrent: Path, tmp_path: Path) -> None:
    done = fetch(torrent, tmp_path / "into", "--timeout", 0.5)
    assert done.returncode == 2
    assert "not complete after 0.5 s" in done.stderr
    assert "name one with --peer" in done.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
    done = fetch(torrent, tmp_path / "into", "--timeout", 0.5, "--peer", nobody)
    assert f"{nobody}: connection refused" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_signals_end_a_seed_in_order(torrent: Path, folder: Path, number: signal.Signals, code: int) -> None:
    with seeding(torrent, folder) as (process, _):
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
        assert process.returncode == code
        assert err == "p2pcore: interrupted\n"


def test_incomplete_data_is_not_seeded(torrent: Path, folder: Path) -> None:
    (folder / "README.md").unlink()
    command = [*P2PCORE, "seed", str(torrent), str(folder), "--listen", "127.0.0.1:0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert done.returncode == 2
    assert "incomplete" in done.stderr
