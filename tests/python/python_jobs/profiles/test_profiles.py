"""Profiles and cohorts: hand-made cases, a slow second opinion, and no look-ahead."""

from __future__ import annotations

import numpy as np
import pytest
from trader_panels import DAY, Rows, panel_of, random_rows

from python_jobs.lib.profiles.figures import ProfileOptions, figures
from python_jobs.lib.profiles.flows import exact_figures
from python_jobs.lib.profiles.panel import TraderPanel
from python_jobs.lib.profiles.points import Points, changes

OPTIONS = ProfileOptions(sharpe_min_days=3, confidence_positions=20, confidence_days=14)


def metrics_of(
    panel: TraderPanel, days: np.ndarray
) -> tuple[dict[str, np.ndarray], Points]:
    points = changes(panel, days)
    return figures(panel, points, exact_figures(panel, points), OPTIONS), points


def as_of(panel: TraderPanel, day: int) -> dict[str, np.ndarray]:
    """Metrics of every trader as of a day, NaN for one not seen by then."""
    found, points = metrics_of(panel, np.array([day]))
    whole = {name: np.full(len(panel.users), np.nan) for name in found}
    for name, values in found.items():
        whole[name][points.trader] = values
    return whole


def profile(panel: TraderPanel, day: int = DAY + 1000) -> dict[str, float]:
    """Metrics of the only trader there is."""
    return {name: float(values[0]) for name, values in as_of(panel, day).items()}


def test_a_trader_without_closes_has_no_rates():
    found = profile(panel_of([{"user_address": "a", "fill_count": 3.0}]))
    for name in (
        "position_win_rate",
        "fill_win_rate",
        "profit_factor",
        "top_trade_share",
        "maker_share",
        "long_share",
        "coin_hhi",
        "mean_holding_seconds",
        "median_holding_seconds",
        "weighted_holding_seconds",
        "sharpe_ratio",
        "spot_flow_share",
        "flow_imbalance",
        "net_pnl_bps",
    ):
        assert np.isnan(found[name]), name
    assert found["fill_count"] == 3
    assert found["confidence"] == 0
    assert found["max_drawdown"] == 0


def test_sums_and_shares_over_days():
    found = profile(
        panel_of(
            [
                {
                    "user_address": "a",
                    "day": DAY,
                    "fill_count": 6.0,
                    "transfer_fills": 3.0,
                    "maker_volume": 300.0,
                    "taker_volume": 100.0,
                    "twap_volume": 200.0,
                    "gross_pnl": 10.0,
                    "fees_usd": 1.0,
                    "net_pnl": 9.0,
                    "closing_fills": 4.0,
                    "winning_closes": 3.0,
                    "losing_closes": 1.0,
                    "own_liquidations": 2.0,
                },
                {
                    "user_address": "a",
                    "day": DAY + 3,
                    "fill_count": 6.0,
                    "maker_volume": 0.0,
                    "taker_volume": 400.0,
                    "gross_pnl": -4.0,
                    "net_pnl": -4.0,
                },
            ],
            flows=[
                {
                    "user_address": "a",
                    "flow": 100.0,
                    "spot_flow": 50.0,
                    "net_flow": 10.0,
                },
                {"user_address": "a", "day": DAY + 3, "flow": 100.0, "net_flow": 90.0},
            ],
        )
    )
    assert (found["active_days"], found["calendar_days"]) == (2, 4)
    assert (found["volume"], found["volume_per_active_day"]) == (800, 400)
    assert (found["gross_pnl"], found["fees_usd"], found["net_pnl"]) == (6, 1, 5)
    assert found["net_pnl_bps"] == pytest.approx(62.5)
    assert found["maker_share"] == 0.375
    assert found["twap_share"] == 0.25
    assert found["fill_win_rate"] == 0.75
    assert found["transfer_share"] == 0.25
    assert found["fills_per_active_day"] == 6
    assert (found["spot_flow_share"], found["flow_imbalance"]) == (0.25, 0.5)
    assert found["liquidation_fills"] == 2
    assert found["max_drawdown"] == 4


def test_turnover_is_against_what_was_held_over_all_days_of_the_curve():
    days = [{"user_address": "a", "taker_volume": 600.0}]
    curve = [{"user_address": "a", "mtm_days": 4.0, "mtm_mean_exposure": 50.0}]
    assert profile(panel_of(days, curve=curve))["turnover"] == 3
    curve[0]["mtm_mean_exposure"] = 0.0
    assert np.isnan(profile(panel_of(days, curve=curve))["turnover"])
    assert np.isnan(profile(panel_of(days))["turnover"])


def test_a_maker_whose_volume_no_double_adds_up_has_a_share_of_one():
    days = [
        {"user_address": "a", "day": DAY + day, "maker_volume": 0.1}
        for day in range(60)
    ]
    assert sum([0.1] * 60) != 6
    found = profile(panel_of(days))
    assert (found["volume"], found["maker_share"]) == (6, 1)


