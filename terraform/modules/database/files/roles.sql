-- Roles, schemas, and what each role finds there. By psql as a superuser, in the database;
-- passwords in VIGIL_LOADER_PASSWORD and so on. Run again, it sets what differs.
\set ON_ERROR_STOP on
\getenv loader_password VIGIL_LOADER_PASSWORD
\getenv transformer_password VIGIL_TRANSFORMER_PASSWORD
\getenv reader_password VIGIL_READER_PASSWORD

begin;
-- No statement below reaches the server's log, where a password would be read.
set local log_statement = 'none';
set local log_min_duration_statement = -1;
set local log_min_error_statement = 'panic';
set local client_min_messages = 'warning';

select format('create role %I', name)
from unnest(array['vigil_loader', 'vigil_transformer', 'vigil_reader']) as name
where not exists (select from pg_roles where rolname = name)
\gexec

alter role vigil_loader with login nosuperuser nocreatedb nocreaterole noreplication
    nobypassrls noinherit connection limit 32 password :'loader_password';
alter role vigil_transformer with login nosuperuser nocreatedb nocreaterole noreplication
    nobypassrls noinherit connection limit 32 password :'transformer_password';
alter role vigil_reader with login nosuperuser nocreatedb nocreaterole noreplication
    nobypassrls noinherit connection limit 64 password :'reader_password';
alter role vigil_reader set statement_timeout = '5min';
alter role vigil_reader set default_transaction_read_only = on;

select format('create extension if not exists %I', name)
from pg_available_extensions
where name in ('vector', 'timescaledb')
order by name
\gexec

-- dbt makes schemas and temporary tables, the loader stages in temporary ones.
select format('revoke all on database %I from public', current_database()),
    format('grant connect, create, temporary on database %I to vigil_transformer', current_database()),
    format('grant connect, temporary on database %I to vigil_loader', current_database()),
    format('grant connect on database %I to vigil_reader', current_database())
\gexec
revoke create on schema public from public;

-- The transformer owns every schema and what dbt makes in it.
select format('create schema if not exists %I authorization vigil_transformer', name)
from unnest(array[
    'hyperliquid', 'market_data', 'ingestion', 'ops', 'reference', 'staging', 'analytics',
    'signals'
]) as name
\gexec

grant usage on schema hyperliquid, market_data, ingestion, ops to vigil_loader;
grant usage on schema analytics, signals, market_data, reference to vigil_reader;

-- dbt replaces tables as it builds: the reader's right comes with each new one.
alter default privileges for role vigil_transformer
    in schema analytics, signals, market_data, reference
    grant select on tables to vigil_reader;
commit;
