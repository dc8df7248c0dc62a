"""`make profile` draws who calls whom, where perf may be used and the flame graphs' program is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]


def test_flame_graphs_show_what_a_leech_and_a_seed_do(tmp_path: Path) -> None:
    command = [sys.executable, "benches/hot.py", "64", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=55, check=False)
    if done.returncode != 0 and done.stderr.startswith(("perf is not at hand", "inferno is not in")):
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    for side, does in (("leech", "Storage::write_pieces "), ("seed", "pread")):
        picture = tmp_path / f"{side}.svg"
        assert f" CPU s/GiB, {picture}\n" in done.stdout
        frames = [title.text or "" for title in ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}title")]
        # A stack has its beginning, our functions have their names.
        for function in ("__rust_begin_short_backtrace", "p2pcore_engine::net::", does):
            assert any(function in frame for frame in frames), (side, function, frames)
