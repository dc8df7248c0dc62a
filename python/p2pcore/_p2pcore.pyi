"""The engine as Python sees it; checked against the built module by mypy.stubtest."""

import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, Self, final

from typing_extensions import Buffer

__all__ = [
    "DEBUG_BUILD",
    "VERSION",
    "File",
    "Magnet",
    "Metainfo",
    "RawSession",
    "chunk",
    "create",
    "hash_pieces",
    "merkle_root",
    "simulate",
    "simulate_trial",
    "trial_scenario",
    "trials",
    "verify",
]

DEBUG_BUILD: bool
VERSION: str

_Address = tuple[str, int]
_Rates = tuple[int | None, int | None]
_SessionRates = tuple[_Rates, _Rates, _Rates, _Rates]  # of all peers, on the LAN, on the Internet, of each peer
_Path = str | os.PathLike[str]
_Digests = tuple[bytes | None, bytes | None, bytes | None]

@final
class File:
    """One file of a torrent. Pad files are not shown.

    Attributes:
        index: Position among the torrent's files, 0-based.
        path: Path in the torrent, with "/" between folders; for a torrent of one file its name.
        length: Bytes.
        executable: Whether it is marked executable (BEP 47).
        hidden: Whether it is marked hidden (BEP 47).
        symlink: Where it points, in the torrent, if it is a symbolic link (BEP 47).
        pieces_root: Root of its Merkle tree in hexadecimal digits (BEP 52); None in a v1 torrent or if it is empty.
        pieces: First piece that it touches, and the one after the last; equal for an empty file.
    """

    @property
    def index(self) -> int: ...
    @property
    def path(self) -> str: ...
    @property
    def length(self) -> int: ...
    @property
    def executable(self) -> bool: ...
    @property
    def hidden(self) -> bool: ...
    @property
    def symlink(self) -> str | None: ...
    @property
    def pieces_root(self) -> str | None: ...
    @property
    def pieces(self) -> tuple[int, int]: ...
    def __hash__(self) -> int: ...
    def __eq__(self, value: object, /) -> bool: ...

