"""What is shipped: the sdist builds in an empty environment, and the wheel holds what it must and no more."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(900)  # a release build may be among it


def run(*command: str | Path, cwd: Path) -> str:
    # The registry crates are compiled already, for the extension under test; only our own are compiled again.
    target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    environment = {**os.environ, "CARGO_TARGET_DIR": target, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "maturin", "sdist", "--out", out, cwd=ROOT)
    [made] = out.glob("*.tar.gz")
    return made


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, sdist: Path) -> tuple[Path, Path]:
    """The Python of an environment that holds nothing but what `pip install p2pcore-*.tar.gz` brings, and the wheel."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    run(python, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", folder, sdist, cwd=folder)
    [wheel] = folder.glob("*.whl")
    run(python, "-m", "pip", "install", "-q", wheel, cwd=folder)
    return python, wheel


def test_sdist_holds_all_that_a_build_needs(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Cargo.lock", "pyproject.toml", "README.md", "LICENSE-MIT", "LICENSE-APACHE"} <= names
    assert {"python/p2pcore/__init__.py", "python/p2pcore/py.typed", "rust/python/src/lib.rs"} <= names
    assert [name for name in names if name.endswith((".so", ".pyc"))] == []


def test_sdist_installs_in_an_empty_environment_and_imports_without_a_warning(empty: tuple[Path, Path]) -> None:
    python, _ = empty
    code = "import p2pcore, p2pcore.sync, p2pcore.cli; print(p2pcore.__version__, p2pcore.__file__)"
    version, file = run(python, "-I", "-W", "error", "-c", code, cwd=python.parent).split()
    assert version.count(".") == 2
    assert Path(file).is_relative_to(python.parents[1])


def test_installed_command_makes_and_checks_a_torrent(empty: tuple[Path, Path], tmp_path: Path) -> None:
    command = empty[0].with_name("p2pcore")
    (tmp_path / "data.bin").write_bytes(b"p2pcore" * 10_000)
    run(command, "create", "data.bin", "-o", "data.torrent", cwd=tmp_path)
    run(command, "verify", "data.torrent", "data.bin", cwd=tmp_path)


def test_one_wheel_serves_every_python_from_3_11(empty: tuple[Path, Path]) -> None:
    _, wheel = empty
    assert "-cp311-abi3-" in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {"p2pcore/__init__.py", "p2pcore/py.typed", "p2pcore/_p2pcore.pyi"} <= set(names)
    assert [name for name in names if name.endswith(".so")] == ["p2pcore/_p2pcore.abi3.so"]
    assert [name for name in names if name.startswith(("tests", "benches", "rust"))] == []
    assert {Path(name).name for name in names if "licenses/" in name} == {"LICENSE-APACHE", "LICENSE-MIT"}
