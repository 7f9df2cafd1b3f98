"""What the scorecards say, in plain words.

``python -m headlines.scorecards`` prints it for the server in use: the end of
``make evaluate``.
Another scorecard (a model with the tag ``evaluation``) gets its place in `SCORECARDS`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from textwrap import fill
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row
from rich.console import Console

from pgio.connection import connect

Row = dict[str, Any]

#: At most about this share of the findings is expected to be luck.
FALSE_DISCOVERIES = 0.05

#: Names of the forecast targets.
TARGETS = {"volatility": "volatility", "log_return": "return"}

#: What each baseline of `btc_search_scorecard` is, after "better than".
BASELINES = {
    "same_hour": "random windows of the same hour",
    "price_path": "the most similar price paths",
    "unconditional": "all that happened before",
    "persistence": "the window's own volatility",
}

SEARCH_ROWS: LiteralString = """
    select
        exchange,
        horizon,
        extract(epoch from horizon::interval)::float8 as seconds,
        target,
        baseline,
        first_bucket,
        last_bucket,
        window_count,
        skill,
        skill_low,
        skill_high,
        q_value,
        pit_deciles,
        pit_p_value,
        hit_count,
        hit_rate,
        hit_rate_low,
        hit_rate_high,
        base_rate
    from signals.btc_search_scorecard
    order by
        exchange,
        horizon::interval,
        target desc,
        array_position(
            array['same_hour', 'price_path', 'unconditional', 'persistence'],
            baseline
        )
"""

SIGNAL_ROWS: LiteralString = """
    select
        signal,
        horizon_hours,
        meaning,
        periods,
        ic,
        ic_low,
        ic_high,
        hit_rate,
        hit_rate_low,
        hit_rate_high,
        base_rate,
        net_return,
        net_return_low,
        net_return_high,
        turnover,
        cost_bps,
        shuffled_ic,
        q_value,
        note
    from analytics.signal_scorecard
    order by
        split_part(signal, '.', 1) desc,
        meaning,
        horizon_hours
"""


def verdict(row: Row) -> int:
    """Return 1 where a row is a finding, -1 where the baseline is better, else 0."""
    if row["q_value"] is None or row["q_value"] >= FALSE_DISCOVERIES:
        return 0
    return 1 if row["skill"] > 0 else -1


def in_words(rows: Sequence[Row]) -> str:
    """Say how a forecast compares with each of its baselines, with 95 % intervals."""
    parts = []
    kinds = (
        (1, "better than", "by"),
        (-1, "worse than", "by"),
        (0, "no clear difference from", ""),
    )
    for kind, how, by in kinds:
        said = []
        for row in rows:
            if row["skill"] is None or verdict(row) != kind:
                continue
            size = f" {by} {_percent(abs(row['skill']))}%" if by else ""
            low, high = _percent(row["skill_low"]), _percent(row["skill_high"])
            said.append(f"{BASELINES[row['baseline']]}{size} ({low} to {high})")
        if said:
            parts.append(f"{how} {', '.join(said)}")
    few = [BASELINES[row["baseline"]] for row in rows if row["skill"] is None]
    if few:
        parts.append(f"too few windows to compare with {', '.join(few)}")
    return "; ".join(parts)


def direction(row: Row) -> str:
    """Say how often the sign was right, and how often the more frequent sign came."""
    if row["hit_rate"] is None:
        return "too few windows to say"
    judged = "better" if is_direction_found(row) else "no better"
    low, high = _percent(row["hit_rate_low"]), _percent(row["hit_rate_high"])
    return (
        f"{judged} than chance, right in {_percent(row['hit_rate'])}% ({low} to "
        f"{high}); the commoner sign came in {_percent(row['base_rate'])}%"
    )


def _percent(share: float) -> str:
    return f"{round(100 * share)}".replace("-", "−")


def is_direction_found(row: Row) -> bool:
    """Say whether the sign was right more often than the more frequent sign came."""
    return row["hit_rate"] is not None and row["hit_rate_low"] > row["base_rate"]


def search_lines(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of `btc_search_scorecard`, venue by venue."""
    yield "Do similar windows predict what follows? (signals.btc_search_scorecard)"
    if not rows:
        yield "  No venue has windows to evaluate: load more days of ticks and run"
        yield "  `dbt build`."
    for venue, of_venue in groupby(rows, lambda row: row["exchange"]):
        chosen = list(of_venue)
        widest = max(chosen, key=lambda row: row["window_count"])
        span = ""
        if widest["window_count"]:
            ends = (widest[end] for end in ("first_bucket", "last_bucket"))
            span = ", {:%Y-%m-%d} to {:%Y-%m-%d}".format(*ends)
        count = widest["window_count"]
        yield f"{venue}: {count} windows{span} (95% intervals in brackets)"
        if widest["skill"] is None:
            yield (
                "  That is too few to say. Load more days, or choose a shorter "
                "embedding_training_range."
            )
            continue
        for horizon, of_horizon in groupby(chosen, lambda row: row["horizon"]):
            group = list(of_horizon)
            for target, what in TARGETS.items():
                said = in_words([row for row in group if row["target"] == target])
                yield f"  {what}, {horizon}: {said}."
            [signed, *_] = (row for row in group if row["target"] == "log_return")
            yield f"  direction, {horizon}: {direction(signed)}."
        yield f"  So: {meaning(chosen)}"


