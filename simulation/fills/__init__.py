"""A synthetic exchange that writes fills as Hyperliquid's tape has them.

`market` walks prices, `agents` makes the traders, `orders` draws who acts when;
`exchange` takes the orders one by one (`decisions`, `matching`, `liquidation`,
`housekeeping`, `settlement`, compiled) and fills a buffer of rows; `tape` and `archive`
print them into files; `ledger` and `truth` keep what a reader should have found.

Prices, sizes, positions, fees and PnL are scaled integers throughout. `closedPnl` is
average cost, gross of fees, in units of 1e-6 USD (spot 1e-8): a partial close releases
its exact share of the entry notional, rounded down, so that over an episode the PnL of
the fills adds up to the cash they moved, to the last digit.
"""
