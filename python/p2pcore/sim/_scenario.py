"""What is simulated, as plain values: a torrent, groups of nodes, and the network between them.

A value is checked when it is given; what several make together (a torrent of too many pieces, nobody to wait for) is
checked by the simulator when it runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from p2pcore._config import Uploader
from p2pcore._errors import ArgumentError
from p2pcore._public import public_in
from p2pcore.sim import _checks as checks

_MODULE = "p2pcore.sim"
_CONDUCTS = ("honest", "free-rider", "slow-loris", "hidden-loris", "liar", "fake-have")


@public_in(_MODULE)
@dataclass(frozen=True, slots=True, kw_only=True)
class StallsAfter:
    """A conduct: sends so much and from then on nothing.

    Attributes:
        sent: Bytes of payload.
    """

    sent: int

    def __post_init__(self) -> None:
        """Checks the value."""
        checks.whole("sent", self.sent, 0)


@public_in(_MODULE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """Nodes come at random times from the start, or go at random times from their coming.

    Attributes:
        seconds: Until then all are there, or gone.
    """

    seconds: float

    def __post_init__(self) -> None:
        """Checks the value."""
        checks.seconds("seconds", self.seconds)


@public_in(_MODULE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Poisson:
    """Nodes come one by one at random, from the start.

    Attributes:
        per_second: How many, on average.
    """

    per_second: float

    def __post_init__(self) -> None:
        """Checks the value."""
        if not (checks.is_number(self.per_second) and 0 < self.per_second < math.inf):
            raise ArgumentError(f"per_second is {self.per_second!r}: it must be a number above 0")


@public_in(_MODULE)
@dataclass(frozen=True, slots=True, kw_only=True)
class AfterSending:
    """A node goes as soon as it has sent so much.

    Attributes:
        sent: Bytes of payload.
    """

    sent: int

    def __post_init__(self) -> None:
        """Checks the value."""
        checks.whole("sent", self.sent, 0)


Conduct: TypeAlias = Literal["honest", "free-rider", "slow-loris", "hidden-loris", "liar", "fake-have"] | StallsAfter
Joins: TypeAlias = float | Within | Poisson
Reach: TypeAlias = Literal["open", "punchable", "firewalled"]
Leaves: TypeAlias = Literal["never", "complete", "lingered"] | AfterSending | Within


@public_in(_MODULE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Nodes of one kind. Rates are bytes per second of payload; None is unlimited.

    Attributes:
        name: What the results call them.
        count: How many.
        up: Uplink of each.
        down: Downlink of each.
        site: Where they are, 0 to 255; see `Network`.
        complete: They have every piece from the start.
        conduct: "honest"; "free-rider" never unchokes anybody; "slow-loris" takes requests and never answers one;
            "hidden-loris" is one that, complete, poses as the only source; "liar" sends what is corrupt; "fake-have"
            refuses what it announced; or a `StallsAfter`.
        joins: Seconds from the start until they come; or a `Within` or a `Poisson`.
        leaves: "never"; "complete" is as soon as they have everything; "lingered" when they have passed on one more
            piece that somebody wanted, too; or an `AfterSending`, or a `Within`.
        reach: Who can dial them: "open" is everybody; "punchable" is whoever they dial at the same time, as that opens
            their firewall; "firewalled" is nobody.
        view: Nodes that each makes itself known to; None: half of the scenario's degree.
        prefixes: Their addresses are of so many prefixes (/24) of the open Internet, 1 to 65536; None: each has a
            private address, which counts as one of its own.
        legacy: They are usual clients: tit-for-tat with 4 + 1 slots, no fast extension, no origin mode.
        counted: The run lasts until they are done, and the result's times are theirs. None: if they lack pieces and are
            honest or free riders.

    Raises:
        ArgumentError: A value is out of range.
    """

    name: str
    count: int = 1
    up: int | None = 2_500_000
    down: int | None = 10_000_000
    site: int = 0
    complete: bool = False
    conduct: Conduct = "honest"
    joins: Joins = 0.0
    leaves: Leaves = "never"
    reach: Reach = "open"
    view: int | None = None
    prefixes: int | None = None
    legacy: bool = False
    counted: bool | None = None

    def __post_init__(self) -> None:
        """Checks every value."""
        if not isinstance(self.name, str) or not self.name:
            raise ArgumentError(f"name is {self.name!r}: it must be a text that is not empty")
        whose = f" of group {self.name!r}"
        checks.whole("count" + whose, self.count, 0)
        checks.rate("up" + whose, self.up)
        checks.rate("down" + whose, self.down)
        checks.whole("site" + whose, self.site, 0, 255)
        if self.view is not None:
            checks.whole("view" + whose, self.view, 0)
        if self.prefixes is not None:
            checks.whole("prefixes" + whose, self.prefixes, 1, 65536)
        for name in ("complete", "legacy"):
            checks.flag(name + whose, getattr(self, name))
        if self.counted is not None:
            checks.flag("counted" + whose, self.counted)
        checks.one_of("conduct" + whose, self.conduct, _CONDUCTS, StallsAfter)
        checks.one_of("reach" + whose, self.reach, get_args(Reach))
        checks.one_of("leaves" + whose, self.leaves, ("never", "complete", "lingered"), AfterSending, Within)
        if not isinstance(self.joins, Within | Poisson):
            checks.seconds("joins" + whose, self.joins)
        if self.complete and self.counted:
            raise ArgumentError(f"counted{whose} is True: who is complete from the start cannot be waited for")
        if self.complete and self.leaves in ("complete", "lingered"):
            raise ArgumentError(f"leaves{whose} is {self.leaves!r}: they are complete from the start")


