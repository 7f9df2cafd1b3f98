"""The names of a trader's figures; `_profiles__models.yml` says what each one is."""

from python_jobs.lib.profile_panel import CURVE_MEASURES

METRICS = (
    "active_days",
    "calendar_days",
    "fill_count",
    "fills_per_active_day",
    "transfer_share",
    "volume",
    "volume_per_active_day",
    "gross_pnl",
    "fees_usd",
    "net_pnl",
    "net_pnl_bps",
    "maker_share",
    "spot_flow_share",
    "flow_imbalance",
    "closing_fills",
    "winning_closes",
    "losing_closes",
    "fill_win_rate",
    "closed_positions",
    "winning_positions",
    "losing_positions",
    "position_win_rate",
    "profit_factor",
    "top_trade_share",
    "sharpe_ratio",
    "sortino_ratio",
    "max_drawdown",
    *CURVE_MEASURES,
    "mean_holding_seconds",
    "median_holding_seconds",
    "weighted_holding_seconds",
    "long_share",
    "coin_hhi",
    "liquidation_count",
    "liquidation_fills",
    "liquidation_share",
    "confidence",
)
"""Every metric, in the order of `trader_profiles`; a rule may name any of them."""

WHOLE_NUMBERS = (
    "active_days",
    "calendar_days",
    "fill_count",
    "closing_fills",
    "winning_closes",
    "losing_closes",
    "closed_positions",
    "winning_positions",
    "losing_positions",
    "liquidation_count",
    "liquidation_fills",
)
"""Those that count something."""
