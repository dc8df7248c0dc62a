"""A disk that is as slow as a test or a bench wants: one file, read-only, behind FUSE.

Nothing of it is ever cached: every stat and every read asks a thread of this process, and waits as long as that waits.
It needs the kernel's FUSE and the right to mount, and no library.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import os
import select
import stat
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self


class Op(enum.IntEnum):
    """What the kernel may ask; all else is refused."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    OPEN = 14
    READ = 15
    STATFS = 17
    RELEASE = 18
    FLUSH = 25
    INIT = 26
    OPENDIR = 27
    READDIR = 28
    RELEASEDIR = 29
    INTERRUPT = 36
    DESTROY = 38
    BATCH_FORGET = 42


UNANSWERED = (Op.FORGET, Op.INTERRUPT, Op.DESTROY, Op.BATCH_FORGET)
ROOT, FILE = 1, 2
"""The two nodes there are."""
DIRECT_IO = 1
"""Of an open file: its reads pass by the page cache."""
REQUEST = 256 << 10
"""Room for one request: more than the kernel's least."""


class Unavailable(Exception):
    """No FUSE here, or no right to mount."""


class SlowDisk:
    """The file `source`, at `folder / source.name`. Each read takes `seconds(its length)`, one after the other.

    Between `hang` and `go_on` nothing is answered at all.
    """

    def __init__(self, source: Path, folder: Path, seconds: Callable[[int], float] = lambda _: 0) -> None:
        self.path = folder / source.name
        self.reads = 0
        """Reads that were answered."""
        self._folder = folder
        self.seconds = seconds
        self._file = os.open(source, os.O_RDONLY)
        self._going = threading.Event()
        self._going.set()
        self._held = threading.Event()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._device = mount(folder)
        except BaseException:
            os.close(self._file)
            raise
        self._stop, self._stopping = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def hang(self) -> None:
        """From now on every request waits."""
        self._held.clear()
        self._going.clear()

    def wait_held(self, within: float = 20) -> None:
        """Until somebody waits.

        Raises:
            TimeoutError: None did in time.
        """
        if not self._held.wait(within):
            raise TimeoutError("nobody asks the disk for anything")

    def go_on(self) -> None:
        """Answers what waited, and all that follows."""
        self._going.set()

    def _serve(self) -> None:
        waiting: list[bytes] = []
        while True:
            # While it hangs, requests are taken and kept: whoever waits for one is to be seen.
            patience = None if self._going.is_set() else 0.01
            ready, _, _ = select.select([self._device, self._stop], [], [], patience)
            if self._stop in ready:
                return
            if self._device in ready:
                try:
                    waiting.append(os.read(self._device, REQUEST))
                except OSError as error:
                    if error.errno == errno.ENODEV:  # it was unmounted
                        return
                    if error.errno not in (errno.EINTR, errno.ENOENT):
                        raise
            if self._going.is_set():
                for request in waiting:
                    self._answer(request)
                waiting.clear()
            elif waiting:
                self._held.set()

    def _answer(self, request: bytes) -> None:
        _, opcode, unique, node = struct.unpack_from("=IIQQ", request)
        if opcode in UNANSWERED:
            return
        try:
            error, body = 0, self._reply(opcode, node, request[40:])
        except OSError as failed:
            error, body = -(failed.errno or errno.EIO), b""
        header = struct.pack("=IiQ", 16 + len(body), error, unique)
        with contextlib.suppress(FileNotFoundError):  # who asked was interrupted
            os.write(self._device, header + body)

    def _reply(self, opcode: int, node: int, body: bytes) -> bytes:
        match opcode:
            case Op.INIT:
                return struct.pack("=IIIIHHIIHHI7I", 7, 31, 0, 0, 64, 48, 4096, 1, 0, 0, 0, *[0] * 7)
            case Op.LOOKUP if body.rstrip(b"\0") == os.fsencode(self.path.name):
                return struct.pack("=QQQQII", FILE, 0, 0, 0, 0, 0) + self._attributes(FILE)
            case Op.LOOKUP:
                raise FileNotFoundError(errno.ENOENT, "no such file")
            case Op.GETATTR:
                return struct.pack("=QII", 0, 0, 0) + self._attributes(node)
            case Op.OPEN | Op.OPENDIR:
                return struct.pack("=QII", 0, DIRECT_IO if opcode == Op.OPEN else 0, 0)
            case Op.READ:
                offset, length = struct.unpack_from("=QI", body, 8)
                time.sleep(self.seconds(length))
                self.reads += 1
                return os.pread(self._file, length, offset)
            case Op.STATFS:
                return struct.pack("=5Q4I6I", *[0] * 5, 4096, 255, 4096, 0, *[0] * 6)
            case Op.RELEASE | Op.FLUSH | Op.READDIR | Op.RELEASEDIR:
                return b""
        raise OSError(errno.ENOSYS, "not implemented")

    def _attributes(self, node: int) -> bytes:
        found = os.fstat(self._file)
        kind, size = (stat.S_IFDIR | 0o555, 0) if node == ROOT else (stat.S_IFREG | 0o444, found.st_size)
        seconds, nanoseconds = divmod(found.st_mtime_ns, 10**9)
        times = (seconds, seconds, seconds, nanoseconds, nanoseconds, nanoseconds)
        return struct.pack("=6Q10I", node, size, size // 512, *times, kind, 1, 0, 0, 0, 4096, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._stopping)
        self._thread.join()
        os.close(self._device)  # whoever still waits is told that the disk is gone
        subprocess.run(["umount", "--lazy", str(self._folder)], check=True)
        os.close(self._stop)
        os.close(self._file)


def mount(folder: Path) -> int:
    """The kernel's end of a file system that is mounted there.

    Raises:
        Unavailable: No FUSE here, or no right to mount.
    """
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        raise Unavailable(f"no /dev/fuse: {error}") from None
    options = f"ro,fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    command = ["mount", "-i", "-t", "fuse", "-o", options, "slow-disk", str(folder)]
    done = subprocess.run(command, pass_fds=[device], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        os.close(device)
        raise Unavailable(f"only root may mount a slow disk: {done.stderr.strip()}")
    return device
