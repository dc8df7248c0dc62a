"""create, verify, Metainfo and Magnet."""

from __future__ import annotations

import hashlib
import pickle
import shutil
import threading
from pathlib import Path

import libtorrent
import numpy as np
import pytest
from conftest import write_tree

import p2pcore

FORMATS = ["v1", "v2", "hybrid"]


@pytest.mark.parametrize("format", FORMATS)
def test_created_torrent_describes_the_folder(folder: Path, format: str) -> None:
    meta = p2pcore.create(
        folder, format=format, comment="a comment", trackers=["http://one/", ["http://two/", "udp://three:1"]]
    )
    assert (meta.name, meta.format, meta.comment, meta.private) == ("folder", format, "a comment", False)
    assert meta.trackers == (("http://one/",), ("http://two/", "udp://three:1"))
    assert {file.path: file.length for file in meta.files} == {
        str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()
    }
    assert meta.total_size == sum(file.length for file in meta.files)
    assert [file.index for file in meta.files] == list(range(len(meta.files)))
    assert not meta.is_single_file
    assert (meta.info_hash_v1 is None) == (format == "v2")
    assert (meta.info_hash_v2 is None) == (format == "v1")


@pytest.mark.parametrize("format", FORMATS)
def test_libtorrent_reads_the_same_info_hashes(folder: Path, format: str) -> None:
    meta = p2pcore.create(folder, format=format, piece_length=16384)
    info = libtorrent.torrent_info(meta.to_bytes())
    hashes = info.info_hashes()
    assert meta.info_hash_v1 == (str(hashes.v1) if hashes.has_v1() else None)
    assert meta.info_hash_v2 == (str(hashes.v2) if hashes.has_v2() else None)


def test_creation_is_deterministic(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy" / "folder"
    shutil.copytree(folder, copy)
    assert p2pcore.create(folder).to_bytes() == p2pcore.create(copy, threads=1).to_bytes()


def test_saved_torrent_is_read_back_equal(folder: Path, tmp_path: Path) -> None:
    meta = p2pcore.create(folder)
    meta.save(tmp_path / "x.torrent")
    again = p2pcore.Metainfo.from_file(tmp_path / "x.torrent")
    assert again == meta
    assert hash(again) == hash(meta)
    assert {again, meta} == {meta}
    assert [path.name for path in tmp_path.iterdir() if "torrent" in path.name] == ["x.torrent"]


def test_metainfo_pickles(single: Path) -> None:
    meta = p2pcore.create(single)
    assert pickle.loads(pickle.dumps(meta)) == meta
    assert pickle.loads(pickle.dumps(meta.magnet)) == meta.magnet


def test_single_file_is_named_by_itself(single: Path) -> None:
    meta = p2pcore.create(single, piece_length=32768)
    assert meta.is_single_file
    assert [(file.path, file.length, file.pieces) for file in meta.files] == [("single.bin", 300_001, (0, 10))]
    assert meta.piece_count == 10


def test_progress_ends_at_the_total(folder: Path) -> None:
    calls: list[tuple[int, int]] = []
    threads = set()

    def progress(done: int, total: int) -> None:
        calls.append((done, total))
        threads.add(threading.get_ident())

    p2pcore.create(folder, progress=progress)
    assert calls[-1][0] == calls[-1][1] > 0
    assert threads == {threading.get_ident()}


def test_what_progress_raises_stops_the_work_and_comes_out(tmp_path: Path) -> None:
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(64 << 30)  # sparse: hashing all of it would take minutes

    class Enough(Exception):
        pass

    def progress(done: int, total: int) -> None:
        raise Enough

    with pytest.raises(Enough):
        p2pcore.create(big, progress=progress)


@pytest.mark.parametrize(
    "options",
    [
        {"piece_length": 1000},
        {"piece_length": 0},
        {"format": "v3"},
        {"trackers": "http://x/"},
        {"http_seeds": "http://x/"},
        {"symlinks": "ignore"},
        {"creation_date": 2**70},
    ],
)
def test_wrong_options_are_value_errors(single: Path, options: dict) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        p2pcore.create(single, **options)
    assert isinstance(caught.value, p2pcore.P2PError)


def test_missing_path_is_a_storage_error_with_the_path(tmp_path: Path) -> None:
    with pytest.raises(p2pcore.StorageError) as caught:
        p2pcore.create(tmp_path / "nothing")
    assert str(caught.value.filename) == str(tmp_path / "nothing")
    assert caught.value.errno is not None


def test_empty_folder_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "hollow").mkdir()
    with pytest.raises(p2pcore.CreateError):
        p2pcore.create(tmp_path / "hollow")


