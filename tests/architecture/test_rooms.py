"""Who may know whom: the rooms of the house, read from what cargo sees."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Each room may know the rooms below it on its own branch. The arrows are those of ARCHITECTURE.md; skipping a step of a
# branch is allowed (the engine hands Metainfo on), going up or across is not.
ROOMS: dict[str, set[str]] = {
    "hashing": set(),
    "chunking": {"hashing"},
    "protocol": {"hashing"},
    "scheduling": {"protocol", "hashing"},
    "engine": {"scheduling", "protocol", "chunking", "hashing"},
    "simulator": {"scheduling", "protocol", "hashing"},
    "python": {"engine", "simulator", "scheduling", "protocol", "chunking", "hashing"},
    # Tests of the pure rooms; nobody may know it.
    "fuzz": {"scheduling", "protocol", "chunking", "hashing"},
}

# What the libraries of the rooms without I/O may take from outside: nothing that could open or wait for something.
PURE: dict[str, set[str]] = {
    "hashing": {"sha1", "sha2", "blake3"},
    "chunking": {"thiserror", "blake3"},
    "protocol": {"thiserror"},
    "scheduling": {"thiserror"},
    "simulator": {"thiserror"},
}


@pytest.fixture(scope="module")
def packages() -> list[dict]:
    command = ["cargo", "metadata", "--no-deps", "--format-version=1", "--offline"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["packages"]


def room(name: str) -> str:
    return name.removeprefix("p2pcore-")


def test_every_package_is_a_room_of_its_own_name(packages: list[dict]) -> None:
    for package in packages:
        assert package["name"].startswith("p2pcore-")
        assert Path(package["manifest_path"]) == ROOT / "rust" / room(package["name"]) / "Cargo.toml"
        assert room(package["name"]) in ROOMS, f"{package['name']} is new: say in ROOMS what it may know"


def test_arrows_point_down(packages: list[dict]) -> None:
    wrong = [
        f"{room(package['name'])} -> {room(dependency['name'])}"
        for package in packages
        for dependency in package["dependencies"]
        if dependency["name"].startswith("p2pcore-") and room(dependency["name"]) not in ROOMS[room(package["name"])]
    ]
    assert wrong == []


def test_rooms_without_io_take_nothing_that_does_io(packages: list[dict]) -> None:
    wrong = [
        f"{room(package['name'])} -> {dependency['name']}"
        for package in packages
        if room(package["name"]) in PURE
        for dependency in package["dependencies"]
        if dependency["kind"] is None
        and not dependency["name"].startswith("p2pcore-")
        and dependency["name"] not in PURE[room(package["name"])]
    ]
    assert wrong == []


def test_every_room_takes_the_lints_of_the_workspace(packages: list[dict]) -> None:
    for package in packages:
        manifest = tomllib.loads(Path(package["manifest_path"]).read_text())
        assert manifest["lints"] == {"workspace": True}, package["name"]


def test_unsafe_code_is_forbidden_but_to_vectors_and_buffers(packages: list[dict]) -> None:
    roots = {room(package["name"]): Path(package["manifest_path"]).parent / "src" / "lib.rs" for package in packages}
    free = {name for name, root in roots.items() if "#![forbid(unsafe_code)]" not in root.read_text()}
    assert free == {"hashing", "chunking", "python"}


@pytest.mark.parametrize("name", ["protocol", "scheduling", "simulator"])
def test_clock_and_sockets_do_not_compile_in(name: str) -> None:
    lints = tomllib.loads((ROOT / "rust" / name / "clippy.toml").read_text())
    forbidden = {entry["path"] for entry in lints["disallowed-methods"] + lints["disallowed-types"]}
    assert {"std::time::Instant::now", "std::thread::spawn", "std::net::TcpStream", "std::fs::File"} <= forbidden


def test_python_room_is_not_built_by_default() -> None:
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
    assert "rust/python" in workspace["members"]
    assert "rust/python" not in workspace["default-members"]


def test_panic_never_aborts() -> None:
    profiles = tomllib.loads((ROOT / "Cargo.toml").read_text())["profile"]
    assert all(profile.get("panic") != "abort" for profile in profiles.values())


def test_no_python_module_but_the_native_one_is_imported_by_rust() -> None:
    """The extension converts: it calls Python only with values, never from a thread of the engine."""
    engine = (ROOT / "rust" / "engine" / "src").rglob("*.rs")
    assert [str(path) for path in engine if re.search(r"\bpyo3\b", path.read_text())] == []


@pytest.mark.parametrize("name", ["hashing", "chunking", "protocol", "scheduling", "simulator"])
def test_pure_rooms_name_no_clock_file_socket_or_thread(name: str) -> None:
    """What `clippy.toml` does not list is found here; tests of the rooms may use what they need."""
    forbidden = re.compile(
        r"\bInstant\b|\bSystemTime\b|std::(fs|thread|process|io::stdin)\b|\b(Tcp|Udp|Unix)(Stream|Listener|Socket|Datagram)\b"
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in (ROOT / "rust" / name / "src").rglob("*.rs")
        if "tests" not in path.parts and path.name != "tests.rs"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if forbidden.search(line.partition("//")[0])
    ]
    assert found == []
