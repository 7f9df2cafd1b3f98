{#
    The checked config of a hypertable model, as a dictionary with the same keys as those of
    declared_tables:

        config(
            materialized='hypertable',
            unique_key=['ts', 'exchange'],              optional: rows are merged by it
            incremental_strategy='merge',               or 'sync', 'append', …
            indexes=[{'columns': ['exchange', 'ts desc']}],
            meta={'timescale': {
                'time_column': 'ts',
                'time_unit': 'ms',                      only for an integer time
                'chunk_interval': '1 day',
                'columnstore': {'after': '7 days', 'segment_by': […], 'order_by': […]},
                'retention': {'drop_after': '90 days'},
                'reorder': {'index': 'name of an index'},
                'dimensions': [{'column': 'exchange', 'partitions': 4}],
            }},
        )

    An index has the same keys as that of a source: name (derived from its columns if
    absent), columns, unique, method or type, with, where.
#}
{% macro hypertable_spec() -%}
    {%- set settings = config.get('meta', {}).get('timescale', {}) -%}
    {%- set known = [
        'time_column', 'time_unit', 'chunk_interval', 'dimensions', 'columnstore',
        'retention', 'reorder',
    ] -%}
    {%- for key in settings if key not in known -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ ": unknown key '" ~ key ~ "' in meta.timescale; known are "
            ~ known | join(', ') ~ "."
        ) -%}
    {%- endfor -%}
    {%- for key in ['time_column', 'chunk_interval'] if settings.get(key) is none -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ ": a hypertable needs meta.timescale." ~ key ~ ", as in meta={"
            ~ "'timescale': {'time_column': 'ts', 'chunk_interval': '1 day'}}."
        ) -%}
    {%- endfor -%}
    {#- Raises an error for an invalid interval, on every edition, before anything is built. -#}
    {%- do interval_units(settings['chunk_interval'], settings.get('time_unit') or 'us') -%}

    {%- set unique_key = config.get('unique_key') -%}
    {%- set keys = [unique_key] if unique_key is string else unique_key or [] -%}
    {%- set strategy = config.get('incremental_strategy')
        or ('merge' if keys | length > 0 else 'append') -%}
    {%- if keys | length > 0 and settings['time_column'] not in keys -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ ": unique_key (" ~ keys | join(', ') ~ ") lacks the time column "
            ~ settings['time_column'] ~ ", which every unique index of a hypertable must"
            ~ " contain. Add it to unique_key."
        ) -%}
    {%- elif keys | length == 0 and strategy in ['merge', 'sync', 'delete+insert'] -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ ": incremental_strategy '" ~ strategy ~ "' finds rows by"
            ~ " unique_key. Set unique_key to the columns of the grain, or the strategy to"
            ~ " 'append'."
        ) -%}
    {%- endif -%}

    {%- set table = {
        'schema': this.schema,
        'name': this.identifier,
        'relation': this.schema ~ '.' ~ this.identifier,
        'columns': [],
        'primary_key': none,
        'unique_keys': [],
        'indexes': [],
        'plain_indexes': none,
        'unique_key': keys,
        'strategy': strategy,
    } -%}
    {%- for key in known -%}
        {%- do table.update({key: settings.get(key)}) -%}
    {%- endfor -%}
    {%- if keys | length > 0 -%}
        {%- do table['unique_keys'].append(hypertable_index({'columns': keys}, true)) -%}
    {%- endif -%}
    {%- for index in config.get('indexes') or [] -%}
        {%- do table['indexes'].append(hypertable_index(index)) -%}
    {%- endfor -%}
    {%- if table['indexes'] | length == 0 and keys | length == 0 -%}
        {%- do table['indexes'].append(
            hypertable_index({'columns': [settings['time_column'] ~ ' desc']})
        ) -%}
    {%- endif -%}
    {{ return(table) }}
{%- endmacro %}


{#
    An index of a model's config with all keys of a source's index. The name depends only on
    the definition, so that an existing index is recognised.
#}
{% macro hypertable_index(index, unique=false) -%}
    {%- set unique = unique or index.get('unique', false) -%}
    {%- set method = index.get('method') or index.get('type') or 'btree' -%}
    {%- set signature = local_md5(
        this.identifier ~ index['columns'] | join(',') ~ unique ~ method
        ~ (index.get('where') or '')
    ) -%}
    {{ return({
        'name': index.get('name') or this.identifier[:50] ~ '_' ~ signature[:8],
        'columns': index['columns'],
        'unique': unique,
        'method': method,
        'with': index.get('with'),
        'where': index.get('where'),
    }) }}
{%- endmacro %}


{#
    The statements that drop indexes which are no longer in the config. Such an index is
    recognised by its name, which hypertable_index gave it. Other indexes stay.
#}
{% macro undeclared_indexes(table, server) -%}
    {%- set declared = (table['unique_keys'] + table['indexes'])
        | map(attribute='name') | list -%}
    {%- set pattern = '^' ~ modules.re.escape(table['name'][:50]) ~ '_[0-9a-f]{8}$' -%}
    {%- set changes = [] -%}
    {%- for name in server['indexes'] if name not in declared
        and modules.re.match(pattern, name) is not none
    -%}
        {%- do changes.append({
            'summary': 'no longer declared: index ' ~ name,
            'sql': 'drop index ' ~ table['schema'] ~ '.' ~ adapter.quote(name),
        }) -%}
    {%- endfor -%}
    {{ return(changes) }}
{%- endmacro %}
