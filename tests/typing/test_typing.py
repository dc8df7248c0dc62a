"""The stub agrees with the module, and the whole face passes mypy --strict."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(300)
def test_stub_agrees_with_the_built_module() -> None:
    command = [sys.executable, "-m", "mypy.stubtest", "p2pcore._p2pcore"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(300)
def test_face_and_a_users_program_are_strictly_typed() -> None:
    command = [sys.executable, "-m", "mypy", "--strict"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
