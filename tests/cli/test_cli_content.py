"""p2pcore create, inspect, verify."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import p2pcore
from p2pcore.cli import main


def cli(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


@pytest.fixture
def torrent(folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "folder.torrent"
    p2pcore.create(folder, trackers=["http://tracker/"], comment="a comment").save(path)
    return path


def test_create_writes_the_torrent(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.torrent"
    result = cli(
        *("create", folder, "-o", out, "--format", "v2", "--piece-length", "32K", "--tracker", "http://a/"),
        *("--tracker", "http://b/", "--web-seed", "http://c/", "--private", "--comment", "text"),
    )
    assert result.exit_code == 0, result.output
    meta = p2pcore.Metainfo.from_file(out)
    assert (meta.format, meta.piece_length, meta.private, meta.comment) == ("v2", 32768, True, "text")
    assert (meta.trackers, meta.web_seeds) == ((("http://a/",), ("http://b/",)), ("http://c/",))
    assert meta.info_hash_v2 in result.stdout


def test_create_prints_one_json_object(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.torrent"
    result = cli("create", folder, "-o", out, "--json")
    said = json.loads(result.stdout)
    assert said["torrent"] == str(out)
    assert said["info_hash_v1"] == p2pcore.create(folder).info_hash_v1
    assert result.stderr == ""


def test_inspect_shows_a_torrent(torrent: Path) -> None:
    shown = cli("inspect", torrent).stdout
    for part in ("folder", "hybrid", "http://tracker/", "a comment", "magnet:?", "README.md", "naïve/ünï.bin"):
        assert part in shown
    assert ".pad" not in shown
    said = json.loads(cli("inspect", torrent, "--json").stdout)
    assert said["trackers"] == [["http://tracker/"]]
    assert {file["path"] for file in said["files"]} >= {"README.md", "empty"}


def test_inspect_shows_a_magnet(torrent: Path) -> None:
    meta = p2pcore.Metainfo.from_file(torrent)
    assert meta.info_hash_v1 in cli("inspect", meta.magnet).stdout
    assert json.loads(cli("inspect", meta.magnet, "--json").stdout)["info_hash_v2"] == meta.info_hash_v2


def test_verify_tells_by_its_exit_code(torrent: Path, folder: Path) -> None:
    assert cli("verify", torrent, folder).exit_code == 0
    (folder / "README.md").write_bytes(b"other")
    result = cli("verify", torrent, folder)
    assert result.exit_code == 1
    assert "incomplete: README.md" in result.stdout
    said = json.loads(cli("verify", torrent, folder, "--json").stdout)
    assert said["complete"] is False
    assert "README.md" in said["incomplete_files"]
    (folder / "README.md").unlink()
    assert json.loads(cli("verify", torrent, folder, "--json").stdout)["missing_files"] == ["README.md"]
    assert "missing: README.md" in cli("verify", torrent, folder).stdout


@pytest.mark.parametrize(
    "args",
    [
        ("inspect", "/no/such.torrent"),
        ("inspect", "magnet:?dn=x"),
        ("inspect", __file__),
        ("verify", "/no/such.torrent", "/tmp"),
        ("create", "/no/such/path"),
        ("create", __file__, "-o", "/no/such/folder/x.torrent"),
        ("create", __file__, "--piece-length", "1000"),
        ("create", __file__, "--piece-length", "many"),
        ("fetch", __file__, "-o", "/tmp"),
        ("fetch", "magnet:?xt=urn:btih:" + "ab" * 20, "-o", "/tmp"),
        ("seed", "/no/such.torrent", "/tmp"),
        ("unknown",),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(args: tuple[str, ...]) -> None:
    result = cli(*args)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    sentences = [line for line in result.stderr.splitlines() if not line.startswith("hashing ")]
    assert len(sentences) == 1, result.stderr
    assert all(part in result.stderr for part in args if part.startswith("/no/such"))
    assert args[0] not in {"inspect", "fetch"} or args[1].startswith("magnet:") or args[1] in result.stderr


def test_another_torrent_is_not_overwritten_unasked(folder: Path) -> None:
    made = folder.parent / "folder.torrent"
    for _ in range(2):  # the same torrent again is no harm
        assert cli("create", folder).exit_code == 0
    made.write_bytes(b"somebody else's")
    refused = cli("create", folder)
    assert (refused.exit_code, made.read_bytes()) == (2, b"somebody else's")
    assert "-o" in refused.stderr
    assert cli("create", folder, "-o", made).exit_code == 0


def test_version_and_help() -> None:
    assert p2pcore.__version__ in cli("--version").stdout
    for command in ("create", "inspect", "verify", "seed", "fetch"):
        assert command in cli("--help").stdout
        assert cli(command, "--help").exit_code == 0
