"""A synthetic exchange that writes fills as Hyperliquid's tape has them."""
