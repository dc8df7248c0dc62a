"""Torrents from data, and data against torrents: `create` and `verify`.

Both block the calling thread and use all cores; the GIL is free while they hash, Ctrl-C stops them, and `progress`
is called from the calling thread. In asynchronous code: `await asyncio.to_thread(p2pcore.create, path)`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict, Unpack

from p2pcore import _p2pcore
from p2pcore._config import StrPath
from p2pcore._errors import ArgumentError
from p2pcore._public import public

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from p2pcore._p2pcore import File, Metainfo

Format: TypeAlias = Literal["v1", "v2", "hybrid"]
Progress: TypeAlias = Callable[[int, int], object]
Digest: TypeAlias = Literal["sha256", "git-sha1", "blake3"]

_DIGESTS = ("sha256", "git-sha1", "blake3")


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class FileDigests:
    """Digests of one whole file; None where one was not asked for, the file is not whole, or it is a link.

    Attributes:
        sha256: 32 bytes.
        git_sha1: 20 bytes: SHA-1 of the file as a git blob, the name that git gives it.
        blake3: 32 bytes.
    """

    sha256: bytes | None
    git_sha1: bytes | None
    blake3: bytes | None


class CreateOptions(TypedDict, total=False):
    """What `create` takes beside the path."""

    format: Format
    piece_length: int | None
    trackers: Sequence[str | Sequence[str]]
    web_seeds: Sequence[str]
    private: bool
    comment: str | None
    progress: Progress | None
    http_seeds: Sequence[str]
    symlinks: Literal["follow", "store"]
    source: str | None
    created_by: str | None
    creation_date: int | None
    threads: int


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """One file, compared with its torrent.

    Attributes:
        file: The file.
        complete: Whether every piece of it is there and correct, and its size is right.
        missing: Whether it is not there.
        size: Bytes on the disk; None if it is not there.
        digests: Of what is there, right or wrong, if it has the right size; those that `verify` was asked for.
    """

    file: File
    complete: bool
    missing: bool
    size: int | None
    digests: FileDigests


@public
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VerifyReport:
    """Data, compared with its torrent.

    Attributes:
        complete: Whether everything is there and correct.
        pieces: For each piece, whether it is; a read-only bool array of shape (piece count,).
        files: A report for each file, in the torrent's order.
    """

    complete: bool
    pieces: NDArray[np.bool_]
    files: tuple[FileReport, ...]


def create(
    path: StrPath,
    format: Format = "hybrid",
    piece_length: int | None = None,
    trackers: Sequence[str | Sequence[str]] = (),
    web_seeds: Sequence[str] = (),
    private: bool = False,
    comment: str | None = None,
    progress: Progress | None = None,
    *,
    http_seeds: Sequence[str] = (),
    symlinks: Literal["follow", "store"] = "follow",
    source: str | None = None,
    created_by: str | None = None,
    creation_date: int | None = None,
    threads: int = 0,
) -> Metainfo:
    """Makes a torrent of a file or a folder.

    The same data and options give the same bytes: files are sorted, and nothing is added that was not asked for.

    Args:
        path: The file or the folder.
        format: "v1" (BEP 3), "v2" (BEP 52) or "hybrid", which every client reads.
        piece_length: Bytes in a piece, a power of two of at least 16 KiB; None chooses one by the total size.
        trackers: URLs, or tiers of URLs (BEP 12).
        web_seeds: URLs of HTTP servers that have the data (BEP 19).
        private: Peers come from the trackers only (BEP 27).
        comment: Free text.
        progress: Called about ten times a second with (bytes hashed, bytes in all). What it raises stops the work.
        http_seeds: URLs of HTTP servers that speak BEP 17.
        symlinks: "follow" shares what a symbolic link leads to in its place; "store" makes links of the torrent
            (BEP 47), which have to lead to something that is shared too.
        source: Free text inside the info dictionary: it changes the info hash.
        created_by: The program's name.
        creation_date: Seconds since 1970.
        threads: Hashing threads; 0 is one for each core.

    Returns:
        The torrent's metainfo.

    Raises:
        ArgumentError: An option is wrong.
        CreateError: The path holds nothing that a torrent could be made of, a link that leads nowhere, or the piece
            length is not allowed.
        StorageError: A file could not be read.

    Example:
        >>> meta = p2pcore.create(folder, trackers=["http://tracker.example/announce"])
        >>> meta.format
        'hybrid'
    """
    meta, _ = _create(
        path,
        (),
        format=format,
        piece_length=piece_length,
        trackers=trackers,
        web_seeds=web_seeds,
        private=private,
        comment=comment,
        progress=progress,
        http_seeds=http_seeds,
        symlinks=symlinks,
        source=source,
        created_by=created_by,
        creation_date=creation_date,
        threads=threads,
    )
    return meta


def create_with_digests(
    path: StrPath, digests: Sequence[Digest] = ("sha256",), **options: Unpack[CreateOptions]
) -> tuple[Metainfo, tuple[FileDigests, ...]]:
    """Makes a torrent as `create` does, and takes digests of the whole files in the same pass over the data.

    Args:
        path: The file or the folder.
        digests: Any of "sha256", "git-sha1" and "blake3". A digest of one large file is the work of one core.
        options: As those of `create`.

    Returns:
        The torrent's metainfo, and the digests of each of its files, in its order.

    Raises:
        ArgumentError: An option is wrong.
        CreateError: As with `create`.
        StorageError: A file could not be read.

    Example:
        >>> meta, digests = p2pcore.create_with_digests(folder, ["blake3"])
        >>> len(digests) == len(meta.files), len(digests[0].blake3)
        (True, 32)
    """
    meta, rows = _create(path, digests, **options)
    return meta, tuple(_file_digests(row) for row in rows)


def _create(
    path: StrPath,
    digests: Sequence[Digest],
    *,
    format: Format = "hybrid",
    piece_length: int | None = None,
    trackers: Sequence[str | Sequence[str]] = (),
    web_seeds: Sequence[str] = (),
    private: bool = False,
    comment: str | None = None,
    progress: Progress | None = None,
    http_seeds: Sequence[str] = (),
    symlinks: Literal["follow", "store"] = "follow",
    source: str | None = None,
    created_by: str | None = None,
    creation_date: int | None = None,
    threads: int = 0,
) -> tuple[Metainfo, list[_DigestRow]]:
    if any(isinstance(urls, str) for urls in (trackers, web_seeds, http_seeds)):
        raise ArgumentError("trackers, web_seeds and http_seeds are sequences of URLs, not one text")
    if symlinks not in ("follow", "store"):
        raise ArgumentError(f"symlinks is {symlinks!r}, not 'follow' or 'store'")
    if creation_date is not None and not -(2**63) <= creation_date < 2**63:
        raise ArgumentError(f"creation_date is {creation_date}: it must be seconds since 1970")
    return _p2pcore.create(
        os.fspath(path),
        format=format,
        piece_length=_piece_length(piece_length),
        trackers=[[tier] if isinstance(tier, str) else list(tier) for tier in trackers],
        web_seeds=list(web_seeds),
        http_seeds=list(http_seeds),
        store_links=symlinks == "store",
        private=private,
        comment=comment,
        source=source,
        created_by=created_by,
        creation_date=creation_date,
        threads=threads,
        digests=_digest_names(digests),
        progress=progress,
    )


def verify(
    meta: Metainfo,
    path: StrPath | Mapping[str, StrPath],
    *,
    digests: Sequence[Digest] = (),
    threads: int = 0,
    progress: Progress | None = None,
) -> VerifyReport:
    """Compares data with a torrent, in one pass. Missing and short files are findings, not errors.

    Args:
        meta: The torrent.
        path: The shared file or folder itself, whatever its name; or a mapping from torrent path to local path.
        digests: Digests of whole files to take in the same pass: any of "sha256", "git-sha1" and "blake3".
        threads: Hashing threads; 0 is one for each core.
        progress: Called about ten times a second with (bytes hashed, bytes in all). What it raises stops the work.

    Returns:
        What is there and what is not.

    Raises:
        ArgumentError: The mapping lacks a file, or names one that the torrent does not have.
        StorageError: A file is there and could not be read.
        TorrentError: The torrent has no piece hashes, or its hashes disagree.

    Example:
        >>> report = p2pcore.verify(meta, folder)
        >>> report.complete, bool(report.pieces.all())
        (True, True)
    """
    import numpy as np

    paths, in_place = local_paths(meta, path)
    names = _digest_names(digests)
    pieces, files = _p2pcore.verify(meta, paths, in_place=in_place, threads=threads, digests=names, progress=progress)
    reports = tuple(
        FileReport(file=file, complete=complete, missing=missing, size=size, digests=_file_digests(row))
        for file, (complete, missing, size, row) in zip(meta.files, files, strict=True)
    )
    return VerifyReport(
        complete=all(report.complete for report in reports) and 0 not in pieces,
        pieces=np.frombuffer(pieces, dtype=np.bool_),
        files=reports,
    )


def local_paths(meta: Metainfo, path: StrPath | Mapping[str, StrPath]) -> tuple[list[str], bool]:
    """Where the files of a torrent are.

    Args:
        meta: The torrent.
        path: One path of the whole, or a path for each file.

    Returns:
        The paths, and whether it is one path of the whole.

    Raises:
        ArgumentError: The mapping lacks a file, or names one that the torrent does not have.
    """
    if not isinstance(path, Mapping):
        return [absolute(path)], True
    names = [file.path for file in meta.files]
    if unknown := path.keys() - set(names):
        raise ArgumentError(f"the torrent has no file {min(unknown)!r}")
    if missing := [name for name in names if name not in path]:
        raise ArgumentError(f"no local path is given for {missing[0]!r} ({len(missing)} files lack one)")
    return [absolute(path[name]) for name in names], False


def absolute(path: StrPath) -> str:
    """The same place, also when the program changes its folder."""
    return str(Path(path).absolute())


_DigestRow: TypeAlias = tuple[bytes | None, bytes | None, bytes | None]


def _digest_names(digests: Sequence[Digest]) -> list[str]:
    if isinstance(digests, str) or any(name not in _DIGESTS for name in digests):
        raise ArgumentError(f"digests is {digests!r}: it must be a sequence of {', '.join(map(repr, _DIGESTS))}")
    return list(digests)


def _file_digests(row: _DigestRow) -> FileDigests:
    sha256, git_sha1, blake3 = row
    return FileDigests(sha256=sha256, git_sha1=git_sha1, blake3=blake3)


def _piece_length(value: int | None) -> int | None:
    if value is not None and not 0 < value < 2**32:
        raise ArgumentError(f"piece_length is {value}: it must be a power of two of at least 16384 bytes")
    return value
