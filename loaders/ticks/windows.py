"""Five-minute windows: create, seal and reopen them; attach order books, payloads.

Callers hold the lock of the venue (`lock_venue`), but for `attach_payload`, which takes
it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import psycopg
from psycopg.types.json import Jsonb

from loaders.errors import SetupError
from loaders.ticks.venue import Venue, known_venue, lock_venue

RELATION = "market_data.window_5m"

#: Reserved key of ``raw_payload``: the loader stores the order book under it.
BOOK = "book"


def open_or_replay(
    conn: psycopg.Connection[Any], exchange: str, windows: Sequence[datetime]
) -> None:
    """Create the windows of newly inserted ticks; a sealed window becomes replayed."""
    conn.execute(
        """
        insert into market_data.window_5m as known (window_start, exchange)
        select window_start, %s
        from unnest(%s::timestamptz[]) as arrived (window_start)
        on conflict (window_start, exchange) do update set status = 'replayed'
        where known.status = 'sealed'
        """,
        (exchange, list(windows)),
    )


def seal(conn: psycopg.Connection[Any], venue: Venue) -> None:
    """Seal the open windows before the venue's latest, except those in progress.

    A window is in progress while a running load has reached it.
    """
    if venue.latest_window is None:
        return
    conn.execute(
        """
        update market_data.window_5m set status = 'sealed'
        where
            exchange = %s
            and status = 'open'
            and window_start < %s
            and window_start <> all(%s::timestamptz[])
        """,
        (venue.exchange, venue.latest_window, venue.windows_in_progress),
    )


def keep_order_books(
    conn: psycopg.Connection[Any],
    exchange: str,
    books: Mapping[datetime, Mapping[str, Any]],
) -> None:
    """Store order-book summaries in their windows; create missing windows.

    If several recordings cover a window, the one with the most quotes is kept, in any
    load order. On a tie, the one that PostgreSQL sorts last as ``jsonb`` is kept: an
    arbitrary rule, but always the same result.
    """
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            insert into market_data.window_5m as known (
                window_start, exchange, raw_payload
            )
            values (%(window)s, %(exchange)s, jsonb_build_object('book', %(book)s))
            on conflict (window_start, exchange) do update set
                raw_payload
                = coalesce(known.raw_payload, '{}') || excluded.raw_payload
            where
                known.raw_payload -> 'book' is null
                or (
                    (excluded.raw_payload #>> '{book,quote_count}')::bigint,
                    excluded.raw_payload -> 'book'
                ) > (
                    (known.raw_payload #>> '{book,quote_count}')::bigint,
                    known.raw_payload -> 'book'
                )
            """,
            [
                {"window": window, "exchange": exchange, "book": Jsonb(dict(book))}
                for window, book in books.items()
            ],
        )


def attach_payload(
    conn: psycopg.Connection[Any],
    exchange: str,
    window: datetime,
    name: str,
    content: bytes,
    *,
    replace: bool,
) -> bool:
    """Store a JSON document in a window under a name; create the window if missing.

    Parameters
    ----------
    conn
        Connection in autocommit mode.
    exchange
        The venue.
    window
        Start of the window.
    name
        Key in ``raw_payload``.
    content
        The JSON text.
    replace
        Whether a different document of this name may be replaced.

    Returns
    -------
    bool
        False if exactly this document is already stored.

    Raises
    ------
    SetupError
        The content is not JSON, or the name is in use or reserved for the loader.
    psycopg.Error
        The server rejects the document, for example because of a NUL character.
    """
    if name == BOOK:
        raise SetupError(
            f"the name {BOOK!r} belongs to the loader, which keeps the order book of "
            "the recordings under it: choose another --name"
        )
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise SetupError(f"no JSON: {error}") from error
    text = content.decode()
    with conn.transaction():
        lock_venue(conn, exchange)
        row = conn.execute(
            """
            select raw_payload -> %(name)s = %(text)s::jsonb
            from market_data.window_5m
            where window_start = %(window)s and exchange = %(exchange)s
            """,
            {"name": name, "text": text, "window": window, "exchange": exchange},
        ).fetchone()
        # None if nothing is attached by this name.
        is_same = row[0] if row is not None else None
        if is_same:
            return False
        if is_same is False and not replace:
            raise SetupError(
                f"another payload is attached as {name!r}: choose another --name, or "
                "say --replace"
            )
        conn.execute(
            """
            insert into market_data.window_5m as known (
                window_start, exchange, raw_payload
            )
            values (%s, %s, jsonb_build_object(%s::text, %s::jsonb))
            on conflict (window_start, exchange) do update set
                raw_payload
                = coalesce(known.raw_payload, '{}') || excluded.raw_payload
            """,
            (window, exchange, name, text),
        )
        # A window that was created just now may be before the venue's latest one.
        venue = known_venue(conn, exchange)
        if venue is not None:
            seal(conn, venue)
    return True
