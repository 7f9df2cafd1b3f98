-- What the loader does to which table: nothing more, and nothing to what dbt builds. The
-- tables are made by the transformer (`dbt run-operation create_sources`), so this is run
-- once more after that; a right that is there already is not granted again.
\set ON_ERROR_STOP on

begin;
select format('grant %s on %s to vigil_loader', privilege, relation)
from (
    values
        ('hyperliquid.fills', 'select, insert'),
        ('market_data.btc_ticks', 'select, insert'),
        ('market_data.window_5m', 'select, insert, update'),
        ('ingestion.load_log', 'select, insert'),
        ('ingestion.quarantine', 'insert'),
        ('ingestion.stream_offsets', 'select, insert, update'),
        ('ingestion.sequence_runs', 'select, insert, update, delete'),
        ('ingestion.applied_loads', 'select'),
        ('ops.retention_marks', 'select')
) as needed (relation, privileges)
cross join lateral regexp_split_to_table(privileges, ', ') as privilege
where to_regclass(relation) is not null
    and not has_table_privilege('vigil_loader', to_regclass(relation), privilege)
\gexec

-- Ids are drawn from the sequences of identity columns.
select format('grant usage on sequence %s to vigil_loader', sequence_name)
from (
    values ('ingestion.load_log', 'load_id'), ('ingestion.quarantine', 'quarantine_id')
) as needed (relation, column_name)
cross join lateral (
    select
        case
            when to_regclass(relation) is not null
                then pg_get_serial_sequence(relation, column_name)
        end as sequence_name
) as found
where sequence_name is not null
    and not has_sequence_privilege('vigil_loader', sequence_name, 'usage')
\gexec
commit;
