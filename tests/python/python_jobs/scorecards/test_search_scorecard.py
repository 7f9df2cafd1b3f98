"""The scorecard's numbers: planted skill is found, luck is not, no future is used."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from btc_candles import HOUR, MIDNIGHT, OPTIONS, random_candles
from made_up_windows import SETTINGS, STEP, TRAINING, WIDTH, made_up
from scipy.stats import binom, kstest

from python_jobs.lib.market.grid import SECONDS_PER_DAY, SecondGrid
from python_jobs.lib.market.labels import forward_labels
from python_jobs.lib.market.vectors import Scales, embed, training_features
from python_jobs.lib.scorecards.forecast_skill import (
    calibration,
    compare,
    diebold_mariano,
    ensemble_scores,
    hit_rate,
    q_values,
    with_q_values,
)
from python_jobs.lib.scorecards.search_members import (
    nearest,
    nearest_paths,
    same_hours,
    spaced,
)
from python_jobs.lib.scorecards.search_scores import (
    BASELINES,
    TARGETS,
    History,
    Settings,
    Walk,
    score_windows,
    scorecard,
)


def walk_over(history: History) -> Walk:
    return Walk.over(history, SETTINGS, int(history.starts[0]) + TRAINING)


# The score.


def test_the_score_does_not_depend_on_the_size_of_the_sample() -> None:
    random = np.random.default_rng(0)
    members, observed = random.normal(size=(50, 7)), random.normal(size=50)
    crps, pit = ensemble_scores(members, observed, np.full(50, 0.5))
    for row, outcome, score, place in zip(members, observed, crps, pit, strict=True):
        apart = np.abs(row[:, None] - row).sum() / (7 * 6)
        assert score == pytest.approx(np.abs(row - outcome).mean() - apart / 2)
        assert place == pytest.approx(((row < outcome).sum() + 0.5) / 8)
    # Ten or a hundred draws of the same distribution score alike on average.
    truth = random.normal(size=40_000)
    few, many = (
        ensemble_scores(random.normal(size=(truth.size, m)), truth, truth * 0)[0].mean()
        for m in (10, 100)
    )
    assert few == pytest.approx(many, abs=0.01)


def test_what_is_not_known_is_not_scored() -> None:
    members = np.array(
        [[1.0, np.nan, 3.0, 2.0, 5.0, 4.0], [1, 2, 3, 4, np.nan, np.nan]]
    )
    crps, pit = ensemble_scores(members, np.array([2.5, 2.5]), np.zeros(2))
    known, _ = ensemble_scores(np.arange(1.0, 6)[None], np.array([2.5]), np.zeros(1))
    assert crps[0] == known[0]
    assert np.isnan([crps[1], pit[1]]).all()
    unknown, _ = ensemble_scores(members, np.full(2, np.nan), np.zeros(2))
    assert np.isnan(unknown).all()


def test_places_in_a_calibrated_forecast_are_uniform() -> None:
    random = np.random.default_rng(2)
    # Rounded, so that there are ties.
    members, observed = (
        random.normal(size=(2000, 10)).round(1),
        random.normal(size=2000),
    )
    _, pit = ensemble_scores(members, observed.round(1), random.random(2000))
    assert kstest(pit, "uniform").pvalue > 0.01
    calibrated = calibration(pit)
    narrow = calibration(ensemble_scores(members / 3, observed, random.random(2000))[1])
    assert calibrated is not None
    assert narrow is not None
    assert sum(calibrated[0]) == pytest.approx(1)
    assert calibrated[1] > 0.01
    assert narrow[1] < 1e-6
    # Outcomes of a forecast that is too narrow lie at its ends.
    assert min(narrow[0][0], narrow[0][9]) > 0.2
    assert calibration(pit[:29]) is None


# The statistics.


def test_the_better_forecast_has_positive_skill_and_statistic() -> None:
    random = np.random.default_rng(3)
    baseline = random.exponential(size=300) + 1
    better = compare(0.9 * baseline + 0.01 * random.normal(size=300), baseline)
    worse = compare(1.1 * baseline + 0.01 * random.normal(size=300), baseline)
    assert better.skill == pytest.approx(0.1, abs=0.01)
    assert better.skill_low is not None
    assert better.statistic is not None
    assert better.p_value is not None
    assert 0 < better.skill_low < better.skill  # type: ignore[operator]
    assert better.statistic > 0
    assert worse.skill == pytest.approx(-0.1, abs=0.01)
    # Two-sided: a worse forecast is as significant as a better one.
    assert worse.p_value is not None
    assert max(better.p_value, worse.p_value) < 1e-6
    assert diebold_mariano(baseline, baseline) == (0.0, 1.0)
    statistic, p_value = diebold_mariano(baseline, baseline[::-1].copy())
    assert diebold_mariano(baseline[::-1].copy(), baseline) == (
        pytest.approx(-statistic),
        pytest.approx(p_value),
    )


def test_windows_without_both_scores_are_left_out_and_few_say_nothing() -> None:
    own, other = np.full(40, 1.0), np.full(40, 2.0)
    own[:5], other[3:10] = np.nan, np.nan
    found = compare(own, other)
    assert (found.windows, found.crps, found.baseline_crps) == (30, 1.0, 2.0)
    assert found.skill == 0.5
    few = compare(own[:39], other[:39])
    assert (few.windows, few.crps) == (29, 1.0)
    assert few.skill is None
    assert few.p_value is None
    assert compare(own[:3], other[:3]).crps is None


def test_q_values_are_benjamini_and_hochbergs() -> None:
    # By hand: p · m / rank from below, never above the next one.
    assert q_values([0.01, 0.04, np.nan, 0.03, 0.5]) == pytest.approx(
        [0.04, 0.16 / 3, np.nan, 0.16 / 3, 0.5], nan_ok=True
    )
    assert np.isnan(q_values([np.nan])).all()


def test_the_hit_rate_stands_beside_the_commoner_sign() -> None:
    observed = np.r_[np.ones(60), -np.ones(40), np.nan, 0.0]
    forecast = np.r_[np.ones(45), -np.ones(15), -np.ones(25), np.ones(17)]
    found = hit_rate(forecast, observed)
    assert found is not None
    assert (found.windows, found.rate, found.base_rate) == (100, 0.7, 0.6)
    # Wilson's interval, from a table.
    assert (found.low, found.high) == pytest.approx((0.604, 0.781), abs=0.001)
    assert hit_rate(forecast[:29], observed[:29]) is None


# Who forecasts.


def test_query_windows_share_no_outcome() -> None:
    starts = np.array([0, 60, 120, 3900, 3960, 9000, 9060])
    assert starts[spaced(starts, 3900)].tolist() == [0, 3900, 9000]
    history = made_up(6, 0)
    walk = walk_over(history)
    begin = history.starts[walk.queries]
    assert np.diff(begin).min() >= WIDTH + HOUR
    assert begin[0] >= history.starts[0] + TRAINING


def test_neighbours_are_the_nearest_that_lie_apart() -> None:
    history = made_up(4, 0)
    walk = walk_over(history)
    starts = history.starts
    vectors = history.vectors.astype(np.float64)
    for query, found in list(zip(walk.queries, walk.members["similar"], strict=True))[
        :5
    ]:
        distance = 1 - vectors @ vectors[query]
        taken: list[int] = []
        for each in np.argsort(distance, kind="stable"):
            is_over = starts[each] + WIDTH <= starts[query]
            if is_over and all(abs(starts[each] - starts[t]) >= WIDTH for t in taken):
                taken.append(int(each))
        assert found.tolist() == taken[:10]
    for query, found in list(
        zip(walk.queries, walk.members["price_path"], strict=True)
    )[:5]:
        apart = np.linalg.norm(history.paths - history.paths[query], axis=1)
        earlier = np.flatnonzero(starts + WIDTH <= starts[query])
        assert found[0] == earlier[np.argmin(apart[earlier])]
        assert all(np.diff(np.sort(starts[found])) >= WIDTH)


def test_where_there_are_few_windows_neighbours_are_missing() -> None:
    starts = np.arange(4) * 300
    queries = np.arange(4)
    vectors = np.eye(4, dtype=np.float32)
    found = nearest(vectors, vectors, starts, queries, 300, 300, 2)
    assert found.tolist() == [[-1, -1], [0, -1], [0, 1], [0, 1]]
    paths = np.array([[0.0], [5.0], [2.0], [4.0]])
    found = nearest_paths(paths, starts, queries, 300, 300, 2)
    assert found.tolist() == [[-1, -1], [0, -1], [0, 1], [1, 2]]


def test_random_windows_are_of_the_same_hour_and_class_an_hour_one() -> None:
    starts = MIDNIGHT + STEP * np.arange(50 * 1440)
    classes = np.random.default_rng(4).integers(0, 3, starts.size)
    queries = np.array([1440 * 10 + 63, 1440 * 45 + 7])
    members, by_week = same_hours(starts, classes, queries, WIDTH)
    assert by_week.tolist() == [False, True]
    hours = starts // HOUR
    for query, chosen, period in zip(queries, members, (24, 168), strict=True):
        chosen = chosen[chosen >= 0]
        assert set(classes[chosen]) == {classes[query]}
        assert set((hours[query] - hours[chosen]) % period) == {0}
        assert len(set(hours[chosen])) == chosen.size
        assert all(starts[chosen] + WIDTH <= starts[query])
    # Ten days before, and what the hour itself has had.
    assert np.sum(members[0] >= 0) in (10, 11)
    assert np.sum(members[1] >= 0) in (6, 7)


# Skill and luck.


@pytest.mark.parametrize("target", TARGETS)
def test_planted_skill_is_found_against_every_baseline(target: str) -> None:
    history = made_up(15, skill=1.0)
    rows = with_q_values(
        list(scorecard(history, SETTINGS, int(history.starts[0]) + TRAINING))
    )
    chosen = [row for row in rows if row["target"] == target]
    assert len(chosen) == 2 * len(BASELINES)
    for row in chosen:
        assert row["window_count"] > 200
        assert row["skill_low"] > 0, row
        assert row["dm_statistic"] > 0
        assert row["q_value"] < 1e-3
        assert row["pit_p_value"] > 1e-3
        if target == "log_return":
            assert row["hit_rate_low"] > row["base_rate"]


def shuffled(outcome: np.ndarray, block: int, seeds: int, seed: int) -> np.ndarray:
    """Surrogates: blocks of an outcome's series in random order, (seeds, n).

    Blocks begin anywhere: query windows, which are a block apart, would else have the
    same outcomes in all of them, in another order.
    """
    random = np.random.default_rng(seed)
    whole = outcome.size // block * block
    made = np.empty((seeds, outcome.size))
    for row in made:
        turned = np.roll(outcome, random.integers(outcome.size))
        blocks = turned[:whole].reshape(-1, block)
        row[:whole] = blocks[random.permutation(len(blocks))].ravel()
        row[whole:] = turned[whole:]
    return made


SEEDS = 1000
#: At 5 %, a thousand seeds have more than this by luck in one run of a hundred (67).
#: Newey and West's variance is a little small at 200 windows: some 5.5 % were measured.
MOST = int(binom.ppf(0.99, SEEDS, 0.05))


def significant(walk: Walk, history: History, target: str) -> dict[str, int]:
    """Count the seeds of which each comparison is significant at 5 %."""
    counts = dict.fromkeys(BASELINES, 0)
    # So many at a time that memory stays small.
    parts = np.array_split(np.arange(SEEDS), 20)
    series = history.outcomes["5 minutes", target]
    for part in parts:
        some = replace(history, outcomes={("5 minutes", target): series[part]})
        crps = score_windows(some, walk, SETTINGS, "5 minutes", target).crps
        for name in BASELINES:
            for own, other in zip(crps["similar"], crps[name], strict=True):
                known = ~np.isnan(own + other)
                counts[name] += diebold_mariano(own[known], other[known])[1] < 0.05
    return counts


def test_outcomes_that_have_nothing_to_do_with_the_windows_have_no_skill() -> None:
    history = made_up(12, skill=1.0)
    # Blocks as long as a window and the longest horizon.
    outcomes = {
        key: shuffled(values, 65, SEEDS, seed=5)
        for key, values in history.outcomes.items()
    }
    surrogate = replace(history, outcomes=outcomes)
    walk = walk_over(history)
    for target in TARGETS:
        found = significant(walk, surrogate, target)
        # Persistence is another distribution, which luck makes no better nor worse.
        del found["persistence"]
        assert max(found.values()) <= MOST, (target, found)


def test_a_random_walk_has_no_skill() -> None:
    history = walked(days=10)
    outcomes = {
        ("5 minutes", target): shuffled(
            history.outcomes["5 minutes", target], 65, SEEDS, seed=6
        )
        for target in TARGETS
    }
    surrogate = replace(history, outcomes=outcomes)
    walk = walk_over(history)
    for target in TARGETS:
        found = significant(walk, surrogate, target)
        del found["persistence"]
        assert max(found.values()) <= MOST, (target, found)


def walked(days: int) -> History:
    """Embed a random walk of prices."""
    reach = OPTIONS.longest
    candles = random_candles(days * SECONDS_PER_DAY + reach, seed=8, activity=0.1)
    grid = SecondGrid.from_candles(candles, MIDNIGHT, days * SECONDS_PER_DAY + reach)
    offsets = np.arange(0, days * SECONDS_PER_DAY, STEP)
    scales = Scales.fit(training_features(grid, offsets[: 3 * 1440], OPTIONS))
    found = embed(grid, offsets, OPTIONS, scales)
    paths, volatility = [], []
    for part in np.array_split(found.offsets, 10):
        log_prices = grid.windows(part, WIDTH).log_prices
        paths.append(log_prices[:, 10::10] - log_prices[:, :1])
        volatility.append(np.sqrt((np.diff(log_prices, axis=1) ** 2).sum(axis=1)))
    known = MIDNIGHT + len(grid)
    labels = {
        (name, target): values
        for name, horizon in SETTINGS.horizons.items()
        for target, values in zip(
            TARGETS,
            forward_labels(grid, found.offsets + WIDTH, horizon, known),
            strict=True,
        )
    }
    return History(
        starts=MIDNIGHT + found.offsets,
        vectors=found.vectors.astype(np.float32),
        paths=np.concatenate(paths),
        volatility=np.concatenate(volatility),
        outcomes=labels,
    )


# No look-ahead.


def scores(history: History) -> dict[tuple[str, str, str], np.ndarray]:
    walk = walk_over(history)
    return {
        (horizon, target, name): values
        for horizon in SETTINGS.horizons
        for target in TARGETS
        for name, values in score_windows(
            history, walk, SETTINGS, horizon, target
        ).crps.items()
    }


def until(history: History, moment: int) -> History:
    """Return what was known at a moment: windows that had ended, outcomes by then."""
    kept = history.starts + WIDTH <= moment
    outcomes = {
        (horizon, target): np.where(
            history.starts + WIDTH + SETTINGS.horizons[horizon] <= moment,
            values,
            np.nan,
        )[kept]
        for (horizon, target), values in history.outcomes.items()
    }
    return History(
        history.starts[kept],
        history.vectors[kept],
        history.paths[kept],
        history.volatility[kept],
        outcomes,
    )


def test_later_data_change_no_earlier_score() -> None:
    history = made_up(11, skill=0.5)
    whole = scores(history)
    cuts = [int(history.starts[0]) + day * SECONDS_PER_DAY + 1234 for day in (8, 9)]
    for before, after in pairwise([*(scores(until(history, c)) for c in cuts), whole]):
        for key, values in before.items():
            known = ~np.isnan(values)
            assert known.sum() > 10
            # To the bit.
            assert (after[key][: values.size][known] == values[known]).all(), key


def test_a_changed_future_changes_no_earlier_forecast() -> None:
    history = made_up(8, skill=0.5)
    moment = int(history.starts[0]) + 6 * SECONDS_PER_DAY
    random = np.random.default_rng(9)
    is_later = history.starts + WIDTH > moment
    outcomes = {}
    for (horizon, target), values in history.outcomes.items():
        is_open = history.starts + WIDTH + SETTINGS.horizons[horizon] > moment
        outcomes[horizon, target] = np.where(is_open, 1.0, values)
    turned = replace(
        history,
        vectors=np.where(
            is_later[:, None], random.permutation(history.vectors), history.vectors
        ),
        paths=np.where(is_later[:, None], 1.0, history.paths),
        volatility=np.where(is_later, 1.0, history.volatility),
        outcomes=outcomes,
    )
    walks = [walk_over(each) for each in (history, turned)]
    ended = history.starts[walks[0].queries] + WIDTH <= moment
    assert ended.sum() > 50
    for name, members in walks[0].members.items():
        both = [m[:, : members.shape[1]] for m in (members, walks[1].members[name])]
        assert (both[0][ended] == both[1][ended]).all(), name
    before, after = scores(history), scores(turned)
    for (horizon, target, name), values in before.items():
        begin = history.starts[walks[0].queries]
        over = begin + WIDTH + SETTINGS.horizons[horizon] <= moment
        same = after[horizon, target, name]
        np.testing.assert_array_equal(same[over], values[over], str((horizon, name)))
        assert (same[~over] != values[~over]).any()


def test_an_outcome_counts_from_when_it_was_over() -> None:
    history = made_up(5, skill=0)
    walk = walk_over(history)
    query = walk.queries[-3]
    # Whoever used an outcome that was not over would see this one.
    too_late = history.starts + HOUR > history.starts[query]
    outcomes = {
        key: np.where(too_late, np.nan, values)
        for key, values in history.outcomes.items()
    }
    for key, values in history.outcomes.items():
        outcomes[key][query] = values[query]
    for target in TARGETS:
        pair = [
            score_windows(each, walk, SETTINGS, "1 hour", target).crps
            for each in (history, replace(history, outcomes=outcomes))
        ]
        for name in pair[0]:
            np.testing.assert_array_equal(pair[0][name][-3], pair[1][name][-3])


def test_fewer_neighbours_than_make_a_distribution_are_refused() -> None:
    with pytest.raises(
        ValueError, match="similar_windows_count is 4: a forecast takes"
    ):
        Settings(STEP, WIDTH, {"1 hour": HOUR}, 4)
