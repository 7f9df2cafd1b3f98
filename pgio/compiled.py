"""numba's decorators, typed.

Compiled code is cached beside its source (or in the user's cache folder where that is
read-only): a process that is not the first pays milliseconds for it, not seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import njit
from numba.extending import register_jitable

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function at its first call; it runs without the interpreter's lock."""
    return cast(Callable[P, R], njit(cache=True, nogil=True)(function))


def compilable(function: Callable[P, R]) -> Callable[P, R]:
    """Let compiled code call a function that stays plain Python for the others."""
    return cast(Callable[P, R], register_jitable(function))
