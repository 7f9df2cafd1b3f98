"""The protocol of servers of this project, whatever their edition."""

from __future__ import annotations

from typing import Protocol


class Server(Protocol):
    """A PostgreSQL server that can be started for this project.

    Attributes
    ----------
    name
        Its name for users: ``embedded``.
    """

    name: str

    def start(self) -> None:
        """Start it and wait until it answers; nothing happens when it runs already."""

    def stop(self) -> None:
        """Stop it and wait; nothing happens when it does not run."""

    def conninfo(self) -> dict[str, str | int]:
        """Return arguments for `psycopg.connect` to its maintenance database."""
