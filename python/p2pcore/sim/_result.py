"""What a run brings: figures, a line for each class and each link, and a row for each node."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from p2pcore._public import public_in
from p2pcore.sim._scenario import Scenario

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MODULE = "p2pcore.sim"

# As `rust/python/src/sim/result.rs` packs it; the group becomes the name of the class.
_ROW = [
    ("group", "<u4"),
    ("joined", "<f8"),
    ("first_piece", "<f8"),
    ("finished", "<f8"),
    ("left", "<f8"),
    ("uploaded", "<u8"),
    ("downloaded", "<u8"),
    ("wasted", "<u8"),
    ("control", "<u8"),
    ("duplicates", "<u8"),
]


@public_in(_MODULE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """The figures of one group of counted nodes. Times are seconds from a node's coming.

    Attributes:
        name: The group's name.
        count: Its nodes.
        finished: How many of them have everything.
        first: The quickest time.
        p50: Half of them were quicker.
        p95: 95 % were quicker.
        mean: The mean time.
        last: The slowest time.
        given: Copies of the torrent that each sent, the mean.
    """

    name: str
    count: int
    finished: int
    first: float
    p50: float
    p95: float
    mean: float
    last: float
    given: float


@public_in(_MODULE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What crossed from one site to another.

    Attributes:
        origin: The site that it leads from.
        target: The site that it leads to.
        bytes: Payload.
    """

    origin: int
    target: int
    bytes: int


