"""One line of JSON at a time, numbers exact."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from loaders.ticks.formats.exact import BadLine

#: A refused message names so many of its members.
_SHOWN_MEMBERS = 8

#: A recorder's receive time may stand before the message.
_LINE = re.compile(r"[ \t]*(?:([0-9]+)[ \t]+)?(.*)", re.DOTALL)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def parse_line(line: bytes) -> tuple[str | None, dict[str, Any]]:
    """Read the receive time, if there is one, and the object of a line.

    Raises
    ------
    BadLine
        Not UTF-8, not JSON, or not an object.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise BadLine("line", "is not UTF-8") from None
    match = _LINE.fullmatch(text)
    assert match is not None
    try:
        value = json.loads(match[2], parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, ArithmeticError, RecursionError) as error:
        # An exponent beyond any decimal's is an ArithmeticError, which says nothing.
        is_number = isinstance(error, ArithmeticError)
        shown = "a number beyond any" if is_number else str(error).partition("\n")[0]
        raise BadLine("line", f"is not JSON: {shown}") from None
    if not isinstance(value, dict):
        raise BadLine("line", "is no JSON object")
    return match[1], value


def unknown_message(message: Mapping[str, Any]) -> BadLine:
    """Complain of a message that a venue is not known to send."""
    members = [str(name)[:20] for name in message]
    shown = ", ".join(members[:_SHOWN_MEMBERS])
    more = ", …" if len(members) > _SHOWN_MEMBERS else ""
    return BadLine("line", f"is no known message: it has {shown or 'nothing'}{more}")


def known_word(column: str, value: Any, words: dict[Any, str]) -> str:
    """Translate one of some words; complain of any other value."""
    if isinstance(value, str | int) and not isinstance(value, bool) and value in words:
        return words[value]
    expected = " nor ".join(dict.fromkeys(repr(str(word)) for word in words))
    raise BadLine(column, f"is neither {expected}", value)


def known_symbol(column: str, value: Any) -> str:
    """Take the name of an instrument."""
    if value is None or value == "":
        raise BadLine(column, "is missing")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise BadLine(column, "is no instrument", value)
    return value


def peek_objects(lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """Read those of the lines that are objects, and pass over the others."""
    for line in lines:
        with contextlib.suppress(BadLine):
            yield parse_line(line)[1]