@final
class Metainfo:
    """What a .torrent file says (BEP 3, BEP 52): immutable, and valid if it exists.

    Two are equal if their .torrent files are. It can be pickled.

    Attributes:
        name: Name of the file or of the root folder.
        format: "v1", "v2" or "hybrid".
        piece_length: Bytes in a piece; only the last may be shorter.
        piece_count: Pieces.
        total_size: Bytes of all files, pad files not counted.
        files: The files, pad files not counted.
        is_single_file: Whether `name` is a file and not a folder.
        info_hash_v1: SHA-1 of the info dictionary, 40 hexadecimal digits; None in a v2 torrent.
        info_hash_v2: SHA-256 of the info dictionary, 64 hexadecimal digits; None in a v1 torrent.
        info_bytes: The info dictionary as it is in the file.
        magnet: A magnet link to it.
        private: Whether peers may come from the trackers only (BEP 27).
        trackers: Tiers of announce URLs (BEP 12).
        web_seeds: URLs of HTTP servers that have the data (BEP 19).
        http_seeds: URLs of HTTP seeds (BEP 17).
        comment: Free text.
        created_by: The program that made it.
        creation_date: Seconds since 1970.
        source: Free text inside the info dictionary.
        has_piece_layers: False for a v2 torrent without the hashes of its pieces: its data cannot be verified.
    """

    @classmethod
    def from_file(cls, path: _Path) -> Metainfo:
        """Reads a .torrent file.

        Raises:
            StorageError: It cannot be read.
            MetainfoError: It is not a valid .torrent file.
        """

    @classmethod
    def from_bytes(cls, data: bytes) -> Metainfo:
        """Reads the bytes of a .torrent file.

        Raises:
            MetainfoError: They are not a valid .torrent file.
        """

    def to_bytes(self) -> bytes:
        """The bytes of its .torrent file. The info dictionary is byte for byte as it was read."""

    def save(self, path: _Path) -> None:
        """Writes its .torrent file, whole or not at all.

        Raises:
            StorageError: It cannot be written.
        """

    @property
    def name(self) -> str: ...
    @property
    def format(self) -> Literal["v1", "v2", "hybrid"]: ...
    @property
    def piece_length(self) -> int: ...
    @property
    def piece_count(self) -> int: ...
    @property
    def total_size(self) -> int: ...
    @property
    def files(self) -> tuple[File, ...]: ...
    @property
    def is_single_file(self) -> bool: ...
    @property
    def info_hash_v1(self) -> str | None: ...
    @property
    def info_hash_v2(self) -> str | None: ...
    @property
    def info_bytes(self) -> bytes: ...
    @property
    def magnet(self) -> Magnet: ...
    @property
    def private(self) -> bool: ...
    @property
    def trackers(self) -> tuple[tuple[str, ...], ...]: ...
    @property
    def web_seeds(self) -> tuple[str, ...]: ...
    @property
    def http_seeds(self) -> tuple[str, ...]: ...
    @property
    def comment(self) -> str | None: ...
    @property
    def created_by(self) -> str | None: ...
    @property
    def creation_date(self) -> int | None: ...
    @property
    def source(self) -> str | None: ...
    @property
    def has_piece_layers(self) -> bool: ...
    def __hash__(self) -> int: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Magnet:
    """A magnet link (BEP 9, BEP 53). `str` gives the link back.

    Attributes:
        uri: The link, in one canonical order.
        info_hash_v1: 40 hexadecimal digits (btih), or None.
        info_hash_v2: 64 hexadecimal digits (btmh), or None.
        name: Display name (dn).
        length: Bytes of all files (xl).
        trackers: Announce URLs (tr).
        web_seeds: URLs of HTTP servers (ws).
        peers: Addresses of peers (x.pe) as (host, port).
        select: Wanted files (so) as inclusive ranges of indices; empty wants all.

    Raises:
        MagnetError: There is no info hash, or something is malformed.

    Example:
        >>> magnet = p2pcore.Magnet(info_hash_v1="aa" * 20, name="a name", peers=[("192.0.2.1", 6881)])
        >>> str(magnet)
        'magnet:?xt=urn:btih:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&dn=a%20name&x.pe=192.0.2.1:6881'
    """

    def __new__(
        cls,
        *,
        info_hash_v1: str | None = None,
        info_hash_v2: str | None = None,
        name: str | None = None,
        length: int | None = None,
        trackers: Sequence[str] = ...,
        web_seeds: Sequence[str] = ...,
        peers: Sequence[tuple[str, int]] = ...,
        select: Sequence[tuple[int, int]] = ...,
    ) -> Self: ...
    @classmethod
    def parse(cls, uri: str) -> Magnet:
        """Takes a link apart.

        Raises:
            MagnetError: It is no magnet link of a torrent.
        """

    @property
    def uri(self) -> str: ...
    @property
    def info_hash_v1(self) -> str | None: ...
    @property
    def info_hash_v2(self) -> str | None: ...
    @property
    def name(self) -> str | None: ...
    @property
    def length(self) -> int | None: ...
    @property
    def trackers(self) -> tuple[str, ...]: ...
    @property
    def web_seeds(self) -> tuple[str, ...]: ...
    @property
    def peers(self) -> tuple[tuple[str, int], ...]: ...
    @property
    def select(self) -> tuple[tuple[int, int], ...]: ...
    def __hash__(self) -> int: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class RawSession:
    """A running session: one method for each command of the engine, none of which waits."""

    def __new__(
        cls,
        *,
        listen: Sequence[_Address],
        limits: _SessionRates,
        max_peers: int,
        max_peers_per_torrent: int,
        max_half_open: int,
        unchoke_slots: int,
        uploader: str,
        base_share: float,
        origin_mode: bool,
        locality: bool,
        site: str | None,
        local_discovery: bool,
        peer_exchange: bool,
        connect_timeout: float,
        state_dir: _Path | None,
        threads: int,
        event_capacity: int,
    ) -> RawSession: ...
    def listen_addresses(self) -> list[_Address]: ...
    def peer_id(self) -> bytes: ...
    def disconnects(self) -> dict[str, int]: ...
    def seed(
        self, meta: Metainfo, paths: Sequence[_Path], *, in_place: bool, peers: Sequence[_Address], limits: _Rates
    ) -> tuple[int, int]: ...
    def fetch(
        self,
        meta: Metainfo,
        into: _Path,
        *,
        files: Sequence[int] | None,
        peers: Sequence[_Address],
        sequential: bool,
        preallocate: bool,
        overwrite: bool,
        limits: _Rates,
    ) -> tuple[int, int]: ...
    def pause(self, torrent: int) -> int: ...
    def resume(self, torrent: int) -> int: ...
    def add_peer(self, torrent: int, address: _Address) -> int: ...
    def remove(self, torrent: int, delete_files: bool) -> int: ...
    def set_files(self, torrent: int, files: Sequence[int] | None) -> int: ...
    def set_piece_priorities(self, torrent: int, priorities: bytes | None) -> int: ...
    def set_piece_deadline(self, torrent: int, piece: int, within: float | None) -> int: ...
    def clear_piece_deadlines(self, torrent: int) -> int: ...
    def set_limits(self, limits: _SessionRates) -> int: ...
    def set_torrent_limits(self, torrent: int, limits: _Rates) -> int: ...
    def status(self, torrent: int) -> tuple[Any, ...] | None: ...
    def peers(self, torrent: int) -> list[tuple[Any, ...]]: ...
    def explain(self, torrent: int) -> tuple[Any, ...] | None: ...
    def bans(self, torrent: int) -> list[tuple[Any, ...]]: ...
    def take_ledger(self) -> list[tuple[str, int, int]]: ...
    def pieces(self, torrent: int) -> bytes: ...
    def availability(self, torrent: int) -> bytes: ...
    def piece_priorities(self, torrent: int) -> bytes: ...
    def event_fd(self) -> int | None: ...
    def clear_wake(self) -> None: ...
    def hush(self) -> None: ...
    def rouse(self) -> bool: ...
    def events_empty(self) -> bool: ...
    def drain_events(self, limit: int) -> list[tuple[str, int | None, Any, Any]]: ...
    def wait_events(self, timeout: float) -> bool: ...
    def close(self, timeout: float) -> bool: ...

