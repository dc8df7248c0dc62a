"""The command line: `p2pcore create | inspect | verify | seed | fetch | ledger | bench | sim`.

Results go to stdout, progress and errors to stderr. With `--json` stdout has one JSON object, or one for each event.
Exit codes: 0 done, 1 data is not whole (`verify`), 2 bad input or an error, 130 interrupted.
"""

from __future__ import annotations

import click

from p2pcore._p2pcore import VERSION
from p2pcore.cli._bench import bench
from p2pcore.cli._content import create, inspect, verify
from p2pcore.cli._group import Group
from p2pcore.cli._ledger import ledger
from p2pcore.cli._sim import sim
from p2pcore.cli._transfer import fetch, seed

__all__ = ["main"]


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="p2pcore")
def main() -> None:
    """Share files and folders with BitTorrent (v1, v2 and hybrid)."""


for command in (create, inspect, verify, seed, fetch, ledger, bench, sim):
    main.add_command(command)