def test_figures_of_closed_positions():
    found = profile(
        panel_of(
            [{"user_address": "a", "fill_count": 1.0}],
            [
                {"user_address": "a", "net_pnl": 30.0, "holding_seconds": 10.0,
                 "entry_notional": 100.0},
                {"user_address": "a", "net_pnl": 10.0, "holding_seconds": 40.0,
                 "entry_notional": 300.0, "coin": "ETH", "is_long": False},
                {"user_address": "a", "net_pnl": -20.0, "holding_seconds": 20.0,
                 "entry_notional": 100.0},
                # A tie, closed by a liquidation: rated, but not timed.
                {"user_address": "a", "net_pnl": 0.0, "holding_seconds": 9e9,
                 "is_timed": False, "is_liquidated": True, "entry_notional": 0.0},
                # Of unknown basis: only its liquidation counts.
                {"user_address": "a", "net_pnl": 1e9, "is_rated": False,
                 "is_timed": False, "is_liquidated": True},
            ],
        )
    )  # fmt: skip
    assert found["closed_positions"] == 4
    assert (found["winning_positions"], found["losing_positions"]) == (2, 1)
    assert found["position_win_rate"] == 0.5
    assert found["profit_factor"] == 2
    assert found["top_trade_share"] == 0.75
    assert found["mean_holding_seconds"] == pytest.approx(70 / 3)
    assert found["median_holding_seconds"] == 20
    assert found["weighted_holding_seconds"] == 30
    assert found["long_share"] == 0.4
    assert found["coin_hhi"] == pytest.approx(0.4**2 + 0.6**2)
    assert found["liquidation_count"] == 2
    assert found["liquidation_share"] == 0.25
    assert found["confidence"] == pytest.approx((4 / 24 * 1 / 15) ** 0.5)


def test_only_wins_have_no_profit_factor_and_only_losses_one_of_zero():
    day = [{"user_address": "a"}]
    wins = profile(panel_of(day, [{"user_address": "a", "net_pnl": 5.0}]))
    assert np.isnan(wins["profit_factor"])
    assert wins["top_trade_share"] == 1
    losses = profile(panel_of(day, [{"user_address": "a", "net_pnl": -5.0}]))
    assert losses["profit_factor"] == 0
    assert np.isnan(losses["top_trade_share"])


def test_from_a_day_of_unknown_pnl_on_there_is_no_figure_of_pnl():
    nan = float("nan")
    pnl = [5.0, -1.0, 2.0, nan, 3.0]
    panel = panel_of(
        [
            {"user_address": "a", "day": DAY + i, "net_pnl": x, "gross_pnl": x,
             "taker_volume": 10.0, "closing_fills": float(x == x),
             "winning_closes": float(x > 0)}
            for i, x in enumerate(pnl)
        ]
    )  # fmt: skip
    of_pnl = ("gross_pnl", "net_pnl", "net_pnl_bps", "sharpe_ratio", "sortino_ratio",
              "max_drawdown")  # fmt: skip
    before, after = profile(panel, DAY + 2), profile(panel)
    assert (before["net_pnl"], before["max_drawdown"]) == (6, 1)
    assert not any(np.isnan(before[name]) for name in of_pnl)
    assert all(np.isnan(after[name]) for name in of_pnl)
    assert (after["volume"], after["active_days"]) == (50, 5)
    assert after["fill_win_rate"] == 0.75


def test_what_is_not_known_of_a_position_spoils_no_other():
    nan = float("nan")
    found = profile(
        panel_of(
            [{"user_address": "a"}],
            [
                {"user_address": "a", "net_pnl": 1.0, "holding_seconds": 60.0},
                # Swept by the exchange, never sold.
                {"user_address": "a", "net_pnl": 2.0, "holding_seconds": nan,
                 "is_timed": False},
                # Of unknown basis, and no profit reported.
                {"user_address": "a", "net_pnl": nan, "is_rated": False,
                 "is_timed": False},
            ],
        )
    )  # fmt: skip
    assert (found["closed_positions"], found["winning_positions"]) == (2, 2)
    for name in ("mean", "median", "weighted"):
        assert found[f"{name}_holding_seconds"] == 60
    assert found["top_trade_share"] == pytest.approx(2 / 3)


def test_median_of_an_even_number_lies_between_the_middle_two():
    seconds = [5.0, 1.0, 100.0, 7.0]
    positions = [{"user_address": "a", "holding_seconds": s} for s in seconds]
    found = profile(panel_of([{"user_address": "a"}], positions))
    assert found["median_holding_seconds"] == 6


def test_the_curve_says_what_its_last_day_says_and_nothing_before_its_first():
    curve = [
        {"user_address": "a", "day": DAY + day, "mtm_net_pnl": pnl,
         "mtm_sharpe_ratio": sharpe}
        for day, pnl, sharpe in ((1, 5.5, float("nan")), (4, -2.25, 1.5))
    ]  # fmt: skip
    panel = panel_of([{"user_address": "a", "day": DAY}], curve=curve)
    found = {day: profile(panel, DAY + day) for day in (0, 1, 3, 4, 9)}
    pnl = [found[day]["mtm_net_pnl"] for day in found]
    np.testing.assert_array_equal(pnl, [np.nan, 5.5, 5.5, -2.25, -2.25])
    sharpes = [found[day]["mtm_sharpe_ratio"] for day in found]
    np.testing.assert_array_equal(sharpes, [np.nan, np.nan, np.nan, 1.5, 1.5])


