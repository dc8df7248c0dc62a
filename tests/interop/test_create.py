"""The same tree and options give the same `info` as libtorrent 2.1.1, byte for byte, over a corpus of trees."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from conftest import write_tree

import p2pcore

libtorrent = pytest.importorskip("libtorrent")

K = 16 << 10
TREES = {
    "empty files": {"a": 0, "b/c": 0, "d": 10, "z": 0},
    "first is empty": {"a": 0, "b/z": 10},
    "last is empty": {"a": 10, "b/z": 0},
    "exact multiples": {"a": K, "b": 2 * K, "c": 4 * K, "d": 8 * K, "e": 64 * K},
    "one byte over": {"a": K + 1, "b": 2 * K + 1, "c": 4 * K + 1, "d": 1, "e": 64 * K + 1},
    "one byte under": {"a": K - 1, "b": 2 * K - 1, "c": 4 * K - 1, "d": 64 * K - 1},
    "deep folders": {
        "/".join(f"d{level}" for level in range(depth)) + f"/f{depth}": 1000 * depth for depth in range(60)
    },
    "names that are not ASCII": {
        "ünï/ß": 2 * K,
        "日本/語.txt": 77_777,
        "\U0001f600": 5,
        ".hidden": 6,
        "Z/z": 11,
        "z": 3,
    },
    "large and small": {"a": 5_000_000, "b/z": 3_333_333, "c": 7},
    "5,000 small files": {f"f{number:05}": random.Random(number).randrange(4000) for number in range(5000)},
    "one file in a folder": {"one": 70_000},
}
SINGLES = {"small": 5, "block": K, "pieces": 4 * K, "over": 4 * K + 1, "ü": 1_234_567}
FLAGS = {"v1": 64, "v2": 32, "hybrid": 0}
"""libtorrent's `v1_only` and `v2_only`."""
PIECE_LENGTHS = [None, K, 4 * K, 1 << 20]


def theirs(data: Path, format: str, piece_length: int | None, flags: int = 0) -> dict[bytes, object]:
    """What libtorrent creates; for v1 with the files in our order, because it takes the folder's own."""
    files = libtorrent.list_files(str(data), flags=flags)
    if format == "v1":
        files.sort(key=lambda file: file.filename.encode().split(b"/"))
    made = libtorrent.create_torrent(files, piece_length or 0, FLAGS[format] | flags)
    libtorrent.set_piece_hashes(made, str(data.parent))
    return made.generate()


def same(data: Path, symlinks: str = "follow") -> None:
    flags = libtorrent.create_torrent.symlinks if symlinks == "store" else 0
    for format in FLAGS:
        for piece_length in PIECE_LENGTHS:
            made = p2pcore.create(data, format=format, piece_length=piece_length, symlinks=symlinks)
            ours = libtorrent.bdecode(made.to_bytes())
            other = theirs(data, format, piece_length, flags)
            assert libtorrent.bencode(ours[b"info"]) == libtorrent.bencode(other[b"info"]), (format, piece_length)
            assert ours.get(b"piece layers") == other.get(b"piece layers"), (format, piece_length)


@pytest.mark.parametrize("name", TREES)
def test_a_folder(name: str, tmp_path: Path) -> None:
    same(write_tree(tmp_path / "data", TREES[name]))


@pytest.mark.parametrize("name", SINGLES)
def test_a_file(name: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {name: SINGLES[name]})
    same(tmp_path / name)


def test_a_program_and_equal_files(tmp_path: Path) -> None:
    data = write_tree(tmp_path / "data", {"bin/run": 3 * K, "notes": 10})
    (data / "bin/run").chmod(0o755)
    for name in ("copy", "copy2"):
        (data / name).write_bytes(b"x" * 100_000)
    same(data)


@pytest.mark.parametrize("symlinks", ["follow", "store"])
def test_symbolic_links(symlinks: str, tmp_path: Path) -> None:
    data = write_tree(tmp_path / "data", {"a": 40_000, "b/c": 10, "z": 3 * K})
    (data / "b/to-a").symlink_to("../a")
    (data / "same").symlink_to("b/../z")
    same(data, symlinks)


def test_a_folder_beside_a_name_that_goes_on(tmp_path: Path) -> None:
    """The one difference: libtorrent orders the two lists of such a hybrid differently, and refuses the result."""
    data = write_tree(tmp_path / "data", {"sub/a": 10, "sub-x": 20})
    meta = p2pcore.create(data, format="hybrid")
    assert [file.path for file in meta.files] == ["sub/a", "sub-x"]
    assert libtorrent.torrent_info(libtorrent.bdecode(meta.to_bytes())).is_valid()
    with pytest.raises(RuntimeError):
        libtorrent.torrent_info(theirs(data, "hybrid", None))