@pytest.mark.parametrize("data", [b"", b"d", b"de", b"i1e", b"d4:infodee", b"l" * 100_000, b"d4:info99999999999:"])
def test_malformed_torrents_are_metainfo_errors(data: bytes) -> None:
    with pytest.raises(p2pcore.MetainfoError):
        p2pcore.Metainfo.from_bytes(data)


def test_missing_torrent_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(p2pcore.StorageError) as caught:
        p2pcore.Metainfo.from_file(tmp_path / "none.torrent")
    assert isinstance(caught.value, OSError)


# verify


@pytest.mark.parametrize("format", FORMATS)
def test_untouched_data_verifies(folder: Path, format: str) -> None:
    meta = p2pcore.create(folder, format=format, piece_length=16384)
    report = p2pcore.verify(meta, folder)
    assert report.complete
    assert report.pieces.dtype == np.bool_
    assert report.pieces.shape == (meta.piece_count,)
    assert report.pieces.all()
    assert not report.pieces.flags.writeable
    assert all(entry.complete for entry in report.files)


@pytest.mark.parametrize("format", FORMATS)
def test_one_flipped_byte_is_found(folder: Path, format: str) -> None:
    meta = p2pcore.create(folder, format=format, piece_length=16384)
    target = folder / "data" / "deep" / "er" / "still.bin"
    data = bytearray(target.read_bytes())
    data[50_000] ^= 1
    target.write_bytes(data)
    report = p2pcore.verify(meta, folder)
    assert not report.complete
    assert int((~report.pieces).sum()) == 1
    bad = [entry.file.path for entry in report.files if not entry.complete]
    assert "data/deep/er/still.bin" in bad
    assert len(bad) <= (1 if format != "v1" else 2)


@pytest.mark.parametrize("format", FORMATS)
def test_missing_and_short_files_are_findings(folder: Path, format: str) -> None:
    meta = p2pcore.create(folder, format=format, piece_length=16384)
    (folder / "README.md").unlink()
    (folder / "empty").unlink()
    with (folder / "data" / "exact.bin").open("r+b") as file:
        file.truncate(100)
    reports = {entry.file.path: entry for entry in p2pcore.verify(meta, folder).files}
    bad = {path for path, entry in reports.items() if not entry.complete}
    assert {"README.md", "empty", "data/exact.bin"} <= bad
    assert {path for path, entry in reports.items() if entry.missing} == {"README.md", "empty"}
    assert (reports["data/exact.bin"].size, reports["empty"].size) == (100, None)


def test_mapping_names_a_path_for_each_file(folder: Path, tmp_path: Path) -> None:
    meta = p2pcore.create(folder)
    paths = {}
    for number, file in enumerate(meta.files):
        paths[file.path] = tmp_path / f"moved-{number}"
        shutil.copy(folder / file.path, paths[file.path])
    assert p2pcore.verify(meta, paths).complete
    with pytest.raises(p2pcore.ArgumentError, match="README"):
        p2pcore.verify(meta, {path: local for path, local in paths.items() if path != "README.md"})
    with pytest.raises(p2pcore.ArgumentError, match="other"):
        p2pcore.verify(meta, {**paths, "other": tmp_path})


def test_single_file_verifies_under_another_name(single: Path, tmp_path: Path) -> None:
    meta = p2pcore.create(single)
    renamed = tmp_path / "renamed"
    single.rename(renamed)
    assert p2pcore.verify(meta, renamed).complete


# Magnet


