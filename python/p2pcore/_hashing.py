"""Hashing without a torrent: `hash_pieces` and `merkle_root`, in vector lanes on all cores, with the GIL free."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, TypeAlias

from p2pcore import _p2pcore
from p2pcore._config import StrPath
from p2pcore._content import Progress
from p2pcore._errors import ArgumentError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Buffer

Digest: TypeAlias = Literal["sha1", "sha256"]


def hash_pieces(
    data: Buffer | StrPath,
    piece_length: int,
    digest: Digest = "sha1",
    *,
    threads: int = 0,
    progress: Progress | None = None,
) -> NDArray[np.uint8]:
    """Hashes each piece of a buffer or of a file.

    With "sha1" and a torrent's piece length these are the piece hashes of a single-file v1 torrent (BEP 3).

    Args:
        data: Any C-contiguous buffer (bytes, an array), which is not copied; or the path of a file.
        piece_length: Bytes in a piece, at least 1; the last piece may be shorter.
        digest: "sha1" or "sha256".
        threads: Hashing threads; 0 is one for each core.
        progress: Called about ten times a second with (bytes hashed, bytes in all). What it raises stops the work.

    Returns:
        A read-only uint8 array of shape (pieces, 20) or (pieces, 32); no rows where there are no bytes.

    Raises:
        ArgumentError: The data is no buffer or path, or an option is wrong.
        StorageError: The file could not be read.

    Example:
        >>> p2pcore.hash_pieces(b"a" * 40_000, 16_384, "sha256").shape
        (3, 32)
    """
    import numpy as np

    if digest not in ("sha1", "sha256"):
        raise ArgumentError(f'digest is {digest!r}: it must be "sha1" or "sha256"')
    if not 0 < piece_length < 2**63:
        raise ArgumentError(f"piece_length is {piece_length}: it must be at least 1")
    sha256 = digest == "sha256"
    digests = _p2pcore.hash_pieces(plain(data), piece_length, sha256=sha256, threads=threads, progress=progress)
    return np.frombuffer(digests, dtype=np.uint8).reshape(-1, 32 if sha256 else 20)


def merkle_root(data: Buffer | StrPath, *, threads: int = 0, progress: Progress | None = None) -> bytes:
    """The root of the SHA-256 tree over 16 KiB leaves: a file's `pieces root` in a v2 torrent (BEP 52).

    Args:
        data: Any C-contiguous buffer (bytes, an array), which is not copied; or the path of a file.
        threads: Hashing threads; 0 is one for each core.
        progress: Called about ten times a second with (bytes hashed, bytes in all). What it raises stops the work.

    Returns:
        32 bytes; all zero where there are no bytes.

    Raises:
        ArgumentError: The data is no buffer or path.
        StorageError: The file could not be read.

    Example:
        >>> p2pcore.merkle_root(b"a" * 40_000).hex()[:8]
        '22510656'
    """
    return _p2pcore.merkle_root(plain(data), threads=threads, progress=progress)


def plain(data: Buffer | StrPath) -> Buffer | str:
    """What the native functions take: a buffer, or a path as text."""
    if isinstance(data, os.PathLike):
        return os.fspath(data)
    return data
