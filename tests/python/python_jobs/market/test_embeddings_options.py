"""Settings of embeddings: the version that follows from them, and what is refused."""

from __future__ import annotations

from datetime import date

import pytest

from python_jobs.lib.market.options import EmbeddingOptions


def settings_of(**changes: object) -> dict[str, object]:
    return {
        "embedding_window": "300",
        "embedding_step": "60",
        "embedding_dimensions": 64,
        "embedding_horizons": ["60", "3600"],
        "embedding_training_range": None,
        "embedding_training_days": 7,
        "large_trade_btc": 1,
    } | changes


def options_of(**changes: object) -> EmbeddingOptions:
    given = settings_of(**changes)
    return EmbeddingOptions.from_config(
        given, lambda texts: [float(text) for text in texts]
    )


def test_the_version_follows_what_a_vector_depends_on() -> None:
    base = options_of().version
    assert base == options_of().version
    assert base.startswith("first_7_days-")
    assert base == options_of(embedding_horizons=["900"]).version
    ranged = {"name": "winter", "from": date(2025, 1, 1), "to": "2025-02-01T00:00:00Z"}
    others = [
        options_of(embedding_window="600").version,
        options_of(embedding_step="120").version,
        options_of(embedding_dimensions=32).version,
        options_of(embedding_training_days=3).version,
        options_of(large_trade_btc=2).version,
        options_of(embedding_training_range=ranged).version,
        options_of(embedding_training_range=ranged | {"to": "2025-03-01"}).version,
    ]
    assert len({base, *others}) == len(others) + 1
    assert others[-1].startswith("winter-")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embedding_step": "7"}, "embedding_step of 7 seconds does not divide a day"),
        ({"embedding_window": "0.5"}, "embedding_window: '0.5' is not a whole number"),
        ({"embedding_window": "90000"}, "embedding_window is 90000 seconds"),
        ({"embedding_dimensions": 15}, "embedding_dimensions is 15; .* 16 to 614"),
        ({"embedding_horizons": []}, "embedding_horizons is empty"),
        ({"embedding_training_days": 0}, "embedding_training_days is 0"),
        ({"embedding_training_range": {"name": "x"}}, "has no from, to"),
        (
            {"embedding_training_range": {"name": "x", "from": "soon", "to": "later"}},
            "from is 'soon', no ISO 8601 time",
        ),
        (
            {
                "embedding_training_range": dict.fromkeys(
                    ("name", "from", "to"), "2025-01-01"
                )
            },
            "from is not before to",
        ),
    ],
)
def test_settings_that_make_no_sense_are_named(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        options_of(**changes)
