"""The benches run: with a thousandth of the data, and without a look at their times.

Left out are transmission's transfers, and most of aria2's: they begin after 10 s and after 3 s, whatever the size.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RIVALS = [
    ("aria2c", "aria2", "1 seed to 1 leech, 1 GiB, v1"),
    ("aria2c", "aria2", "verify v1, 4 GiB, 1 MiB pieces"),
    ("cargo", "fastcdc crate, cuts only", "content-defined chunks of 64 KiB, 256 MiB, one core"),
    ("mktorrent", "mktorrent", "create v1, 4 GiB, 1 MiB pieces"),
    ("rqbit", "rqbit", "1 seed to 1 leech, 1 GiB, v1"),
    ("rtorrent", "rtorrent", "1 seed to 1 leech, 1 GiB, v1"),
    ("rtorrent", "rtorrent", "verify v1, 4 GiB, 1 MiB pieces"),
    ("transmission-create", "transmission", "create v1, 4 GiB, 1 MiB pieces"),
    ("transmission-daemon", "transmission", "verify v1, 4 GiB, 1 MiB pieces"),
]
"""A program, and as whom and in which group it is seen where it is installed."""

pytest.importorskip("libtorrent")


@pytest.mark.timeout(180)
def test_every_bench_runs_and_tells_its_costs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-c", "benches/pytest.ini", "benches", "--tiny", f"--results={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["machine"]
    groups: dict[str, set[str]] = {}
    for row in results["rows"]:
        assert row["seconds"] > 0
        assert row["GiB/s"] > 0
        groups.setdefault(row["group"], set()).add(row["who"])
    assert sum("libtorrent" in members for members in groups.values()) >= 6
    for program, who, group in RIVALS:
        if shutil.which(program):
            assert who in groups[group]
        else:
            why = f"{program} is not installed"
            assert {"group": group, "who": who, "why": why} in results["absent"]
            assert f"| {who} | absent: {why} |" in done.stdout
    crowd = "uplinks of 80 Mbit/s, 8 leeches, 64 MiB: the last completion"
    shaped = [row for row in results["rows"] if row["group"] == crowd]
    assert shaped or crowd in {absent["group"] for absent in results["absent"]}
    if shaped and shutil.which("aria2c"):
        assert "aria2" in {row["who"] for row in shaped}
    # Of others the clock starts when their first bytes are seen, which may be late.
    assert all(row["last / bound"] > 0.8 for row in shaped if row["who"] in ("p2pcore", "libtorrent"))
    assert {"simulated / bound" in row for row in shaped} in (set(), {True, False})
    assert all("CPU s/GiB" in row for row in results["rows"] if row["group"].endswith(" 4 GiB, 1 MiB pieces"))
    told = [row for row in results["rows"] if row["group"] == "1 seed to 1 leech, 1 GiB, v1"]
    if any(row["who"].startswith("floor") for row in told):
        assert all(row["leech CPU / floor"] is not None for row in told)
    else:
        assert "the floor is left out" in done.stdout
    table = (tmp_path / "results.md").read_text()
    assert "| GiB/s | 16 KiB | 256 KiB | 1024 KiB | 16384 KiB |" in table
    assert table in done.stdout
    for group, members in groups.items():
        assert group in table
        assert any(who.startswith(("p2pcore", "v1")) for who in members), group


def test_the_chart_is_drawn_or_said_to_be_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-c", "benches/pytest.ini", "benches", "--tiny", f"--results={tmp_path}"]
    done = subprocess.run([*command, "-k", "Sha1"], cwd=ROOT, capture_output=True, text=True, timeout=55, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    chart = tmp_path / "results.png"
    if find_spec("matplotlib") is None:
        assert "matplotlib is not installed" in done.stdout
        assert not chart.exists()
    else:
        assert chart.read_bytes().startswith(b"\x89PNG")
        assert f"chart: {chart}" in done.stdout


def test_a_debug_build_is_refused(tmp_path: Path) -> None:
    # The module is a stand-in: a second, unoptimised build would take minutes.
    program = (
        "import sys, pytest; from p2pcore import _p2pcore; _p2pcore.DEBUG_BUILD = True;"
        "sys.exit(pytest.main(['-c', 'benches/pytest.ini', 'benches', '--tiny']))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "debug build" in done.stderr