def create(
    path: _Path,
    *,
    format: str,
    piece_length: int | None,
    trackers: Sequence[Sequence[str]],
    web_seeds: Sequence[str],
    http_seeds: Sequence[str],
    store_links: bool,
    private: bool,
    comment: str | None,
    source: str | None,
    created_by: str | None,
    creation_date: int | None,
    threads: int,
    digests: Sequence[str],
    progress: Callable[[int, int], object] | None,
) -> tuple[Metainfo, list[_Digests]]: ...
def chunk(
    data: Buffer | str,
    *,
    average: int,
    minimum: int | None,
    maximum: int | None,
    progress: Callable[[int, int], object] | None,
) -> bytes: ...
def hash_pieces(
    data: Buffer | str,
    piece_length: int,
    *,
    sha256: bool,
    threads: int,
    progress: Callable[[int, int], object] | None,
) -> bytes: ...
def merkle_root(data: Buffer | str, *, threads: int, progress: Callable[[int, int], object] | None) -> bytes: ...
def simulate(
    scenario: dict[str, Any], *, seed: int, progress: Callable[[int, int], object] | None
) -> dict[str, Any]: ...
def simulate_trial(name: str, *, seed: int, progress: Callable[[int, int], object] | None) -> dict[str, Any]: ...
def trial_scenario(name: str) -> dict[str, Any]: ...
def trials(name: str | None = None) -> list[tuple[str, str, bool, list[tuple[str, float, bool]]]]: ...
def verify(
    meta: Metainfo,
    paths: Sequence[_Path],
    *,
    in_place: bool,
    threads: int,
    digests: Sequence[str],
    progress: Callable[[int, int], object] | None,
) -> tuple[bytes, list[tuple[bool, bool, int | None, _Digests]]]: ...
