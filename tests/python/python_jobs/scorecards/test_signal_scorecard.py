"""The scorecard of signals: planted skill is found, luck is not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from headlines.scorecards import signal_in_words, signal_lines, signal_meaning
from python_jobs.lib.scorecards.signal_reading import Observed
from python_jobs.lib.scorecards.signal_scorecard import Row, scorecard, shuffle
from python_jobs.lib.scorecards.signal_scores import (
    intervals,
    rank_correlations,
    score,
    traded,
)
from python_jobs.lib.scorecards.signal_shuffles import (
    Grid,
    Market,
    Spans,
    assignments,
    grouped,
    shuffled_p,
    trailing_z,
)
from report.sections import signal_scores

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FIRST = 24 * 20_000
LEAD = 6
HORIZONS = (1, 6, 24)


@dataclass(frozen=True)
class Planted:
    """A market, and prices by hour: ``prices[k]`` is that of the hour's beginning."""

    market: Market
    prices: Floats

    def observed(self, assigned: Ints | None = None) -> Observed:
        """What the tables would hold, for an assignment of memberships."""
        market = self.market
        traders = int(market.positions.trader.max()) + 1
        signals = market.signals(np.arange(traders) if assigned is None else assigned)
        return Observed(
            (market.daily, market.hourly),
            signals,
            {
                horizon: tuple(
                    forward(self.prices, grid, horizon)
                    for grid in (market.daily, market.hourly)
                )  # type: ignore[misc]
                for horizon in HORIZONS
            },
        )


def forward(prices: Floats, grid: Grid, horizon: int) -> Floats:
    """Log returns from each moment on; NaN beyond the data."""
    padded = np.vstack([prices, np.full((horizon, prices.shape[1]), np.nan)])
    at = grid.first - FIRST + grid.step * np.arange(grid.moments)
    return np.asarray(np.log(padded[at + horizon] / padded[at]))


def plant(days: int, coins: int, skilled: int, others: int, seed: int) -> Planted:
    """Make traders who each hour take a side in a coin, and hold it for six hours.

    News of a coin moves its price six hours later. Those who are skilled take the side
    of the news; the others take any. Members are as many as the skilled, the first.
    """
    rng = np.random.default_rng(seed)
    hours = 24 * days
    news = rng.normal(size=(hours, coins))
    moves = 0.01 * rng.normal(size=(hours, coins))
    moves[LEAD:] += 0.01 * news[:-LEAD]
    # A price at the beginning of each hour, the first one included.
    prices = 100 * np.exp(np.vstack([np.zeros((1, coins)), moves.cumsum(axis=0)]))
    traders = skilled + others
    hour = np.tile(np.arange(hours), traders)
    trader = np.repeat(np.arange(traders), hours)
    coin = rng.integers(0, coins, hour.size)
    side = rng.choice([-1.0, 1.0], hour.size)
    side = np.where(trader < skilled, np.sign(news[hour, coin]), side)
    size = side * rng.lognormal(size=hour.size)
    start = FIRST + hour + 1
    positions = Spans(trader, start, start + LEAD, coin, size)
    # What was opened, and what is closed six hours later.
    usd = size * prices[hour, coin]
    kept = hour + LEAD < hours
    flows = _by_hour(
        np.concatenate([trader, trader[kept]]),
        np.concatenate([hour, hour[kept] + LEAD]),
        np.concatenate([coin, coin[kept]]),
        np.concatenate([usd, -usd[kept]]),
    )
    daily = Grid(FIRST + 24, 24, days - 1, coins)
    hourly = Grid(FIRST + 1, 1, hours, coins)
    day_flows = replace(
        flows,
        start=(flows.start - 1) // 24 * 24 + 24,
        end=(flows.start - 1) // 24 * 24 + 48,
    )
    everyone = np.arange(max(skilled, 8))
    members = Spans(
        everyone,
        np.full(everyone.size, FIRST + 24),
        np.full(everyone.size, FIRST + hours),
        np.zeros(everyone.size, np.int64),
        np.ones(everyone.size),
    )
    last = np.arange(traders - everyone.size, traders)
    at = 24 + 24 * np.arange(daily.moments)
    return Planted(
        Market(
            daily,
            hourly,
            positions,
            day_flows,
            flows,
            {
                "smart": members,
                "winner": members,
                "loser": replace(members, trader=last),
                "hourly": members,
            },
            prices[at],
            prices[at - 24],
            prices[1:],
            10,
            3,
            FIRST + 24 * 7,
        ),
        prices,
    )