def meaning(rows: Sequence[Row]) -> str:
    """Sum up the rows of a venue in a sentence."""
    parts = []
    for target, what in TARGETS.items():
        chosen = [row for row in rows if row["target"] == target]
        horizons = list(dict.fromkeys(row["horizon"] for row in chosen))
        beaten = [
            horizon
            for horizon in horizons
            if all(verdict(row) > 0 for row in chosen if row["horizon"] == horizon)
        ]
        parts.append(f"{what} {_where(beaten, horizons)}")
    signed = {row["horizon"]: row for row in rows if row["target"] == "log_return"}
    found = [name for name, row in signed.items() if is_direction_found(row)]
    return (
        f"better than every baseline: {', '.join(parts)}; "
        f"direction better than chance: {_where(found, list(signed))}."
    )


def _where(found: Sequence[str], horizons: Sequence[str]) -> str:
    if not found:
        return "at no horizon"
    if len(found) == len(horizons):
        return "at every horizon"
    return f"at {len(found)} of {len(horizons)} horizons ({', '.join(found)})"


def signal_verdict(row: Row) -> int:
    """Return 1 or -1 where a signal is a finding, by its direction, else 0.

    A finding has an interval without zero and, all rows counted, differs from the mean
    of shuffled traders in the same direction. That mean may be far from zero: a
    correlation that is weaker than theirs is none, however sure.
    """
    if row["ic_low"] is None or row["q_value"] is None:
        return 0
    if row["q_value"] >= FALSE_DISCOVERIES or row["ic_low"] <= 0 <= row["ic_high"]:
        return 0
    direction = 1 if row["ic"] > 0 else -1
    return direction if direction * (row["ic"] - row["shuffled_ic"]) > 0 else 0


def signal_in_words(rows: Sequence[Row]) -> str:
    """Say how a signal ranked coins at each horizon, with 95 % intervals.

    For findings also the return of trading them.
    """
    kinds: dict[str, list[Row]] = {
        "better than shuffled traders": [],
        "the other way round, more than shuffled traders": [],
        "unlike shuffled traders, but weaker or perhaps by chance of these days": [],
        "no better than shuffled traders": [],
    }
    better, contrary, unsure, no_better = kinds.values()
    for row in rows:
        if row["q_value"] is None:
            continue
        found = {1: better, -1: contrary}.get(signal_verdict(row))
        if found is None:
            found = unsure if row["q_value"] < FALSE_DISCOVERIES else no_better
        found.append(row)
    parts = []
    for judged, chosen in kinds.items():
        if chosen:
            said = ", ".join(_correlation(row) for row in chosen)
            least = min(row["q_value"] for row in chosen)
            note = f" (q {_decimal(least, 2)} and more)" if chosen is no_better else ""
            parts.append(f"{judged}{note}: {said}")
    few = [row for row in rows if row["q_value"] is None]
    parts += [
        f"{', '.join(_after(row) for row in alike)}: {note}"
        for note, alike in groupby(few, lambda row: row["note"])
    ]
    return "; ".join(parts)


