"""The closing tables: each group's medians beside each other, and the machine that they came from."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import chart
from data import GIB


def rows(benchmarks: Sequence[Any]) -> list[dict[str, Any]]:
    """One for each member of a group: medians over its runs, and its time beside that of the group's first."""
    found: list[dict[str, Any]] = []
    for group in dict.fromkeys(bench.group for bench in benchmarks):
        members = [bench for bench in benchmarks if bench.group == group]
        first = None
        begin = len(found)
        for who in dict.fromkeys(bench.extra_info["who"] for bench in members):
            runs = [bench for bench in members if bench.extra_info["who"] == who]
            seconds = statistics.median(bench.stats.median for bench in runs)
            length = runs[0].extra_info["bytes"]
            first = first or seconds / length
            costs = [name for name in runs[0].extra_info if name not in ("who", "bytes")]
            row = {
                "group": group,
                "who": who,
                "runs": len(runs),
                "seconds": seconds,
                "best": min(bench.stats.min for bench in runs),
                "GiB/s": length / GIB / seconds,
                "times the first": seconds / length / first,
            }
            found.append(row | {name: statistics.median(bench.extra_info[name] for bench in runs) for name in costs})
        beside_the_floor(found[begin:])
    return found


def beside_the_floor(members: list[dict[str, Any]]) -> None:
    """CPU seconds as multiples of the least that a floor takes, in the groups that have one."""
    floors = [row for row in members if row["who"].startswith("floor")]
    for row in members:
        for name in [name for name in row if floors and name.endswith("CPU s/GiB")]:
            least = min(floor[name] for floor in floors)
            row[name.replace("CPU s/GiB", "CPU / floor")] = row[name] / least if least else math.nan


def machine() -> str:
    return f"{platform.platform()}, {os.cpu_count()} cores, {cpu_model()}"


def text(found: list[dict[str, Any]]) -> str:
    """Markdown: a table for each group."""
    lines = [machine()]
    for group in dict.fromkeys(row["group"] for row in found):
        members = [row for row in found if row["group"] == group]
        names = [name for name in members[0] if name != "group"]
        lines += ["", f"**{group}**", "", "| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
        lines += ["| " + " | ".join(cell(row.get(name)) for name in names) + " |" for row in members]
    return "\n".join(lines) + "\n"


def cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "" if value is None else str(value)


def save(found: list[dict[str, Any]], folder: Path) -> str:
    """As JSON, Markdown and a chart; says what became of the chart."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps({"machine": machine(), "rows": found}, indent=1))
    (folder / "results.md").write_text(text(found))
    return chart.save(found, folder / "results.png")


def cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
