"""One value at a time: what the fast path does not take, taken exactly or refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

#: Digits before and behind the point: numeric(18,8) and numeric(24,12).
PRICE_DIGITS = (10, 8)
VOLUME_DIGITS = (12, 12)

#: The first bitcoins.
EARLIEST = datetime(2009, 1, 3, tzinfo=UTC)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_SHOWN = 80


class BadLine(Exception):
    """A line or row that is refused; the message says column, complaint and value."""

    def __init__(self, column: str, complaint: str, value: Any = None) -> None:
        shown = "" if value is None else f" ({_shorten(value)})"
        super().__init__(f"{column} {complaint}{shown}")


class BadIdentifier(BadLine):
    """Nothing but its id is wrong with it, which is no integer."""


def time_limits() -> tuple[int, int]:
    """First µs since the epoch a trade can have, and the first after tomorrow."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (
        (EARLIEST - _EPOCH) // _MICROSECOND,
        (today + timedelta(days=2) - _EPOCH) // _MICROSECOND,
    )


def exact_decimal(column: str, value: Any, digits: tuple[int, int]) -> str:
    """Write a positive decimal without an exponent.

    Parameters
    ----------
    column
        Named in the complaint.
    value
        Text, `Decimal` or `int`.
    digits
        How many it may have before and behind the point.

    Raises
    ------
    BadLine
        No number, not above zero, or more digits than that.
    """
    number = parse_decimal(column, value)
    if number < 0:
        raise BadLine(column, "is negative", value)
    if number == 0:
        raise BadLine(column, "is zero", value)
    return fitting_decimal(column, number, digits)


def parse_decimal(column: str, value: Any) -> Decimal:
    """Read a finite decimal, exactly."""
    if value is None:
        raise BadLine(column, "is missing")
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise BadLine(column, "is no number", value)
    try:
        text = value if isinstance(value, str) else str(value)
        if not text.isascii() or "_" in text:
            raise BadLine(column, "is no number", value)
        number = Decimal(text.strip())
    except (InvalidOperation, ValueError):
        raise BadLine(column, "is no number", value) from None
    if not number.is_finite():
        raise BadLine(column, "is no number", value)
    return number


def fitting_decimal(column: str, number: Decimal, digits: tuple[int, int]) -> str:
    """Write a decimal that is not negative, if it has no more digits than that."""
    whole, fraction = digits
    if number == 0:
        return "0"
    if number.adjusted() >= whole:
        complaint = f"has more than {whole} digits before the point"
        raise BadLine(column, complaint, number)
    if number.adjusted() < -fraction:
        raise BadLine(column, f"has more than {fraction} decimals", number)
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if len(text.partition(".")[2]) > fraction:
        raise BadLine(column, f"has more than {fraction} decimals", number)
    return text


def exact_integer(column: str, value: Any) -> str:
    """Write a whole number from 0 to 2^63 - 1.

    Raises
    ------
    BadIdentifier
        It is none.
    """
    if value is None or value == "":
        raise BadIdentifier(column, "is missing")
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    text = str(value) if is_integer else value
    if not isinstance(text, str) or not _DIGITS.fullmatch(text.strip()):
        raise BadIdentifier(column, "is no whole number", value)
    text = text.strip().lstrip("0") or "0"
    if len(text) > 19 or int(text) >= 2**63:
        raise BadIdentifier(column, "is beyond the largest whole number", value)
    return text


def exact_time(column: str, value: Any) -> str:
    """Write a time as µs since the epoch.

    Parameters
    ----------
    column
        Named in the complaint.
    value
        Seconds, milliseconds, microseconds or nanoseconds since the epoch, told apart
        by size, with or without a fraction; or ISO 8601, UTC unless it has an offset.
        What is finer than a microsecond is cut off.

    Raises
    ------
    BadLine
        Not a time, or not between 2009 and tomorrow.
    """
    if value is None or value == "":
        raise BadLine(column, "is missing")
    microseconds = _microseconds(column, value)
    earliest, latest = time_limits()
    if not earliest <= microseconds < latest:
        raise BadLine(column, "is not between 2009 and tomorrow", value)
    return str(microseconds)


def _microseconds(column: str, value: Any) -> int:
    if isinstance(value, str) and not re.fullmatch(r"[0-9.]+", value.strip()):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            raise BadLine(column, "is no time", value) from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        try:
            return (moment - _EPOCH) // _MICROSECOND
        except OverflowError:
            raise BadLine(column, "is no time", value) from None
    number = parse_decimal(column, value)
    if number < 0 or number.adjusted() > 18:
        raise BadLine(column, "is not between 2009 and tomorrow", value)
    # Seconds have 10 digits until 2286, milliseconds 13, and so on.
    exponent = {9: 6, 12: 3, 15: 0, 18: -3}.get(number.adjusted())
    if exponent is None:
        complaint = "is neither in seconds, milli-, micro- nor nanoseconds"
        raise BadLine(column, complaint, value)
    return int(Fraction(number) * Fraction(10) ** exponent)


def contracts_volume(contracts: str, price: str, usd: int) -> str:
    """Bitcoins of inverse contracts at a price, rounded half-even to 12 places.

    Parameters
    ----------
    contracts, price
        Plain positive decimals.
    usd
        What one contract is worth.

    Raises
    ------
    BadLine
        Less than half of the last place, or more digits than the column has.
    """
    scale = 10 ** VOLUME_DIGITS[1]
    scaled = round(Fraction(contracts) * usd * scale / Fraction(price))
    if scaled == 0:
        raise BadLine("volume", "is less than the last place", f"{contracts}/{price}")
    whole, fraction = divmod(scaled, scale)
    if len(str(whole)) > VOLUME_DIGITS[0]:
        raise BadLine("volume", "has more than 12 digits before the point", whole)
    return f"{whole}.{fraction:012d}"


def _shorten(value: Any) -> str:
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