@public_in(_MODULE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What lies between nodes. Delays are seconds, one way.

    Attributes:
        delay: Delay within a site.
        far_delay: Delay between sites.
        spread: The delay of a connection differs from that by up to this share, once for all.
        jitter: Each message takes up to this share longer than the connection's delay. None overtakes another.
        site_link: Rate of the link from each site to each other, bytes per second, each way its own; None: no limit.

    Raises:
        ArgumentError: A value is out of range.
    """

    delay: float = 0.025
    far_delay: float = 0.025
    spread: float = 0.2
    jitter: float = 0.02
    site_link: int | None = None

    def __post_init__(self) -> None:
        """Checks every value."""
        checks.seconds("delay", self.delay)
        checks.seconds("far_delay", self.far_delay)
        for name, most in (("spread", 1), ("jitter", 100)):
            value = getattr(self, name)
            if not (checks.is_number(value) and 0 <= value <= most):
                raise ArgumentError(f"{name} is {value!r}: it must be from 0 to {most}")
        checks.rate("site_link", self.site_link)


@public_in(_MODULE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduler:
    """How the scheduler of each node is set; None is as the engine does it.

    Attributes:
        max_peers: Connected peers at most.
        max_dials: Dials under way at once.
        max_candidates: Addresses kept for dialling.
        uploader: Whom to serve: "base-share", "tit-for-tat", "round-robin" or "fastest", as in `SessionConfig`.
        base_share: The part of the upload that "base-share" guarantees to everybody in turn, 0 to 1.
        unchoke_slots: Peers unchoked at once, at most.
        origin: A seed that knows no other shows each peer a few pieces at a time, so that none is sent twice before
            each was sent once.
        upload_queue: Requests that are queued for one peer.
        max_outstanding: Blocks outstanding at one peer at most.
        max_partial_bytes: Bytes of pieces that are begun or being checked at most.

    Raises:
        ArgumentError: A value is out of range.
    """

    max_peers: int | None = None
    max_dials: int | None = None
    max_candidates: int | None = None
    uploader: Uploader | None = None
    base_share: float | None = None
    unchoke_slots: int | None = None
    origin: bool | None = None
    upload_queue: int | None = None
    max_outstanding: int | None = None
    max_partial_bytes: int | None = None

    def __post_init__(self) -> None:
        """Checks every value."""
        least = {"max_partial_bytes": 0}
        most = {"max_partial_bytes": checks.MOST, "upload_queue": checks.MOST_32, "max_outstanding": checks.MOST_32}
        for name in self.__slots__:
            value = getattr(self, name)
            if value is None:
                continue
            if name == "origin":
                checks.flag(name, value)
            elif name == "uploader":
                checks.one_of(name, value, get_args(Uploader))
            elif name == "base_share":
                checks.part(name, value)
            else:
                checks.whole(name, value, least.get(name, 1), most.get(name, checks.MOST_32))


@public_in(_MODULE)
@dataclass(frozen=True, slots=True, kw_only=True)
class SendQueue:
    """The buffers of one connection between the scheduler and the wire. The defaults are the engine's.

    Attributes:
        room: Bytes of payload that wait for the writer at most.
        batch: Blocks that the writer takes at once.
        socket: Bytes that the socket's send buffer takes.

    Raises:
        ArgumentError: A value is out of range.
    """

    room: int = 1 << 20
    batch: int = 32
    socket: int = 128 << 10

    def __post_init__(self) -> None:
        """Checks every value."""
        for name in self.__slots__:
            checks.whole(name, getattr(self, name), 1, checks.MOST_32)


@public_in(_MODULE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A swarm to simulate. Times are seconds.

    Attributes:
        pieces: Pieces of the torrent.
        piece_length: Bytes of each piece.
        groups: Who takes part; one group at least is complete, and one is counted.
        network: What lies between them.
        degree: Mean number of neighbours in the random graph.
        scheduler: How the scheduler of each node is set.
        send_queue: What the sending side of one connection holds.
        check: From a piece's last block until it can be served.
        leaves_known: As with a v2 or hybrid torrent, peers ask each other for the leaves of pieces: blocks go on one by
            one, and corrupt ones are found at once. With a v1 torrent pieces go on, and are found corrupt, as a whole.
        limit: When to give up, in virtual time.
        mark: From when on `Result.late_rate` is measured.

    Raises:
        ArgumentError: A value is out of range.
    """

    pieces: int
    piece_length: int = 256 << 10
    groups: Sequence[Group]
    network: Network = Network()
    degree: int = 40
    scheduler: Scheduler = Scheduler()
    send_queue: SendQueue = SendQueue()
    check: float = 0.002
    leaves_known: bool = True
    limit: float = 1200.0
    mark: float = 3.0

    def __post_init__(self) -> None:
        """Checks every value."""
        checks.whole("pieces", self.pieces, 1, checks.MOST_32)
        checks.whole("piece_length", self.piece_length, 1, checks.MOST_32)
        if isinstance(self.groups, str) or not isinstance(self.groups, Sequence):
            raise ArgumentError(f"groups is {self.groups!r}: it must be a sequence of Group")
        object.__setattr__(self, "groups", tuple(self.groups))
        for name, kind in (("network", Network), ("scheduler", Scheduler), ("send_queue", SendQueue)):
            if not isinstance(getattr(self, name), kind):
                raise ArgumentError(f"{name} is {getattr(self, name)!r}: it must be a {kind.__name__}")
        for group in self.groups:
            if not isinstance(group, Group):
                raise ArgumentError(f"groups has {group!r}: it must be a Group")
        names = [group.name for group in self.groups]
        if len(set(names)) < len(names):
            raise ArgumentError(f"groups: two of them are named {max(names, key=names.count)!r}")
        checks.whole("degree", self.degree, 2, checks.MOST_32)
        for name in ("check", "limit", "mark"):
            checks.seconds(name, getattr(self, name))
        checks.flag("leaves_known", self.leaves_known)

    @property
    def bytes(self) -> int:
        """Bytes of the torrent."""
        return self.pieces * self.piece_length
