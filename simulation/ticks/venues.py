"""The venues that can be simulated."""

from __future__ import annotations

from dataclasses import dataclass

#: A batch of a venue's rows; price and size are integers.
TICK = [
    ("seq", "i8"),  # the venue's trade id
    ("ts", "i8"),  # µs since the epoch
    ("price", "i8"),  # in units of 10 ** -price_places
    ("size", "i8"),  # in units of 10 ** -size_places; contracts where these are traded
    ("side", "i1"),  # the aggressor's: 1 bought, -1 sold
    ("kind", "i1"),  # one of the next three
    ("order", "i8"),  # trades of one taker order share it; counts up from 0 in a batch
]
#: What a row of a venue's stream is.
TRADE, INSURANCE_FUND, ADL = range(3)

#: A tape's ids start where a venue with so many ids a day would be.
IDS_PER_DAY = 1_000_000
_2025 = 1_735_689_600_000_000
_NEVER = 2**62


@dataclass(frozen=True)
class Venue:
    """One venue and instrument.

    Attributes
    ----------
    name
        As in `btc_ticks.exchange`.
    symbol
        The instrument in the venue's spelling.
    share
        Its part of all trades, before division by the sum over the venues.
    price_places, size_places
        Digits behind the point; the last one of a price is the tick.
    basis
        Its price over the common one, less one.
    first_id
        The trade id of the first day of 2020.
    microseconds_from
        Times before this one, µs since the epoch, have no more than milliseconds.
    is_consecutive
        Ids count up by one.
    contract_usd
        Sizes are contracts of so many dollars, not bitcoins, unless it is 0.
    has_other_rows
        The stream carries rows that are no market trades.
    """

    name: str
    symbol: str
    share: float
    price_places: int
    size_places: int
    basis: float
    first_id: int
    microseconds_from: int = 0
    is_consecutive: bool = True
    contract_usd: int = 0
    has_other_rows: bool = False


VENUES = (
    Venue("binance_spot", "BTCUSDT", 5.0, 2, 8, 0.0, 3_000_000_000, _2025),
    Venue(
        *("binance_usdm", "BTCUSDT", 2.0, 1, 3, -0.0004, 4_000_000_000, _NEVER),
        has_other_rows=True,
    ),
    Venue(
        *("binance_coinm", "BTCUSD_PERP", 1.0, 1, 0, 0.0003, 700_000_000, _NEVER),
        contract_usd=100,
        has_other_rows=True,
    ),
    # Aggregated trades have ids of their own: a venue of its own for the store.
    Venue(
        *("binance_usdm_aggtrade", "BTCUSDT", 1.0, 1, 3, -0.0004, 2_000_000_000),
        microseconds_from=_NEVER,
    ),
    Venue("coinbase", "BTC-USD", 1.5, 2, 8, 0.0002, 600_000_000),
    Venue("kraken", "BTC/USD", 0.7, 1, 8, 0.00025, 60_000_000),
    Venue(
        *("bitstamp", "BTC/USD", 0.4, 0, 8, 0.00015, 200_000_000), is_consecutive=False
    ),
    # Somebody's own table of trades, with columns of their choosing.
    Venue("desk", "BTC-USD", 0.4, 2, 6, 0.0001, 1, is_consecutive=False),
)

BY_NAME = {venue.name: venue for venue in VENUES}
