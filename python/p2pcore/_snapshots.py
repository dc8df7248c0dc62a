"""Torrents and peers at one moment, as frozen values.

The order of the fields is the order of the tuples that `rust/python/src/snapshots.rs` makes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from p2pcore import _errors
from p2pcore._public import public

if TYPE_CHECKING:
    from collections.abc import Callable

    from p2pcore._errors import P2PError

State: TypeAlias = Literal["checking", "downloading", "seeding", "paused", "failed", "removed"]


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A torrent at one moment. Sizes are bytes of the user's files; rates are bytes per second.

    Attributes:
        state: "checking" (hashing what is on disk), "downloading", "seeding" (everything wanted is there), "paused",
            "failed" (see `error`) or "removed".
        done: Verified bytes of wanted files.
        wanted: Bytes of wanted files.
        checked: Bytes hashed so far by the check at the start; 0 after a fast resume.
        to_check: Bytes that the check at the start has to hash.
        downloaded: Payload received from peers.
        uploaded: Payload sent to peers.
        wasted: Payload received that was of no use: duplicates and failed pieces.
        download_rate: Receiving, bytes per second.
        upload_rate: Sending, bytes per second.
        peers: Connected peers.
        seeds: Connected peers that have everything.
        pieces: Verified pieces.
        error: What went wrong, in the state "failed".
    """

    state: State
    done: int
    wanted: int
    checked: int
    to_check: int
    downloaded: int
    uploaded: int
    wasted: int
    download_rate: float
    upload_rate: float
    peers: int
    seeds: int
    pieces: int
    error: P2PError | None

    @property
    def progress(self) -> float:
        """Share of the wanted bytes that is verified, 0 to 1."""
        return self.done / self.wanted if self.wanted else 1.0

    @property
    def eta(self) -> float | None:
        """Seconds to go at the present rate; None while nothing arrives."""
        left = self.wanted - self.done
        if left == 0:
            return 0.0
        return left / self.download_rate if self.download_rate > 0 else None


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class PeerStatus:
    """A connected peer at one moment. Sizes are bytes of payload; rates are bytes per second.

    Attributes:
        address: Its (host, port).
        client: Its client's name, as far as it says so.
        outgoing: Whether we dialled it.
        progress: Share of the pieces that it has, 0 to 1.
        downloaded: Payload received from it.
        uploaded: Payload sent to it.
        download_rate: Receiving from it, bytes per second.
        upload_rate: Sending to it, bytes per second.
        choking: We choke it.
        choked: It chokes us.
        interested: We want something that it has.
        wanting: It wants something that we have.
        outstanding: Requests of ours that it has not answered.
    """

    address: tuple[str, int]
    client: str
    outgoing: bool
    progress: float
    downloaded: int
    uploaded: int
    download_rate: float
    upload_rate: float
    choking: bool
    choked: bool
    interested: bool
    wanting: bool
    outstanding: int


_T = TypeVar("_T", Status, PeerStatus)


def _setters(kind: type[_T]) -> tuple[Callable[[_T, Any], None], ...]:
    return tuple(vars(kind)[field.name].__set__ for field in fields(kind))


# A frozen dataclass finds each of its slots by name when it is made, which takes twice as long.
_STATUS, _PEER = _setters(Status), _setters(PeerStatus)


def status(row: tuple[Any, ...]) -> Status:
    """Names the members of a row from Rust."""
    made = object.__new__(Status)
    for put, member in zip(_STATUS, row, strict=True):
        put(made, member)
    if made.error is not None:
        _STATUS[-1](made, _errors.make(*row[-1]))
    return made


def peer(row: tuple[Any, ...]) -> PeerStatus:
    """Names the members of a row from Rust."""
    made = object.__new__(PeerStatus)
    for put, member in zip(_PEER, row, strict=True):
        put(made, member)
    return made
