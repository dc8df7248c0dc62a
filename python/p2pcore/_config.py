"""What a session is started with, and how addresses are written.

An address is "host:port", "[v6 host]:port" or a (host, port) pair. Rust takes IP addresses only; names are resolved
here, by the event loop; of a name's addresses all are used.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from p2pcore._errors import ArgumentError
from p2pcore._public import public

Address: TypeAlias = str | tuple[str, int]
StrPath: TypeAlias = str | os.PathLike[str]
Rates: TypeAlias = tuple[int | None, int | None]
SessionRates: TypeAlias = tuple[Rates, Rates, Rates, Rates]  # all, the local network, the Internet, each peer
Uploader: TypeAlias = Literal["base-share", "tit-for-tat", "round-robin", "fastest"]


def default_state_dir() -> Path:
    """Where resume data and the ledger are kept: `$XDG_STATE_HOME/p2pcore`, by default `~/.local/state/p2pcore`."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return Path(base or Path.home() / "AppData" / "Local") / "p2pcore"
    base = os.environ.get("XDG_STATE_HOME")
    return Path(base or Path.home() / ".local" / "state") / "p2pcore"


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """What a session is started with. Rates are bytes per second of payload; None is unlimited.

    Attributes:
        listen: One address or several; port 0 takes a free one; an empty sequence listens nowhere.
        upload_limit: Sending over all torrents, bytes per second. Torrents that want it share it alike, and the peers
            of each share that; what one leaves is the others' at once.
        download_limit: Receiving over all torrents, bytes per second.
        lan_upload_limit: Of that, sending to the local network: private, link-local and loopback addresses.
        lan_download_limit: Of that, receiving from the local network.
        wan_upload_limit: Of that, sending to the Internet. Alone, it leaves the local network at full speed.
        wan_download_limit: Of that, receiving from the Internet.
        peer_upload_limit: Sending to each peer by itself.
        peer_download_limit: Receiving from each peer by itself.
        max_peers: Connected peers over all torrents.
        max_peers_per_torrent: Connected peers for each torrent.
        max_half_open: Dials under way at once.
        unchoke_slots: Peers served at once for each torrent, at most. Fewer are served where few fill our link.
        uploader: Whom to serve. "base-share": a guaranteed part of our upload goes to everybody in turn, the rest to
            those to whom we owe most (FairTorrent). "tit-for-tat": four that give most and one in turn (BEP 3).
            "round-robin": everybody in turn. "fastest": those that take fastest, and one in turn.
        base_share: The guaranteed part, 0 to 1, of "base-share"; the only seed of a torrent shows half of it in turn.
            It is shared equally by identity: an IPv4 /24, an IPv6 /56, or a host of a private network. When we need
            nothing, half goes in turn.
        origin_mode: The only source of a torrent shows its pieces one by one, so that none is sent twice before each
            was sent once (BEP 16).
        locality: Of three or more peers at one site, one fetches each piece from outside, and the others have it from
            there: a thin link carries about one copy. False: everybody fetches everything from anywhere.
        site: The name of our site; peers that name the same are at it, wherever they are. None: peers with private
            addresses are, those of our IPv4 /24 or IPv6 /48, and those heard on the local network. Others are told a
            hash of it.
        local_discovery: Torrents are announced on the local network, and peers that announce them there are found
            (LSD, BEP 14). Not those that are private, and nothing while we listen on loopback addresses only.
        peer_exchange: Peers are told of each other, and tell us of others (BEP 11): who knows one peer of a swarm finds
            the others. Two that cannot be dialled are told to dial each other (the messages of BEP 55, over TCP). Not
            those of private torrents.
        connect_timeout: Seconds that a dial or a handshake may take.
        state_dir: Where resume data and the ledger are kept; None keeps none, so that each start checks all data, and
            the ledger is of this session only.
        threads: Threads for hashing and for the disk; 0 is one for each core.
        event_capacity: Facts that may wait for a slow reader before they are counted instead of kept.

    Raises:
        ArgumentError: A value is out of range, or an address is malformed.
    """

    listen: Address | Sequence[Address] = "0.0.0.0:0"
    upload_limit: int | None = None
    download_limit: int | None = None
    lan_upload_limit: int | None = None
    lan_download_limit: int | None = None
    wan_upload_limit: int | None = None
    wan_download_limit: int | None = None
    peer_upload_limit: int | None = None
    peer_download_limit: int | None = None
    max_peers: int = 500
    max_peers_per_torrent: int = 100
    max_half_open: int = 50
    unchoke_slots: int = 50
    uploader: Uploader = "base-share"
    base_share: float = 0.2
    origin_mode: bool = True
    locality: bool = True
    site: str | None = None
    local_discovery: bool = True
    peer_exchange: bool = True
    connect_timeout: float = 10.0
    state_dir: StrPath | None = field(default_factory=default_state_dir)
    threads: int = 0
    event_capacity: int = 65536

    def __post_init__(self) -> None:
        """Checks every value."""
        listen_addresses(self.listen)
        self._limits()
        for name in ("max_peers", "max_peers_per_torrent", "max_half_open", "unchoke_slots", "event_capacity"):
            value = getattr(self, name)
            if value < 1:
                raise ArgumentError(f"{name} is {value}: it must be at least 1")
        if self.uploader not in get_args(Uploader):
            raise ArgumentError(f"uploader is {self.uploader!r}: it must be one of {', '.join(get_args(Uploader))}")
        if not 0 <= self.base_share <= 1:
            raise ArgumentError(f"base_share is {self.base_share}: it must be from 0 to 1")
        if self.site == "":
            raise ArgumentError("site is empty: it must be a name, or None")
        if self.threads < 0:
            raise ArgumentError(f"threads is {self.threads}: it must be 0 or more")
        if not self.connect_timeout > 0:
            raise ArgumentError(f"connect_timeout is {self.connect_timeout}: it must be more than 0")

    def _limits(self) -> SessionRates:
        return (
            rates(self.upload_limit, self.download_limit),
            rates(self.lan_upload_limit, self.lan_download_limit, "lan_"),
            rates(self.wan_upload_limit, self.wan_download_limit, "wan_"),
            rates(self.peer_upload_limit, self.peer_download_limit, "peer_"),
        )


