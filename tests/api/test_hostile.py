"""Bytes from outside: whatever they are, the answer is a value or one of our errors."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import p2pcore

_values = st.recursive(
    st.one_of(st.integers(-(2**70), 2**70), st.binary(max_size=40)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.binary(max_size=12), inner, max_size=4)),
    max_leaves=12,
)
_info = st.fixed_dictionaries(
    {b"name": st.one_of(st.binary(max_size=20), _values), b"piece length": st.sampled_from([0, 1, 16384, 2**40, -1])},
    optional={
        b"length": st.integers(-(2**63), 2**64),
        b"pieces": st.binary(max_size=60),
        b"files": _values,
        b"meta version": st.sampled_from([1, 2, 3]),
        b"file tree": _values,
        b"private": _values,
    },
)


def bencode(value: object) -> bytes:
    match value:
        case int():
            return b"i%de" % value
        case bytes():
            return b"%d:%b" % (len(value), value)
        case list():
            return b"l" + b"".join(map(bencode, value)) + b"e"
        case dict():
            return b"d" + b"".join(bencode(key) + bencode(value[key]) for key in sorted(value)) + b"e"
    raise TypeError


def read(data: bytes) -> None:
    try:
        meta = p2pcore.Metainfo.from_bytes(data)
    except p2pcore.MetainfoError as error:
        assert str(error)
    else:
        for file in meta.files:
            assert not Path(file.path).is_absolute()
            assert ".." not in file.path.split("/")


@given(st.binary(max_size=300))
def test_any_bytes_are_no_torrent_or_a_valid_one(data: bytes) -> None:
    read(data)


@given(_info)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_info_dictionary(info: dict) -> None:
    read(bencode({b"announce": b"http://x/", b"info": info}))


@pytest.mark.parametrize("format", ["v1", "v2", "hybrid"])
def test_damaged_torrents(format: str, folder: Path) -> None:
    whole = p2pcore.create(folder, format=format).to_bytes()
    chance = random.Random(7)
    for _ in range(500):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        read(bytes(data))
        read(whole[: chance.randrange(len(whole))])


@given(st.one_of(st.text(max_size=80), st.text(max_size=60).map("magnet:?xt=urn:btih:".__add__)))
def test_any_text_is_no_magnet_or_a_valid_one(text: str) -> None:
    try:
        magnet = p2pcore.Magnet.parse(text)
    except p2pcore.MagnetError as error:
        assert str(error)
    else:
        assert p2pcore.Magnet.parse(magnet.uri) == magnet


@pytest.mark.parametrize("opening", [b"l", b"d1:a", b"li0e"])
def test_depth_bombs_end_at_once(opening: bytes) -> None:
    with pytest.raises(p2pcore.MetainfoError):
        p2pcore.Metainfo.from_bytes(opening * 1_000_000)
