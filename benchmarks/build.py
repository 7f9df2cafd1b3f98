"""Cost of builds: the first, a day more, nothing new, an hour more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.commands import create_sources, dbt, node_seconds, run
from benchmarks.late_fills import split_last_hour
from benchmarks.scoreboard import Figure, figure
from benchmarks.tapes import others_of


def measure(env: Mapping[str, str], tape: Path, scratch: Path) -> list[Figure]:
    """Load all days but the last, build; load that one, build; build again.

    The last day is loaded without its last hour, which comes after that.

    Parameters
    ----------
    env
        libpq variables of an empty database.
    tape
        Folder of `make_tape`.
    scratch
        Folder for dbt's artifacts.

    Returns
    -------
    list of Figure
        Seconds and MB of the largest process, dbt's own.

    Raises
    ------
    RuntimeError
        When a command fails, with what it printed.
    """
    *days, last = sorted((tape / "parquet").glob("*.parquet"))
    create_sources(env, scratch)
    load, load_mb = run(env, ["loaders.load_to_db", "fills", *map(str, days)])
    _load_others(env, tape, days)
    full, full_mb = dbt(env, scratch, "build")
    in_full = node_seconds(scratch)
    in_time, hour = scratch / "day.parquet", scratch / "hour.parquet"
    split_last_hour(last, in_time, hour)
    run(env, ["loaders.load_to_db", "fills", str(in_time)])
    _load_others(env, tape, [last])
    day, day_mb = dbt(env, scratch, "build")
    of_a_day = node_seconds(scratch)
    same, _ = dbt(env, scratch, "build")
    run(env, ["loaders.load_to_db", "fills", str(hour)])
    one_hour, _ = dbt(env, scratch, "build")
    of_an_hour = node_seconds(scratch)
    told = ("model.vigil.smart_money_hourly", "model.vigil.alerts")
    pnl, rollup = "model.vigil.trader_pnl_daily", "model.vigil.trader_coin_daily"
    loading = f"loading the same {len(days)} days"
    all_days = f"full build of {len(days)} days"
    return [
        figure("build_full", full, "s", loading, load, runs=1),
        figure("build_full_peak_memory", full_mb, "MB", loading, load_mb, runs=1),
        figure("build_one_more_day", day, "s", all_days, full, runs=1),
        figure(
            "build_one_more_day_peak_memory", day_mb, "MB", all_days, full_mb, runs=1
        ),
        figure("build_nothing_new", same, "s", all_days, full, runs=1),
        figure("build_one_more_hour", one_hour, "s", all_days, full, runs=1),
        figure(
            "hourly_signals_and_alerts_one_more_hour",
            sum(of_an_hour[name] for name in told),
            "s",
            f"the same of {len(days)} days",
            sum(in_full[name] for name in told),
            runs=1,
        ),
        figure(
            "trader_pnl_daily_in_full",
            in_full[pnl],
            "s",
            "trader_coin_daily, which reads every fill",
            in_full[rollup],
            runs=1,
        ),
        figure(
            "trader_pnl_daily_one_more_day",
            of_a_day[pnl],
            "s",
            f"the same of {len(days)} days",
            in_full[pnl],
            runs=1,
        ),
    ]


def _load_others(env: Mapping[str, str], tape: Path, days: Sequence[Path]) -> None:
    for what, files in others_of(tape, days):
        run(env, ["loaders.load_to_db", what, *map(str, files)])
