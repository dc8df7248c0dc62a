"""The chart of a run: which share of each class had everything, and when. matplotlib is imported where one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p2pcore._config import StrPath
from p2pcore._errors import ArgumentError, P2PError, StorageError

if TYPE_CHECKING:
    from p2pcore.sim._result import Result


def chart(results: Result | Sequence[Result], path: StrPath) -> None:
    """Draws completion over time as a PNG: a line for each class and run, and the bound.

    Args:
        results: One run, or several of one scenario.
        path: Where the picture goes; what is there is replaced.

    Raises:
        ArgumentError: There is no result.
        P2PError: matplotlib is not installed. It is in the extra `chart`.
        StorageError: The picture cannot be written.

    Example:
        >>> p2pcore.sim.chart([p2pcore.sim.run("s1-8", seed=seed) for seed in (1, 2)], "s1-8.png")
    """
    import numpy as np

    results = [results] if not isinstance(results, Sequence) else results
    if not results:
        raise ArgumentError("results is empty: a chart needs one at least")
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Without pyplot: no window, no global state, and any thread may draw.
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for result in results:
        for number, each in enumerate(result.classes):
            of_class = result.nodes[result.nodes["class"] == each.name]
            done = np.sort(of_class["finished"][~np.isnan(of_class["finished"])])
            share = np.arange(1, len(done) + 1) / each.count
            label = f"{each.name} ({each.count})" if result is results[0] else None
            # The line begins at the coming of the first and ends with the run.
            came = [of_class["joined"].min()]
            times = np.concatenate([came, done, [max([result.last, *done])]])
            heights = np.concatenate([[0.0], share, [len(done) / each.count]])
            axes.step(times, heights, where="post", color=f"C{number}", label=label, linewidth=1.4, alpha=0.8)
    if np.isfinite(bound := results[0].bound):
        axes.axvline(bound, color="#444444", linestyle="--", linewidth=1, label="bound: the last cannot be sooner")
    _write(figure, axes, results[0], len(results), Path(path))


def _write(figure: Any, axes: Any, first: Result, runs: int, path: Path) -> None:
    nodes = first.counted
    runs_shown = f"seed {first.seed}" if runs == 1 else f"{runs} seeds"
    axes.set_title(f"{first.name or 'scenario'}: {nodes} nodes, {first.scenario.bytes / 1e6:.0f} MB, {runs_shown}")
    axes.set_xlabel("seconds from the start")
    axes.set_ylabel("share of the class that has everything")
    axes.set_xlim(left=0)
    axes.set_ylim(0, 1.02)
    axes.grid(alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(loc="upper left", frameon=False)
    try:
        figure.savefig(path, format="png", dpi=120)
    except OSError as error:
        raise StorageError("write", str(path), error.errno, error.strerror or str(error)) from None


def require_matplotlib() -> None:
    """Says what to install where it is missing.

    Raises:
        P2PError: It is.
    """
    if find_spec("matplotlib") is None:
        raise P2PError("a chart needs matplotlib, which is not installed: pip install 'p2pcore[chart]'")
