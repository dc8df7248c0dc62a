"""Checks of single values. Each raises an ArgumentError that names the field, the value and what it must be."""

from __future__ import annotations

import operator

from p2pcore._errors import ArgumentError

MOST = 2**63 - 1
MOST_32 = 2**32 - 1
FOREVER = 1e9  # seconds: thirty years


def whole(name: str, value: object, least: int, most: int = MOST) -> None:
    """A whole number between bounds, these included."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # whatever it is, it is refused here
    except TypeError:
        raise ArgumentError(f"{name} is {value!r}: it must be a whole number") from None
    if number < least:
        raise ArgumentError(f"{name} is {number}: it must be at least {least}")
    if number > most:
        raise ArgumentError(f"{name} is {number}: it must be at most {most}")


def rate(name: str, value: object) -> None:
    """Bytes per second, or None for no limit."""
    if value is not None:
        whole(name, value, 1)


def seconds(name: str, value: object) -> None:
    """A time."""
    if not (is_number(value) and 0 <= value <= FOREVER):  # type: ignore[operator]  # it is a number
        raise ArgumentError(f"{name} is {value!r}: it must be seconds, from 0 to {FOREVER:.0f}")


def part(name: str, value: object) -> None:
    """A part of a whole."""
    if not (is_number(value) and 0 <= value <= 1):  # type: ignore[operator]  # it is a number
        raise ArgumentError(f"{name} is {value!r}: it must be from 0 to 1")


def flag(name: str, value: object) -> None:
    """A truth value."""
    if not isinstance(value, bool):
        raise ArgumentError(f"{name} is {value!r}: it must be True or False")


def one_of(name: str, value: object, words: tuple[str, ...], *kinds: type) -> None:
    """One of some words, or a value of a class."""
    if not isinstance(value, kinds) and value not in words:
        others = "".join(f", or a {kind.__name__}" for kind in kinds)
        raise ArgumentError(f"{name} is {value!r}: it must be one of {', '.join(words)}{others}")


def is_number(value: object) -> bool:
    """Whether it can be compared with numbers."""
    try:
        float(value)  # type: ignore[arg-type]  # whatever it is, it is refused here
    except (TypeError, ValueError):
        return False
    return not isinstance(value, str)
