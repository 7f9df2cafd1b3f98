"""Instants as microseconds and as text, and the windows they fall in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

#: Length of a window, µs; windows begin at multiples of it since the epoch.
WINDOW_US = 300_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def from_us(microseconds: int) -> datetime:
    """Microseconds since the epoch as an aware datetime, exactly."""
    return _EPOCH + timedelta(microseconds=microseconds)


def window_of(instant: datetime) -> datetime:
    """Start of the window an aware datetime falls in."""
    since = (instant - _EPOCH) // _MICROSECOND
    return from_us(since - since % WINDOW_US)


def utc_text(instant: datetime) -> str:
    """Write an aware datetime for people and for the server.

    Examples
    --------
    >>> utc_text(from_us(1_723_161_600_250_000))
    '2024-08-09 00:00:00.250Z'
    """
    plain = instant.astimezone(UTC).replace(tzinfo=None)
    unit = "seconds" if plain.microsecond == 0 else "auto"
    if plain.microsecond and plain.microsecond % 1000 == 0:
        unit = "milliseconds"
    return f"{plain.isoformat(' ', unit)}Z"
