"""Windows of bitcoin: the newest one, the ones most like it, and their prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from report.numbers import moment, ratio
from report.reading.ask import Record

Path = list[tuple[float, float]]


@dataclass(frozen=True)
class Windows:
    """The newest window (rank 0) and the ones most like it.

    Attributes
    ----------
    bucket, seconds
        Start of the newest window, and the length of all.
    starts, similarities, followed
        By rank: start, similarity, and the known log returns by horizon.
    horizons
        Seconds of each horizon's name, ascending.
    paths
        By rank: prices at seconds from the window's end, ascending; the first is at the
        window's start.
    """

    bucket: datetime
    seconds: float
    starts: dict[int, datetime]
    similarities: dict[int, float]
    followed: dict[int, dict[str, float | None]]
    horizons: dict[str, float]
    paths: dict[int, Path]

    @classmethod
    def of(
        cls, window: Record, neighbours: Sequence[Record], paths: Sequence[Record]
    ) -> Windows:
        """Arrange the rows of `report.reading.market` by rank."""
        followed: dict[int, dict[str, float | None]] = {}
        for row in neighbours:
            by_horizon = followed.setdefault(row["neighbour_rank"], {})
            by_horizon[row["horizon"]] = row["log_return"]
        drawn: dict[int, Path] = {}
        for row in paths:
            path = drawn.setdefault(
                row["neighbour_rank"], [(-window["seconds"], row["open"])]
            )
            path.append((row["at_seconds"], row["close"]))
        return cls(
            window["bucket"],
            window["seconds"],
            {row["neighbour_rank"]: row["neighbour_bucket"] for row in neighbours},
            {row["neighbour_rank"]: row["similarity"] for row in neighbours},
            followed,
            dict(
                sorted(
                    {row["horizon"]: row["seconds"] for row in neighbours}.items(),
                    key=lambda each: each[1],
                )
            ),
            drawn,
        )

    def within(self, rank: int) -> Path:
        """Return the part of a path inside the window."""
        return [(at, value) for at, value in self.paths.get(rank, ()) if at <= 0]

    def after(self, rank: int) -> Path:
        """Return the part of a path from the window's end on."""
        inside = self.within(rank)
        later = [(at, value) for at, value in self.paths.get(rank, ()) if at > 0]
        return [(0.0, inside[-1][1]), *later] if inside else []

    def name(self, rank: int) -> str:
        """Name a window for a reader."""
        if rank == 0:
            return f"newest, {moment(self.bucket)}"
        return f"{rank}. {moment(self.starts[rank])}, {ratio(self.similarities[rank])}"
