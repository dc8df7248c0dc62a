"""Scenarios as the native functions take and give them: nested dicts of plain values.

The other side of it is `rust/python/src/sim/scenario.rs`.
"""

from __future__ import annotations

from typing import Any

from p2pcore.sim._scenario import (
    AfterSending,
    Group,
    Joins,
    Leaves,
    Network,
    Poisson,
    Scenario,
    Scheduler,
    SendQueue,
    StallsAfter,
    Within,
)

_COUNTED = ("honest", "free-rider")  # waited for unless the user says otherwise


def to_raw(scenario: Scenario) -> dict[str, Any]:
    """What the native functions take."""
    plain = {name: getattr(scenario, name) for name in Scenario.__slots__}
    parts = {name: _fields(plain[name]) for name in ("network", "scheduler", "send_queue")}
    return {**plain, **parts, "groups": [_group_to_raw(group) for group in scenario.groups]}


def from_raw(raw: dict[str, Any]) -> Scenario:
    """What the native functions give."""
    parts = {
        "groups": tuple(_group_from_raw(group) for group in raw["groups"]),
        "network": Network(**raw["network"]),
        "scheduler": Scheduler(**raw["scheduler"]),
        "send_queue": SendQueue(**raw["send_queue"]),
    }
    return Scenario(**{**raw, **parts})


def _group_to_raw(group: Group) -> dict[str, Any]:
    conduct, counted = group.conduct, group.counted
    if counted is None:
        counted = not group.complete and isinstance(conduct, str) and conduct in _COUNTED
    kinds = {
        "conduct": ("stalls", conduct.sent) if isinstance(conduct, StallsAfter) else (conduct, 0),
        "joins": _joins_to_raw(group.joins),
        "leaves": _leaves_to_raw(group.leaves),
    }
    return {**_fields(group), **kinds, "counted": counted}


def _joins_to_raw(joins: Joins) -> tuple[str, float]:
    if isinstance(joins, Within):
        return "within", joins.seconds
    if isinstance(joins, Poisson):
        return "poisson", joins.per_second
    return "at", joins


def _leaves_to_raw(leaves: Leaves) -> tuple[str, int, float]:
    if isinstance(leaves, AfterSending):
        return "sent", leaves.sent, 0.0
    if isinstance(leaves, Within):
        return "within", 0, leaves.seconds
    return leaves, 0, 0.0


def _group_from_raw(raw: dict[str, Any]) -> Group:
    (conduct, kept), (joins, value), (leaves, sent, seconds) = raw["conduct"], raw["joins"], raw["leaves"]
    coming: Joins = value
    if joins != "at":
        coming = Within(seconds=value) if joins == "within" else Poisson(per_second=value)
    going: Leaves = leaves
    if leaves in ("sent", "within"):
        going = AfterSending(sent=sent) if leaves == "sent" else Within(seconds=seconds)
    kinds = {
        "conduct": StallsAfter(sent=kept) if conduct == "stalls" else conduct,
        "joins": coming,
        "leaves": going,
    }
    return Group(**{**raw, **kinds})


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}