@public_in(_MODULE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One figure of a named scenario and how far it may go.

    Attributes:
        what: What is measured.
        limit: The most that passes, or the least.
        at_least: The limit is the least.
    """

    what: str
    limit: float
    at_least: bool

    def __str__(self) -> str:
        """Such as "makespan / bound <= 1.06"."""
        return f"{self.what} {'>=' if self.at_least else '<='} {self.limit:g}"


@public_in(_MODULE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a mark was for one run.

    Attributes:
        mark: The mark.
        value: What was measured.
        missed_by: By how much of the limit; 0 or less passes.
    """

    mark: Mark
    value: float
    missed_by: float

    @property
    def passed(self) -> bool:
        """Whether the mark is reached."""
        return self.missed_by <= 0


@public_in(_MODULE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The figures of one run.

    Times are seconds; a node's time counts from its coming, `last` and what ends in `_at` from the start. Sizes are
    bytes of payload; a copy is all bytes of the torrent. Figures are about the counted nodes unless said otherwise. A
    node that is not done counts with the end of the run. Two results of the same scenario and seed are equal: what the
    run cost is not compared.

    Attributes:
        name: The name of the scenario, if it has one.
        scenario: What was run.
        seed: The seed of the run.
        counted: Nodes whose completion is waited for.
        finished: How many of them have everything.
        first: The quickest node's time.
        p50: Half of the nodes were quicker.
        p95: 95 % were quicker.
        p99: 99 % were quicker.
        mean: The mean time.
        last: When the last node was done.
        fluid_bound: The least `last` if data were a fluid (Kumar and Ross 2006).
        piece_bound: The least `last` with whole pieces (Mundinger, Weber and Weiss 2008); 0 where uplinks differ.
        ratio: `last` over the greater of the two.
        origin_first_copy: Copies that the origins had sent when the others together had every piece.
        first_copy_at: When that was; 0: never.
        origin_total: Copies that the origins sent until the end.
        origin_repeats: Copies that the origins sent of pieces that somebody else had already.
        utilisation: Share of the uplinks that was used, of the origins and the counted nodes while they were there.
        utilisation_wanted: The same over the time in which somebody was interested in them.
        wasted: Payload received in vain, as a share of all that had to be received.
        duplicates: Blocks asked of a second peer in the endgame.
        stalls: Peers that were found to stall.
        jain: Jain's index of bytes given over bytes received: 1 is equal for all.
        first_piece_p50: Time to the first piece, the median.
        first_piece_p99: Time to the first piece, of 99 %.
        control: Bytes of messages and headers, all nodes.
        control_share: The same as a share of the payload that was sent.
        link_copies: Copies that crossed links between sites.
        liars_found: Liars that somebody banned.
        honest_banned: Nodes banned that never lied.
        liars_missed: Pairs of a node that is done and one that sent it a corrupt block and is not banned there.
        pieces_failed: Pieces that failed their hash, all nodes.
        after_stall: From the moment a node began to stall to the end of the run; 0: none did.
        late_rate: Receiving rate from `Scenario.mark` on, as a share of the downlink, the mean.
        blocks: Payload received by all nodes, in blocks of 16 KiB.
        events: Events that happened.
        trace: A hash of all that happened, 16 hexadecimal digits.
        classes: The figures of each group of counted nodes.
        links: What crossed from each site to each other, where something did.
        verdicts: What became of the marks, for a scenario with a name.
        cpu: Seconds of processor time that it took, with the run that a named scenario is compared with.
        cpu_per_block: The same for each block of 16 KiB that was simulated, in seconds: scheduler and simulator.
        peak_memory: The most bytes that this process has held until now; None where the system does not say.
        nodes: A read-only structured array with a row for each node: `class` (text, the group's name), `joined`,
            `first_piece`, `finished`, `left` (float64, seconds from the start; not a number: never), `uploaded`,
            `downloaded`, `wasted` (uint64, bytes of payload), `control` (uint64, bytes of messages and headers sent)
            and `duplicates` (uint64, blocks).
    """

    name: str | None
    scenario: Scenario = field(repr=False)
    seed: int
    counted: int
    finished: int
    first: float
    p50: float
    p95: float
    p99: float
    mean: float
    last: float
    fluid_bound: float
    piece_bound: float
    ratio: float
    origin_first_copy: float
    first_copy_at: float
    origin_total: float
    origin_repeats: float
    utilisation: float
    utilisation_wanted: float
    wasted: float
    duplicates: int
    stalls: int
    jain: float
    first_piece_p50: float
    first_piece_p99: float
    control: int
    control_share: float
    link_copies: float
    liars_found: int
    honest_banned: int
    liars_missed: int
    pieces_failed: int
    after_stall: float
    late_rate: float
    blocks: int
    events: int
    trace: str
    classes: tuple[Class, ...]
    links: tuple[Link, ...]
    verdicts: tuple[Verdict, ...]
    cpu: float = field(compare=False)
    cpu_per_block: float = field(compare=False)
    peak_memory: int | None = field(compare=False)
    nodes: NDArray[np.void] = field(compare=False, repr=False)

    @property
    def bound(self) -> float:
        """What no scheduler can beat: the greater of `fluid_bound` and `piece_bound`, in seconds."""
        return max(self.fluid_bound, self.piece_bound)

    def to_json(self) -> str:
        """One JSON object: everything but the scenario and the nodes. What is not finite is null."""
        shown = {name: getattr(self, name) for name in self.__slots__ if name not in ("scenario", "nodes")}
        for name in ("classes", "links", "verdicts"):
            shown[name] = [asdict(each) for each in shown[name]]
        return json.dumps(_finite(shown), allow_nan=False, ensure_ascii=False)

    def table(self) -> str:
        """The figures for people: one to a line."""
        lines = []
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, float):
                lines.append(f"{name:<18} {value:.3g}" if name.startswith("cpu") else f"{name:<18} {value:.4f}")
            elif isinstance(value, int | str):
                lines.append(f"{name:<18} {value}")
        for each in self.classes:
            lines.append(
                f"{each.name:<18} {each.finished}/{each.count} done, first {each.first:.2f} s, mean {each.mean:.2f} s, "
                f"last {each.last:.2f} s, gave {each.given:.2f} copies each"
            )
        for link in self.links:
            lines.append(f"{f'site {link.origin} to {link.target}':<18} {link.bytes} bytes")
        return "\n".join(lines)


def rows(packed: bytes, scenario: Scenario) -> NDArray[np.void]:
    """The array of `Result.nodes`.

    Args:
        packed: What the native functions give.
        scenario: What was run: its groups name the classes.

    Returns:
        A row for each node.
    """
    import numpy as np

    raw = np.frombuffer(packed, dtype=_ROW)
    names = np.array([group.name for group in scenario.groups])
    nodes = np.empty(len(raw), dtype=[("class", names.dtype), *_ROW[1:]])
    nodes["class"] = names[raw["group"]]
    for name, _ in _ROW[1:]:
        nodes[name] = raw[name]
    nodes.flags.writeable = False
    return nodes


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return value
