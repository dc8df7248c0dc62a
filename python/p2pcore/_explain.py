"""Why a torrent's peers are served or not, as frozen values.

The order of the fields of `PathModel` and `Trust` is that of the tuples that `rust/python/src/explain.rs` makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from p2pcore import _snapshots
from p2pcore._public import public

if TYPE_CHECKING:
    from p2pcore._config import Uploader


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class PathModel:
    """What was measured of the path to a peer, and how many blocks (16 KiB) it is asked for at once.

    Attributes:
        blocks: The window: blocks that may be outstanding.
        limit: Blocks that the peer takes at most.
        rate: The best bandwidth lately, bytes per second; 0 while it is not known.
        round_trip: The shortest, seconds; None while it is not known.
        jitter: How much the times between two arrivals vary, seconds; when it counts as stalled depends on that.
        margin: Seconds added to the round trip.
        sized_by: What the window follows from, in words: the start, rate times round trip and margin, the least there
            is, what the peer takes, or a stall.
    """

    blocks: int
    limit: int
    rate: int
    round_trip: float | None
    jitter: float
    margin: float
    sized_by: str


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What is held against a peer.

    Attributes:
        suspected: Failed pieces in which it had a part.
        parole: Those of which it is not known yet who sent what was wrong.
    """

    suspected: int
    parole: int

    @property
    def on_parole(self) -> bool:
        """Meanwhile its blocks are not mixed with others', so that the next failed piece has one sender."""
        return self.parole > 0


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class PeerExplanation:
    """Why a connected peer is served or not. Sizes are bytes of payload.

    Attributes:
        address: Its (host, port).
        client: Its client's name, as far as it says so.
        identity: Who it counts as when shares are counted: a host of a private network, or all behind an IPv4 /24 or
            an IPv6 /56.
        local: Whether it is at our site: by its name, by its address, or as it was heard on the local network. False
            where `SessionConfig.locality` is.
        share: The part of the torrent's upload of the last three seconds that went to it, 0 to 1.
        share_in_all: The part of all that the torrent sent since it was added, over this connection.
        given: Sent to it over this connection.
        received: Received from it over this connection.
        served: Why it is served, in words; None where it is not.
        choked: Why it is not served, in words; None where it is.
        since: Seconds since it got or lost its slot, or came.
        path: The path to it and the window that follows.
        outstanding: Requests of ours that it has not answered.
        trust: What is held against it.
        passes_on_after: Seconds after it got a piece from us that nobody else had, until another had it too; 5 where
            none had. None while nothing was seen.
        shown: In origin mode: pieces that it was shown and has not taken yet. None where nothing is hidden from it.
    """

    address: tuple[str, int]
    client: str
    identity: str
    local: bool
    share: float
    share_in_all: float
    given: int
    received: int
    served: str | None
    choked: str | None
    since: float
    path: PathModel
    outstanding: int
    trust: Trust
    passes_on_after: float | None
    shown: int | None


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """How a torrent's upload is shared out at one moment, and why.

    Attributes:
        uploader: The policy, as in `SessionConfig.uploader`.
        base_share: The part that everybody gets in turn, 0 to 1, if the policy is "base-share". Who needs nothing gives
            all of it in turn.
        slots: Peers served at once now: as few as fill our link.
        most_slots: At most so many, as in `SessionConfig.unchoke_slots`.
        origin_mode: Whether we are the only source, and show each peer a few pieces at a time.
        peers: The connected peers.
    """

    uploader: Uploader
    base_share: float
    slots: int
    most_slots: int
    origin_mode: bool
    peers: tuple[PeerExplanation, ...]


_PATH = tuple(PathModel.__dataclass_fields__)
_TRUST = tuple(Trust.__dataclass_fields__)


def explanation(row: tuple[Any, ...]) -> Explanation:
    """Names the members of a row from Rust, and works out the shares."""
    (uploader, base_share, slots, most_slots, origin_mode), uploaded, rows = row
    peers = [(_snapshots.peer(peer), why) for peer, why in rows]
    rate = sum(peer.upload_rate for peer, _ in peers)
    return Explanation(
        uploader=uploader,
        base_share=base_share,
        slots=slots,
        most_slots=most_slots,
        origin_mode=origin_mode,
        peers=tuple(_peer(peer, why, rate, uploaded) for peer, why in peers),
    )


def _peer(peer: _snapshots.PeerStatus, why: tuple[Any, ...], rate: float, uploaded: int) -> PeerExplanation:
    identity, local, served, choked, since, path, trust, passes_on_after, shown = why
    return PeerExplanation(
        address=peer.address,
        client=peer.client,
        identity=identity,
        local=local,
        share=peer.upload_rate / rate if rate else 0.0,
        share_in_all=peer.uploaded / uploaded if uploaded else 0.0,
        given=peer.uploaded,
        received=peer.downloaded,
        served=served,
        choked=choked,
        since=since,
        path=PathModel(**dict(zip(_PATH, path, strict=True))),
        outstanding=peer.outstanding,
        trust=Trust(**dict(zip(_TRUST, trust, strict=True))),
        passes_on_after=passes_on_after,
        shown=shown,
    )