def _by_hour(trader: Ints, hour: Ints, coin: Ints, usd: Floats) -> Spans:
    """Add up what a trader trades of a coin in an hour."""
    keys, place = np.unique(np.stack([trader, hour, coin]), axis=1, return_inverse=True)
    start = FIRST + keys[1] + 1
    return Spans(keys[0], start, start + 1, keys[2], np.bincount(place.ravel(), usd))


@pytest.fixture(scope="module")
def skilled() -> list[Row]:
    """Rows of a market in which six of sixty traders know the next hours."""
    return rows_of(plant(days=24, coins=10, skilled=6, others=54, seed=1), 60)


def rows_of(planted: Planted, count: int = 200) -> list[Row]:
    observed = planted.observed()
    traders = int(planted.market.positions.trader.max()) + 1
    shuffled = shuffle(
        observed, planted.market, np.zeros(traders, np.int64), count, 1000
    )
    return scorecard(observed, shuffled, 5.0)


def test_planted_skill_is_found_and_the_right_signal_comes_first(
    skilled: list[Row],
) -> None:
    """What skilled traders hold moves within six hours; what they sell has moved."""
    rows = skilled
    hourly = [row for row in rows if row["signal"].startswith("smart_money_hourly.")]
    assert len(hourly) == 4 * len(HORIZONS)
    best = max(rows, key=lambda row: row["ic_low"] or -1)
    assert (best["signal"], best["horizon_hours"]) == (
        "smart_money_hourly.smart_net_usd",
        LEAD,
    )
    assert 0 < best["ic_low"] < best["ic"] < best["ic_high"]
    assert best["hit_rate_low"] > best["base_rate"]
    assert best["net_return_low"] > 0
    assert best["q_value"] < 0.05
    assert abs(best["shuffled_ic"]) < best["ic"] / 4
    flow = {
        row["horizon_hours"]: row
        for row in rows
        if row["signal"] == "smart_money_hourly.net_flow_usd"
    }
    # News of this hour moves nothing in the next one.
    assert flow[6]["ic_low"] > 0
    assert flow[1]["ic"] < flow[6]["ic"] / 2


def correlation(market: Market, assigned: Ints, returns: Floats) -> float:
    """Return the mean rank correlation of the hourly net position."""
    held = grouped(market.positions, market.members["hourly"], assigned, market.hourly)
    share = np.where(held.gross > 0, held.net / held.gross.clip(1e-9), np.nan)
    return float(np.nanmean(rank_correlations(share, returns)[0]))


def test_luck_is_significant_as_often_as_said() -> None:
    """1,000 memberships of random traders, 40 in each of 25 markets without skill.

    Of 1,000 independent ones, 5 % ± 2.1 % (three standard errors of a binomial) would
    be significant at 5 %.
    """
    p_values = []
    for seed in range(25):
        planted = plant(days=4, coins=8, skilled=0, others=60, seed=seed)
        returns = forward(planted.prices, planted.market.hourly, LEAD)
        drawn = assignments(np.zeros(60, np.int64), 240, seed)
        found = np.array(
            [[correlation(planted.market, assigned, returns)] for assigned in drawn]
        )
        p_values += [shuffled_p(each, found[40:])[0] for each in found[:40]]
    assert len(p_values) == 1000
    share = np.mean(np.array(p_values) < 0.05)
    assert 0.02 < share < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)


def test_intervals_hold_what_is_true_when_returns_overlap() -> None:
    """Without skill, about 5 % of intervals leave zero out: 9.6 % at most of 200."""
    outside = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        hours = 0.01 * rng.normal(size=(300, 8))
        sums = np.vstack([np.zeros((1, 8)), hours.cumsum(axis=0)])
        signal = stats.norm.rvs(size=(240, 8), random_state=rng)
        # Signals last, as positions do.
        signal = np.apply_along_axis(np.convolve, 0, signal, np.ones(6))[:240]
        ic, _ = rank_correlations(signal, sums[LEAD : LEAD + 240] - sums[:240])
        [found], is_enough = intervals(ic[:, None], np.ones((240, 1)), 3 * LEAD, 200)
        assert is_enough
        assert found.low is not None
        assert found.high is not None
        outside += not found.low <= 0 <= found.high
    assert outside <= 200 * (0.05 + 3 * np.sqrt(0.05 * 0.95 / 200))


