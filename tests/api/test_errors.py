"""The exception tree."""

from __future__ import annotations

import errno
import pickle

import pytest

import p2pcore
from p2pcore import _errors

SAMPLES = [
    ("ArgumentError", ("the message",)),
    ("MetainfoError", ("the message",)),
    ("StorageError", ("write", "/some/file", errno.ENOSPC, "no space")),
    ("StorageError", ("open", "/some/file", None, "it changed")),
    ("HashesDisagreeError", (7,)),
    ("NoPieceLayersError", ()),
    ("IncompleteDataError", (1, 2)),
    ("AlreadyAddedError", ("ab" * 20,)),
    ("TorrentRemovedError", ()),
    ("ListenError", ("127.0.0.1:1", errno.EACCES, "denied")),
    ("SessionClosedError", ()),
    ("WrongLoopError", ()),
    ("ForkError", (1,)),
]


@pytest.mark.parametrize(("name", "args"), SAMPLES)
def test_errors_survive_pickling_with_their_message(name: str, args: tuple) -> None:
    error = _errors.make(name, args)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error) != ""
    assert {key: value for key, value in vars(again).items() if key[0] != "_"} == {
        key: value for key, value in vars(error).items() if key[0] != "_"
    }


def test_storage_error_is_an_oserror_with_operation_path_and_errno() -> None:
    error = _errors.make("StorageError", ("write", "/some/file", errno.ENOSPC, "No space left on device (os error 28)"))
    assert isinstance(error, OSError)
    assert isinstance(error, p2pcore.StorageError)
    assert (error.operation, error.filename, error.errno) == ("write", "/some/file", errno.ENOSPC)
    assert error.strerror == "No space left on device"
    assert str(error) == "cannot write /some/file: No space left on device"


def test_builtin_classes_fit() -> None:
    assert issubclass(p2pcore.MetainfoError, ValueError)
    assert issubclass(p2pcore.MagnetError, ValueError)
    assert issubclass(p2pcore.ListenError, OSError)
    assert issubclass(p2pcore.ForkError, RuntimeError)
