"""The guard's compile-time errors, rendered by dbt without a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from rendering import render

DAY = 86_400_000_000
POLICY = (
    "guard_refresh_policy('analytics.day', 'raw.ticks', {start}, {end}, {drop},"
    " {bucket})"
)


def policy(start: str, drop: str, end: str = "'1 hour'", bucket: str = "1 day") -> str:
    return POLICY.format(start=start, end=end, drop=drop, bucket=f"'{bucket}'")


ACCEPTED = {
    policy("none", "none"): "None",
    policy("'7 days'", "none"): "7 days",
    policy("none", "'90 days'"): "89 days",
    policy("'89 days'", "'90 days'"): "89 days",
    policy("none", "'90 days'", bucket="1 minute"): "129599 minutes",
    policy("none", "'3 months'"): "83 days",
    policy("none", "'90 days'", end="none"): "89 days",
    "interval_bounds('1 month 1 day')": f"({29 * DAY}, {32 * DAY})",
    "human_interval(5400000000)": "90 minutes",
    # Proposals are round.
    "round_interval(5400000000)": "90 minutes",
    "round_interval(172799900000)": "47 hours",
    "round_interval(60400000, up=true)": "61 seconds",
    "round_interval(7775940000000, up=true)": "90 days",
    "mark_time('time', 'ms')": (
        "timestamptz '1970-01-01 00:00:00+00'"
        " + (time) * interval '1 microsecond' * 1000"
    ),
    "clip_ranges([('1', '2')], none, '1 day', 'ms')": "[('1', '2')]",
}

REFUSED = {
    policy("'90 days'", "'90 days'"): (
        "analytics.day",
        "raw.ticks",
        "90 days (start_offset)",
        "90 days (retention)",
        "at most 89 days",
    ),
    policy("'3 months'", "'90 days'"): ("3 months (start_offset)", "at most 89 days"),
    policy("none", "'3 days'", end="'2 days'"): (
        "2 days ago (end_offset)",
        "after 3 days (retention)",
        "at least 6 days",
    ),
    policy("'3 days'", "'2 days'", bucket="100 milliseconds"): (
        "after 2 days (retention)",
        "at most 47 hours",
        "at least 73 hours",
    ),
    policy("none", "'90 seconds'", end="'2 minutes'", bucket="100 milliseconds"): (
        "after 90 seconds (retention)",
        "at least 121 seconds",
    ),
    policy("none", "'a while'"): ("'a while'",),
    "guarded_table('raw.nothing')": ("raw.nothing", "schema.name"),
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("guard")
    accepted = [(jinja, "apache") for jinja in ACCEPTED]
    refused = [(jinja, "apache") for jinja in REFUSED]
    found = render(folder, [*accepted, *refused], set(accepted))
    return {jinja: text for (jinja, _), text in found.items()}


@pytest.mark.parametrize("jinja", ACCEPTED)
def test_accepted(rendered: dict[str, str], jinja: str) -> None:
    assert rendered[jinja] == ACCEPTED[jinja]


@pytest.mark.parametrize("jinja", REFUSED)
def test_refusals_name_model_numbers_and_fix(
    rendered: dict[str, str], jinja: str
) -> None:
    for part in REFUSED[jinja]:
        assert part in rendered[jinja]
