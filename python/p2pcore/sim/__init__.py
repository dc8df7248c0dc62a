"""Swarms in virtual time: how a planned swarm would do, and what no swarm can do better.

Each node is the scheduler that drives real transfers, on simulated links and without payload. A run is a function of
its scenario and its seed: the same of both gives the same trace. A hundred peers take about a second.
"""

from p2pcore.sim._chart import chart
from p2pcore.sim._result import Class, Link, Mark, Result, Verdict
from p2pcore.sim._run import Trial, run, scenario, trials
from p2pcore.sim._scenario import (
    AfterSending,
    Group,
    Network,
    Poisson,
    Scenario,
    Scheduler,
    SendQueue,
    StallsAfter,
    Within,
)

__all__ = [
    "AfterSending",
    "Class",
    "Group",
    "Link",
    "Mark",
    "Network",
    "Poisson",
    "Result",
    "Scenario",
    "Scheduler",
    "SendQueue",
    "StallsAfter",
    "Trial",
    "Verdict",
    "Within",
    "chart",
    "run",
    "scenario",
    "trials",
]