def test_correlations_are_those_of_scipy() -> None:
    rng = np.random.default_rng(3)
    signal, returns = rng.normal(size=(2, 50, 9)).round(1)
    signal[rng.random((50, 9)) < 0.2] = np.nan
    ic, weights = rank_correlations(signal, returns)
    for row in range(50):
        known = ~np.isnan(signal[row])
        if known.sum() < 5:
            assert np.isnan(ic[row])
            continue
        expected = stats.spearmanr(signal[row, known], returns[row, known]).statistic
        assert ic[row] == pytest.approx(expected)
        assert np.abs(weights[row]).sum() == pytest.approx(1)
        assert weights[row].sum() == pytest.approx(0)
        assert not weights[row, ~known].any()


def test_what_is_traded_is_the_difference_to_the_portfolio_before() -> None:
    weights = np.array([[0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [0, 0], [0.5, -0.5]])
    assert traded(weights, 1)[1:3].tolist() == [0, 2]
    assert np.isnan(traded(weights, 1)[[0, 3, 4]]).all()
    assert traded(weights, 2)[2] == 2
    # Closed before the next one: all of it twice.
    closed = traded(weights, 0)
    assert closed[[0, 1, 2, 4]].tolist() == [2, 2, 2, 2]
    assert np.isnan(traded(weights, 9)).all()


def test_cost_is_taken_off_what_is_traded() -> None:
    rng = np.random.default_rng(4)
    signal, returns = rng.normal(size=(2, 60, 6))
    free = score(signal, 0.01 * returns, 24, 24, 0.0)
    paid = score(signal, 0.01 * returns, 24, 24, 10.0)
    assert free.net_return.value is not None
    assert paid.net_return.value is not None
    assert paid.turnover is not None
    assert free.net_return.value - paid.net_return.value == pytest.approx(
        10e-4 * paid.turnover
    )


def test_what_cannot_be_said_has_its_reason() -> None:
    rng = np.random.default_rng(5)
    signal, returns = rng.normal(size=(2, 60, 4))
    few = score(signal, returns, 1, 1, 5.0)
    assert (few.moments, few.ic.value, few.turnover) == (0, None, None)
    assert few.hit_rate.low is not None
    assert few.note is not None
    assert "at no time do 5 coins have both" in few.note
    nothing = score(np.full((60, 4), np.nan), returns, 1, 1, 5.0)
    assert nothing.note == "no coin has both this signal and a return"
    assert nothing.base_rate is None
    signal, returns = rng.normal(size=(2, 60, 8))
    short = score(signal, returns, 24, 1, 5.0)
    assert short.ic.value is not None
    assert short.ic.low is None
    assert "10 blocks of three times the horizon" in (short.note or "")


def test_sums_of_spans_are_those_of_a_loop() -> None:
    """Members change, positions overlap, the group is another one."""
    rng = np.random.default_rng(6)
    grid = Grid(100, 3, 12, 4)

    def spans(count: int, traders: int) -> Spans:
        start = rng.integers(80, 140, count)
        return Spans(
            np.sort(rng.integers(0, traders, count)),
            start,
            start + rng.integers(1, 30, count),
            rng.integers(0, 4, count),
            rng.normal(size=count),
        )

    held, members = spans(80, 10), spans(12, 10)
    [assigned] = assignments(np.repeat([0, 1], 5), 1)
    assert sorted(assigned[:5]) == [0, 1, 2, 3, 4]
    found = grouped(held, members, assigned, grid)
    net, heads = np.zeros((2, 12, 4))
    for moment in range(12):
        hour = 100 + 3 * moment
        for member in range(12):
            if not members.start[member] <= hour < members.end[member]:
                continue
            for place in np.flatnonzero(
                held.trader == assigned[members.trader[member]]
            ):
                if held.start[place] <= hour < held.end[place]:
                    net[moment, held.coin[place]] += held.value[place]
                    heads[moment, held.coin[place]] += 1
    assert np.allclose(found.net, net)
    assert np.array_equal(found.trader_count, heads)
    assert heads.any()


def test_z_scores_look_back_only() -> None:
    rng = np.random.default_rng(7)
    values = rng.normal(size=(40, 2))
    values[5:8, 0] = np.nan
    found = trailing_z(values, 10, 4)
    past = values[10:20, 0]
    assert found[20, 0] == pytest.approx(
        (values[20, 0] - past.mean()) / past.std(ddof=1)
    )
    assert np.isnan(found[[0, 1, 2, 3, 5], 0]).all()
    changed = values.copy()
    changed[30:] += 9
    assert np.allclose(trailing_z(changed, 10, 4)[:30], found[:30], equal_nan=True)
    assert np.isnan(trailing_z(np.ones((20, 1)), 10, 4)).all()


def test_changing_the_future_changes_no_signal_of_the_past() -> None:
    """Positions, flows and prices after a moment are none of its business."""
    planted = plant(days=8, coins=5, skilled=4, others=20, seed=8)
    market, cut = planted.market, FIRST + 24 * 5

    def turned(spans: Spans) -> Spans:
        sign = np.where(spans.start > cut, -1, 1)
        return replace(spans, value=spans.value * sign)

    hours = np.arange(market.hour_prices.shape[0])[:, None] + FIRST + 1
    changed = replace(
        market,
        positions=turned(market.positions),
        hour_flows=turned(market.hour_flows),
        day_flows=turned(market.day_flows),
        hour_prices=market.hour_prices * np.where(hours > cut, 2, 1),
    )
    assigned = np.arange(24)
    before, after = market.signals(assigned), changed.signals(assigned)
    for name in before:
        grid = market.hourly if name.startswith("smart_money") else market.daily
        kept = (cut - grid.first) // grid.step + 1
        # Sums of z-scores are scaled by the largest value: rounding.
        assert np.allclose(
            before[name][:kept], after[name][:kept], rtol=1e-9, equal_nan=True
        )
    assert not np.array_equal(
        before["smart_money_hourly.smart_net_usd"],
        after["smart_money_hourly.smart_net_usd"],
        equal_nan=True,
    )


def test_what_was_found_is_said_in_words(skilled: list[Row]) -> None:
    text = "\n".join(signal_lines(skilled))
    position = next(
        line for line in text.splitlines() if "net position, hourly" in line
    )
    best = next(
        row
        for row in skilled
        if (row["meaning"], row["horizon_hours"]) == ("net position, hourly", LEAD)
    )
    assert "better than shuffled traders: " in position
    assert f"next 6 h {best['ic']:.2f} ({best['ic_low']:.2f} to " in position
    assert "% a trade after cost (" in position
    said = signal_meaning(skilled)
    assert "most clearly net position, hourly for the next 6 h" in said
    none = [{**row, "q_value": 0.6} for row in skilled]
    assert signal_meaning(none) == (
        f"none of {len(skilled)} comparisons is better than shuffled traders."
    )
    [one] = [row for row in none if row is not best and row["ic"] == best["ic"]]
    assert signal_in_words([one]).startswith(
        "no better than shuffled traders (q 0.60 and more): next 6 h"
    )
    # Two sources of doubt, and both directions.
    unsure = {**best, "ic_low": -0.01, "q_value": 0.01}
    assert "perhaps by chance of these days" in signal_in_words([unsure])
    ends = {"ic": -0.2, "ic_low": -0.3, "ic_high": -0.1}
    reverse = {**best, **ends, "q_value": 0.01}
    assert signal_meaning([reverse]) == (
        "none of 1 comparisons is better than shuffled traders. The other way round: 1."
    )
    # Shuffled traders do better still, and that is sure.
    weaker = {**best, "shuffled_ic": best["ic"] + 0.1, "q_value": 0.01}
    assert "but weaker" in signal_in_words([weaker])
    contrary = signal_in_words([reverse])
    assert contrary.startswith("the other way round, more than shuffled traders: next")
    assert "−0.20 (−0.30 to −0.10)" in contrary
    few = {**best, "ic": None, "q_value": None, "note": "too few coins"}
    assert signal_in_words([few]) == "next 6 h: too few coins"
    assert "Too little to say" in "\n".join(signal_lines([few]))


def test_the_page_draws_each_signal_with_its_interval(skilled: list[Row]) -> None:
    made = signal_scores.section(skilled)
    [chart] = made.charts()
    assert [view.label for view in chart.views] == ["1 h", "6 h", "1 d"]
    for view, horizon in zip(chart.views, HORIZONS, strict=True):
        rows = [row for row in skilled if row["horizon_hours"] == horizon]
        drawn = {}
        for dots in view.figure["data"]:
            error = dots["error_x"]
            for x, y, above, below in zip(
                *(dots["x"], dots["y"], error["array"], error["arrayminus"]),
                strict=True,
            ):
                drawn[y] = (x, x - below, x + above)
        expected = [
            (row["ic"], row["ic_low"], row["ic_high"])
            if row["ic_low"] is not None
            else (row["ic"],) * 3
            for row in rows
        ]
        assert [drawn[y] for y in range(len(rows))] == [
            pytest.approx(each) for each in expected
        ]
    few = [{**row, "ic": None, "q_value": None} for row in skilled]
    assert signal_scores.section(few).charts() == []
    assert signal_scores.section(few).lead == ["Too little data to say."]
