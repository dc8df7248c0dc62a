"""The examples in the documentation run, and every public coroutine has one."""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import doctest
import inspect
import io
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import p2pcore
from p2pcore import sim, sync

_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def documented() -> Iterator[tuple[str, Any]]:
    """Every public function, class and method that is written in Python."""
    for module, prefix in ((p2pcore, ""), (sync, "sync."), (sim, "sim.")):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value) or inspect.isclass(value):
                yield prefix + name, value
            if inspect.isclass(value):
                for method, member in vars(value).items():
                    if inspect.isfunction(member) and not method.startswith("_"):
                        yield f"{prefix}{name}.{method}", member


EXAMPLES = {name: value for name, value in documented() if ">>>" in (value.__doc__ or "")}


def test_every_public_coroutine_has_an_example() -> None:
    coroutines = {
        name for name, value in documented() if inspect.iscoroutinefunction(value) or inspect.isasyncgenfunction(value)
    }
    assert coroutines
    assert coroutines <= EXAMPLES.keys()


def test_everything_public_is_documented() -> None:
    assert [name for name, value in documented() if not (value.__doc__ or "").strip()] == []


@pytest.mark.asyncio
@pytest.mark.parametrize("name", EXAMPLES)
async def test_example_runs(
    name: str,
    folder: Path,
    config: Callable[..., p2pcore.SessionConfig],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if name == "sim.chart":
        pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    meta = p2pcore.create(folder)
    async with p2pcore.Session(config()) as seeder, p2pcore.Session(config()) as session:
        serving = await seeder.seed(meta, folder)
        names: dict[str, Any] = {
            "__builtins__": builtins,
            "asyncio": asyncio,
            "p2pcore": p2pcore,
            "meta": meta,
            "folder": folder,
            "into": "downloads",
            "port": seeder.port,
            "session": session,
            "torrent": serving,
        }
        if name.startswith("Torrent."):
            names["torrent"] = torrent = await session.fetch(meta, "into", peers=[("127.0.0.1", seeder.port)])
            await torrent.completed()
        for example in doctest.DocTestParser().get_examples(inspect.getdoc(EXAMPLES[name]) or ""):
            got = await run(example.source, names)
            assert doctest.OutputChecker().check_output(example.want, got, doctest.ELLIPSIS), (example.source, got)


async def run(source: str, names: dict[str, Any]) -> str:
    """Runs an example as the interactive interpreter would, await at the top level included."""
    code = compile(source, "<example>", "single", flags=_FLAGS)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        hook, sys.displayhook = sys.displayhook, sys.__displayhook__
        try:
            result = types.FunctionType(code, names)()
            if inspect.iscoroutine(result):
                await result
        finally:
            sys.displayhook = hook
    return out.getvalue()