def split_address(address: Address) -> tuple[str, int]:
    """Takes an address apart.

    Args:
        address: "host:port", "[v6 host]:port" or (host, port).

    Returns:
        The host, without brackets, and the port, 0 to 65535.

    Raises:
        ArgumentError: It is none of these.
    """
    port: object
    if isinstance(address, str):
        host, colon, port = address.rpartition(":")
        bare = host.startswith("[") and host.endswith("]")
        if not colon or (":" in host and not bare):
            raise ArgumentError(f"{address!r} is not an address: write 'host:port' or '[v6 host]:port'")
        host = host[1:-1] if bare else host
    else:
        try:
            host, port = address
        except (TypeError, ValueError):
            raise ArgumentError(f"{address!r} is not an address: write ('host', port)") from None
    try:
        number = int(str(port))
    except ValueError:
        number = -1
    if not (host and isinstance(host, str) and 0 <= number <= 65535):
        raise ArgumentError(f"{address!r} is not an address: it needs a host and a port from 0 to 65535")
    return host, number


def listen_addresses(listen: Address | Sequence[Address]) -> list[tuple[str, int]]:
    """The addresses in a `SessionConfig.listen`, whichever way it was written.

    Raises:
        ArgumentError: One is malformed.
    """
    if isinstance(listen, str):
        return [split_address(listen)]
    if isinstance(listen, tuple) and len(listen) == 2 and isinstance(listen[1], int):
        return [split_address((str(listen[0]), listen[1]))]
    return [split_address(address) for address in listen if not isinstance(address, int)]


async def resolve(addresses: Iterable[Address], *, listen: bool = False) -> list[tuple[str, int]]:
    """Turns host names into IP addresses.

    Args:
        addresses: Addresses of peers.
        listen: They are our own; port 0 takes a free one.

    Returns:
        An (IP, port) for each address, and as many for a name as it has.

    Raises:
        ArgumentError: An address is malformed, or its host is unknown.
    """
    if isinstance(addresses, str):
        raise ArgumentError(f"peers is a sequence of addresses, not one text: write [{addresses!r}]")
    resolved = []
    loop = asyncio.get_running_loop()
    for address in addresses:
        host, port = split_address(address)
        if port == 0 and not listen:
            raise ArgumentError(f"{address!r} is no peer's address: its port is 0")
        try:
            ipaddress.ip_address(host)
        except ValueError:
            try:
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except OSError as error:
                raise ArgumentError(f"cannot find host {host!r}: {error.strerror}") from None
            resolved += [(str(where[0]), port) for *_, where in found]
        else:
            resolved.append((host, port))
    return resolved if listen else list(dict.fromkeys(resolved))


def rates(upload: int | None, download: int | None, of: str = "") -> Rates:
    """Checks a pair of limits, bytes per second; None is unlimited.

    Raises:
        ArgumentError: One is not a whole number above 0.
    """
    for name, value in ((f"{of}upload_limit", upload), (f"{of}download_limit", download)):
        if value is not None and value < 1:
            raise ArgumentError(f"{name} is {value}: it must be at least 1 byte per second, or None")
    return upload, download
