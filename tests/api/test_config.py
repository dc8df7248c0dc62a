"""Configurations and addresses."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import p2pcore
from p2pcore import _config


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("127.0.0.1:0", [("127.0.0.1", 0)]),
        ("[::1]:6881", [("::1", 6881)]),
        (("127.0.0.1", 80), [("127.0.0.1", 80)]),
        (["127.0.0.1:1", ("::1", 2)], [("127.0.0.1", 1), ("::1", 2)]),
        ((), []),
    ],
)
def test_listen_takes_every_way_to_write_an_address(written, meant) -> None:
    assert _config.listen_addresses(p2pcore.SessionConfig(listen=written).listen) == meant


@pytest.mark.parametrize(
    "options",
    [
        {"listen": "127.0.0.1"},
        {"listen": "::1:80"},
        {"listen": "127.0.0.1:65536"},
        {"listen": "127.0.0.1:-1"},
        {"listen": ":80"},
        {"upload_limit": 0},
        {"download_limit": -1},
        {"wan_upload_limit": -7},
        {"max_peers": 0},
        {"threads": -1},
        {"connect_timeout": 0},
        {"connect_timeout": float("nan")},
        {"uploader": "best"},
        {"base_share": 1.5},
        {"base_share": float("nan")},
    ],
)
def test_wrong_values_are_refused_when_they_are_written(options) -> None:
    with pytest.raises(p2pcore.ArgumentError) as caught:
        p2pcore.SessionConfig(**options)
    assert str(next(iter(options.values()))).strip("'")[:3] in str(caught.value)


def test_state_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert p2pcore.SessionConfig().state_dir == tmp_path / "p2pcore"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert p2pcore.SessionConfig().state_dir == tmp_path / ".local" / "state" / "p2pcore"


def test_peers_may_be_named() -> None:
    assert asyncio.run(_config.resolve(["localhost:80", ("127.0.0.1", 81)]))[1] == ("127.0.0.1", 81)


@pytest.mark.parametrize("address", ["127.0.0.1:0", "127.0.0.1", ("127.0.0.1",), "no-such-host.invalid:1"])
def test_peers_without_a_port_or_a_host_are_refused(address) -> None:
    with pytest.raises(p2pcore.ArgumentError):
        asyncio.run(_config.resolve([address]))
