"""p2pcore bench: it measures something, and says so in both forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from p2pcore import _p2pcore
from p2pcore.cli import main


def test_bench_prints_one_json_object_and_leaves_nothing_behind(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["bench", "--size", "2M", "--folder", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["bytes"] == 2 << 20
    assert len(said["results"]) == 5
    assert all(each["gib_per_second"] > 0 for each in said["results"])
    assert result.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_bench_draws_a_bar_for_each(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["bench", "--size", "1M", "--folder", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert result.stdout.count("GiB/s") == 5
    assert "transfer over loopback" in result.stdout


def test_bench_refuses_a_debug_build_and_too_little_data(monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(main, ["bench", "--size", "1K"])
    assert (result.exit_code, "at least 1M" in result.stderr) == (2, True)
    monkeypatch.setattr(_p2pcore, "DEBUG_BUILD", True)
    result = CliRunner().invoke(main, ["bench"])
    assert (result.exit_code, "debug build" in result.stderr) == (2, True)
