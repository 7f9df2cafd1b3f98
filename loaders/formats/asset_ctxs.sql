-- Hyperliquid's asset contexts, `asset_ctxs/20260918.csv.lz4`: one row per minute and coin.
--
-- time,coin,funding,open_interest,prev_day_px,day_ntl_vlm,premium,oracle_px,mark_px,mid_px,impact_bid_px,impact_ask_px
-- 2026-09-18T00:00:00Z,BTC,0.0000125,31245.88,64900.0,2154873651.91,-0.00031,65012.0,65001.0,65000.5,64999.0,65002.0
--
-- Variables: `positions` is the position of each column in the header, from 1; `columns` is
-- their number. A coin without an order book has no premium, mid price or impact prices.
with

texts as (

    select
        line_number,
        line,
        len(c) as width,
        nullif(c[getvariable('positions').time], '') as time,
        nullif(c[getvariable('positions').coin], '') as coin,
        nullif(c[getvariable('positions').funding], '') as funding,
        nullif(c[getvariable('positions').open_interest], '') as open_interest,
        nullif(c[getvariable('positions').oracle_px], '') as oracle_px,
        nullif(c[getvariable('positions').mark_px], '') as mark_px,
        nullif(c[getvariable('positions').mid_px], '') as mid_px,
        nullif(c[getvariable('positions').premium], '') as premium,
        nullif(c[getvariable('positions').prev_day_px], '') as prev_day_px,
        nullif(c[getvariable('positions').day_ntl_vlm], '') as day_ntl_vlm,
        nullif(c[getvariable('positions').impact_bid_px], '') as impact_bid_px,
        nullif(c[getvariable('positions').impact_ask_px], '') as impact_ask_px
    from csv_rows
    where line_number > 1

)

select
    line_number,
    zoned_microseconds(time) // 1000 as time,
    coin,
    decimal_of(funding) as funding,
    decimal_of(open_interest) as open_interest,
    decimal_of(oracle_px) as oracle_px,
    decimal_of(mark_px) as mark_px,
    decimal_of(mid_px) as mid_px,
    decimal_of(premium) as premium,
    decimal_of(prev_day_px) as prev_day_px,
    decimal_of(day_ntl_vlm) as day_ntl_vlm,
    decimal_of(impact_bid_px) as impact_bid_px,
    decimal_of(impact_ask_px) as impact_ask_px,
    coalesce(
        case
            when width <> getvariable('columns')
                then 'line has ' || width || ' columns, not ' || getvariable('columns')
        end,
        no_zoned_time('time', time),
        case when coin is null then 'coin is missing' end,
        no_decimal('funding', funding),
        no_quantity('open_interest', open_interest),
        no_quantity('oracle_px', oracle_px),
        no_quantity('mark_px', mark_px),
        no_quantity('prev_day_px', prev_day_px),
        no_quantity('day_ntl_vlm', day_ntl_vlm),
        case when premium is not null then no_decimal('premium', premium) end,
        case when mid_px is not null then no_quantity('mid_px', mid_px) end,
        case
            when impact_bid_px is not null
                then no_quantity('impact_bid_px', impact_bid_px)
        end,
        case
            when impact_ask_px is not null
                then no_quantity('impact_ask_px', impact_ask_px)
        end
    ) as reason,
    case when reason is not null then line end as refused
from texts
