"""What the report says is what the tables say."""

from __future__ import annotations

import base64
import math
from datetime import UTC, datetime
from typing import Any, LiteralString

import numpy as np
import psycopg
import pytest
from hostile_names import COINS, TRADER

from report.ask import ReportError
from report.blocks import Chart, Section, Tile, Tiles
from report.compose import compose
from report.numbers import percent, ratio, usd
from report.page import Page
from report.sections import (
    forecasts,
    holdings,
    leaders,
    open_interest,
    signal_scores,
    similar_windows,
)
from report.tables import Table

pytestmark = [pytest.mark.slow, pytest.mark.any_server]
pytest_plugins = ["report_database"]

Connection = psycopg.Connection[Any]


def section(page: Page, key: str) -> Section:
    return next(each for each in page.sections if each.key == key)


def chart(page: Page, section_key: str, key: str) -> Chart:
    return next(c for c in section(page, section_key).charts() if c.key == key)


def table(page: Page, key: str, caption: str) -> Table:
    found = [part for part in section(page, key).parts() if isinstance(part, Table)]
    return next(each for each in found if each.caption.startswith(caption))


def numbers(values: Any) -> list[float]:
    """Values of a trace, which Plotly keeps as base64 where they are an array."""
    if isinstance(values, dict):
        found = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
        return [float(each) for each in found]
    return list(values)


def test_headlines_are_those_of_the_tables(page: Page, conn: Connection) -> None:
    traders, fills, smart = conn.execute(
        "select count(*), (select sum(fill_count) from analytics.coin_daily),"
        " count(*) filter (where is_smart_money) from analytics.trader_profiles"
    ).fetchone()  # type: ignore[misc]
    assert smart > 0
    shown = {tile.label: tile for tile in page.tiles}
    assert shown["Traders"].value == f"{traders:,}"
    assert shown["Traders"].note == f"{smart} are smart money"
    assert f"{fills:,} fills of {traders:,} traders" in page.covers[0]
    # The simulated fills are of 2025: a reader has to know.
    assert "days older than this page" in page.warnings[0]


def test_positions_add_up_to_the_signals(page: Page, conn: Connection) -> None:
    expected = dict(
        conn.execute(
            "select as_of_date::text, sum(smart_net_usd)::float8"
            " from analytics.asset_signals group by 1"
        ).fetchall()
    )
    drawn = chart(page, "positioning", "positions-over-time").views[0].figure["data"]
    *bars, line = drawn
    assert len(line["x"]) > 20
    sums = np.sum([numbers(bar["y"]) for bar in bars], axis=0)
    for day, value, total in zip(line["x"], numbers(line["y"]), sums, strict=True):
        assert value == pytest.approx(expected[day], abs=1e-3)
        assert total == pytest.approx(value, abs=1e-3)


def test_long_histories_are_thinned_and_other_coins_summed(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holdings, "POINTS", 7)
    rows = holdings.history(conn, coins=3)
    days = sorted({row["as_of_date"] for row in rows})
    [(last,)] = conn.execute("select max(as_of_date) from analytics.asset_signals")
    assert 4 <= len(days) <= 7
    assert days[-1] == last
    assert {row["coin_rank"] for row in rows} == {1, 2, 3, 4}
    named = [row["coin"] for row in rows if row["as_of_date"] == last and row["coin"]]
    [(others, count)] = conn.execute(
        "select sum(smart_net_usd)::float8, count(*) from analytics.asset_signals"
        " where as_of_date = %s and not coin = any(%s)",
        [last, named],
    )
    rest = rows[-1]
    assert (rest["coin"], rest["z_score"], rest["coins"]) == (None, None, count)
    assert rest["net_usd"] == pytest.approx(others)


