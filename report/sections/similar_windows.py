"""The newest window of bitcoin, the past ones most like it, and what followed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from report.ask import Connection, Record, ask
from report.blocks import Block, Chart, Mark, View
from report.figures import BARE, figure
from report.numbers import count, digits, duration, moment, percent, ratio
from report.palette import LIGHT, translucent
from report.tables import Column, Table, gains

Floats = npt.NDArray[np.float64]

_signed = digits(percent, 2, signed=True)


def newest_window(conn: Connection, venue: str) -> Record | None:
    """Return the venue's newest window that was searched for, and how long it is."""
    found = ask(
        conn,
        """
        select
            windows.bucket,
            (scales.parameters ->> 'window_seconds')::float8 as seconds
        from signals.btc_similar_windows as windows
        inner join signals.btc_feature_scales as scales
            using (exchange, feature_version)
        where windows.exchange = %(venue)s
        order by windows.bucket desc
        limit 1
        """,
        venue=venue,
    )
    return found[0] if found else None


def neighbours(conn: Connection, venue: str, bucket: datetime) -> list[Record]:
    """Return what followed each similar window: a row by rank and horizon."""
    return ask(
        conn,
        """
        select
            windows.neighbour_rank,
            windows.neighbour_bucket,
            windows.similarity,
            followed.key as horizon,
            extract(epoch from followed.key::interval)::float8 as seconds,
            (followed.value ->> 'log_return')::float8 as log_return
        from signals.btc_similar_windows as windows
        cross join lateral jsonb_each(windows.what_followed) as followed
        where windows.exchange = %(venue)s and windows.bucket = %(bucket)s
        order by windows.neighbour_rank, followed.key::interval
        """,
        venue=venue,
        bucket=bucket,
    )


def summary(conn: Connection, venue: str, bucket: datetime) -> list[Record]:
    """Return what followed all of them, weighted by similarity, by horizon."""
    return ask(
        conn,
        """
        select
            horizon,
            extract(epoch from horizon::interval)::float8 as seconds,
            neighbour_count,
            effective_sample_size,
            expected_return,
            expected_volatility
        from signals.btc_similar_windows_summary
        where exchange = %(venue)s and bucket = %(bucket)s
        order by horizon::interval
        """,
        venue=venue,
        bucket=bucket,
    )


def paths(
    conn: Connection, venue: str, bucket: datetime, seconds: float, after: float
) -> list[Record]:
    """Return the price within each window and after it, rank 0 being the newest.

    Every 10 seconds; `at_seconds` counts from the window's end. Nothing later than the
    newest window's end is read for the others.
    """
    return ask(
        conn,
        """
        with windows as (
            select
                0 as neighbour_rank,
                %(bucket)s::timestamptz as starts_at,
                'infinity'::timestamptz as known_until
            union all
            select
                neighbour_rank,
                neighbour_bucket,
                bucket + make_interval(secs => %(seconds)s)
            from signals.btc_similar_windows
            where exchange = %(venue)s and bucket = %(bucket)s
        )

        select
            windows.neighbour_rank,
            extract(
                epoch from candles.bucket + interval '10 seconds' - windows.starts_at
            )::float8 - %(seconds)s as at_seconds,
            candles.open::float8 as open,
            candles.close::float8 as close
        from windows
        cross join lateral market_data.candles_filled(
            '10 seconds',
            windows.starts_at,
            least(
                windows.starts_at + make_interval(secs => %(seconds)s + %(after)s),
                windows.known_until
            ),
            %(venue)s
        ) as candles
        where candles.bucket + interval '10 seconds' <= windows.known_until
        order by 1, 2
        """,
        venue=venue,
        bucket=bucket,
        seconds=seconds,
        after=after,
    )


