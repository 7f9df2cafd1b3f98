"""BTC ticks: recordings and replays of many venues into one table."""
