"""p2pcore sim: the list, the table, JSON and the chart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from p2pcore import sim
from p2pcore.cli import main
from p2pcore.sim import _chart


def cli(*args: object) -> Result:
    return CliRunner().invoke(main, ["sim", *(str(arg) for arg in args)])


def test_without_a_name_the_scenarios_are_listed_with_their_marks() -> None:
    result = cli()
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [trial.name for trial in sim.trials()]
    marks = "makespan / bound <= 1.06, share finished >= 1, copies to the first copy <= 1.02, copies in all <= 1.1"
    assert lines[0] == f"s1-8       flash crowd of 8: {marks}"
    listed = [json.loads(line) for line in cli("--json").stdout.splitlines()]
    assert [each["name"] for each in listed] == [trial.name for trial in sim.trials()]
    assert listed[0]["marks"][0] == {"what": "makespan / bound", "limit": 1.06, "at_least": False}


def test_the_table_says_the_worst_of_the_seeds() -> None:
    result = cli("s1-8", "--seeds", 3)
    assert result.exit_code == 0, result.output
    head, ratio, finished, *_ = result.stdout.splitlines()
    assert head.split() == ["scenario", "figure", "worst", "mark", "missed", "by", "seeds"]
    worst = max(sim.run("s1-8", seed=seed).ratio for seed in (1, 2, 3))
    assert ratio.startswith("s1-8       makespan / bound ")
    assert f" {worst:.4f} <=  1.06 " in ratio
    assert finished.split()[-4:] == [">=", "1", "-", "3"]


def test_report_prints_every_figure() -> None:
    result = cli("s5-16", "--seed", 4, "--report")
    assert result.exit_code == 0, result.output
    shown = {line.split()[0] for line in result.stdout.splitlines() if line}
    assert {"seed", "p99", "ratio", "origin_total", "cpu_per_block", "peak_memory", "trace", "peer", "s5-16"} <= shown


def test_json_is_one_object_for_each_run() -> None:
    result = cli("s22", "s1-8", "--seeds", 2, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    said = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(each["name"], each["seed"]) for each in said] == [("s22", 1), ("s22", 2), ("s1-8", 1), ("s1-8", 2)]
    again = sim.run("s22", seed=2)
    assert (said[1]["trace"], said[1]["ratio"]) == (again.trace, again.ratio)


def test_the_chart_is_a_png(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "s1-8.png"
    result = cli("s1-8", "--seed", 1, "--chart", path)
    assert result.exit_code == 0, result.output
    assert path.read_bytes().startswith(b"\x89PNG")
    assert result.stderr == f"chart: {path}\n"


def test_what_is_wrong_is_said_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for args, said in (
        (["s0"], "there is no scenario 's0'"),
        (["s1-8", "--seed", "1", "--seeds", "2"], "give one of them"),
        (["s1-8", "--seed", "-1"], "--seed"),
        (["s1", "--chart", str(tmp_path / "a.png")], "s1-8, s1-32, s1-100"),
    ):
        result = cli(*args)
        assert (result.exit_code, said in result.stderr, result.stdout) == (2, True, ""), result.output
    monkeypatch.setattr(_chart, "find_spec", lambda name: None)
    result = cli("s1-8", "--chart", tmp_path / "a.png")
    assert (result.exit_code, "p2pcore[chart]" in result.stderr, result.stdout) == (2, True, "")
