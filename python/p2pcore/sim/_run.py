"""Running scenarios, described or known by name."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from p2pcore import _p2pcore
from p2pcore._content import Progress
from p2pcore._errors import ArgumentError
from p2pcore._public import public_in
from p2pcore.sim import _checks
from p2pcore.sim._raw import from_raw, to_raw
from p2pcore.sim._result import Class, Link, Mark, Result, Verdict, rows
from p2pcore.sim._scenario import Scenario


@public_in("p2pcore.sim")
@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A scenario that the simulator knows by name.

    Attributes:
        name: What it is run by.
        about: What it is, in a few words.
        slow: It takes minutes for each seed.
        marks: What has to be reached.
    """

    name: str
    about: str
    slow: bool
    marks: tuple[Mark, ...]


def run(what: Scenario | str, *, seed: int = 1, progress: Progress | None = None) -> Result:
    """Runs a swarm in virtual time, to the end or to the scenario's limit.

    The GIL is free meanwhile, so that several threads can run several; Ctrl-C stops it.

    Args:
        what: A scenario, or the name of one (`trials` lists them).
        seed: What happens at random follows from this, 0 to 2**64 - 1. The same of both gives the same trace.
        progress: Called about ten times a second with (pieces that counted nodes have, pieces that they shall have).
            What it raises stops the work. A named scenario may come with a run to compare with, which goes first.

    Returns:
        What was measured.

    Raises:
        ArgumentError: There is no scenario of that name, or the scenario cannot be run.

    Example:
        >>> planned = p2pcore.sim.Scenario(
        ...     pieces=64,
        ...     groups=[
        ...         p2pcore.sim.Group(name="office", complete=True, up=12_500_000),
        ...         p2pcore.sim.Group(name="home", count=10, up=1_000_000, down=5_000_000),
        ...     ],
        ... )
        >>> result = p2pcore.sim.run(planned, seed=3)
        >>> result.finished, result.last > result.bound
        (10, True)
        >>> result.nodes.dtype.names[:4]
        ('class', 'joined', 'first_piece', 'finished')
    """
    _checks.whole("seed", seed, 0, 2**64 - 1)
    if isinstance(what, Scenario):
        raw = _p2pcore.simulate(to_raw(what), seed=seed, progress=progress)
        return _result(None, what, raw)
    described = scenario(what)
    return _result(what, described, _p2pcore.simulate_trial(what, seed=seed, progress=progress))


def scenario(name: str) -> Scenario:
    """What a named scenario consists of, to run it with something changed.

    Args:
        name: Its name (`trials` lists them).

    Returns:
        The scenario.

    Raises:
        ArgumentError: There is no scenario of that name.

    Example:
        >>> import dataclasses
        >>> known = p2pcore.sim.scenario("s1-8")
        >>> changed = dataclasses.replace(known, pieces=32, network=p2pcore.sim.Network(delay=0.1))
        >>> p2pcore.sim.run(changed).finished
        8
    """
    if not isinstance(name, str):
        raise ArgumentError(f"{name!r} is not a scenario: give a Scenario, or the name of one")
    return from_raw(_p2pcore.trial_scenario(name))


def trials(name: str | None = None) -> tuple[Trial, ...]:
    """The scenarios that are known by name.

    Args:
        name: One name, or a number that several begin with: "s1" is s1-8, s1-32 and s1-100. "all" leaves out the slow
            ones; None leaves out none.

    Returns:
        Those of that name; nothing, if there are none.

    Example:
        >>> print(p2pcore.sim.trials("s1-8")[0].marks[0])
        makespan / bound <= 1.06
    """
    found = []
    for known, about, slow, marks in _p2pcore.trials(name):
        asked = tuple(Mark(what=what, limit=limit, at_least=at_least) for what, limit, at_least in marks)
        found.append(Trial(name=known, about=about, slow=slow, marks=asked))
    return tuple(found)


def _result(name: str | None, described: Scenario, raw: dict[str, Any]) -> Result:
    cpu, blocks = raw["cost"]
    verdicts = (
        Verdict(mark=Mark(what=what, limit=limit, at_least=at_least), value=value, missed_by=missed_by)
        for what, value, limit, at_least, missed_by in raw["marks"]
    )
    return Result(
        name=name,
        scenario=described,
        **raw["figures"],
        trace=raw["trace"],
        classes=tuple(Class(**each) for each in raw["classes"]),
        links=tuple(Link(origin=origin, target=target, bytes=crossed) for origin, target, crossed in raw["links"]),
        verdicts=tuple(verdicts),
        cpu=cpu,
        cpu_per_block=cpu / max(blocks, 1),
        peak_memory=_peak_memory(),
        nodes=rows(raw["nodes"], described),
    )


def _peak_memory() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
