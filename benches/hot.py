"""Where a leech's and a seed's processor time goes: 1 GiB over the loopback, each side under `perf record`.

    python benches/hot.py [MiB [FOLDER]]

Prints the functions that took most of each, and draws a flame graph of each: leech.svg and seed.svg in the folder. It
needs perf (Debian: linux-perf) and the right to use it, and inferno, which `make profile` installs.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from data import GIB, MIB, touch_memory, write_file
from peers import P2PCore, RealPeer

import p2pcore

TOP = 25
FREQUENCY = 999
"""Samples in a second: not a round number, to keep out of step with timers."""
STACK = 32768
"""Bytes of stack kept with a sample, to unwind it later: with half of that some have no beginning. To copy them costs
processor time, but the build is the one that users have: frame pointers would need another.
"""
INFERNO = Path(sys.executable).parent
FOLDER = Path(__file__).with_name("results") / "profile"
HELP = """perf is not at hand: {reason}
On Debian, `apt-get install linux-perf`; on Ubuntu, `apt-get install linux-tools-generic linux-tools-$(uname -r)`.
Who is not root needs `sysctl kernel.perf_event_paranoid=1`, and a container the capability PERFMON."""


class Recorder:
    """`perf record` on a process, until it is stopped. It records when this is made: perf takes a while to begin."""

    def __init__(self, peer: RealPeer, into: Path) -> None:
        assert peer.process is not None
        self._into = into
        (orders, order), (answer, answers) = os.pipe(), os.pipe()
        self._control = (order, answer)
        command = ["perf", "record", "-q", "-F", str(FREQUENCY), "-p", str(peer.process.pid), "-o", str(into)]
        command += ["--call-graph", f"dwarf,{STACK}", "--delay=-1", f"--control=fd:{orders},{answers}"]
        self._perf = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, pass_fds=(orders, answers))
        os.close(orders)
        os.close(answers)
        os.write(order, b"enable\n")
        os.read(answer, 16)  # "ack", or nothing if perf has ended

    def stop(self) -> None:
        self._perf.send_signal(signal.SIGINT)
        self._perf.communicate()
        for end in self._control:  # not before: perf would end at once, without the end of its file
            os.close(end)

    def report(self) -> str:
        """The functions that took most."""
        fields = ["-F", "overhead,dso,symbol", "-w", "7,24,90"]
        told = self._perf_of("report", "--stdio", "--no-children", "--call-graph=none", "-q", *fields)
        return "\n".join([line for line in told.decode().splitlines() if line.strip()][:TOP])

    def draw(self, title: str, into: Path) -> None:
        """A flame graph, as SVG."""
        samples = self._perf_of("script", "-F", "comm,pid,tid,time,event,ip,sym,dso")
        stacks = run(INFERNO / "inferno-collapse-perf", of=samples)
        drawing = ("--deterministic", "--colors=rust", "--width=1600", f"--title={title}")
        into.write_bytes(run(INFERNO / "inferno-flamegraph", *drawing, of=stacks))

    def _perf_of(self, verb: str, *options: str) -> bytes:
        # Naming the inlined functions of every frame would take minutes.
        return run("perf", verb, "-i", self._into, "--no-inline", *options)


def run(*command: str | Path, of: bytes = b"") -> bytes:
    done = subprocess.run(command, input=of, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.decode().strip()}")
    return done.stdout


def unusable() -> str | None:
    """Why perf cannot be used, if so."""
    if shutil.which("perf") is None:
        return "it is not installed"
    tried = subprocess.run(
        ["perf", "record", "-q", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False
    )
    return None if tried.returncode == 0 else tried.stderr.strip() or "it fails"


def main(size: int, folder: Path) -> None:
    if reason := unusable():
        sys.exit(HELP.format(reason=reason))
    if not (INFERNO / "inferno-flamegraph").exists():
        sys.exit(f"inferno is not in {INFERNO}: `make profile` installs it")
    folder.mkdir(parents=True, exist_ok=True)
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
            touch_memory(work, size)
            before = {"leech": leech.cpu_seconds(), "seed": seed.cpu_seconds()}
            leech.add(work / "data.torrent", work / "into")
            leech.connect(seed.address)
            leech.wait_complete(600)
            after = {"leech": leech.cpu_seconds(), "seed": seed.cpu_seconds()}
            for recorder in recorders.values():
                recorder.stop()
        for side, recorder in recorders.items():
            picture = folder / f"{side}.svg"
            recorder.draw(f"{side}, {size // MIB} MiB", picture)
            cost = (after[side] - before[side]) * GIB / size
            print(f"{side}: {cost:.2f} CPU s/GiB, {picture}\n{recorder.report()}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) * MIB if sys.argv[1:] else GIB, Path(sys.argv[2]) if sys.argv[2:] else FOLDER)
