"""Read COPY messages directly from libpq, without a Python object for each row.

psycopg creates one object per row and holds the GIL; this costs as much as the rest of
reading. The loop here is compiled and calls the libpq that psycopg is linked with, on
psycopg's own connection. This needs a third of the work and lets other threads run. If
that libpq cannot be found (psycopg without its C extension, Windows),
:func:`find_libpq` returns None and psycopg is used.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from typing import Any, NamedTuple

# This import allows C functions as arguments of compiled functions.
import numba.experimental.function_type  # noqa: F401
import numpy as np
from numba import types
from psycopg import pq

from pgio.compiled import compiled

#: What `collect_messages` says when it has met the trailer.
TRAILER_CAME = -3


class _CFunction(types.WrapperAddressProtocol):  # type: ignore[misc]
    """A C function that compiled code can be given; pointers are 64-bit integers."""

    def __init__(self, function: Any, signature: Any) -> None:
        self._function = function
        self._signature = signature

    def __wrapper_address__(self) -> int:
        return int(ctypes.cast(self._function, ctypes.c_void_p).value or 0)

    def signature(self) -> Any:
        return self._signature


class LibPq(NamedTuple):
    """What the loop calls: ``PQgetCopyData``, ``PQfreemem`` and ``memcpy``."""

    get_copy_data: _CFunction
    free: _CFunction
    copy: _CFunction


@cache
def find_libpq() -> LibPq | None:
    """Return the functions of the libpq that psycopg uses, None where it is hidden."""
    if os.name != "posix" or pq.__impl__ == "python" or sys.maxsize < 2**32:
        return None
    if not hasattr(pq.PGconn, "pgconn_ptr"):
        return None
    extension = sys.modules[pq.PGconn.__module__].__file__
    try:
        # Symbols are looked up in what the extension is linked with as well.
        library, process = ctypes.CDLL(extension), ctypes.CDLL(None)
        get, free, copy = library.PQgetCopyData, library.PQfreemem, process.memcpy
    except (OSError, AttributeError):
        return None
    i64 = types.int64
    return LibPq(
        _CFunction(get, types.int32(i64, i64, types.int32)),
        _CFunction(free, types.void(i64)),
        _CFunction(copy, i64(i64, i64, i64)),
    )


@compiled
def collect_messages(
    get_copy_data: Any,
    free: Any,
    copy: Any,
    connection: int,
    pointer: Any,
    pointer_at: int,
    pending: int,
    buffer_at: int,
    used: int,
    capacity: int,
    rows: int,
    trailer_size: int,
) -> Any:
    """Append up to ``rows`` messages to a buffer, waiting for them.

    Parameters
    ----------
    get_copy_data, free, copy
        As in `LibPq`.
    connection
        Address of the PGconn.
    pointer, pointer_at
        An int64 array of one element, which takes the address of a message, and its own
        address.
    pending
        Size of a message that was fetched before but found no room; 0 for none.
    buffer_at, used, capacity
        Address of the buffer, bytes in it, and its size.
    rows
        Messages wanted.
    trailer_size
        Size of the message that ends the data; it is not appended.

    Returns
    -------
    tuple of int
        (messages, used, size): messages appended, bytes in the buffer, and why reading
        stopped: 0 when there are enough messages; the size of the next message when the
        buffer has no room for it; `TRAILER_CAME` after the trailer; -1 or -2 as
        returned by libpq.
    """
    count = 0
    size = pending
    while count < rows:
        if size == 0:
            size = get_copy_data(connection, pointer_at, np.int32(0))
        if size < 0:
            return count, used, np.int64(size)
        if size == trailer_size:
            free(pointer[0])
            return count, used, np.int64(TRAILER_CAME)
        if used + size > capacity:
            return count, used, np.int64(size)
        copy(buffer_at + used, pointer[0], np.int64(size))
        free(pointer[0])
        used += size
        count += 1
        size = 0
    return count, used, np.int64(0)
