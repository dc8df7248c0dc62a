"""The closing table: each group's medians beside each other, and the machine that they came from."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data import GIB


def text(benchmarks: Sequence[Any]) -> str:
    """The first of a group is the one that the others are compared with."""
    lines = ["", f"{platform.platform()}, {os.cpu_count()} cores, {cpu_model()}"]
    for group in dict.fromkeys(bench.group for bench in benchmarks):
        members = [bench for bench in benchmarks if bench.group == group]
        by_name = {who: [b for b in members if b.extra_info["who"] == who] for who in names(members)}
        first = median_time(by_name[names(members)[0]])
        lines += ["", group, *(line(who, runs, first) for who, runs in by_name.items())]
    return "\n".join(lines) + "\n"


def names(benchmarks: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(bench.extra_info["who"] for bench in benchmarks))


def median_time(runs: Sequence[Any]) -> float:
    return statistics.median(bench.stats.median for bench in runs)


def line(who: str, runs: Sequence[Any], first: float) -> str:
    median, best = median_time(runs), min(bench.stats.min for bench in runs)
    rate = runs[0].extra_info["bytes"] / GIB / median
    costs = [name for name in runs[0].extra_info if name not in ("who", "bytes")]
    told = "".join(f"   {name} {statistics.median(bench.extra_info[name] for bench in runs):.2f}" for name in costs)
    times = f"{median:9.3f} s (best {best:.3f}){rate:8.2f} GiB/s{median / first:7.2f} x the time"
    return f"  {who:<18}{times}{told}"


def cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
