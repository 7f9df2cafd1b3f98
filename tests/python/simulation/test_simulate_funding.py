"""The simulator's marks, rates and accounts, computed anew from its tape."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import lz4.frame
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from loading import count, loaded

from simulation.__main__ import main
from simulation.fills import run
from simulation.fills.coins import COINS, PERP
from simulation.fills.run import Settings, simulate

pytest_plugins = ["loading_database"]

Row = tuple[Any, ...]

START = date(2025, 7, 1)
HOUR_MS = 3_600_000
PERPS = {coin.name for coin in COINS if coin.kind == PERP}
DELISTED = next(coin.name for coin in COINS if coin.is_delisted)

#: SHA-256 of the fills of `fills_digest`, before contexts were simulated.
FILLS = "9b8dfb293cca8c242039cf2a753859e3b5218984dd53b33320861d3d1350863a"

# Of more than 18 digits: DuckDB multiplies narrower decimals in 64 bits.
TAPE = """
create table fills as
select
    time,
    "user",
    coin,
    coin like '#%' as is_outcome,
    tid <> 0 as is_trade,
    dir = 'Net Child Vaults' as is_netting,
    row_number() over (order by filename, file_row_number) as n,
    px::decimal(19, 8) as px,
    case when feeToken = 'USDC' then 0 else fee::decimal(17, 9) end as fee_in_coin,
    case
        when feeToken = 'USDC' then fee::decimal(17, 9)
        else fee::decimal(17, 9) * px::decimal(19, 8)
    end as fee_usd,
    case when side = 'B' then sz else '-' || sz end::decimal(17, 9)
    - fee_in_coin as delta,
    startPosition::decimal(18, 9) + delta as position
from read_parquet(getvariable('files'), filename = true, file_row_number = true);

create table ends as
select "user", coin, time, arg_max(position, n) as position
from fills
group by all;

create table keys as
select "user", coin from positions where is_complete and coin not like '#%';
"""

#: What the tape says that the complete positions were when a context was written.
HELD = """
create table held as
select
    keys."user",
    keys.coin,
    contexts.time,
    contexts.oracle_px,
    coalesce(ends.position, 0)::decimal(19, 5) as position
from keys
inner join contexts on keys.coin = contexts.coin
asof left join ends
    on keys."user" = ends."user" and keys.coin = ends.coin
    and contexts.time > ends.time
"""

PAYMENTS = """
create table payments as
select
    "user",
    held.coin,
    rates.hour,
    make_timestamp_ms(rates.hour)::date as day,
    position,
    -position * oracle_px * rate as paid
from held
inner join rates on held.coin = rates.coin and held.time = rates.hour
"""


class Tape:
    """A tape, in DuckDB: `fills`, `contexts`, `rates`, and the truth's tables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.db = duckdb.connect()
        self.contexts = list(read_contexts(folder))
        self.rates = list(read_rates(folder))
        for name in ("positions", "traders", "funding", "trader_days", "coin_days"):
            path = folder / "truth" / f"{name}.parquet"
            self.db.register(name, pq.read_table(path))
        self.db.register("context_texts", pa.Table.from_pylist(self.contexts))
        self.db.register("rate_texts", pa.Table.from_pylist(self.rates))
        self.db.execute(
            "create table contexts as select time, coin, mark_px::decimal(19, 8) as"
            " mark_px, oracle_px::decimal(12, 6) as oracle_px, funding::decimal(10, 8)"
            " as funding, open_interest::decimal(14, 5) as open_interest"
            " from context_texts"
        )
        self.db.execute(
            "create table rates as select coin, time - time % 3600000 as hour,"
            " fundingRate::decimal(9, 8) as rate from rate_texts"
        )
        files = f"{folder}/parquet/*.parquet"
        self.db.execute("set variable files = ?", [files])
        self.db.execute(TAPE)
        self.db.execute(HELD)
        self.db.execute(PAYMENTS)

    def rows(self, query: str) -> list[Row]:
        return self.db.execute(query).fetchall()


def milliseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo == UTC
    return round(moment.timestamp() * 1000)


