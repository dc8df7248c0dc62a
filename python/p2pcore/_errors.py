"""Everything that p2pcore raises, as one tree.

    P2PError
    ├── ArgumentError           (ValueError)    an argument is wrong
    ├── MetainfoError           (ValueError)    a .torrent file is malformed or hostile
    ├── MagnetError             (ValueError)    a magnet link is malformed
    ├── CreateError             (ValueError)    a torrent cannot be made of that path
    ├── StorageError            (OSError)       the system refused a file operation
    ├── TorrentError                            a torrent cannot go on
    │   ├── HashesDisagreeError                 a hybrid's two hashes name different data
    │   ├── NoPieceLayersError                  a v2 torrent without hashes for its pieces
    │   ├── IncompleteDataError                 what should be seeded is not whole
    │   ├── AlreadyAddedError                   the torrent is in the session already
    │   └── TorrentRemovedError                 the torrent has left the session
    └── SessionError                            a session cannot do that
        ├── ListenError         (OSError)       a listening socket could not be opened
        ├── SessionClosedError                  the session is closed, or was not started
        ├── WrongLoopError      (RuntimeError)  the session belongs to another event loop
        └── ForkError           (RuntimeError)  the session belongs to the parent process

Rust names a class and the arguments of its constructor; `make` builds a new exception for every waiter.
"""

from __future__ import annotations

import os
import re
from typing import Any

from p2pcore._public import public

Pair = tuple[str, tuple[Any, ...]]


@public
class P2PError(Exception):
    """The base of every exception that p2pcore raises on purpose."""


@public
class ArgumentError(P2PError, ValueError):
    """An argument is wrong: an unknown file, an address without a port, a negative limit."""


@public
class MetainfoError(P2PError, ValueError):
    """The bytes are not a valid .torrent file (BEP 3, BEP 52)."""


@public
class MagnetError(P2PError, ValueError):
    """The text is not a magnet link of a torrent (BEP 9)."""


@public
class CreateError(P2PError, ValueError):
    """No torrent can be made of that path with those options."""


@public
class StorageError(P2PError, OSError):
    """The system refused a file operation.

    Attributes:
        operation: What was tried, such as "open", "read", "write" or "flush".
        filename: The path.
        errno: The system's number, or None where it gave none.
        strerror: The reason in words.
    """

    operation: str

    def __init__(self, operation: str, path: str, errno: int | None, message: str) -> None:
        """Keeps the operation beside what OSError keeps."""
        super().__init__(errno, _without_number(message), path)
        self.operation = operation
        self._args = (operation, path, errno, message)

    def __str__(self) -> str:
        """One sentence: the operation, the path and the reason."""
        return f"cannot {self.operation} {self.filename}: {self.strerror}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles as the arguments of the constructor."""
        return type(self), self._args


@public
class TorrentError(P2PError):
    """A torrent cannot go on."""


@public
class HashesDisagreeError(TorrentError):
    """A piece passes one of a hybrid's two hashes and fails the other: the torrent itself is wrong (BEP 52).

    Attributes:
        piece: The piece's index.
    """

    def __init__(self, piece: int) -> None:
        """Names the piece."""
        super().__init__(piece)
        self.piece = piece

    def __str__(self) -> str:
        """One sentence."""
        return f"piece {self.piece} passes one of the hybrid's two hashes and fails the other"


@public
class NoPieceLayersError(TorrentError):
    """A v2 torrent whose file has no piece layers: its data cannot be verified (BEP 52)."""

    def __str__(self) -> str:
        """One sentence."""
        return "the torrent has no piece layers: its data cannot be verified"


@public
class IncompleteDataError(TorrentError):
    """What should be seeded is not whole.

    Attributes:
        done: Verified bytes.
        wanted: Bytes that the torrent has.
    """

    def __init__(self, done: int, wanted: int) -> None:
        """Keeps both sizes."""
        super().__init__(done, wanted)
        self.done = done
        self.wanted = wanted

    def __str__(self) -> str:
        """One sentence."""
        return f"the data is incomplete: {self.done} of {self.wanted} bytes are there and correct"


@public
class AlreadyAddedError(TorrentError):
    """The torrent is in the session already.

    Attributes:
        info_hash: Its info hash, in hexadecimal digits.
    """

    def __init__(self, info_hash: str) -> None:
        """Keeps the hash."""
        super().__init__(info_hash)
        self.info_hash = info_hash

    def __str__(self) -> str:
        """One sentence."""
        return f"torrent {self.info_hash} is already in this session"


@public
class TorrentRemovedError(TorrentError):
    """The torrent has left the session."""

    def __str__(self) -> str:
        """One sentence."""
        return "the torrent is not in this session any more"


@public
class SessionError(P2PError):
    """A session cannot do that."""


@public
class ListenError(SessionError, OSError):
    """A listening socket could not be opened.

    Attributes:
        address: The address asked for, as "host:port".
        errno: The system's number, or None where it gave none.
        strerror: The reason in words.
    """

    address: str

    def __init__(self, address: str, errno: int | None, message: str) -> None:
        """Keeps the address beside what OSError keeps."""
        super().__init__(errno, _without_number(message))
        self.address = address
        self._args = (address, errno, message)

    def __str__(self) -> str:
        """One sentence."""
        return f"cannot listen on {self.address}: {self.strerror}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles as the arguments of the constructor."""
        return type(self), self._args


@public
class SessionClosedError(SessionError):
    """The session is closed, or was not started."""

    def __str__(self) -> str:
        """One sentence."""
        return "the session is not running: it was closed, or never started"


@public
class WrongLoopError(SessionError, RuntimeError):
    """The session was started in another event loop."""

    def __str__(self) -> str:
        """One sentence."""
        return "the session was started in another event loop: use it from there, or use p2pcore.sync"


@public
class ForkError(SessionError, RuntimeError):
    """The session belongs to the parent process: its threads do not exist in a forked child.

    Attributes:
        started_in: The pid of the process that started the session.
    """

    def __init__(self, started_in: int) -> None:
        """Keeps the parent's pid."""
        super().__init__(started_in)
        self.started_in = started_in

    def __str__(self) -> str:
        """One sentence."""
        return (
            f"the session was started in process {self.started_in} and this is its child {os.getpid()}: "
            "start a new session here"
        )


def _without_number(message: str) -> str:
    """What the system said, without Rust's " (os error 28)": the number has a place of its own."""
    return re.sub(r" \(os error \d+\)$", "", message)


def make(name: str, args: tuple[Any, ...]) -> P2PError:
    """Builds a new exception of a class in this module.

    Args:
        name: The class.
        args: The arguments of its constructor.

    Returns:
        The exception, not raised.
    """
    error = globals()[name](*args)
    assert isinstance(error, P2PError)
    return error
