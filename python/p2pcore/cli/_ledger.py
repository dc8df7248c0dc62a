"""`ledger`: what was given to and received from each identity, as a table or as JSON."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from rich.filesize import decimal

from p2pcore._config import default_state_dir
from p2pcore._ledger import NAME, read
from p2pcore.cli._group import echo_json, fields, json_option


@click.command()
@click.option(
    "--state-dir", type=click.Path(file_okay=False, path_type=Path), help="Where the ledger is kept; as with seed."
)
@json_option
def ledger(state_dir: Path | None, as_json: bool) -> None:
    """Print what was given to and received from whom, in all runs; whoever got most comes first.

    A host of a private network is one, and so are all behind an IPv4 /24 or an IPv6 /56.
    """
    path = (default_state_dir() if state_dir is None else state_dir) / NAME
    entries = read(path)
    if as_json:
        for entry in entries:
            echo_json(fields(entry))
        return
    click.echo(f"{'identity':<24} {'given':>10} {'received':>10}  {'first seen':<16}  {'last seen':<16}")
    for entry in entries:
        sums = f"{decimal(entry.given):>10} {decimal(entry.received):>10}"
        click.echo(f"{entry.identity:<24} {sums}  {_minute(entry.first_seen)}  {_minute(entry.last_seen)}")
    given, received = (sum(of) for of in ((e.given for e in entries), (e.received for e in entries)))
    click.echo(f"{f'{len(entries)} in all':<24} {decimal(given):>10} {decimal(received):>10}")


def _minute(when: datetime) -> str:
    """To the minute, in local time."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M")
