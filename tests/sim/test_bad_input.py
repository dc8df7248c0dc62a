"""p2pcore.sim with what cannot be: each refusal is an ArgumentError that names the field and the value."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import p2pcore
from p2pcore import sim

ORIGIN = sim.Group(name="origin", complete=True)
PEER = sim.Group(name="peer", count=2)
SMALL = sim.Scenario(pieces=4, groups=[ORIGIN, PEER])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", 3),
        ("count", -1),
        ("count", "3"),
        ("count", 2.5),
        ("up", 0),
        ("down", -5),
        ("site", 256),
        ("complete", 1),
        ("conduct", "evil"),
        ("conduct", ["honest"]),
        ("joins", -0.1),
        ("joins", math.nan),
        ("joins", math.inf),
        ("joins", "now"),
        ("leaves", "early"),
        ("reach", None),
        ("reach", "shut"),
        ("view", -1),
        ("prefixes", 0),
        ("prefixes", 65537),
        ("legacy", 1),
        ("counted", "yes"),
    ],
)
def test_a_bad_value_of_a_group_is_named(field: str, value: object) -> None:
    with pytest.raises(p2pcore.ArgumentError) as caught:
        sim.Group(**{"name": "peer", field: value})  # type: ignore[arg-type]
    said = str(caught.value)
    assert said.startswith(field)
    assert repr(value) in said
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("cls", "field", "value"),
    [
        (sim.Network, "delay", -1),
        (sim.Network, "far_delay", math.inf),
        (sim.Network, "spread", 1.5),
        (sim.Network, "jitter", math.nan),
        (sim.Network, "site_link", 0),
        (sim.Scheduler, "unchoke_slots", 0),
        (sim.Scheduler, "max_peers", 0),
        (sim.Scheduler, "upload_queue", 2**32),
        (sim.Scheduler, "max_partial_bytes", 2**63),
        (sim.Scheduler, "origin", 1),
        (sim.Scheduler, "uploader", "nobody"),
        (sim.Scheduler, "base_share", 1.5),
        (sim.SendQueue, "batch", 0),
        (sim.SendQueue, "socket", 2**32),
        (sim.StallsAfter, "sent", -1),
        (sim.AfterSending, "sent", 1.5),
        (sim.Within, "seconds", -1),
        (sim.Poisson, "per_second", 0),
        (sim.Poisson, "per_second", math.inf),
    ],
)
def test_a_bad_value_of_a_part_is_named(cls: type[Any], field: str, value: object) -> None:
    with pytest.raises(p2pcore.ArgumentError, match=f"^{field} is "):
        cls(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pieces", 0),
        ("pieces", 2**32),
        ("piece_length", -1),
        ("groups", "everybody"),
        ("groups", [ORIGIN, "peer"]),
        ("groups", [ORIGIN, PEER, PEER]),
        ("network", None),
        ("degree", 1),
        ("scheduler", {}),
        ("send_queue", 3),
        ("check", -1),
        ("leaves_known", 0),
        ("limit", math.nan),
        ("mark", "3 s"),
    ],
)
def test_a_bad_value_of_a_scenario_is_named(field: str, value: object) -> None:
    with pytest.raises(p2pcore.ArgumentError, match=f"^{field}"):
        dataclasses.replace(SMALL, **{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"pieces": 1 << 23}, "pieces"),
        ({"piece_length": 1 << 31}, "pieces and piece_length: piece length 2147483648"),
        ({"groups": [PEER]}, "groups: nobody has the pieces"),
        ({"groups": [ORIGIN]}, "groups: nobody is waited for"),
        ({"groups": []}, "groups"),
        ({"groups": [ORIGIN, sim.Group(name="many", count=1 << 24)]}, "groups: 16777217 nodes"),
        ({"groups": [ORIGIN, sim.Group(name="many", count=2**62), sim.Group(name="more", count=2**62)]}, "groups"),
        ({"groups": [ORIGIN, sim.Group(name="rare", joins=sim.Poisson(per_second=1e-300))]}, "joins"),
    ],
)
def test_what_does_not_fit_together_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(p2pcore.ArgumentError, match=f"^{named}"):
        sim.run(dataclasses.replace(SMALL, **changes))


def test_who_is_complete_is_neither_waited_for_nor_becomes_it() -> None:
    for changes in ({"counted": True}, {"leaves": "complete"}):
        with pytest.raises(p2pcore.ArgumentError, match="group 'origin'"):
            dataclasses.replace(ORIGIN, **changes)


def test_names_and_seeds_that_are_none() -> None:
    with pytest.raises(p2pcore.ArgumentError, match='there is no scenario "s0"'):
        sim.run("s0")
    with pytest.raises(p2pcore.ArgumentError, match='there is no scenario "s1"'):
        sim.run("s1")
    with pytest.raises(p2pcore.ArgumentError, match="is not a scenario"):
        sim.run(None)  # type: ignore[arg-type]
    for seed in (-1, 2**64, 1.5):
        with pytest.raises(p2pcore.ArgumentError, match=r"^seed is "):
            sim.run(SMALL, seed=seed)  # type: ignore[arg-type]


@given(
    st.builds(
        sim.Group,
        name=st.just("some"),
        count=st.integers(1, 4),
        up=st.none() | st.integers(1, 2**63 - 1),
        down=st.none() | st.integers(1, 2**63 - 1),
        site=st.integers(0, 3),
        conduct=st.sampled_from(["honest", "free-rider", "slow-loris", "liar"])
        | st.builds(sim.StallsAfter, sent=st.integers(0, 2**63 - 1)),
        joins=st.floats(0, 1e9) | st.builds(sim.Within, seconds=st.floats(0, 1e9)),
        leaves=st.sampled_from(["never", "complete"])
        | st.builds(sim.AfterSending, sent=st.integers(0, 2**63 - 1))
        | st.builds(sim.Within, seconds=st.floats(0, 1e9)),
        reach=st.sampled_from(["open", "punchable", "firewalled"]),
        view=st.none() | st.integers(0, 9),
        prefixes=st.none() | st.integers(1, 65536),
        legacy=st.booleans(),
    ),
    st.builds(
        sim.Network,
        delay=st.floats(0, 1e9),
        far_delay=st.floats(0, 1e9),
        spread=st.floats(0, 1),
        jitter=st.floats(0, 100),
        site_link=st.none() | st.integers(1, 2**63 - 1),
    ),
)
def test_whatever_is_accepted_runs_to_an_end(group: sim.Group, network: sim.Network) -> None:
    scenario = sim.Scenario(pieces=2, piece_length=20_000, groups=[ORIGIN, PEER, group], network=network, limit=60)
    assert len(sim.run(scenario).nodes) == 3 + group.count