@dataclass(frozen=True)
class Windows:
    """What the queries say of the newest window, which is rank 0, and its likes.

    Attributes
    ----------
    bucket, seconds
        Start of the newest window, and the length of all.
    neighbours, summary, paths
        What the functions of these names return.
    """

    bucket: datetime
    seconds: float
    neighbours: Sequence[Record]
    summary: Sequence[Record]
    paths: Sequence[Record]

    @classmethod
    def read(cls, conn: Connection, venue: str) -> Self | None:
        """Ask for them; None where no window was searched for."""
        window = newest_window(conn, venue)
        if window is None:
            return None
        bucket, seconds = window["bucket"], window["seconds"]
        near = neighbours(conn, venue, bucket)
        longest = max((row["seconds"] for row in near), default=0.0)
        return cls(
            bucket,
            seconds,
            near,
            summary(conn, venue, bucket),
            paths(conn, venue, bucket, seconds, longest),
        )

    def by_rank(self) -> dict[int, Record]:
        """Return a row for each similar window, with its log returns by horizon."""
        found: dict[int, Record] = {}
        for row in self.neighbours:
            of_rank = found.setdefault(row["neighbour_rank"], dict(row))
            of_rank[row["horizon"]] = row["log_return"]
        return found

    def horizons(self) -> dict[str, float]:
        """Return the seconds of each horizon's name, ascending."""
        return {row["horizon"]: row["seconds"] for row in self.summary}

    def names(self) -> dict[int, str]:
        """Name each window for a reader."""
        similar = {
            rank: f"{rank}. {moment(row['neighbour_bucket'])}, "
            f"{ratio(row['similarity'])}"
            for rank, row in self.by_rank().items()
        }
        return {0: f"newest, {moment(self.bucket)}", **similar}

    def drawn(self) -> Iterator[tuple[int, Floats, Floats]]:
        """Yield rank, minutes from the window's end and prices; the newest last.

        So it lies on top of the others.
        """
        for rank in sorted(self.names(), reverse=True):
            rows = [row for row in self.paths if row["neighbour_rank"] == rank]
            if rows:
                at = [-self.seconds, *(row["at_seconds"] for row in rows)]
                prices = [rows[0]["open"], *(row["close"] for row in rows)]
                yield rank, np.array(at) / 60, np.array(prices)


def _moved(log_return: float | None) -> str:
    """Write a log return as a change in percent."""
    return _signed(None if log_return is None else math.expm1(log_return))


def lead(windows: Windows) -> list[str]:
    """Say how similar they are, and what followed on average."""
    similarities = [row["similarity"] for row in windows.by_rank().values()]
    said = [
        f"The {len(similarities)} earlier windows most like the one of "
        f"{moment(windows.bucket)} have similarities from "
        f"{ratio(min(similarities), 3)} to {ratio(max(similarities), 3)}."
    ]
    known = [row for row in windows.summary if row["expected_return"] is not None]
    if known:
        # Always the horizon closest to the window's length, not the best-looking one.
        row = min(known, key=lambda each: abs(each["seconds"] - windows.seconds))
        said.append(
            f"{duration(row['seconds'])} later the price had moved by "
            f"{_moved(row['expected_return'])} on average, weighted by similarity. "
            "What followed ten windows often agrees in sign by chance."
        )
    return said


def blocks(windows: Windows) -> list[Block]:
    """Draw the windows and what followed them, and name them."""
    return [_shapes(windows), _followed(windows), _neighbours(windows)]


_LEGEND = (
    Mark("newest", LIGHT["ink"], "line"),
    Mark("most similar", LIGHT["accent"], "line"),
)


def _line(rank: int, name: str, at: Floats, values: Floats, unit: str) -> go.Scatter:
    """Draw a path: the newest strong, similar ones fainter with less similarity."""
    similar = translucent(LIGHT["accent"], 0.95 - 0.055 * min(rank, 12))
    return go.Scatter(
        x=at.tolist(),
        y=values.tolist(),
        mode="lines",
        line={"color": similar if rank else LIGHT["ink"], "width": 1.5 if rank else 3},
        customdata=[name] * len(at),
        hovertemplate=f"%{{customdata}}<br>%{{y:.2f}}{unit}<extra></extra>",
    )


