{#
    Creates the function `hyperliquid.last_of_ties`, where it is missing or another one: which
    of a user's fills in a coin is the last, where the last millisecond holds buys and sells
    of which no block is known. Rollups can call a function, but hold no subquery.

    Its arguments are arrays with an element per fill, in the order of `fill_order`: times
    (NULL where the block is known), places in the file, positions before and after, prices,
    and reported profits. It returns the place of the last fill in the arrays, from 1. The
    rules are those of python_jobs/lib/ordering.py and trails.py as far as they decide which
    fill is last; tests/python/test_fill_order.py compares the two.
#}
{% macro create_last_of_ties() -%}
    {%- if not execute or not flags.INTROSPECT -%}
        {{ return('') }}
    {%- endif -%}
    {%- set found = run_query(
        "select prosrc from pg_proc where proname = 'last_of_ties'"
        ~ " and pronamespace = to_regnamespace('hyperliquid')"
    ) -%}
    {%- if found.rows | map(attribute=0) | list != [last_of_ties_sql()] -%}
        {%- do run_query(
            'create or replace function hyperliquid.last_of_ties('
            ~ 'times bigint[], places integer[], starts numeric[], ends numeric[],'
            ~ ' pxs numeric[], pnls numeric[]'
            ~ ') returns integer language sql immutable parallel safe as $$'
            ~ last_of_ties_sql() ~ '$$'
        ) -%}
    {%- endif -%}
{%- endmacro %}


{% macro last_of_ties_sql() %}
    with recursive

    -- Each fill leads from one position to another. A known block is a group by itself.
    fills as (
        select
            fill.i::integer as i,
            coalesce(fill.time, -fill.i) as time,
            fill.start_at,
            fill.end_at,
            fill.px,
            fill.closed_pnl,
            row_number() over (
                order by fill.time, coalesce(fill.place, 0), fill.i
            ) as place
        from
            unnest(times, places, starts, ends, pxs, pnls) with ordinality
                as fill (time, place, start_at, end_at, px, closed_pnl, i)
    ),

    tied as (
        select * from fills
        where fills.time = times[cardinality(times)]
    ),

    -- Whether all fills together earned what their profits say, as they do when everything
    -- sold was bought among them. Asked where they pass through flat.
    profits as (
        select
            abs(
                sum(fills.closed_pnl + (fills.end_at - fills.start_at) * fills.px)
            ) <= 0.01 * count(*) as begin_flat
        from fills
        having
            bool_or(fills.start_at = 0)
            and count(*) = count(fills.closed_pnl)
    ),

    -- The position before: where the last earlier millisecond led that was no loop. If all
    -- were loops, they began flat if the profits say so, or else where the file begins.
    before as (
        select
            coalesce(
                (
                    select edges.position
                    from fills
                    cross join
                        lateral (
                            values (fills.start_at, 1), (fills.end_at, -1)
                        ) as edges (position, leaving)
                    where
                        fills.i < (select min(tied.i) from tied)
                        and edges.position is not null
                    group by
                        fills.time,
                        edges.position
                    having sum(edges.leaving) < 0
                    order by max(fills.i) desc
                    limit 1
                ),
                (
                    select fills.start_at
                    from fills
                    left join profits on true
                    order by
                        (fills.start_at = 0) is not distinct from profits.begin_flat desc,
                        fills.place
                    limit 1
                )
            ) as position
    ),

    -- How often fills leave a position, less how often they arrive there.
    balances as (
        select
            edges.position,
            sum(edges.leaving) as balance
        from tied
        cross join
            lateral (
                values (tied.start_at, 1), (tied.end_at, -1)
            ) as edges (position, leaving)
        group by edges.position
    ),

    -- The ends of a trail through all of them; a loop begins and ends at the position
    -- before.
    trail as (
        select
            coalesce(
                max(balances.position) filter (where balances.balance > 0),
                (
                    select tied.start_at
                    from tied
                    cross join before
                    order by
                        tied.start_at = before.position desc,
                        tied.place
                    limit 1
                )
            ) as first_position,
            max(balances.position) filter (where balances.balance < 0) as last_position
        from balances
        having coalesce(sum(balances.balance) filter (where balances.balance > 0), 0) <= 1
    ),

    reached (position) as (
        select trail.first_position
        from trail
        union distinct
        select tied.end_at
        from reached
        inner join tied
            on reached.position = tied.start_at
    ),

    last_of_trail as (
        select tied.i
        from tied
        inner join trail
            on tied.end_at = coalesce(trail.last_position, trail.first_position)
        where not exists (
            select 1
            from tied as other
            where other.start_at not in (select reached.position from reached)
        )
        order by tied.place desc
        limit 1
    ),

    -- Where something is missing: the chain as far as it goes, then from where nothing leads.
    walk (position, taken, i) as (
        select
            before.position,
            '{}'::integer[],
            null::integer
        from before
        where not exists (select 1 from last_of_trail)
        union all
        select
            step.end_at,
            walk.taken || step.i,
            step.i
        from walk
        cross join
            lateral (
                select tied.*
                from tied
                where tied.i <> all(walk.taken)
                order by
                    tied.start_at = walk.position desc,
                    exists (
                        select 1
                        from tied as other
                        where
                            other.i <> all(walk.taken)
                            and other.end_at = tied.start_at
                    ),
                    tied.start_at,
                    tied.place
                limit 1
            ) as step
    ),

    last_of_walk as (
        select walk.i
        from walk
        order by cardinality(walk.taken) desc
        limit 1
    )

    select
        case
            when bool_and(tied.start_at is not null)
                then coalesce(
                    (select last_of_trail.i from last_of_trail),
                    (select last_of_walk.i from last_of_walk)
                )
            else (array_agg(tied.i order by tied.place desc))[1]
        end
    from tied
{% endmacro %}
