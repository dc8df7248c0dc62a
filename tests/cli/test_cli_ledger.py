"""p2pcore ledger, as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from p2pcore import _ledger
from p2pcore._ledger import Ledger

P2PCORE = [sys.executable, "-m", "p2pcore"]


class Counted:
    def take_ledger(self) -> list[tuple[str, int, int]]:
        return [("192.168.1.5", 0, 2_500_000), ("2001:db8:1:200::/56", 1_500, 5)]


def ledger(*options: object) -> subprocess.CompletedProcess[str]:
    command = [*P2PCORE, "ledger", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=50)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    Ledger(tmp_path / "state" / _ledger.NAME).settle(Counted())
    return tmp_path / "state"


def test_table_has_sizes_for_people(state: Path) -> None:
    done = ledger("--state-dir", state)
    assert (done.returncode, done.stderr) == (0, "")
    head, most, other, total = done.stdout.splitlines()
    assert head.split()[:3] == ["identity", "given", "received"]
    assert most.startswith("2001:db8:1:200::/56") and "1.5 kB    5 bytes" in most
    assert other.startswith("192.168.1.5") and "0 bytes     2.5 MB" in other
    assert total.split() == ["2", "in", "all", "1.5", "kB", "2.5", "MB"]


def test_json_has_a_line_for_each(state: Path) -> None:
    done = ledger("--state-dir", state, "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["identity"], row["given"], row["received"]) for row in rows] == [
        ("2001:db8:1:200::/56", 1_500, 5),
        ("192.168.1.5", 0, 2_500_000),
    ]
    assert rows[0]["first_seen"].endswith("+00:00") and rows[0].keys() == set(_ledger.LedgerEntry.__dataclass_fields__)


def test_the_default_is_the_users_state_folder(tmp_path: Path) -> None:
    assert ledger().stdout.splitlines()[-1].startswith("0 in all")
    Ledger(tmp_path / "xdg-state" / "p2pcore" / _ledger.NAME).settle(Counted())
    assert ledger().stdout.splitlines()[-1].startswith("2 in all")


def test_a_corrupt_file_is_one_sentence(state: Path) -> None:
    (state / _ledger.NAME).write_bytes(b"no database" * 1_000)
    done = ledger("--state-dir", state)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("p2pcore: cannot read ") and len(done.stderr.splitlines()) == 1
