"""Figures as people read them."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime

NONE = "–"
#: Control, format and surrogate characters, line and paragraph separators.
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
_SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_DURATIONS = (
    (86_400 * 365.25, "y"),
    (86_400.0, "d"),
    (3_600.0, "h"),
    (60.0, "min"),
)


def _scaled(size: float) -> str:
    """Write a size of 0 or more with three digits and, from 1,000 on, a letter."""
    for scale, letter in _SCALES:
        # 999,950 is a million when it is rounded.
        if size >= scale * 0.9995:
            value = size / scale
            digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
            return f"{value:.{digits}f}{letter}"
    return f"{size:,.0f}" if size >= 100 or size == 0 else f"{size:.2f}"


def usd(value: float | None) -> str:
    """Write dollars: ``$1.23M``, ``−$45.6k``."""
    if value is None:
        return NONE
    text = _scaled(abs(value))
    sign = "−" if value < 0 and text not in ("0", "0.00") else ""
    return f"{sign}${text}"


def count(value: float | None) -> str:
    """Write a whole number: ``12,345``, in short from a million on."""
    if value is None:
        return NONE
    return _scaled(value) if value >= 999_500 else f"{value:,.0f}"


def percent(value: float | None, digits: int = 0, signed: bool = False) -> str:
    """Write a share of one: ``54%``."""
    if value is None:
        return NONE
    return _signed(f"{abs(value) * 100:,.{digits}f}%", value, signed)


def ratio(value: float | None, digits: int = 2, signed: bool = False) -> str:
    """Write a ratio or score: ``1.35``, ``−0.20``; in short where it is huge."""
    if value is None:
        return NONE
    size = abs(value)
    text = _scaled(size) if size >= 1_000 else f"{size:.{digits}f}"
    return _signed(text, value, signed)


def _signed(text: str, value: float, signed: bool) -> str:
    """Put a sign before a size, none before what is rounded to zero."""
    if not text.strip("0.%"):
        return text
    return f"−{text}" if value < 0 else f"+{text}" if signed else text


def price(value: float | None) -> str:
    """Write a price with five significant digits, cents at least from 1,000 on."""
    if value is None:
        return NONE
    if value == 0:
        return "0"
    digits = max(2, min(8, 4 - math.floor(math.log10(abs(value)))))
    return f"{value:,.{digits}f}"


def duration(seconds: float | None) -> str:
    """Write a span of time: ``45 s``, ``3.2 h``, ``12 d``."""
    if seconds is None:
        return NONE
    for size, unit in _DURATIONS:
        if seconds >= size:
            value = seconds / size
            text = f"{value:.{0 if value >= 9.95 else 1}f}".removesuffix(".0")
            return f"{text} {unit}"
    return f"{seconds:.0f} s"


def moment(value: datetime | None) -> str:
    """Write a moment to the minute, in UTC."""
    return NONE if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"


def day(value: date) -> str:
    """Write a day."""
    return f"{value:%Y-%m-%d}"


def digits(
    write: Callable[..., str], number: int, signed: bool = False
) -> Callable[[float | None], str]:
    """Return `percent` or `ratio` with so many digits."""
    return lambda value: write(value, number, signed)


def visible(text: str) -> str:
    """Replace what cannot be seen and could turn the direction of its surroundings."""
    return "".join(
        "�" if unicodedata.category(each) in _INVISIBLE else each for each in text
    )


def short_name(name: str, length: int = 40) -> str:
    """Shorten a name to so many characters."""
    return name if len(name) <= length else f"{name[: length - 1]}…"


def short_address(address: str) -> str:
    """Shorten an account's address: ``0x1234…cdef``; others as they are."""
    if len(address) > 14 and address.startswith("0x"):
        return f"{address[:6]}…{address[-4:]}"
    return short_name(address, 24)


def label(name: str) -> str:
    """Write a name of the rules for people: ``market_maker`` as ``market maker``."""
    return name.replace("_", " ")
