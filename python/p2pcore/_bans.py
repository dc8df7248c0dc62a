"""Peers that a torrent does not speak to, as frozen values.

The order of the fields of `Ban` is that of the tuples that `rust/python/src/snapshots.rs` makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from p2pcore._public import public

if TYPE_CHECKING:
    from collections.abc import Sequence

BanReason: TypeAlias = Literal["corrupt data", "flood", "protocol error"]
"""What a banned peer did: it sent data that fails its hash, or more than was asked for again and again, or it broke the
protocol."""

BanScope: TypeAlias = Literal["peer", "address", "prefix"]
"""How much a ban closes."""


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """A peer that a torrent neither dials nor lets in for a while.

    A peer is known again by the address at which it was dialled, and by its host together with its peer id. Its address
    is closed to others only where a second peer there is banned too, and its prefix (/24 or /56) where three addresses
    of it are; on private ranges never, because many peers may come through one gateway there.

    Attributes:
        address: Its (host, port), as it was seen.
        reason: What it did last: "corrupt data", "flood" or "protocol error".
        scope: How much is closed because of it and others: the "peer", its "address" or its "prefix".
        until: When the ban ends, in UTC.
        times: How often the peer was banned, with this time; each ban is longer than the one before.
    """

    address: tuple[str, int]
    reason: BanReason
    scope: BanScope
    until: datetime
    times: int


def ban(row: Sequence[Any]) -> Ban:
    """A ban from its tuple."""
    address, reason, scope, until, times = row
    return Ban(address=address, reason=reason, scope=scope, until=time(until), times=times)


def time(seconds: float) -> datetime:
    """A time from seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)
