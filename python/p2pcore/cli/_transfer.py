"""`seed` and `fetch`: one torrent in a session of its own, until it is done or somebody says stop."""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import re
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import click
from rich.filesize import decimal

from p2pcore._bars import Bar
from p2pcore._config import SessionConfig, default_state_dir, split_address
from p2pcore._events import Completed, DialFailed, Failed
from p2pcore._p2pcore import Metainfo
from p2pcore._session import Session
from p2pcore._torrent import Torrent
from p2pcore.cli._group import Failure, Size, echo_json, fields, json_option

_EVERY = 0.5  # seconds between two looks at a torrent
_AT_ONCE = 0.2  # seconds of lingering that nobody need be told of
_SHOWN_PEERS = 5  # of those that could not be reached

_torrent_argument = click.argument("torrent", type=click.Path(path_type=Path), metavar="FILE.torrent")
_listen_option = click.option(
    "--listen", default="0.0.0.0:0", show_default=True, metavar="HOST:PORT", help="Port 0 takes a free one."
)
_peer_option = click.option("--peer", "peers", multiple=True, metavar="HOST:PORT", help="May be given again.")

_Command = Callable[..., Any]


def _limit(option: str, setting: str, of: str) -> Callable[[_Command], _Command]:
    told = f"Bytes per second {of}; K, M and G are known."
    return click.option(option, setting, type=Size(), metavar="N", help=told)


# These are named as in `SessionConfig`.
_up_option = _limit("--up-limit", "upload_limit", "sent")
_wan_up_option = _limit("--wan-up-limit", "wan_upload_limit", "sent to the Internet")
_down_option = _limit("--down-limit", "download_limit", "received")
_wan_down_option = _limit("--wan-down-limit", "wan_download_limit", "received from the Internet")
_site_option = click.option(
    "--site", metavar="NAME", help="Our site: its peers fetch each piece from outside once. Else addresses tell."
)
_discovery_option = click.option(
    "--local-discovery/--no-local-discovery", default=True, help="Find peers on the local network (LSD). On by default."
)
_exchange_option = click.option(
    "--peer-exchange/--no-peer-exchange", default=True, help="Peers tell each other of others (PEX). On by default."
)
_state_option = click.option(
    "--state-dir", type=click.Path(file_okay=False, path_type=Path), help="Where resume data is kept."
)