def test_leaders_are_ordered_and_their_curves_end_at_their_profit(
    page: Page, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = conn.execute(
        "select user_address, mtm_net_pnl::float8 from analytics.trader_profiles"
        " where mtm_net_pnl is not null"
        " order by is_smart_money desc, mtm_sharpe_ratio * confidence desc nulls last,"
        " user_address limit 25"
    ).fetchall()
    rows = table(page, "leaderboard", "The first").rows
    assert [row[1].text for row in rows] == [address for address, _ in expected]
    assert [row[2].sort for row in rows] == [net_pnl for _, net_pnl in expected]
    curves = section(page, "leaderboard").charts()
    assert len(curves) == 12
    for drawn, (_, net_pnl) in zip(curves, expected, strict=False):
        [trace] = drawn.views[0].figure["data"]
        assert numbers(trace["y"])[-1] == pytest.approx(net_pnl, abs=1e-6)

    monkeypatch.setattr(leaders, "POINTS", 9)
    addresses = [address for address, _ in expected]
    thinned = leaders.equity(conn, addresses)
    last = {row["user_address"]: row["equity"] for row in thinned}
    assert last == pytest.approx(dict(expected), abs=1e-6)
    assert len(thinned) <= len(addresses) * 11


def test_distributions_count_everyone_once(page: Page, conn: Connection) -> None:
    [(traders, positions)] = conn.execute(
        "select (select count(*) from analytics.trader_profiles), count(*)"
        " from analytics.trader_positions where closed_at is not null"
        " and is_basis_known and (close_reason in ('trade', 'flip')"
        " or close_reason = 'dust' and last_exit_at is not null)"
    )
    won, lost = chart(page, "distributions", "holding-times").views[0].figure["data"]
    assert sum(numbers(won["y"])) + sum(numbers(lost["y"])) == positions
    views = chart(page, "distributions", "groups").views
    assert [view.label for view in views] == ["Class", "Size", "Style"]
    for view in views:
        [bars] = view.figure["data"]
        assert sum(numbers(bars["x"])) == traders


def tiles(page: Page) -> dict[str, Tile]:
    [found] = [b for b in section(page, "trader").blocks if isinstance(b, Tiles)]
    return {each.label: each for each in found.tiles}


KNOWN = ["realised less fees", "unrealised", "funding"]
#: Whose tear sheet, and its parts: whose coins have no contexts, who was paid the most.
WHO: dict[str, tuple[LiteralString, list[str]]] = {
    "without contexts": ("select %s::text", KNOWN[:2]),
    "with funding": (
        "select user_address from analytics.trader_pnl_daily where user_address <> %s"
        " group by 1 order by sum(abs(funding_usd)) desc nulls last limit 1",
        KNOWN,
    ),
}


@pytest.mark.parametrize(("who", "parts"), WHO.values(), ids=WHO)
def test_the_tear_sheet_adds_up_to_the_daily_profit(
    conn: Connection, who: LiteralString, parts: list[str]
) -> None:
    [(trader,)] = conn.execute(who, [TRADER])
    expected = {
        day: values
        for day, *values in conn.execute(
            "select day::text, sum(realized_pnl - fees_usd) over days::float8,"
            " sum(unrealized_change_usd) over days::float8,"
            " coalesce(sum(funding_usd) over days, 0)::float8,"
            " equity_usd::float8, net_pnl::float8"
            " from analytics.trader_pnl_daily where user_address = %s"
            " window days as (order by day) order by day",
            [trader],
        )
    }
    assert len(expected) > 20
    page = compose(conn, trader, datetime.now(UTC))
    drawn = {
        each["name"]: dict(zip(each["x"], numbers(each["y"]), strict=True))
        for each in chart(page, "trader", "tear-equity").views[0].figure["data"]
    }
    assert list(drawn) == [*parts, "equity", "drawdown", "day"]
    for day, values in expected.items():
        for name, value in zip((*KNOWN, "equity", "day"), values, strict=True):
            # Nothing is known of a part that is not drawn, and nothing is in equity.
            found = drawn.get(name, {day: 0.0})[day]
            assert found == pytest.approx(value, abs=1e-6)
    for day, equity in drawn["equity"].items():
        total = sum(drawn[name][day] for name in parts)
        assert total == pytest.approx(equity, abs=1e-6)

    net_pnl = expected[max(expected)][3]
    # It starts from nothing, the day before the first.
    curve = np.array(list(drawn["equity"].values()))
    assert curve[0] == 0.0
    assert next(iter(drawn["equity"])) < min(expected)
    drawdown = (np.maximum.accumulate(curve) - curve).max()
    assert -min(drawn["drawdown"].values()) == pytest.approx(drawdown, abs=1e-6)
    assert table(page, "trader", "Deepest").rows[0][0].sort == pytest.approx(-drawdown)
    assert tiles(page)["Net PnL"].value == usd(net_pnl)
    assert tiles(page)["Max drawdown"].value == usd(drawdown)
    by_month = table(page, "trader", "Net PnL by month").rows
    assert sum(row[1].sort or 0 for row in by_month) == pytest.approx(net_pnl)
    for row in by_month:
        total = sum(cell.sort or 0 for cell in row[2:-1])
        assert total == pytest.approx(row[1].sort, abs=1e-6)
    assert by_month[-1][-1].sort == pytest.approx(net_pnl)

    [(sharpe, longs)] = conn.execute(
        "select mtm_sharpe_ratio, (select count(*) from analytics.trader_positions p"
        " where p.user_address = t.user_address and closed_at is not null"
        " and side = 'long') from analytics.trader_profiles t where user_address = %s",
        [trader],
    )
    assert tiles(page)["Sharpe"].value == ratio(sharpe)
    sides = table(page, "trader", "Long and short").rows
    assert [row[1].sort for row in sides if row[0].text == "long"] == [longs]
    assert any(trader in sentence for sentence in section(page, "trader").lead)


NET = "sum(net_pnl)"
UNREALIZED = "sum(unrealized_change_usd)"
#: What the table says; the parts that are drawn; by tile an amount, and what is said.
SAID = [
    (
        "has_marks = true, is_funding_known = true, funding_usd = -2",
        KNOWN,
        {
            "Net PnL": (NET, "realised, funding, unrealised"),
            "Realised": ("sum(realized_pnl - fees_usd)", "gross, "),
            "Funding": ("-2 * count(*)", "received less paid"),
            "Unrealised": (UNREALIZED, "open positions, at the exchange's marks"),
        },
    ),
    (
        "has_marks = day > first_day, is_funding_known = day > first_day,"
        " funding_usd = nullif(day - first_day, 0)",
        KNOWN,
        {
            "Net PnL": (NET, "without funding that is not known"),
            "Funding": ("sum(funding_usd)", "not known in full on 1 of {days} days"),
            "Unrealised": (UNREALIZED, "at last trades on 1 of {days} days"),
        },
    ),
    (
        "is_funding_known = false, funding_usd = null",
        KNOWN[:2],
        {
            "Net PnL": (NET, "without funding that is not known"),
            "Funding": ("null", "not known in full on {days} of {days} days"),
        },
    ),
    (
        "realized_pnl = null, unrealized_change_usd = null,"
        " is_funding_known = true, funding_usd = 3",
        ["realised or not, less fees", "funding"],
        {
            "Net PnL": (NET, ""),
            "Realised": ("null", "not known: fills without closed_pnl"),
            "Funding": ("3 * count(*)", "received less paid"),
            "Unrealised": ("null", "with realised: "),
        },
    ),
]


@pytest.mark.parametrize(("change", "parts", "said"), SAID)
def test_a_tear_sheet_says_what_is_not_known(
    conn: Connection,
    change: LiteralString,
    parts: list[str],
    said: dict[str, tuple[LiteralString, str]],
) -> None:
    conn.execute(
        "update analytics.trader_pnl_daily set "
        + change
        + " from (select min(day) as first_day from analytics.trader_pnl_daily"
        " where user_address = %s) as days where user_address = %s",
        [TRADER, TRADER],
    )
    # What a day brought is what its parts say, where they are known.
    conn.execute(
        "update analytics.trader_pnl_daily set net_pnl = realized_pnl"
        " + unrealized_change_usd - fees_usd + coalesce(funding_usd, 0)"
        " where user_address = %s and realized_pnl is not null",
        [TRADER],
    )
    page = compose(conn, TRADER, datetime.now(UTC))
    for label, (value, note) in said.items():
        [(expected, days)] = conn.execute(
            "select (" + value + ")::float8, count(*) from analytics.trader_pnl_daily"
            " where user_address = %s",
            [TRADER],
        )
        assert tiles(page)[label].value == usd(expected)
        assert note.format(days=days) in tiles(page)[label].note
    *bars, line, _, _ = chart(page, "trader", "tear-equity").views[0].figure["data"]
    assert [each["name"] for each in bars] == parts
    # However many parts are known, the line is net PnL.
    [(net_pnl,)] = conn.execute(
        "select sum(net_pnl)::float8 from analytics.trader_pnl_daily"
        " where user_address = %s",
        [TRADER],
    )
    assert numbers(line["y"])[-1] == pytest.approx(net_pnl, abs=1e-6)


def test_a_trader_is_found_in_capitals_and_missed_by_name(conn: Connection) -> None:
    [(address,)] = conn.execute(
        "select user_address from analytics.trader_profiles where user_address ~"
        " '^0x[0-9a-f]{40}$' order by 1 limit 1"
    )
    page = compose(conn, address.upper(), datetime.now(UTC))
    assert section(page, "trader").lead[0].startswith(address)
    with pytest.raises(ReportError, match=r"no trader '0xnobody'.*user_address"):
        compose(conn, "0xnobody", datetime.now(UTC))


def test_a_trader_without_a_curve_is_on_no_leaderboard(conn: Connection) -> None:
    [[best], *_] = conn.execute(
        "update analytics.trader_profiles set gross_pnl = null, net_pnl = null,"
        " sharpe_ratio = null, sortino_ratio = null, max_drawdown = null,"
        " mtm_net_pnl = null, mtm_sharpe_ratio = null"
        " where user_address in (select user_address from analytics.trader_profiles"
        " order by is_smart_money desc, mtm_sharpe_ratio * confidence desc nulls last"
        " limit 3) returning user_address"
    ).fetchall()
    page = compose(conn, None, datetime.now(UTC))
    shown = [row[1].text for row in table(page, "leaderboard", "The first").rows]
    assert shown
    assert best not in shown

    # The tear sheet is there, with what is known.
    conn.execute(
        "update analytics.trader_positions set net_pnl = null where user_address = %s"
        " and position_id = (select min(position_id) from analytics.trader_positions"
        " where user_address = %s and status = 'closed')",
        [best, best],
    )
    [(known,)] = conn.execute(
        "select count(*) from analytics.trader_positions"
        " where user_address = %s and status = 'closed' and net_pnl is not null",
        [best],
    )
    page = compose(conn, best, datetime.now(UTC))
    assert tiles(page)["Sharpe"].value == "–"
    sides = table(page, "trader", "Long and short").rows
    assert sum(row[1].sort or 0 for row in sides) == known
    by_coin = table(page, "trader", "Closed positions by coin").rows
    assert sum(row[1].sort or 0 for row in by_coin) == known

    # Nothing is said of profit where there is none: outcome coins alone were traded.
    conn.execute(
        "delete from analytics.trader_pnl_daily where user_address = %s", [best]
    )
    page = compose(conn, best, datetime.now(UTC))
    assert next(iter(tiles(page))) == "Sharpe"
    assert "tear-equity" not in [each.key for each in section(page, "trader").charts()]


def test_open_interest_is_shown_beside_the_exchanges(conn: Connection) -> None:
    # Of a coin three quarters of its fills are missing, of another closing ones.
    smallest = conn.execute(
        "select coin from analytics.coin_open_interest_daily where explained_share"
        " is not null group by coin order by sum(open_interest), coin limit 2"
    ).fetchall()
    for [coin], factor in zip(smallest, (4, 0.5), strict=True):
        conn.execute(
            "update analytics.coin_open_interest_daily"
            " set open_interest = open_interest * %(by)s::numeric,"
            " explained_share = explained_share / %(by)s where coin = %(coin)s",
            {"by": factor, "coin": coin},
        )
    expected = {
        coin: values
        for coin, *values in conn.execute(
            "select coin, explained_share, (held.open_interest * mark_px)::float8,"
            " (long_size * mark_px)::float8, (short_size * mark_px)::float8, holders"
            " from analytics.coin_open_interest_daily as held"
            " inner join analytics.coin_marks_daily using (coin, day) where day ="
            " (select max(day) from analytics.coin_open_interest_daily"
            " where explained_share is not null)"
        )
    }
    page = compose(conn, None, datetime.now(UTC))
    shown = table(page, "coins", "The largest").rows
    assert len(shown) > 10
    for coin, *cells in shown:
        values = [cell.sort for cell in cells]
        for value, text, wanted in zip(
            values, [cell.text for cell in cells], expected[coin.title], strict=True
        ):
            assert value == (None if wanted is None else pytest.approx(wanted))
            assert (text == "–") == (wanted is None)
    by_name = {row[0].title: row for row in shown}
    assert {by_name[coin][1].text for coin in COINS.values()} == {"–"}

    # Those away from 1 are named, and the furthest shown, however small they are.
    shares = {
        coin: share for coin, (share, *_) in expected.items() if share is not None
    }
    furthest = sorted(shares, key=lambda coin: (-abs(shares[coin] - 1), coin))
    lead = section(page, "coins").lead
    assert f"in {len(shares)} coins" in lead[0]
    named = ", ".join(f"{coin} ({percent(shares[coin], 1)})" for coin in furthest[:2])
    assert lead[1].endswith(f"The furthest: {named}.")
    rows = open_interest.open_interest(conn)
    [few] = open_interest.section(rows, largest=1, least=2).parts()
    assert isinstance(few, Table)
    sizes = {coin: max(row[1] or 0, row[3]) for coin, row in expected.items()}
    assert {row[0].title for row in few.rows} == {
        max(sizes, key=sizes.__getitem__),
        *furthest[:2],
    }

    conn.execute(
        "update analytics.coin_open_interest_daily"
        " set open_interest = null, explained_share = null"
    )
    page = compose(conn, None, datetime.now(UTC))
    assert section(page, "coins").lead[0].startswith("No contexts are loaded")
    shown = table(page, "coins", "The largest").rows
    assert {cell.text for row in shown for cell in row[1:3]} == {"–"}


def test_candles_are_those_of_the_last_hours(page: Page, conn: Connection) -> None:
    expected = conn.execute(
        "select open::float8, close::float8 from market_data.btc_ohlcv_1m_filled"
        " where bucket > (select max(bucket) from market_data.btc_ohlcv_1m)"
        " - interval '6 hours' order by bucket"
    ).fetchall()
    candles, volume = chart(page, "bitcoin", "candles").views[0].figure["data"]
    assert len(expected) == 360 == len(numbers(volume["y"]))
    drawn = zip(numbers(candles["open"]), numbers(candles["close"]), strict=True)
    assert list(drawn) == expected


def test_paths_pass_through_what_is_stored_as_outcome(conn: Connection) -> None:
    window = similar_windows.newest_window(conn, "binance_spot")
    assert window is not None
    bucket, width = window["bucket"], window["seconds"]
    outcomes = similar_windows.neighbours(conn, "binance_spot", bucket)
    paths = similar_windows.paths(conn, "binance_spot", bucket, width, 3600)
    prices = {(row["neighbour_rank"], row["at_seconds"]): row["close"] for row in paths}
    known = [row for row in outcomes if row["log_return"] is not None]
    assert len(known) > 20
    for row in known:
        rank = row["neighbour_rank"]
        moved = math.log(prices[rank, row["seconds"]] / prices[rank, 0.0])
        assert moved == pytest.approx(row["log_return"], abs=1e-12)
    # What a neighbour became after the newest window ended is not told.
    ends = {row["neighbour_rank"]: row["neighbour_bucket"] for row in outcomes}
    late = [
        at
        for (rank, at) in prices
        if rank and ends[rank].timestamp() + at > bucket.timestamp()
    ]
    assert late == []


def test_hostile_coins_are_named_in_full(page: Page) -> None:
    shown = {row[0].title for row in table(page, "positioning", "The largest").rows}
    assert set(COINS.values()) <= shown


@pytest.mark.editions("postgres")
def test_without_a_scorecard_a_line_says_how_to_get_one(
    page: Page, conn: Connection
) -> None:
    assert not any(each.key == "forecasts" for each in page.sections)
    [bitcoin] = [each for each in page.sections if each.key == "bitcoin"]
    assert bitcoin.lead[-1] == forecasts.MISSING
    assert "make evaluate" in forecasts.MISSING
    assert forecasts.scorecard(conn) == []
    [held] = [each for each in page.sections if each.key == "positioning"]
    assert held.lead[-1] == signal_scores.MISSING
    assert signal_scores.scorecard(conn) == []


def test_what_is_missing_is_named(conn: Connection) -> None:
    now = datetime.now(UTC)
    conn.execute("drop table signals.btc_similar_windows_summary cascade")
    page = compose(conn, None, now)
    assert "btc_similar_windows_summary. Run `dbt build`" in page.warnings[-1]
    assert [each.key for each in page.sections][-1] == "trader"
    conn.execute("truncate analytics.coin_daily")
    with pytest.raises(ReportError, match=r"tables are empty\. Run `make run`.*load"):
        compose(conn, None, now)
    conn.execute("drop schema analytics cascade")
    with pytest.raises(ReportError, match=r"analytics\.coin_daily is not there"):
        compose(conn, None, now)


@pytest.mark.editions("postgres")
def test_one_product_is_enough(conn: Connection) -> None:
    now = datetime.now(UTC)
    conn.execute("truncate analytics.coin_daily")
    page = compose(conn, None, now)
    assert [each.key for each in page.sections] == ["bitcoin"]
    assert page.warnings[-1] == "Nothing of fills is here: none are loaded."
    with pytest.raises(ReportError, match="there are no fills"):
        compose(conn, "0xa", now)


@pytest.mark.editions("postgres")
def test_without_signals_or_neighbours_the_rest_is_there(conn: Connection) -> None:
    conn.execute("truncate analytics.asset_signals")
    conn.execute(
        "truncate signals.btc_similar_windows, signals.btc_similar_windows_summary"
    )
    page = compose(conn, None, datetime.now(UTC))
    assert [each.key for each in page.sections] == [
        *("coins", "leaderboard", "distributions", "trader", "bitcoin")
    ]
    assert "No window has been searched for yet" in section(page, "bitcoin").lead[-1]
