"""The settings of embeddings, and the version name computed from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from python_jobs.lib.market.features import FEATURES
from python_jobs.lib.market.grid import SECONDS_PER_DAY

#: Increase this with every change of a formula, because it changes the vectors.
ALGORITHM = 1

#: Scaled features are cut off at so many standard deviations.
CLIP = 4.0

#: Turns the text of an interval into seconds.
ToSeconds = Callable[[Sequence[str]], Sequence[float]]


@dataclass(frozen=True)
class TrainingRange:
    """The windows that scales are fitted on.

    Attributes
    ----------
    name : str
        Part of the version's name.
    begin, end : int or None
        First second and the second after the last; None if the range is the first
        `days` days of a venue's data.
    days : int
        Number of these days.
    """

    name: str
    begin: int | None
    end: int | None
    days: int


@dataclass(frozen=True)
class EmbeddingOptions:
    """The settings, in seconds.

    Attributes
    ----------
    window, step : int
        Length of a window, and distance between the starts of two windows.
    dimensions : int
        Length of the vector.
    horizons : dict of str to int
        Horizons of labels, by the text that names them.
    training : TrainingRange
        Range that scales are fitted on.
    large_trade : float
        Least size of a large trade in the candles, BTC.
    """

    window: int
    step: int
    dimensions: int
    horizons: dict[str, int]
    training: TrainingRange
    large_trade: float

    @classmethod
    def from_config(
        cls, settings: Mapping[str, Any], to_seconds: ToSeconds
    ) -> EmbeddingOptions:
        """Read the settings of a model.

        Parameters
        ----------
        settings : mapping
            The variables of dbt_project.yml, by name.
        to_seconds : callable
            Reads intervals.

        Raises
        ------
        ValueError
            A setting is invalid; the message names it and a valid value.
        """
        horizons = list(settings["embedding_horizons"])
        texts = [settings["embedding_window"], settings["embedding_step"], *horizons]
        names = ["embedding_window", "embedding_step"]
        names += ["embedding_horizons"] * len(horizons)
        seconds = [
            _whole_seconds(name, text, value)
            for name, text, value in zip(names, texts, to_seconds(texts), strict=True)
        ]
        options = cls(
            window=seconds[0],
            step=seconds[1],
            dimensions=int(settings["embedding_dimensions"]),
            horizons=dict(zip(horizons, seconds[2:], strict=True)),
            training=_training_range(
                settings["embedding_training_range"],
                int(settings["embedding_training_days"]),
            ),
            large_trade=float(settings["large_trade_btc"]),
        )
        options._check()
        return options

    def _check(self) -> None:
        if SECONDS_PER_DAY % self.step:
            raise ValueError(
                f"embedding_step of {self.step} seconds does not divide a day: take "
                "one that does, such as '1 minute'"
            )
        if self.window > SECONDS_PER_DAY:
            raise ValueError(
                f"embedding_window is {self.window} seconds; it can be a day at most"
            )
        most = len(FEATURES) + 2 * self.window
        least = len(FEATURES) + 2
        if not least <= self.dimensions <= most:
            raise ValueError(
                f"embedding_dimensions is {self.dimensions}; with windows of "
                f"{self.window} seconds it can be {least} to {most}"
            )
        if not self.horizons:
            raise ValueError("embedding_horizons is empty: name at least one interval")

    @property
    def segments(self) -> tuple[int, int]:
        """Segments of the price path and of the flow path."""
        flow = (self.dimensions - len(FEATURES)) // 2
        return self.dimensions - len(FEATURES) - flow, flow

    @property
    def longest(self) -> int:
        """Seconds from a window's start to the end of its last label."""
        return self.window + max(self.horizons.values())

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the settings that affect vectors; horizons do not."""
        return {
            "algorithm": ALGORITHM,
            "clip": CLIP,
            "dimensions": self.dimensions,
            "features": list(FEATURES),
            "large_trade_btc": self.large_trade,
            "step_seconds": self.step,
            "training": [
                self.training.name,
                self.training.begin,
                self.training.end,
                self.training.days if self.training.begin is None else None,
            ],
            "window_seconds": self.window,
        }

    @property
    def version(self) -> str:
        """Name of the training range and a short hash of the parameters."""
        text = orjson.dumps(self.parameters, option=orjson.OPT_SORT_KEYS)
        return f"{self.training.name}-{hashlib.sha256(text).hexdigest()[:8]}"

    @property
    def kept(self) -> dict[str, Any]:
        """Return the settings whose change recomputes every row."""
        return {"version": self.version, "horizons": self.horizons}

    def fingerprint(self, extents: Mapping[str, tuple[int, int]]) -> str:
        """Return the fingerprint of a run: its settings, and the range of its candles.

        Parameters
        ----------
        extents : mapping
            By venue, first and last second with a candle.
        """
        return json.dumps({"settings": self.kept, "known": dict(extents)})


def _whole_seconds(name: str, text: str, seconds: float) -> int:
    if seconds < 1 or seconds != int(seconds):
        raise ValueError(f"{name}: {text!r} is not a whole number of seconds above 0")
    return int(seconds)


def _training_range(given: Mapping[str, Any] | None, days: int) -> TrainingRange:
    if given is None:
        if days < 1:
            raise ValueError(
                f"embedding_training_days is {days}: it must be at least 1"
            )
        return TrainingRange(f"first_{days}_days", None, None, days)
    missing = {"name", "from", "to"} - set(given)
    if missing:
        raise ValueError(
            f"embedding_training_range has no {', '.join(sorted(missing))}: write "
            "{name: …, from: 'YYYY-MM-DD', to: 'YYYY-MM-DD'}"
        )
    begin, end = (_epoch(key, given[key]) for key in ("from", "to"))
    if begin >= end:
        raise ValueError("embedding_training_range: from is not before to")
    return TrainingRange(str(given["name"]), begin, end, days)


def _epoch(key: str, moment: object) -> int:
    try:
        parsed = datetime.fromisoformat(str(moment))
    except ValueError as error:
        raise ValueError(
            f"embedding_training_range: {key} is {moment!r}, no ISO 8601 time"
        ) from error
    parsed = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return int(parsed.timestamp())


def interval_reader(connection: Any) -> ToSeconds:
    """Return a function that converts intervals to seconds on the server."""

    def to_seconds(texts: Sequence[str]) -> Sequence[float]:
        rows = connection.execute(
            "select extract(epoch from text::interval)::float8 "
            "from unnest(%s::text[]) with ordinality as given (text, number) "
            "order by number",
            [list(texts)],
        )
        return [seconds for (seconds,) in rows]

    return to_seconds
