"""A tape of Hyperliquid fills.

`traders` makes the population, `market` the prices of the whole tape. Part by part of a
day, `orders` draws who acts when, on which coin, and what they expect of the price;
`exchange` goes through these orders one by one, because what an order does depends on
the position it meets: it chooses side, size and counterparty, and writes both legs
with positions, PnL and fees. The exchange's own acts (dust conversion, netting of
vaults, a delisting) come first in a day. `contexts` has marks, oracle prices and
funding rates: who holds a perpetual just before a full hour is paid minus size times
oracle price times rate. `printing` turns the rows into columns of text and writes the
files; `truth` folds the same rows into the episodes that a reader should find, and
`accounts` says from the exchange's books what each trader was paid and worth at each
day's end. `run` is the loop over the parts.

Prices, sizes, positions, fees and PnL are scaled integers throughout. `closedPnl` is
average cost, gross of fees, in units of 1e-6 USD (spot 1e-8), and adds up over an
episode to the cash that its fills moved, to the last digit.

Within a block the fills of one trader in one coin are on one side, but for a last,
smaller one back: so `startPosition` alone gives their order, as files without event
numbers need it.
"""