def read_contexts(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((folder / "asset_ctxs").iterdir()):
        text = lz4.frame.decompress(path.read_bytes()).decode()
        for row in csv.DictReader(io.StringIO(text)):
            assert row["time"].startswith(f"{path.name[:4]}-{path.name[4:6]}-")
            yield row | {"time": milliseconds(row["time"])}


def read_rates(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((folder / "funding").iterdir()):
        for line in path.read_text().splitlines():
            yield from json.loads(line)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    """A tape that misses fills, and positions from before it."""
    folder = tmp_path_factory.mktemp("noisy")
    simulate(folder, Settings(30_000, 12, 11, START, 450), "parquet")
    return Tape(folder)


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    """A tape that misses nothing, simulated an hour at a time."""
    folder = tmp_path_factory.mktemp("complete")
    options = ("--fills", "30000", "--days", "2", "--complete", "--seed", "5")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "_PART_ROWS", 1)
        made = CliRunner().invoke(main, ["fills", str(folder), *options])
    assert made.exit_code == 0, made.output
    return Tape(folder)


@pytest.fixture(params=["noisy", "complete"])
def tape(request: pytest.FixtureRequest) -> Tape:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Tape)
    return found


def test_fills_are_what_they_were_without_contexts(tmp_path: Path) -> None:
    """Whoever means to change the fills changes the digest with them."""
    simulate(tmp_path, Settings(6_000, 3, 11, START, 80), "parquet")
    digest = hashlib.sha256()
    for path in sorted((tmp_path / "parquet").iterdir()):
        for row in pq.read_table(path).to_pylist():
            digest.update(json.dumps(row, default=str).encode())
    assert digest.hexdigest() == FILLS


def test_contexts_are_of_the_perpetuals(tape: Tape) -> None:
    days = len(list((tape.folder / "asset_ctxs").iterdir()))
    moments = {
        (START.toordinal() - date(1970, 1, 1).toordinal() + day) * 24 * HOUR_MS
        + hour * HOUR_MS
        + minute * 60_000
        for day in range(days)
        for hour in range(24)
        for minute in (0, 15, 30, 45, 59)
    }
    by_coin = {
        coin: [c["time"] for c in tape.contexts if c["coin"] == coin] for coin in PERPS
    }
    assert len(tape.contexts) == sum(map(len, by_coin.values()))
    for coin, times in by_coin.items():
        if coin != DELISTED:
            assert set(times) == moments
            assert len(times) == len(moments)
    [(settled,)] = tape.rows(f"select max(time) from fills where coin = '{DELISTED}'")
    assert max(by_coin[DELISTED]) == settled - settled % HOUR_MS
    assert list(tape.contexts[0]) == [
        *("time", "coin", "funding", "open_interest", "prev_day_px", "day_ntl_vlm"),
        *("premium", "oracle_px", "mark_px", "mid_px", "impact_bid_px"),
        "impact_ask_px",
    ]


def test_prices_are_near_those_of_trades(tape: Tape) -> None:
    [(compared, most, mean)] = tape.rows(
        """
        select count(*), quantile_cont(abs(distance), 0.99), avg(distance)
        from (
            select fills.px / contexts.mark_px - 1 as distance
            from fills
            asof inner join contexts
                on fills.coin = contexts.coin and fills.time >= contexts.time
        )
        """
    )
    assert compared > 10_000
    # Contexts are up to a quarter of an hour old.
    assert most < 0.03
    assert abs(mean) < 0.001
    for row in tape.contexts:
        mark, oracle, mid = (Decimal(row[f"{n}_px"]) for n in ("mark", "oracle", "mid"))
        assert abs(mark / oracle - 1) < Decimal("0.002")
        assert Decimal(row["impact_bid_px"]) < mid < Decimal(row["impact_ask_px"])


