"""The ledger's file: sums, sharing, and what is done when it cannot be used."""

from __future__ import annotations

import contextlib
import gc
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from p2pcore import StorageError, _ledger
from p2pcore._ledger import Ledger

HOST, PREFIX = "192.168.1.5", "203.0.113.0/24"


class Counted:
    """A native session that counted this much."""

    def __init__(self, *rows: tuple[str, int, int]) -> None:
        self.rows = list(rows)

    def take_ledger(self) -> list[tuple[str, int, int]]:
        rows, self.rows = self.rows, []
        return rows


def sums(entries: tuple[_ledger.LedgerEntry, ...]) -> dict[str, tuple[int, int]]:
    return {entry.identity: (entry.given, entry.received) for entry in entries}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / _ledger.NAME


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_runs_add_up_and_who_got_most_comes_first(path: Path) -> None:
    before = datetime.now(UTC)
    assert Ledger(path).settle(Counted((HOST, 5, 7), (PREFIX, 100, 0))) is None
    assert Ledger(path).settle(Counted((HOST, 1_000, 1))) is None
    host, prefix = _ledger.read(path)
    assert (host.identity, host.given, host.received) == (HOST, 1_005, 8)
    assert (prefix.identity, prefix.given, prefix.received) == (PREFIX, 100, 0)
    assert before <= host.first_seen < host.last_seen <= datetime.now(UTC)
    assert prefix.first_seen == prefix.last_seen


def test_sessions_of_one_folder_add_up(path: Path) -> None:
    one, other = Ledger(path), Ledger(path)
    for ledger, amount in ((one, 1), (other, 10), (one, 100), (other, 1_000)):
        assert ledger.settle(Counted((HOST, amount, amount))) is None
    assert sums(one.entries(Counted((HOST, 5, 0)))) == {HOST: (1_116, 1_111)}
    assert sums(other.entries(Counted())) == {HOST: (1_116, 1_111)}


def test_nothing_passed_makes_no_file(path: Path) -> None:
    ledger = Ledger(path)
    assert ledger.settle(Counted()) is None
    assert ledger.entries(Counted()) == _ledger.read(path) == ()
    assert not path.parent.exists()


def test_without_a_state_folder_it_is_kept_in_memory() -> None:
    ledger = Ledger(None)
    assert ledger.settle(Counted((HOST, 5, 7))) is None
    assert sums(ledger.entries(Counted((HOST, 1, 0)))) == {HOST: (6, 7)}


def test_while_the_file_is_locked_amounts_wait_in_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ledger, "_BUSY", 0.0)
    ledger = Ledger(path)
    ledger.settle(Counted((HOST, 1, 1)))
    with locked(path):
        error = ledger.settle(Counted((HOST, 10, 0)))
        assert isinstance(error, StorageError)
        assert str(error) == f"cannot write {path}: database is locked"
        # Readers are not held up, and see what waits.
        assert sums(ledger.entries(Counted((HOST, 100, 0)))) == {HOST: (111, 1)}
        assert sums(_ledger.read(path)) == {HOST: (1, 1)}
    assert ledger.settle(Counted()) is None
    assert sums(_ledger.read(path)) == {HOST: (111, 1)}


def test_a_folder_that_cannot_be_made_loses_nothing(path: Path) -> None:
    path.parent.write_text("a file in its place")
    ledger = Ledger(path)
    error = ledger.settle(Counted((HOST, 10, 0)))
    assert isinstance(error, StorageError)
    assert (error.operation, error.filename) == ("write", str(path))
    path.parent.unlink()
    assert ledger.settle(Counted((HOST, 1, 0))) is None
    assert sums(_ledger.read(path)) == {HOST: (11, 0)}


@pytest.mark.parametrize("spoil", ["no database", "torn"])
def test_a_corrupt_file_is_put_aside_and_told(path: Path, spoil: str) -> None:
    Ledger(path).settle(Counted((HOST, 1, 1)))
    whole = path.read_bytes()
    # The second page of a file is its only table's.
    spoiled = b"no database" * 1_000 if spoil == "no database" else whole[:4096] + b"\xff" * (len(whole) - 4096)
    path.write_bytes(spoiled)
    with pytest.raises(StorageError, match="cannot read"):
        _ledger.read(path)
    error = Ledger(path).settle(Counted((HOST, 10, 0)))
    assert isinstance(error, StorageError)
    assert f"{path.name}.corrupt-1" in str(error)
    assert sums(_ledger.read(path)) == {HOST: (10, 0)}
    assert path.with_name(f"{path.name}.corrupt-1").read_bytes() == spoiled
    path.write_bytes(spoiled)
    assert "corrupt-2" in str(Ledger(path).settle(Counted((HOST, 10, 0))))


def test_the_table_is_bounded_and_forgets_the_oldest(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ledger, "LIMIT", 3)
    for kept in (Ledger(path), Ledger(None)):
        for number in range(5):
            assert kept.settle(Counted((f"10.0.0.{number}", number, 0))) is None
        assert [entry.given for entry in kept.entries(Counted())] == [4, 3, 2]
    assert len(_ledger.read(path)) == 3


def test_a_file_of_something_else_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE ledger (something TEXT)")
    assert isinstance(Ledger(path).settle(Counted((HOST, 1, 1))), StorageError)
    with pytest.raises(StorageError):
        _ledger.read(path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_nothing_is_left_open(path: Path) -> None:
    ledger = Ledger(path)
    ledger.settle(Counted((HOST, 1, 1)))
    ledger.entries(Counted())
    gc.collect()  # what is left open warns, and a warning fails
    assert [file.name for file in path.parent.iterdir()] == [path.name]
