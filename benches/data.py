"""Files of random bytes, in the sizes that benches want."""

from __future__ import annotations

import os
from pathlib import Path

import p2pcore

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


def write_file(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for start in range(0, size, MIB):
            file.write(os.urandom(min(MIB, size - start)))


def write_sparse(path: Path, size: int, piece_length: int) -> None:
    """Bytes at the start of each piece, and holes behind: pieces that differ, in a file that takes no memory."""
    with path.open("wb") as file:
        for start in range(0, size, piece_length):
            file.seek(start)
            file.write(os.urandom(min(4 * KIB, size - start)))
        file.truncate(size)


def touch_memory(folder: Path, size: int) -> None:
    """Takes `size` bytes of memory, at most 4 GiB, and gives them back, by a file in a folder in memory.

    The host of a virtual machine gives memory at its first touch, slowly, and takes it back when it was free for some
    seconds. Who is measured right after this pays for none of it, and who is measured next does not gain by it.
    """
    path, zeros = folder / "touched", bytes(MIB)
    with path.open("wb") as file:
        for _ in range(0, min(size, 4 * GIB), MIB):
            file.write(zeros)
    path.unlink()


def share(scratch: Path, size: int) -> p2pcore.Metainfo:
    """One v1 file, `source/data`, and `data.torrent` beside its folder."""
    (scratch / "source").mkdir()
    write_file(scratch / "source" / "data", size)
    meta = p2pcore.create(scratch / "source" / "data", format="v1")
    meta.save(scratch / "data.torrent")
    return meta


def write_files(folder: Path, count: int, size: int) -> None:
    for number in range(count):
        path = folder / f"{number // 100:03}" / f"{number:05}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