def test_rates_are_those_that_formed_before_their_hour(tape: Tape) -> None:
    [(hours, positive, negative, largest)] = tape.rows(
        "select count(*), count(*) filter (rate > 0), count(*) filter (rate < 0),"
        " max(abs(rate)) from rates"
    )
    assert hours == len(tape.rates) == len({(r["coin"], r["time"]) for r in tape.rates})
    assert positive > hours / 2
    assert negative > hours / 20
    assert Decimal("0.00005") < largest < Decimal("0.0005")
    [(same, at_the_hour)] = tape.rows(
        """
        select
            count(*) filter (before.funding = rate),
            count(*) filter (at_hour.funding = rate)
        from rates
        asof inner join contexts as before
            on rates.coin = before.coin and rates.hour > before.time
        inner join contexts as at_hour
            on rates.coin = at_hour.coin and rates.hour = at_hour.time
        """
    )
    assert same == hours
    assert at_the_hour < hours / 10
    # Every hour of a context has its rate, but for the first.
    assert tape.rows(
        """
        select time from contexts where time % 3600000 = 0
        except select hour from rates
        """
    ) == [(min(c["time"] for c in tape.contexts),)]


def test_payments_of_a_coin_add_up_to_zero(tape: Tape) -> None:
    sums = tape.rows("select coin, day, sum(funding_usd) from funding group by all")
    assert {coin for coin, _, _ in sums} == PERPS
    assert {total for _, _, total in sums} == {0}


def test_longs_equal_shorts(tape: Tape) -> None:
    sides = tape.rows(
        "select coin, long_size, short_size, mark_px, holders from coin_days"
    )
    assert len(sides) > len(PERPS)
    for coin, longs, shorts, mark, holders in sides:
        assert mark > 0
        if coin in PERPS:
            assert longs == shorts
            assert (longs > 0) == (holders > 1)
        else:
            assert shorts == 0


def test_funding_is_that_of_the_tape(tape: Tape) -> None:
    anew = """
        select "user", coin, day, sum(paid)::decimal(38, 19) as paid
        from payments group by all having paid <> 0
    """
    truth = """
        select "user", coin, day, funding_usd::decimal(38, 19) as paid
        from funding semi join keys using ("user", coin)
    """
    [(rows,)] = tape.rows(f"select count(*) from ({truth})")
    assert rows > 1_000
    assert tape.rows(f"({anew}) except all ({truth}) limit 3") == []
    assert tape.rows(f"({truth}) except all ({anew}) limit 3") == []


def test_traders_are_worth_what_the_tape_says(tape: Tape) -> None:
    anew = """
        with

        traders_shown as (select "user" from traders where is_complete),

        days as (
            select distinct make_timestamp_ms(time)::date as day from contexts
        ),

        marks as (
            select days.day, coin, arg_max(mark_px, time) as mark
            from days
            inner join contexts
                on contexts.time < epoch_ms(days.day::timestamp) + 86400000
            group by all
            union all
            select days.day, coin, arg_max(px, n) as mark
            from days
            inner join fills
                on fills.time < epoch_ms(days.day::timestamp) + 86400000
            where coin like '@%' or coin like '%/%'
            group by all
        ),

        ended as (
            select
                keys."user",
                days.day,
                sum(coalesce(ends.position, 0) * mark) as value_usd,
                bool_or(coalesce(ends.position, 0) <> 0) as is_held
            from keys
            semi join traders_shown using ("user")
            cross join (
                select *, epoch_ms(day::timestamp) + 86400000 as midnight from days
            ) as days
            left join marks on marks.day = days.day and marks.coin = keys.coin
            asof left join ends
                on keys."user" = ends."user" and keys.coin = ends.coin
                and midnight > ends.time
            group by all
        ),

        traded as (
            select
                "user",
                make_timestamp_ms(time)::date as day,
                -sum(delta * px) as cash,
                sum(fee_usd) as fees
            from fills
            where not is_outcome
            group by all
        ),

        paid as (
            select "user", day, sum(paid) as funding
            from payments
            where position <> 0
            group by all
        )

        select
            "user",
            day,
            coalesce(cash, 0)::decimal(38, 17) as cash,
            coalesce(fees, 0)::decimal(38, 17) as fees,
            coalesce(funding, 0)::decimal(38, 17) as funding,
            coalesce(value_usd, 0)::decimal(38, 17) as value
        from ended
        left join traded using ("user", day)
        left join paid using ("user", day)
        where is_held or cash is not null or funding is not null
    """
    truth = """
        select
            "user",
            day,
            cash_from_trades::decimal(38, 17) as cash,
            fees_usd::decimal(38, 17) as fees,
            funding_usd::decimal(38, 17) as funding,
            value_usd::decimal(38, 17) as value
        from trader_days semi join (from traders where is_complete) using ("user")
    """
    [(rows,)] = tape.rows(f"select count(*) from ({truth})")
    assert rows > 100
    assert tape.rows(f"({anew}) except all ({truth}) limit 3") == []
    assert tape.rows(f"({truth}) except all ({anew}) limit 3") == []


