"""The public face: what `import p2pcore` gives, and how it names itself."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import p2pcore
import p2pcore.sync


def test_all_is_sorted_and_whole() -> None:
    assert p2pcore.__all__ == sorted(p2pcore.__all__)
    public = {name for name in vars(p2pcore) if not name.startswith("_")}
    assert public - {"cli"} <= set(p2pcore.__all__)
    assert all(hasattr(p2pcore, name) for name in p2pcore.__all__)


def test_sync_all_is_sorted() -> None:
    assert p2pcore.sync.__all__ == sorted(p2pcore.sync.__all__)


def test_init_holds_nothing_but_imports_and_all() -> None:
    source = Path(p2pcore.__file__).read_text()
    assert "def " not in source
    assert "class " not in source


def test_public_classes_say_that_they_are_in_p2pcore() -> None:
    classes = [value for name in p2pcore.__all__ if inspect.isclass(value := getattr(p2pcore, name))]
    assert classes
    assert {cls.__name__: cls.__module__ for cls in classes} == {cls.__name__: "p2pcore" for cls in classes}


def test_every_exception_is_a_p2perror() -> None:
    errors = [value for name in p2pcore.__all__ if name.endswith("Error") and (value := getattr(p2pcore, name))]
    assert all(issubclass(error, p2pcore.P2PError) for error in errors)


def test_import_starts_no_thread_and_warns_of_nothing() -> None:
    script = "import p2pcore, threading, sys; assert threading.active_count() == 1; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=50)


def test_sync_has_the_same_methods_as_the_asyncio_face() -> None:
    for name in ("Session", "Torrent"):
        one, other = getattr(p2pcore, name), getattr(p2pcore.sync, name)
        names = {method for method in vars(one) if not method.startswith("_")}
        assert names <= {method for method in vars(other) if not method.startswith("_")}, name
