"""The benches run: with a thousandth of the data, and without a look at their times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytest.importorskip("libtorrent")


def test_every_bench_runs_and_tells_its_costs(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    command = [sys.executable, "-m", "pytest", "-c", "benches/pytest.ini", "benches", "--tiny"]
    done = subprocess.run(
        [*command, f"--benchmark-json={results}"], cwd=ROOT, capture_output=True, text=True, timeout=55, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    benchmarks = json.loads(results.read_text())["benchmarks"]
    groups: dict[str, set[str]] = {}
    for benchmark in benchmarks:
        assert benchmark["stats"]["median"] > 0
        assert benchmark["extra_info"]["bytes"] > 0
        groups.setdefault(benchmark["group"], set()).add(benchmark["extra_info"]["who"])
    assert groups
    for group, members in groups.items():
        assert {"p2pcore", "libtorrent"} <= members, group
        assert group in done.stdout


def test_a_debug_build_is_refused(tmp_path: Path) -> None:
    # The module is a stand-in: a second, unoptimised build would take minutes.
    program = (
        "import sys, pytest; from p2pcore import _p2pcore; _p2pcore.DEBUG_BUILD = True;"
        "sys.exit(pytest.main(['-c', 'benches/pytest.ini', 'benches', '--tiny']))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "debug build" in done.stderr