def test_funding_of_a_day_is_that_of_its_coins(tape: Tape) -> None:
    assert (
        tape.rows(
            """
        (select "user", day, sum(funding_usd)::decimal(38, 14)
        from funding group by all)
        except all
        (select "user", day, funding_usd::decimal(38, 14) from trader_days)
        """
        )
        == []
    )


def test_open_interest_is_that_of_a_complete_tape(complete: Tape) -> None:
    assert {
        coin
        for (coin,) in complete.rows("select coin from positions where not is_complete")
    }.isdisjoint(PERPS)
    differences = complete.rows(
        """
        select coin, time, open_interest, sum(greatest(position, 0)) as longs
        from held inner join contexts using (coin, time)
        group by all
        having longs <> open_interest or sum(position) <> 0
        """
    )
    assert differences == []
    assert (
        complete.rows(
            "select sum(paid) from payments group by coin, hour having sum(paid) <> 0"
        )
        == []
    )
    # The book at midnight is what the day's truth says.
    assert (
        complete.rows(
            """
        select coin_days.coin, day
        from coin_days
        inner join contexts
            on coin_days.coin = contexts.coin
            and contexts.time = epoch_ms((day + 1)::timestamp)
        where open_interest <> long_size
        """
        )
        == []
    )


def test_volume_is_that_of_the_last_24_hours(complete: Tape) -> None:
    last = max(row["time"] for row in complete.contexts)
    for row in complete.contexts:
        if row["time"] == last:
            [(traded,)] = complete.rows(
                f"""
                select coalesce(sum(abs(delta) * px), 0)
                from fills
                where coin = '{row["coin"]}' and is_trade and not is_netting
                    and time >= {last - 24 * HOUR_MS} and time < {last}
                """
            )
            # A trade has two legs.
            assert 2 * Decimal(row["day_ntl_vlm"]) == traded


def test_a_complete_history_has_no_start_and_no_gap(noisy: Tape) -> None:
    [(complete, all_of_them)] = noisy.rows(
        "select count(*) filter (is_complete), count(*) from positions"
    )
    assert 0.2 < complete / all_of_them < 0.9
    assert (
        noisy.rows("select * from positions where is_complete and first_start <> 0")
        == []
    )
    assert (
        noisy.rows(
            """
        with fills_in_order as (
            select
                *,
                lag(position, 1, 0)
                    over (partition by "user", coin order by n) as before
            from fills
        )
        select * from fills_in_order semi join keys using ("user", coin)
        where position - delta <> before
        """
        )
        == []
    )


@pytest.mark.any_server
def test_the_loaders_take_the_files(
    noisy: Tape, loading_db: psycopg.Connection[Any]
) -> None:
    loaded(noisy.folder / "asset_ctxs", command="contexts")
    loaded(noisy.folder / "funding", command="funding")
    assert count(loading_db, "ingestion.quarantine") == 0
    assert count(loading_db, "hyperliquid.asset_ctxs") == len(noisy.contexts)
    assert count(loading_db, "hyperliquid.funding_rates") == len(noisy.rates)
    names = [name for name in noisy.contexts[0] if name not in ("coin", "time")]
    found = loading_db.execute(
        f"select coin, time, {', '.join(names)} from hyperliquid.asset_ctxs"
    ).fetchall()
    assert sorted(found) == sorted(
        (row["coin"], row["time"], *(Decimal(row[name]) for name in names))
        for row in noisy.contexts
    )
    rates = loading_db.execute(
        "select coin, time, rate from hyperliquid.funding_rates"
    ).fetchall()
    assert sorted(rates) == sorted(
        (row["coin"], row["time"] - row["time"] % HOUR_MS, Decimal(row["fundingRate"]))
        for row in noisy.rates
    )
