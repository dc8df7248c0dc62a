"""Files stay small enough to be read at one sitting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAX_LINES = 800
SKIPPED = {"target", "__pycache__", ".venv", "artifacts"}


def sources() -> Iterator[Path]:
    for folder in ("rust", "python", "tests", "benches"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".rs", ".py", ".pyi"} and not SKIPPED.intersection(path.relative_to(ROOT).parts):
                yield path


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_source_file_is_longer_than_800_lines() -> None:
    found = {str(path.relative_to(ROOT)): lines(path) for path in sources()}
    assert len(found) > 50
    assert {name: count for name, count in found.items() if count > MAX_LINES} == {}


def test_architecture_is_told_in_150_lines() -> None:
    assert lines(ROOT / "ARCHITECTURE.md") <= 150


def test_every_module_says_what_it_owns() -> None:
    """Modules of Rust open with a module comment, those of Python with a docstring; a module's tests belong to it."""
    silent = []
    for path in sources():
        parts = path.relative_to(ROOT).parts
        if path.suffix == ".rs" and ("src" not in parts or "tests" in parts or path.name == "tests.rs"):
            continue
        opening = "//!" if path.suffix == ".rs" else '"""'
        text = path.read_text(encoding="utf-8").lstrip()
        if text and not text.startswith(opening):
            silent.append(str(path.relative_to(ROOT)))
    assert silent == []
