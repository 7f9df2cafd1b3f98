-- Why order-book messages are refused: field, error and value.
select
    line_number,
    case
        when book_kind is null then unknown_message(body)
        else coalesce(
            case
                when book_kind <> 'snapshot' and coalesce(symbol, '') = ''
                    then 's is missing'
            end,
            case
                when event_name is not null and event_time is null
                    then no_time('E', f[1])
            end,
            case
                when last_id is null and book_kind = 'snapshot'
                    then no_update_id('lastUpdateId', f[11])
                when last_id is null then no_update_id('u', f[9])
                when book_kind = 'update' and first_number is null
                    then no_update_id('U', f[8])
                when previous_id is null and f[10] is not null
                    then no_update_id('pu', f[10])
            end,
            case
                when book_kind = 'quote'
                    then coalesce(
                        no_plain_amount('b', f[4]),
                        no_plain_amount('B', f[5]),
                        no_plain_amount('a', f[6]),
                        no_plain_amount('A', f[7]),
                        'b is not below a ' || f[6] || shown(f[4])
                    )
                when book_kind = 'update'
                    then coalesce(no_levels('b', bids), no_levels('a', asks))
                else coalesce(no_levels('bids', bids), no_levels('asks', asks))
            end
        )
    end as reason
from messages
where is_sound is false
