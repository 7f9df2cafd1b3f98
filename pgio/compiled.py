"""numba's decorators, typed, with a cache that notices edits in any file of a package.

Compiled code is kept in the `__pycache__` beside its source: a process that is not the
first pays milliseconds for it, not seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

from numba import njit
from numba.extending import register_jitable

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function at its first call; it runs without the interpreter's lock."""
    _drop_stale_code(Path(function.__code__.co_filename).parent)
    return cast(Callable[P, R], njit(cache=True, nogil=True)(function))


def compilable(function: Callable[P, R]) -> Callable[P, R]:
    """Let compiled code call a function that stays plain Python for the others."""
    return cast(Callable[P, R], register_jitable(function))


@cache
def _drop_stale_code(folder: Path) -> None:
    # numba looks only at the file of the function that is called from Python: after an
    # edit in a file that this one calls into, it would go on running the old code.
    digest = hashlib.sha256()
    for source in sorted({*folder.glob("*.py"), *Path(__file__).parent.glob("*.py")}):
        digest.update(source.read_bytes())
    stamp = folder / "__pycache__" / "compiled.sha256"
    with contextlib.suppress(OSError):
        if stamp.exists() and stamp.read_text() == digest.hexdigest():
            return
        for index in stamp.parent.glob("*.nbi"):
            index.unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(digest.hexdigest())
