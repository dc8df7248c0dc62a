"""What all commands share: errors as one sentence, sizes with a suffix, JSON lines."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import click

from p2pcore._errors import P2PError

_SUFFIX = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_INTERRUPTED = 130  # 128 + SIGINT, as shells count


class Failure(click.ClickException):
    """One sentence on stderr and exit code 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints it."""
        click.echo(f"p2pcore: {self.format_message()}", file=file, err=file is None)


class Group(click.Group):
    """Turns what p2pcore and the system raise into one sentence; there is never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            command = (error.ctx or ctx).command_path
            raise Failure(f"{error.format_message().rstrip('.')} (see '{command} --help')") from None
        except BrokenPipeError:
            raise  # the reader of stdout left, as `head` does: click ends quietly
        except (P2PError, OSError) as error:
            raise Failure(str(error) or type(error).__name__) from error
        except KeyboardInterrupt:
            click.echo("p2pcore: interrupted", err=True)
            ctx.exit(_INTERRUPTED)


class Size(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 only
    """A number of bytes, with K, M or G for powers of 1024."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Reads "512K", "1.5M" or "65536"."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?)(?:i?B)?", str(value).strip(), re.IGNORECASE)
        if match is None:
            self.fail(f"{value!r} is not a size: write 65536, 512K, 1.5M or 2G", param, ctx)
        return int(float(match[1]) * _SUFFIX[match[2].upper()])


def echo_json(value: dict[str, Any]) -> None:
    """Prints one line of JSON to stdout, at once."""
    click.echo(json.dumps(value, default=_plain, ensure_ascii=False))


def file_json(file: Any) -> dict[str, Any]:
    """A file of a torrent, for JSON."""
    shown: dict[str, Any] = {"index": file.index, "path": file.path, "length": file.length}
    shown.update({name: True for name in ("executable", "hidden") if getattr(file, name)})
    shown.update({name: value for name in ("symlink", "pieces_root") if (value := getattr(file, name))})
    return shown


def fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, not converted."""
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _plain(value: Any) -> Any:
    if isinstance(value, P2PError):
        return {"type": type(value).__name__, "message": str(value)}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "path") and hasattr(value, "length"):
        return file_json(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout, and nothing else.")
