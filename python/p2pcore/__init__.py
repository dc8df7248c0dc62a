"""A BitTorrent engine: create, seed, fetch and verify torrents (v1, v2 and hybrid), from asyncio or blocking."""

from p2pcore import sim, sync
from p2pcore._bans import Ban
from p2pcore._chunking import chunk
from p2pcore._config import Address, SessionConfig
from p2pcore._content import FileDigests, FileReport, VerifyReport, create, create_with_digests, verify
from p2pcore._errors import (
    AlreadyAddedError,
    ArgumentError,
    CreateError,
    ForkError,
    HashesDisagreeError,
    IncompleteDataError,
    ListenError,
    MagnetError,
    MetainfoError,
    NoPieceLayersError,
    P2PError,
    SessionClosedError,
    SessionError,
    StorageError,
    TorrentError,
    TorrentRemovedError,
    WrongLoopError,
)
from p2pcore._events import (
    Checked,
    Completed,
    DialFailed,
    Event,
    EventsDropped,
    Failed,
    FileCompleted,
    LedgerFailed,
    MayLeave,
    PeerBanned,
    PeerConnected,
    PeerDisconnected,
    PieceFailed,
    PieceVerified,
)
from p2pcore._explain import Explanation, PathModel, PeerExplanation, Trust
from p2pcore._hashing import hash_pieces, merkle_root
from p2pcore._ledger import LedgerEntry
from p2pcore._p2pcore import VERSION as __version__
from p2pcore._p2pcore import File, Magnet, Metainfo
from p2pcore._session import Session
from p2pcore._snapshots import PeerStatus, Status
from p2pcore._streams import EventStream
from p2pcore._torrent import Torrent

__all__ = [
    "Address",
    "AlreadyAddedError",
    "ArgumentError",
    "Ban",
    "Checked",
    "Completed",
    "CreateError",
    "DialFailed",
    "Event",
    "EventStream",
    "EventsDropped",
    "Explanation",
    "Failed",
    "File",
    "FileCompleted",
    "FileDigests",
    "FileReport",
    "ForkError",
    "HashesDisagreeError",
    "IncompleteDataError",
    "LedgerEntry",
    "LedgerFailed",
    "ListenError",
    "Magnet",
    "MagnetError",
    "MayLeave",
    "Metainfo",
    "MetainfoError",
    "NoPieceLayersError",
    "P2PError",
    "PathModel",
    "PeerBanned",
    "PeerConnected",
    "PeerDisconnected",
    "PeerExplanation",
    "PeerStatus",
    "PieceFailed",
    "PieceVerified",
    "Session",
    "SessionClosedError",
    "SessionConfig",
    "SessionError",
    "Status",
    "StorageError",
    "Torrent",
    "TorrentError",
    "TorrentRemovedError",
    "Trust",
    "VerifyReport",
    "WrongLoopError",
    "__version__",
    "chunk",
    "create",
    "create_with_digests",
    "hash_pieces",
    "merkle_root",
    "sim",
    "sync",
    "verify",
]
