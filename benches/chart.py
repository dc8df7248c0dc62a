"""The closing chart: for each group a bar for each member, its time over that of p2pcore."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROW = 0.22
"""Inches of height for a bar, or for a group's title."""
WIDEST = 8.0
"""Bars end here; the longer ones say how long they are."""
OURS, FLOOR, OTHERS = "#1f77b4", "#7f7f7f", "#d9a441"


def save(found: list[dict[str, Any]], path: Path) -> str:
    """Draws it where matplotlib is installed; says what it did."""
    if find_spec("matplotlib") is None:
        return "no chart: matplotlib is not installed (it is in the extra `bench`)"
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    groups = [group for group in dict.fromkeys(row["group"] for row in found) if members(found, group)[1:]]
    if not groups:
        return "no chart: no group has two members"
    places = sum(len(members(found, group)) + 2 for group in groups)
    figure, axes = pyplot.subplots(figsize=(11, 1 + ROW * places))
    axes.axvline(1, color="#444444", linewidth=0.8, zorder=0)
    place, ticks, names = 0, [], []
    for group in groups:
        axes.text(0, place, group, fontweight="bold", fontsize=8, va="center")
        for row in members(found, group):
            place += 1
            ratio = row["times the first"]
            axes.barh(place, min(ratio, WIDEST), color=colour(row["who"]), height=0.8)
            label = f"{ratio:.2f}   {row['GiB/s']:.2f} GiB/s"
            axes.text(min(ratio, WIDEST) + 0.05, place, label, fontsize=7, va="center")
            ticks.append(place)
            names.append(row["who"])
        place += 2
    axes.set_yticks(ticks, names, fontsize=7)
    axes.set_ylim(place - 1, -1)
    axes.set_xlim(0, WIDEST + 1.5)
    axes.set_xlabel(f"seconds for the same bytes, p2pcore = 1 (less is faster; cut at {WIDEST:.0f})")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return f"chart: {path}"


def members(found: list[dict[str, Any]], group: str) -> list[dict[str, Any]]:
    """p2pcore comes first; where it is compared with itself, the first row is what the others are beside."""
    return [row for row in found if row["group"] == group]


def colour(who: str) -> str:
    if who.startswith("floor"):
        return FLOOR
    return OURS if who.startswith(("p2pcore", "v1", "v2", "hybrid")) else OTHERS
