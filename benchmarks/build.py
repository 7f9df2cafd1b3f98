"""Cost of builds: the first, a day more, nothing new, an hour more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.database import Database
from benchmarks.scoreboard import Figure, figure
from benchmarks.tapes import days_of, others_of, split_last_hour

BY_THE_HOUR = ("smart_money_hourly", "alerts", "signal_outcomes")


def measure(bench: Bench) -> list[Figure]:
    """Load all days but the last, build; load that one, build; build again.

    The last day is loaded without its last hour, which comes after that. Memory is that
    of the largest process, dbt's own.
    """
    tape = bench.tape(bench.sizes.build_fills)
    *days, last = days_of(tape)
    with bench.database("build") as database:
        database.create_sources()
        load = database.load("fills", *days)
        _load_others(database, tape, days)
        full = database.dbt("build")
        in_full = database.node_seconds()
        in_time = database.scratch / "day.parquet"
        hour = database.scratch / "hour.parquet"
        split_last_hour(last, in_time, hour)
        database.load("fills", in_time)
        _load_others(database, tape, [last])
        day = database.dbt("build")
        of_a_day = database.node_seconds()
        same = database.dbt("build")
        database.load("fills", hour)
        one_hour = database.dbt("build")
        of_an_hour = database.node_seconds()
    loading = f"loading the same {len(days)} days"
    all_days = f"full build of {len(days)} days"
    the_same = f"the same of {len(days)} days"
    pnl = "trader_pnl_daily"
    return [
        figure(name, value, unit, peer, peer_value, runs=1)
        for name, value, unit, peer, peer_value in (
            ("build_full", full.seconds, "s", loading, load.seconds),
            ("build_full_peak_memory", full.megabytes, "MB", loading, load.megabytes),
            ("build_one_more_day", day.seconds, "s", all_days, full.seconds),
            (
                *("build_one_more_day_peak_memory", day.megabytes, "MB"),
                *(all_days, full.megabytes),
            ),
            ("build_nothing_new", same.seconds, "s", all_days, full.seconds),
            ("build_one_more_hour", one_hour.seconds, "s", all_days, full.seconds),
            (
                "hourly_signals_alerts_and_outcomes_one_more_hour",
                _models(of_an_hour, *BY_THE_HOUR),
                *("s", the_same, _models(in_full, *BY_THE_HOUR)),
            ),
            (
                *("trader_pnl_daily_in_full", _models(in_full, pnl), "s"),
                "trader_coin_daily, which reads every fill",
                _models(in_full, "trader_coin_daily"),
            ),
            (
                *("trader_pnl_daily_one_more_day", _models(of_a_day, pnl), "s"),
                *(the_same, _models(in_full, pnl)),
            ),
        )
    ]


def _load_others(database: Database, tape: Path, days: Sequence[Path]) -> None:
    for what, files in others_of(tape, days):
        database.load(what, *files)


def _models(seconds: dict[str, float], *names: str) -> float:
    return sum(seconds[f"model.vigil.{name}"] for name in names)
