"""p2pcore.sim.run: a run is a function of its scenario and its seed, and its figures are those of the rows."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import p2pcore
from p2pcore import sim

SMALL = sim.Scenario(
    pieces=64,
    groups=[sim.Group(name="origin", complete=True), sim.Group(name="peer", count=8)],
)


def test_the_same_seed_gives_the_same_trace_and_another_seed_another() -> None:
    one, again, other = sim.run(SMALL, seed=1), sim.run(SMALL, seed=1), sim.run(SMALL, seed=2)
    assert one == again
    assert np.array_equal(one.nodes["finished"], again.nodes["finished"], equal_nan=True)
    assert one.trace != other.trace
    assert len(one.trace) == 16
    assert int(one.trace, 16) > 0


def test_what_is_left_out_is_as_in_the_named_scenarios() -> None:
    described = dataclasses.replace(SMALL, pieces=256)
    assert sim.run(described, seed=1).trace == sim.run("s1-8", seed=1).trace


@pytest.mark.parametrize("name", [trial.name for trial in sim.trials("all")])
def test_a_named_scenario_survives_the_way_to_python_and_back(name: str) -> None:
    known = sim.scenario(name)
    assert known.groups
    fewer = {"pieces": 8, "groups": [dataclasses.replace(each, count=min(each.count, 4)) for each in known.groups]}
    small = dataclasses.replace(known, **fewer)
    assert sim.run(small, seed=1).scenario == small
    if known.pieces * sum(group.count for group in known.groups) < 10_000:
        assert sim.run(known, seed=2).trace == sim.run(name, seed=2).trace


def test_a_small_swarm_of_ones_own_finishes_near_its_bound() -> None:
    result = sim.run(SMALL, seed=3)
    assert (result.counted, result.finished) == (8, 8)
    # 64 pieces and three rounds of 256 KiB at 2.5 MB/s.
    assert result.bound == pytest.approx(67 * 262_144 / 2_500_000)
    assert 1 <= result.ratio < 1.35
    assert result.ratio == pytest.approx(result.last / result.bound)
    assert 1 <= result.origin_first_copy <= result.origin_total < 1.6
    assert 0.5 < result.utilisation <= 1
    assert 0 < result.jain <= 1
    assert result.first_piece_p50 <= result.first_piece_p99 < result.p50 <= result.p95 <= result.p99 <= result.last


def test_rows_are_numpy_columns_that_add_up_to_the_figures() -> None:
    late = sim.Group(name="late", count=2, joins=1.5, leaves="complete", counted=False)
    result = sim.run(dataclasses.replace(SMALL, groups=[*SMALL.groups, late]), seed=1)
    nodes = result.nodes
    assert nodes["class"].tolist() == ["origin"] + ["peer"] * 8 + ["late"] * 2
    peers = nodes[nodes["class"] == "peer"]
    assert peers["finished"].max() == pytest.approx(result.last)
    assert np.all(peers["joined"] == 0)
    assert np.all(nodes[-2:]["joined"] == 1.5)
    assert np.all(peers["first_piece"] < peers["finished"])
    assert np.all(peers["downloaded"] - peers["wasted"] == SMALL.bytes)
    assert nodes["uploaded"][0] / SMALL.bytes == pytest.approx(result.origin_total)
    assert np.isnan(nodes["left"][:9]).all()
    assert nodes["control"].sum() == result.control
    assert [(each.name, each.count) for each in result.classes] == [("peer", 8)]
    assert not nodes.flags.writeable


def test_what_crosses_between_sites_is_told_for_each_link() -> None:
    far = sim.Group(name="far", count=4, site=1)
    network = sim.Network(site_link=2_500_000, far_delay=0.05)
    result = sim.run(sim.Scenario(pieces=32, groups=[SMALL.groups[0], far], network=network))
    [link] = result.links
    assert (link.origin, link.target) == (0, 1)
    on_the_way = link.bytes - int(result.nodes["uploaded"][0])
    assert 0 <= on_the_way <= 4 * sim.SendQueue().socket
    assert link.bytes >= SMALL.bytes // 2
    assert result.link_copies == pytest.approx(link.bytes / result.scenario.bytes)


def test_conducts_and_comings_reach_the_simulator() -> None:
    scenario = sim.Scenario(
        pieces=48,
        groups=[
            sim.Group(name="origin", complete=True, leaves=sim.AfterSending(sent=100 * 262_144)),
            sim.Group(name="stalls", complete=True, conduct=sim.StallsAfter(sent=1 << 20)),
            sim.Group(name="poisson", count=6, joins=sim.Poisson(per_second=2)),
            sim.Group(name="within", count=3, joins=sim.Within(seconds=4)),
            sim.Group(name="rider", count=2, conduct="free-rider", reach="firewalled"),
            sim.Group(name="goes", count=3, leaves=sim.Within(seconds=2), counted=False),
        ],
    )
    nodes = sim.run(scenario, seed=1).nodes
    of = {name: nodes[nodes["class"] == name] for name in ("stalls", "poisson", "within", "rider", "goes")}
    assert of["stalls"]["uploaded"].tolist() == [1 << 20]
    assert len(set(of["poisson"]["joined"])) == 6
    assert np.all(of["within"]["joined"] < 4)
    assert of["rider"]["uploaded"].tolist() == [0, 0]
    assert np.isfinite(of["rider"]["finished"]).all()
    assert np.all(of["goes"]["left"] < 2)


def test_views_prefixes_and_usual_clients_change_what_happens() -> None:
    groups = [sim.Group(name="origin", complete=True), sim.Group(name="peer", count=30)]
    changed = [{}, {"view": 5}, {"prefixes": 3}, {"legacy": True}]
    traces = {
        sim.run(sim.Scenario(pieces=8, groups=[groups[0], dataclasses.replace(groups[1], **change)])).trace
        for change in changed
    }
    assert len(traces) == 4
    assert sim.scenario("s9-10").groups[-1].prefixes == 10


def test_settings_of_the_scheduler_change_what_happens() -> None:
    traces = {
        sim.run(dataclasses.replace(SMALL, scheduler=scheduler)).trace
        for scheduler in (sim.Scheduler(), sim.Scheduler(unchoke_slots=2), sim.Scheduler(origin=False))
    }
    assert len(traces) == 3


def test_marks_come_with_their_verdicts() -> None:
    result = sim.run("s1-8", seed=1)
    [trial] = sim.trials("s1-8")
    assert [verdict.mark for verdict in result.verdicts] == list(trial.marks)
    ratio, finished, *_ = result.verdicts
    assert ratio.value == result.ratio
    assert ratio.missed_by == pytest.approx((result.ratio - ratio.mark.limit) / ratio.mark.limit)
    assert ratio.passed == (result.ratio <= ratio.mark.limit)
    assert finished.passed
    assert (finished.value, str(finished.mark)) == (1.0, "share finished >= 1")


def test_trials_are_found_by_name_and_number() -> None:
    assert [trial.name for trial in sim.trials("s1")] == ["s1-8", "s1-32", "s1-100"]
    assert {trial.name for trial in sim.trials("all")} == {trial.name for trial in sim.trials() if not trial.slow}
    assert sim.trials("s") == ()


def test_json_has_every_figure_and_no_infinity() -> None:
    result = sim.run(SMALL)
    said = json.loads(result.to_json())
    assert said["trace"] == result.trace
    assert said["classes"][0]["name"] == "peer"
    assert set(said) == {each.name for each in dataclasses.fields(result)} - {"scenario", "nodes"}
    never = json.loads(dataclasses.replace(result, ratio=float("inf")).to_json())
    assert never["ratio"] is None


def test_the_cost_is_told() -> None:
    result = sim.run(SMALL)
    assert 0 < result.cpu_per_block < result.cpu
    assert result.blocks >= 8 * SMALL.bytes // 16_384
    assert result.peak_memory is not None
    assert result.peak_memory > 1 << 20


def test_progress_is_called_and_what_it_raises_stops_the_run() -> None:
    calls: list[tuple[int, int]] = []
    sim.run(SMALL, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (8 * 64, 8 * 64)

    def refuse(done: int, total: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        sim.run("s2", progress=refuse)


def test_threads_run_beside_each_other() -> None:
    results: dict[int, sim.Result] = {}
    threads = [threading.Thread(target=lambda s=seed: results.update({s: sim.run(SMALL, seed=s)})) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {seed: result.seed for seed, result in results.items()} == {1: 1, 2: 2}


def test_ctrl_c_stops_a_long_run() -> None:
    source = textwrap.dedent("""
        import p2pcore
        said = []
        def say(done, total):
            if not said:
                said.append(print("ready", flush=True))
        p2pcore.sim.run("s2", progress=say)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert "KeyboardInterrupt" in err
    assert process.returncode != 0


def test_classes_name_the_place_they_are_imported_from() -> None:
    classes = [value for name in sim.__all__ if isinstance(value := getattr(sim, name), type)]
    assert len(classes) > 10
    assert {cls.__module__ for cls in classes} == {"p2pcore.sim"}
    assert sim.__all__ == sorted(sim.__all__)
    assert p2pcore.sim is sim
