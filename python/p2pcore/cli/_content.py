"""`create`, `inspect` and `verify`: everything about a torrent that needs no network."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, cast

import click
from rich.filesize import decimal

from p2pcore import _content
from p2pcore._bars import Bar
from p2pcore._p2pcore import Magnet, Metainfo
from p2pcore.cli._group import Failure, Size, echo_json, file_json, json_option

_SHOWN_FILES = 100  # lines of a file list before the rest is only counted


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Default: PATH.torrent")
@click.option("--format", "format_", type=click.Choice(["v1", "v2", "hybrid"]), default="hybrid", show_default=True)
@click.option("--piece-length", type=Size(), help="A power of two of at least 16K; default: by the size.")
@click.option("--tracker", "trackers", multiple=True, metavar="URL", help="May be given again.")
@click.option("--web-seed", "web_seeds", multiple=True, metavar="URL", help="May be given again.")
@click.option("--http-seed", "http_seeds", multiple=True, metavar="URL", help="May be given again.")
@click.option(
    "--symlinks",
    type=click.Choice(["follow", "store"]),
    default="follow",
    show_default=True,
    help="Share what a link leads to, or the link.",
)
@click.option("--private", is_flag=True, help="Peers come from the trackers only.")
@click.option("--comment", metavar="TEXT")
@json_option
def create(
    path: Path,
    output: Path | None,
    format_: str,
    piece_length: int | None,
    trackers: tuple[str, ...],
    web_seeds: tuple[str, ...],
    http_seeds: tuple[str, ...],
    symlinks: str,
    private: bool,
    comment: str | None,
    as_json: bool,
) -> None:
    """Make a torrent of the file or folder PATH."""
    with _bar(f"hashing {path.resolve().name}", quiet=as_json) as progress:
        meta = _content.create(
            path,
            format=cast(Literal["v1", "v2", "hybrid"], format_),
            piece_length=piece_length,
            trackers=trackers,
            web_seeds=web_seeds,
            http_seeds=http_seeds,
            symlinks=cast(Literal["follow", "store"], symlinks),
            private=private,
            comment=comment,
            progress=progress,
        )
    if output is None:
        output = Path(f"{path.resolve()}.torrent")
        if output.exists() and output.read_bytes() != meta.to_bytes():
            raise Failure(f"{output} is there already, and is another torrent: name it with -o to replace it")
    meta.save(output)
    if as_json:
        echo_json({"torrent": str(output), **_describe(meta, files=False)})
    else:
        click.echo(f"{output}: {_summary(meta)}")
        _echo_hashes(meta)


@click.command()
@click.argument("torrent", metavar="FILE.torrent|MAGNET")
@json_option
def inspect(torrent: str, as_json: bool) -> None:
    """Show what a .torrent file or a magnet link says."""
    if torrent.lower().startswith("magnet:"):
        _inspect_magnet(Magnet.parse(torrent), as_json)
        return
    meta = Metainfo.from_file(torrent)
    if as_json:
        echo_json(_describe(meta, files=True))
        return
    click.echo(f"{meta.name}: {_summary(meta)}")
    _echo_hashes(meta)
    for tier, urls in enumerate(meta.trackers):
        click.echo(f"tracker tier {tier}: {' '.join(urls)}")
    for url in (*meta.web_seeds, *meta.http_seeds):
        click.echo(f"web seed: {url}")
    for name in ("comment", "source", "created_by"):
        if (value := getattr(meta, name)) is not None:
            click.echo(f"{name.replace('_', ' ')}: {value}")
    if meta.creation_date is not None:
        click.echo(f"creation date: {_date(meta.creation_date)}")
    if meta.private:
        click.echo("private: peers come from the trackers only")
    click.echo(f"magnet: {meta.magnet}")
    for file in meta.files[:_SHOWN_FILES]:
        click.echo(f"{file.length:>15,}  {file.path}{f' -> {file.symlink}' if file.symlink else ''}")
    if len(meta.files) > _SHOWN_FILES:
        click.echo(f"and {len(meta.files) - _SHOWN_FILES} more files (--json lists all)")


@click.command()
@click.argument("torrent", type=click.Path(path_type=Path), metavar="FILE.torrent")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@json_option
@click.pass_context
def verify(ctx: click.Context, torrent: Path, path: Path, as_json: bool) -> None:
    """Compare the file or folder PATH with a torrent. Exit code 0: whole, 1: not, 2: bad input."""
    meta = Metainfo.from_file(torrent)
    with _bar(f"verifying {meta.name}", quiet=as_json) as progress:
        report = _content.verify(meta, path, progress=progress)
    bad = [entry for entry in report.files if not entry.complete]
    good_pieces = int(report.pieces.sum())
    if as_json:
        echo_json(
            {
                "complete": report.complete,
                "pieces": len(report.pieces),
                "good_pieces": good_pieces,
                "files": len(report.files),
                "incomplete_files": [entry.file.path for entry in bad if not entry.missing],
                "missing_files": [entry.file.path for entry in bad if entry.missing],
            }
        )
    elif report.complete:
        click.echo(f"whole: {_counted(len(report.files), 'file')}, {_counted(good_pieces, 'piece')}")
    else:
        for entry in bad[:_SHOWN_FILES]:
            click.echo(f"{'missing' if entry.missing else 'incomplete'}: {entry.file.path}")
        click.echo(
            f"not whole: {len(bad)} of {len(report.files)} files are missing or incomplete, "
            f"{len(report.pieces) - good_pieces} of {len(report.pieces)} pieces are missing or wrong"
        )
    ctx.exit(0 if report.complete else 1)


@contextlib.contextmanager
def _bar(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    if quiet:
        yield None
        return
    with Bar(what) as bar:
        yield bar.bytes


def _summary(meta: Metainfo) -> str:
    files, pieces = _counted(len(meta.files), "file"), _counted(meta.piece_count, "piece")
    return f"{meta.format}, {files}, {decimal(meta.total_size)}, {pieces} of {meta.piece_length // 1024} KiB"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _echo_hashes(meta: Metainfo | Magnet) -> None:
    for version, digits in (("v1", meta.info_hash_v1), ("v2", meta.info_hash_v2)):
        if digits is not None:
            click.echo(f"info hash {version}: {digits}")


def _date(seconds: int) -> str:
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return str(seconds)


def _describe(meta: Metainfo, *, files: bool) -> dict[str, Any]:
    names = (
        *("name", "format", "piece_length", "piece_count", "total_size", "info_hash_v1", "info_hash_v2", "private"),
        *("trackers", "web_seeds", "http_seeds", "comment", "created_by", "creation_date", "source"),
    )
    shown = {name: getattr(meta, name) for name in names}
    shown["magnet"] = str(meta.magnet)
    shown["files"] = [file_json(file) for file in meta.files] if files else len(meta.files)
    return shown


def _inspect_magnet(magnet: Magnet, as_json: bool) -> None:
    names = ("info_hash_v1", "info_hash_v2", "name", "length", "trackers", "web_seeds", "peers", "select")
    if as_json:
        echo_json({name: getattr(magnet, name) for name in names})
        return
    _echo_hashes(magnet)
    for name in names[2:]:
        value = getattr(magnet, name)
        for one in value if isinstance(value, tuple) else () if value is None else (value,):
            shown = f"{one[0]}:{one[1]}" if name == "peers" else f"{one[0]}-{one[1]}" if name == "select" else one
            click.echo(f"{name.replace('_', ' ')}: {shown}")