@click.command()
@_torrent_argument
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@_listen_option
@_peer_option
@_up_option
@_wan_up_option
@_site_option
@_discovery_option
@_exchange_option
@_state_option
@json_option
def seed(
    torrent: Path,
    path: Path,
    listen: str,
    peers: tuple[str, ...],
    state_dir: Path | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Serve the file or folder PATH until interrupted; it is only read."""
    meta = Metainfo.from_file(torrent)
    _run(_seed(meta, path, peers, _config(listen, state_dir, settings), as_json))


@click.command()
@_torrent_argument
@click.option(
    "-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Makes OUTPUT/<name>."
)
@_listen_option
@_peer_option
@click.option("--file", "globs", multiple=True, metavar="GLOB", help="Only files that match; may be given again.")
@click.option("--sequential", is_flag=True, help="Fetch the pieces in order.")
@click.option("--overwrite", is_flag=True, help="Check, complete and overwrite files that are there already.")
@click.option("--seed", "keep_seeding", is_flag=True, help="Go on serving when everything is there.")
@click.option(
    "--linger",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="S",
    help="Serve on for at most S seconds, while somebody wants one more piece.",
)
@_up_option
@_down_option
@_wan_up_option
@_wan_down_option
@_site_option
@_discovery_option
@_exchange_option
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Give up after S seconds.")
@_state_option
@json_option
def fetch(
    torrent: Path,
    output: Path,
    listen: str,
    peers: tuple[str, ...],
    globs: tuple[str, ...],
    sequential: bool,
    overwrite: bool,
    keep_seeding: bool,
    linger: float,
    timeout: float | None,
    state_dir: Path | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Download a torrent from its peers."""
    if str(torrent).lower().startswith("magnet:"):
        raise Failure("fetching a magnet link is not there yet: give a .torrent file")
    meta = Metainfo.from_file(torrent)
    options = {"files": _chosen(meta, globs), "peers": peers, "sequential": sequential, "overwrite": overwrite}
    config = _config(listen, state_dir, settings)
    _run(_fetch(meta, output, options, config, timeout, None if keep_seeding else linger, as_json))


async def _seed(meta: Metainfo, path: Path, peers: tuple[str, ...], config: SessionConfig, as_json: bool) -> None:
    async with Session(config) as session:
        torrent = await session.seed(meta, path, peers=peers)
        _say_listening(session, "seeding", meta, as_json)
        async with _heard(torrent, {}, as_json):
            with _shown(f"seeding {meta.name}", quiet=as_json) as bar:
                await _serve(torrent, bar, as_json)


async def _fetch(
    meta: Metainfo,
    output: Path,
    options: dict[str, Any],
    config: SessionConfig,
    timeout: float | None,
    linger: float | None,
    as_json: bool,
) -> None:
    started = time.monotonic()
    async with Session(config) as session:
        torrent = await session.fetch(meta, output, **options)
        _say_listening(session, "fetching", meta, as_json)
        failed: dict[str, str] = {}
        async with _heard(torrent, failed, as_json):
            with _shown(f"fetching {meta.name}", quiet=as_json) as bar:
                try:
                    async with asyncio.timeout(timeout):
                        await _follow(torrent, bar, as_json)
                except TimeoutError:
                    status = torrent.status()
                    raise Failure(
                        f"{meta.name} is not complete after {timeout:g} s: {status.done} of {status.wanted} bytes "
                        f"are there; {_why(status.peers, failed)}"
                    ) from None
            _say_completed(torrent, output, time.monotonic() - started, as_json)
            if linger is not None and await torrent.linger(min(linger, _AT_ONCE)):
                return
            with _shown(f"seeding {meta.name}", quiet=as_json) as bar, contextlib.suppress(TimeoutError):
                async with asyncio.timeout(linger):
                    await _serve(torrent, bar, as_json, until_given_back=linger is not None)


async def _follow(torrent: Torrent, bar: Bar | None, as_json: bool) -> None:
    """Shows a torrent until it is complete; raises what stopped it."""
    async for status in torrent.progress(_EVERY):
        if as_json:
            echo_json({"event": "status", **fields(status)})
        elif bar is not None:
            bar.status(status)
    await torrent.completed()
    await asyncio.sleep(0)  # whoever hears the events says them first


async def _serve(torrent: Torrent, bar: Bar | None, as_json: bool, *, until_given_back: bool = False) -> None:
    """Shows a torrent that is served until somebody says stop, or while somebody wants one more piece."""
    while not (until_given_back and await torrent.linger(0)):
        status = torrent.status()
        if status.error is not None:
            raise status.error
        if as_json:
            echo_json({"event": "status", **fields(status)})
        elif bar is not None:
            bar.status(status)
        await asyncio.sleep(_EVERY)


@contextlib.asynccontextmanager
async def _heard(torrent: Torrent, failed: dict[str, str], as_json: bool) -> AsyncIterator[None]:
    """Hears the events meanwhile: prints them as JSON, and keeps why peers could not be reached."""
    reader = asyncio.create_task(_hear(torrent, failed, as_json))
    try:
        yield
    finally:
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader


async def _hear(torrent: Torrent, failed: dict[str, str], as_json: bool) -> None:
    async for event in torrent.events():
        if isinstance(event, DialFailed):
            failed[_address(event.address)] = event.reason
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
        if as_json and not isinstance(event, Completed | Failed):  # told with more in it, and by the exit code
            echo_json({"event": name, **fields(event)})


def _why(peers: int, failed: dict[str, str]) -> str:
    """What is known of why a fetch came to no end."""
    if peers:
        return "the connected peers are slow, or lack the rest"
    if not failed:
        return "no peer was found: name one with --peer"
    return "; ".join(f"{address}: {reason}" for address, reason in list(failed.items())[:_SHOWN_PEERS])


def _address(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _say_listening(session: Session, doing: str, meta: Metainfo, as_json: bool) -> None:
    if as_json:
        echo_json({"event": "listening", "addresses": session.listen_addresses, "name": meta.name})
        return
    shown = ", ".join(map(_address, session.listen_addresses))
    click.echo(f"{doing} {meta.name} on {shown or 'no address'}")


def _say_completed(torrent: Torrent, output: Path, seconds: float, as_json: bool) -> None:
    status = torrent.status()
    path = output / torrent.meta.name
    if as_json:
        final = {"downloaded": status.downloaded, "uploaded": status.uploaded, "wasted": status.wasted}
        echo_json({"event": "completed", "path": path, "bytes": status.wanted, "seconds": round(seconds, 3), **final})
    else:
        rate = decimal(round(status.downloaded / max(seconds, 1e-3)))
        click.echo(f"{path}: {decimal(status.wanted)} complete in {seconds:.1f} s, {rate}/s")


@contextlib.contextmanager
def _shown(what: str, *, quiet: bool) -> Iterator[Bar | None]:
    if quiet:
        yield None
        return
    with Bar(what) as bar:
        yield bar


def _config(listen: str, state_dir: Path | None, settings: dict[str, Any]) -> SessionConfig:
    state_dir = default_state_dir() if state_dir is None else state_dir
    return SessionConfig(listen=split_address(listen), state_dir=state_dir, **settings)


def _chosen(meta: Metainfo, globs: tuple[str, ...]) -> list[int] | None:
    """The files that match any of the globs; each glob has to match something."""
    if not globs:
        return None
    chosen: set[int] = set()
    for glob in globs:
        matching = {file.index for file in meta.files if fnmatch.fnmatchcase(file.path, glob)}
        if not matching:
            raise Failure(f"no file of {meta.name} matches {glob!r}")
        chosen |= matching
    return sorted(chosen)


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Runs to the end; SIGTERM ends it as Ctrl-C does."""

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        with contextlib.suppress(NotImplementedError):  # a loop without signals, on Windows
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await work

    try:
        asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
