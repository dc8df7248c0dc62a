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

FORMATS = ("v1", "v2", "hybrid")
ABSENT = ("group", "who", "why")
Absent = tuple[str, str, str]
"""A group, who is not in it, and why."""


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
            found.append(row | {name: over_runs(name, [bench.extra_info[name] for bench in runs]) for name in costs})
        beside_the_floor(found[begin:])
    return found


def over_runs(name: str, figures: list[float]) -> float:
    """The median, or what was worst where the name says so."""
    return max(figures) if name.startswith("worst") else statistics.median(figures)


def beside_the_floor(members: list[dict[str, Any]]) -> None:
    """CPU seconds as multiples of the least that a floor takes, in the groups that have one."""
    floors = [row for row in members if row["who"].startswith("floor")]
    for row in members:
        for name in [name for name in row if floors and name.endswith("CPU s/GiB")]:
            least = min(floor[name] for floor in floors)
            row[name.replace("CPU s/GiB", "CPU / floor")] = row[name] / least if least else math.nan


def machine() -> str:
    return f"{platform.platform()}, {os.cpu_count()} cores, {cpu_model()}"


def text(found: list[dict[str, Any]], absent: Sequence[Absent] = ()) -> str:
    """Markdown: a table for each group, and who is missing from it."""
    lines = [machine()]
    for group in dict.fromkeys(row["group"] for row in found):
        members = [row for row in found if row["group"] == group]
        names = [name for name in members[0] if name != "group"]
        lines += ["", f"**{group}**", "", "| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
        lines += ["| " + " | ".join(cell(row.get(name)) for name in names) + " |" for row in members]
        lines += [f"| {who} | absent: {why} |" + " |" * (len(names) - 2) for at, who, why in absent if at == group]
        if (grid := formats(members)) is not None:
            lines += ["", *grid]
    return "\n".join(lines) + "\n"


def formats(members: list[dict[str, Any]]) -> list[str] | None:
    """GiB/s of each format at each piece length, where the group's members are these."""
    named = [row["who"].split(" ", 1) for row in members]
    if not all(len(words) == 2 and words[0] in FORMATS for words in named):
        return None
    rates = {tuple(words): row["GiB/s"] for words, row in zip(named, members, strict=True)}
    lengths = list(dict.fromkeys(length for _, length in named))
    lines = ["| GiB/s | " + " | ".join(lengths) + " |", "|---" * (len(lengths) + 1) + "|"]
    for name in FORMATS:
        lines.append(f"| {name} | " + " | ".join(cell(rates.get((name, length))) for length in lengths) + " |")
    return lines


def cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "" if value is None else str(value)


def save(found: list[dict[str, Any]], absent: Sequence[Absent], folder: Path) -> str:
    """As JSON, Markdown and a chart; says what became of the chart."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {"machine": machine(), "rows": found, "absent": [dict(zip(ABSENT, each, strict=True)) for each in absent]}
    (folder / "results.json").write_text(json.dumps(told, indent=1))
    (folder / "results.md").write_text(text(found, absent))
    return chart.save(found, folder / "results.png")


def cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
