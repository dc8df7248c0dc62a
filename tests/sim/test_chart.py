"""p2pcore.sim.chart: a PNG where matplotlib is, and elsewhere what to install."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

import p2pcore
from p2pcore import sim
from p2pcore.sim import _chart

SMALL = sim.Scenario(
    pieces=16,
    groups=[
        sim.Group(name="origin", complete=True),
        sim.Group(name="peer", count=4),
        sim.Group(name="late", count=2, joins=2.0),
    ],
)


def test_the_chart_is_a_png(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "chart.png"
    sim.chart([sim.run(SMALL, seed=seed) for seed in (1, 2)], path)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    assert width > height > 300
    one = tmp_path / "one.png"
    sim.chart(sim.run(SMALL, seed=1), one)
    assert one.read_bytes() != data


def test_nobody_done_is_drawn_too(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    hopeless = sim.Scenario(pieces=16, groups=SMALL.groups, limit=0.5)
    result = sim.run(hopeless)
    assert result.finished == 0
    sim.chart(result, tmp_path / "none.png")
    assert (tmp_path / "none.png").stat().st_size > 1000


def test_no_results_and_no_folder_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(p2pcore.ArgumentError, match="results is empty"):
        sim.chart([], tmp_path / "chart.png")
    with pytest.raises(p2pcore.StorageError, match="cannot write"):
        sim.chart(sim.run(SMALL), tmp_path / "not there" / "chart.png")


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_chart, "find_spec", lambda name: None)
    with pytest.raises(p2pcore.P2PError, match=r"pip install 'p2pcore\[chart\]'"):
        sim.chart(sim.run(SMALL), tmp_path / "chart.png")
    assert list(tmp_path.iterdir()) == []
