"""Where a leech's and a seed's processor time goes: 1 GiB over the loopback, each side under `perf record`.

    python benches/hot.py [MiB]

Prints the functions that took most of each. It needs perf (Debian: linux-perf) and the right to use it.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from data import GIB, MIB, write_file
from peers import P2PCore, RealPeer

import p2pcore

TOP = 25
FREQUENCY = 999
"""Samples in a second: not a round number, to keep out of step with timers."""
HELP = """perf is not at hand: {reason}
On Debian, `apt-get install linux-perf`; on Ubuntu, `apt-get install linux-tools-generic linux-tools-$(uname -r)`.
Who is not root needs `sysctl kernel.perf_event_paranoid=1`, and a container the capability PERFMON."""


class Recorder:
    """`perf record` on a process, until it is stopped."""

    def __init__(self, peer: RealPeer, into: Path) -> None:
        assert peer.process is not None
        self._into = into
        command = ["perf", "record", "-q", "-F", str(FREQUENCY), "-p", str(peer.process.pid), "-o", str(into)]
        self._perf = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def stop(self) -> None:
        self._perf.send_signal(signal.SIGINT)
        self._perf.communicate()

    def report(self) -> str:
        options = ["--stdio", "--no-children", "-q", "-F", "overhead,dso,symbol", "-w", "7,24,90"]
        done = subprocess.run(
            ["perf", "report", "-i", self._into, *options], capture_output=True, text=True, check=True
        )
        return "\n".join([line for line in done.stdout.splitlines() if line.strip()][:TOP])


def unusable() -> str | None:
    """Why perf cannot be used, if so."""
    if shutil.which("perf") is None:
        return "it is not installed"
    tried = subprocess.run(
        ["perf", "record", "-q", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False
    )
    return None if tried.returncode == 0 else tried.stderr.strip() or "it fails"


def main(size: int) -> None:
    if reason := unusable():
        sys.exit(HELP.format(reason=reason))
    with tempfile.TemporaryDirectory(
        prefix="p2pcore-hot-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None
    ) as name:
        work = Path(name)
        (work / "source").mkdir()
        write_file(work / "source" / "data", size)
        p2pcore.create(work / "source" / "data", format="v1").save(work / "data.torrent")
        with P2PCore(work / "seed") as seed, P2PCore(work / "leech") as leech:
            seed.add(work / "data.torrent", work / "source")
            seed.wait_complete(600)
            recorders = {"leech": Recorder(leech, work / "leech.perf"), "seed": Recorder(seed, work / "seed.perf")}
            before = {"leech": leech.cpu_seconds(), "seed": seed.cpu_seconds()}
            leech.add(work / "data.torrent", work / "into")
            leech.connect(seed.address)
            leech.wait_complete(600)
            after = {"leech": leech.cpu_seconds(), "seed": seed.cpu_seconds()}
            for recorder in recorders.values():
                recorder.stop()
        for side, recorder in recorders.items():
            print(f"{side}: {(after[side] - before[side]) * GIB / size:.2f} CPU s/GiB\n{recorder.report()}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) * MIB if sys.argv[1:] else GIB)
