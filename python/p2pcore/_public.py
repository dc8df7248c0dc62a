"""Marks public classes as members of the package that users import them from.

Modules here start with an underscore; users see `p2pcore` and `p2pcore.sim`. A class that is exported reports that as
its `__module__`, so that its repr, its pickle and its documentation name the place it is imported from.
"""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T", bound=type)


def public(cls: T) -> T:
    """Decorates a class that `p2pcore/__init__.py` exports."""
    cls.__module__ = "p2pcore"
    return cls


def public_in(module: str) -> Callable[[T], T]:
    """Decorates a class that another package exports."""

    def mark(cls: T) -> T:
        cls.__module__ = module
        return cls

    return mark
