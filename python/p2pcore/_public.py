"""Marks public classes as members of `p2pcore`.

Modules here start with an underscore; users see one package. A class that is exported reports
`__module__ == "p2pcore"`, so that its repr, its pickle and its documentation name the place it is imported from.
"""

from typing import TypeVar

T = TypeVar("T", bound=type)


def public(cls: T) -> T:
    """Decorates a class that `p2pcore/__init__.py` exports."""
    cls.__module__ = "p2pcore"
    return cls
