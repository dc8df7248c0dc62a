"""What the clients of Debian 12 cannot do, whoever is at the other end: if one of these fails, they have learned it."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import write_tree
from peers import Aria2, Transmission

import p2pcore

libtorrent = pytest.importorskip("libtorrent")


@pytest.fixture
def hybrid(tmp_path: Path) -> Path:
    """A hybrid torrent, made by libtorrent."""
    write_tree(tmp_path / "data", {"a": 100_000, "b/c": 20_000})
    made = libtorrent.create_torrent(libtorrent.list_files(str(tmp_path / "data")), 64 << 10)
    libtorrent.set_piece_hashes(made, str(tmp_path))
    torrent = tmp_path / "t.torrent"
    torrent.write_bytes(libtorrent.bencode(made.generate()))
    assert p2pcore.Metainfo.from_file(torrent).format == "hybrid"
    return torrent


# Both lose the empty key that ends every path of a v2 file tree.


def test_aria2_takes_another_info_hash_for_a_hybrid(hybrid: Path, tmp_path: Path, peer) -> None:
    aria2: Aria2 = peer(Aria2)
    aria2.add(hybrid, tmp_path / "into")
    assert aria2.info_hash != p2pcore.Metainfo.from_file(hybrid).info_hash_v1


def test_transmission_refuses_a_hybrid(hybrid: Path, tmp_path: Path, peer) -> None:
    transmission = peer(Transmission)
    with pytest.raises(OSError, match="invalid or corrupt torrent file"):
        transmission.add(hybrid, tmp_path / "into")