def _after(row: Row) -> str:
    return f"next {row['horizon_hours']} h"


def _correlation(row: Row) -> str:
    said = f"{_after(row)} {_decimal(row['ic'], 2)}"
    if row["ic_low"] is None:
        return f"{said} (no interval)"
    said += f" ({_decimal(row['ic_low'], 2)} to {_decimal(row['ic_high'], 2)})"
    if signal_verdict(row) == 0 or row["net_return_low"] is None:
        return said
    low, value, high = (
        _decimal(100 * row[name], 2)
        for name in ("net_return_low", "net_return", "net_return_high")
    )
    return f"{said} and {value}% a trade after cost ({low} to {high})"


def _decimal(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def signal_lines(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of `signal_scorecard`, signal by signal."""
    yield "Do the signals of smart money predict returns? (analytics.signal_scorecard)"
    if not any(row["ic"] is not None for row in rows):
        yield (
            "  Too little to say: at no time do enough coins have a signal and a "
            "return. Load more days; the seed trader_class_rules says who is smart "
            "money."
        )
        return
    yield (
        "  Rank correlations of signal and return across coins; in brackets 95% "
        "intervals, where days are enough for one."
    )
    for meaning_, of_signal in groupby(rows, lambda row: row["meaning"]):
        yield f"  {meaning_}: {signal_in_words(list(of_signal))}."
    yield f"  So: {signal_meaning(rows)}"


def signal_meaning(rows: Sequence[Row]) -> str:
    """Sum up the scorecard of signals in a sentence."""
    known = [row for row in rows if row["q_value"] is not None]
    found = [row for row in known if signal_verdict(row) > 0]
    contrary = sum(signal_verdict(row) < 0 for row in known)
    reverse = f" The other way round: {contrary}." if contrary else ""
    if not found:
        return (
            f"none of {len(known)} comparisons is better than shuffled traders."
            + reverse
        )
    best = max(found, key=lambda row: min(abs(row["ic_low"]), abs(row["ic_high"])))
    paid = sum(
        row["net_return_low"] is not None and row["net_return_low"] > 0 for row in found
    )
    return (
        f"{len(found)} of {len(known)} comparisons are better than shuffled traders, "
        f"most clearly {best['meaning']} for the next {best['horizon_hours']} h "
        f"(rank correlation {_decimal(best['ic'], 2)}); {paid} of them also earn more "
        f"than their cost, {best['cost_bps']:g} basis points a side." + reverse
    )


#: Table, query of its rows, and the function that words them; in printed order.
SCORECARDS: Sequence[
    tuple[str, LiteralString, Callable[[Sequence[Row]], Iterator[str]]]
] = (
    ("analytics.signal_scorecard", SIGNAL_ROWS, signal_lines),
    ("signals.btc_search_scorecard", SEARCH_ROWS, search_lines),
)

EXPLANATION = (
    "Rank correlation: 1 at most. Shuffled traders: the same signal of random traders "
    "as active. Better and worse, of windows: less "
    "or more of the CRPS, a distance of forecast and outcome. Said only of what "
    f"remains a finding when all rows are counted (q < {FALSE_DISCOVERIES}). What the "
    "figures mean and do not: docs/metrics.md."
)


def main() -> int:
    """Print the scorecards of the server in use."""
    console = Console(width=None if sys.stdout.isatty() else 100, highlight=False)
    with connect() as conn, conn.cursor(row_factory=dict_row) as cursor:
        for table, query, lines in SCORECARDS:
            try:
                rows = cursor.execute(query).fetchall()
            except psycopg.errors.UndefinedTable:
                print(f"There is no {table} yet: run `make evaluate`.")
                return 1
            for line in lines(rows):
                indent = len(line) - len(line.lstrip())
                style = "bold" if indent == 0 else None
                text = fill(line, console.width, subsequent_indent=" " * (indent + 2))
                console.print(text, style=style)
            console.print()
    console.print(EXPLANATION)
    return 0


if __name__ == "__main__":
    sys.exit(main())
