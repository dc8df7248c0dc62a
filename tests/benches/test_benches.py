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
    command = [sys.executable, "-m", "pytest", "-c", "benches/pytest.ini", "benches", "--tiny", f"--results={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=55, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["machine"]
    groups: dict[str, set[str]] = {}
    for row in results["rows"]:
        assert row["seconds"] > 0
        assert row["GiB/s"] > 0
        groups.setdefault(row["group"], set()).add(row["who"])
    assert sum("libtorrent" in members for members in groups.values()) >= 6
    table = (tmp_path / "results.md").read_text()
    assert table in done.stdout
    for group, members in groups.items():
        assert group in table
        assert any(who.startswith(("p2pcore", "v1")) for who in members), group


def test_a_debug_build_is_refused(tmp_path: Path) -> None:
    # The module is a stand-in: a second, unoptimised build would take minutes.
    program = (
        "import sys, pytest; from p2pcore import _p2pcore; _p2pcore.DEBUG_BUILD = True;"
        "sys.exit(pytest.main(['-c', 'benches/pytest.ini', 'benches', '--tiny']))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "debug build" in done.stderr