def _shapes(windows: Windows) -> Chart:
    """Draw the windows over each other, each at mean 0 and variance 1."""
    names = windows.names()
    lines = []
    for rank, at, prices in windows.drawn():
        logs = np.log(prices[at <= 0])
        shape = (logs - logs.mean()) / (logs.std() or 1.0)
        lines.append(_line(rank, names[rank], at[at <= 0], shape, ""))
    made = figure(
        lines,
        xaxis={"title": "minutes to the window's end", **BARE},
        yaxis={"title": "standard deviations"},
    )
    return Chart(
        "similar-windows",
        "The newest window and the most similar ones",
        f"Price paths of the window of {moment(windows.bucket)} and the "
        f"{len(names) - 1} windows most like it, laid over each other. The table below "
        "names them.",
        [View("Shape", made, _LEGEND)],
        note="Each path at mean 0 and variance 1, as the embedding sees it. The search "
        "also weighs the shape of the flow and 14 features, so likes need not agree in "
        "price alone.",
        height=360,
        phone_height=340,
    )


def _followed(windows: Windows) -> Chart:
    """Draw what followed the similar windows: paths, outcomes, their weighted mean."""
    names = windows.names()
    lines = [
        _line(
            rank,
            names[rank],
            at[at >= 0],
            (prices[at >= 0] / prices[at == 0] - 1) * 100,
            " %",
        )
        for rank, at, prices in windows.drawn()
        if (at > 0).any()
    ]
    outcomes = [row for row in windows.neighbours if row["log_return"] is not None]
    known = [row for row in windows.summary if row["expected_return"] is not None]
    marks = [
        go.Scatter(
            x=[row["seconds"] / 60 for row in rows],
            y=[math.expm1(row[key]) * 100 for row in rows],
            mode="markers",
            marker=marker,
            customdata=texts,
            hovertemplate="%{customdata}<br>%{y:.2f} %<extra></extra>",
        )
        for rows, key, marker, texts in (
            (
                outcomes,
                "log_return",
                {"color": LIGHT["accent"], "size": 5},
                [names[row["neighbour_rank"]] for row in outcomes],
            ),
            (
                known,
                "expected_return",
                {
                    "color": LIGHT["down"],
                    "size": 11,
                    "symbol": "diamond",
                    "line": {"color": LIGHT["surface"], "width": 1.5},
                },
                [f"weighted mean of {row['neighbour_count']}" for row in known],
            ),
        )
    ]
    said = "; ".join(
        f"{duration(row['seconds'])} later {_moved(row['expected_return'])} on average"
        for row in known
    )
    made = figure(
        [*lines, *marks],
        xaxis={
            "title": "minutes after the window's end",
            "tickvals": [each / 60 for each in windows.horizons().values()],
            **BARE,
        },
        yaxis={"title": "% since the window's end"},
    )
    return Chart(
        "what-followed",
        "What followed them",
        f"{said or 'Nothing is known yet of what followed them'}.",
        [
            View(
                "After",
                made,
                [
                    *_LEGEND,
                    Mark("stored outcome", LIGHT["accent"], "dot"),
                    Mark("weighted mean", LIGHT["down"], "diamond"),
                ],
            )
        ],
        Table.of(
            "What followed, weighted by similarity",
            windows.summary,
            Column("After", "seconds", duration),
            Column("Windows", "neighbour_count", count, "Whose outcome was known"),
            Column(
                "Effective",
                "effective_sample_size",
                digits(ratio, 1),
                "As many equally similar ones",
            ),
            gains("Expected return", "expected_return", _moved),
            Column("Volatility", "expected_volatility", digits(percent, 2)),
        ),
        note="The stronger a line, the more similar. Dots are the outcomes stored with "
        "each window (label_snapshot), diamonds their mean weighted by similarity. "
        "Nothing is used that was not known when the newest window ended. Ten windows "
        "often agree in sign by chance.",
        height=360,
        phone_height=340,
    )


def _neighbours(windows: Windows) -> Table:
    return Table.of(
        "The most similar windows, and what followed",
        windows.by_rank().values(),
        Column("#", "neighbour_rank", count),
        Column("Window, UTC", lambda row: moment(row["neighbour_bucket"])),
        Column(
            "Similarity",
            "similarity",
            digits(ratio, 3),
            "Cosine of the vectors",
        ),
        *(
            gains(
                f"{duration(seconds)} later", name, _moved, "Change of the last price"
            )
            for name, seconds in windows.horizons().items()
        ),
    )
