"""What people are told about a scorecard: in words, and on the page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from made_up_windows import SETTINGS, TRAINING, made_up

from headlines.scorecards import (
    BASELINES,
    direction,
    in_words,
    meaning,
    search_lines,
    verdict,
)
from python_jobs.lib.scorecards.forecast_skill import with_q_values
from python_jobs.lib.scorecards.search_scores import scorecard
from report.sections import forecasts


def rows(venue: str, skill: float, days: int = 12) -> list[dict[str, Any]]:
    history = made_up(days, skill)
    made = scorecard(history, SETTINGS, int(history.starts[0]) + TRAINING)
    return [
        {
            **row,
            "exchange": venue,
            "seconds": float(SETTINGS.horizons[row["horizon"]]),
        }
        for row in with_q_values(list(made))
    ]


@pytest.fixture(scope="module")
def planted() -> list[dict[str, Any]]:
    return rows("binance_spot", 1.0)


def test_planted_skill_is_told_with_its_interval(planted: list[dict[str, Any]]) -> None:
    text = "\n".join(search_lines(planted))
    assert "binance_spot: 200 windows, 2025-01-05 to 2025-01-13" in text
    assert meaning(planted) == (
        "better than every baseline: volatility at every horizon, return at every "
        "horizon; direction better than chance: at every horizon."
    )
    first = next(row for row in planted if row["target"] == "volatility")
    skill, low, high = (
        round(100 * first[k]) for k in ("skill", "skill_low", "skill_high")
    )
    assert in_words([first]) == (
        f"better than random windows of the same hour by {skill}% ({low} to {high})"
    )
    assert "no clear difference" not in text
    assert re.search(r"direction, 1 hour: better than chance, right in \d+% \(", text)


def test_luck_is_told_as_no_clear_difference() -> None:
    found = rows("binance_spot", 0.0)
    text = "\n".join(search_lines(found))
    assert "better than every baseline: volatility at no horizon, return at no" in text
    assert text.count("no better than chance, right in") == 2
    assert "no clear difference from random windows of the same hour (" in text
    worse = {**found[0], "skill": -0.2, "skill_low": -0.3, "skill_high": -0.1}
    assert verdict({**worse, "q_value": 0.01}) == -1
    assert in_words([{**worse, "q_value": 0.01}]) == (
        "worse than random windows of the same hour by 20% (−30 to −10)"
    )
    assert verdict({**worse, "q_value": 0.05}) == 0


def test_too_few_windows_are_said_to_be() -> None:
    few = rows("coinbase", 1.0, days=4)
    text = " ".join(search_lines(few))
    assert "coinbase: 23 windows" in text
    assert "That is too few to say. Load more days" in text
    assert direction(few[0]) == "too few windows to say"
    assert in_words(few[:1]) == (
        "too few windows to compare with random windows of the same hour"
    )
    assert "No venue has windows to evaluate" in " ".join(search_lines([]))


def test_the_page_shows_one_venue_and_speaks_of_all(
    planted: list[dict[str, Any]],
) -> None:
    few = rows("coinbase", 1.0, days=4)
    section = forecasts.section([*planted, *few], "binance_spot")
    assert section.lead[0].startswith(
        "binance_spot, 200 past windows: better than every"
    )
    assert section.lead[1] == "coinbase, 23 past windows: too few to say."
    skill, places = section.charts()
    assert [view.label for view in skill.views] == ["Volatility", "Return"]
    for view, target in zip(skill.views, ("volatility", "log_return"), strict=True):
        assert len(view.figure["data"]) == len(BASELINES)
        for trace, baseline in zip(view.figure["data"], BASELINES, strict=True):
            chosen = [
                row
                for row in planted
                if (row["target"], row["baseline"]) == (target, baseline)
            ]
            assert trace["y"] == [row["skill"] for row in chosen]
            tops = zip(trace["y"], trace["error_y"]["array"], strict=True)
            assert [sum(each) for each in tops] == pytest.approx(
                [row["skill_high"] for row in chosen]
            )
    assert skill.table is not None
    assert len(skill.table.rows) == len(planted)
    assert [view.label for view in places.views] == ["5 min", "1 h"]
    for view in places.views:
        for trace in view.figure["data"]:
            assert sum(trace["y"]) == pytest.approx(1)
    # Where no venue has enough, sentences stay.
    alone = forecasts.section(few, "binance_spot")
    assert alone.charts() == []
    assert alone.lead == [section.lead[1]]
