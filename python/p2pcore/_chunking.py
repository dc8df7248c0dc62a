"""Content-defined chunks: `chunk`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2pcore import _p2pcore
from p2pcore._config import StrPath
from p2pcore._content import Progress
from p2pcore._errors import ArgumentError
from p2pcore._hashing import plain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Buffer


def chunk(
    data: Buffer | StrPath,
    average: int = 65_536,
    minimum: int | None = None,
    maximum: int | None = None,
    *,
    progress: Progress | None = None,
) -> NDArray[np.void]:
    """Cuts a buffer or a file into chunks by its content, and hashes each.

    A change moves only the cuts around it, so two versions of a file share most of their chunks. The cuts are FastCDC's
    (Xia et al., 2020) over a Gear hash; they are frozen: every later version of p2pcore cuts alike.

    Args:
        data: Any C-contiguous buffer (bytes, an array), which is not copied; or the path of a file.
        average: Bytes in a chunk, on average.
        minimum: Bytes of the shortest but for the last, at least 64; None is a quarter of the average.
        maximum: Bytes of the longest, at most 1 GiB; None is four times the average.
        progress: Called about ten times a second with (bytes done, bytes in all). What it raises stops the work.

    Returns:
        A read-only structured array of shape (chunks,), in order, with the fields `offset` (uint64, bytes), `length`
        (uint32, bytes) and `blake3` (uint8 of shape (32,)).

    Raises:
        ArgumentError: The data is no buffer or path, or the bounds are out of order.
        StorageError: The file could not be read.

    Example:
        >>> chunks = p2pcore.chunk(bytes(1_000_000))
        >>> chunks["length"].tolist()
        [262144, 262144, 262144, 213568]
    """
    import numpy as np

    for name, value in (("average", average), ("minimum", minimum), ("maximum", maximum)):
        if value is not None and not 0 < value < 2**63:
            raise ArgumentError(f"{name} is {value}: it must be above 0")
    rows = _p2pcore.chunk(plain(data), average=average, minimum=minimum, maximum=maximum, progress=progress)
    return np.frombuffer(rows, dtype=[("offset", "<u8"), ("length", "<u4"), ("blake3", "u1", (32,))])
