"""What a section of the headlines is: a title, headings, and the query of its rows."""

from __future__ import annotations

from typing import NamedTuple


class Section(NamedTuple):
    """A table that is printed if its query has rows.

    Attributes
    ----------
    columns
        A heading and a format for each; ``""`` for text.
    """

    title: str
    columns: list[tuple[str, str]]
    query: str
