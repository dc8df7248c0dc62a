"""What all benches share: a release build, scratch folders in memory and on disk, the order, and one closing table."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import report

from p2pcore import _p2pcore

ABSENT = pytest.StashKey[list[report.Absent]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--tiny", action="store_true", help="a thousandth of the data: shows that the benches run")
    parser.addoption("--results", type=Path, default=Path(__file__).with_name("results"), help="where tables are put")
    parser.addoption("--runs", type=int, default=5, help="how often each is run")
    parser.addoption("--disk", type=Path, help="a folder on a disk (the first of this one and TMPDIR that is on one)")


def pytest_configure(config: pytest.Config) -> None:
    if _p2pcore.DEBUG_BUILD:
        raise pytest.UsageError("this is a debug build, and its times say nothing: use `make bench`")
    config.stash[ABSENT] = []


@pytest.fixture(scope="session")
def tiny(request: pytest.FixtureRequest) -> bool:
    return request.config.getoption("--tiny")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "run" in metafunc.fixturenames:
        runs = 1 if metafunc.config.getoption("--tiny") else metafunc.config.getoption("--runs")
        metafunc.parametrize("run", range(runs))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Function]) -> None:
    """First everybody's first run, then everybody's second: what disturbs the machine disturbs all.

    Marks say what is run once, and what --tiny leaves out.
    """
    items[:] = [item for item in items if not item.get_closest_marker("once") or item.callspec.params["run"] == 0]
    for item in items:
        if config.getoption("--tiny") and item.get_closest_marker("late"):
            item.add_marker(pytest.mark.skip("it begins late however little data there is: --tiny leaves it out"))

    def key(item: pytest.Function) -> tuple[str, str, int]:
        subject = item.cls.__name__ if item.cls else item.originalname
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        return (str(item.path), subject, parameters.get("run", 0))

    items.sort(key=key)


@pytest.fixture(scope="module")
def disk(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder that is not in memory."""
    wanted = request.config.getoption("--disk")
    candidates = [wanted] if wanted else [Path(__file__).parent, Path(tempfile.gettempdir())]
    found = next((path for path in candidates if wanted or not in_memory(path)), None)
    if found is None:
        pytest.skip("no folder on a disk: name one with --disk")
    folder = Path(tempfile.mkdtemp(prefix="p2pcore-bench-", dir=found))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def in_memory(path: Path) -> bool:
    """By the longest mount point above the path (Linux; elsewhere it is taken to be on a disk)."""
    mounts = Path("/proc/mounts")
    lines = [line.split() for line in mounts.read_text().splitlines()] if mounts.exists() else []
    above = [(len(fields[1]), fields[2]) for fields in lines if path.resolve().is_relative_to(fields[1])]
    return max(above, default=(0, ""))[1] in ("tmpfs", "ramfs")


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """A folder in memory where there is one, else on disk."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="p2pcore-bench-", dir=memory if os.access(memory, os.W_OK) else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Notes who was left out of which group because it is not installed."""
    if call.excinfo is not None and call.excinfo.errisinstance(pytest.skip.Exception) and "benchmark" in item.funcargs:
        why = str(call.excinfo.value)
        parameters = item.callspec.params
        who = parameters["rival"].who if "rival" in parameters else parameters.get("who", item.name)
        absent = (item.funcargs["benchmark"].group, who, why)
        if absent not in item.config.stash[ABSENT]:
            item.config.stash[ABSENT].append(absent)
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    session = getattr(config, "_benchmarksession", None)
    benchmarks = [bench for bench in session.benchmarks if bench.stats.data] if session else []
    if benchmarks:
        found, absent = report.rows(benchmarks), config.stash[ABSENT]
        charted = report.save(found, absent, config.getoption("--results"))
        terminalreporter.write("\n" + report.text(found, absent) + "\n" + charted + "\n")