def test_a_row_of_a_stranger_is_an_error():
    with pytest.raises(ValueError, match="'b' is not among"):
        panel_of([{"user_address": "b"}], users=["a"])


def second_opinion(rows: Rows) -> dict[str, float]:
    """One trader's position figures, as a reader of their definition computes them."""
    rated = [r for r in rows if r["is_rated"]]
    timed = [r for r in rows if r["is_timed"]]
    gains = [r["net_pnl"] for r in rated if r["net_pnl"] > 0]
    losses = [-r["net_pnl"] for r in rated if r["net_pnl"] < 0]
    entries = [r["entry_notional"] for r in rated]
    by_coin: dict[str, float] = {}
    for r in rated:
        by_coin[r["coin"]] = by_coin.get(r["coin"], 0.0) + r["entry_notional"]
    nan = float("nan")
    return {
        "closed_positions": len(rated),
        "position_win_rate": len(gains) / len(rated) if rated else nan,
        "profit_factor": sum(gains) / sum(losses) if losses else nan,
        "top_trade_share": max(gains) / sum(gains) if gains else nan,
        "median_holding_seconds": (
            float(np.median([r["holding_seconds"] for r in timed])) if timed else nan
        ),
        "weighted_holding_seconds": (
            float(
                np.average(
                    [r["holding_seconds"] for r in timed],
                    weights=[r["entry_notional"] for r in timed],
                )
            )
            if timed
            else nan
        ),
        "long_share": (
            sum(r["entry_notional"] for r in rated if r["is_long"]) / sum(entries)
            if rated
            else nan
        ),
        "coin_hhi": (
            sum((v / sum(entries)) ** 2 for v in by_coin.values()) if rated else nan
        ),
        "liquidation_count": sum(r["is_liquidated"] for r in rows),
    }


@pytest.mark.parametrize("last", [DAY, DAY + 17, DAY + 59])
def test_position_figures_equal_a_second_opinion_as_of_any_day(last: int):
    daily, positions, *_ = random_rows()
    panel = panel_of(daily, positions)
    found = as_of(panel, last)
    seen = {r["user_address"] for r in daily if r["day"] <= last}
    assert seen
    for number, user in enumerate(panel.users.to_pylist()):
        known = [
            r
            for r in positions
            if r["user_address"] == user and r["closed_ms"] < last + 1
        ]
        for name, value in second_opinion(known).items():
            np.testing.assert_allclose(
                found[name][number],
                value if user in seen else np.nan,
                rtol=1e-12,
                err_msg=f"{user} {name}",
            )


def test_all_days_at_once_give_the_same_bits_as_each_by_itself():
    panel = panel_of(*random_rows())
    found, points = metrics_of(panel, np.arange(DAY, DAY + 60))
    assert len(points.trader) > 10 * len(panel.users)
    for day in range(DAY, DAY + 60):
        alone = as_of(panel, day)
        here = points.day == day
        for name, values in found.items():
            expected = alone[name][points.trader[here]]
            np.testing.assert_array_equal(values[here], expected, err_msg=name)


def test_only_the_days_after_something_changed_are_looked_at():
    panel = panel_of(
        [{"user_address": "a", "day": DAY}, {"user_address": "b", "day": DAY + 9}],
        positions=[{"user_address": "a", "closed_ms": DAY + 5.5}],
        flows=[{"user_address": "b", "day": DAY + 10}],
        curve=[{"user_address": "a", "day": DAY + 7}],
    )
    points = changes(panel, np.arange(DAY + 2, DAY + 10))
    found = list(zip(points.trader, points.day - DAY, strict=True))
    assert found == [(0, 2), (0, 5), (0, 7), (1, 9)]
    assert len(changes(panel, np.arange(DAY - 5, DAY)).trader) == 0


def test_the_order_of_rows_and_the_company_do_not_matter():
    tape = random_rows()
    # Closed in the same moment, with amounts whose float sum depends on their order.
    for number, row in enumerate(tape[1]):
        row["closed_ms"] = float(int(row["closed_ms"]))
        row["net_pnl"] = 10.0 ** (number % 17) / 3
    rng = np.random.default_rng(1)
    whole = as_of(panel_of(*tape), DAY + 60)
    chosen = {"0x007", "0x021"}
    few = [[r for r in rows if r["user_address"] in chosen] for rows in tape]
    for rows in few:
        rng.shuffle(rows)
    part = as_of(panel_of(*few), DAY + 60)
    for name, values in part.items():
        np.testing.assert_array_equal(values, whole[name][[7, 21]], err_msg=name)
