"""The list of signals that the scorecard evaluates.

A signal is defined in three places that change together: its SQL model, here, and
`signal_shuffles.Market`, which computes it for shuffled members.
"""

from __future__ import annotations

from dataclasses import dataclass

_GROSS = "(smart_long_usd + smart_short_usd)"
_SHARE = "smart_net_usd / nullif(smart_long_usd + smart_short_usd, 0)"


def _scaled(column: str) -> str:
    """Scale an amount by what is held, so that it does not rank coins by their size."""
    return f"{column} / nullif({_GROSS} + abs({column}), 0)"


@dataclass(frozen=True)
class Signal:
    """A column that might predict returns.

    Attributes
    ----------
    column : str
        Of the table.
    meaning : str
        In words, of smart money.
    formula : str
        The evaluated value, as SQL over the table; positive predicts a rising price.
    """

    column: str
    meaning: str
    formula: str


DAILY = (
    Signal("smart_net_usd", "net position, daily", _SHARE),
    Signal("net_z_score", "z-score of position, daily", "net_z_score"),
    Signal("net_flow_24h_usd", "net buying of the day", _scaled("net_flow_24h_usd")),
    Signal("net_flow_7d_usd", "net buying of seven days", _scaled("net_flow_7d_usd")),
    Signal(
        "net_change_24h_usd", "change of position, daily", _scaled("net_change_24h_usd")
    ),
    Signal(
        "winners_minus_losers", "winners less losers, daily", "winners_minus_losers"
    ),
    Signal("agreement", "agreement, daily", "sign(smart_net_usd) * agreement"),
)

HOURLY = (
    Signal("smart_net_usd", "net position, hourly", _SHARE),
    Signal("net_z_score", "z-score of position, hourly", "net_z_score"),
    Signal("net_flow_usd", "net buying of the hour", _scaled("net_flow_usd")),
    Signal(
        "buyer_count",
        "buyers less sellers, hourly",
        "(buyer_count - seller_count)::numeric / nullif(buyer_count + seller_count, 0)",
    ),
)
