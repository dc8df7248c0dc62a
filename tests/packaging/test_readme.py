"""The README keeps its word: its examples run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import read_tree, write_tree

ROOT = Path(__file__).parents[2]


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.timeout(120)
def test_python_example_runs(tmp_path: Path) -> None:
    example, *_ = blocks("python")
    assert len(example.splitlines()) <= 14
    write_tree(tmp_path / "photos", {"one.jpg": 300_000, "two/three.jpg": 70_001, "empty": 0})
    command = [sys.executable, "-W", "error", "-c", example]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_tree(tmp_path / "copy" / "photos") == read_tree(tmp_path / "photos")


@pytest.mark.timeout(120)
def test_explaining_example_runs(tmp_path: Path) -> None:
    _, example, _ = blocks("python")
    write_tree(tmp_path / "photos", {"one.jpg": 300_000, "two/three.jpg": 70_001})
    command = [sys.executable, "-W", "error", "-c", example]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    # All of it is in one state folder: here what was given and received is the same.
    said = re.search(r"^127\.0\.0\.1 gave us (\d+) bytes and got \d+$", done.stdout, re.MULTILINE)
    assert said is not None and int(said[1]) >= 370_001, done.stdout


@pytest.mark.timeout(120)
def test_simulated_example_runs(tmp_path: Path) -> None:
    *_, example = blocks("python")
    command = [sys.executable, "-W", "error", "-c", example]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    said = re.match(r"done in (\d+) s, at best (\d+) s; (\d+\.\d) copies between the sites\n\[", done.stdout)
    assert said is not None, done.stdout
    took, bound, crossed = map(float, said.groups())
    assert bound <= took < 1200
    assert crossed >= 1
    assert len(re.findall(r"\d+\.\d+", done.stdout.partition("[")[2])) == 10, done.stdout


def test_commands_of_the_readme_exist() -> None:
    shown = "\n".join(blocks("sh"))
    for command in ("create", "inspect", "verify", "seed", "fetch", "ledger", "sim"):
        assert f"p2pcore {command}" in shown
        done = subprocess.run([sys.executable, "-m", "p2pcore", command, "--help"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        for option in re.findall(rf"p2pcore {command}.*", shown):
            for flag in re.findall(r"--[a-z-]+", option):
                assert flag in done.stdout, (command, flag)


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