def test_magnet_of_a_torrent_parses_back(folder: Path) -> None:
    meta = p2pcore.create(folder, trackers=["http://one/announce"], web_seeds=["http://seed/x y"])
    magnet = p2pcore.Magnet.parse(str(meta.magnet))
    assert magnet == meta.magnet
    assert hash(magnet) == hash(meta.magnet)
    assert (magnet.info_hash_v1, magnet.info_hash_v2) == (meta.info_hash_v1, meta.info_hash_v2)
    assert (magnet.name, magnet.trackers) == ("folder", ("http://one/announce",))
    assert magnet.uri.startswith("magnet:?")


def test_magnet_reads_base32_peers_and_selection() -> None:
    magnet = p2pcore.Magnet.parse(
        "magnet:?xt=urn:btih:AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH&dn=a+b%20c&xl=10&x.pe=127.0.0.1:80&x.pe=[::1]:81&so=0,2,4-6"
    )
    assert magnet.info_hash_v1 == "0123456789abcdef0123456789abcdef01234567"
    assert magnet.length == 10
    assert set(magnet.peers) == {("127.0.0.1", 80), ("::1", 81)}
    assert magnet.select == ((0, 0), (2, 2), (4, 6))


def test_built_magnet_says_what_it_was_given() -> None:
    given = {
        "info_hash_v1": "aa" * 20,
        "info_hash_v2": "bb" * 32,
        "name": "a name & more",
        "length": 5,
        "trackers": ("http://tracker.example/announce",),
        "web_seeds": ("http://web.example/",),
        "peers": (("192.0.2.1", 6881), ("2001:db8::1", 1), ("peer.example", 2)),
        "select": ((0, 0), (4, 6)),
    }
    magnet = p2pcore.Magnet(**given)
    assert {name: getattr(magnet, name) for name in given} == given
    assert p2pcore.Magnet.parse(str(magnet)) == magnet
    for wrong in ({}, {"info_hash_v1": "aa"}, {**given, "peers": [("no host", 1)]}, {**given, "select": [(3, 1)]}):
        with pytest.raises(p2pcore.MagnetError):
            p2pcore.Magnet(**wrong)


def test_links_are_followed_or_stored(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "folder", {"a": 20_000, "b/c": 5})
    (folder / "b/link").symlink_to("../a")
    followed = p2pcore.create(folder, http_seeds=["http://seed.example/"])
    assert followed.http_seeds == ("http://seed.example/",)
    assert [(file.path, file.length) for file in followed.files] == [("a", 20_000), ("b/c", 5), ("b/link", 20_000)]
    stored = p2pcore.create(folder, symlinks="store")
    assert [(file.path, file.symlink) for file in stored.files][2] == ("b/link", "a")
    assert p2pcore.verify(stored, folder).complete
    (folder / "b/link").unlink()
    (folder / "b/link").write_bytes(b"no link")
    assert [report.complete for report in p2pcore.verify(stored, folder).files] == [True, True, False]
    (folder / "b/link").unlink()
    (folder / "b/link").symlink_to("nothing")
    with pytest.raises(p2pcore.CreateError, match="leads to nothing"):
        p2pcore.create(folder)


@pytest.mark.parametrize(
    "uri", ["", "http://x/", "magnet:?dn=x", "magnet:?xt=urn:btih:123", "magnet:?xt=urn:btmh:1220ab"]
)
def test_malformed_magnets_are_magnet_errors(uri: str) -> None:
    with pytest.raises(p2pcore.MagnetError):
        p2pcore.Magnet.parse(uri)


def test_digests_of_whole_files_come_with_the_same_pass(folder: Path) -> None:
    meta, digests = p2pcore.create_with_digests(folder, ["sha256", "git-sha1"], format="v2", threads=2)
    assert meta == p2pcore.create(folder, format="v2")
    report = p2pcore.verify(meta, folder, digests=["sha256", "git-sha1"])
    assert tuple(entry.digests for entry in report.files) == digests
    for file, found in zip(meta.files, digests, strict=True):
        data = (folder / file.path).read_bytes()
        assert found.sha256 == hashlib.sha256(data).digest()
        assert found.git_sha1 == hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).digest()
        assert found.blake3 is None
    with pytest.raises(p2pcore.ArgumentError):
        p2pcore.verify(meta, folder, digests="sha256")  # type: ignore[arg-type]
